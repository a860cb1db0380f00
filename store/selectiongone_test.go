package store

import (
	"testing"

	"mox/imap"
)

func TestGone(t *testing.T) {
	t.Parallel()
	mb := newOpenMailbox(3)
	s := newSession(mb)
	mb.publish(boxUpdate{edits: []viewEdit{{entry: entry{uid: 2}, gone: true}}})
	if s.Gone(2) {
		t.Error("gone before Refresh")
	}
	s.Refresh(false)
	for uid, want := range map[imap.UID]bool{1: false, 2: true, 3: false} {
		if got := s.Gone(uid); got != want {
			t.Errorf("Gone(%d) = %v, want %v", uid, got, want)
		}
	}
	s.Refresh(true)
	if s.Gone(2) || s.Gone(1) {
		t.Error("gone after it was told")
	}
}
