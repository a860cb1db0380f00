package config

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestNamedFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "mox.conf")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want ...string) {
		t.Helper()
		l, err := NamedFiles(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range want {
			if !filepath.IsAbs(name) {
				want[i] = filepath.Join(dir, name)
			}
		}
		slices.Sort(l)
		slices.Sort(want)
		if !slices.Equal(l, want) {
			t.Errorf("files %q, want %q", l, want)
		}
	}
	check("mox.conf", "domains.conf") // That neither can be read is told by who copies them.
	write("mox.conf", `DataDir: ../data
Hostname: mail.example.org
AdminPasswordFile: adminpasswd
Listeners:
	public:
		IPs:
			- 127.0.0.1
		TLS:
			KeyCerts:
				-
					CertFile: tls/cert.pem
					KeyFile: /etc/ssl/key.pem
				-
					CertFile: tls/cert.pem
					KeyFile: tls/other.pem
`)
	write("domains.conf", "not a configuration")
	check("mox.conf", "domains.conf", "adminpasswd", "tls/cert.pem", "/etc/ssl/key.pem", "tls/other.pem")
	write("domains.conf", `Domains:
	example.org:
		DKIM:
			Selectors:
				2026a:
					PrivateKeyFile: dkim/2026a.pem
`)
	check("mox.conf", "domains.conf", "adminpasswd", "tls/cert.pem", "/etc/ssl/key.pem", "tls/other.pem", "dkim/2026a.pem")
}
