package store

import (
	"fmt"
	"strings"

	"mox/imap"
)

// inboxName is how the store spells the name that IMAP knows as INBOX.
const inboxName = "Inbox"

// checkName returns the canonical form of a name for a new mailbox. Returns ErrBadName.
func checkName(name string) (string, error) {
	name, err := imap.CheckMailbox(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadName, err)
	}
	return spellInbox(name), nil
}

// canonicalName returns the form of a name under which a mailbox may be found.
func canonicalName(name string) string {
	canonical, err := imap.CanonicalMailbox(name)
	if err != nil {
		return name // Not UTF-8, so there is none.
	}
	return spellInbox(canonical)
}

// spellInbox returns a name in which INBOX is the first level, or all, with the store's spelling of it.
func spellInbox(name string) string {
	if rest, ok := strings.CutPrefix(name, imap.Inbox); ok && (rest == "" || rest[0] == imap.Separator) {
		return inboxName + rest
	}
	return name
}
