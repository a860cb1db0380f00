package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mox/autotls"
	"mox/dns"
	"mox/internal/ctl"
)

func configCertificatesCommand() *cobra.Command {
	var p certificatesParams
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "certificates [host ...]",
		Short: "Show the certificates of the running server",
		Long: `Certificates shows the TLS certificates of the running server: those that it
requests from CAs over ACME, for each host name, with when they expire, when
the next request is due and what went wrong with the last one; and those of
files. With host names only these are shown.

States are: valid; pending, the first certificate is being requested; failing,
there is none and requests fail; expiring, it should have been renewed by now;
and expired. If one is failing, expiring or expired, the exit code is 1.

A damaged file with a key or an account was moved aside, and a new one made. It
is named for as long as it is there. With a new key, TLSA records of the old one
have to be changed, and with a new account CAA records that name the old one.

With --retry, certificates that failed are requested now and not when their
time has come, e.g. after a DNS record was corrected. What a CA asks for, such
as to wait because of a rate limit, is obeyed all the same.`,
		Example: `  mox config certificates
  mox config certificates --json
  mox config certificates --retry mail.example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, arg := range args {
				d, err := dns.ParseDomain(arg)
				if err != nil {
					return usageError{fmt.Errorf("%q is not a host name: %w", arg, err)}
				}
				p.Hosts = append(p.Hosts, d.ASCII)
			}
			return withRunningServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				var l []hostCertificates
				if err := c.Call(ctx, "config.certificates", p, ctl.Streams{}, &l); err != nil {
					return err
				}
				if err := writeCertificates(cmd.OutOrStdout(), l, asJSON, time.Now()); err != nil {
					return err
				}
				return badCertificates(l)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&p.Retry, "retry", false, "request certificates that failed now")
	return cmd
}

// certificatesParams say which certificates to show.
type certificatesParams struct {
	Hosts []string // In ASCII; empty for all.
	Retry bool
}

// Where certificates are from.
const (
	sourceACME = "acme"
	sourceFile = "file"
)

// hostCertificates are the certificates of a host, or a certificate of a file.
type hostCertificates struct {
	Host         string            `json:"host"` // Of a file: its names, with spaces between.
	Source       string            `json:"source"`
	State        autotls.State     `json:"state"`
	Certificates []hostCertificate `json:"certificates"`

	// Of ACME.
	Requesting  bool       `json:"requesting"`
	NextAttempt *time.Time `json:"nextAttempt,omitempty"`
	LastAttempt *time.Time `json:"lastAttempt,omitempty"`
	LastSuccess *time.Time `json:"lastSuccess,omitempty"`
	Failures    int        `json:"failures"`              // Attempts in a row.
	FailureKind string     `json:"failureKind,omitempty"` // As autotls.FailureKind.
	Error       string     `json:"error,omitempty"`
	Challenge   string     `json:"challenge,omitempty"`
	Damaged     []string   `json:"damaged,omitempty"` // Files that could not be used, as they are named now.

	// Of a file: the listener or website.
	Of string `json:"of,omitempty"`
}

// hostCertificate is a certificate.
type hostCertificate struct {
	KeyType   string    `json:"keyType"`
	CA        string    `json:"ca,omitempty"` // Name in mox.conf.
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

// status returns how all certificates are off.
func (c *certificates) status(now time.Time) []hostCertificates {
	l := []hostCertificates{}
	if c.acme != nil {
		for _, s := range c.acme.Status() {
			l = append(l, acmeStatus(s))
		}
	}
	for _, f := range fileCertificates(c.live.Current()) {
		keyType := strings.ToLower(f.leaf.PublicKeyAlgorithm.String())
		if t, err := autotls.TypeOf(f.leaf.PublicKey); err == nil {
			keyType = string(t)
		}
		l = append(l, hostCertificates{
			Host:   f.names(),
			Source: sourceFile,
			State:  fileState(f.leaf, now),
			Of:     f.of,
			Certificates: []hostCertificate{{
				KeyType:   keyType,
				Issuer:    f.leaf.Issuer.String(),
				Serial:    f.leaf.SerialNumber.Text(16),
				NotBefore: f.leaf.NotBefore,
				NotAfter:  f.leaf.NotAfter,
			}},
		})
	}
	return l
}

// acmeStatus returns the form for JSON of a status.
func acmeStatus(s autotls.Status) hostCertificates {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	h := hostCertificates{
		Host:         s.Host.ASCII,
		Source:       sourceACME,
		State:        s.State,
		Certificates: []hostCertificate{},
		Requesting:   s.Requesting,
		NextAttempt:  moment(s.NextAttempt),
		LastAttempt:  moment(s.LastAttempt),
		LastSuccess:  moment(s.LastSuccess),
		Failures:     s.Failures,
		Challenge:    string(s.Challenge),
		Damaged:      s.Damaged,
	}
	if s.Failure != nil {
		h.FailureKind, h.Error = string(s.Failure.Kind), s.Failure.Text
	}
	for _, c := range s.Certificates {
		h.Certificates = append(h.Certificates, hostCertificate{string(c.KeyType), c.CA, c.Issuer, c.Serial, c.NotBefore, c.NotAfter})
	}
	return h
}

// configCertificates answers what certificates there are.
func (o *operations) configCertificates(_ context.Context, c *ctl.Call) (any, error) {
	var p certificatesParams
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	if o.certificates == nil {
		return nil, ctl.ErrNotRunning
	}
	if p.Retry && o.certificates.acme != nil {
		var names []dns.Domain
		for _, s := range o.certificates.acme.Status() {
			if slices.Contains(p.Hosts, s.Host.ASCII) {
				names = append(names, s.Host)
			}
		}
		if len(names) > 0 || len(p.Hosts) == 0 {
			o.certificates.acme.Retry(names...)
		}
	}
	all := o.certificates.status(time.Now())
	if len(p.Hosts) == 0 {
		return all, nil
	}
	l := []hostCertificates{}
	for _, host := range p.Hosts {
		found := false
		for _, s := range all {
			if slices.Contains(strings.Fields(s.Host), host) {
				l, found = append(l, s), true
			}
		}
		if !found {
			return nil, fmt.Errorf("the server has no certificate for %s, and requests none; names of listeners with ACME, of domains and of websites have one", host)
		}
	}
	return l, nil
}

// writeCertificates prints certificates.
func writeCertificates(w io.Writer, l []hostCertificates, asJSON bool, now time.Time) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "\t")
		return enc.Encode(l)
	}
	if len(l) == 0 {
		_, err := fmt.Fprintln(w, "there are no certificates; set TLS of a listener in mox.conf")
		return err
	}
	var b strings.Builder
	for _, h := range l {
		fmt.Fprintf(&b, "%s: %s\n", h.Host, h.State)
		for _, c := range h.Certificates {
			from := "issuer " + c.Issuer
			if c.CA != "" {
				from = c.CA + ", " + from
			}
			if h.Of != "" {
				from = h.Of + ", " + from
			}
			fmt.Fprintf(&b, "  %s until %s (%s), %s\n", c.KeyType, c.NotAfter.UTC().Format(time.RFC3339), roughly(c.NotAfter.Sub(now)), from)
		}
		switch {
		case h.Source != sourceACME:
		case h.Requesting:
			b.WriteString("  is being requested\n")
		case h.NextAttempt == nil || !h.NextAttempt.After(now):
			b.WriteString("  request is due\n")
		default:
			fmt.Fprintf(&b, "  next request %s (%s)\n", h.NextAttempt.UTC().Format(time.RFC3339), roughly(h.NextAttempt.Sub(now)))
		}
		if h.Error != "" {
			fmt.Fprintf(&b, "  failed %d times: %s\n", h.Failures, h.Error)
		}
		for _, file := range h.Damaged {
			fmt.Fprintf(&b, "  damaged file was moved to %s; remove it when you have looked into that\n", file)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// roughly returns a span of time in its largest unit.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "over"
	case d >= 2*day:
		return fmt.Sprintf("in %d days", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("in %d hours", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("in %d minutes", d/time.Minute)
	}
	return fmt.Sprintf("in %d seconds", d/time.Second)
}

// badCertificates returns an error that counts hosts whose certificates need somebody.
func badCertificates(l []hostCertificates) error {
	n := 0
	for _, h := range l {
		switch h.State {
		case autotls.StateFailing, autotls.StateExpiring, autotls.StateExpired:
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("one host has no certificate that is good for a while")
	}
	return fmt.Errorf("%d hosts have no certificate that is good for a while", n)
}
