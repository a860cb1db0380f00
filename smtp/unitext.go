package smtp

import (
	"fmt"
)

// appendUnitext appends s with other characters than ASCII, and the ASCII characters
// that must not stand in an ORCPT parameter, as \x{HEX} (utf-8-addr-xtext of RFC 6533
// §3).
func appendUnitext(b []byte, s string) []byte {
	for _, r := range s {
		if r > ' ' && r < 0x7f && r != '\\' && r != '+' && r != '=' {
			b = append(b, byte(r))
		} else {
			b = fmt.Appendf(b, `\x{%02X}`, r)
		}
	}
	return b
}
