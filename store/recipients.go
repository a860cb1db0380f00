package store

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mjl-/bstore"

	"mox/message"
)

// recipientKey returns the form of a forward-path under which it is remembered. Case is no difference: it would be a way
// around a limit, for one who sends to everybody.
func recipientKey(path string) string { return strings.ToLower(path) }

// HasSentTo tells whether the account has submitted mail to a forward-path before, written as in Submission.RcptTo.
func (a *Account) HasSentTo(ctx context.Context, path string) (bool, error) {
	acc, err := a.use()
	if err != nil {
		return false, err
	}
	known := false
	err = acc.read(ctx, func(tx *bstore.Tx) error {
		switch err := tx.Get(&recipientRow{Path: recipientKey(path)}); err {
		case nil:
			known = true
		case bstore.ErrAbsent:
			known = false
		default:
			return err
		}
		return nil
	})
	return known, err
}

// rememberRecipients notes to whom a submission goes, with the names that its copies have for them, if it has any.
func (t *txn) rememberRecipients(s *Submission, copies ...*newEmail) error {
	names := map[string]string{}
	for _, e := range copies {
		e.recipientNames(names)
	}
	t.recipients = true
	seen := map[string]bool{}
	for _, path := range s.RcptTo {
		row := recipientRow{Path: recipientKey(path)}
		if seen[row.Path] {
			continue
		}
		seen[row.Path] = true
		err := t.get(&row)
		if err == bstore.ErrAbsent {
			row.First = s.Created.Unix()
		} else if err != nil {
			return err
		}
		row.used(s.Created.Unix())
		if row.Address = path; path == row.Path {
			row.Address = ""
		}
		if name := names[row.Path]; name != "" {
			row.Name = name
		}
		if err := t.put(&row); err != nil {
			return err
		}
	}
	return nil
}

// maxRecipientName is how many bytes of a display name are kept.
const maxRecipientName = 200

// recipientNames adds the display names in To and Cc of a message, by recipientKey.
func (e *newEmail) recipientNames(names map[string]string) {
	for _, l := range [][]message.Address{e.envelope.To, e.envelope.CC} {
		for i := range l {
			address := l[i].Addr()
			name := cleanName(l[i].Name)
			if address != "" && name != "" && !strings.EqualFold(name, address) {
				names[recipientKey(address)] = name
			}
		}
	}
}

// cleanName returns a display name as one line of printable text of bounded length.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsGraphic(r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxRecipientName {
		return s
	}
	end := maxRecipientName
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.TrimSpace(s[:end])
}
