package webmail

import (
	"context"
	"slices"

	"mox/store"
)

// threadWatch is a conversation that a page has open.
type threadWatch struct {
	view    string
	thread  store.ThreadID
	mailbox int64
	emails  []store.EmailID // That the page knows.
	all     bool            // All may have changed.
	changed map[store.EmailID]struct{}
}

// maxThreadWatches is how many conversations a stream may have open.
const maxThreadWatches = 32

// watchThread has a stream be told of changes of a conversation, until it is called again for the view. An empty stream is none.
func (l *streams) watchThread(ctx context.Context, name, view string, thread store.ThreadID, mailbox int64, emails []store.EmailID) error {
	if name == "" {
		return nil
	}
	if err := checkView(view); err != nil {
		return err
	}
	s, err := l.get(ctx, name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.threads) >= maxThreadWatches && s.threads[view] == nil {
		return errUser(codeLimit, "Too many conversations are open.")
	}
	// What came since the page read it is found by its emails, other changes are those from now on.
	s.threads[view] = &threadWatch{view: view, thread: thread, mailbox: mailbox, emails: slices.Clone(emails), all: true}
	s.signal()
	return nil
}

// touch notes what changed.
func (w *threadWatch) touch(threads map[store.ThreadID]struct{}, changes []boxChange) {
	if _, ok := threads[w.thread]; !ok {
		return
	}
	if w.changed == nil {
		w.changed = map[store.EmailID]struct{}{}
	}
	note := func(m *mail) {
		if m.Thread == w.thread {
			w.changed[m.Email] = struct{}{}
		}
	}
	for _, c := range changes {
		for i := range c.gone {
			note(&c.gone[i])
		}
		for i := range c.added {
			note(&c.added[i])
		}
		for i := range c.changed {
			note(&c.changed[i].now)
		}
	}
}

// tellThreads tells what changed in conversations that are open.
func (s *stream) tellThreads(ctx context.Context) error {
	for _, w := range s.threads {
		if !w.all && len(w.changed) == 0 || s.out.full() {
			continue
		}
		ev, emails, err := s.threadEvent(ctx, w)
		if err != nil {
			return err
		}
		if len(ev.Items) > 0 || len(ev.Gone) > 0 {
			if err := s.out.post("thread", ev); err != nil {
				return err
			}
		}
		// Not before it is told: after an error, the next try tells the same.
		w.emails, w.all, w.changed = emails, false, nil
	}
	return nil
}

// threadEvent returns what the page does not know yet of a conversation, and the emails that it knows then.
func (s *stream) threadEvent(ctx context.Context, w *threadWatch) (ThreadEvent, []store.EmailID, error) {
	ev := ThreadEvent{View: w.view, Thread: threadText(w.thread), Items: []Item{}, Gone: []string{}}
	maker, err := s.srv.newItemMaker(ctx, s.acc, w.mailbox)
	if err != nil {
		return ev, nil, err
	}
	all, err := s.acc.ThreadMessages(ctx, s.actor, []store.ThreadID{w.thread})
	if err != nil {
		return ev, nil, err
	}
	var emails []store.EmailID
	var tell []store.Instance
	for _, in := range all {
		if int64(in.Mailbox) != w.mailbox && maker.folders.aside(int64(in.Mailbox)) {
			continue
		}
		emails = append(emails, in.Email)
		_, changed := w.changed[in.Email]
		if changed || !slices.Contains(w.emails, in.Email) {
			tell = append(tell, in)
		}
	}
	for _, id := range w.emails {
		if !slices.Contains(emails, id) {
			ev.Gone = append(ev.Gone, id.String())
		}
	}
	items, err := maker.items(ctx, tell)
	ev.Items = append(ev.Items, items...)
	return ev, emails, err
}
