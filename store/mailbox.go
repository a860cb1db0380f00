package store

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mjl-/bstore"

	"mox/imap"
)

// SpecialUse is the role of a mailbox (RFC 6154 §2, RFC 8457). Empty for none.
type SpecialUse string

// Special uses. At most one mailbox of an account has each.
const (
	Archive SpecialUse = `\Archive`
	Drafts  SpecialUse = `\Drafts`
	Junk    SpecialUse = `\Junk`
	Sent    SpecialUse = `\Sent`
	Trash   SpecialUse = `\Trash`
)

// Counts are a mailbox' totals, kept in the transaction that changes them.
type Counts struct {
	Total   int64 // Messages.
	Unread  int64 // Without \Seen and without \Deleted: what faces show.
	Unseen  int64 // Without \Seen: what IMAP STATUS UNSEEN tells.
	Deleted int64 // With \Deleted.
	Size    int64 // Bytes, including prepended headers.
}

// Mailbox describes a mailbox at one moment.
type Mailbox struct {
	ID   MailboxID
	Name string // Full name in UTF-8 (NFC), components separated by "/". The inbox is "Inbox".

	UIDValidity uint32
	UIDNext     imap.UID
	ModSeq      imap.ModSeq // Highest modseq of a change in this mailbox (HIGHESTMODSEQ).
	Created     imap.ModSeq // Modseq of its creation.

	SpecialUse SpecialUse
	Subscribed bool
	Keywords   []string // In use or once used in this mailbox, sorted.

	// NoSelect is set on a name that exists only because mailboxes below it do.
	NoSelect bool
	// HasChildren is set if mailboxes below this name exist.
	HasChildren bool

	Counts Counts
}

// mailbox is a mailbox as committed. It is replaced, never changed.
type mailbox struct {
	row      mailboxRow
	keywords []string // Sorted.
}

// mailboxTable has the mailboxes of an account, as committed.
type mailboxTable struct {
	byID   map[MailboxID]*mailbox
	byName map[string]MailboxID
	below  map[string]int // How many mailboxes are below a name in the hierarchy, where there are any.

	// tree is what Mailboxes tells besides counts. Nil after names changed.
	tree []listedName
}

// listedName is a name that Mailboxes tells.
type listedName struct {
	name string
	id   MailboxID // Zero for a name that is only a parent.
}

// loadMailboxes reads all mailboxes.
func (a *account) loadMailboxes(tx *bstore.Tx) error {
	keywords := map[MailboxID][]string{}
	err := bstore.QueryTx[mailboxKeywordsRow](tx).ForEach(func(r mailboxKeywordsRow) error {
		keywords[r.Mailbox] = r.Keywords
		return nil
	})
	if err != nil {
		return err
	}
	return bstore.QueryTx[mailboxRow](tx).ForEach(func(r mailboxRow) error {
		if !r.Gone {
			a.boxes.byID[r.ID] = &mailbox{row: r, keywords: keywords[r.ID]}
			a.boxes.setName(r.Name, r.ID)
		}
		return nil
	})
}

// publish takes over the working copy of a mailbox, but not its name, see setName.
func (t *mailboxTable) publish(b *box) {
	if b.deleted {
		delete(t.byID, b.row.ID)
		return
	}
	t.byID[b.row.ID] = &mailbox{row: b.row, keywords: b.keywords}
}

// setName makes a name lead to a mailbox, or with id zero to none.
func (t *mailboxTable) setName(name string, id MailboxID) {
	t.tree = nil
	n := 0
	if t.byName[name] != 0 {
		n--
	}
	if id != 0 {
		n++
		t.byName[name] = id
	} else {
		delete(t.byName, name)
	}
	for parent, ok := imap.ParentMailbox(name); ok && n != 0; parent, ok = imap.ParentMailbox(parent) {
		if t.below[parent] += n; t.below[parent] == 0 {
			delete(t.below, parent)
		}
	}
}

// list returns all names, sorted with Inbox first. The table is locked for writing.
func (t *mailboxTable) list() []listedName {
	if t.tree != nil {
		return t.tree
	}
	l := make([]listedName, 0, len(t.byName))
	for name, id := range t.byName {
		l = append(l, listedName{name, id})
	}
	for name := range t.below {
		if t.byName[name] == 0 {
			l = append(l, listedName{name, 0})
		}
	}
	slices.SortFunc(l, func(a, b listedName) int {
		if a.name == inboxName || b.name == inboxName {
			return -cmp.Compare(boolInt(a.name == inboxName), boolInt(b.name == inboxName))
		}
		return cmp.Compare(a.name, b.name)
	})
	t.tree = l
	return l
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// below reports whether a name is below another in the hierarchy.
func below(name, parent string) bool {
	return len(name) > len(parent) && name[len(parent)] == imap.Separator && strings.HasPrefix(name, parent)
}

// export describes a mailbox. A.mu is held.
func (a *account) export(mb *mailbox) Mailbox {
	r := &mb.row
	_, subscribed := a.subscriptions[r.Name]
	return Mailbox{
		ID: r.ID, Name: r.Name,
		UIDValidity: r.UIDValidity, UIDNext: r.UIDNext,
		ModSeq: r.ModSeq, Created: r.Created,
		SpecialUse: r.Use, Subscribed: subscribed,
		Keywords:    mb.keywords,
		HasChildren: a.boxes.below[r.Name] > 0,
		Counts:      Counts{Total: r.Total, Unread: r.Unread, Unseen: r.Unseen, Deleted: r.Deleted, Size: r.Size},
	}
}

// Mailboxes lists all mailboxes, sorted by name with Inbox first.
func (a *Account) Mailboxes(ctx context.Context, actor Actor) ([]Mailbox, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	acc.mu.Lock() // For list.
	defer acc.mu.Unlock()
	names := acc.boxes.list()
	l := make([]Mailbox, 0, len(names))
	for _, n := range names {
		if n.id != 0 {
			l = append(l, acc.export(acc.boxes.byID[n.id]))
			continue
		}
		_, subscribed := acc.subscriptions[n.name]
		l = append(l, Mailbox{Name: n.name, NoSelect: true, HasChildren: true, Subscribed: subscribed})
	}
	return l, nil
}

// MailboxByName returns the mailbox with the name. Inbox matches in any case.
// Returns ErrNoMailbox, also for NoSelect names.
func (a *Account) MailboxByName(ctx context.Context, actor Actor, name string) (Mailbox, error) {
	acc, err := a.use()
	if err != nil {
		return Mailbox{}, err
	}
	acc.mu.RLock()
	defer acc.mu.RUnlock()
	id, ok := acc.boxes.byName[canonicalName(name)]
	if !ok {
		return Mailbox{}, ErrNoMailbox
	}
	return acc.export(acc.boxes.byID[id]), nil
}

// MailboxByID returns the mailbox with the id. Returns ErrNoMailbox.
func (a *Account) MailboxByID(ctx context.Context, actor Actor, id MailboxID) (Mailbox, error) {
	acc, err := a.use()
	if err != nil {
		return Mailbox{}, err
	}
	acc.mu.RLock()
	defer acc.mu.RUnlock()
	mb, ok := acc.boxes.byID[id]
	if !ok {
		return Mailbox{}, &MailboxError{ID: id}
	}
	return acc.export(mb), nil
}

// Subscriptions lists subscribed names, sorted, also of mailboxes that do not exist.
func (a *Account) Subscriptions(ctx context.Context, actor Actor) ([]string, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	acc.mu.RLock()
	defer acc.mu.RUnlock()
	l := make([]string, 0, len(acc.subscriptions))
	for name := range acc.subscriptions {
		l = append(l, name)
	}
	slices.Sort(l)
	return l, nil
}
