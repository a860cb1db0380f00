// Package storetest makes stores for tests. Each is checked at the end of its test: an account
// in which anything is inconsistent fails it.
package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"mox/store"
)

// New opens a store in a temporary directory, with options changed by the functions given. At the end of
// the test all its accounts are verified, with the content of their messages, and it is closed, unless the
// test has done so.
func New(t testing.TB, options ...func(*store.Options)) *store.Store {
	t.Helper()
	opts := store.Options{Dir: t.TempDir()}
	for _, fn := range options {
		fn(&opts)
	}
	s, err := store.New(opts)
	if err != nil {
		t.Fatalf("opening store: %v", err)
	}
	t.Cleanup(func() {
		Verify(t, s)
		if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("closing store: %v", err)
		}
	})
	return s
}

// Verify fails the test for each problem in an account. A store that is closed is passed over.
func Verify(t testing.TB, s *store.Store) {
	t.Helper()
	ctx := context.Background()
	accounts, err := s.Accounts(ctx)
	if errors.Is(err, store.ErrClosed) {
		return
	} else if err != nil {
		t.Errorf("listing accounts: %v", err)
	}
	for _, a := range accounts {
		err := s.Verify(ctx, a.Name, true, func(p store.Problem) {
			t.Errorf("account %s is inconsistent: %s", a.Name, p.What)
		})
		if err != nil {
			t.Errorf("verifying account %s: %v", a.Name, err)
		}
	}
}

// Account opens an account, which it makes if need be. The handle is closed at the end of the test.
func Account(t testing.TB, s *store.Store, name string) *store.Account {
	t.Helper()
	ctx := context.Background()
	if err := s.Create(ctx, name); err != nil && !errors.Is(err, store.ErrAccountExists) {
		t.Fatalf("making account: %v", err)
	}
	a, err := s.Open(ctx, name)
	if err != nil {
		t.Fatalf("opening account: %v", err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("closing account: %v", err)
		}
	})
	return a
}

// Message returns a message with the given text, of which line ends may be LF.
func Message(text string) store.NewMessage {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	return store.NewMessage{Body: strings.NewReader(text), Size: int64(len(text))}
}

// Delivery returns a delivery of a message to a mailbox, Inbox if that is empty.
func Delivery(mailbox, text string) store.Delivery {
	return store.Delivery{Mailbox: mailbox, NewMessage: Message(text)}
}
