package smtpserver

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/internal/logging"
	"mox/internal/ratelimit"
	"mox/login"
	"mox/sasl"
)

// testVerifiers has verifiers of the users that authenticate knows, with the same password.
type testVerifiers struct {
	mechanisms []string
	key        sasl.KeyFingerprint // Registered for alice.
}

func (v *testVerifiers) Mechanisms() []string { return v.mechanisms }

func (v *testVerifiers) known(username string) bool {
	_, err := authenticate(context.Background(), username, "s3cret")
	return !errors.Is(err, sasl.ErrCredentials)
}

func (v *testVerifiers) SCRAM(_ context.Context, username string, h crypto.Hash) (sasl.SCRAMVerifier, error) {
	if !v.known(username) {
		return sasl.FakeSCRAMVerifier(h, []byte("secret"), username, 4, sasl.MinSCRAMIterations), nil
	}
	return sasl.NewSCRAMVerifier(h, "s3cret", []byte("salt"), sasl.MinSCRAMIterations)
}

func (v *testVerifiers) CRAMMD5(_ context.Context, username string) (sasl.CRAMMD5Verifier, error) {
	if !v.known(username) {
		return sasl.FakeCRAMMD5Verifier([]byte("secret"), username)
	}
	return sasl.NewCRAMMD5Verifier("s3cret")
}

func (v *testVerifiers) KeyAccount(key sasl.KeyFingerprint) string {
	if key == v.key {
		return "alice"
	}
	return ""
}

func (v *testVerifiers) Account(ctx context.Context, username string) (string, error) {
	return authenticate(ctx, username, "s3cret")
}

// allMechanisms offers all mechanisms on a submission listener without limits.
func allMechanisms(o *Options, lo *ListenerOptions) { withVerifiers(o, lo, nil) }

// withVerifiers does as allMechanisms, with verifiers and options that may be changed.
func withVerifiers(o *Options, lo *ListenerOptions, change func(*testVerifiers, *login.Options)) {
	submission(o, lo)
	lo.Unlimited = everyone
	o.Logins = testLogins(func(o *login.Options) {
		v := &testVerifiers{mechanisms: []string{sasl.SCRAMSHA256, sasl.SCRAMSHA1, sasl.CRAMMD5}}
		o.Verifiers = v
		if change != nil {
			change(v, o)
		}
	})
}

// startTLSVersion makes TLS of a version, and says EHLO again.
func (c *testClient) startTLSVersion(version uint16, certificates ...tls.Certificate) *tls.ConnectionState {
	c.t.Helper()
	c.cmd("STARTTLS", "220 ")
	c.nc.SetReadDeadline(time.Time{})
	tc := tls.Client(c.nc, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, Certificates: certificates})
	if err := tc.HandshakeContext(c.t.Context()); err != nil {
		c.t.Fatalf("handshake: %v", err)
	}
	c.nc = tc
	c.br.Reset(tc)
	cs := tc.ConnectionState()
	return &cs
}

// offered says EHLO and returns the mechanisms offered.
func (c *testClient) offered() string {
	c.t.Helper()
	c.write("EHLO client.example.net\r\n")
	auth := ""
	for {
		s, err := c.line()
		if err != nil || len(s) < 4 {
			c.t.Fatalf("reply to EHLO: %q, %v", s, err)
		}
		if l, ok := strings.CutPrefix(s[4:], "AUTH "); ok {
			auth = l
		}
		if s[3] == ' ' {
			return auth
		}
	}
}

// authenticate makes an exchange and returns the last reply.
func (c *testClient) authenticate(m sasl.Client, initialResponse bool) string {
	c.t.Helper()
	initial, err := m.Start()
	if err != nil {
		c.t.Fatal(err)
	}
	line := "AUTH " + m.Mechanism()
	if initial != nil && initialResponse {
		line += " " + base64.StdEncoding.EncodeToString(initial)
		if len(initial) == 0 {
			line += "="
		}
		initial = nil
	}
	for {
		c.write(line + "\r\n")
		reply := c.reply()
		text, ok := strings.CutPrefix(reply, "334 ")
		if !ok {
			if strings.HasPrefix(reply, "235 ") {
				if err := m.Finish(); err != nil {
					c.t.Errorf("%s: %v", m.Mechanism(), err)
				}
			}
			return reply
		}
		challenge, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			c.t.Fatalf("challenge %q: %v", text, err)
		}
		response := initial
		if initial = nil; response == nil {
			if response, err = m.Next(challenge); err != nil {
				c.t.Fatalf("%s: %v", m.Mechanism(), err)
			}
		}
		line = base64.StdEncoding.EncodeToString(response)
	}
}

// saslClient returns the client's side of a mechanism. cs is nil without TLS.
func saslClient(t *testing.T, mechanism, username, password string, cs *tls.ConnectionState) sasl.Client {
	t.Helper()
	creds := sasl.Credentials{Username: username, Password: sasl.NewSecret(password)}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainClient(creds)
	case sasl.Login:
		return sasl.NewLoginClient(creds)
	case sasl.CRAMMD5:
		return sasl.NewCRAMMD5Client(creds)
	}
	bindings := sasl.ChannelBindings(cs)
	if !strings.HasSuffix(mechanism, "-PLUS") {
		bindings = nil
	}
	c, err := sasl.NewSCRAMClient(mechanism, creds, bindings)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAuthMechanisms(t *testing.T) {
	t.Parallel()
	ts := newServer(t, allMechanisms)
	for version, want := range map[uint16]string{
		0:                "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN",
		tls.VersionTLS12: "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN",
		tls.VersionTLS13: "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN",
	} {
		for mechanism := range strings.FieldsSeq(want) {
			for _, initial := range []bool{true, false} {
				c := ts.dial()
				c.hello()
				var cs *tls.ConnectionState
				if version != 0 {
					cs = c.startTLSVersion(version)
				}
				if got := c.offered(); got != want {
					t.Errorf("%s: offers %q, want %q", tls.VersionName(version), got, want)
				}
				for name, login := range map[string][2]string{
					"wrong password": {"alice", "wrong"}, "unknown user": {"nobody", "s3cret"}, "wrong case": {"alice", "S3CRET"},
				} {
					if got := c.authenticate(saslClient(t, mechanism, login[0], login[1], cs), initial); got != "535 5.7.8 wrong user name or password" {
						t.Errorf("%s %s, %s: %q", tls.VersionName(version), mechanism, name, got)
					}
				}
				if got := c.authenticate(saslClient(t, mechanism, "alice@example.org", "s3cret", cs), initial); !strings.HasPrefix(got, "235 2.7.0 ") {
					t.Errorf("%s %s: %q", tls.VersionName(version), mechanism, got)
				}
				c.cmd("MAIL FROM:<alice@example.org>", "250 ")
			}
		}
	}
	got := counts(t, ts.registry)
	for _, mechanism := range []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "CRAM-MD5", "PLAIN"} {
		label := "mox_smtpserver_auth_total kind=submission mechanism=" + mechanism
		if got[label+" result=ok"] < 4 || got[label+" result=badcredentials"] != 3*got[label+" result=ok"] {
			t.Errorf("%s: counted %v good, %v bad", mechanism, got[label+" result=ok"], got[label+" result=badcredentials"])
		}
	}
}

func TestAuthRefusals(t *testing.T) {
	t.Parallel()
	ts := newServer(t, func(o *Options, lo *ListenerOptions) {
		withVerifiers(o, lo, func(v *testVerifiers, _ *login.Options) { v.mechanisms = []string{sasl.SCRAMSHA256} })
	})
	c := ts.dial()
	c.hello()
	for _, mechanism := range []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "CRAM-MD5", "EXTERNAL", "NTLM"} {
		c.cmd("AUTH "+mechanism, "504 5.5.4")
	}
	for _, response := range []string{"Zm9v", "=", "bixubixu"} {
		c.cmd("AUTH SCRAM-SHA-256 "+response, "501 5.5.2 malformed")
	}
	for username, want := range map[string]string{
		"disabled": "525 5.7.13 login is disabled: ask the office", "fault": "454 4.7.0 ",
	} {
		if got := c.authenticate(saslClient(t, sasl.SCRAMSHA256, username, "s3cret", nil), true); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", username, got, want)
		}
	}
	// Nobody acts for another account.
	m, err := sasl.NewSCRAMClient(sasl.SCRAMSHA256, sasl.Credentials{Username: "alice", AuthzID: "bob", Password: sasl.NewSecret("s3cret")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.authenticate(m, true); !strings.HasPrefix(got, "535 5.7.8 ") {
		t.Errorf("as another: %q", got)
	}

	// Without TLS nothing is offered, unless the listener allows it.
	ts = newServer(t, func(o *Options, lo *ListenerOptions) {
		allMechanisms(o, lo)
		lo.AuthWithoutTLS = false
	})
	c = ts.dial()
	c.hello()
	if got := c.offered(); got != "" {
		t.Errorf("without TLS it offers %q", got)
	}
	for _, mechanism := range []string{"SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "EXTERNAL"} {
		c.cmd("AUTH "+mechanism, "538 5.7.11")
	}

	// Nor to other servers, with TLS or without.
	ts = newServer(t, func(o *Options, lo *ListenerOptions) {
		allMechanisms(o, lo)
		lo.Kind = MX
	})
	c = ts.dial()
	c.hello()
	c.startTLSVersion(tls.VersionTLS13)
	if got := c.offered(); got != "" {
		t.Errorf("port 25 offers %q", got)
	}
	c.cmd("AUTH SCRAM-SHA-256", "502 5.5.1")
}

// A client is logged in only after it has taken the server's proof.
func TestAuthEndsWithTheClient(t *testing.T) {
	t.Parallel()
	ts := newServer(t, allMechanisms)
	for last, want := range map[string]string{
		"": "235 2.7.0", "*": "501 5.7.0", "Zm9v": "501 5.5.2", "=": "501 5.5.2", "%": "501 5.5.2",
	} {
		c := ts.dial()
		c.hello()
		m := saslClient(t, sasl.SCRAMSHA256, "alice", "s3cret", nil)
		initial, _ := m.Start()
		line := "AUTH SCRAM-SHA-256 " + base64.StdEncoding.EncodeToString(initial)
		for range 2 {
			c.write(line + "\r\n")
			challenge, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.reply(), "334 "))
			response, err := m.Next(challenge)
			if err != nil {
				t.Fatal(err)
			}
			line = base64.StdEncoding.EncodeToString(response)
		}
		c.cmd(last, want)
		if want == "235 2.7.0" {
			c.cmd("MAIL FROM:<alice@example.org>", "250 ")
		} else {
			c.cmd("MAIL FROM:<alice@example.org>", "530 5.7.0")
		}
	}
}

// Somebody who hides the -PLUS variants from a client that knows them is found out, and so is
// somebody who passes an exchange on.
func TestAuthFindsManInTheMiddle(t *testing.T) {
	t.Parallel()
	ts := newServer(t, allMechanisms)
	c, other := ts.dial(), ts.dial()
	c.hello()
	other.hello()
	cs, otherCS := c.startTLSVersion(tls.VersionTLS13), other.startTLSVersion(tls.VersionTLS13)
	c.offered()
	hidden, err := sasl.NewClient([]string{sasl.SCRAMSHA256, sasl.Plain}, sasl.Credentials{Username: "alice", Password: sasl.NewSecret("s3cret")}, cs)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.authenticate(hidden, true); !strings.HasPrefix(got, "535 5.7.8 ") {
		t.Errorf("-PLUS hidden: %q", got)
	}
	if got := c.authenticate(saslClient(t, sasl.SCRAMSHA256Plus, "alice", "s3cret", otherCS), true); !strings.HasPrefix(got, "535 5.7.8 ") {
		t.Errorf("bound to another connection: %q", got)
	}
	if got := c.authenticate(saslClient(t, sasl.SCRAMSHA256, "alice", "s3cret", nil), true); !strings.HasPrefix(got, "235 ") {
		t.Errorf("not bound: %q", got)
	}
}

// Failures count the same with each mechanism, and are answered as slowly; once they are too
// many the right password is refused with each.
func TestAuthLimitsOfMechanisms(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{sasl.Plain, sasl.Login, sasl.SCRAMSHA256, sasl.CRAMMD5} {
		synctest.Test(t, func(t *testing.T) {
			ts := newServer(t, func(o *Options, lo *ListenerOptions) {
				withVerifiers(o, lo, func(_ *testVerifiers, o *login.Options) {
					o.Failures = ratelimit.NewLogins(ratelimit.LoginOptions{
						Clients: ratelimit.NetworkOptions{Client: []ratelimit.Rate{{Period: time.Hour, Max: 2}}},
					})
				})
				lo.Unlimited = nil
			})
			c := ts.dial()
			c.hello()
			for i, password := range []string{"wrong", "wrong", "s3cret"} {
				begin := time.Now()
				if got := c.authenticate(saslClient(t, mechanism, "alice", password, nil), true); got != "535 5.7.8 wrong user name or password" {
					t.Errorf("%s with %q: %q", mechanism, password, got)
				}
				if took, want := time.Since(begin), time.Duration(i+1)*time.Second; took != want {
					t.Errorf("%s: refused after %v, want %v", mechanism, took, want)
				}
			}
			time.Sleep(2 * time.Hour)
			c = ts.dial()
			c.hello()
			if got := c.authenticate(saslClient(t, mechanism, "alice", "s3cret", nil), true); !strings.HasPrefix(got, "235 ") {
				t.Errorf("%s, later: %q", mechanism, got)
			}
		})
	}
}

// clientCertificate makes a certificate that nobody has signed, and that is no longer valid:
// only its key counts.
func clientCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(-time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestAuthExternal(t *testing.T) {
	t.Parallel()
	mine, others := clientCertificate(t), clientCertificate(t)
	ts := newServer(t, func(o *Options, lo *ListenerOptions) {
		cert, err := x509.ParseCertificate(mine.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		withVerifiers(o, lo, func(v *testVerifiers, _ *login.Options) { v.key = sha256.Sum256(cert.RawSubjectPublicKeyInfo) })
		lo.TLSConfig = lo.TLSConfig.Clone()
		lo.TLSConfig.ClientAuth = tls.RequestClientCert
	})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for authzID, want := range map[string]string{
			"": "235 2.7.0 ", "alice": "235 2.7.0 ", "alice@example.org": "235 2.7.0 ",
			"bob@example.org": "535 5.7.8 ", "nobody": "535 5.7.8 ", "disabled": "525 5.7.13 ", "fault": "454 4.7.0 ",
		} {
			for _, initial := range []bool{true, false} {
				c := ts.dial()
				c.hello()
				c.startTLSVersion(version, mine)
				if got := c.offered(); !strings.Contains(got, " EXTERNAL PLAIN") {
					t.Errorf("offers %q", got)
				}
				if got := c.authenticate(sasl.NewExternalClient(authzID), initial); !strings.HasPrefix(got, want) {
					t.Errorf("as %q: got %q, want %q", authzID, got, want)
				}
			}
		}
		for name, certificates := range map[string][]tls.Certificate{"no key": nil, "unknown key": {others}} {
			c := ts.dial()
			c.hello()
			c.startTLSVersion(version, certificates...)
			if got := c.offered(); strings.Contains(got, "EXTERNAL") {
				t.Errorf("%s: offers %q", name, got)
			}
			c.cmd("AUTH EXTERNAL =", "504 5.5.4")
		}
	}
}

// Neither proofs nor what they can be tried on with passwords are in a trace without secrets.
func TestAuthIsNotTraced(t *testing.T) {
	t.Parallel()
	var log logBuffer
	ts := newServer(t, func(o *Options, lo *ListenerOptions) {
		allMechanisms(o, lo)
		var levels logging.Levels
		levels.Set(logging.LevelTrace, nil)
		o.Log = logging.New(&log, &levels)
	})
	for _, mechanism := range []string{sasl.SCRAMSHA256, sasl.SCRAMSHA1, sasl.CRAMMD5, sasl.Plain, sasl.Login} {
		for _, password := range []string{"hunter2", "s3cret"} {
			c := ts.dial()
			c.hello()
			m := saslRecorder{Client: saslClient(t, mechanism, "alice", password, nil)}
			c.authenticate(&m, true)
			for _, said := range m.said {
				text := string(said)
				if text == "" || text == "alice" {
					continue // Who logs in is told.
				}
				if got := log.String(); strings.Contains(got, text) || strings.Contains(got, base64.StdEncoding.EncodeToString(said)) {
					t.Errorf("%s: %q is in the trace", mechanism, said)
				}
			}
			if len(m.said) == 0 {
				t.Errorf("%s: nothing was said", mechanism)
			}
		}
	}
	if got := log.String(); !strings.Contains(got, "EHLO client.example.net") || !strings.Contains(got, "235 2.7.0") {
		t.Errorf("there is no trace: %s", got)
	}
}

// saslRecorder keeps what both sides said.
type saslRecorder struct {
	sasl.Client
	said [][]byte
}

func (r *saslRecorder) Start() ([]byte, error) {
	b, err := r.Client.Start()
	r.said = append(r.said, b)
	return b, err
}

func (r *saslRecorder) Next(challenge []byte) ([]byte, error) {
	b, err := r.Client.Next(challenge)
	r.said = append(r.said, challenge, b)
	return b, err
}
