package webmail

import (
	"sync"
	"time"

	"mox/store"
)

// sentKept is for how long is known that a draft was sent.
const sentKept = time.Hour

// sentDrafts are drafts that were sent lately, or are being sent. A page that has heard nothing of what became of its call, or another
// one with the same draft, may send it again: recipients are to get it once. It is safe for concurrent use.
type sentDrafts struct {
	now func() time.Time

	mu    sync.Mutex
	byKey map[draftKey]time.Time // When it was sent; zero while it is.
}

// draftKey identifies a version of a draft. One that is taken back has another id.
type draftKey struct {
	account store.AccountID
	email   store.EmailID
}

func newSentDrafts(now func() time.Time) *sentDrafts {
	return &sentDrafts{now: now, byKey: map[draftKey]time.Time{}}
}

// begin returns an error, for the caller, if a draft is not to be sent again. Otherwise end must be called.
func (s *sentDrafts) begin(key draftKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, at := range s.byKey {
		if !at.IsZero() && s.now().Sub(at) > sentKept {
			delete(s.byKey, k)
		}
	}
	switch at, known := s.byKey[key]; {
	case known && at.IsZero():
		return errUser(codeTooLate, "This message is being sent already.")
	case known:
		return errUser(codeTooLate, "This message was sent already.")
	}
	s.byKey[key] = time.Time{}
	return nil
}

// end says whether the draft was sent. Otherwise it can be tried again.
func (s *sentDrafts) end(key draftKey, sent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sent {
		s.byKey[key] = s.now()
	} else {
		delete(s.byKey, key)
	}
}
