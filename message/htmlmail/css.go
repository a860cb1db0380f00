package htmlmail

import (
	"slices"
	"strings"
)

// styler writes style sheets and style attributes again from those of their parts that are allowed.
type styler struct {
	image func(url string) (string, bool) // Maps the URL of an image; false if it may not be loaded.
	rules int                             // That may still be written.
}

// maxCSSNesting bounds blocks within blocks.
const maxCSSNesting = 16

// cssParser reads tokens, of which one can be put back.
type cssParser struct {
	cssLexer
	back *cssToken
}

func (p *cssParser) token() cssToken {
	if p.back != nil {
		t := *p.back
		p.back = nil
		return t
	}
	return p.next()
}

func (p *cssParser) unread(t cssToken) { p.back = &t }

func (t cssToken) is(c byte) bool { return t.kind == cssDelim && t.char == c }

// closing returns the character that ends a block or function which a token begins, or 0.
func (t cssToken) closing() byte {
	switch {
	case t.kind == cssFunction || t.is('('):
		return ')'
	case t.is('['):
		return ']'
	case t.is('{'):
		return '}'
	}
	return 0
}

// skipBlock reads up to the end of a block (CSS Syntax §5.4.8), of any depth.
func (p *cssParser) skipBlock(end byte) {
	stack := []byte{end}
	for len(stack) > 0 {
		t := p.token()
		if t.kind == cssEOF {
			return
		}
		if c := t.closing(); c != 0 {
			if len(stack) < 1000 {
				stack = append(stack, c)
			}
		} else if t.is(stack[len(stack)-1]) {
			stack = stack[:len(stack)-1]
		}
	}
}

// prelude returns the tokens up to a block, which it says follows, or a semicolon.
func (p *cssParser) prelude(nested bool) (l []cssToken, block bool) {
	for {
		t := p.token()
		switch {
		case t.kind == cssEOF || t.is(';'):
			return l, false
		case t.is('{'):
			return l, true
		case t.is('}') && nested:
			p.unread(t)
			return l, false
		}
		if len(l) < 1000 {
			l = append(l, t)
		}
		if c := t.closing(); c != 0 && t.kind != cssFunction && c != ']' && c != ')' {
			p.skipBlock(c)
		}
	}
}

// sheet appends what is allowed of a style sheet.
func (s *styler) sheet(b []byte, text string) []byte {
	return s.ruleList(b, &cssParser{cssLexer: cssLexer{s: cleanText(strings.ReplaceAll(text, "\x00", "\uFFFD"))}}, 0)
}

// ruleList appends rules up to the end of the sheet or block.
func (s *styler) ruleList(b []byte, p *cssParser, depth int) []byte {
	for {
		t := p.token()
		switch {
		case t.kind == cssEOF || t.is('}') && depth > 0:
			return b
		case t.kind == cssSpace || t.is(';') && depth == 0:
		case t.kind == cssAt:
			b = s.atRule(b, p, strings.ToLower(t.text), depth)
		default:
			p.unread(t)
			b = s.rule(b, p, depth)
		}
	}
}

// atRule appends a rule such as @media. Others are for loading, fonts, animations and what is not of use here.
func (s *styler) atRule(b []byte, p *cssParser, name string, depth int) []byte {
	prelude, block := p.prelude(depth > 0)
	if !block {
		return b
	}
	query, ok := appendMedia(nil, prelude)
	if name != "media" || !ok || depth >= maxCSSNesting {
		p.skipBlock('}')
		return b
	}
	begin := len(b)
	b = append(append(append(b, "@media "...), query...), '{')
	inside := len(b)
	if b = s.ruleList(b, p, depth+1); len(b) == inside {
		return b[:begin]
	}
	return append(b, "}\n"...)
}

// rule appends a rule with its selectors that are allowed.
func (s *styler) rule(b []byte, p *cssParser, depth int) []byte {
	prelude, block := p.prelude(depth > 0)
	if !block {
		return b
	}
	begin := len(b)
	b, dynamic, ok := appendSelectors(b, prelude)
	if !ok || s.rules <= 0 {
		p.skipBlock('}')
		return b[:begin]
	}
	b = append(b, '{')
	inside := len(b)
	b = s.declarations(b, p, !dynamic)
	if len(b) == inside {
		return b[:begin]
	}
	s.rules--
	return append(b, "}\n"...)
}

// attribute returns what is allowed of a style attribute.
func (s *styler) attribute(text string) string {
	p := &cssParser{cssLexer: cssLexer{s: text}}
	var b []byte
	for {
		b = s.declarations(b, p, true)
		// A brace that closes nothing does not end an attribute.
		t := p.token()
		if t.kind == cssEOF {
			return strings.TrimSuffix(string(b), ";")
		}
		p.unread(t)
	}
}

// declarations appends declarations up to the end of the block.
func (s *styler) declarations(b []byte, p *cssParser, images bool) []byte {
	for {
		t := p.token()
		switch {
		case t.kind == cssEOF || t.is('}'):
			return b
		case t.kind == cssSpace || t.is(';'):
		default:
			var value []cssToken
			value, end := p.declaration(t)
			if t.kind == cssIdent {
				b = s.declare(b, strings.ToLower(t.text), value, images)
			}
			if end {
				return b
			}
		}
	}
}

// declaration reads the rest of a declaration that begins with a token, which may be anything, and reports
// whether the block ended with it. A declaration with a block in it has no value.
func (p *cssParser) declaration(t cssToken) (value []cssToken, end bool) {
	good := true
	depth := []byte{}
	for ; ; t = p.token() {
		if t.kind == cssEOF {
			break
		}
		if len(depth) == 0 && (t.is(';') || t.is('}')) {
			end = t.is('}')
			break
		}
		switch c := t.closing(); {
		case c == '}':
			good = false
			p.skipBlock('}')
			continue
		case c != 0:
			if len(depth) < 100 {
				depth = append(depth, c)
			} else {
				good = false
			}
		case len(depth) > 0 && t.is(depth[len(depth)-1]):
			depth = depth[:len(depth)-1]
		case t.is('}') || t.is(')') || t.is(']') || t.kind == cssBad:
			good = false
		}
		if good && len(value) < 500 {
			value = append(value, t)
		}
	}
	if !good || len(value) >= 500 || len(depth) > 0 {
		return nil, end
	}
	return value, end
}

// declare appends a declaration, given with the name of its property, if its value is allowed.
func (s *styler) declare(b []byte, property string, tokens []cssToken, images bool) []byte {
	if !cssProperties[property] || len(tokens) < 2 {
		return b
	}
	tokens = trimSpace(tokens[1:])
	if len(tokens) == 0 || !tokens[0].is(':') {
		return b
	}
	tokens = trimSpace(tokens[1:])
	important := false
	if n := len(tokens); n > 1 && tokens[n-1].kind == cssIdent && strings.EqualFold(tokens[n-1].text, "important") {
		rest := trimSpace(tokens[:n-1])
		if n := len(rest); n > 0 && rest[n-1].is('!') {
			important, tokens = true, trimSpace(rest[:n-1])
		}
	}
	if len(tokens) == 0 {
		return b
	}
	begin := len(b)
	b = append(append(b, property...), ':')
	b, ok := s.value(b, property, tokens, images)
	if !ok {
		return b[:begin]
	}
	if important {
		b = append(b, "!important"...)
	}
	return append(b, ';')
}

func trimSpace(l []cssToken) []cssToken {
	for len(l) > 0 && l[0].kind == cssSpace {
		l = l[1:]
	}
	for len(l) > 0 && l[len(l)-1].kind == cssSpace {
		l = l[:len(l)-1]
	}
	return l
}

// value appends the value of a property. An image that may not be loaded is "none", what else is not
// allowed makes the whole value invalid.
func (s *styler) value(b []byte, property string, tokens []cssToken, images bool) ([]byte, bool) {
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch t.kind {
		case cssSpace:
			b = appendSpace(b)
		case cssIdent:
			if !allowedKeyword(property, strings.ToLower(t.text)) {
				return b, false
			}
			b = appendIdent(b, t.text)
		case cssHash:
			if !isColor(t.text) {
				return b, false
			}
			b = append(append(b, '#'), t.text...)
		case cssString:
			if !allowedText(property, t.text) {
				return b, false
			}
			b = appendString(b, t.text)
		case cssNumber:
			b = append(b, t.text...)
		case cssPercentage:
			b = append(append(b, t.text...), '%')
		case cssDimension:
			if len(t.unit) > 8 || strings.IndexFunc(t.unit, func(r rune) bool { return r|0x20 < 'a' || r|0x20 > 'z' }) >= 0 {
				return b, false
			}
			b = append(append(b, t.text...), t.unit...)
		case cssURL:
			var ok bool
			if b, ok = s.url(b, property, t.text, images); !ok {
				return b, false
			}
		case cssFunction:
			name := strings.ToLower(t.text)
			if name == "url" {
				// A string, and nothing else, is the URL.
				rest := tokens[i+1:]
				end := slices.IndexFunc(rest, func(t cssToken) bool { return t.is(')') })
				if end < 0 {
					return b, false
				}
				arg := trimSpace(rest[:end])
				if len(arg) != 1 || arg[0].kind != cssString {
					return b, false
				}
				var ok bool
				if b, ok = s.url(b, property, arg[0].text, images); !ok {
					return b, false
				}
				i += end + 1
				continue
			}
			if !cssFunctions[name] {
				return b, false
			}
			b = append(append(b, name...), '(')
		case cssDelim:
			switch t.char {
			case ',', ')', '(', '+', '-', '*':
				b = append(b, t.char)
			case '/':
				b = append(appendSpace(b), "/ "...)
			default:
				return b, false
			}
		default:
			return b, false
		}
	}
	return b, true
}

// appendSpace appends a space where there is none.
func appendSpace(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == ' ' {
		return b
	}
	return append(b, ' ')
}

func isColor(s string) bool {
	switch len(s) {
	case 3, 4, 6, 8:
		for i := range len(s) {
			if !isHex(s[i]) {
				return false
			}
		}
		return true
	}
	return false
}

// url appends an image.
func (s *styler) url(b []byte, property, url string, images bool) ([]byte, bool) {
	if !takesImage(property) {
		return b, false
	}
	mapped, ok := s.image(url)
	if !ok || !images {
		return append(b, "none"...), true
	}
	return append(appendString(append(b, "url("...), mapped), ')'), true
}

// appendMedia appends a media query list (Media Queries Level 4), which is words, features in parentheses and
// values in them.
func appendMedia(b []byte, l []cssToken) ([]byte, bool) {
	depth := 0
	for _, t := range trimSpace(l) {
		switch t.kind {
		case cssSpace:
			b = append(b, ' ')
		case cssIdent:
			b = appendIdent(b, t.text)
		case cssFunction: // "and(" without a space.
			switch strings.ToLower(t.text) {
			case "and", "or", "not", "only":
			default:
				return b, false
			}
			b = append(append(b, strings.ToLower(t.text)...), " ("...)
			depth++
		case cssNumber:
			b = append(b, t.text...)
		case cssDimension:
			b = appendIdent(append(b, t.text...), t.unit)
		case cssDelim:
			switch t.char {
			case '(':
				depth++
			case ')':
				depth--
			case ':', ',', '/', '=':
			case '>', '<':
				// In the text of a style element they would do no harm, in a copy of it they might.
				return b, false
			default:
				return b, false
			}
			b = append(b, t.char)
		default:
			return b, false
		}
		if depth < 0 || len(b) > 1000 {
			return b, false
		}
	}
	return b, depth == 0 && len(b) > 0
}
