package imapserver

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mox/store"
)

// MODSEQ tells the highest of the messages that are told, which with MIN and MAX alone are those two
// (RFC 4731 §3.2, RFC 7162 §3.1.10).
func TestESearchModSeq(t *testing.T) {
	t.Parallel()
	srv := newServer(t, newStore(t, t.TempDir()), nil)
	c := srv.login()
	for range 5 {
		c.append("INBOX", "", "Subject: x\r\n\r\n")
	}
	c.cmd("SELECT INBOX", "OK ...")
	for _, n := range []int{5, 3, 1, 4, 2} { // Ascending modseqs.
		c.cmd(fmt.Sprintf(`STORE %d +FLAGS (\Seen)`, n), "OK ...")
	}
	modseqs := make([]int, 6)
	for i, line := range c.cmd("FETCH 1:5 (MODSEQ)", "OK ...")[1:] { // HIGHESTMODSEQ comes first.
		m := regexp.MustCompile(`MODSEQ \((\d+)\)`).FindStringSubmatch(line)
		modseqs[i+1], _ = strconv.Atoi(m[1])
	}
	if m := modseqs; m[5] == 0 || m[5] >= m[3] || m[3] >= m[1] || m[1] >= m[4] || m[4] >= m[2] {
		t.Fatalf("modseqs of messages: %v", m[1:])
	}
	for _, tc := range []struct {
		args string
		want string // Without the tag. "#n" is the modseq of message n.
	}{
		{"RETURN (MIN) MODSEQ 1", "MIN 1 MODSEQ #1"},
		{"RETURN (MAX) MODSEQ 1", "MAX 5 MODSEQ #5"},
		{"RETURN (MAX MAX) MODSEQ 1", "MAX 5 MODSEQ #5"},
		{"RETURN (MIN MAX) MODSEQ 1", "MIN 1 MAX 5 MODSEQ #1"},
		{"RETURN (MIN MAX) MODSEQ 1 3:5", "MIN 3 MAX 5 MODSEQ #3"},
		{"RETURN (MIN SAVE) MODSEQ 1", "MIN 1 MODSEQ #1"},
		{"RETURN (MIN COUNT) MODSEQ 1", "MIN 1 COUNT 5 MODSEQ #2"},
		{"RETURN (MAX ALL) MODSEQ 1", "MAX 5 ALL 1:5 MODSEQ #2"},
		{"RETURN (COUNT) MODSEQ 1 3:5", "COUNT 3 MODSEQ #4"},
		{"RETURN () MODSEQ 1 3,5", "ALL 3,5 MODSEQ #3"},
		{"RETURN (ALL) NOT MODSEQ #3", "ALL 5 MODSEQ #5"},
		{"RETURN (ALL) OR 5 MODSEQ #2", "ALL 2,5 MODSEQ #2"},
		{"RETURN (MIN) MODSEQ 1 2 DRAFT", ""},
		{"RETURN (MIN) 1:5", "MIN 1"},
	} {
		resolve := func(s string) string {
			return regexp.MustCompile(`#\d`).ReplaceAllStringFunc(s, func(s string) string { return strconv.Itoa(modseqs[s[1]-'0']) })
		}
		want := strings.TrimSpace("ESEARCH ... " + resolve(tc.want))
		if tc.want == "" {
			want = "ESEARCH (TAG ...)"
		}
		if got := c.cmd("SEARCH "+resolve(tc.args), "OK ..."); len(got) != 1 || !match("* "+want, got[0]) {
			t.Errorf("%s: got %q, want %q", tc.args, got, want)
		}
	}
}

// A result that would take too much memory is not saved, and what was saved before is gone (RFC 5182 §2.5).
func TestSearchNotSaved(t *testing.T) {
	t.Parallel()
	srv := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) { lo.MaxSavedRanges = 2 })
	c := srv.login()
	for range 6 {
		c.append("INBOX", "", "Subject: x\r\n\r\n")
	}
	c.cmd("SELECT INBOX", "OK ...")
	saved := func(want string) {
		t.Helper()
		if got := c.cmd("SEARCH $", "OK ..."); !slices.Equal(got, []string{want}) {
			t.Errorf("saved are %q, want %q", got, want)
		}
	}
	c.cmd("SEARCH RETURN (SAVE) 1:2,4:6", "OK ...")
	saved("* SEARCH 1 2 4 5 6")
	for _, options := range []string{"SAVE", "SAVE ALL", "COUNT SAVE", "MIN MAX COUNT SAVE"} {
		c.cmd("SEARCH RETURN (SAVE) 2:3", "OK ...")
		if got := c.cmd("SEARCH RETURN ("+options+") 1,3,5", "NO [NOTSAVED] The result has too many parts to be saved"); len(got) != 0 {
			t.Errorf("%s: refused, but told %q", options, got)
		}
		saved("* SEARCH")
	}
	c.cmd("SEARCH RETURN (SAVE MIN MAX) 1,3,5", "OK ...")
	saved("* SEARCH 1 5")
	c.cmd("SEARCH RETURN (COUNT) 1,3,5", "OK ...")
	saved("* SEARCH 1 5")
}

// BenchmarkSearch asks which messages of a large mailbox have a flag, as every other one has, over a socket of the
// system.
func BenchmarkSearch(b *testing.B) {
	st := newStore(b, b.TempDir())
	acc, err := st.Open(context.Background(), testAccount)
	if err != nil {
		b.Fatal(err)
	}
	defer acc.Close()
	mb, err := acc.MailboxByName(context.Background(), store.System, "Inbox")
	if err != nil {
		b.Fatal(err)
	}
	for range benchMessages / 500 {
		var l []store.NewMessage
		for i := range 500 {
			m := store.NewMessage{Body: strings.NewReader("x"), Size: 1}
			if i%2 == 0 {
				m.Keywords = []string{"even"}
			}
			l = append(l, m)
		}
		if _, err := acc.Append(context.Background(), store.System, mb.ID, l, nil); err != nil {
			b.Fatal(err)
		}
	}
	nc := dialBench(b, serveTCP(b, st, false))
	roundTrip(b, nc, "SEARCH RETURN (SAVE) KEYWORD even")
	for _, bm := range []struct{ name, command string }{
		{"plain", "SEARCH KEYWORD even"},
		{"uid", "UID SEARCH KEYWORD even"},
		{"all", "SEARCH RETURN () KEYWORD even"},
		{"uidall", "UID SEARCH RETURN () KEYWORD even"},
		{"uidallones", "UID SEARCH RETURN () ALL"},
		{"count", "SEARCH RETURN (COUNT) KEYWORD even"},
		{"saved", "SEARCH RETURN (COUNT) $"},
		{"save", "SEARCH RETURN (SAVE) KEYWORD even"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				roundTrip(b, nc, bm.command)
			}
		})
	}
}
