package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mox/config"
	"mox/internal/corpus"
	"mox/mbox"
	"mox/store"
)

// localserveDirectory makes a directory as localserve does, without a server.
func localserveDirectory(t *testing.T) (path string) {
	t.Helper()
	dir := t.TempDir()
	code, out, errs := mox(t, "localserve", "--dir", dir, "--initonly")
	if code != exitOK || !strings.Contains(out, dir) {
		t.Fatalf("initonly: exit code %d, %s%s", code, out, errs)
	}
	return filepath.Join(dir, "mox.conf")
}

// corpusFile makes an mbox file of real and broken messages.
func corpusFile(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := mbox.NewWriter(&b)
	for _, m := range corpus.Messages(t) {
		data := bytes.ReplaceAll(m.CRLF(), []byte("\r\r\n"), []byte("\r\n"))
		if err := w.Message("ann@example.org", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "corpus.mbox")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// messagesOf returns the messages of a file. Senders in "From " lines may differ.
func messagesOf(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b strings.Builder
	r := mbox.NewReader(f, 0)
	for {
		sep, err := r.Next(&b)
		if err == io.EOF {
			return b.String()
		} else if err != nil {
			t.Fatal(err)
		}
		b.WriteString("\x00" + sep.Time.String() + "\x00")
	}
}

// The same commands, with and without a running server.
func TestImportExport(t *testing.T) {
	t.Parallel()
	file := corpusFile(t)
	want := messagesOf(t, file)
	for _, serving := range []bool{false, true} {
		path := localserveDirectory(t)
		if serving {
			startServer(t, config.Options{Path: path, Localserve: &config.Localserve{Account: localAccount}})
		}
		command := func(code int, args ...string) string {
			t.Helper()
			got, out, errs := mox(t, append([]string{"--config", path}, args...)...)
			if got != code {
				t.Fatalf("mox %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, errs)
			}
			return out + errs
		}
		dir := t.TempDir()
		if out := command(exitOK, "import", "mbox", "--account", "mox", "--mailbox", "Old/corpus", file); !strings.HasPrefix(out, "imported ") {
			t.Errorf("import: %s", out)
		}
		if out := command(exitOK, "import", "mbox", "--account", "mox", "--mailbox", "Old/corpus", file); !strings.Contains(out, "is in Old/corpus already") {
			t.Errorf("import of the same: %s", out)
		}
		copied := filepath.Join(dir, "copy.mbox")
		command(exitOK, "export", "mbox", "--account", "mox", "--mailbox", "Old/corpus", copied)
		if got := messagesOf(t, copied); got != want {
			t.Errorf("serving %v: exported messages differ from those imported", serving)
		}
		for _, left := range []string{".part", ".resume"} {
			if _, err := os.Stat(copied + left); err == nil {
				t.Errorf("%s is left", left)
			}
		}
		// A file that is there stays as it is.
		if out := command(exitFailure, "export", "mbox", "--account", "mox", "--mailbox", "Old/corpus", copied); !strings.Contains(out, "exists") {
			t.Errorf("export over a file: %s", out)
		}
		// All mailboxes.
		command(exitOK, "export", "mbox", "--account", "mox", filepath.Join(dir, "all"))
		if got := messagesOf(t, filepath.Join(dir, "all", "Old", "corpus.mbox")); got != want {
			t.Errorf("serving %v: messages differ in an export of all mailboxes", serving)
		}
		if out := command(exitOK, "verifydata"); !strings.Contains(out, "no problems in 1 account\n") {
			t.Errorf("verifydata: %s", out)
		}
		if out := command(exitOK, "compact"); !strings.Contains(out, "bytes before") {
			t.Errorf("compact: %s", out)
		}

		command(exitFailure, "import", "mbox", "--account", "nobody", file)
		command(exitFailure, "export", "mbox", "--account", "mox", "--mailbox", "None", filepath.Join(dir, "none"))
		command(exitFailure, "import", "mbox", "--account", "mox", path)
		command(exitFailure, "import", "mbox", "--account", "mox", filepath.Join(dir, "absent"))
		command(exitUsage, "import", "mbox", file)
		command(exitUsage, "export", "mbox", "--account", "mox", "-")
	}
}

// An export that was interrupted has a part of the file, and is finished by the same
// command.
func TestExportResumesFile(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	file := corpusFile(t)
	r := running{t: t, path: path}
	r.command("import", "mbox", "--account", "mox", file)
	dest := filepath.Join(t.TempDir(), "out.mbox")
	r.command("export", "mbox", "--account", "mox", "--mailbox", "Inbox", dest)
	whole, err := os.ReadFile(dest)
	if err != nil {
		t.Fatal(err)
	}

	// As after the third message, with more that was written after that was noted.
	ends := bytes.Split(whole, []byte("\n\nFrom "))
	size := len(bytes.Join(ends[:3], []byte("\n\nFrom "))) + 2
	if err := os.Rename(dest, dest+".part"); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(dest+".part", int64(size+100)); err != nil {
		t.Fatal(err)
	}
	validity := uidValidity(t, path)
	state := exportState{Account: "mox", Mailbox: "Inbox", UIDValidity: validity, UID: 3, Size: int64(size)}
	f, err := os.OpenFile(dest+".part", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := state.write(dest+".resume", f); err != nil {
		t.Fatal(err)
	}
	r.command("export", "mbox", "--account", "mox", "--mailbox", "Inbox", dest)
	if got, err := os.ReadFile(dest); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("resumed file has %d bytes, want %d (%v)", len(got), len(whole), err)
	}

	// What belongs to something else is not touched.
	if err := state.write(dest+"2.resume", f); err != nil {
		t.Fatal(err)
	}
	code, _, errs := mox(t, "--config", path, "export", "mbox", "--account", "mox", "--mailbox", "Sent", dest+"2")
	if code != exitFailure || !strings.Contains(errs, "remove it to begin anew") {
		t.Errorf("export of another mailbox: exit code %d, %s", code, errs)
	}
}

// uidValidity returns that of Inbox, as an interrupted export would have noted it.
func uidValidity(t *testing.T, path string) uint32 {
	t.Helper()
	live, err := config.Open(config.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var c closers
	defer c.close(context.Background())
	o, err := openOperations(live, commandLogger(io.Discard), &c, writing)
	if err != nil {
		t.Fatal(err)
	}
	a, err := o.account(t.Context(), "mox")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	l, err := a.Mailboxes(t.Context(), store.System)
	if err != nil {
		t.Fatal(err)
	}
	return l[0].UIDValidity
}

func TestSetAccountPassword(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	for _, tc := range []struct {
		account, input string
		code           int
		text           string
	}{
		{"mox", "short\n", exitFailure, "at least 8"},
		{"mox", "", exitFailure, "at least 8"},
		{"nobody", "longenough\n", exitFailure, `no account "nobody"`},
		{"mox", "longenough\r\n", exitOK, "is set"},
	} {
		var out bytes.Buffer
		code := run(t.Context(), []string{"--config", r.path, "setaccountpassword", tc.account}, strings.NewReader(tc.input), &out, &out)
		if code != tc.code || !strings.Contains(out.String(), tc.text) {
			t.Errorf("%s with %q: exit code %d, %s", tc.account, tc.input, code, out.String())
		}
		if strings.Contains(out.String(), "longenough") {
			t.Errorf("the password is shown: %s", out.String())
		}
	}
	if _, err := r.imap("mox@localhost", "moxmoxmox"); err == nil {
		t.Error("the old password is still good")
	}
	if _, err := r.imap("mox@localhost", "longenough"); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

// Damage is found, reported with a cure, and the exit code says so.
func TestVerifyDataFindsDamage(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	r := running{t: t, path: path}
	r.command("import", "mbox", "--account", "mox", corpusFile(t))
	dataDir := filepath.Join(filepath.Dir(path), "data")
	if code, out, errs := mox(t, "verifydata", dataDir); code != exitOK {
		t.Fatalf("verifydata of a directory: exit code %d, %s%s", code, out, errs)
	}

	damaged := false
	err := filepath.WalkDir(dataDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || damaged || d.IsDir() || !strings.Contains(path, "blob") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || len(data) < 10000 {
			return err
		}
		data[len(data)/2] ^= 1
		damaged = true
		return os.WriteFile(path, data, 0o600)
	})
	if err != nil || !damaged {
		t.Fatalf("no file to damage: %v", err)
	}
	code, out, errs := mox(t, "--config", path, "verifydata")
	if code != exitFailure || !strings.Contains(out, "account mox: ") || !strings.Contains(errs, "problems in 1 accounts") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}

	if code, _, errs := mox(t, "verifydata", filepath.Join(dataDir, "absent")); code != exitFailure || !strings.Contains(errs, "no such file") {
		t.Errorf("absent directory: exit code %d, %s", code, errs)
	}
}

// The database is gone, the messages are not.
func TestRecover(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	r := running{t: t, path: path}
	file := corpusFile(t)
	r.command("import", "mbox", "--account", "mox", "--mailbox", "Kept", file)
	if code, _, errs := mox(t, "--config", path, "recover", "mox"); code != exitFailure {
		t.Errorf("recover of an account that is whole: exit code %d, %s", code, errs)
	}
	removed := 0
	err := filepath.WalkDir(filepath.Join(filepath.Dir(path), "data", "accounts"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "index.db" {
			removed++
			return os.Remove(path)
		}
		return err
	})
	if err != nil || removed != 1 {
		t.Fatalf("removed %d databases, %v", removed, err)
	}
	if code, _, errs := mox(t, "--config", path, "export", "mbox", "--account", "mox", filepath.Join(t.TempDir(), "x")); code != exitFailure || !strings.Contains(errs, "mox recover") {
		t.Errorf("use without database: exit code %d, %s", code, errs)
	}
	if out := r.command("recover", "mox"); !strings.HasPrefix(out, "recovered ") {
		t.Errorf("recover: %s", out)
	}
	copied := filepath.Join(t.TempDir(), "copy.mbox")
	r.command("export", "mbox", "--account", "mox", "--mailbox", "Kept", copied)
	if messagesOf(t, copied) != messagesOf(t, file) {
		t.Error("recovered messages differ")
	}
	r.command("verifydata")
}

func TestConfigCommands(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	if _, out, errs := mox(t, "--config", path, "config", "test"); !strings.Contains(out, "is good: 1 listener, 1 domain, 1 account") {
		t.Errorf("config test: %s%s", out, errs)
	}
	for _, args := range []string{"config describe-static", "config describe-domains", "config example static", "config example domains", "config reference"} {
		if code, out, errs := mox(t, strings.Fields(args)...); code != exitOK || len(out) < 100 {
			t.Errorf("%s: exit code %d, %s%s", args, code, out, errs)
		}
	}
	if code, _, _ := mox(t, "config", "example", "other"); code != exitUsage {
		t.Errorf("config example other: exit code %d", code)
	}
	if code, _, errs := mox(t, "--config", path, "config", "reload"); code != exitFailure || !strings.Contains(errs, "no mox server runs") {
		t.Errorf("config reload without server: exit code %d, %s", code, errs)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Replace(data, []byte("127.0.0.1"), []byte("127.0.0"), 1)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := mox(t, "--config", path, "config", "test")
	if code != exitFailure || !strings.Contains(errs, "Listeners.local.IPs[0]") || !strings.Contains(errs, "the configuration has a problem") {
		t.Errorf("config test: exit code %d, %s", code, errs)
	}
}

// What localserve makes is kept at the next start.
func TestLocalserveKeepsConfiguration(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	changed := []byte("# changed\n")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(changed, data...), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := mox(t, "localserve", "--dir", filepath.Dir(path), "--initonly"); code != exitOK {
		t.Fatalf("second time: %s", errs)
	}
	if data, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(data, changed) {
		t.Errorf("mox.conf was overwritten (%v)", err)
	}
	for _, args := range []string{"--ip 127.0.0", "--loglevel loud", "extra"} {
		if code, _, errs := mox(t, append([]string{"localserve"}, strings.Fields(args)...)...); code != exitUsage {
			t.Errorf("localserve %s: exit code %d, %s", args, code, errs)
		}
	}
}

// The certificate of localserve is good for an address that is asked for later, too, but one that was put in its
// place stays.
func TestLocalserveCertificate(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(localserveDirectory(t))
	name := filepath.Join(dir, "localhost.crt.pem")
	for _, ip := range []string{"127.0.0.2", "127.0.0.3"} {
		if code, _, errs := mox(t, "localserve", "--dir", dir, "--ip", ip, "--initonly"); code != exitOK {
			t.Fatal(errs)
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "127.0.0.2", "127.0.0.3"} {
		if err := cert.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(name, []byte("of somebody else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := mox(t, "localserve", "--dir", dir, "--ip", "127.0.0.4", "--initonly"); code != exitOK {
		t.Fatal(errs)
	}
	if data, err := os.ReadFile(name); err != nil || string(data) != "of somebody else" {
		t.Errorf("certificate is %q, %v", data, err)
	}
}
