package imapserver

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/internal/logging"
	"mox/internal/ratelimit"
	"mox/login"
	"mox/login/logintest"
	"mox/sasl"
)

var allMechanisms = []string{sasl.SCRAMSHA256, sasl.SCRAMSHA1, sasl.CRAMMD5}

// testUsers has the owner of the test account, by address or name.
func testUsers() *logintest.Users {
	return &logintest.Users{
		Password: testPassword,
		Accounts: map[string]string{testLogin: testAccount, testAccount: testAccount},
		Errors:   map[string]error{"disabled": &login.DisabledError{Reason: "ask the office"}, "fault": errors.New("database is broken")},
	}
}

// newAuthServer returns a server with all mechanisms and no waiting.
func newAuthServer(t *testing.T, users *logintest.Users, change func(*login.Options, *Options, *ListenerOptions)) *testServer {
	t.Helper()
	return newServer(t, newStore(t, t.TempDir()), func(o *Options, lo *ListenerOptions) {
		lo.TLS = selfSigned()
		o.Logins = testLogins(func(logins *login.Options) {
			logins.Authenticate, logins.Verifiers = users.Authenticate, users
			if change != nil {
				change(logins, o, lo)
			}
		})
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

func TestAuthenticateMechanisms(t *testing.T) {
	t.Parallel()
	s := newAuthServer(t, testUsers(), nil)
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
					if got := c.authenticate(logintest.Client(t, mechanism, login[0], login[1], cs), initial); got != "NO [AUTHENTICATIONFAILED] Wrong user name or password" {
						t.Errorf("%s %s, %s: %q", tls.VersionName(version), mechanism, name, got)
					}
				}
				if got := c.authenticate(logintest.Client(t, mechanism, testLogin, testPassword, cs), initial); !match("OK [CAPABILITY IMAP4rev1 ... AUTHENTICATE done", got) {
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
	users := testUsers()
	users.Offered = []string{sasl.SCRAMSHA256}
	s := newAuthServer(t, users, nil)
	c := s.dial()
	c.expect("* OK ...")
	for _, mechanism := range []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "SCRAM-SHA-512", "CRAM-MD5", "EXTERNAL", "NTLM", "X"} {
		c.cmd("AUTHENTICATE "+mechanism, "NO [CANNOT] ...")
	}
	cs := c.startTLSVersion(tls.VersionTLS13)
	for _, mechanism := range []string{"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "CRAM-MD5", "EXTERNAL"} {
		c.cmd("AUTHENTICATE "+mechanism, "NO [CANNOT] ...")
	}
	if got := c.authenticate(logintest.Client(t, sasl.SCRAMSHA256Plus, testLogin, testPassword, cs), true); !strings.HasPrefix(got, "OK ") {
		t.Error(got)
	}

	// Without TLS nothing is offered, unless the listener allows it.
	s = newAuthServer(t, users, func(_ *login.Options, _ *Options, lo *ListenerOptions) { lo.PlaintextAuth = false })
	c = s.dial()
	c.expect("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE STARTTLS LOGINDISABLED] ...")
	for _, mechanism := range append(allMechanisms, sasl.Plain, sasl.External) {
		c.cmd("AUTHENTICATE "+mechanism, "NO [PRIVACYREQUIRED] ...")
	}
}

// A client is logged in only after it has taken the server's proof.
func TestAuthenticateEndsWithTheClient(t *testing.T) {
	t.Parallel()
	s := newAuthServer(t, testUsers(), nil)
	for last, want := range map[string]string{
		"":         "OK [CAPABILITY ...",
		"*":        "BAD Authentication canceled",
		"Zm9v":     "BAD Nothing more was expected",
		"no base6": "BAD ...",
	} {
		c := s.dial()
		c.expect("* OK ...")
		m := logintest.Client(t, sasl.SCRAMSHA256, testLogin, testPassword, nil)
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

// What logins come to is counted.
func TestAuthenticateIsCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	s := newAuthServer(t, testUsers(), func(logins *login.Options, o *Options, lo *ListenerOptions) {
		o.Registerer = registry
		lo.AccountConns = ratelimit.NewCounts[string](1)
		logins.Failures = ratelimit.NewLogins(ratelimit.LoginOptions{Clients: ratelimit.NetworkOptions{Client: []ratelimit.Rate{{Period: time.Hour, Max: 2}}}})
	})
	c, d := s.dial(), s.dial()
	c.expect("* OK ...")
	d.expect("* OK ...")
	for _, tt := range []struct {
		c              *testClient
		user, password string
		want           string
	}{
		{c, "disabled", testPassword, "NO [CONTACTADMIN] login is disabled: ask the office"},
		{c, "fault", testPassword, "NO [UNAVAILABLE] Logging in is not possible now, try again later"},
		{d, testLogin, testPassword, "OK [CAPABILITY ..."},
		{c, testLogin, testPassword, "NO [LIMIT] ..."},
		{c, testLogin, "wrong", "NO [AUTHENTICATIONFAILED] Wrong user name or password"},
		{c, "nobody", testPassword, "NO [AUTHENTICATIONFAILED] Wrong user name or password"},
		{c, testLogin, testPassword, "NO [AUTHENTICATIONFAILED] Wrong user name or password"},
	} {
		if got := tt.c.authenticate(logintest.Client(t, sasl.SCRAMSHA256, tt.user, tt.password, nil), true); !match(tt.want, got) {
			t.Errorf("as %s: %q, want %q", tt.user, got, tt.want)
		}
	}
	want := map[string]float64{"disabled": 1, "error": 1, "ok": 1, "connections": 1, "credentials": 2, "limit": 1}
	if n := logins(t, registry); !maps.Equal(n, want) {
		t.Errorf("counted %v, want %v", n, want)
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
	// Nobody acts for another account.
	s := newAuthServer(t, testUsers(), nil)
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
	// RFC 9051 §6.2.2, RFC 4959 §3: an initial response where the server has to begin.
	for _, response := range []string{"Zm9v", "="} {
		c.cmd("AUTHENTICATE CRAM-MD5 "+response, "BAD This is not how the mechanism works")
	}
}

// The key of a TLS client is that of the connection.
func TestAuthenticateExternal(t *testing.T) {
	t.Parallel()
	mine, key := logintest.Certificate(t)
	others, _ := logintest.Certificate(t)
	users := testUsers()
	users.Keys = map[sasl.KeyFingerprint]string{key: testAccount}
	s := newAuthServer(t, users, func(_ *login.Options, _ *Options, lo *ListenerOptions) { lo.TLS.ClientAuth = tls.RequestClientCert })
	for authzID, want := range map[string]string{
		"": "OK ...", testLogin: "OK ...", testAccount: "OK ...", "other": "NO [AUTHENTICATIONFAILED] ...",
	} {
		for _, initial := range []bool{true, false} {
			c := s.dial()
			c.expect("* OK ...")
			c.startTLSVersion(tls.VersionTLS13, mine)
			if got := c.cmd("CAPABILITY", "OK ..."); !strings.Contains(got[0], " AUTH=EXTERNAL AUTH=PLAIN ") {
				t.Errorf("capabilities %q", got)
			}
			if got := c.authenticate(sasl.NewExternalClient(authzID), initial); !match(want, got) {
				t.Errorf("as %q: got %q, want %q", authzID, got, want)
			}
		}
	}
	c := s.dial()
	c.expect("* OK ...")
	c.startTLSVersion(tls.VersionTLS13, others)
	if got := c.cmd("CAPABILITY", "OK ..."); strings.Contains(got[0], "EXTERNAL") {
		t.Errorf("capabilities %q for an unknown key", got)
	}
	c.cmd("AUTHENTICATE EXTERNAL =", "NO [CANNOT] ...")
}

// Neither proofs nor what they can be tried on with passwords are in a trace without secrets.
func TestAuthenticateIsNotTraced(t *testing.T) {
	t.Parallel()
	var out lockedBuffer
	var levels logging.Levels
	levels.Set(logging.LevelTrace, nil)
	s := newAuthServer(t, testUsers(), func(_ *login.Options, o *Options, _ *ListenerOptions) { o.Log = logging.New(&out, &levels) })
	for _, mechanism := range append(allMechanisms, sasl.Plain, sasl.Login) {
		for _, password := range []string{"hunter2", testPassword} {
			c := s.dial()
			c.expect("* OK ...")
			m := logintest.Recorder{Client: logintest.Client(t, mechanism, testLogin, password, nil)}
			c.authenticate(&m, true)
			for _, said := range m.Said {
				text := string(said)
				if text == "" || text == testLogin {
					continue // Who logs in is told.
				}
				if got := out.String(); strings.Contains(got, text) || strings.Contains(got, base64.StdEncoding.EncodeToString(said)) {
					t.Errorf("%s: %q is in the trace", mechanism, said)
				}
			}
			if len(m.Said) == 0 {
				t.Errorf("%s: nothing was said", mechanism)
			}
		}
	}
	if !strings.Contains(out.String(), "AUTHENTICATE") {
		t.Errorf("there is no trace: %s", out.String())
	}
}
