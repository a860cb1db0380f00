package message

import (
	"io"

	encunicode "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// RawReader returns a reader of the body of the part in its transfer encoding. The message
// from which p was parsed is r.
func (p *Part) RawReader(r io.ReaderAt) *io.SectionReader {
	return io.NewSectionReader(r, p.BodyOffset, p.BodySize())
}

// DecodedReader returns a reader of the content of the part: of its body without transfer
// encoding. It reads what can be read of broken base64 and quoted-printable and returns no
// errors but those of r. The body of a multipart or message is returned as it stands.
func (p *Part) DecodedReader(r io.ReaderAt) io.Reader {
	raw := p.RawReader(r)
	if p.IsMultipart() || p.Message != nil {
		return raw
	}
	return NewDecoder(raw, p.Encoding)
}

// IsEncoded reports whether the part is in a transfer encoding that DecodedReader removes: base64 or
// quoted-printable. What it reads of other parts is the body as it stands.
func (p *Part) IsEncoded() bool {
	return !p.IsMultipart() && p.Message == nil && (p.Encoding == "base64" || p.Encoding == "quoted-printable")
}

// EncodingKnown reports whether the transfer encoding is one of RFC 2045 §6.1, so that what DecodedReader
// reads is the content. Multiparts and messages are not encoded, whatever their header says.
func (p *Part) EncodingKnown() bool {
	return p.IsMultipart() || p.Message != nil || p.IsEncoded() || identityEncoding(p.Encoding)
}

// NewDecoder returns a reader that removes a content transfer encoding (RFC 2045 §6). Unknown
// encodings are taken for identity.
func NewDecoder(r io.Reader, encoding string) io.Reader {
	switch lowerASCII(encoding) {
	case "base64":
		return transform.NewReader(r, &base64Decoder{})
	case "quoted-printable":
		return transform.NewReader(r, &quotedPrintableDecoder{})
	}
	return r
}

// TextReader returns a reader of the text of the part as valid UTF-8. Text in an unknown charset,
// or that is no ASCII though it should be, is read as UTF-8 where it is valid as such, and
// as windows-1252 elsewhere. Line ends are those of the part.
func (p *Part) TextReader(r io.ReaderAt) io.Reader {
	return newTextReader(p.DecodedReader(r), p.Param("charset"))
}

func newTextReader(r io.Reader, charset string) io.Reader {
	return transform.NewReader(r, textDecoder(charset))
}

func textDecoder(charset string) transform.Transformer {
	enc, _ := lookupCharset(charset)
	switch {
	case enc != nil:
		return enc.NewDecoder()
	case isUTF8Name(charset):
		return encunicode.UTF8BOM.NewDecoder()
	}
	return lenientUTF8{}
}

// base64Decoder decodes base64 with whatever stands between its characters. Padding ends a group
// of characters wherever it stands. After padding, a byte that is in no base64 ends the
// content: mailing lists append their footer so.
type base64Decoder struct {
	bits   uint32
	n      int
	padded bool
	ended  bool
}

func (d *base64Decoder) Reset() { *d = base64Decoder{} }

func (d *base64Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	if d.ended {
		return 0, len(src), nil
	}
	bits, n := d.bits, d.n
	defer func() { d.bits, d.n = bits, n }()
	for nSrc < len(src) {
		if len(dst)-nDst < 3 {
			return nDst, nSrc, transform.ErrShortDst
		}
		// Whole groups first.
		if n == 0 && len(src)-nSrc >= 4 {
			a, b, c, e := base64Values[src[nSrc]], base64Values[src[nSrc+1]], base64Values[src[nSrc+2]], base64Values[src[nSrc+3]]
			if a|b|c|e < 64 {
				v := uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(e)
				dst[nDst], dst[nDst+1], dst[nDst+2] = byte(v>>16), byte(v>>8), byte(v)
				nDst += 3
				nSrc += 4
				continue
			}
		}
		c := src[nSrc]
		nSrc++
		v := base64Values[c]
		if v >= 64 {
			if c == '=' {
				nDst += putBase64Tail(dst[nDst:], bits, n)
				bits, n = 0, 0
				d.padded = true
			} else if d.padded && n == 0 && c > ' ' {
				d.ended = true
				return nDst, len(src), nil
			}
			continue
		}
		bits = bits<<6 | uint32(v)
		if n++; n == 4 {
			dst[nDst], dst[nDst+1], dst[nDst+2] = byte(bits>>16), byte(bits>>8), byte(bits)
			nDst += 3
			bits, n = 0, 0
		}
	}
	if atEOF && n > 0 {
		if len(dst)-nDst < 3 {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += putBase64Tail(dst[nDst:], bits, n)
		bits, n = 0, 0
	}
	return nDst, nSrc, nil
}

// putBase64Tail writes the bytes of an incomplete group of n characters.
func putBase64Tail(dst []byte, bits uint32, n int) int {
	switch n {
	case 2:
		dst[0] = byte(bits >> 4)
		return 1
	case 3:
		dst[0], dst[1] = byte(bits>>10), byte(bits>>2)
		return 2
	}
	return 0
}

// quotedPrintableDecoder decodes quoted-printable (RFC 2045 §6.7). What is no valid escape stands
// for itself. White space at the end of lines is removed.
type quotedPrintableDecoder struct{ transform.NopResetter }

// maxPadding is how much white space is looked over for the end of its line.
const maxPadding = 1000

func (quotedPrintableDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		c := src[nSrc]
		if c != '=' && c != ' ' && c != '\t' {
			if nDst == len(dst) {
				return nDst, nSrc, transform.ErrShortDst
			}
			dst[nDst] = c
			nDst++
			nSrc++
			continue
		}
		rest := src[nSrc:]
		if c == '=' && len(rest) >= 3 {
			if hi, lo := unhex(rest[1]), unhex(rest[2]); hi >= 0 && lo >= 0 {
				if nDst == len(dst) {
					return nDst, nSrc, transform.ErrShortDst
				}
				dst[nDst] = byte(hi<<4 | lo)
				nDst++
				nSrc += 3
				continue
			}
		}
		pad := 0
		if c == '=' {
			pad = 1
		}
		for pad < len(rest) && pad < maxPadding && (rest[pad] == ' ' || rest[pad] == '\t') {
			pad++
		}
		if !atEOF && pad < maxPadding && (pad == len(rest) || len(rest) == pad+1 && (rest[pad] == '\r' || c == '=' && unhex(rest[pad]) >= 0)) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		lineEnd := lineEndAt(rest[pad:])
		switch {
		case c == '=' && (lineEnd > 0 || pad == len(rest)):
			nSrc += pad + lineEnd // A soft line break, or the end.
		case lineEnd > 0 || pad == len(rest):
			nSrc += pad // White space that a relay added.
		default:
			if c == '=' {
				pad = 1
			}
			n := copy(dst[nDst:], rest[:pad])
			if n == 0 {
				return nDst, nSrc, transform.ErrShortDst
			}
			nDst += n
			nSrc += n
		}
	}
	return nDst, nSrc, nil
}

// lineEndAt returns the length of the line end that b begins with, or 0.
func lineEndAt(b []byte) int {
	switch {
	case len(b) > 0 && b[0] == '\n':
		return 1
	case len(b) > 1 && b[0] == '\r' && b[1] == '\n':
		return 2
	}
	return 0
}
