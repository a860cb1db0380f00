package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/config"
	"mox/imap"
	"mox/internal/corpus"
	"mox/maildir"
)

// corpusMaildir makes a maildir of real and broken messages, with a folder of some with
// flags.
func corpusMaildir(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	inbox, err := maildir.Create(root, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range corpus.Messages(t) {
		if i%5 != 0 {
			continue // Each file is synced, which takes its time.
		}
		base := fmt.Sprintf("%d.M%d.host", 1700000000+i, i)
		if err := inbox.Message(base, 0, nil, time.Unix(int64(1600000000+i), 0), bytes.NewReader(m.CRLF())); err != nil {
			t.Fatal(err)
		}
	}
	sub, err := maildir.Create(maildir.PlusPlus.Dir(root, "Lists/ä.go"), true)
	if err != nil {
		t.Fatal(err)
	}
	for i, flags := range []imap.Flags{0, imap.FlagSeen, imap.AllFlags} {
		if err := sub.Message(fmt.Sprintf("%d.x.host", 1+i), flags, []string{"work", maildir.Forwarded}[:i], time.Unix(100, 0), strings.NewReader("Subject: x\r\n\r\ntext")); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// maildirContent returns all messages below a directory, with their folder, time, flags and
// keywords.
func maildirContent(t *testing.T, root string) (l []string) {
	t.Helper()
	folders, err := maildir.Folders(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		messages, err := folder.Messages()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			f, err := folder.Open(m)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(f.Name())
			f.Close()
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(m.Keywords)
			l = append(l, fmt.Sprintf("%s %d %v %q %q", folder.Mailbox, f.Received.Unix(), m.Flags, m.Keywords, bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))))
		}
	}
	slices.Sort(l)
	return l
}

// Import and export, with and without a running server: everything comes back.
func TestImportExportMaildir(t *testing.T) {
	t.Parallel()
	root := corpusMaildir(t)
	want := maildirContent(t, root)
	for _, serving := range []bool{false, true} {
		path := localserveDirectory(t)
		if serving {
			startServer(t, config.Options{Path: path, Localserve: &config.Localserve{Account: localAccount}})
		}
		r := running{t: t, path: path}
		out := r.command("import", "maildir", "--account", "mox", root)
		if !strings.Contains(out, fmt.Sprintf("imported %d messages into Inbox\nimported 3 messages into Lists/ä.go\n", len(want)-3)) {
			t.Errorf("import: %s", out)
		}
		if out := r.command("import", "maildir", "--account", "mox", root); strings.Count(out, " already; use --again") != 2 {
			t.Errorf("import of the same: %s", out)
		}
		for _, layout := range []string{"maildir++", "fs"} {
			dir := filepath.Join(t.TempDir(), "out")
			out := r.command("export", "maildir", "--account", "mox", "--layout", layout, dir)
			if !strings.Contains(out, "exported 3 messages of Lists/ä.go to "+dir) {
				t.Errorf("export: %s", out)
			}
			if got := maildirContent(t, dir); !slices.Equal(got, want) {
				t.Errorf("serving %v, %s: %d messages exported, %d imported, and they differ", serving, layout, len(got), len(want))
			}
			// Interrupted, and with flags changed by a mail program.
			folder := maildir.Folder{Dir: dir}
			messages, err := folder.Messages()
			if err != nil {
				t.Fatal(err)
			}
			for i, m := range messages[:4] {
				f, err := folder.Open(m)
				if err != nil {
					t.Fatal(err)
				}
				f.Close()
				if i == 3 {
					err = os.Rename(f.Name(), filepath.Join(dir, "cur", m.Base+":2,S"))
				} else {
					err = os.Remove(f.Name())
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			out = r.command("export", "maildir", "--account", "mox", "--layout", layout, dir)
			if !strings.Contains(out, "exported 3 messages of Inbox") || !strings.Contains(out, "exported 0 messages of Lists") {
				t.Errorf("export that goes on: %s", out)
			}
			if got := maildirContent(t, dir); len(got) != len(want) {
				t.Errorf("%d messages after going on, want %d", len(got), len(want))
			}
		}
		// One mailbox, to the directory itself and from it.
		dir := t.TempDir()
		r.command("export", "maildir", "--account", "mox", "--mailbox", "Lists/ä.go", dir)
		if out := r.command("import", "maildir", "--account", "mox", "--mailbox", "Copy", dir); !strings.Contains(out, "imported 3 messages into Copy") {
			t.Errorf("import of one: %s", out)
		}
	}
}

func TestMaildirRefusals(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	none, root := t.TempDir(), corpusMaildir(t)
	file := filepath.Join(none, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"import", "maildir", root}, exitUsage, "--account is missing"},
		{[]string{"import", "maildir", "--account", "mox"}, exitUsage, "missing argument"},
		{[]string{"import", "maildir", "--account", "nobody", root}, exitFailure, `no account "nobody"`},
		{[]string{"import", "maildir", "--account", "mox", none}, exitFailure, "not a maildir"},
		{[]string{"import", "maildir", "--account", "mox", "--mailbox", "x", none}, exitFailure, "not a maildir"},
		{[]string{"import", "maildir", "--account", "mox", filepath.Join(none, "absent")}, exitFailure, "no such file"},
		{[]string{"import", "maildir", "--account", "mox", "--mailbox", "a//b", root}, exitFailure, "name"},
		{[]string{"export", "maildir", none}, exitUsage, "--account is missing"},
		{[]string{"export", "maildir", "--account", "mox", "--layout", "flat", none}, exitUsage, `"flat" is unknown`},
		{[]string{"export", "maildir", "--account", "nobody", none}, exitFailure, `no account "nobody"`},
		{[]string{"export", "maildir", "--account", "mox", "--mailbox", "None", filepath.Join(none, "x")}, exitFailure, "mailbox"},
		{[]string{"export", "maildir", "--account", "mox", file}, exitFailure, "not a directory"},
	} {
		code, out, errs := mox(t, append([]string{"--config", path}, tc.args...)...)
		if code != tc.code || !strings.Contains(errs, tc.text) {
			t.Errorf("%q: exit code %d, %s%s", tc.args, code, out, errs)
		}
	}
}

// What comes later is imported later; what was removed cannot be told from it.
func TestImportMaildirAgain(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	r := running{t: t, path: path}
	root := t.TempDir()
	w, err := maildir.Create(root, false)
	if err != nil {
		t.Fatal(err)
	}
	add := func(base string) {
		t.Helper()
		if err := w.Message(base, 0, nil, time.Unix(1, 0), strings.NewReader("Subject: "+base+"\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	add("10.a")
	add("9.a")
	r.command("import", "maildir", "--account", "mox", root)
	add("11.a")
	// The mail program reads one, and a synchroniser notes its number.
	if err := os.Rename(filepath.Join(root, "new", "9.a"), filepath.Join(root, "cur", "9.a,U=4:2,S")); err != nil {
		t.Fatal(err)
	}
	if out := r.command("import", "maildir", "--account", "mox", root); !strings.Contains(out, "imported 1 messages into Inbox") {
		t.Errorf("import of one more: %s", out)
	}
	if err := os.Remove(filepath.Join(root, "new", "10.a")); err != nil {
		t.Fatal(err)
	}
	code, _, errs := mox(t, "--config", path, "import", "maildir", "--account", "mox", root)
	if code != exitFailure || !strings.Contains(errs, "--again") {
		t.Errorf("import after a message was removed: exit code %d, %s", code, errs)
	}
	if out := r.command("import", "maildir", "--account", "mox", "--again", root); !strings.Contains(out, "imported 2 messages into Inbox") {
		t.Errorf("import again: %s", out)
	}
}

// An interrupted import goes on: no message is lost or there twice.
func TestImportMaildirInterrupted(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	r := running{t: t, path: path}
	root := t.TempDir()
	w, err := maildir.Create(root, false)
	if err != nil {
		t.Fatal(err)
	}
	const n = 500
	for i := range n {
		if err := os.WriteFile(filepath.Join(root, "new", fmt.Sprintf("%d.x", i+1)), fmt.Appendf(nil, "Subject: %d\n\n", i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// One that cannot be read, in the middle.
	bad := filepath.Join(root, "cur", "250.y:2,S")
	if err := os.Symlink(root, bad); err != nil {
		t.Fatal(err)
	}
	code, _, errs := mox(t, "--config", path, "import", "maildir", "--account", "mox", root)
	if code != exitFailure || !strings.Contains(errs, "not a regular file") {
		t.Errorf("import of what cannot be read: exit code %d, %s", code, errs)
	}
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if code := run(ctx, []string{"--config", path, "import", "maildir", "--account", "mox", root}, strings.NewReader(""), &out, &out); code != exitFailure {
		t.Errorf("interrupted import: exit code %d, %s", code, out.String())
	}
	r.command("import", "maildir", "--account", "mox", root)
	dir := t.TempDir()
	r.command("export", "maildir", "--account", "mox", dir)
	got, want := maildirContent(t, dir), maildirContent(t, root)
	if len(got) != n || !slices.Equal(got, want) {
		t.Errorf("%d messages, want %d", len(got), n)
	}
	if _, err := w.Bases(); err != nil {
		t.Error(err)
	}
	if l, err := fs.Glob(os.DirFS(dir), "tmp/*"); err != nil || len(l) > 0 {
		t.Errorf("left in tmp: %q, %v", l, err)
	}
}
