package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A process that does not serve can do without keys that it may not read, and no other that is wrong.
func TestOffline(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	static := `DataDir: data
Hostname: mail.example.org
Postmaster:
	Account: ann
	Mailbox: Inbox
ACME:
	ca:
		DirectoryURL: https://ca.example/
		ContactEmail: postmaster@example.org
Listeners:
	own:
		IPs:
			- 192.0.2.1
		TLS:
			ACME: ca
			HostPrivateKeyFiles:
				- host.pem
	manual:
		IPs:
			- 192.0.2.2
		TLS:
			KeyCerts:
				-
					CertFile: cert.pem
					KeyFile: key.pem
`
	for name, text := range map[string]string{"mox.conf": static, "domains.conf": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		offline bool
		err     error
		want    bool
	}{
		{true, fs.ErrPermission, true},
		{false, fs.ErrPermission, false},
		{true, fs.ErrNotExist, false},
	} {
		_, err := LoadStatic(Options{Path: filepath.Join(dir, "mox.conf"), Offline: tt.offline, ReadFile: func(path string) ([]byte, error) {
			if strings.HasSuffix(path, ".pem") {
				return nil, &fs.PathError{Op: "open", Path: path, Err: tt.err}
			}
			return os.ReadFile(path)
		}})
		var problems *Error
		if tt.want && err != nil || !tt.want && (!errors.As(err, &problems) || !strings.Contains(err.Error(), "can be read by mox")) {
			t.Errorf("offline %v, %v: got %v", tt.offline, tt.err, err)
		}
	}
}
