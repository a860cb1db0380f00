package login_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mox/internal/ratelimit"
	"mox/login"
	"mox/login/logintest"
	"mox/sasl"
)

const secret = "s3cret"

func newUsers() *logintest.Users {
	return &logintest.Users{
		Password: secret,
		Accounts: map[string]string{"ann": "ann", "ann@example.org": "ann", "bob": "bob"},
		Errors:   map[string]error{"off": &login.DisabledError{Reason: "ask the office"}, "fault": errFault},
	}
}

var errFault = errors.New("database is broken")

func newService(t *testing.T, u *logintest.Users, change func(*login.Options)) *login.Service {
	t.Helper()
	o := login.Options{Authenticate: u.Authenticate, Verifiers: u}
	if change != nil {
		change(&o)
	}
	s, err := login.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var client = login.ConnOptions{Hostname: "mx.example.org", IP: netip.MustParseAddr("192.0.2.1")}

// handshake returns the two ends of a TLS connection.
func handshake(t *testing.T, version uint16, certificates ...tls.Certificate) (server, client *tls.ConnectionState) {
	t.Helper()
	own, _ := logintest.Certificate(t)
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	s := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequestClientCert})
	c := tls.Client(b, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, Certificates: certificates})
	done := make(chan error, 1)
	go func() { done <- s.HandshakeContext(t.Context()) }()
	go c.Read(make([]byte, 1)) // The end of the handshake of TLS 1.3, and its tickets.
	if err := errors.Join(c.HandshakeContext(t.Context()), <-done); err != nil {
		t.Fatal(err)
	}
	scs, ccs := s.ConnectionState(), c.ConnectionState()
	return &scs, &ccs
}

// exchange makes an attempt with a client's side of a mechanism.
func exchange(t *testing.T, c *login.Conn, cs *tls.ConnectionState, m sasl.Client) (time.Duration, error) {
	t.Helper()
	return exchangeIn(t, c.Attempt(cs), m)
}

func exchangeIn(t *testing.T, a *login.Attempt, m sasl.Client) (time.Duration, error) {
	t.Helper()
	server := a.Mechanism(m.Mechanism())
	if server == nil {
		t.Fatalf("%s is not offered", m.Mechanism())
	}
	response, err := m.Start()
	if err != nil {
		t.Fatal(err)
	}
	for {
		challenge, done, err := server.Next(t.Context(), response)
		if err != nil || done && challenge == nil {
			return a.End(err)
		}
		if response, err = m.Next(challenge); err != nil {
			t.Fatalf("%s: client: %v", m.Mechanism(), err)
		}
		if done {
			return a.End(nil)
		}
	}
}

func TestMechanisms(t *testing.T) {
	t.Parallel()
	const all = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 EXTERNAL PLAIN LOGIN"
	key, fingerprint := logintest.Certificate(t)
	stranger, _ := logintest.Certificate(t)
	u := newUsers()
	u.Keys = map[sasl.KeyFingerprint]string{fingerprint: "ann"}
	s := newService(t, u, func(o *login.Options) { o.FailDelay = -1 })
	for _, tt := range []struct {
		version uint16
		keys    []tls.Certificate
		allowed []string
		want    string
	}{
		{tls.VersionTLS12, []tls.Certificate{key}, nil, all},
		{tls.VersionTLS13, []tls.Certificate{key}, nil, all},
		{tls.VersionTLS13, []tls.Certificate{stranger}, nil, strings.Replace(all, "EXTERNAL ", "", 1)},
		{0, nil, nil, "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"},
		{tls.VersionTLS13, nil, []string{sasl.Login, sasl.SCRAMSHA1, sasl.SCRAMSHA256}, "SCRAM-SHA-256 SCRAM-SHA-1 LOGIN"},
		{tls.VersionTLS13, nil, []string{sasl.SCRAMSHA256Plus}, "SCRAM-SHA-256-PLUS"},
		{tls.VersionTLS13, nil, []string{sasl.External}, ""},
		{0, nil, []string{sasl.SCRAMSHA256Plus}, ""},
	} {
		o := client
		o.Mechanisms = tt.allowed
		var scs, ccs *tls.ConnectionState
		if tt.version != 0 {
			scs, ccs = handshake(t, tt.version, tt.keys...)
		}
		c := s.NewConn(o)
		offered := c.Mechanisms(scs)
		if got := strings.Join(offered, " "); got != tt.want {
			t.Errorf("%+v: offered %s", tt, got)
		}
		for m := range strings.FieldsSeq(all + " NTLM") {
			if server := c.Attempt(scs).Mechanism(m); (server != nil) != strings.Contains(" "+tt.want+" ", " "+m+" ") {
				t.Errorf("%+v: %s: %v", tt, m, server)
			}
		}
		for _, m := range offered {
			if m != sasl.External {
				if _, err := exchange(t, s.NewConn(o), scs, logintest.Client(t, m, "ann", "wrong", ccs)); !errors.Is(err, sasl.ErrCredentials) {
					t.Errorf("%s with a wrong password: %v", m, err)
				}
			}
			if _, err := exchange(t, s.NewConn(o), scs, logintest.Client(t, m, "nobody", secret, ccs)); !errors.Is(err, sasl.ErrCredentials) {
				t.Errorf("%s as nobody: %v", m, err)
			}
			a := s.NewConn(o).Attempt(scs)
			if wait, err := exchangeIn(t, a, logintest.Client(t, m, "ann@example.org", secret, ccs)); err != nil || wait != 0 || a.Account() != "ann" {
				t.Errorf("%s: %v after %v, account %q", m, err, wait, a.Account())
			}
		}
	}
	if _, err := login.New(login.Options{}); err == nil {
		t.Error("a service that can check nothing was made")
	}
}

// A client that could bind the exchange, and was not offered to, says so. That is an attack only where it should
// have been offered.
func TestBindingThatIsNotOffered(t *testing.T) {
	t.Parallel()
	s := newService(t, newUsers(), nil)
	scs, ccs := handshake(t, tls.VersionTLS13)
	hidden := func() sasl.Client {
		m, err := sasl.NewClient([]string{sasl.SCRAMSHA256, sasl.Plain}, sasl.Credentials{Username: "ann", Password: sasl.NewSecret(secret)}, ccs)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if _, err := exchange(t, s.NewConn(client), scs, hidden()); !errors.Is(err, sasl.ErrCredentials) {
		t.Errorf("hidden by somebody: %v", err)
	}
	o := client
	o.Mechanisms = []string{sasl.SCRAMSHA256, sasl.SCRAMSHA1Plus}
	if _, err := exchange(t, s.NewConn(o), scs, hidden()); err != nil {
		t.Errorf("not offered: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	u := newUsers()
	s := newService(t, u, nil)
	password := func(username, password string) error {
		t.Helper()
		a := s.NewConn(client).Attempt(nil)
		_, err := a.End(a.Password(t.Context(), username, password))
		return err
	}
	for _, m := range []string{sasl.SCRAMSHA256, sasl.CRAMMD5, sasl.Plain} {
		var disabled *login.DisabledError
		_, err := exchange(t, s.NewConn(client), nil, logintest.Client(t, m, "off", secret, nil))
		if !errors.As(err, &disabled) || err.Error() != "login is disabled: ask the office" {
			t.Errorf("%s, disabled: %v", m, err)
		}
	}
	if err := password("off", "wrong"); !errors.Is(err, sasl.ErrCredentials) {
		t.Errorf("disabled, wrong password: %v; a stranger must not learn why", err)
	}
	for _, authzID := range []string{"bob", "ann@example.org"} {
		for _, m := range []string{sasl.SCRAMSHA256, sasl.Plain} {
			c, err := sasl.NewClient([]string{m}, sasl.Credentials{Username: "ann", AuthzID: authzID, Password: sasl.NewSecret(secret)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := exchange(t, s.NewConn(client), nil, c); !errors.Is(err, sasl.ErrCredentials) {
				t.Errorf("%s, acting as %s: %v", m, authzID, err)
			}
		}
	}
	if _, err := s.NewConn(client).Attempt(nil).End(nil); err == nil {
		t.Error("a login without any exchange")
	}
	if err := password("fault", secret); !errors.Is(err, errFault) || errors.Is(err, sasl.ErrCredentials) {
		t.Errorf("fault: %v", err)
	}
}

// Failures count for whoever guesses, at any of the servers, with any spelling of the name, and are answered ever more
// slowly.
func TestFailures(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	u := newUsers()
	s := newService(t, u, func(o *login.Options) {
		o.Failures = ratelimit.NewLogins(ratelimit.LoginOptions{
			Clients: ratelimit.NetworkOptions{Client: []ratelimit.Rate{{Period: time.Hour, Max: 3}}},
			Names:   []ratelimit.Rate{{Period: time.Hour, Max: 4}},
			Now:     func() time.Time { return now },
		})
		o.Key = strings.ToLower
	})
	try := func(c *login.Conn, username, password string) (time.Duration, error) {
		t.Helper()
		return exchange(t, c, nil, logintest.Client(t, sasl.Plain, username, password, nil))
	}
	from := func(ip string) login.ConnOptions { return login.ConnOptions{IP: netip.MustParseAddr(ip)} }
	one, other := s.NewConn(from("192.0.2.1")), s.NewConn(from("192.0.2.1"))
	for i, c := range []*login.Conn{one, one, other} {
		wait, err := try(c, []string{"ann", "ANN", "Ann"}[i], "wrong")
		if want := []time.Duration{time.Second, 2 * time.Second, time.Second}[i]; wait != want || !errors.Is(err, sasl.ErrCredentials) || errors.Is(err, login.ErrLimited) {
			t.Errorf("failure %d: %v after %v, want after %v", i, err, wait, want)
		}
	}
	tried := u.Tried.Load()
	for _, m := range []string{sasl.Plain, sasl.Login, sasl.SCRAMSHA256, sasl.CRAMMD5} {
		wait, err := exchange(t, s.NewConn(from("192.0.2.1")), nil, logintest.Client(t, m, "ann", secret, nil))
		if !errors.Is(err, login.ErrLimited) || !errors.Is(err, sasl.ErrCredentials) || wait != time.Second {
			t.Errorf("%s, too many failures: %v after %v", m, err, wait)
		}
	}
	if u.Tried.Load() != tried {
		t.Error("passwords were looked at")
	}
	// From elsewhere, one guess for the name is left.
	if _, err := try(s.NewConn(from("198.51.100.1")), "aNN", "wrong"); errors.Is(err, login.ErrLimited) {
		t.Error(err)
	}
	if _, err := try(s.NewConn(from("198.51.100.1")), "ann", secret); !errors.Is(err, login.ErrLimited) {
		t.Errorf("name is guessed on from elsewhere: %v", err)
	}
	if _, err := try(s.NewConn(from("198.51.100.1")), "bob", secret); err != nil {
		t.Errorf("another name: %v", err)
	}
	// Who is not limited neither waits nor counts.
	free := from("192.0.2.1")
	free.Unlimited = true
	c := s.NewConn(free)
	for range 20 {
		if wait, err := try(c, "bob", "wrong"); wait != 0 || !errors.Is(err, sasl.ErrCredentials) || errors.Is(err, login.ErrLimited) {
			t.Fatalf("unlimited: %v after %v", err, wait)
		}
	}
	now = now.Add(3 * time.Hour)
	if _, err := try(s.NewConn(from("192.0.2.1")), "ann", secret); err != nil {
		t.Errorf("later: %v", err)
	}
	c = s.NewConn(from("203.0.113.1"))
	for i := range 15 {
		if wait, _ := try(c, "nobody", "wrong"); wait != min(time.Duration(i+1), 10)*time.Second {
			t.Errorf("failure %d waits %v", i, wait)
		}
	}
	a := c.Attempt(nil)
	if _, err := a.End(a.Password(t.Context(), strings.Repeat("x", 1<<20), "wrong")); !errors.Is(err, sasl.ErrCredentials) {
		t.Errorf("long name: %v", err)
	}
}

// Guesses on many connections at a time are no more than those on one: none that was begun in time is good once too
// many others have failed.
func TestFailuresMeanwhile(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{sasl.Plain, sasl.SCRAMSHA256, sasl.CRAMMD5} {
		for _, username := range []string{"ann", "off"} {
			u := newUsers()
			var s *login.Service
			s = newService(t, u, func(o *login.Options) {
				o.Failures = ratelimit.NewLogins(ratelimit.LoginOptions{Names: []ratelimit.Rate{{Period: time.Hour, Max: 1}}})
				o.Authenticate = func(ctx context.Context, username, password string) (string, error) {
					if password == secret {
						fail(t, s, username) // While this one is being looked at.
					}
					return u.Authenticate(ctx, username, password)
				}
			})
			a := s.NewConn(client).Attempt(nil)
			m := logintest.Client(t, mechanism, username, secret, nil)
			server := a.Mechanism(mechanism)
			response, err := m.Start()
			for done := false; err == nil && !done; {
				var challenge []byte
				if challenge, done, err = server.Next(t.Context(), response); err == nil && !done {
					response, err = m.Next(challenge)
					fail(t, s, username)
				}
			}
			if _, err := a.End(err); !errors.Is(err, login.ErrLimited) {
				t.Errorf("%s as %s, after others have failed: %v", mechanism, username, err)
			}
		}
	}
}

// fail makes an attempt on another connection.
func fail(t *testing.T, s *login.Service, username string) {
	t.Helper()
	if _, err := exchange(t, s.NewConn(client), nil, logintest.Client(t, sasl.Plain, username, "wrong", nil)); !errors.Is(err, sasl.ErrCredentials) {
		t.Error(err)
	}
}

func TestConnectionsOfAccount(t *testing.T) {
	t.Parallel()
	s := newService(t, newUsers(), nil)
	o := client
	o.Accounts = ratelimit.NewCounts[string](1)
	logIn := func(c *login.Conn, username string) error {
		t.Helper()
		_, err := exchange(t, c, nil, logintest.Client(t, sasl.SCRAMSHA256, username, secret, nil))
		return err
	}
	a, b := s.NewConn(o), s.NewConn(o)
	if err := logIn(a, "ann"); err != nil {
		t.Fatal(err)
	}
	if err := logIn(b, "ann@example.org"); !errors.Is(err, login.ErrConnections) {
		t.Errorf("one more: %v", err)
	}
	if err := logIn(b, "bob"); err != nil {
		t.Errorf("another account: %v", err)
	}
	free := o
	free.Unlimited = true
	if err := logIn(s.NewConn(free), "ann"); err != nil {
		t.Errorf("not limited: %v", err)
	}
	a.Close()
	a.Close()
	b.Close()
	for _, username := range []string{"ann", "bob"} {
		if err := logIn(s.NewConn(o), username); err != nil {
			t.Errorf("after the others were closed: %v", err)
		}
		if err := logIn(s.NewConn(o), username); !errors.Is(err, login.ErrConnections) {
			t.Errorf("%s, one more: %v", username, err)
		}
	}
}

// What becomes of attempts is told once each, but not of exchanges that were broken off before there was a user.
func TestAttempted(t *testing.T) {
	t.Parallel()
	var told []login.Attempted
	s := newService(t, newUsers(), func(o *login.Options) {
		o.Attempted = func(a login.Attempted) { told = append(told, a) }
		o.Failures = ratelimit.NewLogins(ratelimit.LoginOptions{Names: []ratelimit.Rate{{Period: time.Hour, Max: 1}}})
	})
	o := client
	o.Protocol, o.UserAgent = "imap", "mutt"
	for _, tt := range []struct {
		mechanism, username, password string
		account                       string
		err                           error
	}{
		{sasl.SCRAMSHA256, "ann", secret, "ann", nil},
		{sasl.CRAMMD5, "bob", "wrong", "", sasl.ErrCredentials},
		{sasl.Plain, "bob", secret, "", login.ErrLimited},
		{sasl.Plain, "nobody", secret, "", sasl.ErrCredentials},
		{"", "ann@example.org", secret, "ann", nil},
		{"", "off", secret, "", &login.DisabledError{}},
		{sasl.Plain, "fault", secret, "", errFault},
	} {
		told = nil
		c := s.NewConn(o)
		if tt.mechanism == "" {
			a := c.Attempt(nil)
			a.End(a.Password(t.Context(), tt.username, tt.password))
		} else {
			exchange(t, c, nil, logintest.Client(t, tt.mechanism, tt.username, tt.password, nil))
		}
		if len(told) != 1 {
			t.Errorf("%+v: told %+v", tt, told)
			continue
		}
		got := told[0]
		want := login.Attempted{Protocol: "imap", UserAgent: "mutt", IP: client.IP, Mechanism: tt.mechanism, Username: tt.username, Account: tt.account, Err: got.Err}
		if _, disabled := errors.AsType[*login.DisabledError](got.Err); got != want || !errors.Is(got.Err, tt.err) && !disabled {
			t.Errorf("%+v: told %+v", tt, got)
		}
	}
	told = nil
	s.NewConn(o).Attempt(nil).End(errors.New("malformed"))
	if told != nil {
		t.Errorf("told of no user: %+v", told)
	}
}

func TestTakesPasswords(t *testing.T) {
	t.Parallel()
	s := newService(t, newUsers(), nil)
	for _, tt := range []struct {
		mechanisms []string
		want       bool
	}{
		{nil, true}, {[]string{sasl.Plain}, true}, {[]string{sasl.External, sasl.Login}, true},
		{[]string{}, false}, {[]string{sasl.SCRAMSHA256, sasl.External}, false},
	} {
		if got := s.NewConn(login.ConnOptions{Mechanisms: tt.mechanisms}).TakesPasswords(); got != tt.want {
			t.Errorf("%q: %v", tt.mechanisms, got)
		}
	}
}
