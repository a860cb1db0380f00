package dns

import "testing"

func TestParseCAA(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ data, want string }{
		{"\x00\x05issueca.example.net", `0 issue "ca.example.net"`},
		{"\x80\x05ISSUEca.example.net; a=b", `128 issue "ca.example.net; a=b"`},
		{"\x01\x05issue;", `0 issue ";"`}, // Bits other than the first are reserved (RFC 8659 §4.1).
		{"\x00\x05issue", `0 issue ""`},
		{"\x00\x05iodef\"\\\x00\xff", `0 iodef "\"\\\000\255"`},
		{"", ""},
		{"\x00", ""},
		{"\x00\x00value", ""},
		{"\x00\x06issue", ""},
		{"\x00\x05is-uex", ""},
	} {
		c, err := parseCAA([]byte(tc.data))
		switch {
		case tc.want == "" && err == nil:
			t.Errorf("%q is taken as %s", tc.data, c)
		case tc.want != "" && (err != nil || c.String() != tc.want):
			t.Errorf("%q: %s, %v, want %s", tc.data, c, err, tc.want)
		}
	}
}
