package spf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Macros that can be in a text, by their letter (RFC 7208 §7.2).
const (
	domainMacros  = "slodiphv"
	explainMacros = "slodiphvcrt"
)

const delimiters = ".-+,/_="

// macro is one macro of a text (RFC 7208 §7.1).
type macro struct {
	letter  byte // In lower case. 0 if the macro stands for the text literal.
	literal string
	escape  bool   // Letter was in upper case: the value is URL-escaped.
	parts   int    // How many parts are kept, from the right. 0 for all.
	reverse bool   // Parts are reversed.
	split   string // Delimiters. Empty for ".", with parts or reverse, otherwise nothing is split.
}

// cutMacro splits a text at its first macro. There is none if found is false, then
// before is all of the text.
func cutMacro(s, letters string) (before string, m macro, after string, found bool, err error) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, macro{}, "", false, nil
	}
	before, s = s[:i], s[i+1:]
	if s == "" {
		return "", macro{}, "", false, errors.New("% at the end")
	}
	switch s[0] {
	case '%':
		return before, macro{literal: "%"}, s[1:], true, nil
	case '_':
		return before, macro{literal: " "}, s[1:], true, nil
	case '-':
		return before, macro{literal: "%20"}, s[1:], true, nil
	case '{':
		inner, after, closed := strings.Cut(s[1:], "}")
		if !closed {
			return "", macro{}, "", false, errors.New("macro without closing brace")
		}
		m, err := parseMacro(inner, letters)
		return before, m, after, err == nil, err
	}
	return "", macro{}, "", false, errors.New("% begins no macro")
}

// parseMacro parses what is between the braces of a macro.
func parseMacro(s, letters string) (macro, error) {
	if s == "" {
		return macro{}, errors.New("macro without letter")
	}
	m := macro{letter: s[0] | 0x20, escape: 'A' <= s[0] && s[0] <= 'Z'}
	if !isAlpha(s[0]) || strings.IndexByte(letters, m.letter) < 0 {
		return macro{}, fmt.Errorf("macro %q is unknown here", s[0])
	}
	s = s[1:]
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	for _, c := range s[:digits] {
		// More parts than there can be in a value are as good as any number.
		m.parts = min(m.parts*10+int(c-'0'), 1<<16)
	}
	if digits > 0 && m.parts == 0 {
		return macro{}, errors.New("macro keeps no parts") // RFC 7208 §7.3.
	}
	s = s[digits:]
	if s != "" && s[0]|0x20 == 'r' {
		m.reverse = true
		s = s[1:]
	}
	if strings.Trim(s, delimiters) != "" {
		return macro{}, errors.New("not a delimiter in macro")
	}
	m.split = s
	return m, nil
}

// transform appends the value of a macro as the macro wants it (RFC 7208 §7.3).
func (m macro) transform(b []byte, value string) []byte {
	if m.parts > 0 || m.reverse || m.split != "" {
		split := m.split
		if split == "" {
			split = "."
		}
		parts := splitAny(value, split)
		if m.reverse {
			slices.Reverse(parts)
		}
		if m.parts > 0 && m.parts < len(parts) {
			parts = parts[len(parts)-m.parts:]
		}
		value = strings.Join(parts, ".")
	}
	if m.escape {
		return appendEscaped(b, value)
	}
	return append(b, value...)
}

// splitAny splits at each of the characters of chars. Parts can be empty.
func splitAny(s, chars string) []string {
	var parts []string
	for {
		i := strings.IndexAny(s, chars)
		if i < 0 {
			return append(parts, s)
		}
		parts = append(parts, s[:i])
		s = s[i+1:]
	}
}

// appendEscaped appends s with what is not unreserved in a URL escaped (RFC 3986
// §2.3).
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case isAlnum(c), c == '-', c == '.', c == '_', c == '~':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// checkMacroString tells what is wrong with a macro-string (RFC 7208 §7.1).
func checkMacroString(s, letters string) error {
	_, _, err := lastMacro(s, letters, isVisible)
	return err
}

// checkExplanation tells what is wrong with an explain-string, a macro-string that
// can have spaces.
func checkExplanation(s string) error {
	_, _, err := lastMacro(s, explainMacros, isPrintable)
	return err
}

// lastMacro checks a text and returns what follows after its last macro.
func lastMacro(s, letters string, allowed func(byte) bool) (tail string, any bool, err error) {
	for {
		before, _, after, found, err := cutMacro(s, letters)
		if err != nil {
			return "", false, err
		}
		for i := range len(before) {
			if !allowed(before[i]) {
				return "", false, fmt.Errorf("character %q", before[i])
			}
		}
		if !found {
			return before, any, nil
		}
		s, any = after, true
	}
}

// checkDomainSpec tells what is wrong with a domain-spec: a macro-string that ends
// with a macro or a top-level label (RFC 7208 §7.1).
func checkDomainSpec(s string) error {
	tail, any, err := lastMacro(s, domainMacros, isVisible)
	if err != nil || any && tail == "" {
		return err
	}
	tail = strings.TrimSuffix(tail, ".")
	dot := strings.LastIndexByte(tail, '.')
	if dot < 0 || !isTopLabel(tail[dot+1:]) {
		return errors.New("domain does not end with a dot and a top-level label, or a macro")
	}
	return nil
}

// isTopLabel tells whether s is letters, digits and hyphens as a top-level domain has
// them: no number, no hyphen at the ends.
func isTopLabel(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' || strings.Trim(s, "0123456789") == "" {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

// isVisible tells whether c is a visible character in ASCII.
func isVisible(c byte) bool { return 0x21 <= c && c <= 0x7e }

// isPrintable tells whether c is a visible character in ASCII, or a space.
func isPrintable(c byte) bool { return c == ' ' || isVisible(c) }
