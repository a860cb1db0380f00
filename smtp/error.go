package smtp

import (
	"errors"
	"strconv"
)

// Error is a failure that is told to the peer as a reply, or that the peer has told.
type Error struct {
	Code     int // 400 to 599.
	Enhanced EnhancedCode

	// Text is for the peer: one line that does not give away anything internal.
	Text string

	// Err is the cause, for our log only. It may be nil.
	Err error
}

// NewError returns an Error for a reply. It never makes a reply whose two codes
// contradict each other: a code outside 400 to 599 becomes 451 4.3.0, as an unknown
// error is temporary, and an enhanced code that is malformed or of another class than
// code becomes the X.0.0 of code's class. err may be nil.
func NewError(code int, enhanced EnhancedCode, text string, err error) *Error {
	if code < 400 || code > 599 {
		code, enhanced = C451LocalError, E430SystemOther
	}
	if enhanced.Class() != code/100 {
		enhanced = E500Other.Of(code / 100)
	}
	return &Error{code, enhanced, text, err}
}

// Error returns the reply and the cause, for our log.
func (e *Error) Error() string {
	s := e.Reply()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Reply returns codes and text as on the wire, without line end and cause.
func (e *Error) Reply() string {
	s := strconv.Itoa(e.Code)
	if e.Enhanced != "" {
		s += " " + string(e.Enhanced)
	}
	if e.Text != "" {
		s += " " + e.Text
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary tells whether the client may try the same again later.
func (e *Error) Temporary() bool { return e.Code/100 == 4 }

// IsTemporary tells whether what failed with err may succeed later. Errors that are not
// known, not an [*Error], are temporary; nil is not.
func IsTemporary(err error) bool {
	if err == nil {
		return false
	}
	e, ok := errors.AsType[*Error](err)
	return !ok || e.Temporary()
}
