package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/mjl-/bstore"

	"mox/imap"
)

const (
	// idleViews is how many mailboxes without a Selection keep their View, so that opening one
	// again is cheap.
	idleViews = 4

	// idleEntries is how many messages mailboxes without a Selection may have so that more of them keep
	// their View, in an account in which is looked through all mailboxes. It takes 30 MB.
	idleEntries = 1 << 19

	// viewPage is how many messages are read in one transaction when a mailbox is scanned.
	viewPage = 4096
)

// viewCache holds the open mailboxes of an account.
type viewCache struct {
	// moment is held for writing while a commit is published, so that all mailboxes can be seen as of one
	// moment.
	moment sync.RWMutex

	mu      sync.Mutex
	boxes   map[MailboxID]*openMailbox
	idle    []*openMailbox // Without Selection, the longest unused first.
	scanned bool           // All mailboxes were looked through, see idleEntries.
}

// openMailbox is a mailbox whose View is kept up to date by the committer.
type openMailbox struct {
	id      MailboxID
	current atomic.Pointer[View] // Nil until built.
	commit  int64                // The View may have been built from commits up to this one. Set once built.

	users int // Selections. Guarded by viewCache.mu.

	mu       sync.Mutex
	building bool
	built    chan struct{} // Closed when building ends.
	err      error         // Of building.
	missed   []boxUpdate   // Published while building, in order.
	sessions map[*Selection]struct{}
}

// boxUpdate is what one commit changed in a mailbox, for its View.
type boxUpdate struct {
	edits    []viewEdit
	modseq   imap.ModSeq
	uidNext  imap.UID
	keywords []string
	deleted  bool
}

// open returns the open mailbox, which the caller must release, and builds its View if need be. Of
// several callers one builds and the others wait.
func (c *viewCache) open(ctx context.Context, a *account, id MailboxID) (*openMailbox, error) {
	for {
		mb, mine := c.get(id)
		if mine {
			mb.build(ctx, a)
		}
		select {
		case <-mb.built:
		case <-ctx.Done():
			c.release(mb, nil)
			return nil, ctx.Err()
		}
		if mb.err == nil {
			return mb, nil
		}
		err := mb.err
		c.drop(mb)
		c.release(mb, nil)
		// Another caller's context does not end this call.
		if mine || !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
	}
}

// get returns the entry of a mailbox with one user more, and whether the caller has to build it.
func (c *viewCache) get(id MailboxID) (mb *openMailbox, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mb = c.boxes[id]
	if mb == nil {
		mb = &openMailbox{id: id, building: true, built: make(chan struct{}), sessions: map[*Selection]struct{}{}}
		if c.boxes == nil {
			c.boxes = map[MailboxID]*openMailbox{}
		}
		c.boxes[id] = mb
		mine = true
	}
	if mb.users == 0 {
		c.unidle(mb)
	}
	mb.users++
	return mb, mine
}

func (c *viewCache) unidle(mb *openMailbox) {
	for i, o := range c.idle {
		if o == mb {
			c.idle = append(c.idle[:i], c.idle[i+1:]...)
			return
		}
	}
}

// release gives back what open returned, and ends the subscription of s if not nil.
func (c *viewCache) release(mb *openMailbox, s *Selection) {
	if s != nil {
		mb.mu.Lock()
		delete(mb.sessions, s)
		mb.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unuse(mb)
	c.trim()
}

// releaseAll gives back what open returned, after all mailboxes were looked through.
func (c *viewCache) releaseAll(boxes map[MailboxID]*openMailbox) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scanned = true
	for _, mb := range boxes {
		c.unuse(mb)
	}
	c.trim()
}

// unuse takes a user off a mailbox. C.mu is held, as for what follows.
func (c *viewCache) unuse(mb *openMailbox) {
	mb.users--
	if mb.users == 0 && c.boxes[mb.id] == mb {
		c.idle = append(c.idle, mb)
	}
}

// trim forgets mailboxes that nobody uses, if they are too many.
func (c *viewCache) trim() {
	entries := 0
	if c.scanned && len(c.idle) > idleViews {
		entries = c.idleEntries()
	}
	for len(c.idle) > idleViews && (!c.scanned || entries > idleEntries) {
		entries -= c.idle[0].len()
		delete(c.boxes, c.idle[0].id)
		c.idle[0] = nil
		c.idle = c.idle[1:]
	}
}

// idleEntries returns how many messages mailboxes without a Selection have.
func (c *viewCache) idleEntries() (n int) {
	for _, mb := range c.idle {
		n += mb.len()
	}
	return n
}

// len returns how many messages the View has, if there is one.
func (mb *openMailbox) len() int {
	if v := mb.current.Load(); v != nil {
		return v.n
	}
	return 0
}

// drop takes a mailbox out of the cache. Those who have it keep their last View.
func (c *viewCache) drop(mb *openMailbox) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.boxes[mb.id] == mb {
		delete(c.boxes, mb.id)
		c.unidle(mb)
	}
}

// publish brings an open mailbox up to date after a commit and wakes its sessions. Only the
// committer calls it.
func (c *viewCache) publish(id MailboxID, u boxUpdate) {
	c.mu.Lock()
	mb := c.boxes[id]
	c.mu.Unlock()
	if mb == nil {
		return
	}
	mb.publish(u)
	if u.deleted {
		c.drop(mb)
	}
}

func (mb *openMailbox) publish(u boxUpdate) {
	mb.mu.Lock()
	defer mb.mu.Unlock()
	if mb.building {
		mb.missed = append(mb.missed, u)
		return
	}
	v := mb.current.Load()
	if v == nil {
		return // Building failed.
	}
	mb.current.Store(v.next(u))
	for s := range mb.sessions {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

func (mb *openMailbox) subscribe(s *Selection) {
	mb.mu.Lock()
	defer mb.mu.Unlock()
	mb.sessions[s] = struct{}{}
}

// next returns the version that follows v by an update.
func (v *View) next(u boxUpdate) *View {
	w := v.apply(u.edits).repack()
	if w == v {
		w = new(View)
		*w = *v
	}
	w.modseq = max(w.modseq, u.modseq)
	w.uidNext = max(w.uidNext, u.uidNext)
	w.keywords = u.keywords
	w.deleted = u.deleted
	return w
}

// build reads the mailbox and makes its first View. Commits go on meanwhile: what they change is
// collected by publish and applied at the end. It does no harm that some of it was read already, as an
// edit tells the state of a message and not a difference, and for each message the last one
// counts: one that changed and was removed before its page was read comes in and goes again.
func (mb *openMailbox) build(ctx context.Context, a *account) {
	v, err := readView(ctx, a, mb.id)
	row := accountRow{ID: 1}
	if err == nil {
		err = a.read(ctx, func(tx *bstore.Tx) error { return tx.Get(&row) })
	}
	mb.mu.Lock()
	defer mb.mu.Unlock()
	mb.building = false
	mb.err = err
	mb.commit = row.Commit
	if err == nil {
		for _, u := range mb.missed {
			v = v.next(u)
		}
		mb.current.Store(v)
	}
	mb.missed = nil
	close(mb.built)
}

// readView reads a mailbox page by page.
func readView(ctx context.Context, a *account, id MailboxID) (*View, error) {
	box, ok := a.mailbox(id)
	if !ok {
		return nil, &MailboxError{ID: id}
	}
	v := &View{
		modseq:      box.row.ModSeq,
		uidNext:     box.row.UIDNext,
		uidValidity: box.row.UIDValidity,
		keywords:    box.keywords,
	}
	err := a.scanMailbox(ctx, id, 0, func(r *messageRow) { v.push(makeEntry(r)) })
	return v, err
}

// scanMailbox calls fn with the messages of a mailbox from a UID on, ascending. Messages that come or change
// meanwhile may be told in either state.
func (a *account) scanMailbox(ctx context.Context, id MailboxID, first imap.UID, fn func(r *messageRow)) error {
	from := messageID(id, first)
	for {
		n := 0
		err := a.read(ctx, func(tx *bstore.Tx) error {
			q := bstore.QueryTx[messageRow](tx)
			q.FilterGreaterEqual("ID", from)
			q.FilterLess("ID", messageID(id+1, 0))
			q.SortAsc("ID")
			q.Limit(viewPage)
			return q.ForEach(func(r messageRow) error {
				fn(&r)
				from = r.ID + 1
				n++
				return nil
			})
		})
		if err != nil || n < viewPage {
			return err
		}
	}
}

// peek returns the newest View of a mailbox if there is one.
func (c *viewCache) peek(id MailboxID) *View {
	c.mu.Lock()
	mb := c.boxes[id]
	c.mu.Unlock()
	if mb == nil {
		return nil
	}
	return mb.current.Load()
}

// forget drops all Views, when the account closes.
func (c *viewCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.boxes, c.idle = nil, nil
}
