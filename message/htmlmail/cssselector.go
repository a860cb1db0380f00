package htmlmail

import "strings"

// classPrefix begins the names of our own classes, namePrefix is put before the names and ids of a message: so
// they can be told apart, and no name of a message means something to a script or a style of the page.
const (
	classPrefix = "mox-"
	namePrefix  = "m-"
)

// Bounds of the work that matching selectors is.
const (
	maxSelectorTokens = 60
	maxSelectors      = 200
)

// appendSelectors appends those selectors of a list that are allowed, and reports whether there is one and whether
// one depends on what the reader does, so that a load would tell of it.
func appendSelectors(b []byte, l []cssToken) (out []byte, dynamic, ok bool) {
	for n := 0; n < maxSelectors; n++ {
		end, depth := 0, 0
		for ; end < len(l) && (depth > 0 || !l[end].is(',')); end++ {
			if l[end].closing() != 0 {
				depth++
			} else if l[end].is(')') || l[end].is(']') {
				depth--
			}
		}
		begin := len(b)
		if ok {
			b = append(b, ',')
		}
		var good, moves bool
		b, moves, good = appendSelector(b, trimSpace(l[:end]))
		if !good {
			b = b[:begin]
		} else {
			ok, dynamic = true, dynamic || moves
		}
		if end >= len(l) {
			break
		}
		l = l[end+1:]
	}
	return b, dynamic, ok
}

// appendSelector appends a complex selector (Selectors Level 3): names of elements, classes, ids, some attributes and
// pseudo-classes, with combinators.
func appendSelector(b []byte, l []cssToken) (out []byte, dynamic, ok bool) {
	if len(l) == 0 || len(l) > maxSelectorTokens {
		return b, false, false
	}
	for i := 0; i < len(l); i++ {
		t := l[i]
		switch {
		case t.kind == cssSpace:
			b = append(b, ' ')
		case t.kind == cssIdent:
			name := strings.ToLower(t.text)
			e, known := elements[name]
			if known && (e.as != "" || e.kind == kindSkip) || !known && name != "body" && name != "html" {
				return b, dynamic, false
			}
			b = append(b, name...)
		case t.kind == cssHash:
			b = appendIdent(append(b, '#'), namePrefix+t.text)
		case t.is('*') || t.is('>') || t.is('+') || t.is('~'):
			b = append(b, t.char)
		case t.is('.'):
			if i++; i >= len(l) || l[i].kind != cssIdent || !allowedClass(l[i].text) {
				return b, dynamic, false
			}
			b = appendIdent(append(b, '.'), l[i].text)
		case t.is(':'):
			n, moves := appendPseudo(&b, l[i+1:])
			if n == 0 {
				return b, dynamic, false
			}
			i += n
			dynamic = dynamic || moves
		case t.is('['):
			n := appendAttributeSelector(&b, l[i+1:])
			if n == 0 {
				return b, dynamic, false
			}
			i += n
		default:
			return b, dynamic, false
		}
	}
	return b, dynamic, true
}

// allowedClass reports whether a message may use the name of a class.
func allowedClass(name string) bool {
	return name != "" && len(name) <= 100 && !(len(name) >= len(classPrefix) && strings.EqualFold(name[:len(classPrefix)], classPrefix))
}

// appendPseudo appends a pseudo-class, whose tokens follow the colon, and returns the number of tokens, 0 if it is not
// allowed.
func appendPseudo(b *[]byte, l []cssToken) (n int, dynamic bool) {
	if len(l) == 0 {
		return 0, false
	}
	element := ""
	if l[0].is(':') {
		if len(l) < 2 {
			return 0, false
		}
		element, n, l = ":", 1, l[1:]
	}
	name := strings.ToLower(l[0].text)
	switch l[0].kind {
	case cssIdent:
		switch name {
		case "before", "after", "first-line", "first-letter":
		case "link", "first-child", "last-child", "only-child", "first-of-type", "last-of-type", "only-of-type", "empty", "root":
			if element != "" {
				return 0, false
			}
		case "hover", "active", "focus":
			if element != "" {
				return 0, false
			}
			dynamic = true
		default:
			return 0, false // With visited, a load would tell of other pages.
		}
		*b = append(append(append(*b, ':'), element...), name...)
		return n + 1, dynamic
	case cssFunction:
		if element != "" || name != "nth-child" && name != "nth-last-child" && name != "nth-of-type" && name != "nth-last-of-type" {
			return 0, false
		}
		*b = append(append(append(*b, ':'), name...), '(')
		for i, t := range l[1:] {
			switch {
			case t.kind == cssSpace:
				*b = append(*b, ' ')
			case t.kind == cssNumber:
				*b = append(*b, t.text...)
			case t.kind == cssIdent && (strings.EqualFold(t.text, "odd") || strings.EqualFold(t.text, "even") || strings.EqualFold(t.text, "n")):
				*b = append(*b, t.text...)
			case t.kind == cssDimension && strings.EqualFold(t.unit, "n"):
				*b = append(append(*b, t.text...), 'n')
			case t.is('+') || t.is('-'):
				*b = append(*b, t.char)
			case t.is(')'):
				*b = append(*b, ')')
				return i + 2, false
			default:
				return 0, false
			}
		}
	}
	return 0, false
}

// appendAttributeSelector appends the selector of an attribute, whose tokens follow the bracket, and returns the number
// of tokens, 0 if it is not allowed. Attributes that hold text, names or addresses could be told
// letter by letter to whoever serves the images of the rules, so they are not allowed.
func appendAttributeSelector(b *[]byte, l []cssToken) int {
	end := 0
	for end < len(l) && !l[end].is(']') {
		end++
	}
	if end == len(l) {
		return 0
	}
	inside := trimSpace(l[:end])
	if len(inside) == 0 || inside[0].kind != cssIdent {
		return 0
	}
	name := strings.ToLower(inside[0].text)
	switch name {
	case "class", "align", "valign", "dir", "lang", "width", "height", "bgcolor", "border", "nowrap":
	default:
		return 0
	}
	*b = append(append(*b, '['), name...)
	rest := trimSpace(inside[1:])
	if len(rest) > 0 {
		if strings.IndexByte("~|^$*", rest[0].char) >= 0 && rest[0].kind == cssDelim && rest[0].char != 0 {
			*b = append(*b, rest[0].char)
			rest = rest[1:]
		}
		if len(rest) == 0 || !rest[0].is('=') {
			return 0
		}
		rest = trimSpace(rest[1:])
		if len(rest) != 1 || rest[0].kind != cssString && rest[0].kind != cssIdent || name == "class" && !harmlessClassPart(rest[0].text) {
			return 0
		}
		*b = appendString(append(*b, '='), rest[0].text)
	}
	*b = append(*b, ']')
	return end + 1
}

// harmlessClassPart reports whether a part of the name of a class is in no name of ours.
func harmlessClassPart(s string) bool {
	return len(s) >= 3 && len(s) <= 100 && !strings.Contains(strings.ToLower(s), strings.TrimSuffix(classPrefix, "-")) &&
		!strings.Contains("mox-quoted mox-blocked mox-mixed mox-text mox-missing", strings.ToLower(s))
}
