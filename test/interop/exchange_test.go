package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"mox/config"
	"mox/dns"
	"mox/internal/netguard"
	"mox/pipeline"
	"mox/pipeline/local"
	"mox/queue"
	"mox/queuedb"
	"mox/smtp"
	"mox/smtpclient"
	"mox/smtpserver"
	"mox/store"
)

// exchange is a mail server for mox.example with the accounts ann and bob. It is wired here, as a
// server between others: what it finds in DNS and where port 25 leads is up to the test.
type exchange struct {
	t        *testing.T
	addr     string // Of its SMTP port.
	accounts *store.Store
	queue    *queue.Queue
	submits  *queue.Submissions
	resolver *dns.MemResolver
	log      syncBuffer
}

const exchangeDomains = `Domains:
	mox.example: nil
Accounts:
	ann:
		Domain: mox.example
		Destinations:
			ann@mox.example: nil
	bob:
		Domain: mox.example
		Destinations:
			bob@mox.example: nil
`

const exchangeStatic = `DataDir: data
Hostname: mx.mox.example
Listeners:
	mx:
		IPs:
			- 127.0.0.1
		SMTP:
			Enabled: true
Postmaster:
	Account: ann
`

// startExchange starts the server, which ends with the test.
func startExchange(t *testing.T, cert certificate) *exchange {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir, "domains.conf", exchangeDomains)
	live, err := config.Open(config.Options{Path: writeFile(t, dir, "mox.conf", exchangeStatic)})
	if err != nil {
		t.Fatal(err)
	}
	hostname := live.Current().Hostname
	x := &exchange{t: t, resolver: &dns.MemResolver{}}
	log := slog.New(slog.NewTextHandler(&x.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("mox:\n%s", x.log.String())
		}
	})
	end := func(what string, f func(ctx context.Context) error) {
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := f(ctx); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
	}

	if x.accounts, err = store.New(store.Options{Dir: filepath.Join(dir, "accounts"), Log: log}); err != nil {
		t.Fatal(err)
	}
	end("closing the store", func(context.Context) error { return x.accounts.Close() })
	for _, a := range live.Current().Accounts() {
		if err := x.accounts.Create(t.Context(), a.Name); err != nil {
			t.Fatal(err)
		}
	}
	db, err := queuedb.Open(t.Context(), queuedb.Options{Dir: filepath.Join(dir, "queue"), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	end("closing the queue's database", func(context.Context) error { return db.Close() })
	x.submits = &queue.Submissions{Accounts: x.accounts, Log: log}
	direct := &queue.Direct{
		TransportName: "direct",
		Dialer: &smtpclient.Dialer{
			Resolver:    x.resolver,
			DialContext: dialPostfix,
			Guard:       netguard.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
			LocalNames:  []dns.Domain{hostname},
			Log:         log,
		},
		LocalName: dns.IPDomain{Domain: hostname},
		Log:       log,
	}
	x.queue, err = queue.New(queue.Options{
		DB:    db,
		Local: local.New(x.accounts),
		Route: func(*queuedb.Message, *queuedb.Recipient) queue.Transport { return direct },
		LookupLocal: func(_ context.Context, p smtp.Path) (account, mailbox string, local bool, err error) {
			dest, _, err := live.Current().LookupPath(p)
			if errors.Is(err, config.ErrUnknownDomain) {
				return "", "", false, nil
			}
			return dest.Account, dest.Mailbox, true, err
		},
		Done:     x.submits.Done,
		Hostname: hostname,
		Log:      log,
	})
	if err != nil {
		t.Fatal(err)
	}
	x.submits.Queue = x.queue
	if err := x.queue.Start(); err != nil {
		t.Fatal(err)
	}
	end("stopping the queue", x.queue.Shutdown)

	server, err := smtpserver.New(smtpserver.Options{
		Addresses: func() smtpserver.Addresses { return live.Current() },
		Local:     local.New(x.accounts),
		Queue:     x.queue.Target(),
		SpoolDir:  t.TempDir(),
		Log:       log,
	})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", nextIP()+":0")
	if err != nil {
		t.Fatal(err)
	}
	x.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() {
		served <- server.Serve(ln, smtpserver.ListenerOptions{
			Name:      "mx",
			Kind:      smtpserver.MX,
			Hostname:  hostname,
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert.pair}},
		})
	}()
	end("stopping SMTP", func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if serr := <-served; !errors.Is(serr, smtpserver.ErrServerClosed) {
			err = errors.Join(err, serr)
		}
		return err
	})
	return x
}

// dialPostfix connects to port 25 of a host, which for a Postfix of these tests is another one.
func dialPostfix(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port != "25" {
		return nil, errors.New("not an address of port 25: " + addr)
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(host, strconv.Itoa(postfixPort)))
}

// relay makes the server find p for mail to postfix.example.
func (x *exchange) relay(p *postfix) {
	x.resolver.Update(func(r *dns.MemResolver) {
		r.MX = map[string][]net.MX{"postfix.example": {{Host: "mx.postfix.example.", Pref: 10}}}
		r.A = map[string][]string{"mx.postfix.example": {p.ip}}
	})
}

func parsePath(t *testing.T, s string) smtp.Path {
	t.Helper()
	p, err := smtp.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// submit takes a message from an account.
func (x *exchange) submit(account, from string, to []pipeline.Recipient, msg string) {
	x.t.Helper()
	spool := pipeline.NewSpool(x.t.TempDir(), 0)
	defer spool.Close()
	if _, err := io.WriteString(spool, msg); err != nil {
		x.t.Fatal(err)
	}
	if err := spool.Finish(); err != nil {
		x.t.Fatal(err)
	}
	d, err := x.submits.Begin(x.t.Context(), pipeline.Envelope{MailFrom: parsePath(x.t, from), EightBit: spool.EightBit(), Size: spool.Size(), Received: time.Now(), Account: account})
	if err != nil {
		x.t.Fatal(err)
	}
	defer d.Abort()
	for _, r := range to {
		if err := d.Recipient(x.t.Context(), r); err != nil {
			x.t.Fatal(err)
		}
	}
	if err := d.Body(x.t.Context(), spool); err != nil {
		x.t.Fatal(err)
	}
	if err := errors.Join(d.Commit(x.t.Context())...); err != nil {
		x.t.Fatal(err)
	}
}

// waitMessages waits for messages in the Inbox of an account and returns them in their order.
func (x *exchange) waitMessages(account string, n int) []string {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	a, err := x.accounts.Open(ctx, account)
	if err != nil {
		x.t.Fatal(err)
	}
	defer a.Close()
	mailbox, err := a.MailboxByName(ctx, store.System, "Inbox")
	if err != nil {
		x.t.Fatal(err)
	}
	sel, err := a.Select(ctx, store.System, mailbox.ID)
	if err != nil {
		x.t.Fatal(err)
	}
	defer sel.Close()
	for sel.View().Len() < n {
		select {
		case <-sel.Wake():
			sel.Refresh(true)
		case <-ctx.Done():
			x.t.Fatalf("%d messages in the Inbox of %s, want %d", sel.View().Len(), account, n)
		}
	}
	var l []string
	for _, e := range sel.View().All(1) {
		content, err := a.Open(ctx, store.System, e.Email)
		if err != nil {
			x.t.Fatal(err)
		}
		b, err := io.ReadAll(io.NewSectionReader(content, 0, content.Size()))
		if err := errors.Join(err, content.Close()); err != nil {
			x.t.Fatal(err)
		}
		l = append(l, string(b))
	}
	return l
}

// certificate is a self-signed one, also in files.
type certificate struct {
	pair              tls.Certificate
	certFile, keyFile string
}

func newCertificate(t *testing.T, names ...string) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: names[0]},
		DNSNames:     names,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return certificate{pair, writeFile(t, dir, "cert.pem", string(certPEM)), writeFile(t, dir, "key.pem", string(keyPEM))}
}
