package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mjl-/sconf"
	"github.com/spf13/cobra"
	"golang.org/x/crypto/bcrypt"

	"mox/config"
	"mox/internal/atomicfile"
	"mox/internal/logging"
	"mox/store"
)

// What localserve sets up. The ports are the usual ones plus 1000.
const (
	localAccount       = "mox"
	localAddress       = "mox@localhost"
	localPassword      = "moxmoxmox"
	localAdminPassword = "moxadmin"
)

func localserveCommand() *cobra.Command {
	var dir, ip, logLevel string
	var initOnly bool
	cmd := &cobra.Command{
		Use:   "localserve",
		Short: "Run a mail server on localhost, for trying out and developing",
		Long: `Localserve runs the whole mail server on localhost, to try mox out, or to
develop software that sends or reads mail. Nothing leaves the machine.

Mail is accepted for any address; what belongs to nobody goes to the account
mox@localhost, password moxmoxmox, from which mail with any sender may be
submitted. Submitted mail passes through the queue and comes back to the same
server. There are no delays and no limits for clients on this machine.

    SMTP         1025        IMAP    1143
    submission   1587        IMAPS   1993
    submissions  1465 (TLS)  HTTP    1080
                             HTTPS   1443

Ports without TLS offer STARTTLS, and logins without it too. The certificate is
self-signed. The admin password is moxadmin.

To see how software copes with errors, send to an address whose part before the
@ ends in

    temperror, permerror   a temporary or permanent error
    4xx or 5xx             an error with that code, e.g. bob452
    timeout                no answer, until the client gives up

The error comes after the message was sent, or if the address begins with
"rcptto", at RCPT TO. A sender that begins with "mailfrom" gets it at MAIL FROM.
A recipient that begins with "queue" is accepted at submission, and fails when
the queue delivers it, with the error it ends in, or else a permanent one.

Configuration, certificate and mail are kept in a directory, by default
mox-localserve in the user's directory for configuration. It is made at the
first start; its mox.conf and domains.conf may be changed. Remove it to begin
anew.`,
		Example: `  mox localserve
  mox localserve --dir /tmp/mail --ip 127.0.0.2`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			mode := &config.Localserve{Account: localAccount}
			if ip != "" {
				addr, err := netip.ParseAddr(ip)
				if err != nil {
					return usagef("--ip %q is not an IP address", ip)
				}
				mode.IPs = []netip.Addr{addr.Unmap()}
			}
			level := slog.LevelInfo
			if logLevel != "" {
				var err error
				if level, err = logging.ParseLevel(logLevel); err != nil {
					return usageError{err}
				}
			}
			if dir == "" {
				var err error
				if dir, err = localserveDir(); err != nil {
					return fmt.Errorf("%w; name a directory with --dir", err)
				}
			}
			dir, err := filepath.Abs(dir)
			if err != nil {
				return err
			}
			if err := initLocalserve(cmd.Context(), dir, mode); err != nil {
				return fmt.Errorf("setting up %s: %w", dir, err)
			}
			if initOnly {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "configuration is in %s\n", dir)
				return err
			}
			return runLocalserve(cmd, dir, mode, logLevel != "", level)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory for configuration and mail")
	cmd.Flags().StringVar(&ip, "ip", "", "address to listen on, instead of those of localhost")
	cmd.Flags().BoolVar(&initOnly, "initonly", false, "make the directory, and do not serve")
	cmd.Flags().StringVar(&logLevel, "loglevel", "", "log level, instead of that in mox.conf: error, info, debug, trace, traceauth, tracedata")
	return cmd
}

func runLocalserve(cmd *cobra.Command, dir string, mode *config.Localserve, setLevel bool, level slog.Level) error {
	settled, unset := leaveHeap()
	defer unset()
	var levels logging.Levels
	opts := serveOptions{
		config: config.Options{Path: filepath.Join(dir, "mox.conf"), Localserve: mode},
		log:    logging.New(cmd.ErrOrStderr(), &levels),
		levels: &levels,
		ready: func(cfg *config.Config, sockets []socket) {
			printLocalserve(cmd.OutOrStdout(), dir, sockets)
		},
		settled: settled,
	}
	if setLevel {
		levels.Set(level, nil)
		opts.keepLevels = true
	}
	return serve(cmd.Context(), opts)
}

// printLocalserve tells people where everything is.
func printLocalserve(w io.Writer, dir string, sockets []socket) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "mox %s serves on localhost. Any address receives mail, nothing leaves this machine.\n\n", version())
	for _, s := range sockets {
		fmt.Fprintf(&b, "  %-13s %s\n", printedName(s), s.Addr())
	}
	fmt.Fprintf(&b, "\n  account         %s\n  password        %s\n  admin password  %s\n  directory       %s\n\n", localAddress, localPassword, localAdminPassword, dir)
	fmt.Fprintf(&b, "Ctrl-C stops.\n")
	w.Write(b.Bytes())
}

// printedName returns what people call a service.
func printedName(s socket) string {
	switch {
	case s.web == nil:
		return s.name
	case s.web.TLS:
		return "HTTPS"
	}
	return "HTTP"
}

// initLocalserve makes the directory with configuration, certificate and account,
// unless it is there. Mox.conf is written last: without it the directory is not
// complete, and made again.
func initLocalserve(ctx context.Context, dir string, mode *config.Localserve) error {
	path := filepath.Join(dir, "mox.conf")
	if _, err := os.Stat(path); err == nil {
		return renewLocalCertificate(dir, mode.IPs)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := writeLocalCertificate(dir, mode.IPs); err != nil {
		return err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(localAdminPassword), bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, "adminpasswd"), append(hash, '\n'), 0o600); err != nil {
		return err
	}
	if err := makeAccount(ctx, accountsDir(filepath.Join(dir, "data")), localAccount, localPassword); err != nil {
		return err
	}
	static, dynamic := localConfig()
	if err := writeConfig(filepath.Join(dir, "domains.conf"), &dynamic); err != nil {
		return err
	}
	return writeConfig(path, &static)
}

func writeConfig(path string, v any) error {
	var b bytes.Buffer
	if err := sconf.WriteDocs(&b, v); err != nil {
		return err
	}
	return atomicfile.Write(path, b.Bytes(), 0o600)
}

// localConfig returns what is written to the configuration files.
func localConfig() (config.Static, config.Dynamic) {
	static := config.Static{
		DataDir:           "data",
		LogLevel:          "info",
		Hostname:          "localhost",
		AdminPasswordFile: "adminpasswd",
		Listeners: map[string]config.StaticListener{
			"local": {
				IPs:          []string{"127.0.0.1", "::1"},
				TLS:          &config.StaticTLS{KeyCerts: []config.StaticKeyCert{{CertFile: "localhost.crt.pem", KeyFile: "localhost.key.pem"}}},
				SMTP:         config.StaticSMTP{Enabled: true, Port: 1025},
				Submission:   config.StaticPlaintext{Enabled: true, Port: 1587, NoRequireSTARTTLS: true},
				Submissions:  config.StaticImplicitTLS{Enabled: true, Port: 1465},
				IMAP:         config.StaticPlaintext{Enabled: true, Port: 1143, NoRequireSTARTTLS: true},
				IMAPS:        config.StaticImplicitTLS{Enabled: true, Port: 1993},
				WebmailHTTP:  config.StaticWebService{Enabled: true, Port: 1080},
				WebmailHTTPS: config.StaticWebService{Enabled: true, Port: 1443},
				MetricsHTTP:  config.StaticService{Enabled: true, Port: 1080},
				MetricsHTTPS: config.StaticService{Enabled: true, Port: 1443},
			},
		},
		Postmaster: config.StaticPostmaster{Account: localAccount, Mailbox: "Inbox"},
	}
	dynamic := config.Dynamic{
		Domains: map[string]config.DynamicDomain{"localhost": {LocalpartCatchallSeparators: []string{"+"}}},
		Accounts: map[string]config.DynamicAccount{
			localAccount: {
				Domain:                       "localhost",
				FullName:                     "Mox",
				Destinations:                 map[string]config.DynamicDestination{localAddress: {}},
				MaxOutgoingMessagesPerDay:    -1,
				MaxOutgoingMessagesPerHour:   -1,
				MaxSubmissionsPerHour:        -1,
				MaxFirstTimeRecipientsPerDay: -1,
			},
		},
	}
	return static, dynamic
}

// makeAccount makes an account with its password, where no server runs.
func makeAccount(ctx context.Context, accountsDir, name, password string) (rerr error) {
	if err := os.MkdirAll(accountsDir, 0o700); err != nil {
		return err
	}
	st, err := store.New(store.Options{Dir: accountsDir})
	if err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, st.Close()) }()
	if err := st.Create(ctx, name); err != nil && !errors.Is(err, store.ErrAccountExists) {
		return err
	}
	a, err := st.Open(ctx, name)
	if err != nil {
		return err
	}
	defer a.Close()
	return a.SetPassword(ctx, store.System, password)
}

// renewLocalCertificate makes the certificate of an earlier start anew if it is not for the addresses that are to be
// listened on. One that was put there by somebody else stays.
func renewLocalCertificate(dir string, ips []netip.Addr) error {
	data, err := os.ReadFile(filepath.Join(dir, "localhost.crt.pem"))
	if err != nil {
		return nil // If it is needed, the configuration says so.
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !slices.Equal(cert.Subject.Organization, []string{localOrganization}) {
		return nil
	}
	missing := func(ip netip.Addr) bool { return cert.VerifyHostname(ip.String()) != nil }
	if !slices.ContainsFunc(ips, missing) {
		return nil
	}
	for _, ip := range cert.IPAddresses {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			ips = append(ips[:len(ips):len(ips)], addr.Unmap())
		}
	}
	return writeLocalCertificate(dir, ips)
}

// localOrganization is in the certificates that localserve makes.
const localOrganization = "mox localserve"

// writeLocalCertificate writes a self-signed certificate for localhost and its key.
func writeLocalCertificate(dir string, ips []netip.Addr) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{localOrganization}, CommonName: "localhost"},
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true, // So that it can be trusted by itself.
	}
	for _, ip := range ips {
		if template.VerifyHostname(ip.String()) != nil {
			template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
		}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{
		"localhost.crt.pem": {Type: "CERTIFICATE", Bytes: cert},
		"localhost.key.pem": {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := atomicfile.Write(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}
