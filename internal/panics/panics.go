// Package panics carries a panic from the goroutine that meets it to the one that waits for its work, where
// whoever contains bugs can. A panic that nobody recovers from in its own goroutine ends the process.
package panics

import (
	"fmt"
	"runtime/debug"
)

// Error is a panic that was recovered from: a bug.
type Error struct {
	Value any    // What panic was called with.
	Stack []byte // Of the goroutine that panicked, for a log.
}

// Recovered returns the Error for what recover returned, which is not nil. It is called by the deferred
// function that recovers. A panic that [Error.Raise] passed on keeps the stack of where it began.
func Recovered(x any) *Error {
	if e, ok := x.(*Error); ok {
		return e
	}
	return &Error{x, debug.Stack()}
}

// Error implements error. It does not tell the stack.
func (e *Error) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Catch calls f, and returns nil unless f panics.
func Catch(f func()) (caught *Error) {
	defer func() {
		if x := recover(); x != nil {
			caught = Recovered(x)
		}
	}()
	f()
	return nil
}

// Raise panics with e, or does nothing if e is nil.
func (e *Error) Raise() {
	if e != nil {
		panic(e)
	}
}
