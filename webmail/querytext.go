package webmail

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"mox/store"
)

// textParser reads what a user types to search, such as
//
//	from:ana (budget OR "annual plan") -is:read older_than:2w
//
// Words must all be in a message; OR, in capitals, joins what stands beside it, a minus means not, quotes keep words together.
// Nothing is an error: what makes no sense is in the terms with a problem, and ignored.
type textParser struct {
	k         queryKnowledge
	operators map[string]operator
	rest      string
	depth     int

	terms   []Term
	mark    []string
	negated bool // What is parsed must not match, so it is not to be marked.
	wide    bool
}

// maxQueryDepth bounds parentheses in parentheses, maxQueryTerms the terms.
const (
	maxQueryDepth = 10
	maxQueryTerms = 50
)

// parse parses all of the text.
func (p *textParser) parse() *expr {
	x := p.sequence()
	for p.rest != "" { // A parenthesis that nothing has opened.
		p.rest = p.rest[1:]
		x = and(keep(x, p.sequence())...)
	}
	return x
}

// keep returns those of exprs that are not everything.
func keep(l ...*expr) []*expr {
	var kept []*expr
	for _, x := range l {
		if !x.isEverything() {
			kept = append(kept, x)
		}
	}
	return kept
}

// sequence parses up to the end, or a closing parenthesis.
func (p *textParser) sequence() *expr {
	var all []*expr
	orNext := false
	for {
		p.space()
		if p.rest == "" || p.rest[0] == ')' || p.rest[0] == '}' {
			return and(keep(all...)...)
		}
		if word, ok := p.connective(); ok {
			orNext = word == "OR" && len(all) > 0
			continue
		}
		x := p.factor()
		switch {
		case x.isEverything():
		case orNext:
			all[len(all)-1] = or(all[len(all)-1], x)
		default:
			all = append(all, x)
		}
		orNext = false
	}
}

func (p *textParser) space() {
	p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
}

// connective takes OR or AND.
func (p *textParser) connective() (string, bool) {
	for _, word := range []string{"OR", "AND", "|"} {
		rest, ok := strings.CutPrefix(p.rest, word)
		if !ok {
			continue
		}
		if r, _ := utf8.DecodeRuneInString(rest); rest == "" || unicode.IsSpace(r) || r == '(' {
			p.rest = rest
			if word == "|" {
				word = "OR"
			}
			return word, true
		}
	}
	return "", false
}

// factor parses a term, or several in parentheses, perhaps with a minus.
func (p *textParser) factor() *expr {
	minus := false
	for strings.HasPrefix(p.rest, "-") || strings.HasPrefix(p.rest, "!") && len(p.rest) > 1 {
		minus = !minus
		p.rest = p.rest[1:]
	}
	if minus {
		p.negated = !p.negated
		defer func() { p.negated = !p.negated }()
	}
	x := p.positive(minus)
	if minus && !x.isEverything() {
		x = not(x)
	}
	return x
}

func (p *textParser) positive(minus bool) *expr {
	if p.rest == "" {
		return everything()
	}
	switch p.rest[0] {
	case '(', '{':
		return p.group()
	}
	start := p.rest
	name, ok := p.operator()
	if !ok {
		word := p.value()
		return p.term(typed(start, p.rest, minus), minus, func(t *Term) *expr { return p.word(word, t) })
	}
	op, known := p.operators[strings.ToLower(name)]
	if known && strings.HasPrefix(p.rest, "(") && p.depth < maxQueryDepth {
		return p.operatorGroup(op, name)
	}
	value := p.value()
	return p.term(typed(start, p.rest, minus), minus, func(t *Term) *expr {
		switch {
		case !known:
			t.Problem = "There is no " + name + ": to search by."
			return everything()
		case value == "":
			t.Problem = "Something is to follow."
			return everything()
		}
		return op.parse(p, value, t)
	})
}

// typed returns what was typed between two states of the rest.
func typed(start, end string, minus bool) string {
	s := strings.TrimSpace(start[:len(start)-len(end)])
	if minus {
		s = "-" + s
	}
	return s
}

// term notes what was understood of a term.
func (p *textParser) term(text string, minus bool, parse func(t *Term) *expr) *expr {
	if text == "" || text == "-" {
		return everything()
	}
	if len(p.terms) >= maxQueryTerms {
		return everything()
	}
	t := Term{Text: text}
	x := parse(&t)
	if minus && t.Problem == "" {
		t.Meaning = "not: " + t.Meaning
	}
	p.terms = append(p.terms, t)
	return x
}

// group parses terms in parentheses, which must all match, or braces, of which one must.
func (p *textParser) group() *expr {
	anyOf := p.rest[0] == '{'
	p.rest = p.rest[1:]
	if p.depth++; p.depth > maxQueryDepth {
		p.depth--
		return everything()
	}
	defer func() { p.depth-- }()
	if !anyOf {
		x := p.sequence()
		p.close(')')
		return x
	}
	var kids []*expr
	for {
		p.space()
		if p.rest == "" || p.rest[0] == '}' || p.rest[0] == ')' {
			break
		}
		if _, ok := p.connective(); ok {
			continue
		}
		kids = append(kids, keep(p.factor())...)
	}
	p.close('}')
	if len(kids) == 0 {
		return everything()
	}
	return or(kids...)
}

func (p *textParser) close(c byte) {
	if p.rest != "" && p.rest[0] == c {
		p.rest = p.rest[1:]
	}
}

// operatorGroup parses from:(ana bob) as from:ana from:bob, also with OR.
func (p *textParser) operatorGroup(op operator, name string) *expr {
	inner, rest, _ := strings.Cut(p.rest[1:], ")")
	p.rest = rest
	sub := textParser{rest: inner}
	var all []*expr
	orNext := false
	for {
		sub.space()
		if sub.rest == "" {
			return and(keep(all...)...)
		}
		if word, ok := sub.connective(); ok {
			orNext = word == "OR" && len(all) > 0
			continue
		}
		before := sub.rest
		value := sub.value()
		if len(sub.rest) == len(before) {
			sub.rest = sub.rest[1:]
			continue
		}
		if value == "" {
			continue
		}
		x := p.term(name+":"+typed(before, sub.rest, false), false, func(t *Term) *expr { return op.parse(p, value, t) })
		switch {
		case x.isEverything():
		case orNext:
			all[len(all)-1] = or(all[len(all)-1], x)
		default:
			all = append(all, x)
		}
		orNext = false
	}
}

// operator takes the name of an operator with its colon: letters and underscores, with something that is no part of an address of a
// page.
func (p *textParser) operator() (string, bool) {
	i := 0
	for i < len(p.rest) && (p.rest[i] == '_' || 'a' <= p.rest[i]|0x20 && p.rest[i]|0x20 <= 'z') {
		i++
	}
	if i == 0 || i == len(p.rest) || p.rest[i] != ':' {
		return "", false
	}
	name, rest := p.rest[:i], p.rest[i+1:]
	if _, known := p.operators[strings.ToLower(name)]; !known && (strings.HasPrefix(rest, "//") || rest == "" || unicode.IsSpace(rune(rest[0])) || isSubjectPrefix(name) || strings.EqualFold(name, "mailto")) {
		return "", false
	}
	p.rest = rest
	return name, true
}

// isSubjectPrefix tells of what answers begin with, so that a subject can be pasted.
func isSubjectPrefix(s string) bool {
	switch strings.ToLower(s) {
	case "re", "fw", "fwd", "aw", "wg", "sv", "antw":
		return true
	}
	return false
}

// value takes a word or what is in quotes.
func (p *textParser) value() string {
	if rest, ok := strings.CutPrefix(p.rest, `"`); ok {
		value, after, closed := strings.Cut(rest, `"`)
		if !closed {
			after = ""
		}
		p.rest = after
		return strings.TrimSpace(value)
	}
	i := strings.IndexFunc(p.rest, func(r rune) bool { return unicode.IsSpace(r) || r == ')' || r == '}' || r == '"' })
	if i < 0 {
		i = len(p.rest)
	}
	value := p.rest[:i]
	p.rest = p.rest[i:]
	// A parenthesis within a word was opened there, as in "f(x)".
	for strings.HasPrefix(p.rest, ")") && strings.Count(value, "(") > strings.Count(value, ")") {
		value += ")"
		p.rest = p.rest[1:]
		j := strings.IndexFunc(p.rest, func(r rune) bool { return unicode.IsSpace(r) || r == ')' || r == '}' || r == '"' })
		if j < 0 {
			j = len(p.rest)
		}
		value += p.rest[:j]
		p.rest = p.rest[j:]
	}
	return value
}

// word matches messages with a text anywhere.
func (p *textParser) word(text string, t *Term) *expr {
	if text == "" {
		t.Problem = "There is nothing in the quotes."
		return everything()
	}
	t.Meaning = "contains “" + text + "”"
	p.marks(text)
	return fromStore(store.Criteria{Text: []string{text}})
}

// marks has a text be marked, unless it must not be there.
func (p *textParser) marks(text string) {
	if !p.negated {
		p.mark = append(p.mark, text)
	}
}
