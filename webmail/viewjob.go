package webmail

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"mox/imap"
	"mox/message"
	"mox/store"
)

// viewJob looks through the messages of a view, the newest first, in pieces that grow while they take little time. The view shows what
// was found so far.
type viewJob struct {
	cancel context.CancelFunc
	sent   chan struct{} // The page was told of the last piece.
	views  map[uint16]*store.View
	order  []row // All messages to look at, the newest first.
	looked int

	// Messages that changed meanwhile, which the view has decided about.
	known map[place]struct{}
}

// problemSearch is what users are told when a search fails.
const problemSearch = "Not all messages could be looked at. Try again later."

const (
	jobFirst = 200   // Messages in the first piece.
	jobMost  = 20000 // In any.
	jobTime  = 150 * time.Millisecond
)

// start starts the job of a view.
func (v *view) start(s *stream) {
	if s.ctx == nil {
		v.fresh = true // Nobody listens. It starts when somebody does.
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	j := &viewJob{cancel: cancel, sent: make(chan struct{}, 1), views: map[uint16]*store.View{}, known: map[place]struct{}{}}
	v.job = j
	n := 0
	for i, b := range v.scope {
		j.views[i] = b.box.view
		n += b.box.view.Len()
	}
	exprs := map[uint16]*scopeBox{}
	for i, b := range v.scope {
		exprs[i] = b
	}
	v.progress = &Progress{Of: int64(n), Terms: v.parsed.terms, Mark: v.parsed.mark}
	v.ask = true
	s.jobs.Go(func() {
		defer cancel()
		j.work(ctx, s, v, exprs)
	})
}

// decided notes that the view has decided about messages.
func (j *viewJob) decided(box uint16, uids []imap.UID) {
	for _, uid := range uids {
		j.known[placeOf(box, uid)] = struct{}{}
	}
}

// work is run, of which a bug that some message meets ends the search, and not the process.
func (j *viewJob) work(ctx context.Context, s *stream, v *view, scope map[uint16]*scopeBox) {
	defer func() {
		if x := recover(); x != nil {
			s.log.Error("bug: panic in a search", "panic", x, "stack", string(debug.Stack()))
			s.found(v, j, nil, nil, true, errPanic)
		}
	}()
	j.run(ctx, s, v, scope)
}

// errPanic is why a search ended that panicked.
var errPanic = errors.New("panic")

// run looks at all messages.
func (j *viewJob) run(ctx context.Context, s *stream, v *view, scope map[uint16]*scopeBox) {
	total := 0
	for _, view := range j.views {
		total += view.Len()
	}
	j.order = make([]row, 0, total)
	for i, b := range scope {
		if b.expr.isNothing() {
			continue
		}
		for _, e := range j.views[i].All(1) {
			j.order = append(j.order, row{key: e.Received, uid: e.UID, box: i})
		}
	}
	(&viewList{}).sort(j.order)
	size := jobFirst
	for {
		piece := j.order[j.looked:min(j.looked+size, len(j.order))]
		begin := time.Now()
		found, err := j.look(ctx, s, scope, piece)
		if ctx.Err() != nil {
			return
		}
		texts := map[place]rowText{}
		if err == nil && v.byText() {
			texts, err = s.readTexts(ctx, v.query.Sort, found)
		}
		if took := time.Since(begin); took < jobTime/2 {
			size = min(2*size, jobMost)
		} else if took > 2*jobTime {
			size = max(size/2, 20)
		}
		j.looked += len(piece)
		done := j.looked == len(j.order) || err != nil
		if err != nil && ctx.Err() == nil {
			s.log.Error("searching", "err", err)
		}
		if !s.found(v, j, found, texts, done, err) || done {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-j.sent:
		}
	}
}

// look returns which messages of a piece match.
func (j *viewJob) look(ctx context.Context, s *stream, scope map[uint16]*scopeBox, piece []row) ([]mail, error) {
	byBox := map[uint16][]imap.UID{}
	for _, r := range piece {
		byBox[r.box] = append(byBox[r.box], r.uid)
	}
	var all []mail
	for i, uids := range byBox {
		slices.Sort(uids)
		b := scope[i]
		found, err := s.matcher().match(ctx, b.box.id, j.views[i], b.expr, uids)
		if err != nil {
			return nil, err
		}
		for _, uid := range found {
			if e, ok := entryOf(j.views[i], uid); ok {
				all = append(all, mail{b.box, e})
			}
		}
	}
	return all, nil
}

// found has a view show what its job has found. It returns false if the job is that of the view no more.
func (s *stream) found(v *view, j *viewJob, found []mail, texts map[place]rowText, done bool, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.job != j {
		return false
	}
	add := found[:0]
	come := map[uint16][]imap.UID{}
	for _, m := range found {
		if _, ok := j.known[m.place()]; ok {
			continue
		}
		e, ok := m.box.entry(m.UID)
		if !ok {
			continue
		}
		add = append(add, mail{m.box, e})
		come[m.box.index] = append(come[m.box.index], m.UID)
	}
	for p, t := range texts {
		v.list.texts[p] = t
	}
	for i, uids := range come {
		slices.Sort(uids)
		v.scope[i].match = with(v.scope[i].match, uids)
	}
	v.change(add, nil)
	p := &Progress{Done: done, Looked: int64(j.looked), Of: int64(len(j.order))}
	if v.progress != nil { // Not told yet.
		p.Terms, p.Mark = v.progress.Terms, v.progress.Mark
	}
	if err != nil {
		p.Problem = problemSearch
	}
	if !done {
		p.Back = j.order[j.looked-1].key
	} else {
		v.job = nil
	}
	v.progress = p
	s.signal()
	return true
}

// loadTexts reads by what messages are sorted.
func (v *view) loadTexts(ctx context.Context, s *stream, l []mail) error {
	texts, err := s.readTexts(ctx, v.query.Sort, l)
	for p, t := range texts {
		v.list.texts[p] = t
	}
	return err
}

func (s *stream) readTexts(ctx context.Context, by Sort, l []mail) (map[place]rowText, error) {
	ids := make([]store.EmailID, len(l))
	for i := range l {
		ids[i] = l[i].Email
	}
	texts := make(map[place]rowText, len(l))
	err := s.acc.Emails(ctx, s.actor, ids, func(i int, e *store.Email) error {
		t := rowText{received: l[i].Received}
		if e != nil {
			t.text = sortText(by, e)
		}
		texts[l[i].place()] = t
		return ctx.Err()
	})
	return texts, err
}

// maxSortText is how much of a text counts, in bytes.
const maxSortText = 64

// sortText returns the text by which an email is sorted.
func sortText(by Sort, e *store.Email) string {
	text := ""
	switch by {
	case SortSubject:
		if f, ok := message.FirstField(e.Header, "Subject"); ok {
			text, _ = message.BaseSubject(f.Text())
		}
	default:
		if f, ok := message.FirstField(e.Header, "From"); ok {
			addresses, _ := message.ParseAddresses(f.Value)
			if people := persons(addresses, 1); len(people) > 0 {
				if text = people[0].Name; text == "" {
					text = people[0].Address
				}
			}
		}
	}
	text = strings.ToLower(strings.TrimLeft(text, " \"'"))
	if len(text) > maxSortText {
		text = text[:maxSortText]
	}
	return strings.Clone(text)
}
