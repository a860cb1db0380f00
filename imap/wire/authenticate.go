package wire

import (
	"encoding/base64"
	"strings"
)

// isBase64 tells the characters of base64.
func isBase64(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '+' || c == '/' || c == '='
}

// Base64 takes data in base64, which may be empty, and appends it to dst.
func (d *Decoder) Base64(dst []byte) []byte {
	start := d.pos
	b := d.token(isBase64)
	out, err := base64.StdEncoding.Strict().AppendDecode(dst, b)
	if err != nil {
		if d.err == nil {
			d.pos = start
			d.expected("base64")
		}
		return dst
	}
	return out
}

// Authenticate has the arguments of AUTHENTICATE (RFC 9051 §6.2.2).
type Authenticate struct {
	Mechanism  string // In capitals.
	HasInitial bool   // There is an initial response (SASL-IR, RFC 4959), which may be empty.
	Initial    []byte
}

// Authenticate takes the arguments of AUTHENTICATE, to the end of the line.
func (d *Decoder) Authenticate() (Authenticate, error) {
	var a Authenticate
	d.SP()
	a.Mechanism = strings.ToUpper(string(d.Atom()))
	if d.Take(' ') {
		a.HasInitial = true
		if d.peek() == '=' && d.pos == len(d.line)-1 { // RFC 4959 §3: an empty response.
			d.pos++
		} else if a.Initial = d.Base64(nil); len(a.Initial) == 0 {
			d.expected("base64")
		}
	}
	d.CRLF()
	return a, d.err
}

// SASLResponse takes a line that answers a challenge of AUTHENTICATE, which ReadLine has
// read, and appends the response to dst. It reports true if the client gives up with "*".
func (d *Decoder) SASLResponse(dst []byte) (response []byte, canceled bool, err error) {
	if d.Take('*') {
		d.CRLF()
		return dst, d.err == nil, d.err
	}
	dst = d.Base64(dst)
	d.CRLF()
	return dst, false, d.err
}
