package imap

import (
	"errors"
	"strings"
)

// Flags are the system flags of a message (RFC 9051 §2.3.2) as a set of bits. Keywords
// are strings and kept apart. \Recent is not among them: it belongs to a session,
// not to a message.
type Flags uint16

// The system flags.
const (
	FlagSeen Flags = 1 << iota
	FlagAnswered
	FlagFlagged
	FlagDeleted
	FlagDraft

	// AllFlags is the set of all system flags.
	AllFlags = FlagSeen | FlagAnswered | FlagFlagged | FlagDeleted | FlagDraft
)

// flagNames are the names of the flags in the order of their bits.
var flagNames = [...]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}

// Has reports whether all of the flags in other are set.
func (f Flags) Has(other Flags) bool { return f&other == other }

// AppendTo appends the names of the flags with a space between them, without
// parentheses.
func (f Flags) AppendTo(b []byte) []byte {
	f &= AllFlags
	for i, name := range flagNames {
		if f&(1<<i) == 0 {
			continue
		}
		b = append(b, name...)
		if f>>(i+1) != 0 {
			b = append(b, ' ')
		}
	}
	return b
}

// String returns the names of the flags with a space between them.
func (f Flags) String() string { return string(f.AppendTo(nil)) }

// ParseFlag returns the system flag with the given name, with its backslash, in any
// case. It reports false for \Recent, which a client cannot set, and all other names.
func ParseFlag[S string | []byte](name S) (Flags, bool) {
	for i, s := range flagNames {
		if equalFold(name, s) {
			return 1 << i, true
		}
	}
	return 0, false
}

// equalFold compares ASCII text without regard to case.
func equalFold[S string | []byte](a S, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(b) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// Well-known keywords (RFC 9051 §2.3.2, RFC 8457, the registry of RFC 5788). Clients
// write them in various cases; [CanonicalKeyword] returns these.
const (
	KeywordForwarded     = "$Forwarded"
	KeywordMDNSent       = "$MDNSent"
	KeywordJunk          = "$Junk"
	KeywordNotJunk       = "$NotJunk"
	KeywordPhishing      = "$Phishing"
	KeywordImportant     = "$Important"
	KeywordSubmitPending = "$SubmitPending"
	KeywordSubmitted     = "$Submitted"
	KeywordHasAttachment = "$HasAttachment"
	KeywordHasNoAttach   = "$HasNoAttachment"
)

var wellKnownKeywords = [...]string{
	KeywordForwarded, KeywordMDNSent, KeywordJunk, KeywordNotJunk, KeywordPhishing,
	KeywordImportant, KeywordSubmitPending, KeywordSubmitted, KeywordHasAttachment, KeywordHasNoAttach,
}

// MaxKeyword is the longest keyword in bytes.
const MaxKeyword = 256

var (
	// ErrSystemFlag says that a keyword begins with a backslash and so is the name of
	// a system flag, known or not.
	ErrSystemFlag = errors.New("imap: not a keyword but a system flag")

	// ErrKeyword says that a keyword is empty, too long, or not an atom.
	ErrKeyword = errors.New("imap: malformed keyword")
)

// CanonicalKeyword checks a keyword (flag-keyword in RFC 9051 §9, an atom of at most
// [MaxKeyword] bytes) and returns it in the spelling under which it is to be kept:
// that of the well-known keywords, for others as given. It returns [ErrSystemFlag] or
// [ErrKeyword].
//
// Keywords are the same if they differ in case only (RFC 9051 §2.3.2), see [EqualKeyword].
func CanonicalKeyword(s string) (string, error) {
	if s != "" && s[0] == '\\' {
		return "", ErrSystemFlag
	}
	if s == "" || len(s) > MaxKeyword {
		return "", ErrKeyword
	}
	for i := range len(s) {
		if !IsAtomChar(s[i]) {
			return "", ErrKeyword
		}
	}
	if s[0] == '$' {
		for _, k := range wellKnownKeywords {
			if EqualKeyword(s, k) {
				return k, nil
			}
		}
	}
	return s, nil
}

// EqualKeyword reports whether two keywords are the same.
func EqualKeyword(a, b string) bool { return equalFold(a, b) }

// FoldKeyword returns a keyword in lower case, as a key for maps.
func FoldKeyword(s string) string { return strings.ToLower(s) }

// IsAtomChar reports whether c may stand in an atom (ATOM-CHAR in RFC 9051 §9).
func IsAtomChar(c byte) bool {
	switch c {
	case '(', ')', '{', ' ', '%', '*', '"', '\\', ']':
		return false
	}
	return c > ' ' && c < 0x7f
}
