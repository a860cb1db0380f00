package imap

import (
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		ref, pattern string
		match, not   []string
	}{
		{"", "*", []string{"", "a", "a/b", "INBOX", "日本語/x"}, nil},
		{"", "%", []string{"", "a", "INBOX", "日本語"}, []string{"a/b", "/"}},
		{"", "", []string{""}, []string{"a"}},
		{"", "a", []string{"a"}, []string{"A", "aa", "", "a/b"}},
		{"", "a/%", []string{"a/b", "a/"}, []string{"a", "a/b/c", "b/a"}},
		{"", "a/*", []string{"a/b", "a/", "a/b/c"}, []string{"a", "b/a/c"}},
		{"", "a*", []string{"a", "ab", "a/b"}, []string{"ba"}},
		{"", "*a", []string{"a", "ba", "a/a", "b/a"}, []string{"ab", "a/b"}},
		{"", "%a", []string{"a", "ba", "aa"}, []string{"b/a"}},
		{"", "*a%", []string{"a", "xa", "x/ab", "aab"}, []string{"a/b", "x"}},
		{"", "%/%", []string{"a/b", "/"}, []string{"a", "a/b/c"}},
		{"", "*/b", []string{"a/b", "a/b/b", "/b"}, []string{"b", "a/bb"}},
		{"", "%/b*c", []string{"a/bc", "a/b/x/c"}, []string{"a/x/bc", "a/b"}},
		{"", "*ab*", []string{"aab", "ab", "aaab/"}, []string{"a/b", "ba"}},
		{"", "%%%", []string{"a"}, []string{"a/b"}},
		{"", "%*%", []string{"a", "a/b"}, nil},
		{"", "*%a", []string{"x/ya"}, []string{"x/y"}},
		{"foo/", "%", []string{"foo/bar", "foo/"}, []string{"foo", "foo/bar/baz"}},
		{"foo", "*", []string{"foo", "foobar", "foo/bar"}, []string{"fo"}},
		{"foo/", "bar", []string{"foo/bar"}, []string{"bar", "foo//bar"}},
		{"*", "/a", []string{"b/a"}, []string{"a"}},
		{"", "inbox", []string{"INBOX"}, []string{"inbox2"}},
		{"", "InBo%", []string{"INBOX"}, []string{"INBOX/a", "INBOXES"}},
		{"", "inbox/*", []string{"INBOX/a", "INBOX/a/b"}, []string{"INBOX", "INBOXES/a"}},
		{"", "*x", []string{"INBOX", "x"}, []string{"INBOXEX", "X"}},
		{"", "inbox/a", []string{"INBOX/a"}, []string{"INBOX/A"}},
		{"", "cafe\u0301%", []string{"café", "caférie"}, []string{"cafe"}},
		{"", "日%", []string{"日本"}, []string{"月"}},
	} {
		p := NewPattern(tc.ref, tc.pattern)
		for _, name := range tc.match {
			if !p.Match(name) {
				t.Errorf("%q %q does not match %q", tc.ref, tc.pattern, name)
			}
		}
		for _, name := range tc.not {
			if p.Match(name) {
				t.Errorf("%q %q matches %q", tc.ref, tc.pattern, name)
			}
		}
	}
}

// Patterns that would not end in the life of the test with a matcher that tries one possibility
// after another.
func TestPatternHasNoBacktracking(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("a", MaxMailboxName)
	for _, wild := range []string{"*a", "%a", "*%a", "%a*"} {
		for end, want := range map[string]bool{"b": false, "a": true} {
			pattern := strings.Repeat(wild, 300) + end
			if NewPattern("", pattern).Match(name) != want {
				t.Errorf("%q: match is not %v", pattern, want)
			}
		}
	}
}

// naiveMatch is the definition of a match, without regard to INBOX.
func naiveMatch(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	if c := pattern[0]; c == '*' || c == '%' {
		return naiveMatch(pattern[1:], name) || name != "" && (c == '*' || name[0] != Separator) && naiveMatch(pattern, name[1:])
	}
	return name != "" && name[0] == pattern[0] && naiveMatch(pattern[1:], name[1:])
}

func FuzzPattern(f *testing.F) {
	f.Add("*a%b", "a/ab")
	f.Add("%/%", "a/b")
	f.Add("a*/%*b", "aa/b/b")
	f.Add(strings.Repeat("ab", 40)+"*c", strings.Repeat("ab", 40)+"xc")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 100 || len(name) > 200 || strings.Count(pattern, "*")+strings.Count(pattern, "%") > 4 {
			return
		}
		canon, err := CanonicalMailbox(pattern)
		name, err2 := CanonicalMailbox(name)
		if err != nil || err2 != nil || hasInboxPrefix(name) || strings.EqualFold(canon, Inbox) || canon != pattern {
			return
		}
		if got, want := NewPattern("", pattern).Match(name), naiveMatch(pattern, name); got != want {
			t.Fatalf("pattern %q, name %q: got %v", pattern, name, got)
		}
	})
}

func BenchmarkPattern(b *testing.B) {
	p := NewPattern("", "Archive/*/20%")
	b.ReportAllocs()
	for b.Loop() {
		p.Match("Archive/Lists/golang-nuts/2025")
	}
}
