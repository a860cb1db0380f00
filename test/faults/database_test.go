package faults

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// ways to damage a database. The first are found when it is opened; of the others it may depend on what is read.
var ways = []struct {
	name   string
	damage func(b []byte) []byte
	cause  string // Told when it is opened.
}{
	{"half", func(b []byte) []byte { return b[:used(b)/2] }, "it was cut short"},
	{"empty", func([]byte) []byte { return nil }, "it ends within its first pages"},
	{"magic", func(b []byte) []byte { clear(b[16:20]); clear(b[4096+16 : 4096+20]); return b }, "it does not begin like a database"},
	{"metas", func(b []byte) []byte { b[60] ^= 1; b[4096+60] ^= 1; return b }, "wrong checksum"},
	{"middle", func(b []byte) []byte { clear(b[8192:used(b)]); return b }, "was overwritten"},
	{"some pages", func(b []byte) []byte {
		n := used(b)
		clear(b[n/2 : n/2+n/4])
		return b
	}, ""},
}

// used returns how much of a database file is in use: to the last byte that is not zero, in pages.
func used(b []byte) int {
	n := len(bytes.TrimRight(b, "\x00"))
	return (n + 4095) / 4096 * 4096
}

// The database of one account is damaged: the others are served, and everybody is told what to do.
func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	s := newServer(t, t.TempDir())
	s.start()
	const messages = 200
	want := map[string]int{}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range 4 {
		wg.Go(func() {
			for n := range messages / 4 {
				subject := fmt.Sprintf("m-%d-%d", i, n)
				s.mustSend("ann@localhost", subject, 1000)
				mu.Lock()
				want[subject] = 1
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	s.mustSend("mox@localhost", "other", 1000)
	s.stop()
	index := filepath.Join(s.account("ann"), "index.db")
	whole, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range ways {
		damaged := way.damage(bytes.Clone(whole))
		if err := os.WriteFile(index, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out := mox(t, "--config", s.conf, "verifydata"); code != 1 || !strings.Contains(out, "account ann: ") || !strings.Contains(out, way.cause) || !strings.Contains(out, "mox recover") || strings.Contains(out, "account mox: ") {
			t.Errorf("%s: verifydata: exit code %d, %s", way.name, code, out)
		}
		s.start()
		other := s.inbox("mox")
		if err := s.trySend("ann@localhost", "refused", 1000); way.cause != "" && !isTemporary(err) {
			t.Errorf("%s: sending to ann: %v, want a temporary error", way.name, err)
		}
		c := s.imap()
		if way.cause != "" {
			c.no(login("ann"), "[")
		} else if _, status := c.command(login("ann")); strings.HasPrefix(status, "OK") {
			// Whatever can be read is, the rest is refused.
			for _, line := range []string{"SELECT INBOX", "FETCH 1:* (FLAGS ENVELOPE)", "UID FETCH 1:* BODY.PEEK[]", "SEARCH TEXT xxx", "STORE 1:* +FLAGS (\\Seen)", "LOGOUT"} {
				if _, status := c.command(line); !strings.HasPrefix(status, "OK") && !strings.HasPrefix(status, "NO ") && !strings.HasPrefix(status, "BAD ") {
					t.Errorf("%s: %s: %s", way.name, line, status)
				}
			}
		}
		if found := other.subjects(); found["other"] != 1 {
			t.Errorf("%s: mox has %v", way.name, found)
		}
		s.mustSend("mox@localhost", "during-"+strings.ReplaceAll(way.name, " ", "-"), 1000)
		other.ok("STORE 1 +FLAGS (\\Seen)")
		s.stop()
		if log := s.log(); !strings.Contains(log, "database is damaged") || !strings.Contains(log, index) || !strings.Contains(log, "mox recover ann") || !strings.Contains(log, way.cause) {
			t.Errorf("%s: the log does not say what is damaged and what to do:\n%s", way.name, log)
		}
	}

	// The way out.
	if code, out := mox(t, "--config", s.conf, "recover", "ann"); code != 1 || !strings.Contains(out, "move its file index.db away first") {
		t.Errorf("recover: exit code %d, %s", code, out)
	}
	if err := os.Remove(index); err != nil {
		t.Fatal(err)
	}
	if code, out := mox(t, "--config", s.conf, "recover", "ann"); code != 0 || !strings.Contains(out, "setaccountpassword ann") {
		t.Errorf("recover: exit code %d, %s", code, out)
	}
	s.setPassword()
	s.start()
	found := s.inbox("ann").subjects()
	for subject := range want {
		if found[subject] != 1 {
			t.Errorf("after recovering, message %s is there %d times", subject, found[subject])
		}
	}
	s.stop()
	s.verify()
}

// A mail server without its queue would lose mail, or accept what it cannot send.
func TestDamagedQueue(t *testing.T) {
	t.Parallel()
	s := newServer(t, t.TempDir())
	s.start()
	s.stop()
	index := filepath.Join(s.dir, "data", "queue", "index.db")
	whole, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range ways[:5] {
		if err := os.WriteFile(index, way.damage(bytes.Clone(whole)), 0o600); err != nil {
			t.Fatal(err)
		}
		s.refusesToStart("queue", index, way.cause, "restore")
		if code, out := mox(t, "--config", s.conf, "verifydata"); code != 1 || !strings.Contains(out, "queue: ") || !strings.Contains(out, way.cause) {
			t.Errorf("%s: verifydata: exit code %d, %s", way.name, code, out)
		}
	}
	if err := os.RemoveAll(filepath.Dir(index)); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.mustSend("mox@localhost", "after", 1000)
	s.stop()
	s.verify()
}

// A pack is damaged: the messages in it that are whole can be read.
func TestDamagedPack(t *testing.T) {
	t.Parallel()
	s := newServer(t, t.TempDir())
	s.start()
	for i := range 5 {
		s.mustSend("ann@localhost", fmt.Sprintf("message-%d", i), 10_000)
	}
	s.mustSend("mox@localhost", "other", 1000)
	s.stop()
	packs, err := filepath.Glob(filepath.Join(s.account("ann"), "blobs", "*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("packs %v, %v", packs, err)
	}
	whole, err := os.ReadFile(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	subject := func(n int) int { return bytes.Index(whole, fmt.Appendf(nil, "\nSubject: message-%d", n)) }
	for _, tc := range []struct {
		name   string
		damage func(b []byte) []byte
		lost   []int // Messages, from 1.
	}{
		{"content", func(b []byte) []byte { copy(b[subject(2)+5000:], "some other bytes"); return b }, []int{3}},
		{"head", func(b []byte) []byte { i := subject(1); clear(b[i-130 : i-40]); return b }, []int{2}},
		{"cut short", func(b []byte) []byte { return b[:subject(4)+100] }, []int{5}},
	} {
		if err := os.WriteFile(packs[0], tc.damage(bytes.Clone(whole)), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out := mox(t, "--config", s.conf, "verifydata"); code != 1 || !strings.Contains(out, fmt.Sprintf(`account ann: message "Inbox" uid %d `, tc.lost[0])) || !strings.Contains(out, "restore the file from a backup") {
			t.Errorf("%s: verifydata: exit code %d, %s", tc.name, code, out)
		}
		s.start()
		c := s.inbox("ann")
		for n := 1; n <= 5; n++ {
			line := fmt.Sprintf("FETCH %d (BODY.PEEK[])", n)
			if n == tc.lost[0] {
				c.no(line, "cannot be read")
			} else {
				c.ok(line)
			}
		}
		untagged, status := c.command("FETCH 1:5 (BODY.PEEK[])")
		if got := len(regexp.MustCompile(`(?m)^\* \d+ FETCH`).FindAllString(untagged, -1)); got != 4 || !strings.HasPrefix(status, "NO") {
			t.Errorf("%s: FETCH of all gives %d messages, %s", tc.name, got, status)
		}
		if n := strings.Count(c.ok("FETCH 1:5 (ENVELOPE)"), "ENVELOPE"); n != 5 {
			t.Errorf("%s: %d envelopes", tc.name, n)
		}
		s.mustSend("mox@localhost", "during", 1000)
		s.stop()
	}

	// If the database is lost as well, the messages that are whole are found.
	if err := os.Remove(filepath.Join(s.account("ann"), "index.db")); err != nil {
		t.Fatal(err)
	}
	if code, out := mox(t, "--config", s.conf, "recover", "ann"); code != 0 || !strings.Contains(out, "recovered 4 messages") {
		t.Errorf("recover: exit code %d, %s", code, out)
	}
	s.setPassword()
	s.start()
	found := s.inbox("ann").subjects()
	for n := range 4 {
		if found[fmt.Sprintf("message-%d", n)] != 1 {
			t.Errorf("recovered: %v", found)
		}
	}
	s.mustSend("ann@localhost", "after", 1000)
	s.stop()
}
