package imapserver

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mox/store"
)

// Messages whose content is damaged do not keep a client from the others.
func TestDamagedMessages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Not of newStore: what is damaged here would be found at the end.
	st, err := store.New(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if err := st.Create(t.Context(), testAccount); err != nil {
		t.Fatal(err)
	}
	log := &errorLog{}
	s := newServer(t, st, func(o *Options, _ *ListenerOptions) { o.Log = slog.New(log) })
	c := s.login()
	text := strings.Repeat("0123456789\r\n", 50000)
	for i := range 3 {
		c.append("INBOX", "", fmt.Sprintf("Subject: number %d\r\n\r\n%s", i, text))
	}
	c.cmd("SELECT INBOX", "OK ...")
	files := contentFiles(t, dir)
	if len(files) != 3 {
		t.Fatalf("files %v, want one for each message", files)
	}

	// The second one is missing.
	if err := os.Remove(files[1]); err != nil {
		t.Fatal(err)
	}
	c.send("a FETCH 1:3 (UID BODY.PEEK[TEXT])\r\n")
	for _, uid := range []int{1, 3} {
		line := c.expect(fmt.Sprintf("* %d FETCH (UID %d BODY[TEXT] {%d}", uid, uid, len(text)))
		if got, rest := c.literal(line); got != text || rest != ")" {
			t.Errorf("message %d: other bytes, then %q", uid, rest)
		}
	}
	c.expect("a NO [SERVERBUG] Some of the messages cannot be read")
	if log.take() == "" {
		t.Error("nothing in the log")
	}
	// What lists need is still there.
	c.cmd("FETCH 1:3 (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (Subject)])", "OK ...")
	c.cmd("SEARCH SUBJECT number", "OK ...")

	// The third one is cut off: a literal that was begun cannot be ended.
	if err := os.Truncate(files[2], 300000); err != nil {
		t.Fatal(err)
	}
	c.send("b FETCH 3 BODY.PEEK[]\r\n")
	c.expect("* 3 FETCH ...")
	for line, err := c.r.ReadString('\n'); err == nil; line, err = c.r.ReadString('\n') {
		if strings.HasPrefix(line, "b ") || strings.HasPrefix(line, "* ") {
			t.Fatalf("got %q within a literal", line)
		}
	}
	if log.take() == "" {
		t.Error("nothing in the log")
	}
	s.login().cmd("SELECT INBOX", "OK ...")
}

// contentFiles returns the files of messages that have one of their own, in the order in which they came.
func contentFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "blobs", "files", "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}
