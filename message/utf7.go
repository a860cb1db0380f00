package message

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// utf7 decodes UTF-7 (RFC 2152), which old mail of some senders is in. It does not encode.
type utf7 struct{}

var _ encoding.Encoding = utf7{}

func (utf7) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: new(utf7Decoder)}
}

func (utf7) NewEncoder() *encoding.Encoder {
	return encoding.Replacement.NewEncoder()
}

func (utf7) String() string { return "UTF-7" }

// utf7Decoder is the state between two bytes.
type utf7Decoder struct {
	shifted bool   // In base64.
	began   bool   // Of which a character was seen.
	bits    uint32 // Bits of base64 not used yet, right aligned.
	nbits   uint
	high    rune // First half of a surrogate pair, or 0.
}

func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

func (d *utf7Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		// A byte makes at most two runes: a replaced half pair and itself.
		if len(dst)-nDst < 2*utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		nSrc++
		put := func(r rune) { nDst += utf8.EncodeRune(dst[nDst:], r) }
		if !d.shifted {
			switch {
			case c == '+':
				*d = utf7Decoder{shifted: true}
			case c < utf8.RuneSelf:
				put(rune(c))
			default:
				put(utf8.RuneError)
			}
			continue
		}
		v := base64Values[c]
		if v >= 64 {
			// The end of the base64, with a "-" that is dropped. "+-" is "+".
			if d.high != 0 {
				put(utf8.RuneError)
			}
			switch {
			case c == '-' && !d.began:
				put('+')
			case c == '-':
			case c < utf8.RuneSelf:
				put(rune(c))
			default:
				put(utf8.RuneError)
			}
			d.Reset()
			continue
		}
		d.began = true
		d.bits = d.bits<<6 | uint32(v)
		d.nbits += 6
		if d.nbits < 16 {
			continue
		}
		d.nbits -= 16
		r := rune(d.bits >> d.nbits & 0xffff)
		switch {
		case d.high != 0:
			if pair := utf16.DecodeRune(d.high, r); pair != utf8.RuneError {
				put(pair)
			} else {
				put(utf8.RuneError)
			}
			d.high = 0
		case utf16.IsSurrogate(r):
			d.high = r
		default:
			put(r)
		}
	}
	return nDst, nSrc, nil
}
