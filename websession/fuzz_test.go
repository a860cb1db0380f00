package websession

import (
	"strings"
	"testing"

	"mox/store"
)

// What is taken for a cookie is one that was made, bit for bit.
func FuzzParseCookie(f *testing.F) {
	c := credential{Ref: Ref{Account: 0x0123456789abcdef, ID: 42}, token: newToken()}
	f.Add(c.cookieValue())
	f.Add(strings.Repeat("A", 64))
	f.Add(strings.Repeat("_", 64))
	f.Add(strings.Repeat("A", 62) + "\r\n")
	f.Add(c.cookieValue() + "=")
	f.Add("")
	f.Fuzz(func(t *testing.T, value string) {
		c, ok := parseCookie(value)
		if !ok {
			if c.ID != 0 || c.Account != 0 || c.Hash != (store.WebSessionHash{}) {
				t.Errorf("%q is refused, and returned: %+v", value, c)
			}
			return
		}
		if c.cookieValue() != value || c.Hash != hashOf(c.token) {
			t.Errorf("%q is parsed to %+v", value, c)
		}
	})
}

// What is shown of a browser is short and harmless.
func FuzzDescribeAgent(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0")
	f.Add("curl/8.14.1")
	f.Add("\x1b[31m<b>")
	f.Add("Version/\xff9 Windows")
	f.Fuzz(func(t *testing.T, field string) {
		got := describeAgent(field)
		if len(got) > maxAgent {
			t.Errorf("%q is %d bytes long", got, len(got))
		}
		for _, c := range []byte(got) {
			if c < ' ' || c >= 0x7f || c == '<' || c == '"' {
				t.Errorf("%q is shown of %q", got, field)
			}
		}
	})
}
