package smtpserver

import (
	"crypto/tls"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"mox/internal/logging"
	"mox/login"
	"mox/login/logintest"
	"mox/sasl"
)

// allMechanisms offers all mechanisms on a submission listener without limits.
func allMechanisms(o *Options, lo *ListenerOptions) { withUsers(testUsers())(o, lo) }

// withUsers does as allMechanisms, for other users.
func withUsers(u *logintest.Users) func(*Options, *ListenerOptions) {
	return func(o *Options, lo *ListenerOptions) {
		submission(o, lo)
		lo.Unlimited = everyone
		o.Logins = testLogins(func(o *login.Options) { o.Authenticate, o.Verifiers = u.Authenticate, u })
	}
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
					if got := c.authenticate(logintest.Client(t, mechanism, login[0], login[1], cs), initial); got != "535 5.7.8 wrong user name or password" {
						t.Errorf("%s %s, %s: %q", tls.VersionName(version), mechanism, name, got)
					}
				}
				if got := c.authenticate(logintest.Client(t, mechanism, "alice@example.org", "s3cret", cs), initial); !strings.HasPrefix(got, "235 2.7.0 ") {
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
	users := testUsers()
	users.Offered = []string{sasl.SCRAMSHA256}
	ts := newServer(t, withUsers(users))
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
		if got := c.authenticate(logintest.Client(t, sasl.SCRAMSHA256, username, "s3cret", nil), true); !strings.HasPrefix(got, want) {
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
		m := logintest.Client(t, sasl.SCRAMSHA256, "alice", "s3cret", nil)
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

// The key of a TLS client is that of the connection, and what the exchange comes to is told.
func TestAuthExternal(t *testing.T) {
	t.Parallel()
	mine, key := logintest.Certificate(t)
	others, _ := logintest.Certificate(t)
	users := testUsers()
	users.Keys = map[sasl.KeyFingerprint]string{key: "alice"}
	ts := newServer(t, func(o *Options, lo *ListenerOptions) {
		withUsers(users)(o, lo)
		lo.TLSConfig = lo.TLSConfig.Clone()
		lo.TLSConfig.ClientAuth = tls.RequestClientCert
	})
	for authzID, want := range map[string]string{
		"": "235 2.7.0 ", "alice@example.org": "235 2.7.0 ", "bob@example.org": "535 5.7.8 ", "disabled": "525 5.7.13 ", "fault": "454 4.7.0 ",
	} {
		for _, initial := range []bool{true, false} {
			c := ts.dial()
			c.hello()
			c.startTLSVersion(tls.VersionTLS13, mine)
			if got := c.offered(); !strings.Contains(got, " EXTERNAL PLAIN") {
				t.Errorf("offers %q", got)
			}
			if got := c.authenticate(sasl.NewExternalClient(authzID), initial); !strings.HasPrefix(got, want) {
				t.Errorf("as %q: got %q, want %q", authzID, got, want)
			}
		}
	}
	c := ts.dial()
	c.hello()
	c.startTLSVersion(tls.VersionTLS13, others)
	if got := c.offered(); strings.Contains(got, "EXTERNAL") {
		t.Errorf("offers %q to an unknown key", got)
	}
	c.cmd("AUTH EXTERNAL =", "504 5.5.4")
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
			m := logintest.Recorder{Client: logintest.Client(t, mechanism, "alice", password, nil)}
			c.authenticate(&m, true)
			for _, said := range m.Said {
				text := string(said)
				if text == "" || text == "alice" {
					continue // Who logs in is told.
				}
				if got := log.String(); strings.Contains(got, text) || strings.Contains(got, base64.StdEncoding.EncodeToString(said)) {
					t.Errorf("%s: %q is in the trace", mechanism, said)
				}
			}
			if len(m.Said) == 0 {
				t.Errorf("%s: nothing was said", mechanism)
			}
		}
	}
	if got := log.String(); !strings.Contains(got, "EHLO client.example.net") || !strings.Contains(got, "235 2.7.0") {
		t.Errorf("there is no trace: %s", got)
	}
}
