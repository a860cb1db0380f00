package imapserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"mox/imap"
	"mox/store"
)

// TestStoreErrors sees what a client is told of errors of the store (RFC 9051 §7.1, RFC 5530): a code and words that it
// understands, and nothing of the inside.
func TestStoreErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{store.ErrNoMailbox, "[NONEXISTENT] No such mailbox"},
		{&store.MailboxError{ID: 7}, "[NONEXISTENT] No such mailbox"},
		{store.ErrMailboxExists, "[ALREADYEXISTS] Mailbox exists already"},
		{store.ErrMailboxInUse, "[CANNOT] This mailbox cannot be deleted"},
		{store.ErrSpecialUseTaken, "[USEATTR] Another mailbox has this use"},
		{store.ErrBadName, "[CANNOT] This mailbox name is not allowed"},
		{store.ErrTooManyKeywords, "[LIMIT] Too many keywords"},
		{store.ErrQuota, "[OVERQUOTA] Account is full"},
		{store.ErrExpunged, "[EXPUNGEISSUED] Messages were removed meanwhile"},
		{store.ErrClosed, "[UNAVAILABLE] Account is being closed, try again"},
		{store.ErrLocked, "[INUSE] Account is in use, try again"},
		{store.ErrDamaged, "[CORRUPTION] The data of this account is damaged, ask the operator of the server"},
		{context.DeadlineExceeded, "[UNAVAILABLE] This took too long, try again"},
		{syscall.ENOSPC, "[UNAVAILABLE] The disk of the server is full, try again later"},
		{syscall.EDQUOT, "[UNAVAILABLE] The disk of the server is full, try again later"},
		{syscall.EROFS, "[UNAVAILABLE] The disk of the server cannot be written to, try again later"},
		{fs.ErrPermission, "[UNAVAILABLE] The disk of the server cannot be written to, try again later"},
		{errors.New("unheard of"), "[SERVERBUG] Something went wrong here, try again"},
	} {
		e := storeError(fmt.Errorf("secret: %w", tt.err))
		if got := "[" + string(e.Code) + "] " + e.Text; got != tt.want || e.Status != imap.StatusNo {
			t.Errorf("%v: got %s %s, want %s", tt.err, e.Status, got, tt.want)
		}
		if !errors.Is(e, tt.err) || strings.Contains(e.Text, "secret") {
			t.Errorf("%v: cause is %v", tt.err, e.Err)
		}
	}
}
