package webmail

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"mox/imap"
	"mox/store"
)

// view is a list that a page shows. It is guarded by the mutex of its stream.
type view struct {
	name   string
	query  Query
	parsed parsedQuery
	scope  map[uint16]*scopeBox // By box.index.
	list   viewList
	heads  headTable // If rows are conversations.
	job    *viewJob  // What looks through messages; nil if all is known.

	fresh  bool      // To be built.
	gone   bool      // The mailbox is no more.
	orphan time.Time // Since then nobody is told: the stream was lost, and the page has not said that it still has the view.

	// What the page is to be told.
	reset    bool
	splices  []Splice
	send     int // Rows with rowSend, about.
	window   span
	focus    store.EmailID // Zero if none was asked for.
	progress *Progress
	ask      bool // Tell even if nothing is new.

	told viewTold
}

// viewTold is what the page was told last.
type viewTold struct {
	modseq imap.ModSeq
	total  int
	unread int
	any    bool
	same   bool // Several events that changed something had this modseq.
}

// span is a part of a list.
type span struct{ first, count int }

func (s span) contains(i int) bool { return i >= s.first && i < s.first+s.count }

// scopeBox is a mailbox that a view looks at.
type scopeBox struct {
	box   *box
	expr  *expr // For this mailbox.
	all   bool  // All messages match, and are known to.
	match []imap.UID
}

// has tells whether a message is one that the view finds.
func (b *scopeBox) has(uid imap.UID) bool {
	if b.all {
		return true
	}
	_, ok := slices.BinarySearch(b.match, uid)
	return ok
}

// mails yields the messages that the view finds.
func (b *scopeBox) mails(yield func(mail) bool) {
	if b.all {
		for _, e := range b.box.view.All(1) {
			if !yield(mail{b.box, e}) {
				return
			}
		}
		return
	}
	if view := b.box.view; len(b.match) < view.Len()/16 {
		for _, uid := range b.match {
			if e, ok := entryOf(view, uid); ok && !yield(mail{b.box, e}) {
				return
			}
		}
		return
	}
	match := b.match
	for _, e := range b.box.view.All(1) {
		for len(match) > 0 && match[0] < e.UID {
			match = match[1:]
		}
		if len(match) == 0 {
			return
		}
		if match[0] == e.UID && !yield(mail{b.box, e}) {
			return
		}
	}
}

// count is how many messages the view finds in the mailbox, at most.
func (b *scopeBox) count() int {
	if b.all {
		return b.box.view.Len()
	}
	return len(b.match)
}

// byText tells whether the order is by what is in the messages.
func (v *view) byText() bool { return v.query.Sort == SortFrom || v.query.Sort == SortSubject }

// sameQuery tells whether two queries are the same.
func sameQuery(a, b Query) bool {
	return a.Scope == b.Scope && a.Mailbox == b.Mailbox && a.Text == b.Text && slices.Equal(a.Filters, b.Filters) &&
		a.Sort == b.Sort && a.Oldest == b.Oldest && a.Threads == b.Threads
}

// scopeOf returns the mailboxes that a query looks at.
func scopeOf(q Query, wide bool, l []Mailbox) ([]store.MailboxID, error) {
	var ids []store.MailboxID
	name := ""
	for _, m := range l {
		if m.ID == q.Mailbox {
			name = m.Name
		}
	}
	if (q.Scope == ScopeMailbox || q.Scope == ScopeChildren) && name == "" {
		return nil, store.ErrNoMailbox
	}
	for _, m := range l {
		in := false
		switch {
		case wide || q.Scope == ScopeAll:
			in = true
		case q.Scope == ScopeMailbox:
			in = m.ID == q.Mailbox
		case q.Scope == ScopeChildren:
			in = m.ID == q.Mailbox || strings.HasPrefix(m.Name, name+"/")
		default:
			in = !m.Role.discarded()
		}
		if in && !m.NoSelect {
			ids = append(ids, store.MailboxID(m.ID))
		}
	}
	return ids, nil
}

// build finds what the view shows: at once, or if messages have to be read, from its job on. A list that the view has is changed to
// the new one.
func (v *view) build(ctx context.Context, s *stream) error {
	v.stop()
	v.fresh = false
	k := s.knowledge()
	v.parsed = parseQuery(v.query, k)
	v.list.oldest = v.query.Oldest
	ids, err := scopeOf(v.query, v.parsed.wide, k.mailboxes)
	if errors.Is(err, store.ErrNoMailbox) {
		v.gone = true
		v.scope = nil
		v.note(v.list.replace(nil))
		v.ask = true
		return nil
	} else if err != nil {
		return err
	}
	v.gone = false
	v.scope = map[uint16]*scopeBox{}
	quick := !v.byText()
	for _, id := range ids {
		b, err := s.boxes.open(ctx, id)
		if errors.Is(err, store.ErrNoMailbox) {
			continue // Deleted just now.
		} else if err != nil {
			return err
		}
		x := v.parsed.expr.in(id)
		v.scope[b.index] = &scopeBox{box: b, expr: x, all: x.isEverything() && !v.byText()}
		quick = quick && x.quick()
	}
	if len(v.parsed.terms) > 0 {
		v.progress = &Progress{Done: quick, Terms: v.parsed.terms, Mark: v.parsed.mark}
	}
	if !quick {
		v.heads = headTable{}
		v.list = viewList{oldest: v.query.Oldest}
		if v.byText() {
			v.list.texts = map[place]rowText{}
		}
		v.restart()
		v.start(s)
		return nil
	}
	for _, b := range v.scope {
		if b.all {
			continue
		}
		if b.match, err = s.matcher().match(ctx, b.box.id, b.box.view, b.expr, nil); err != nil {
			return err
		}
	}
	v.startList(v.allRows())
	return nil
}

// startList gives the view a list, which is sorted if its order does not depend on texts.
func (v *view) startList(rows []row) {
	v.list.sort(rows)
	if v.reset || !v.told.any {
		v.list.rows, v.list.spare = rows, nil
		v.restart()
		return
	}
	v.note(v.list.replace(rows))
}

// allRows returns the rows of all messages that the view finds.
func (v *view) allRows() []row {
	n := 0
	for _, b := range v.scope {
		n += b.count()
	}
	if !v.query.Threads {
		rows := make([]row, 0, n)
		for _, b := range v.scope {
			for m := range b.mails {
				rows = append(rows, v.rowOf(&m))
			}
		}
		return rows
	}
	v.heads = newHeadTable(n)
	for _, b := range v.scope {
		for m := range b.mails {
			v.heads.offer(head{m.Thread, m.Received, v.rowOf(&m)})
		}
	}
	return v.heads.rows()
}

// rowOf returns the row of a message.
func (v *view) rowOf(m *mail) row {
	r := row{uid: m.UID, box: m.box.index}
	switch v.query.Sort {
	case SortSize:
		r.key = m.Size
	case SortFrom, SortSubject:
		r.key = textKey(v.list.texts[r.place()].text)
	default:
		r.key = m.Received
	}
	return r
}

// textKey is how a text begins, so that most comparisons need no more.
func textKey(text string) int64 {
	var b [8]byte
	copy(b[:], text)
	key := uint64(0)
	for _, c := range b {
		key = key<<8 | uint64(c)
	}
	return int64(key ^ 1<<63) // Keys are compared as signed.
}

// restart has the page be told everything anew.
func (v *view) restart() {
	v.reset = true
	v.splices = nil
	for i := range v.list.rows {
		v.list.rows[i].mark = 0
	}
	v.send = 0
	v.wantRows(v.window)
}

// wantRows has rows be sent.
func (v *view) wantRows(w span) {
	for i := max(w.first, 0); i < min(w.first+w.count, len(v.list.rows)); i++ {
		v.sendRow(i)
	}
}

func (v *view) sendRow(i int) {
	if v.list.rows[i].mark&rowSend == 0 {
		v.list.rows[i].mark |= rowSend
		v.send++
	}
}

const (
	// maxSplices is how many changes of a list are told; with more it begins anew.
	maxSplices = 1000

	// insertedAfter and insertedBefore are how many rows of those that come together are sent at once, at the top or below one that the
	// page has, and above one that it has. It asks for others when they come into sight.
	insertedAfter  = 50
	insertedBefore = 25
)

// note notes how the list has changed.
func (v *view) note(splices []Splice) {
	if len(splices) == 0 || v.reset {
		if v.reset {
			v.wantRows(v.window)
		}
		return
	}
	if len(v.splices)+len(splices) > maxSplices {
		v.restart()
		return
	}
	v.splices = append(v.splices, splices...)
	rows := v.list.rows
	for _, p := range splices {
		if p.At+p.Remove <= v.window.first && p.At < v.window.first {
			v.window.first += p.Insert - p.Remove
		}
		end := p.At + p.Insert
		if p.At == 0 || rows[p.At-1].mark != 0 {
			v.wantRows(span{p.At, min(p.Insert, insertedAfter)})
		}
		if end < len(rows) && rows[end].mark != 0 {
			first := max(p.At, end-insertedBefore)
			v.wantRows(span{first, end - first})
		}
	}
}

// update brings the view up to date after changes of mailboxes.
func (v *view) update(ctx context.Context, s *stream, changes []boxChange) error {
	var add, drop []mail
	for _, c := range changes {
		b := v.scope[c.box.index]
		if b == nil {
			continue
		}
		if c.lost {
			v.rebuild()
			return nil
		}
		a, d, err := v.decide(ctx, s, b, &c)
		if err != nil {
			return err
		}
		add, drop = append(add, a...), append(drop, d...)
	}
	if v.byText() {
		if err := v.loadTexts(ctx, s, add); err != nil {
			return err
		}
	}
	v.change(add, drop)
	return nil
}

// rebuild has the view be built anew. Its list changes to the new one then, unless it is one that a job makes.
func (v *view) rebuild() {
	v.fresh = true
	if v.job != nil {
		v.stop()
		v.reset = true
	}
}

// decide tells which messages come to what the view finds in a mailbox, and which go.
func (v *view) decide(ctx context.Context, s *stream, b *scopeBox, c *boxChange) (add, drop []mail, err error) {
	if b.all {
		return c.added, c.gone, nil
	}
	var gone []imap.UID
	for _, m := range c.gone {
		if b.has(m.UID) {
			drop = append(drop, m)
			gone = append(gone, m.UID)
		}
	}
	ask := make([]imap.UID, 0, len(c.added))
	if b.expr.byFlags() {
		for _, m := range c.changed {
			ask = append(ask, m.now.UID)
		}
	}
	for _, m := range c.added { // Their UIDs are above others.
		ask = append(ask, m.UID)
	}
	found, err := s.matcher().match(ctx, b.box.id, b.box.view, b.expr, ask)
	if err != nil {
		return nil, nil, err
	}
	if v.job != nil {
		v.job.decided(b.box.index, ask)
	}
	var come []imap.UID
	for _, uid := range ask {
		_, is := slices.BinarySearch(found, uid)
		if was := b.has(uid); is == was {
			continue
		}
		e, ok := b.box.entry(uid)
		if !ok {
			continue
		}
		if is {
			add = append(add, mail{b.box, e})
			come = append(come, uid)
		} else {
			drop = append(drop, mail{b.box, e})
			gone = append(gone, uid)
		}
	}
	slices.Sort(gone)
	b.match = with(without(b.match, gone), come)
	return add, drop, nil
}

// change changes the list by messages that come to what the view finds, and such that go.
func (v *view) change(add, drop []mail) {
	if len(add) == 0 && len(drop) == 0 {
		return
	}
	var come, gone []row
	if v.query.Threads {
		come, gone = v.changeHeads(add, drop)
	} else {
		for i := range add {
			come = append(come, v.rowOf(&add[i]))
		}
		for i := range drop {
			gone = append(gone, v.rowOf(&drop[i]))
		}
	}
	v.note(v.list.edit(gone, come))
	for _, m := range drop {
		delete(v.list.texts, m.place())
	}
}

// changeHeads returns the rows of conversations that come or go, also because another message of theirs is shown.
func (v *view) changeHeads(add, drop []mail) (come, gone []row) {
	before := map[store.ThreadID]head{} // Of those that may change.
	note := func(t store.ThreadID) {
		if _, ok := before[t]; !ok {
			before[t] = v.heads.get(t)
		}
	}
	lost := map[store.ThreadID]bool{}
	for _, m := range drop {
		note(m.Thread)
		if v.heads.get(m.Thread).row.place() == m.place() {
			lost[m.Thread] = true
			v.heads.remove(m.Thread)
		}
	}
	for i := range add {
		m := &add[i]
		note(m.Thread)
		v.heads.offer(head{m.Thread, m.Received, v.rowOf(m)})
	}
	if len(lost) > 0 {
		for _, b := range v.scope {
			for m := range b.mails {
				if lost[m.Thread] {
					v.heads.offer(head{m.Thread, m.Received, v.rowOf(&m)})
				}
			}
		}
	}
	for t, old := range before {
		now := v.heads.get(t)
		if now == old {
			continue
		}
		if old.row.uid != 0 {
			gone = append(gone, old.row)
		}
		if now.row.uid != 0 {
			come = append(come, now.row)
		}
	}
	return come, gone
}

// touch has rows be sent again that the page has: of conversations in which something changed, or of messages.
func (v *view) touch(threads map[store.ThreadID]struct{}, changes []boxChange) {
	if v.query.Threads {
		for t := range threads {
			v.touchRow(v.heads.get(t).row)
		}
		return
	}
	for _, c := range changes {
		if v.scope[c.box.index] == nil {
			continue
		}
		for i := range c.changed {
			v.touchRow(v.rowOf(&c.changed[i].now))
		}
	}
}

func (v *view) touchRow(r row) {
	if r.uid == 0 {
		return
	}
	if i, ok := v.list.find(r); ok && v.list.rows[i].mark&rowHave != 0 {
		v.sendRow(i)
	}
}

// position returns that of the row of an email, -1 if there is none.
func (v *view) position(ctx context.Context, s *stream, id store.EmailID) (int, error) {
	l, err := s.acc.Instances(ctx, s.actor, []store.EmailID{id})
	if err != nil {
		return -1, err
	}
	for _, in := range l {
		b := s.boxes.byID[in.Mailbox]
		if b == nil {
			continue
		}
		m := mail{b, in.Entry}
		r := v.rowOf(&m)
		if v.query.Threads {
			r = v.heads.get(in.Thread).row
		}
		if i, ok := v.list.find(r); ok && r.uid != 0 {
			return i, nil
		}
	}
	return -1, nil
}

// stop ends the job of the view.
func (v *view) stop() {
	if v.job != nil {
		v.job.cancel()
		v.job = nil
	}
}
