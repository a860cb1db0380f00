package autotls

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
)

// world is a manager with its CAs, in a bubble.
type world struct {
	t     *testing.T
	ca    *fakeCA // The first.
	cas   fakeCAs
	opts  Options
	m     *Manager
	stop  func()
	log   logBuffer
	mu    sync.Mutex // Guards hosts and attempts.
	hosts []Host
	tries []Attempt
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func domain(t *testing.T, name string) dns.Domain {
	t.Helper()
	d, err := dns.ParseDomain(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func hostsOf(t *testing.T, names ...string) []Host {
	t.Helper()
	var l []Host
	for _, name := range names {
		l = append(l, Host{Name: domain(t, name)})
	}
	return l
}

// newWorld makes CAs, named a, b and so on, and a manager that does not run yet.
func newWorld(t *testing.T, lifetime time.Duration, cas int, hosts ...string) *world {
	t.Helper()
	w := &world{t: t, hosts: hostsOf(t, hosts...)}
	for i := range cas {
		name := string(rune('a' + i))
		ca := newFakeCA(t, "https://"+name+".ca.example", lifetime)
		ca.manager = func() *Manager { return w.m }
		w.cas = append(w.cas, ca)
		w.opts.CAs = append(w.opts.CAs, CA{Name: name, DirectoryURL: ca.url + "/dir", Contact: "ops@example.org"})
	}
	w.ca = w.cas[0]
	w.opts.Dir = t.TempDir()
	w.opts.HTTPClient = &http.Client{Transport: w.cas, Timeout: 30 * time.Second}
	w.opts.Log = slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.opts.Hosts = func() []Host {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.hosts
	}
	w.opts.Attempted = func(a Attempt) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.tries = append(w.tries, a)
	}
	t.Cleanup(func() {
		if t.Failed() {
			lines := strings.Split(w.log.String(), "\n")
			t.Logf("log:\n%s", strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	})
	return w
}

// start makes the manager and runs it for a while.
func (w *world) start(d time.Duration) {
	w.t.Helper()
	m, err := New(w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	w.m = m
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		m.Run(ctx)
		close(done)
	}()
	w.stop = func() {
		cancel()
		<-done
	}
	w.pass(d)
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) status(host string) Status {
	w.t.Helper()
	for _, s := range w.m.Status() {
		if s.Host.ASCII == host {
			return s
		}
	}
	w.t.Fatalf("no status of %s", host)
	return Status{}
}

// served returns the certificate that a web client gets.
func (w *world) served(host string) *tls.Certificate {
	w.t.Helper()
	cert, err := w.m.GetCertificate(hello(host))
	if err != nil || cert == nil {
		w.t.Fatalf("certificate of %s: %v, %v", host, cert, err)
	}
	return cert
}

// hello is that of a client that can do everything.
func hello(host string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName:        host,
		SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		SignatureSchemes:  []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.PSSWithSHA256},
		SupportedCurves:   []tls.CurveID{tls.CurveP256, tls.X25519},
		CipherSuites:      []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		SupportedPoints:   []uint8{0},
	}
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Parallel()
	synctest.Test(t, f)
}

// Certificates are there before anybody asks for them, and are always good, whatever
// their lifetime; the key stays.
func TestIssuesAheadAndRenews(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		lifetime       time.Duration
		lives          int
		least, highest int // Certificates per host.
	}{
		{90 * day, 6, 8, 11},
		{6 * day, 6, 8, 11},
		{2 * time.Minute, 6, 8, 11},
	} {
		t.Run(tc.lifetime.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, tc.lifetime, 1, "mail.example.org", "mta-sts.example.org")
				w.start(10 * time.Second)
				defer w.stop()
				keys := w.m.PublicKeys(domain(t, "mail.example.org"))
				const steps = 50
				for range tc.lives * steps {
					for _, host := range []string{"mail.example.org", "mta-sts.example.org"} {
						if leaf := w.served(host).Leaf; time.Now().After(leaf.NotAfter) {
							t.Fatalf("%s is served a certificate that expired at %s, now %s", host, leaf.NotAfter, time.Now())
						}
						if s := w.status(host); s.State != StateValid {
							t.Fatalf("%s: %+v", host, s)
						}
					}
					w.pass(tc.lifetime / steps)
				}
				if !sameKey(w.served("mail.example.org").Leaf.PublicKey, keys[0]) {
					t.Error("the key has changed")
				}
				if n := w.ca.count("new-order"); n < 2*tc.least || n > 2*tc.highest {
					t.Errorf("%d certificates in %d lifetimes of 2 hosts", n, tc.lives)
				}
				if n := w.ca.count("new-account"); n != 1 {
					t.Errorf("%d requests for accounts", n)
				}
			})
		})
	}
}

func TestRenewBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.opts.CAs[0].RenewBefore = 10 * day
		w.start(75 * day)
		defer w.stop()
		if n := w.ca.count("new-order"); n != 1 {
			t.Errorf("renewed after 75 days, %d orders", n)
		}
		w.pass(5 * day)
		if n := w.ca.count("new-order"); n != 2 {
			t.Errorf("not renewed 10 days before the end, %d orders", n)
		}
	})
}

// A restart finds account, keys and certificates, and asks for nothing.
func TestRestartAsksNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org", "www.example.org")
		w.start(time.Minute)
		cert := w.served("mail.example.org")
		w.stop()
		before := w.ca.count("")
		for range 5 {
			w.start(time.Hour)
			w.stop()
		}
		if n := w.ca.count("") - before; n != 0 {
			t.Errorf("%d requests after restarts", n)
		}
		if again := w.served("mail.example.org"); !bytes.Equal(again.Certificate[0], cert.Certificate[0]) {
			t.Error("another certificate after a restart")
		}
		err := filepath.WalkDir(w.opts.Dir, func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 && path != w.opts.Dir {
				t.Errorf("%s: mode %s", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		// The account is still ours.
		w.start(100 * day)
		w.stop()
		if n := w.ca.count("new-account"); n != 1 {
			t.Errorf("%d requests for accounts", n)
		}
	})
}

// Where one challenge does not work the other one is tried, and remembered.
func TestChallenges(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.ca.noALPN = true
		w.start(time.Minute)
		defer w.stop()
		if s := w.status("mail.example.org"); s.Challenge != HTTP01 || s.State != StateValid {
			t.Errorf("status %+v", s)
		}
		before := w.ca.count("challenge")
		w.pass(65 * day)
		if n := w.ca.count("challenge") - before; n != 1 {
			t.Errorf("%d validations for a renewal", n)
		}
		w.ca.set(func() { w.ca.noALPN = false })
		// Nothing is answered when nothing was asked for.
		if cert, err := w.m.GetCertificate(&tls.ClientHelloInfo{ServerName: "mail.example.org", SupportedProtos: []string{ALPNProto}}); cert != nil || err != nil {
			t.Errorf("validation without order: %v, %v", cert, err)
		}
	})
}

func TestOnlyHTTP(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.opts.Challenges = []Challenge{HTTP01}
		w.start(time.Minute)
		defer w.stop()
		w.served("mail.example.org")
		if n := w.ca.count("challenge"); n != 1 {
			t.Errorf("%d validations", n)
		}
	})
}

// A program that is killed in the middle of attempts, again and again, does not ask at
// the pace of its restarts.
func TestCrashLoop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		saved := t.TempDir()
		w.ca.fail = func(endpoint, _ string) *fakeProblem {
			if endpoint == "challenge" {
				// What a restart finds on disk if the program is killed now.
				if err := os.RemoveAll(saved); err != nil {
					t.Error(err)
				}
				if err := os.CopyFS(saved, os.DirFS(w.opts.Dir)); err != nil {
					t.Error(err)
				}
			}
			return nil
		}
		begin := time.Now()
		for i := 0; i < 200; i++ {
			w.start(0)
			w.pass(time.Second)
			w.stop()
			if err := os.RemoveAll(w.opts.Dir); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(w.opts.Dir, os.DirFS(saved)); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.ca.count("new-order"); n < 1 || n > 4 {
			t.Errorf("%d orders in %s of crashes", n, time.Since(begin))
		}
	})
}

// Being stopped is not held against a host.
func TestStopIsNoFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		stuck := true
		w.ca.fail = func(endpoint, _ string) *fakeProblem {
			if stuck && endpoint == "new-order" {
				time.Sleep(10 * time.Second)
				return &fakeProblem{500, "serverInternal", "", "slow"}
			}
			return nil
		}
		w.start(time.Second)
		w.stop()
		if s := w.status("mail.example.org"); s.State != StatePending || s.Failures != 0 {
			t.Errorf("status %+v", s)
		}
		stuck = false
		w.start(time.Second)
		defer w.stop()
		w.served("mail.example.org")
	})
}

// Hosts come and go while it runs.
func TestRefresh(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.start(time.Minute)
		defer w.stop()
		if cert, err := w.m.GetCertificate(hello("www.example.org")); cert != nil || err != nil {
			t.Fatalf("a host that is not wanted has %v, %v", cert, err)
		}
		change := func(hosts ...string) {
			w.mu.Lock()
			w.hosts = hostsOf(t, hosts...)
			w.mu.Unlock()
			w.m.Refresh()
			w.pass(time.Second)
		}
		change("www.example.org", "www.example.org")
		key := w.served("www.example.org").Leaf.PublicKey
		if cert, _ := w.m.GetCertificate(hello("mail.example.org")); cert != nil {
			t.Error("a host that is gone is still served")
		}
		if l := w.m.Status(); len(l) != 1 {
			t.Errorf("status of %d hosts", len(l))
		}
		orders := w.ca.count("new-order")
		change()
		w.pass(80 * day)
		if n := w.ca.count("new-order") - orders; n != 0 {
			t.Error("certificates of hosts that are gone are renewed")
		}
		change("www.example.org", "mail.example.org")
		if !sameKey(w.served("www.example.org").Leaf.PublicKey, key) {
			t.Error("a host that comes back has another key")
		}
	})
}

// A host whose key could not be kept when it was added, as the disk was full, gets a certificate once that can be done.
func TestRefreshWithoutSpace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.start(time.Minute)
		defer w.stop()
		// Permissions do not bind root, a file in the place of a directory does.
		blocked := filepath.Join(w.opts.Dir, "hosts", "www.example.org")
		if err := os.WriteFile(blocked, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		w.hosts = hostsOf(t, "mail.example.org", "www.example.org")
		w.mu.Unlock()
		w.m.Refresh()
		w.pass(3 * time.Hour)
		w.served("mail.example.org")
		if n := strings.Count(w.log.String(), "looked at again later"); n < 1 || n > 6 {
			t.Errorf("the log has it %d times in 3 hours", n)
		}
		if err := os.Remove(blocked); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * time.Hour)
		w.served("www.example.org")
	})
}

// A key that is given takes the place of ours, and ours comes back without it. Each needs a
// certificate of its own.
func TestGivenKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.start(time.Minute)
		defer w.stop()
		own := w.served("mail.example.org").Leaf.PublicKey
		given, err := GenerateKey(ECDSAP256)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			keys []crypto.Signer
			want crypto.PublicKey
		}{{[]crypto.Signer{given}, given.Public()}, {nil, own}, {nil, own}} {
			w.mu.Lock()
			w.hosts = []Host{{Name: domain(t, "mail.example.org"), Keys: step.keys}}
			w.mu.Unlock()
			w.m.Refresh()
			w.pass(time.Minute)
			if leaf := w.served("mail.example.org").Leaf; !sameKey(leaf.PublicKey, step.want) {
				t.Errorf("keys %v: certificate for another key", step.keys)
			}
		}
		if n := w.ca.count("finalize"); n != 3 {
			t.Errorf("%d certificates, want one for each change of the key", n)
		}
	})
}

// Another CA under the name of the old one is not told about its account, and its
// certificates replace those of the old one.
func TestChangedDirectory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 2, "mail.example.org")
		w.opts.CAs = w.opts.CAs[:1]
		w.start(time.Minute)
		w.stop()
		w.opts.CAs[0].DirectoryURL = w.cas[1].url + "/dir"
		w.start(time.Minute)
		defer w.stop()
		if n := w.cas[1].count("finalize"); n != 1 {
			t.Errorf("%d certificates of the new CA", n)
		}
		for thumbprint := range w.cas[0].accounts {
			if w.cas[1].accounts[thumbprint] {
				t.Error("both CAs know the same key")
			}
		}
	})
}

// What was noted while the clock was years ahead does not stop anything for years.
func TestClockWasWrong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org", "many.example.org", "wrong.example.org")
		w.ca.wrong["wrong.example.org"] = true
		w.ca.fail = func(endpoint, host string) *fakeProblem {
			switch {
			case endpoint == "new-order" && host == "many.example.org":
				return &fakeProblem{429, "rateLimited", "604800", "too many"}
			case endpoint == "new-order" && host == "mail.example.org":
				return &fakeProblem{503, "", "604800", "maintenance"}
			}
			return nil
		}
		w.start(time.Hour)
		w.stop()
		later := regexp.MustCompile(`"(2000-01-\d\d)T`)
		err := filepath.WalkDir(w.opts.Dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".json" {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, later.ReplaceAll(data, []byte(`"2040-01-01T`)), 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		w.ca.set(func() {
			w.ca.fail = nil
			clear(w.ca.wrong)
		})
		w.start(time.Minute)
		defer w.stop()
		for _, name := range []string{"mail.example.org", "many.example.org", "wrong.example.org"} {
			w.served(name)
		}
	})
}

// What is damaged is moved aside, told of, and made anew; all hosts are served. Only keys cannot be had again.
func TestDamagedFiles(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org", "www.example.org")
		w.start(time.Minute)
		w.stop()
		mail := filepath.Join(w.opts.Dir, "hosts", "mail.example.org")
		account := filepath.Join(w.opts.Dir, "accounts", "a")
		damage := func(paths ...string) {
			t.Helper()
			for _, path := range paths {
				if err := os.WriteFile(path, []byte("{damaged"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		// damaged checks which files were moved aside, of which others than www.example.org are the account's.
		damaged := func(host string, want ...string) {
			t.Helper()
			got := w.status(host).Damaged
			if len(got) != len(want) {
				t.Fatalf("damaged files of %s: %q, want %q", host, got, want)
			}
			for i, path := range got {
				data, err := os.ReadFile(path)
				if err != nil || string(data) != "{damaged" || !strings.HasPrefix(path, want[i]+".damaged-2000") || !strings.Contains(w.log.String(), path) {
					t.Errorf("damaged file %s of %s: %q, %v; want %s", path, host, data, err, want[i])
				}
			}
		}
		served := func() (mail, www crypto.PublicKey) {
			t.Helper()
			for _, s := range w.m.Status() {
				if s.State != StateValid || s.Failure != nil {
					t.Errorf("status %+v", s)
				}
			}
			return w.served("mail.example.org").Leaf.PublicKey, w.served("www.example.org").Leaf.PublicKey
		}
		mailKey, wwwKey := served()

		damage(filepath.Join(mail, "state.json"), filepath.Join(mail, "ecdsa-p256.crt.pem"), filepath.Join(account, "account.json"))
		w.start(time.Minute)
		w.stop()
		if key, _ := served(); !sameKey(key, mailKey) || len(w.ca.accounts) != 1 {
			t.Errorf("another key, or %d accounts: the key finds the old one", len(w.ca.accounts))
		}
		damaged("mail.example.org", filepath.Join(mail, "state.json"), filepath.Join(account, "account.json"))
		damaged("www.example.org", filepath.Join(account, "account.json"))

		// The key of a host, twice in the same second.
		key := filepath.Join(mail, "ecdsa-p256.key.pem")
		for range 2 {
			damage(key)
			w.start(0)
			w.stop()
		}
		w.start(time.Minute)
		w.stop()
		newKey, sameWWW := served()
		if sameKey(newKey, mailKey) || !sameKey(sameWWW, wwwKey) {
			t.Error("the damaged key is served, or one that is not has changed")
		}
		damaged("mail.example.org", key, key, filepath.Join(mail, "state.json"), filepath.Join(account, "account.json"))

		// The key of the account, which is needed when there is something to request.
		damage(filepath.Join(account, "account.key.pem"), filepath.Join(mail, "ecdsa-p256.crt.pem"))
		w.start(time.Minute)
		w.stop()
		if served(); len(w.ca.accounts) != 2 {
			t.Errorf("%d accounts, want another one", len(w.ca.accounts))
		}
		damaged("www.example.org", filepath.Join(account, "account.json"), filepath.Join(account, "account.key.pem"))

		// Who has looked into it removes it.
		for _, path := range w.status("mail.example.org").Damaged {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		damaged("mail.example.org")
	})
}

// A host whose key can neither be read nor made does not keep others from being served. It is failing, until that is mended.
func TestUnreadableKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org", "www.example.org")
		// Permissions do not bind root, a directory in the place of a file does.
		blocked := filepath.Join(w.opts.Dir, "hosts", "mail.example.org", "ecdsa-p256.key.pem")
		if err := os.MkdirAll(blocked, 0o700); err != nil {
			t.Fatal(err)
		}
		w.start(3 * time.Hour)
		defer func() { w.stop() }()
		w.served("www.example.org")
		if cert, err := w.m.GetCertificate(hello("mail.example.org")); cert != nil || err != nil {
			t.Errorf("a certificate without a key: %v, %v", cert, err)
		}
		s := w.status("mail.example.org")
		if s.State != StateFailing || s.Failure == nil || s.Failure.Kind != FailureLocal || !strings.Contains(s.Failure.Text, blocked) || s.Failures < 2 || len(w.m.Status()) != 2 {
			t.Errorf("status %+v", s)
		}
		if n := strings.Count(w.log.String(), "looked at again later"); n != 1 {
			t.Errorf("the log has it %d times in 3 hours", n)
		}
		// At once, when somebody asks.
		if err := os.Remove(blocked); err != nil {
			t.Fatal(err)
		}
		w.m.Retry()
		w.pass(time.Minute)
		w.served("mail.example.org")
		if s := w.status("mail.example.org"); s.State != StateValid || s.Failure != nil {
			t.Errorf("status %+v", s)
		}

		// One that has a certificate keeps it, when a key of another type cannot be made.
		blocked = filepath.Join(w.opts.Dir, "hosts", "mail.example.org", "rsa-2048.key.pem")
		if err := os.Mkdir(blocked, 0o700); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		w.hosts = hostsOf(t, "mail.example.org", "www.example.org")
		w.hosts[0].KeyTypes = []KeyType{ECDSAP256, RSA2048}
		w.mu.Unlock()
		w.m.Refresh()
		w.pass(time.Minute)
		w.served("mail.example.org")
		if s := w.status("mail.example.org"); s.State != StateValid || s.Failure == nil || len(w.m.Status()) != 2 {
			t.Errorf("status %+v", s)
		}
	})
}

// Without a place to keep what comes of it, nothing is requested: CAs limit how often the
// same certificate is issued.
func TestNothingKeptNothingAsked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		key, err := GenerateKey(ECDSAP256)
		if err != nil {
			t.Fatal(err)
		}
		w.hosts[0].Keys = []crypto.Signer{key}
		// Permissions do not bind root, a file in the place of a directory does.
		if err := os.WriteFile(filepath.Join(w.opts.Dir, "hosts"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		w.opts.Log = slog.New(slog.DiscardHandler)
		m, err := New(w.opts)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), day)
		defer cancel()
		m.Run(ctx)
		if n := w.ca.count(""); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestWrongOptions(t *testing.T) {
	t.Parallel()
	good := func() Options {
		return Options{Dir: t.TempDir(), CAs: []CA{{Name: "a", DirectoryURL: "https://ca.example/dir"}}, Hosts: func() []Host { return hostsOf(t, "mail.example.org") }}
	}
	if _, err := New(good()); err != nil {
		t.Fatal(err)
	}
	p224 := testKey(t, "p224")
	for name, change := range map[string]func(*Options){
		"no directory":  func(o *Options) { o.Dir = "" },
		"no CA":         func(o *Options) { o.CAs = nil },
		"no hosts":      func(o *Options) { o.Hosts = nil },
		"path as name":  func(o *Options) { o.CAs[0].Name = "../a" },
		"dots":          func(o *Options) { o.CAs[0].Name = ".." },
		"no name":       func(o *Options) { o.CAs[0].Name = "" },
		"two of a name": func(o *Options) { o.CAs = append(o.CAs, o.CAs[0]) },
		"unknown CA": func(o *Options) {
			o.Hosts = func() []Host { return []Host{{Name: domain(t, "a.example"), CAs: []string{"b"}}} }
		},
		"empty host": func(o *Options) { o.Hosts = func() []Host { return []Host{{}} } },
		"unknown key": func(o *Options) {
			o.Hosts = func() []Host { return []Host{{Name: domain(t, "a.example"), KeyTypes: []KeyType{"dsa"}}} }
		},
		"wrong key": func(o *Options) {
			o.Hosts = func() []Host { return []Host{{Name: domain(t, "a.example"), Keys: []crypto.Signer{p224}}} }
		},
		"unusable place": func(o *Options) { o.Dir = "/dev/null/x" },
	} {
		o := good()
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
