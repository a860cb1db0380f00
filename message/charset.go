package message

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	encunicode "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// KnownCharset reports whether text in the named charset can be decoded.
func KnownCharset(name string) bool {
	_, ok := lookupCharset(name)
	return ok
}

// DecodeCharset decodes text in the named charset to UTF-8. It reports false if the
// charset is unknown, or the text has bytes that are not valid in it. The text is then
// decoded as well as possible: as UTF-8, or else as windows-1252.
func DecodeCharset(name string, text []byte) (string, bool) { return decodeCharset(name, text) }

func decodeCharset(name string, text []byte) (string, bool) {
	enc, known := lookupCharset(name)
	if known && enc != nil {
		if out, err := enc.NewDecoder().Bytes(text); err == nil {
			return string(out), enc == charmap.Windows1252 || !strings.ContainsRune(string(out), utf8.RuneError)
		}
	}
	// ASCII, UTF-8, or unknown.
	if utf8.Valid(text) {
		return string(text), known
	}
	if isUTF8Name(name) {
		return strings.ToValidUTF8(string(text), "\ufffd"), false
	}
	return decodeWindows1252(text), false
}

// lookupCharset returns the encoding of a charset by its name, as senders write it. It is
// nil for US-ASCII and UTF-8.
func lookupCharset(name string) (enc encoding.Encoding, known bool) {
	name = strings.Trim(lowerASCII(name), " \t\r\n\"'`;,")
	if i := strings.IndexByte(name, '*'); i >= 0 {
		name = name[:i] // Language of RFC 2231 §5.
	}
	if len(name) > 40 {
		return nil, false
	}
	switch compact := compactCharset(name); compact {
	case "", "usascii", "ascii", "ansix341968", "iso646us", "utf8", "unicode11utf8", "utf8mac", "cp65001":
		return nil, name != ""
	case "utf7", "unicode11utf7", "cp65000":
		return utf7{}, true
	case "utf16", "unicode", "iso10646ucs2", "ucs2":
		return encunicode.UTF16(encunicode.BigEndian, encunicode.UseBOM), true
	case "gb2312", "gbk", "cp936", "windows936", "ms936", "euccn", "gb231280", "gb18030":
		return simplifiedchinese.GB18030, true // Of which the others are subsets.
	case "hzgb2312", "hz":
		return simplifiedchinese.HZGB2312, true
	case "big5", "big5hkscs", "cp950", "windows950", "ms950":
		return traditionalchinese.Big5, true
	case "ksc56011987", "ksc56011989", "ksc5601", "euckr", "cp949", "windows949", "ms949", "uhc", "cseuckr":
		return korean.EUCKR, true
	case "shiftjis", "sjis", "xsjis", "cp932", "windows932", "ms932", "windows31j", "mskanji":
		return japanese.ShiftJIS, true
	case "iso2022jp", "iso2022jp1", "iso2022jp2", "iso2022jp3", "iso2022jpms", "cp50220", "cp50221", "csiso2022jp":
		return japanese.ISO2022JP, true
	case "cp850", "ibm850":
		return charmap.CodePage850, true
	case "cp437", "ibm437":
		return charmap.CodePage437, true
	case "cp858", "ibm858":
		return charmap.CodePage858, true
	default:
		if enc := codePage(compact); enc != nil {
			return enc, true
		}
	}
	for _, n := range []string{name, strings.TrimPrefix(name, "x-"), strings.ReplaceAll(name, "_", "-")} {
		if enc, err := htmlindex.Get(n); err == nil && enc != encoding.Replacement {
			return enc, true
		}
		if enc, err := ianaindex.MIME.Encoding(n); err == nil && enc != nil {
			return enc, true
		}
	}
	return nil, false
}

// codePage returns the single-byte encodings that are written in many ways: latin1,
// iso8859-1, iso-8859_1, cp1252, windows1252, x-ansi and the like.
func codePage(compact string) encoding.Encoding {
	switch compact {
	case "latin1", "latin", "l1", "ansi", "windowslatin1", "iso88591windows", "default", "windows":
		return charmap.Windows1252
	}
	if n, ok := strings.CutPrefix(compact, "iso8859"); ok {
		if enc, err := htmlindex.Get("iso-8859-" + n); err == nil {
			return enc
		}
	}
	for _, prefix := range []string{"windows", "win", "cp", "mswindows", "ms"} {
		if n, ok := strings.CutPrefix(compact, prefix); ok && len(n) == 4 {
			if enc, err := htmlindex.Get("windows-" + n); err == nil {
				return enc
			}
		}
	}
	return nil
}

// compactCharset returns the letters and digits of a name, without "x-" and "cs" marks.
func compactCharset(name string) string {
	name = strings.TrimPrefix(name, "x-")
	b := make([]byte, 0, 40)
	for i := range len(name) {
		if c := name[i]; 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			b = append(b, c)
		}
	}
	return string(b)
}

func isUTF8Name(name string) bool {
	return compactCharset(lowerASCII(name)) == "utf8"
}

// decodeRaw decodes bytes that come without charset: UTF-8 (RFC 6532) if they are valid as
// such, else windows-1252.
func decodeRaw(b []byte) (string, bool) {
	if utf8.Valid(b) {
		return string(b), true
	}
	return decodeWindows1252(b), false
}

func decodeWindows1252(b []byte) string {
	var s strings.Builder
	s.Grow(len(b) + len(b)/8)
	for _, c := range b {
		if c < utf8.RuneSelf {
			s.WriteByte(c)
		} else {
			s.WriteRune(charmap.Windows1252.DecodeByte(c))
		}
	}
	return s.String()
}

// cleanText makes decoded text fit to be shown on one line: white space and line separators
// become spaces, control characters are removed.
func cleanText(s string) string {
	clean := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || c >= utf8.RuneSelf {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return ' '
		case r < ' ' || r == 0x7f || unicode.IsControl(r) || r == '\ufeff':
			return -1
		}
		return r
	}, s)
}

// lenientUTF8 passes valid UTF-8 and decodes other bytes as windows-1252. It decodes text of
// which the charset is unknown, or said to be US-ASCII when it is not.
type lenientUTF8 struct{ transform.NopResetter }

func (lenientUTF8) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		c := src[nSrc]
		if c < utf8.RuneSelf {
			if nDst == len(dst) {
				return nDst, nSrc, transform.ErrShortDst
			}
			dst[nDst] = c
			nDst++
			nSrc++
			continue
		}
		r, size := utf8.DecodeRune(src[nSrc:])
		if r == utf8.RuneError && size == 1 {
			if !atEOF && !utf8.FullRune(src[nSrc:]) {
				return nDst, nSrc, transform.ErrShortSrc
			}
			r = charmap.Windows1252.DecodeByte(c)
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
	}
	return nDst, nSrc, nil
}
