package store

import (
	"strings"
	"testing"
)

// contains feeds text in pieces of the given size.
func scanContains(text, needle string, piece int) bool {
	var s textScan
	s.set([]scanNeedle{{foldText(needle), 7}})
	ok := false
	for len(text) > 0 {
		n := min(piece, len(text))
		s.write([]byte(text[:n]), func(leaf int) { ok = ok || leaf == 7 })
		text = text[n:]
	}
	return ok
}

func TestSearchTextFolding(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text, needle string
		want         bool
	}{
		{"Hello World", "o wor", true},
		{"Hello World", "HELLO", true},
		{"Hello World", "helloworld", false},
		{"Hello World", "Hello World!", false},
		{"one\r\n two", "one two", true},
		{"one\r\n\r\n\ttwo", "one two", true},
		{"one two", "one\r\n\ttwo", true},
		{"onetwo", "one two", false},
		{"a  b", "a b", true},
		{"a\u00a0b", "a b", true},
		{"a\u2003 \u3000b", "a b", true},
		{"STRASSE", "strasse", true},
		{"Straße", "STRAßE", true},
		{"Straẞe", "straße", true},
		{"Straße", "strasse", false},
		{"ΟΔΥΣΣΕΥΣ", "οδυσσευς", true},
		{"отпуск", "ОТПУСК", true},
		{"отпуск", "отпусе", false},
		{"caf\u00e9", "CAFE\u0301", true},
		{"cafe\u0301", "CAF\u00c9", true},
		{"\u212bngstr\u00f6m", "\u00e5ngstr\u00d6m", true},
		{"\uff28\uff25\uff2c\uff2c\uff2f", "hello", true},
		{"\ufb01sh", "FISH", true},
		{"\u212aelvin", "kelvin", true},
		{"日本語のメール", "語のメ", true},
		{"日本語のメール", "語メ", false},
		{"\ud55c\uad6d", "\u1112\u1161\u11ab\u1100\u116e\u11a8", true},
		{"bad \xff\xfe bytes", "bytes", true},
		{"bad \xe6\x97 bytes", "bytes", true},
		{"\xe6", "æ", false},
		{"x\xe6", "x", true},
		{"", "x", false},
		{"anything", "", true},
		{"\ufdfa", "\u0635\u0644\u0649", true}, // Decomposes to 18 characters.
	} {
		for _, piece := range []int{1, 2, 3, 5, 1 << 20} {
			if got := scanContains(tc.text, tc.needle, piece); got != tc.want {
				t.Errorf("%q contains %q in pieces of %d: got %v, want %v", tc.text, tc.needle, piece, got, tc.want)
			}
		}
	}
}

func TestSearchTextBoundedMemory(t *testing.T) {
	t.Parallel()
	var s textScan
	s.set([]scanNeedle{{[]byte(strings.Repeat("n", 50)), 0}})
	piece := []byte(strings.Repeat("haystack ", 100))
	for range 1000 {
		s.write(piece, func(int) { t.Fatal("found what is not there") })
	}
	if cap(s.buf) > 8*len(piece) {
		t.Errorf("buffer grew to %d bytes", cap(s.buf))
	}
}

func TestSearchTextNotAcrossTexts(t *testing.T) {
	t.Parallel()
	var s textScan
	var found []int
	s.set([]scanNeedle{{[]byte("ab"), 1}, {[]byte("a b"), 2}, {[]byte("c"), 3}})
	for _, text := range []string{"a", "b", "c"} {
		s.write([]byte(text), func(leaf int) { found = append(found, leaf); s.remove(leaf) })
		s.end()
	}
	s.write([]byte("c"), func(leaf int) { found = append(found, leaf) })
	if len(found) != 1 || found[0] != 3 {
		t.Errorf("found leaves %v, want only 3, once", found)
	}
}

func FuzzSearchText(f *testing.F) {
	f.Add("Straße\r\n é", uint8(2), uint8(3), uint8(1))
	f.Add("\xff\xe6\x97日本語", uint8(1), uint8(4), uint8(2))
	f.Fuzz(func(t *testing.T, text string, from, length, piece uint8) {
		// Folding in pieces and folding again change nothing.
		whole := foldText(text)
		var folder textFolder
		var pieces []byte
		for rest := text; len(rest) > 0; {
			n := min(int(piece)+1, len(rest))
			pieces = folder.append(pieces, []byte(rest[:n]))
			rest = rest[n:]
		}
		if string(pieces) != string(whole) {
			t.Fatalf("folded in pieces %q, at once %q", pieces, whole)
		}
		if again := foldText(string(whole)); string(again) != string(whole) {
			t.Fatalf("folding is not idempotent: %q, then %q", whole, again)
		}
		// What is cut out of the text on character borders is found in it.
		runes := []rune(text)
		if strings.ToValidUTF8(text, "") != text || len(runes) == 0 {
			return
		}
		i := int(from) % len(runes)
		j := min(len(runes), i+int(length))
		if needle := string(runes[i:j]); !scanContains(text, needle, int(piece)+1) {
			t.Fatalf("%q not found in %q", needle, text)
		}
	})
}

func BenchmarkSearchText(b *testing.B) {
	text := []byte(strings.Repeat("The quick brown fox jumps over the lazy dog.\r\n", 700))
	for _, bc := range []struct{ name, text string }{
		{"ascii", string(text)},
		{"cyrillic", strings.Repeat("Съешь же ещё этих мягких французских булок.\r\n", 400)},
	} {
		b.Run(bc.name, func(b *testing.B) {
			var s textScan
			s.set([]scanNeedle{{[]byte("unfindable"), 0}, {[]byte("absent"), 1}})
			text := []byte(bc.text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				s.write(text, func(int) {})
			}
		})
	}
}
