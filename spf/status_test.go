package spf

import (
	"errors"
	"testing"

	"mox/dns"
)

// TestResults covers the results of RFC 7208 §2.6 and what is told with them.
func TestResults(t *testing.T) {
	t.Parallel()
	resolver := zone(t, `
		neutral.example TXT v=spf1 ?all exp=why.example
		default.example TXT v=spf1 ip4:203.0.113.1
		pass.example TXT v=spf1 ip4:192.0.2.1 -all exp=why.example
		fail.example TXT v=spf1 -all exp=why.example
		softfail.example TXT v=spf1 ~all exp=why.example
		why.example TXT why
		none.example TXT no policy
		fails.example FAIL
		term.example TXT v=spf1 a:fails.example +all exp=why.example
		included.example TXT v=spf1 include:term.example +all
		broken.example TXT v=spf1 +all foo
		two.example TXT v=spf1 +all
		two.example TXT v=spf1 -all
		nothing.example TXT v=spf1 include:none.example +all
	`)
	for _, test := range []struct {
		sender      string
		want        Status
		domain      string
		explanation string
		cause       error
	}{
		{"user@pass.example", Pass, "pass.example", "", nil},              // §2.6.3.
		{"user@neutral.example", Neutral, "neutral.example", "", nil},     // §2.6.2.
		{"user@default.example", Neutral, "default.example", "", nil},     // §2.6.2.
		{"user@none.example", None, "none.example", "", nil},              // §2.6.1: no record.
		{"user@nx.example", None, "nx.example", "", nil},                  // §2.6.1: no name.
		{"[192.0.2.1]", None, "", "", nil},                                // §2.6.1: no domain.
		{"user@fail.example", Fail, "fail.example", "why", nil},           // §2.6.4.
		{"user@softfail.example", Softfail, "softfail.example", "", nil},  // §2.6.5.
		{"user@fails.example", Temperror, "fails.example", "", nil},       // §2.6.6: the record.
		{"user@term.example", Temperror, "term.example", "", nil},         // §2.6.6: a term, though all would match.
		{"user@included.example", Temperror, "included.example", "", nil}, // §2.6.6: a term of another record.
		{"user@broken.example", Permerror, "broken.example", "", ErrSyntax},
		{"user@two.example", Permerror, "two.example", "", ErrMultipleRecords}, // §2.6.7, §3.2.
		{"user@nothing.example", Permerror, "nothing.example", "", nil},
	} {
		res := CheckMailFrom(t.Context(), resolver, session(t, "192.0.2.1", test.sender))
		if res.Status != test.want || res.Domain.ASCII != test.domain || res.Explanation != test.explanation {
			t.Errorf("%s: %s of %q, explanation %q, want %s", test.sender, res.Status, res.Domain, res.Explanation, test.want)
		}
		if test.cause != nil && !errors.Is(res.Err, test.cause) {
			t.Errorf("%s: error %v does not tell of %v", test.sender, res.Err, test.cause)
		}
		// A fault of DNS is temporary, and one of the record is not.
		if _, ok := errors.AsType[*dns.Error](res.Err); ok != (res.Status == Temperror) {
			t.Errorf("%s: %s with error %v", test.sender, res.Status, res.Err)
		}
		if !res.Status.known() || Status("hardfail").known() || Status("").known() {
			t.Errorf("%s: status %q", test.sender, res.Status)
		}
	}
}
