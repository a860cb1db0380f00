package imap

import (
	"errors"
	"strings"
	"testing"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	for f, want := range map[Flags]string{
		0:                         "",
		FlagSeen:                  `\Seen`,
		FlagDraft | FlagSeen:      `\Seen \Draft`,
		AllFlags:                  `\Seen \Answered \Flagged \Deleted \Draft`,
		FlagSeen | 1<<9:           `\Seen`,
		FlagDeleted | FlagFlagged: `\Flagged \Deleted`,
	} {
		if got := f.String(); got != want {
			t.Errorf("%#x: got %q, expected %q", uint16(f), got, want)
		}
	}
	if !AllFlags.Has(FlagSeen|FlagDraft) || FlagSeen.Has(FlagSeen|FlagDraft) {
		t.Error("Has does not ask for all flags")
	}
	for name, want := range map[string]Flags{
		`\Seen`: FlagSeen, `\ANSWERED`: FlagAnswered, `\flagged`: FlagFlagged, `\Deleted`: FlagDeleted, `\dRAFT`: FlagDraft,
		`\Recent`: 0, `Seen`: 0, `\`: 0, ``: 0, `\Seen `: 0, `\*`: 0, `\Foo`: 0,
	} {
		if got, ok := ParseFlag(name); got != want || ok != (want != 0) {
			t.Errorf("%q: got %v, %v", name, got, ok)
		}
	}
}

func TestKeyword(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", MaxKeyword)
	for in, want := range map[string]string{
		"$Forwarded": "$Forwarded", "$FORWARDED": "$Forwarded", "$mdnsent": "$MDNSent", "$junk": "$Junk",
		"$notjunk": "$NotJunk", "$PHISHING": "$Phishing", "$label1": "$label1", "Work": "Work", "a[1": "a[1",
		"NonJunk": "NonJunk", long: long,
	} {
		if got, err := CanonicalKeyword(in); got != want || err != nil {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	for in, want := range map[string]error{
		`\Seen`: ErrSystemFlag, `\`: ErrSystemFlag, `\Foo`: ErrSystemFlag,
		"": ErrKeyword, "a b": ErrKeyword, "a(b": ErrKeyword, "a)": ErrKeyword, "a{": ErrKeyword, "a]": ErrKeyword,
		"%": ErrKeyword, "*": ErrKeyword, `"a"`: ErrKeyword, `a\b`: ErrKeyword, "a\x00": ErrKeyword, "a\r\n": ErrKeyword,
		"é": ErrKeyword, "\x7f": ErrKeyword, long + "k": ErrKeyword,
	} {
		if got, err := CanonicalKeyword(in); !errors.Is(err, want) {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	if !EqualKeyword("Work", "wORK") || EqualKeyword("Work", "Works") || FoldKeyword("WoRk") != "work" {
		t.Error("keywords are compared with regard to case")
	}
}
