package htmlmail

import (
	"strings"
	"testing"
)

// FuzzSanitize checks what holds for every document, whatever it was made of.
func FuzzSanitize(f *testing.F) {
	for _, c := range hostileCases(f) {
		f.Add(c.html, false)
	}
	f.Add(newsletter(2), true)
	s := New(Limits{Depth: 40, Elements: 200, Attributes: 10})
	f.Fuzz(func(t *testing.T, input string, remote bool) {
		if len(input) > 20_000 {
			return
		}
		opts := Options{AllowRemote: remote, CID: testCID, FoldQuotes: true}
		doc := s.Sanitize(input, opts)
		for _, problem := range checkDocument(doc.HTML, remote) {
			t.Errorf("%q\nbecame %q:\n%s", input, doc.HTML, problem)
		}
		if doc.Exceeded.Has(ExceededStructure) {
			t.Errorf("%q: no stable structure", input)
		}
		if !remote && len(doc.Remote) > 0 && strings.Contains(doc.Body, `src="http`) && !strings.Contains(doc.Body, "mail.invalid") {
			t.Errorf("%q loads from elsewhere: %q", input, doc.Body)
		}
		for _, problem := range checkDocument(s.FromText(input, TextOptions{Flowed: remote, Options: opts}).HTML, remote) {
			t.Errorf("%q as text: %s", input, problem)
		}
		s.ToText(input)
	})
}

// FuzzStyle checks that what is written of styles is read as the same again.
func FuzzStyle(f *testing.F) {
	for _, c := range hostileCases(f) {
		if strings.HasPrefix(c.technique, "style") || strings.HasPrefix(c.technique, "CSS") {
			f.Add(c.html)
		}
	}
	f.Add(`p.a>b{color:red;margin:0 auto!important;font:12px/1.5 "A B"}@media (max-width:5px){a:hover{color:#fff}}`)
	same := func(url string) (string, bool) { return url, true }
	f.Fuzz(func(t *testing.T, input string) {
		input = cleanText(input)
		s := &styler{rules: 100, image: same}
		got := s.attribute(input)
		if again := s.attribute(got); again != got {
			t.Errorf("attribute %q: %q is read as %q", input, got, again)
		}
		sheet := string(s.sheet(nil, input))
		s.rules = 100
		plain := strings.NewReplacer("#m-", "#").Replace(sheet)
		if again := strings.NewReplacer("#m-", "#").Replace(string(s.sheet(nil, sheet))); strings.Count(again, "{") != strings.Count(plain, "{") {
			t.Errorf("sheet %q: %q is read as %q", input, sheet, again)
		}
		if strings.ContainsAny(got+sheet, "<\x00") {
			t.Errorf("%q: %q %q", input, got, sheet)
		}
	})
}
