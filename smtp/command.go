package smtp

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"mox/dns"
)

// Param is a parameter of MAIL or RCPT (esmtp-param of RFC 5321 §4.1.2).
type Param struct {
	Keyword  string // In upper case.
	Value    string // As written, xtext not decoded.
	HasValue bool   // Tells "KEYWORD" from "KEYWORD=".
}

// Params are the parameters of a command in order, each keyword at most once.
type Params []Param

// Get returns the parameter with a keyword, given in upper case.
func (l Params) Get(keyword string) (p Param, ok bool) {
	for _, p := range l {
		if p.Keyword == keyword {
			return p, true
		}
	}
	return Param{}, false
}

// ParseMailFrom parses what follows the word MAIL and a space: "FROM:", the
// reverse-path and parameters (RFC 5321 §4.1.1.2). A path with other characters than
// ASCII is refused unless SMTPUTF8 is among the parameters. Source routes are
// accepted and dropped (RFC 5321 appendix C).
//
// The error is the reply to the client: 501 with 5.1.7 for the path, 5.5.4 for the
// rest, or 550 with 5.6.7 when SMTPUTF8 is missing (RFC 6531 §3.5).
func ParseMailFrom(s string) (Path, Params, error) {
	s, ok := cutWord(s, "FROM:")
	if !ok {
		return Path{}, nil, syntaxError(E554InvalidArguments, "syntax is MAIL FROM:<address>", nil)
	}
	p, raw, rest, err := cutPath(s, true)
	if err != nil {
		return Path{}, nil, syntaxError(E517BadSenderSyntax, "bad sender address syntax", err)
	}
	params, err := ParseParams(rest)
	if err != nil {
		return Path{}, nil, err
	}
	if _, ok := params.Get("SMTPUTF8"); !ok && !isASCII(raw) {
		return Path{}, nil, NewError(C550MailboxUnavailable, E567NonASCIIAddress, "non-ASCII address needs SMTPUTF8", nil)
	}
	return p, params, nil
}

// ParseRcptTo parses what follows the word RCPT and a space: "TO:", the forward-path
// and parameters (RFC 5321 §4.1.1.3). The path "<Postmaster>", in any case, is
// returned with only the local part "postmaster". A path with other characters than
// ASCII is refused unless utf8, which says that MAIL had the parameter SMTPUTF8.
//
// The error is the reply to the client: 501 with 5.1.3 for the path, 5.5.4 for the
// rest, or 553 with 5.6.7 when SMTPUTF8 is missing (RFC 6531 §3.5).
func ParseRcptTo(s string, utf8 bool) (Path, Params, error) {
	s, ok := cutWord(s, "TO:")
	if !ok {
		return Path{}, nil, syntaxError(E554InvalidArguments, "syntax is RCPT TO:<address>", nil)
	}
	p, raw, rest, err := cutPath(s, false)
	if err != nil {
		return Path{}, nil, syntaxError(E513BadRecipientSyntax, "bad recipient address syntax", err)
	}
	params, err := ParseParams(rest)
	if err != nil {
		return Path{}, nil, err
	}
	if !utf8 && !isASCII(raw) {
		return Path{}, nil, NewError(C553MailboxName, E567NonASCIIAddress, "non-ASCII address needs SMTPUTF8", nil)
	}
	return p, params, nil
}

func syntaxError(enhanced EnhancedCode, text string, err error) *Error {
	return NewError(C501BadParamSyntax, enhanced, text, err)
}

// cutWord removes word, in any case, from the start of s, and spaces after it. There
// must be none (RFC 5321 §3.3), but clients have them: Microsoft's mailers of the
// nineties and scripts since write "MAIL FROM: <a@example.org>".
func cutWord(s, word string) (rest string, ok bool) {
	if len(s) < len(word) || !strings.EqualFold(s[:len(word)], word) {
		return "", false
	}
	return strings.TrimLeft(s[len(word):], " "), true
}

// cutPath parses the path that s begins with and returns it also as written.
func cutPath(s string, reverse bool) (p Path, raw, rest string, err error) {
	s, ok := strings.CutPrefix(s, "<")
	if !ok {
		return Path{}, "", "", fmt.Errorf(`%w: no "<"`, ErrAddress)
	}
	end := pathEnd(s)
	if end < 0 {
		return Path{}, "", "", fmt.Errorf(`%w: no ">"`, ErrAddress)
	}
	raw, rest = s[:end], s[end+1:]
	if rest != "" && rest[0] != ' ' {
		return Path{}, "", "", fmt.Errorf("%w: no space after path", ErrAddress)
	}
	switch {
	case raw == "" && reverse:
		return Path{}, raw, rest, nil
	case strings.EqualFold(raw, "postmaster") && !reverse:
		return Path{Localpart: "postmaster"}, raw, rest, nil
	}
	mailbox, err := skipRoute(raw)
	if err != nil {
		return Path{}, "", "", err
	}
	p, err = parseMailbox(mailbox)
	return p, raw, rest, err
}

// pathEnd returns the index of the ">" that ends a path, which quoted strings can
// have too, or -1.
func pathEnd(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			quoted = !quoted
		case '\\':
			if quoted {
				i++
			}
		case '>':
			if !quoted {
				return i
			}
		}
	}
	return -1
}

// skipRoute removes a source route, "@a.example,@b.example:", which must be accepted
// and should be ignored (RFC 5321 §4.1.2, appendix C).
func skipRoute(s string) (mailbox string, err error) {
	if !strings.HasPrefix(s, "@") {
		return s, nil
	}
	route, mailbox, ok := strings.Cut(s, ":")
	if !ok {
		return "", fmt.Errorf("%w: source route without end", ErrAddress)
	}
	for at := range strings.SplitSeq(route, ",") {
		host, ok := strings.CutPrefix(at, "@")
		if !ok {
			return "", fmt.Errorf("%w: source route", ErrAddress)
		}
		if _, err := dns.ParseDomain(host); err != nil {
			return "", fmt.Errorf("%w: source route: %w", ErrAddress, err)
		}
	}
	return mailbox, nil
}

// ParseParams parses the parameters of a command, what follows the path. Keywords must
// not be repeated. The error is the reply to the client, 501 5.5.4.
func ParseParams(s string) (Params, error) {
	var l Params
	for f := range strings.SplitSeq(s, " ") {
		if f == "" {
			continue // Several spaces, or one at the end.
		}
		p, err := parseParam(f)
		if err != nil {
			return nil, syntaxError(E554InvalidArguments, "bad parameter syntax", err)
		}
		if _, ok := l.Get(p.Keyword); ok {
			return nil, syntaxError(E554InvalidArguments, "parameter repeated", nil)
		}
		l = append(l, p)
	}
	return l, nil
}

var errParam = errors.New("bad parameter")

func parseParam(s string) (Param, error) {
	k, v, has := strings.Cut(s, "=")
	for i := range len(k) {
		c := k[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' && i > 0) {
			return Param{}, fmt.Errorf("%w: keyword %q", errParam, k)
		}
	}
	if k == "" {
		return Param{}, fmt.Errorf("%w: no keyword in %q", errParam, s)
	}
	if has && v == "" {
		return Param{}, fmt.Errorf("%w: %s without value", errParam, k)
	}
	for i := range len(v) {
		// UTF-8 is allowed by RFC 6531 §3.3.
		if v[i] <= ' ' || v[i] == '=' || v[i] == 0x7f {
			return Param{}, fmt.Errorf("%w: value of %s", errParam, k)
		}
	}
	if !utf8.ValidString(v) {
		return Param{}, fmt.Errorf("%w: value of %s is not UTF-8", errParam, k)
	}
	return Param{strings.ToUpper(k), v, has}, nil
}
