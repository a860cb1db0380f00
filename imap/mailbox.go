package imap

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	// Inbox is the name of the primary mailbox (RFC 9051 §5.1, RFC 3501 §5.1).
	Inbox = "INBOX"

	// Separator divides the levels of a mailbox name (RFC 9051 §5.1.1, RFC 3501 §5.1.1).
	Separator = '/'

	// MaxMailboxName is the longest mailbox name in bytes of UTF-8.
	MaxMailboxName = 1000

	// MaxMailboxLevels is how many levels a mailbox name has at most.
	MaxMailboxLevels = 50
)

// MailboxNameError says that a mailbox cannot have a name. Reason completes "The mailbox
// name …" and is fit for the client.
type MailboxNameError struct{ Reason string }

func (e MailboxNameError) Error() string { return "imap: mailbox name " + e.Reason }

var errNotUTF8 = errors.New("imap: mailbox name is not UTF-8")

// CanonicalMailbox returns the form of a mailbox name under which it is kept and found:
// UTF-8 in Unicode normalisation form C (RFC 9051 §5.1), with INBOX, alone or as first
// level, in capitals. It only returns an error if the name is not valid UTF-8. It does not
// tell whether a mailbox may have the name, see [CheckMailbox].
func CanonicalMailbox(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", errNotUTF8
	}
	if !norm.NFC.IsNormalString(name) {
		name = norm.NFC.String(name)
	}
	if hasInboxPrefix(name) && name[:len(Inbox)] != Inbox {
		name = Inbox + name[len(Inbox):]
	}
	return name, nil
}

// hasInboxPrefix reports whether the first level of a name is INBOX, in any case.
func hasInboxPrefix(name string) bool {
	n := len(Inbox)
	return len(name) >= n && (len(name) == n || name[n] == Separator) && equalFold(name[:n], Inbox)
}

// CheckMailbox returns the canonical form of a name for a mailbox that is to be created,
// or an [MailboxNameError] if a mailbox cannot have it:
//
//   - empty, longer than [MaxMailboxName] or deeper than [MaxMailboxLevels];
//   - not UTF-8 (Net-Unicode, RFC 5198), or with control characters, line separators or
//     code points that are no characters;
//   - with an empty level: a separator first, last or twice in a row. The one at the
//     end by which CREATE says that the mailbox will have children (RFC 9051 §6.3.4)
//     must be removed before;
//   - with a level "." or "..", which programs that keep mailboxes in directories would
//     take for something else;
//   - beginning with "#", which is for namespaces (RFC 9051 §5.1.2, §5.1.2.1, RFC 3501 §5.1.2).
func CheckMailbox(name string) (string, error) {
	name, err := CanonicalMailbox(name)
	if err != nil {
		return "", MailboxNameError{"is not valid UTF-8"}
	}
	switch {
	case name == "":
		return "", MailboxNameError{"is empty"}
	case len(name) > MaxMailboxName:
		return "", MailboxNameError{"is too long"}
	case strings.Count(name, string(Separator)) >= MaxMailboxLevels:
		return "", MailboxNameError{"has too many levels"}
	case name[0] == '#':
		return "", MailboxNameError{"begins with #, which is reserved"}
	}
	for level := range strings.SplitSeq(name, string(Separator)) {
		switch level {
		case "":
			return "", MailboxNameError{"has an empty level"}
		case ".", "..":
			return "", MailboxNameError{"has a level that is only dots"}
		}
	}
	for _, r := range name {
		// Cc are the control characters, Zl and Zp the line and paragraph separators.
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point) {
			return "", MailboxNameError{"has a control character"}
		}
	}
	return name, nil
}

// ParentMailbox returns the name one level above, and false if name is at the top.
func ParentMailbox(name string) (string, bool) {
	i := strings.LastIndexByte(name, Separator)
	if i < 0 {
		return "", false
	}
	return name[:i], true
}
