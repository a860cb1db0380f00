package authres

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"mox/dns"
	"mox/message"
)

// Matcher recognizes Authentication-Results fields that claim to be of our own servers. It is
// immutable and safe for concurrent use.
type Matcher struct {
	ids []string // In canonical form.

	// text is how the ids may look in a field that cannot be parsed: in lower case, with A-labels
	// and with U-labels.
	text []string
}

// NewMatcher makes a Matcher for the authserv-ids of our servers, among which there should be all
// names under which they, now and earlier, have composed fields.
func NewMatcher(ids ...string) *Matcher {
	m := &Matcher{}
	for _, id := range ids {
		if id == "" {
			continue
		}
		canonical, _ := canonicalID(id)
		m.ids = append(m.ids, canonical)
		m.addText(canonical)
		if d, err := dns.ParseDomainLax(id); err == nil {
			m.addText(d.Unicode)
		}
	}
	return m
}

func (m *Matcher) addText(id string) {
	if text := squash(id); text != "" {
		m.text = append(m.text, text)
	}
}

// Forged reports whether an Authentication-Results field of a message from outside must be removed
// (RFC 8601 §5), by its value: what follows the colon. That is so if its authserv-id is one of
// ours, where case does not matter and A-labels are U-labels, or if its version is not supported.
// A field that is not well-formed counts as ours if a lenient reader might find one of our ids
// where the authserv-id should be.
func (m *Matcher) Forged(value []byte) bool {
	if len(value) > maxValue {
		return true // Too large to be looked at, by a reader no less.
	}
	p := parser{s: string(value)}
	r, err := p.head()
	if err != nil {
		return m.mayClaim(value)
	}
	if r.Version != 0 && r.Version != Version {
		return true
	}
	id, ok := canonicalID(r.AuthservID)
	return slices.Contains(m.ids, id) || !ok && m.mayClaim(value)
}

// mayClaim looks for an id in what comes first in a value, whichever way one might read it: with
// comments or without, with encoded words (RFC 2047) decoded, and without quotes, white space and
// what is invisible.
func (m *Matcher) mayClaim(value []byte) bool {
	for _, s := range []string{string(value), withoutComments(string(value)), message.DecodeText(value)} {
		for segment := range strings.SplitSeq(s, ";") {
			segment = squash(segment)
			for _, text := range m.text {
				if strings.Contains(segment, text) {
					return true
				}
			}
			if segment != "" {
				break
			}
		}
	}
	return false
}

// canonicalID returns the form in which ids are compared. It returns false if programs may differ
// about which id it is: it is no domain name and not plain ASCII.
func canonicalID(id string) (string, bool) {
	if d, err := dns.ParseDomainLax(id); err == nil {
		return d.ASCII, true
	}
	plain := id != ""
	for i := range len(id) {
		plain = plain && id[i] < 0x80 && isTokenByte(id[i])
	}
	return strings.ToLower(id), plain
}

// squash returns s in lower case and compatibility form, without white space, controls, invisible
// characters, quotes and parentheses.
func squash(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '。':
			return '.'
		case r == '"' || r == '\\' || r == '(' || r == ')' || r == utf8.RuneError,
			unicode.IsSpace(r), unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(s))
}

// withoutComments returns s without its comments, and without what follows one that does not end.
func withoutComments(s string) string {
	var b strings.Builder
	p := parser{s: s}
	for !p.atEnd() {
		if c := p.peek(); c != '(' {
			b.WriteByte(c)
			p.pos++
		} else if p.comment() != nil {
			break
		}
	}
	return b.String()
}
