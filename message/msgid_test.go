package message

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseMessageIDs(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"<a@b>", "a@b"},
		{" <a@b>\r\n\t<c@d>  <e@f> ", "a@b c@d e@f"},
		{"<a@b><c@d>", "a@b c@d"},
		{"<a@b> <a@b> <c@d>", "a@b c@d"},
		{"<1234   @   local(blah)  .machine .example>", "1234@local.machine.example"},
		{`<"ab"@c> <"a;b"@c>`, `ab@c "a;b"@c`},
		{"Your message of \"Mon, 1 Jan 2000\" <a@b>", "a@b"},
		{"Joe <joe> said in <a@b>", "joe a@b"},
		{"<a@b\r\n c@d>", "a@bc@d"},
		{"<a@b <c@d>", "a@b c@d"},
		{"<a@b", "a@b"},
		{"a@b c@d", "a@b c@d"},
		{"no id here", ""},
		{"Message of Monday", ""},
		{"<>", ""},
		{"", ""},
		{"<" + strings.Repeat("x", 1000) + "@b> <a@b>", "a@b"},
		{"<a\x00\x07b@\xe9>", "ab@é"},
	}
	for _, test := range tests {
		if got := strings.Join(ParseMessageIDs([]byte(test.in)), " "); got != test.want {
			t.Errorf("%q: got %q, want %q", test.in, got, test.want)
		}
	}

	// The first and the last are kept of very many.
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "<%d@x> ", i)
	}
	l := ParseMessageIDs([]byte(b.String()))
	if len(l) != 200 || l[0] != "0@x" || l[1] != "801@x" || l[199] != "999@x" {
		t.Errorf("%d ids: %v", len(l), l)
	}
}

func TestNormalizeMessageID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" <a@b> ": "a@b", "a@b": "a@b", "justaword": "justaword", "<justaword>": "justaword", "<a@b> <c@d>": "a@b",
		"two words": "", "a@b c@d": "", "": "", "<>": "",
	} {
		if got := NormalizeMessageID([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
