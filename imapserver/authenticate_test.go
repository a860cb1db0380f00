package imapserver

import (
	"bufio"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/internal/logging"
	"mox/internal/ratelimit"
	"mox/login"
	"mox/sasl"
)

// testVerifiers has the verifiers of the test account, whose login may be disabled.
type testVerifiers struct {
	mechanisms []string
	key        sasl.KeyFingerprint // Registered for the test account.
	disabled   bool
	fault      error
}

func (v *testVerifiers) Mechanisms() []string { return v.mechanisms }

func (v *testVerifiers) account(login string) string {
	if login == testLogin || login == testAccount {
		return testAccount
	}
	return ""
}

func (v *testVerifiers) SCRAM(_ context.Context, login string, h crypto.Hash) (sasl.SCRAMVerifier, error) {
	switch {
	case v.fault != nil:
		return sasl.SCRAMVerifier{}, v.fault
	case v.account(login) == "":
		return sasl.FakeSCRAMVerifier(h, []byte("secret"), login, 4, sasl.MinSCRAMIterations), nil
	}
	return sasl.NewSCRAMVerifier(h, testPassword, []byte("salt"), sasl.MinSCRAMIterations)
}

func (v *testVerifiers) CRAMMD5(_ context.Context, login string) (sasl.CRAMMD5Verifier, error) {
	if v.account(login) == "" {
		return sasl.FakeCRAMMD5Verifier([]byte("secret"), login)
	}
	return sasl.NewCRAMMD5Verifier(testPassword)
}

func (v *testVerifiers) KeyAccount(key sasl.KeyFingerprint) string {
	if key == v.key {
		return testAccount
	}
	return ""
}

func (v *testVerifiers) Account(_ context.Context, username string) (string, error) {
	if a := v.account(username); a != "" && !v.disabled {
		return a, nil
	}
	if v.disabled {
		return "", &login.DisabledError{Reason: "ask the office"}
	}
	return "", sasl.ErrCredentials
}

var allMechanisms = []string{sasl.SCRAMSHA256, sasl.SCRAMSHA1, sasl.CRAMMD5}

// newAuthServer returns a server with all mechanisms.
func newAuthServer(t *testing.T, change func(*testVerifiers, *login.Options, *ListenerOptions)) *testServer {
	t.Helper()
	return newAuthServerWith(t, change, nil)
}

// newAuthServerWith does as newAuthServer, and changes options of the server.
func newAuthServerWith(t *testing.T, change func(*testVerifiers, *login.Options, *ListenerOptions), options func(*Options)) *testServer {
	t.Helper()
	return newServer(t, newStore(t, t.TempDir()), func(o *Options, lo *ListenerOptions) {
		lo.TLS = selfSigned()
		o.Logins = testLogins(func(o *login.Options) {
			v := &testVerifiers{mechanisms: allMechanisms}
			o.Verifiers = v
			if change != nil {
				change(v, o, lo)
			}
		})
		if options != nil {
			options(o)
		}
	})
}

// startTLSVersion is startTLS with a version and a configuration.
func (c *testClient) startTLSVersion(version uint16, certificates ...tls.Certificate) *tls.ConnectionState {
	c.t.Helper()
	c.cmd("STARTTLS", "OK ...")
	tc := tls.Client(c.nc, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, Certificates: certificates})
	if err := tc.HandshakeContext(c.t.Context()); err != nil {
		c.t.Fatalf("tls handshake: %v", err)
	}
	c.nc, c.r = tc, bufio.NewReader(tc)
	cs := tc.ConnectionState()
	return &cs
}

// authenticate makes an exchange and returns the tagged response without its tag. Whatever the client's
// side says of the end is an error of the test.
func (c *testClient) authenticate(m sasl.Client, initialResponse bool) string {
	c.t.Helper()
	initial, err := m.Start()
	if err != nil {
		c.t.Fatal(err)
	}
	command := "a AUTHENTICATE " + m.Mechanism()
	if initial != nil && initialResponse {
		command += " " + base64.StdEncoding.EncodeToString(initial)
		if len(initial) == 0 {
			command += "="
		}
		initial = nil
	}
	c.send(command + "\r\n")
	for {
		line := c.readLine()
		if rest, ok := strings.CutPrefix(line, "a "); ok {
			if strings.HasPrefix(rest, "OK ") {
				if err := m.Finish(); err != nil {
					c.t.Errorf("%s: %v", m.Mechanism(), err)
				}
			}
			return rest
		}
		text, ok := strings.CutPrefix(line, "+ ")
		challenge, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil {
			c.t.Fatalf("challenge is %q, %v", line, err)
		}
		response := initial
		if initial = nil; response == nil {
			if response, err = m.Next(challenge); err != nil {
				c.t.Fatalf("%s: %v", m.Mechanism(), err)
			}
		}
		c.send(base64.StdEncoding.EncodeToString(response) + "\r\n")
	}
}

// saslClient returns the client's side of a mechanism. cs is nil without TLS.
func saslClient(t *testing.T, mechanism, login, password string, cs *tls.ConnectionState) sasl.Client {
	t.Helper()
	creds := sasl.Credentials{Username: login, Password: sasl.NewSecret(password)}
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

func TestAuthenticateMechanisms(t *testing.T) {
	t.Parallel()
	s := newAuthServer(t, nil)
	const without = "* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE STARTTLS SASL-IR AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1 AUTH=CRAM-MD5 AUTH=PLAIN AUTH=LOGIN"
	const with = "* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE SASL-IR AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 " +
		"AUTH=SCRAM-SHA-1-PLUS AUTH=SCRAM-SHA-1 AUTH=CRAM-MD5 AUTH=PLAIN AUTH=LOGIN"
	for _, version := range []uint16{0, tls.VersionTLS12, tls.VersionTLS13} {
		connect := func() (*testClient, *tls.ConnectionState) {
			c := s.dial()
			c.expect("* OK ...")
			if version == 0 {
				return c, nil
			}
			return c, c.startTLSVersion(version)
		}
		want := with
		c, _ := connect()
		if version == 0 {
			want = without
		}
		if got := c.cmd("CAPABILITY", "OK ..."); len(got) != 1 || got[0] != want {
			t.Errorf("%s: capabilities %q", tls.VersionName(version), got)
		}
		for word := range strings.FieldsSeq(want) {
			mechanism, ok := strings.CutPrefix(word, "AUTH=")
			if !ok {
				continue
			}
			for _, initial := range []bool{true, false} {
				c, cs := connect()
				for name, login := range map[string][2]string{
					"wrong password": {testLogin, "wrong"}, "unknown user": {"nobody", testPassword}, "wrong case": {testLogin, strings.ToUpper(testPassword)},
				} {
					if got := c.authenticate(saslClient(t, mechanism, login[0], login[1], cs), initial); got != "NO [AUTHENTICATIONFAILED] Wrong user name or password" {
						t.Errorf("%s %s, %s: %q", tls.VersionName(version), mechanism, name, got)
					}
				}
				if got := c.authenticate(saslClient(t, mechanism, testLogin, testPassword, cs), initial); !match("OK [CAPABILITY IMAP4rev1 ... AUTHENTICATE done", got) {
					t.Errorf("%s %s: %q", tls.VersionName(version), mechanism, got)
				}
				c.cmd("SELECT INBOX", "OK ...")
			}
		}
	}
}

// What is not offered cannot be used.
func TestAuthenticateNotOffered(t *testing.T) {
	t.Parallel()
	s := newAuthServer(t, func(v *testVerifiers, _ *login.Options, _ *ListenerOptions) {
		v.mechanisms = []string{sasl.SCRAMSHA256}
	})
	c := s.dial()
	c.expect("* OK ...")
	for _, mechanism := range []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "SCRAM-SHA-512", "CRAM-MD5", "EXTERNAL", "NTLM", "X"} {
		c.cmd("AUTHENTICATE "+mechanism, "NO [CANNOT] ...")
	}
	cs := c.startTLSVersion(tls.VersionTLS13)
	for _, mechanism := range []string{"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "CRAM-MD5", "EXTERNAL"} {
		c.cmd("AUTHENTICATE "+mechanism, "NO [CANNOT] ...")
	}
	if got := c.authenticate(saslClient(t, sasl.SCRAMSHA256Plus, testLogin, testPassword, cs), true); !strings.HasPrefix(got, "OK ") {
		t.Error(got)
	}

	// Without TLS nothing is offered, unless the listener allows it.
	s = newAuthServer(t, func(_ *testVerifiers, _ *login.Options, lo *ListenerOptions) { lo.PlaintextAuth = false })
	c = s.dial()
	c.expect("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE STARTTLS LOGINDISABLED] ...")
	for _, mechanism := range append(allMechanisms, sasl.Plain, sasl.External) {
		c.cmd("AUTHENTICATE "+mechanism, "NO [PRIVACYREQUIRED] ...")
	}
}

// A client is logged in only after it has taken the server's proof.
func TestAuthenticateEndsWithTheClient(t *testing.T) {
	t.Parallel()
	s := newAuthServer(t, nil)
	for last, want := range map[string]string{
		"":         "OK [CAPABILITY ...",
		"*":        "BAD Authentication canceled",
		"Zm9v":     "BAD ...",
		"no base6": "BAD ...",
	} {
		c := s.dial()
		c.expect("* OK ...")
		m := saslClient(t, sasl.SCRAMSHA256, testLogin, testPassword, nil)
		initial, _ := m.Start()
		c.send("a AUTHENTICATE SCRAM-SHA-256 " + base64.StdEncoding.EncodeToString(initial) + "\r\n")
		for range 2 {
			challenge, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.readLine(), "+ "))
			response, err := m.Next(challenge)
			if err != nil {
				t.Fatal(err)
			}
			if len(response) > 0 {
				c.send(base64.StdEncoding.EncodeToString(response) + "\r\n")
			}
		}
		c.send(last + "\r\n")
		c.expect("a " + want)
		if strings.HasPrefix(want, "OK") {
			c.cmd("SELECT INBOX", "OK ...")
		} else {
			c.cmd("SELECT INBOX", "BAD ...")
		}
	}
}

// Somebody who hides the -PLUS variants from a client that knows them is found out, and so is
// somebody who passes an exchange on.
func TestAuthenticateFindsManInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newAuthServer(t, nil)
	c, other := s.dial(), s.dial()
	c.expect("* OK ...")
	other.expect("* OK ...")
	cs, otherCS := c.startTLSVersion(tls.VersionTLS13), other.startTLSVersion(tls.VersionTLS13)
	creds := sasl.Credentials{Username: testLogin, Password: sasl.NewSecret(testPassword)}
	hidden, err := sasl.NewClient([]string{sasl.SCRAMSHA256, sasl.Plain}, creds, cs)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.authenticate(hidden, true); !strings.HasPrefix(got, "NO [AUTHENTICATIONFAILED] ") {
		t.Errorf("-PLUS hidden: %q", got)
	}
	if got := c.authenticate(saslClient(t, sasl.SCRAMSHA256Plus, testLogin, testPassword, otherCS), true); !strings.HasPrefix(got, "NO [AUTHENTICATIONFAILED] ") {
		t.Errorf("bound to another connection: %q", got)
	}
	// A client that cannot bind is welcome.
	if got := c.authenticate(saslClient(t, sasl.SCRAMSHA256, testLogin, testPassword, nil), true); !strings.HasPrefix(got, "OK ") {
		t.Errorf("not bound: %q", got)
	}
}

// Failures count the same with each mechanism, and once they are too many the right password is
// refused with each.
func TestAuthenticateLimits(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{sasl.Plain, sasl.Login, sasl.SCRAMSHA256, sasl.CRAMMD5} {
		registry := prometheus.NewRegistry()
		s := newAuthServerWith(t, func(_ *testVerifiers, o *login.Options, _ *ListenerOptions) {
			o.Failures = ratelimit.NewLogins(ratelimit.LoginOptions{Clients: ratelimit.NetworkOptions{Client: []ratelimit.Rate{{Period: time.Hour, Max: 2}}}})
		}, func(o *Options) { o.Registerer = registry })
		c := s.dial()
		c.expect("* OK ...")
		for _, password := range []string{"wrong", "wrong", testPassword} {
			if got := c.authenticate(saslClient(t, mechanism, testLogin, password, nil), true); got != "NO [AUTHENTICATIONFAILED] Wrong user name or password" {
				t.Errorf("%s with %q: %q", mechanism, password, got)
			}
		}
		if n := logins(t, registry); n["credentials"] != 2 || n["limit"] != 1 || n["ok"] != 0 || n["error"] != 0 {
			t.Errorf("%s: counted %v", mechanism, n)
		}
	}
}

// logins returns the metric of logins by result.
func logins(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	l := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "mox_imapserver_logins_total" {
			for _, m := range f.GetMetric() {
				l[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return l
}

func TestAuthenticateRefusals(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testVerifiers){
		"NO [CONTACTADMIN] login is disabled: ask the office": func(v *testVerifiers) { v.disabled = true },
		"NO [UNAVAILABLE] ...":                                func(v *testVerifiers) { v.fault = errors.New("database is broken") },
	} {
		s := newAuthServer(t, func(v *testVerifiers, _ *login.Options, _ *ListenerOptions) { change(v) })
		c := s.dial()
		c.expect("* OK ...")
		if got := c.authenticate(saslClient(t, sasl.SCRAMSHA256, testLogin, testPassword, nil), true); !match(name, got) {
			t.Errorf("got %q, want %q", got, name)
		}
	}
	// Nobody acts for another account.
	s := newAuthServer(t, nil)
	c := s.dial()
	c.expect("* OK ...")
	m, err := sasl.NewSCRAMClient(sasl.SCRAMSHA256, sasl.Credentials{Username: testLogin, AuthzID: "other", Password: sasl.NewSecret(testPassword)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.authenticate(m, true); !strings.HasPrefix(got, "NO [AUTHENTICATIONFAILED] ") {
		t.Errorf("as another: %q", got)
	}
	// What is no message of the mechanism.
	for _, response := range []string{"Zm9v", "=", "bixubixu"} {
		c.cmd("AUTHENTICATE SCRAM-SHA-256 "+response, "BAD ...")
	}
}

func TestAuthenticateExternal(t *testing.T) {
	t.Parallel()
	mine, others := selfSigned().Certificates[0], selfSigned().Certificates[0]
	s := newAuthServer(t, func(v *testVerifiers, _ *login.Options, lo *ListenerOptions) {
		cert, err := x509.ParseCertificate(mine.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		v.key = sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		lo.TLS.ClientAuth = tls.RequestClientCert
	})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for authzID, want := range map[string]string{
			"": "OK ...", testLogin: "OK ...", testAccount: "OK ...", "other": "NO [AUTHENTICATIONFAILED] ...",
		} {
			for _, initial := range []bool{true, false} {
				c := s.dial()
				c.expect("* OK ...")
				c.startTLSVersion(version, mine)
				if got := c.cmd("CAPABILITY", "OK ..."); !strings.Contains(got[0], " AUTH=EXTERNAL AUTH=PLAIN ") {
					t.Errorf("capabilities %q", got)
				}
				if got := c.authenticate(sasl.NewExternalClient(authzID), initial); !match(want, got) {
					t.Errorf("as %q: got %q, want %q", authzID, got, want)
				}
			}
		}
		for name, certificates := range map[string][]tls.Certificate{"no key": nil, "unknown key": {others}} {
			c := s.dial()
			c.expect("* OK ...")
			c.startTLSVersion(version, certificates...)
			if got := c.cmd("CAPABILITY", "OK ..."); strings.Contains(got[0], "EXTERNAL") {
				t.Errorf("%s: capabilities %q", name, got)
			}
			c.cmd("AUTHENTICATE EXTERNAL =", "NO [CANNOT] ...")
		}
	}
}

// Neither proofs nor what they can be tried on with passwords are in a trace without secrets.
func TestAuthenticateIsNotTraced(t *testing.T) {
	t.Parallel()
	var out lockedBuffer
	var levels logging.Levels
	levels.Set(logging.LevelTrace, nil)
	s := newAuthServerWith(t, nil, func(o *Options) { o.Log = logging.New(&out, &levels) })
	for _, mechanism := range append(allMechanisms, sasl.Plain, sasl.Login) {
		for _, password := range []string{"hunter2", testPassword} {
			c := s.dial()
			c.expect("* OK ...")
			m := saslRecorder{Client: saslClient(t, mechanism, testLogin, password, nil)}
			c.authenticate(&m, true)
			for _, said := range m.said {
				text := string(said)
				if text == "" || text == testLogin {
					continue // Who logs in is told.
				}
				if got := out.String(); strings.Contains(got, text) || strings.Contains(got, base64.StdEncoding.EncodeToString(said)) {
					t.Errorf("%s: %q is in the trace", mechanism, said)
				}
			}
			if len(m.said) == 0 {
				t.Errorf("%s: nothing was said", mechanism)
			}
		}
	}
	if !strings.Contains(out.String(), "AUTHENTICATE") {
		t.Errorf("there is no trace: %s", out.String())
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
