package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mox/config"
)

// unpack writes the files of a packed data directory below dir.
func unpack(t *testing.T, name, dir string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else {
			err = writeFrom(path, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func writeFrom(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// Data of earlier versions is opened, complete, and can be changed.
func TestEarlierData(t *testing.T) {
	t.Parallel()
	packed, err := filepath.Glob("testdata/data/*.tar.gz")
	if err != nil || len(packed) == 0 {
		t.Fatalf("no data of earlier versions: %v", err)
	}
	for _, name := range packed {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			path := localserveDirectory(t)
			data := filepath.Join(filepath.Dir(path), "data")
			if err := os.RemoveAll(data); err != nil {
				t.Fatal(err)
			}
			unpack(t, name, filepath.Dir(path))
			r := running{t: t, path: path}

			if out := r.command("verifydata"); !strings.Contains(out, "no problems in 1 account\n") {
				t.Errorf("verifydata: %s", out)
			}
			for mailbox, want := range map[string]int{"Inbox": 13, "Archive": 12, "Trash": 3, "Drafts": 1, "Sent": 0, "Lists/golang": 0} {
				file := filepath.Join(t.TempDir(), "x.mbox")
				r.command("export", "mbox", "--account", "mox", "--mailbox", mailbox, file)
				if got := strings.Count(messagesOf(t, file), "\x00") / 2; got != want {
					t.Errorf("%s has %d messages, want %d", mailbox, got, want)
				}
			}
			if code, _, errs := mox(t, "--config", path, "export", "mbox", "--account", "mox", "--mailbox", "Gone", filepath.Join(t.TempDir(), "x")); code != exitFailure || !strings.Contains(errs, "no such mailbox") {
				t.Errorf("a removed mailbox: exit code %d, %s", code, errs)
			}
			list := r.command("queue", "list", "--final")
			for _, want := range []string{"waiting", "held", "delivered", "failed", "queue451@example.net", "queue550@example.net"} {
				if !strings.Contains(list, want) {
					t.Errorf("the queue has no %s:\n%s", want, list)
				}
			}
			if out := r.command("queue", "dump", "1"); !strings.Contains(out, "Subject: waits\r\n") {
				t.Errorf("message of the queue: %s", out)
			}

			// It can be changed.
			r.command("import", "mbox", "--account", "mox", corpusFile(t))
			r.command("queue", "drop", "--domain", "example.net")
			if out := r.command("verifydata"); !strings.Contains(out, "no problems in 1 account\n") {
				t.Errorf("verifydata after changes: %s", out)
			}

			// And served.
			served := startServer(t, config.Options{Path: path, Localserve: &config.Localserve{Account: localAccount}})
			s, err := served.imap(localAddress, localPassword)
			if err != nil {
				t.Fatalf("login with the password of that time: %v", err)
			}
			for _, tc := range []struct{ command, want string }{
				{"examine Inbox", "EXISTS"},
				{"uid fetch 1 (flags)", `\Answered`},
				{"uid fetch 3 (flags)", "$Forwarded work"},
				{"uid fetch 13 (rfc822.size)", "RFC822.SIZE 324"},
				{`list (subscribed) "" "Lists/*"`, "Lists/golang"},
			} {
				if out := s.command(tc.command); !strings.Contains(out, tc.want) {
					t.Errorf("%s: %s, want %s", tc.command, out, tc.want)
				}
			}
		})
	}
}
