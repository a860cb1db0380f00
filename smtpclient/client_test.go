package smtpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
	"mox/internal/logging"
	"mox/internal/memnet"
	"mox/sasl"
	"mox/smtp"
)

func TestGreetingAndHello(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		script   string
		opts     func(*Options)
		command  string // Of the error; empty: none.
		perm     bool
		code     int
		enhanced smtp.EnhancedCode
		cause    error
	}{
		{name: "simple", script: `
			S: 220 mx.example ESMTP
			C: EHLO client.example
			S: 250 mx.example
			C: QUIT
			S: 221 bye`},
		{name: "long greeting", script: `
			S: 220-mx.example ESMTP
			S: 220 no spam please
			C: EHLO client.example
			S: 250-mx.example greets you
			S: 250-8BITMIME
			S: 250 HELP
			C: QUIT
			S: 221 bye`},
		{name: "address literal", opts: func(o *Options) { o.LocalName = dns.IPDomain{IP: mustPath("x@[192.0.2.1]").IPDomain.IP} }, script: `
			S: 220 mx.example
			C: EHLO [192.0.2.1]
			S: 250 mx.example
			C: QUIT
			S: 221 bye`},
		{name: "HELO", script: `
			S: 220 mx.example SMTP
			C: EHLO client.example
			S: 500 what?
			C: HELO client.example
			S: 250 mx.example
			C: QUIT
			S: 221 bye`},
		{name: "LMTP", opts: func(o *Options) { o.LMTP = true }, script: `
			S: 220 mx.example LMTP
			C: LHLO client.example
			S: 250 mx.example
			C: QUIT
			S: 221 bye`},

		{name: "no service", command: "greeting", perm: true, code: 554, enhanced: "5.7.1", script: `
			S: 554 5.7.1 go away
			C: QUIT
			S: 221 bye`},
		{name: "busy", command: "greeting", code: 421, script: `
			S: 421 too many connections
			EOF`},
		{name: "wrong greeting", command: "greeting", code: 250, cause: ErrProtocol, script: `
			S: 250 ok
			C: QUIT
			S: 221 bye`},
		{name: "not SMTP", command: "greeting", cause: smtp.ErrReply, enhanced: "4.4.2", script: `
			S: SSH-2.0-OpenSSH
			EOF`},
		{name: "closed", command: "greeting", cause: io.ErrUnexpectedEOF, enhanced: "4.4.2", script: `S- 22`},
		{name: "EHLO busy", command: "EHLO", code: 450, script: `
			S: 220 mx.example
			C: EHLO client.example
			S: 450 later
			C: QUIT
			S: 221 bye`},
		{name: "HELO refused", command: "HELO", perm: true, code: 550, script: `
			S: 220 mx.example
			C: EHLO client.example
			S: 550 no
			C: HELO client.example
			S: 550 no
			C: QUIT
			S: 221 bye`},
		{name: "no HELO when TLS is required", opts: func(o *Options) { o.TLS = TLSRequired }, command: "EHLO", perm: true, code: 500, script: `
			S: 220 mx.example
			C: EHLO client.example
			S: 500 what?
			C: QUIT
			S: 221 bye`},
		{name: "no HELO for LMTP", opts: func(o *Options) { o.LMTP = true }, command: "LHLO", perm: true, code: 500, script: `
			S: 220 mx.example
			C: LHLO client.example
			S: 500 what?
			C: QUIT
			S: 221 bye`},
		{name: "unlike codes", command: "EHLO", cause: smtp.ErrReply, enhanced: "4.4.2", script: `
			S: 220 mx.example
			C: EHLO client.example
			S: 250-mx.example
			S: 550 no
			EOF`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			opts := options()
			if tc.opts != nil {
				tc.opts(&opts)
			}
			c, err := New(t.Context(), script(t, nil, tc.script), opts)
			if tc.command == "" {
				if err != nil {
					t.Fatal(err)
				}
				if !c.Usable() || c.TLS() != nil {
					t.Error("client is not usable")
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, tc.command, tc.perm, tc.code, tc.enhanced, tc.cause)
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{
		{},
		{LocalName: dns.IPDomain{Domain: mustDomain("client.example")}, TLS: TLSVerified},
		{LocalName: dns.IPDomain{Domain: mustDomain("client.example")}, TLS: TLSImmediate},
	} {
		a, b := memnet.Pipe()
		if _, err := New(t.Context(), a, opts); err == nil {
			t.Errorf("options %+v are accepted", opts)
		}
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("connection is not closed: %v", err)
		}
	}
}

func TestStartTLS(t *testing.T) {
	t.Parallel()
	cert, pool := newCert(t, "mx.example")
	otherCert, _ := newCert(t, "other.example")
	const upToTLS = `
		S: 220 mx.example
		C: EHLO client.example
		S: 250-mx.example
		S: 250-SIZE 1
		S: 250 STARTTLS
		C: STARTTLS
		S: 220 go ahead
		`
	const within = `
		C: EHLO client.example
		S: 250-mx.example
		S: 250 PIPELINING
		C: QUIT
		S: 221 bye`
	const without = `
		S: 220 mx.example
		C: EHLO client.example
		S: 250 mx.example
		C: QUIT
		S: 221 bye`
	const refused = `
		S: 220 mx.example
		C: EHLO client.example
		S: 250-mx.example
		S: 250 STARTTLS
		C: STARTTLS
		S: 454 4.7.0 no entropy
		C: QUIT
		S: 221 bye`
	for _, tc := range []struct {
		name     string
		mode     TLSMode
		cert     *tls.Certificate
		script   string
		tls      bool
		err      bool
		cause    error
		code     int
		enhanced smtp.EnhancedCode
	}{
		{name: "opportunistic", script: upToTLS + "TLS" + within, tls: true},
		{name: "opportunistic, other name", cert: otherCert, script: upToTLS + "TLS" + within, tls: true},
		{name: "opportunistic, not offered", script: without},
		{name: "opportunistic, refused", script: refused},
		{name: "none", mode: TLSNone, script: `
			S: 220 mx.example
			C: EHLO client.example
			S: 250-mx.example
			S: 250 STARTTLS
			C: QUIT
			S: 221 bye`},
		{name: "required, other name", mode: TLSRequired, cert: otherCert, script: upToTLS + "TLS" + within, tls: true},
		{name: "verified", mode: TLSVerified, script: upToTLS + "TLS" + within, tls: true},
		{name: "immediate", mode: TLSImmediate, script: "TLS\nS: 220 mx.example" + within, tls: true},

		{name: "opportunistic, broken", script: upToTLS + "FAILTLS", err: true, cause: ErrTLS, enhanced: "4.7.5"},
		{name: "required, not offered", mode: TLSRequired, script: without, err: true, cause: ErrTLSRequired, enhanced: "4.7.10"},
		{name: "verified, not offered", mode: TLSVerified, script: without, err: true, cause: ErrTLSRequired, enhanced: "4.7.10"},
		{name: "required, refused", mode: TLSRequired, script: refused, err: true, code: 454, enhanced: "4.7.0"},
		{name: "required, refused for good", mode: TLSRequired, script: strings.Replace(refused, "454 4.7.0", "554 5.7.0", 1), err: true, code: 554, enhanced: "5.7.0"},
		{name: "verified, other name", mode: TLSVerified, cert: otherCert, script: upToTLS + "TLS", err: true, cause: ErrTLS, enhanced: "4.7.5"},
		{name: "immediate, other name", mode: TLSImmediate, cert: otherCert, script: "TLS", err: true, cause: ErrTLS, enhanced: "4.7.5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			opts := options()
			opts.TLS = tc.mode
			opts.TLSConfig = &tls.Config{RootCAs: pool}
			if tc.cert == nil {
				tc.cert = cert
			}
			c, err := New(t.Context(), script(t, tc.cert, tc.script), opts)
			if tc.err {
				e, ok := errors.AsType[*Error](err)
				if !ok || e.Permanent || e.Code != tc.code || e.Enhanced != tc.enhanced || tc.cause != nil && !errors.Is(err, tc.cause) || !smtp.IsTemporary(err) {
					t.Fatalf("error %v: %+v", err, e)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (c.TLS() != nil) != tc.tls {
				t.Errorf("TLS state %v", c.TLS())
			}
			if tc.tls && (!c.ext.pipelining || c.ext.size) {
				t.Error("what the server said before TLS is not forgotten")
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is injected before TLS must not be taken for replies within (RFC 3207 §6).
func TestInjectedRepliesAreDropped(t *testing.T) {
	t.Parallel()
	cert, _ := newCert(t, "mx.example")
	conn := script(t, cert, `
		S: 220 mx.example
		C: EHLO client.example
		S: 250-mx.example
		S: 250 STARTTLS
		C: STARTTLS
		S- 220 go\r\n250-evil.example\r\n250 SIZE 1\r\n
		TLS
		C: EHLO client.example
		S: 250 mx.example
		C: QUIT
		S: 221 bye`)
	c, err := New(t.Context(), conn, options())
	if err != nil {
		t.Fatal(err)
	}
	if c.ext.size {
		t.Error("injected reply was believed")
	}
	c.Close()
}

// challenger is a mechanism that answers each challenge with it doubled.
type challenger struct {
	initial []byte
	finish  error
}

func (challenger) Mechanism() string        { return "X-DOUBLE" }
func (c challenger) Start() ([]byte, error) { return c.initial, nil }
func (challenger) Next(b []byte) ([]byte, error) {
	if len(b) > 3 {
		return nil, sasl.ErrMalformed
	}
	return append(b, b...), nil
}
func (c challenger) Finish() error { return c.finish }

func TestAuth(t *testing.T) {
	t.Parallel()
	creds := sasl.Credentials{Username: "bob", Password: sasl.NewSecret("hunter2")}
	plain := func(mechanisms []string, _ *tls.ConnectionState) (sasl.Client, error) {
		if strings.Join(mechanisms, " ") != "PLAIN LOGIN" {
			return nil, errors.New("mechanisms are " + strings.Join(mechanisms, " "))
		}
		return sasl.NewPlainClient(creds), nil
	}
	login := func([]string, *tls.ConnectionState) (sasl.Client, error) { return sasl.NewLoginClient(creds), nil }
	long := func([]string, *tls.ConnectionState) (sasl.Client, error) {
		return challenger{initial: []byte(strings.Repeat("x", 600))}, nil
	}
	double := func([]string, *tls.ConnectionState) (sasl.Client, error) { return challenger{initial: []byte{}}, nil }
	proof := func([]string, *tls.ConnectionState) (sasl.Client, error) {
		return challenger{[]byte{}, sasl.ErrServerProof}, nil
	}
	const hello = `
		S: 220 mx.example
		C: EHLO client.example
		S: 250-mx.example
		S: 250-AUTH=PLAIN OLD
		S: 250 auth plain LOGIN
		`
	const quit = `
		C: QUIT
		S: 221 bye`
	for _, tc := range []struct {
		name   string
		auth   func([]string, *tls.ConnectionState) (sasl.Client, error)
		noTLS  bool // Authentication without TLS is not allowed.
		script string
		err    bool
		code   int
		enh    smtp.EnhancedCode
		cause  error
	}{
		{name: "PLAIN", auth: plain, script: hello + `
			C: AUTH PLAIN AGJvYgBodW50ZXIy
			S: 235 2.7.0 ok` + quit},
		{name: "LOGIN", auth: login, script: hello + `
			C: AUTH LOGIN
			S: 334 VXNlcm5hbWU6
			C: Ym9i
			S: 334 UGFzc3dvcmQ6
			C: aHVudGVyMg==
			S: 235 2.7.0 ok` + quit},
		{name: "long initial response", auth: long, script: hello + `
			C: AUTH X-DOUBLE
			S: 334
			C: ` + strings.Repeat("eHh4", 200) + `
			S: 235 ok` + quit},
		{name: "empty initial response", auth: double, script: hello + `
			C: AUTH X-DOUBLE =
			S: 334 YQ==
			C: YWE=
			S: 235 ok` + quit},
		{name: "none chosen", auth: func([]string, *tls.ConnectionState) (sasl.Client, error) { return nil, nil }, script: hello + quit},

		{name: "wrong password", auth: plain, err: true, code: 535, enh: "5.7.8", script: hello + `
			C: AUTH PLAIN AGJvYgBodW50ZXIy
			S: 535 5.7.8 no` + quit},
		{name: "no mechanism", auth: func([]string, *tls.ConnectionState) (sasl.Client, error) { return nil, io.ErrNoProgress }, err: true, cause: io.ErrNoProgress, script: hello + quit},
		{name: "challenge that makes no sense", auth: double, err: true, cause: sasl.ErrMalformed, script: hello + `
			C: AUTH X-DOUBLE =
			S: 334 YWFhYWFh
			C: *
			S: 501 cancelled
			EOF`},
		{name: "challenge that is not base64", auth: double, err: true, script: hello + `
			C: AUTH X-DOUBLE =
			S: 334 Username:
			C: *
			S: 501 cancelled
			EOF`},
		{name: "server proves nothing", auth: proof, err: true, cause: sasl.ErrServerProof, script: hello + `
			C: AUTH X-DOUBLE =
			S: 235 ok
			EOF`},
		{name: "no TLS", auth: plain, noTLS: true, err: true, cause: ErrTLSRequired, enh: "4.7.11", script: hello + quit},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			opts := options()
			opts.Auth = tc.auth
			opts.AuthWithoutTLS = !tc.noTLS
			c, err := New(t.Context(), script(t, nil, tc.script), opts)
			if !tc.err {
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
				return
			}
			wantError(t, err, "AUTH", false, tc.code, tc.enh, tc.cause)
		})
	}
}

func TestTraceHidesPassword(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	var levels logging.Levels
	levels.Set(logging.LevelTrace, nil)
	opts := options()
	opts.Log = logging.New(&out, &levels)
	opts.AuthWithoutTLS = true
	opts.Auth = func([]string, *tls.ConnectionState) (sasl.Client, error) {
		return sasl.NewPlainClient(sasl.Credentials{Username: "bob", Password: sasl.NewSecret("hunter2")}), nil
	}
	c := newClient(t, opts, `
		S: 220 mx.example
		C: EHLO client.example
		S: 250 mx.example
		C: AUTH PLAIN AGJvYgBodW50ZXIy
		S: 235 ok
		C: MAIL FROM:<>
		S: 250 ok
		C: RCPT TO:<a@example.org>
		S: 250 ok
		C: DATA
		S: 354 go
		BODY secret message|
		S: 250 ok
		C: QUIT
		S: 221 bye`)
	if _, err := c.Deliver(t.Context(), Envelope{Recipients: rcpts("a@example.org")}, strings.NewReader("secret message\r\n")); err != nil {
		t.Fatal(err)
	}
	c.Close()
	log := out.String()
	if strings.Contains(log, "AGJv") || strings.Contains(log, "hunter2") || strings.Contains(log, "secret message") {
		t.Errorf("trace shows secrets: %s", log)
	}
	for _, s := range []string{"EHLO client.example", "220 mx.example", "RCPT TO:<a@example.org>", "QUIT"} {
		if !strings.Contains(log, s) {
			t.Errorf("trace lacks %q: %s", s, log)
		}
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	const hello = "S: 220 mx.example\nC: EHLO client.example\nS: 250 mx.example\n"
	const mail = hello + "C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<a@example.org>\nS: 250 ok\n"
	for _, tc := range []struct {
		name    string
		script  string
		command string
		want    time.Duration
	}{
		{"greeting", "EOF", "greeting", 5 * time.Minute},
		{"part of greeting", "S- 220 m\nEOF", "greeting", 5 * time.Minute},
		{"EHLO", "S: 220 mx.example\nC: EHLO client.example\nEOF", "EHLO", 5 * time.Minute},
		{"MAIL", hello + "C: MAIL FROM:<>\nEOF", "MAIL", 5 * time.Minute},
		{"RCPT", hello + "C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<a@example.org>\nEOF", "RCPT", 5 * time.Minute},
		{"DATA", mail + "C: DATA\nEOF", "DATA", 2 * time.Minute},
		{"message", mail + "C: DATA\nS: 354 go\nBODY x|\nEOF", "message", 10 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				c, err := New(t.Context(), script(t, nil, tc.script), options())
				if err == nil {
					_, err = c.Deliver(t.Context(), Envelope{Recipients: rcpts("a@example.org")}, strings.NewReader("x\r\n"))
					c.Close()
				}
				wantError(t, err, tc.command, false, 0, "4.4.2", os.ErrDeadlineExceeded)
				if took := time.Since(start); took != tc.want {
					t.Errorf("took %v, want %v", took, tc.want)
				}
			})
		})
	}
}

// A server that does not read the message.
func TestDataBlockTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := memnet.Pipe()
		defer b.Close()
		go func() {
			io.WriteString(b, "220 mx\r\n250-mx\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n354 go\r\n")
		}()
		c, err := New(t.Context(), a, options())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = c.Deliver(t.Context(), Envelope{Recipients: rcpts("a@example.org")}, strings.NewReader(strings.Repeat("x\r\n", 100_000)))
		wantError(t, err, "message", false, 0, "4.4.2", os.ErrDeadlineExceeded)
		if took := time.Since(start); took != 3*time.Minute+earlyReplyTimeout {
			t.Errorf("took %v", took)
		}
		c.Close()
	})
}

func TestQuitTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, options(), "S: 220 mx.example\nC: EHLO client.example\nS: 250 mx.example\nC: QUIT\nEOF")
		start := time.Now()
		c.Close()
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestContextEndsWaiting(t *testing.T) {
	t.Parallel()
	for _, during := range []string{"greeting", "delivery"} {
		t.Run(during, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				if during == "greeting" {
					_, err := New(ctx, script(t, nil, "EOF"), options())
					wantError(t, err, "greeting", false, 0, "4.4.2", context.DeadlineExceeded)
					return
				}
				c := newClient(t, options(), "S: 220 mx.example\nC: EHLO client.example\nS: 250 mx.example\nC: MAIL FROM:<>\nEOF")
				_, err := c.Deliver(ctx, Envelope{Recipients: rcpts("a@example.org")}, strings.NewReader(""))
				wantError(t, err, "MAIL", false, 0, "4.4.2", context.DeadlineExceeded)
				if c.Usable() {
					t.Error("client is usable after its context has ended")
				}
				if _, err := c.Deliver(context.Background(), Envelope{Recipients: rcpts("a@example.org")}, strings.NewReader("")); !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				if err := c.Reset(context.Background()); !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				c.Close()
			})
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New(ctx, script(t, nil, "EOF"), options()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestHandshakeTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts := options()
		opts.TLS = TLSImmediate
		start := time.Now()
		a, b := memnet.Pipe()
		defer b.Close()
		_, err := New(context.Background(), a, opts)
		wantError(t, err, "connect", false, 0, "4.7.5", ErrTLS)
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

func TestReset(t *testing.T) {
	t.Parallel()
	c := newClient(t, options(), `
		S: 220 mx.example
		C: EHLO client.example
		S: 250 mx.example
		C: RSET
		S: 250 ok
		C: RSET
		S: 421 time is up
		EOF`)
	if err := c.Reset(t.Context()); err != nil || !c.Usable() {
		t.Fatal(err)
	}
	wantError(t, c.Reset(t.Context()), "RSET", false, 421, "", nil)
	if c.Usable() {
		t.Error("usable after 421")
	}
	c.Close()
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	reply := replyError("RCPT", smtp.Reply{Code: 550, Enhanced: "5.1.1", Lines: []string{"no such", "user"}})
	for _, tc := range []struct{ got, want string }{
		{reply.Error(), "RCPT: 550 5.1.1 no such user"},
		{reply.Diagnostic(), "550 5.1.1 no such user"},
		{(&Error{Command: "greeting", Code: 421, Lines: []string{""}}).Diagnostic(), "421"},
		{(&Error{Command: "connect", Enhanced: "4.4.1", Err: net.ErrClosed}).Error(), "connect: 4.4.1: " + net.ErrClosed.Error()},
		{(&Error{Command: "connect", Err: net.ErrClosed}).Diagnostic(), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
	if slog.Any("err", reply).Value.String() == "" {
		t.Error("error has no text in a log")
	}
}
