package panics_test

import (
	"errors"
	"strings"
	"testing"

	"mox/internal/panics"
)

func TestCatch(t *testing.T) {
	t.Parallel()
	if e := panics.Catch(func() {}); e != nil {
		t.Errorf("nothing panicked, but %v was caught", e)
	}
	e := panics.Catch(broken)
	if e == nil || e.Error() != "panic: index" || !strings.Contains(string(e.Stack), "broken") {
		t.Fatalf("caught %v", e)
	}
	// No panic has no value, even one with nil.
	if e := panics.Catch(func() { panic(nil) }); e == nil {
		t.Error("a panic with nil was not caught")
	}
}

// A panic that is passed on tells of where it began.
func TestRaise(t *testing.T) {
	t.Parallel()
	var none *panics.Error
	none.Raise()

	caught := make(chan *panics.Error)
	go func() { caught <- panics.Catch(broken) }()
	e := <-caught
	again := panics.Catch(e.Raise)
	if again != e || !strings.Contains(string(again.Stack), "broken") {
		t.Errorf("caught %v, want the first one", again)
	}
	if _, ok := errors.AsType[*panics.Error](error(again)); !ok {
		t.Error("it is no error of its type")
	}
}

func broken() { panic("index") }
