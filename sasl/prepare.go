package sasl

import (
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// PreparePassword returns the form in which a password is hashed and compared: OpaqueString
// (RFC 8265 §4.2), so that the same characters, entered on different systems, are the same
// password. A password that the profile refuses, such as one with control characters, stays
// as it is: a person who manages to enter it at one place can do so at others.
//
// It stands for the SASLprep of RFC 5802 §2.2, which RFC 8265 replaced for new work and whose
// Unicode 3.2 does not know the characters of today. For ASCII both are the same; they differ
// for characters such as U+00BD, which SASLprep takes apart.
func PreparePassword(password string) string {
	if s, ok := opaque(password); ok {
		return s
	}
	return password
}

// PrepareUsername returns the form in which a user name is sent and looked up. It reports
// false for one that has no such form: an empty one, not UTF-8, with control characters.
//
// This is OpaqueString too, and not the profile for user names: that one refuses an address
// whose local part is written from right to left and its domain from left to right.
func PrepareUsername(username string) (string, bool) { return opaque(username) }

// opaque enforces OpaqueString (RFC 8265 §4.2.2).
func opaque(s string) (string, bool) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			// The profile would turn all malformed UTF-8 into the same character.
			if !utf8.ValidString(s) {
				return "", false
			}
			prepared, err := precis.OpaqueString.String(s)
			return prepared, err == nil
		}
	}
	return s, s != "" // Printable ASCII is its own OpaqueString.
}
