package config

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func open(t *testing.T, static, dynamic string) (l *Live, dynamicPath string) {
	t.Helper()
	path := write(t, static, dynamic)
	l, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return l, filepath.Join(filepath.Dir(path), "domains.conf")
}

func rewrite(t *testing.T, path, old, new string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(data), old, new, 1)
	if changed == string(data) {
		t.Fatalf("%q is not in %s", old, path)
	}
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	l, dynamicPath := open(t, testStatic, testDynamic)
	var changes int
	cancel := l.Subscribe(func(old, new *Config) {
		changes++
		if new != l.Current() || old == new {
			t.Error("told of another configuration than the current one")
		}
	})
	before := l.Current()

	rewrite(t, dynamicPath, "bob@example.org", "robert@example.org")
	r, err := l.Reload()
	if err != nil || !r.Dynamic || r.NeedsRestart {
		t.Fatalf("reload: %+v, %v", r, err)
	}
	if l.Current().LookupLogin("robert@example.org") == nil || before.LookupLogin("robert@example.org") != nil {
		t.Error("new address must be in the new snapshot, and only there")
	}
	if changes != 1 {
		t.Errorf("subscriber was told %d times", changes)
	}

	// A file with a problem changes nothing.
	rewrite(t, dynamicPath, "robert@example.org", "robert")
	current := l.Current()
	var problems *Error
	if _, err := l.Reload(); !errors.As(err, &problems) {
		t.Errorf("reload of a bad file: %v", err)
	}
	if l.Current() != current || changes != 1 {
		t.Error("a bad file was put in effect")
	}
	cancel()
	rewrite(t, dynamicPath, "robert", "bob@example.org")
	if _, err := l.Reload(); err != nil || changes != 1 {
		t.Errorf("after cancel: error %v, told %d times", err, changes)
	}
}

func TestStaticNeedsRestart(t *testing.T) {
	t.Parallel()
	l, dynamicPath := open(t, testStatic, testDynamic)
	staticPath := filepath.Join(filepath.Dir(dynamicPath), "mox.conf")
	rewrite(t, staticPath, "mail.example.org", "mx.example.org")
	r, err := l.Reload()
	if err != nil || !r.NeedsRestart || r.StaticProblems != "" || r.Dynamic {
		t.Errorf("reload: %+v, %v", r, err)
	}
	if got := l.Current().Hostname.ASCII; got != "mail.example.org" {
		t.Errorf("host name changed to %s without restart", got)
	}
	rewrite(t, staticPath, "mx.example.org", "mx_example_org")
	if r, err := l.Reload(); err != nil || !r.NeedsRestart || r.StaticProblems == "" {
		t.Errorf("reload with bad mox.conf: %+v, %v", r, err)
	}
	rewrite(t, staticPath, "mx_example_org", "mail.example.org")
	if r, err := l.Reload(); err != nil || r.NeedsRestart {
		t.Errorf("reload with the first mox.conf: %+v, %v", r, err)
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	l, dynamicPath := open(t, testStatic, testDynamic)
	add := func(address string) func(*Dynamic) error {
		return func(d *Dynamic) error {
			d.Accounts["ann"].Destinations[address] = DynamicDestination{}
			return nil
		}
	}
	if err := l.Change(add("new@example.org")); err != nil {
		t.Fatal(err)
	}
	again, err := Load(Options{Path: l.opts.Path})
	if err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []*Config{l.Current(), again} {
		if a := cfg.LookupLogin("new@example.org"); a == nil || a.Name != "ann" {
			t.Error("the new address is not in effect, or not in the file")
		}
		if a := cfg.LookupLogin("bob@example.org"); a == nil || a.Name != "bob" {
			t.Error("an old address is gone")
		}
	}

	current := l.Current()
	content, _ := os.ReadFile(dynamicPath)
	unchanged := func(what string) {
		t.Helper()
		if now, _ := os.ReadFile(dynamicPath); string(now) != string(content) || l.Current() != current {
			t.Errorf("%s: the configuration changed", what)
		}
	}
	var problems *Error
	if err := l.Change(add("bad")); !errors.As(err, &problems) {
		t.Errorf("change to something invalid: %v", err)
	}
	unchanged("invalid change")
	refused := errors.New("no")
	if err := l.Change(func(d *Dynamic) error { clear(d.Accounts); return refused }); !errors.Is(err, refused) {
		t.Errorf("refused change: %v", err)
	}
	unchanged("refused change")
	if err := l.Change(func(d *Dynamic) error { d.Routes = []DynamicRoute{{Transport: "smart\nhost"}}; return nil }); err == nil {
		t.Error("a value with a line end was written")
	}
	unchanged("change that cannot be written")

	// Somebody's edit must not be overwritten.
	rewrite(t, dynamicPath, "bob@example.org", "robert@example.org")
	if err := l.Change(add("x@example.org")); !errors.Is(err, ErrChangedOnDisk) {
		t.Errorf("change after an edit: %v", err)
	}
	if _, err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := l.Change(add("x@example.org")); err != nil {
		t.Error(err)
	}
}

func TestConcurrentChanges(t *testing.T) {
	t.Parallel()
	l, _ := open(t, testStatic, testDynamic)
	names := []string{"a", "b", "c", "d", "e", "f"}
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			err := l.Change(func(d *Dynamic) error {
				d.Accounts["ann"].Destinations[name+"@example.org"] = DynamicDestination{}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() { l.Current().LookupLogin(name + "@example.org") })
		wg.Go(func() {
			if _, err := l.Reload(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, name := range names {
		if l.Current().LookupLogin(name+"@example.org") == nil {
			t.Errorf("the change for %s is lost", name)
		}
	}
}

// A reload brings new certificates to listeners that are already open.
func TestCertificates(t *testing.T) {
	t.Parallel()
	static := strings.Replace(testStatic, "\t\tSMTP:\n", "\t\tTLS:\n\t\t\tKeyCerts:\n\t\t\t\t-\n\t\t\t\t\tCertFile: a.crt.pem\n\t\t\t\t\tKeyFile: a.key.pem\n\t\t\t\t-\n\t\t\t\t\tCertFile: b.crt.pem\n\t\t\t\t\tKeyFile: b.key.pem\n\t\tSMTP:\n", 1)
	path := write(t, static, testDynamic)
	dir := filepath.Dir(path)
	writeCert(t, dir, "a", "a.example")
	writeCert(t, dir, "b", "b.example")
	l, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	config, err := l.TLSConfig("local")
	if err != nil {
		t.Fatal(err)
	}
	// serial returns which certificate a client that asks for name gets.
	shown := func(name string) string {
		client, server := net.Pipe()
		defer client.Close()
		defer server.Close()
		go tls.Server(server, config).HandshakeContext(context.Background())
		conn := tls.Client(client, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err := conn.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return conn.ConnectionState().PeerCertificates[0].DNSNames[0]
	}
	for name, want := range map[string]string{"a.example": "a.example", "b.example": "b.example", "c.example": "a.example", "": "a.example"} {
		if got := shown(name); got != want {
			t.Errorf("asking for %q shows %s, want %s", name, got, want)
		}
	}
	writeCert(t, dir, "b", "c.example")
	if got := shown("c.example"); got != "a.example" {
		t.Errorf("certificate %s is used before a reload", got)
	}
	if _, err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := shown("c.example"); got != "c.example" {
		t.Errorf("after the reload certificate %s is shown", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "b.key.pem"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reload(); err == nil || !strings.Contains(err.Error(), "KeyCerts[1]") {
		t.Errorf("reload with a broken key: %v", err)
	}
	if got := shown("c.example"); got != "c.example" {
		t.Errorf("after a failed reload certificate %s is shown", got)
	}
	if _, err := l.TLSConfig("none"); !errors.Is(err, ErrNoTLS) {
		t.Errorf("listener that does not exist: %v", err)
	}
}
