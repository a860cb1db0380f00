package imap

import (
	"errors"
	"strings"
	"testing"
)

func TestCanonicalMailbox(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"inbox": "INBOX", "iNbOx": "INBOX", "INBOX": "INBOX", "inbox/a": "INBOX/a", "Inbox/inbox": "INBOX/inbox",
		"inboxes": "inboxes", "a/inbox": "a/inbox", "inbo": "inbo", "": "", "Sent": "Sent",
		"cafe\u0301":         "café", // RFC 5198 §3: form C.
		"\u1112\u1161\u11ab": "한",
		"inbox\u0301":        "inbox\u0301",
		"a//b/":              "a//b/", // Not checked here.
	} {
		if got, err := CanonicalMailbox(in); got != want || err != nil {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf"} {
		if got, err := CanonicalMailbox(in); err == nil {
			t.Errorf("%q: got %q, expected an error", in, got)
		}
	}
}

func TestCheckMailbox(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"inbox": "INBOX", "a": "a", "a/b/c": "a/b/c", "Lists/go-nuts": "Lists/go-nuts", "50% off *": "50% off *",
		"日本語/été": "日本語/été", "cafe\u0301": "café", "a.b": "a.b", "...": "...", ".a": ".a", "a#b": "a#b", " a ": " a ", "Q&A": "Q&A",
		strings.Repeat("a", MaxMailboxName):            strings.Repeat("a", MaxMailboxName),
		strings.Repeat("a/", MaxMailboxLevels-1) + "a": strings.Repeat("a/", MaxMailboxLevels-1) + "a",
	} {
		if got, err := CheckMailbox(in); got != want || err != nil {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", "/", "/a", "a/", "a//b", "#news", "#", ".", "..", "a/../b", "./a", "a/.",
		"a\x00", "a\nb", "a\rb", "\t", "a\x7f", "a\u0085b", "a\u2028b", "a\u2029", "a\ufffe", "a\ufdd0",
		"\xff", "a\xc3/b", strings.Repeat("a", MaxMailboxName+1), strings.Repeat("a/", MaxMailboxLevels) + "a",
	} {
		got, err := CheckMailbox(in)
		var e MailboxNameError
		if !errors.As(err, &e) || e.Reason == "" {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
}

func TestParentMailbox(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a/b/c": "a/b", "a/b": "a", "a": "", "": ""} {
		if got, ok := ParentMailbox(in); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v", in, got, ok)
		}
	}
}

// A name that a mailbox may have keeps its form on every way to a client and back.
func FuzzMailbox(f *testing.F) {
	for _, s := range []string{"inbox/a", "cafe\u0301", "日本語/&", "a//b", "#x", "a\x00", "\xff", "Q&A", "\u1112\u1161\u11ab"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		canonical, err := CanonicalMailbox(s)
		if err != nil {
			return
		}
		if again, err := CanonicalMailbox(canonical); again != canonical || err != nil {
			t.Fatalf("%q: %q has the canonical form %q, %v", s, canonical, again, err)
		}
		name, err := CheckMailbox(s)
		if err != nil {
			return
		}
		if name != canonical {
			t.Fatalf("%q: got %q, canonical form is %q", s, name, canonical)
		}
		if dec, err := DecodeUTF7(string(AppendUTF7(nil, name))); dec != name || err != nil {
			t.Fatalf("%q: by UTF-7 it becomes %q, %v", name, dec, err)
		}
		for _, pattern := range []string{"*", name, name + "*", "%" + name} {
			if !NewPattern("", pattern).Match(name) {
				t.Fatalf("%q: pattern %q does not match", name, pattern)
			}
		}
		if parent, ok := ParentMailbox(name); ok && !NewPattern(parent, "/%").Match(name) {
			t.Fatalf("%q: is not below %q", name, parent)
		}
	})
}
