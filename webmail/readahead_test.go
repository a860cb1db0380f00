package webmail

import (
	"context"
	"errors"
	"testing"
)

// A page has one mailbox read ahead at a time, and a server that ends waits for that.
func TestReadAhead(t *testing.T) {
	t.Parallel()
	var a readAhead
	if !a.begin("ann") || a.begin("ann") || !a.begin("bob") {
		t.Error("not one at a time of each account")
	}
	a.end("bob")
	if !a.begin("bob") {
		t.Error("not again")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := a.shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown while it reads: %v", err)
	}
	if a.begin("carol") {
		t.Error("begins after the end")
	}
	a.end("ann")
	a.end("bob")
	if err := a.shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
