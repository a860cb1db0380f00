package store

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/mjl-/bstore"
)

// Correspondent is somebody to whom the account has sent mail.
type Correspondent struct {
	Address string // Forward-path, as written last.
	Name    string // Display name in the last message that gave one. Empty if none did.
	Count   int64  // Messages sent.
	Last    time.Time
}

// maxCorrespondents is how many are looked through. Of more, only the best are.
const maxCorrespondents = 20_000

// correspondentHalfLife is after how long a message sent counts for half of one sent now.
const correspondentHalfLife = 60 * 24 * time.Hour

// maxCorrespondentQuery is how many bytes of a query are looked at.
const maxCorrespondentQuery = 200

// Correspondents completes a recipient from what its user has typed so far: it returns at most limit correspondents, best
// first, of which each word of the query begins a word of the name, of the local part or of the domain, without regard
// to case and accents. All match an empty query. Best are those to whom most was sent, where a message of two months
// ago counts for half of one of today. It takes a millisecond at most, but after a submission the list is read anew,
// which for 20,000 takes some tens of milliseconds.
func (a *Account) Correspondents(ctx context.Context, query string, limit int) ([]Correspondent, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	known, err := acc.correspondents.list(ctx, acc)
	if err != nil {
		return nil, err
	}
	words := queryWords(query)
	var l []Correspondent
	for i := range known {
		if len(l) >= limit {
			break
		}
		if known[i].match(words) {
			l = append(l, known[i].export())
		}
	}
	return l, nil
}

// RemoveCorrespondent takes an address off those that Correspondents returns, until something is sent to it again. It is
// no error if it is none of them. HasSentTo knows it still.
func (a *Account) RemoveCorrespondent(ctx context.Context, actor Actor, address string) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	return acc.write(ctx, "remove_correspondent", func(tx *txn) error {
		row := recipientRow{Path: recipientKey(address)}
		if err := tx.get(&row); err == bstore.ErrAbsent || err == nil && row.Count == 0 {
			return nil
		} else if err != nil {
			return err
		}
		tx.recipients = true
		return tx.update(&recipientRow{Path: row.Path, First: row.First})
	})
}

// used notes that a message was sent to a recipient.
func (r *recipientRow) used(at int64) {
	now := float64(at) / correspondentHalfLife.Seconds()
	if r.Count == 0 {
		r.Score = now
	} else {
		// The logarithm of the sum of two powers of two.
		more, less := max(r.Score, now), min(r.Score, now)
		r.Score = more + math.Log2(1+math.Exp2(less-more))
	}
	r.Count++
	r.Last = max(r.Last, at)
}

// knownCorrespondent is a correspondent as they are looked through.
type knownCorrespondent struct {
	row   recipientRow
	text  string // Folded name, local part and domain, in lines.
	limit int    // Offset in text of the top-level domain: so many have the same that it is no word.
}

func newKnownCorrespondent(r recipientRow) knownCorrespondent {
	local, domain := r.Path, ""
	if i := strings.LastIndexByte(r.Path, '@'); i >= 0 {
		local, domain = r.Path[:i], r.Path[i+1:]
	}
	k := knownCorrespondent{row: r, text: foldWords(r.Name + "\n" + local + "\n" + domain)}
	k.limit = len(k.text)
	if i := strings.LastIndexByte(k.text, '.'); i > strings.LastIndexByte(k.text, '\n') {
		k.limit = i + 1
	}
	return k
}

func (k *knownCorrespondent) export() Correspondent {
	c := Correspondent{Address: k.row.Address, Name: k.row.Name, Count: k.row.Count, Last: time.Unix(k.row.Last, 0).UTC()}
	if c.Address == "" {
		c.Address = k.row.Path
	}
	return c
}

// match reports whether all of words begin a word.
func (k *knownCorrespondent) match(words []string) bool {
	for _, w := range words {
		if !k.begins(w) {
			return false
		}
	}
	return true
}

func (k *knownCorrespondent) begins(word string) bool {
	for from := 0; ; {
		i := strings.Index(k.text[from:], word)
		if i < 0 || from+i >= k.limit {
			return false
		}
		if from += i; from == 0 || !inWord(k.text[from-1]) {
			return true
		}
		from++
	}
}

// inWord reports whether a byte of folded text is of a word.
func inWord(c byte) bool { return c >= 0x80 || c-'a' < 26 || c-'0' < 10 }

// queryWords returns the folded words of a query. Dots and the like stay in them, as in addresses.
func queryWords(query string) []string {
	query = query[:min(len(query), maxCorrespondentQuery)]
	return strings.FieldsFunc(foldWords(query), func(r rune) bool {
		return r == '@' || r == '<' || r == '>' || r == '"' || r == ',' || r == ';' || unicode.IsSpace(r)
	})
}

// foldWords returns text in a form without case and accents. Lines stay apart.
func foldWords(s string) string {
	var out []byte
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			out = append(out, '\n')
		}
		var f textFolder
		out = f.append(out, []byte(line))
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, string(out))
}

// correspondentList has the correspondents of an account in memory, once they were asked for. The zero value is ready
// to use.
type correspondentList struct {
	changes atomic.Int64 // Counts commits that changed recipients.

	mu     sync.Mutex
	read   bool
	asOf   int64 // Of changes, when they were read.
	sorted []knownCorrespondent
}

// list returns the correspondents, best first. The slice must not be changed.
func (c *correspondentList) list(ctx context.Context, a *account) ([]knownCorrespondent, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asOf := c.changes.Load()
	if c.read && c.asOf == asOf {
		return c.sorted, nil
	}
	l, err := a.readCorrespondents(ctx)
	if err != nil {
		return nil, err
	}
	c.read, c.asOf, c.sorted = true, asOf, l
	return l, nil
}

// readCorrespondents reads the best correspondents.
func (a *account) readCorrespondents(ctx context.Context) ([]knownCorrespondent, error) {
	var rows []recipientRow
	last, n := "", viewPage
	for n == viewPage {
		n = 0
		err := a.read(ctx, func(tx *bstore.Tx) error {
			q := bstore.QueryTx[recipientRow](tx).SortAsc("Path").Limit(viewPage)
			if last != "" {
				q.FilterGreater("Path", last)
			}
			return q.ForEach(func(r recipientRow) error {
				last = r.Path
				n++
				if r.Count > 0 {
					rows = append(rows, r)
				}
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
		if len(rows) >= 2*maxCorrespondents {
			rows = bestRecipients(rows)
		}
	}
	rows = bestRecipients(rows)
	l := make([]knownCorrespondent, len(rows))
	for i := range rows {
		l[i] = newKnownCorrespondent(rows[i])
	}
	return l, nil
}

// bestRecipients sorts recipients, and returns as many as are looked through.
func bestRecipients(rows []recipientRow) []recipientRow {
	slices.SortFunc(rows, func(x, y recipientRow) int {
		return cmp.Or(-cmp.Compare(x.Score, y.Score), -cmp.Compare(x.Last, y.Last), cmp.Compare(x.Path, y.Path))
	})
	return rows[:min(len(rows), maxCorrespondents)]
}
