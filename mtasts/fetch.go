package mtasts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"time"

	"mox/dns"
	"mox/internal/netguard"
)

// Limits on what a server may take and send (RFC 8461 §3.3).
const (
	FetchTimeout  = time.Minute
	MaxPolicySize = 64 << 10 // Bytes.

	connectTimeout = 10 * time.Second // For one address.
)

// Errors of FetchPolicy and Fetch, for errors.Is. They are the kinds that RFC 8460 §4.3 reports: sts-policy-fetch-error,
// sts-webpki-invalid and, for ErrPolicy, sts-policy-invalid. Without a policy that is remembered, senders deliver after
// any of them as if the domain had none (RFC 8461 §3.3), and ask again after five minutes at the earliest.
var (
	ErrFetch       = errors.New("MTA-STS policy cannot be fetched")
	ErrCertificate = errors.New("server of the MTA-STS policy has no valid certificate")
)

// StatusError is the status of a response of HTTP that is not the policy. It is wrapped by ErrFetch errors.
type StatusError int

func (e StatusError) Error() string {
	if e >= 300 && e < 400 {
		return fmt.Sprintf("the server answers with status %d, a redirect, which is not followed (RFC 8461 §3.3)", int(e))
	}
	return fmt.Sprintf("the server answers with status %d, and not 200", int(e))
}

// FetchOptions are for Fetch and FetchPolicy. They are not changed, and may be shared by concurrent calls.
type FetchOptions struct {
	Resolver dns.Resolver // For the record, and the addresses of the server. Required.

	// DialContext connects to an address and port, with network "tcp". Default: that of a net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// Guard says which addresses may be connected to. The zero Guard allows those on the public Internet: the domain
	// may be a stranger's, whose server is not to lead into networks behind this one.
	Guard netguard.Guard

	// RootCAs are who certificates of servers are to come from. Default: those that the system trusts.
	RootCAs *x509.CertPool
}

// Fetched is the policy of a domain, with what is known about it.
type Fetched struct {
	Record Record
	Policy Policy

	// Text is the policy as it was served, for people. It comes from a stranger.
	Text string

	// Authentic tells that DNSSEC authenticated the record, or that there is none. The policy counts without that.
	Authentic bool
}

// Fetch looks up the record of a domain, and if there is one fetches the policy (RFC 8461 §3). It takes up to
// FetchTimeout and the time of the lookup, unless the context ends before.
//
// It remembers nothing: who asks again compares Record.ID (LookupRecord) with that of the policy it has, keeps that for
// Policy.MaxAge from when it was fetched, and goes on with it when there is an error.
//
// Errors are those of LookupRecord (ErrNoRecord and ErrRecord: the domain has no policy) and of FetchPolicy. With an
// error, what was found until then is returned.
func Fetch(ctx context.Context, opts FetchOptions, domain dns.Domain) (f Fetched, err error) {
	record, res, err := LookupRecord(ctx, opts.Resolver, domain)
	f.Record, f.Authentic = record, res.Authentic
	if err == nil {
		f.Policy, f.Text, err = FetchPolicy(ctx, opts, domain)
	}
	return f, err
}

// FetchPolicy fetches the policy of a domain over HTTPS, without looking whether there is a record, and returns it with
// its text (RFC 8461 §3.3): the server must have a certificate that is valid for its name, answer with status 200, for
// redirects are not followed, and send text/plain of up to MaxPolicySize bytes. Where it may connect to several
// addresses, it tries one after the other.
//
// Errors wrap ErrFetch, ErrCertificate or ErrPolicy. With ErrPolicy the text is returned.
func FetchPolicy(ctx context.Context, opts FetchOptions, domain dns.Domain) (Policy, string, error) {
	ctx, cancel := context.WithTimeout(ctx, FetchTimeout)
	defer cancel()
	host, err := Host(domain)
	if err != nil {
		return Policy{}, "", fmt.Errorf("%w: %w", ErrFetch, err)
	}
	text, err := opts.get(ctx, host)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return Policy{}, "", fmt.Errorf("%w: %w", ErrCertificate, err)
	} else if err != nil && !errors.Is(err, ErrPolicy) {
		return Policy{}, "", fmt.Errorf("%w: %w", ErrFetch, err)
	} else if err != nil {
		return Policy{}, "", err
	}
	p, err := ParsePolicy(text)
	return p, text, err
}

// get returns the document at Path. Errors about what it is, and not about getting it, wrap ErrPolicy.
func (o *FetchOptions) get(ctx context.Context, host dns.Domain) (string, error) {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return o.dial(ctx, host, address)
		},
		// Names in certificates are those in subjectAltName only, and a wildcard is a whole label (RFC 8461 §3.3), as
		// crypto/x509 has it.
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, ServerName: host.ASCII, MinVersion: tls.VersionTLS12},
		MaxResponseHeaderBytes: MaxPolicySize,
		DisableCompression:     true,
		DisableKeepAlives:      true,
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host.ASCII+Path, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept", "text/plain")
	req.Header.Set("User-Agent", "mox")
	// Unlike a client, a transport does not follow redirects and has no cookies.
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", StatusError(resp.StatusCode)
	}
	// On servers where anybody can put pages this one might be theirs (RFC 8461 §3.2).
	// Parameters do not matter, also where they cannot be read.
	if contentType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); contentType != "text/plain" {
		return "", fmt.Errorf("%w: its Content-Type is %q, and not text/plain", ErrPolicy, resp.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxPolicySize+1))
	if err != nil {
		return "", err
	}
	if len(body) > MaxPolicySize {
		return "", fmt.Errorf("%w: it has more than %d bytes", ErrPolicy, MaxPolicySize)
	}
	return string(body), nil
}

// dial connects to one of the addresses of the host, at the port of an address.
func (o *FetchOptions) dial(ctx context.Context, host dns.Domain, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ips, _, err := o.Resolver.LookupIP(ctx, "ip", host.Absolute())
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, ip := range ips {
		conn, err := o.dialIP(ctx, ip, port)
		if err == nil {
			return conn, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, joinErrors(failed)
}

// dialIP connects to an address, if that is allowed.
func (o *FetchOptions) dialIP(ctx context.Context, ip netip.Addr, port string) (net.Conn, error) {
	if err := o.Guard.Check(ip); err != nil {
		return nil, err
	}
	dial := o.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return dial(ctx, "tcp", net.JoinHostPort(ip.String(), port))
}

// joinErrors returns an error with the texts of others on one line.
func joinErrors(l []error) error {
	err := l[0]
	for _, e := range l[1:] {
		err = fmt.Errorf("%w; %w", err, e)
	}
	return err
}
