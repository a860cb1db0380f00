package message

import (
	"bytes"
	"strings"
)

// maxParams is how many parameters of a field are looked at, with the pieces of RFC 2231
// counted apart.
const maxParams = 200

// skipSpace returns b without white space, line ends and comments at its beginning
// (CFWS, RFC 5322 §3.2.2).
func skipSpace(b []byte) []byte {
	for len(b) > 0 {
		switch b[0] {
		case ' ', '\t', '\r', '\n':
			b = b[1:]
		case '(':
			b = b[commentLen(b):]
		default:
			return b
		}
	}
	return b
}

// commentLen returns the length of the comment that b begins with. A comment that is not
// closed reaches to the end.
func commentLen(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}

// token returns the token (RFC 2045 §5.1) that follows white space and comments, and what
// comes after it and further white space and comments.
func token(b []byte) (token, rest []byte) {
	b = skipSpace(b)
	n := 0
	for n < len(b) && isTokenByte(b[n]) {
		n++
	}
	return b[:n], skipSpace(b[n:])
}

func isTokenByte(c byte) bool {
	return c > ' ' && c != 0x7f && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

// rawParam is a parameter as it stands in the field.
type rawParam struct {
	name  string // Lower case.
	value []byte // Unquoted.
}

// scanParams reads the parameters of a structured field. It takes what senders write:
// unquoted values with spaces or specials, missing and doubled semicolons, quotes that are
// not closed.
func scanParams(b []byte) []rawParam {
	var l []rawParam
	for len(l) < maxParams {
		b = skipSpace(b)
		for len(b) > 0 && (b[0] == ';' || b[0] == ',') {
			b = skipSpace(b[1:])
		}
		if len(b) == 0 {
			break
		}
		var name []byte
		name, b = token(b)
		if len(name) == 0 || len(b) == 0 || b[0] != '=' {
			// Something that is no parameter: go on after the next semicolon.
			i := bytes.IndexByte(b, ';')
			if i < 0 {
				break
			}
			b = b[i+1:]
			continue
		}
		b = skipSpace(b[1:])
		var value []byte
		key := lowerASCII(string(name))
		if len(b) > 0 && b[0] == '"' {
			value, b = quotedString(b, strings.HasPrefix(key, "filename") || strings.HasPrefix(key, "name"))
		} else {
			value, b = unquotedValue(b)
		}
		l = append(l, rawParam{key, value})
	}
	return l
}

// quotedString reads the quoted string that b begins with (RFC 5322 §3.2.4) and returns it
// without quotes, backslashes and line ends. Keep the backslashes of a path that Windows
// programs write unescaped, as in "C:\temp\a.txt", if path is set.
func quotedString(b []byte, path bool) (value, rest []byte) {
	b = b[1:]
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case '"':
			return value, b[i+1:]
		case '\r', '\n', 0:
		case '\\':
			if i+1 == len(b) {
				break
			}
			if path && b[i+1] != '"' && b[i+1] != '\\' {
				value = append(value, c)
				break
			}
			i++
			if b[i] != '\r' && b[i] != '\n' && b[i] != 0 {
				value = append(value, b[i])
			}
		default:
			value = append(value, c)
		}
	}
	return value, nil
}

// unquotedValue reads a value without quotes. It is not taken to be a token, because file
// names are often written so: it ends at a semicolon, a comment, or before what
// looks like the next parameter.
func unquotedValue(b []byte) (value, rest []byte) {
	n := 0
	for n < len(b) && b[n] != ';' {
		c := b[n]
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			next := bytes.TrimLeft(b[n:], " \t\r\n")
			if len(next) == 0 || next[0] == '(' {
				return Unfold(b[:n]), skipSpace(next)
			}
			name, after := token(next)
			if len(name) > 0 && len(after) > 0 && after[0] == '=' {
				return Unfold(b[:n]), next
			}
			n = len(b) - len(next)
			continue
		}
		n++
	}
	return Unfold(b[:n]), b[n:]
}

// parseParams reads parameters, joins the pieces of RFC 2231 and decodes the values. Of several
// with the same name the first counts. It reports false if a charset is unknown or a value
// is not valid in it.
func parseParams(b []byte) (l []Param, ok bool) {
	ok = true
	raw := scanParams(b)
	for i, r := range raw {
		name, piece, _ := strings.Cut(r.name, "*")
		if name == "" || hasParam(l, name) {
			continue
		}
		var p Param
		valid := true
		// An extended value is better than the plain one that some senders add for old
		// readers, wherever it stands.
		if v, extended, found := joinPieces(raw[i:], name); found {
			p, valid = extendedParam(name, v, extended)
		} else if piece == "" {
			p = Param{Name: name, Raw: string(r.value)}
			p.Value, valid = decodeText(r.value)
		} else {
			continue
		}
		ok = ok && valid
		l = append(l, p)
	}
	return l, ok
}

func hasParam(l []Param, name string) bool {
	for _, p := range l {
		if p.Name == name {
			return true
		}
	}
	return false
}

// valuePiece is a piece of a value of RFC 2231.
type valuePiece struct {
	value   []byte
	encoded bool // In percent encoding.
}

// joinPieces returns the pieces name*, or name*0, name*1 ... of a value, each with or without a
// further "*" (RFC 2231 §3, §4.1), and whether the value names a charset.
func joinPieces(raw []rawParam, name string) (pieces []valuePiece, extended, found bool) {
	for _, r := range raw {
		if len(r.name) == len(name)+1 && r.name[:len(name)] == name && r.name[len(name)] == '*' {
			return []valuePiece{{r.value, true}}, true, true
		}
	}
	var numbered map[int]valuePiece
	for _, r := range raw {
		if len(r.name) < len(name)+2 || r.name[:len(name)] != name || r.name[len(name)] != '*' {
			continue
		}
		number, encoded := strings.CutSuffix(r.name[len(name)+1:], "*")
		n, ok := smallNumber(number)
		if !ok {
			continue
		}
		if numbered == nil {
			numbered = make(map[int]valuePiece)
		}
		if _, dup := numbered[n]; !dup {
			numbered[n] = valuePiece{r.value, encoded}
		}
	}
	// Some senders count from 1.
	first := 0
	if _, ok := numbered[0]; !ok {
		first = 1
	}
	for n := first; ; n++ {
		p, ok := numbered[n]
		if !ok {
			break
		}
		pieces = append(pieces, p)
	}
	return pieces, len(pieces) > 0 && pieces[0].encoded, len(pieces) > 0
}

// smallNumber reads a number of up to three digits.
func smallNumber(s string) (n int, ok bool) {
	if len(s) == 0 || len(s) > 3 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// extendedParam decodes a value in pieces.
func extendedParam(name string, pieces []valuePiece, extended bool) (p Param, valid bool) {
	charset := ""
	if extended {
		// charset'language'value
		v := pieces[0].value
		if cs, rest, ok := bytes.Cut(v, []byte("'")); ok {
			if _, value, ok := bytes.Cut(rest, []byte("'")); ok {
				charset = string(cs)
				pieces[0].value = value
			}
		}
	}
	var value []byte
	for _, piece := range pieces {
		if piece.encoded {
			value = appendPercentDecoded(value, piece.value)
		} else {
			value = append(value, piece.value...)
		}
	}
	p = Param{Name: name, Extended: extended}
	if extended {
		p.Value, valid = decodeCharset(charset, value)
		p.Value = cleanText(p.Value)
		return p, valid
	}
	p.Raw = string(value)
	p.Value, valid = decodeText(value)
	return p, valid
}

// appendPercentDecoded appends b with %XX decoded. A percent sign without two hexadecimal digits
// stands for itself.
func appendPercentDecoded(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			hi, lo := unhex(b[i+1]), unhex(b[i+2])
			if hi >= 0 && lo >= 0 {
				dst = append(dst, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		dst = append(dst, b[i])
	}
	return dst
}

// appendExtendedValue appends a UTF-8 value in the form of RFC 2231 §4.
func appendExtendedValue(dst []byte, s string) []byte {
	dst = append(dst, "utf-8''"...)
	for i := range len(s) {
		c := s[i]
		if c < 0x80 && isTokenByte(c) && c != '*' && c != '\'' && c != '%' {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexUpper[c>>4], hexUpper[c&15])
		}
	}
	return dst
}

const hexUpper = "0123456789ABCDEF"

// unhex returns the value of a hexadecimal digit, or -1.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
