package htmlmail

import (
	"os"
	"strings"
	"testing"
)

// hostileCase is a line of testdata/hostile.txt.
type hostileCase struct{ technique, html string }

func hostileCases(tb testing.TB) []hostileCase {
	tb.Helper()
	data, err := os.ReadFile("testdata/hostile.txt")
	if err != nil {
		tb.Fatal(err)
	}
	controls := strings.NewReplacer("␀", "\x00", "␊", "\n", "␍", "\r", "␉", "\t", "␌", "\f", "␛", "\x1b", "␠", "\u00a0")
	var l []hostileCase
	technique := ""
	for line := range strings.SplitSeq(string(data), "\n") {
		if s, ok := strings.CutPrefix(line, "# "); ok {
			technique, ok = strings.CutSuffix(s, ":")
			if !ok {
				technique = ""
			}
			continue
		}
		if line != "" {
			l = append(l, hostileCase{technique, controls.Replace(line)})
		}
	}
	return l
}

func TestHostile(t *testing.T) {
	t.Parallel()
	s := New(Limits{})
	cases := hostileCases(t)
	if len(cases) < 300 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.technique, func(t *testing.T) {
			t.Parallel()
			// Also where other elements are around, and attributes and raw text are open.
			for _, input := range []string{c.html, "<table><tr><td><p>" + c.html, "<p>a" + c.html + "b</p>", "<div title=\"" + c.html, "<svg><desc>" + c.html, "<style>" + c.html, "<select>" + c.html} {
				doc := s.Sanitize(input, Options{CID: testCID, FoldQuotes: true})
				check(t, input, doc.HTML, false)
				if doc.Exceeded != 0 {
					t.Errorf("%q: exceeded %b", input, doc.Exceeded)
				}
			}
			check(t, c.html, s.Sanitize(c.html, Options{AllowRemote: true}).HTML, true)
			doc := s.Sanitize(c.html, Options{})
			check(t, c.html, s.FromText(c.html, TextOptions{Options: Options{FoldQuotes: true}}).HTML, false)
			again := s.Sanitize(doc.HTML, Options{})
			check(t, doc.HTML, again.HTML, false)
			if c.technique == "remote loads" && (len(doc.Remote) != 1 || doc.Remote[0].Host != "evil.example" || doc.RemoteCount < 1) {
				t.Errorf("%q: reported %v", c.html, doc.Remote)
			}
			if c.technique == "remote loads in other places" && doc.RemoteCount != 0 {
				t.Errorf("%q: reported %v", c.html, doc.Remote)
			}
		})
	}
}

// TestHostileTogether puts all cases into one message, where they meet each other.
func TestHostileTogether(t *testing.T) {
	t.Parallel()
	s := New(Limits{})
	var all strings.Builder
	cases := hostileCases(t)
	for i, c := range cases {
		all.WriteString(c.html)
		doc := s.Sanitize(c.html+cases[(i+7)%len(cases)].html+cases[(i*31+11)%len(cases)].html, Options{CID: testCID})
		check(t, c.html, doc.HTML, false)
	}
	check(t, "all cases", s.Sanitize(all.String(), Options{}).HTML, false)
}
