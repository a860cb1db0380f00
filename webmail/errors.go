package webmail

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"mox/internal/jsoncall"
	"mox/queue"
	"mox/smtp"
	"mox/store"
)

// errUser returns an error that is told to the user as it is. The code begins with "user:".
func errUser(code, format string, args ...any) error {
	return &jsoncall.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Codes of errors that pages look for.
const (
	codeNoStream  = "user:noStream" // The stream that a call names is not known: it has to be opened again.
	codeNoView    = "user:noView"   // Likewise a view.
	codeNotFound  = "user:notFound" // A message or mailbox is gone.
	codeBad       = "user:bad"      // Something in the call makes no sense.
	codeChanged   = "user:changed"  // Somebody else has changed it since it was read.
	codeExists    = "user:exists"   // There is something of that name.
	codeQuota     = "user:quota"    // The account is full.
	codeTooLate   = "user:tooLate"  // The message is on its way.
	codeRefused   = "user:refused"  // A message may not be sent so.
	codeLimit     = "user:limit"    // More than is allowed.
	codeTemporary = "server:temporary"
)

// told are errors of other packages that a user can do something about.
var told = []struct {
	err        error
	code, text string
}{
	{store.ErrNoMailbox, codeNotFound, "This mailbox does not exist any more."},
	{store.ErrMailboxExists, codeExists, "There is a mailbox of this name already."},
	{store.ErrMailboxInUse, codeBad, "This mailbox cannot be deleted."},
	{store.ErrSpecialUseTaken, codeExists, "Another mailbox has this role."},
	{store.ErrBadName, codeBad, "A mailbox cannot have this name."},
	{store.ErrTooManyKeywords, codeLimit, "There are too many labels in this mailbox."},
	{store.ErrBadKeyword, codeBad, "A label cannot have this name."},
	{store.ErrQuota, codeQuota, "There is no space left for mail. Delete something, and empty Trash."},
	{store.ErrExpunged, codeNotFound, "This message does not exist any more."},
	{queue.ErrTooLate, codeTooLate, "The message is on its way already."},
	{queue.ErrSendTime, codeBad, "A message can be sent a year ahead at most."},
	{store.ErrNoSubmission, codeNotFound, "This message is not known any more."},
}

// tell turns the error of a call into what its caller is told. What nobody can do anything about is in the log, under an id that is
// told too. It is meant to be deferred.
func (s *Server) tell(ctx context.Context, call string, rerr *error) {
	err := *rerr
	if err == nil {
		return
	}
	if _, ok := errors.AsType[*jsoncall.Error](err); ok {
		return
	}
	for _, t := range told {
		if errors.Is(err, t.err) {
			*rerr = errUser(t.code, "%s", t.text)
			return
		}
	}
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		// Of a check of messages that are sent; its text is for clients.
		code := codeTemporary
		if e.Code/100 == 5 {
			code = codeRefused
		}
		*rerr = errUser(code, "%s", e.Text)
		return
	}
	if ctx.Err() != nil {
		*rerr = &jsoncall.Error{Code: codeTemporary, Message: "It took too long."}
		return
	}
	id := rand.Text()[:10]
	s.log.Error("call failed", "call", call, "err", err, "id", id)
	*rerr = &jsoncall.Error{Code: codeTemporary, Message: "The server could not do this now. Try again later. The log has more under " + id + "."}
}

// isCode tells whether an error is one that users are told, of a code.
func isCode(err error, code string) bool {
	e, ok := errors.AsType[*jsoncall.Error](err)
	return ok && e.Code == code
}
