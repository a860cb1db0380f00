package webmail

import (
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A draft is sent once, however often a page asks for it, unless it was not sent.
func TestSendOnce(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	e, q := newSendingEnv(t, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) } })
	d := letterTo("x@remote.example")
	d.Email = e.save(d).Email
	refused := d
	refused.To = []Person{{"", "nobody"}}
	if _, err := e.api.Send(e.ctx, refused, SendOptions{}); err == nil {
		t.Fatal("sent to nobody")
	}
	sent := e.send(d, SendOptions{Hold: 100})
	_, err := e.api.Send(e.ctx, d, SendOptions{})
	wantCode(t, err, codeTooLate)
	if n := len(q.queued()); n != 1 {
		t.Errorf("%d messages are queued", n)
	}

	// What was taken back is a draft like any other.
	back, err := e.api.SendUndo(e.ctx, sent.Submission)
	if err != nil {
		t.Fatal(err)
	}
	e.send(back, SendOptions{})

	key := draftKey{account: e.acc.ID()}
	key.email, _ = parseEmailID(d.Email)
	later.Store(int64(sentKept + time.Second))
	if err := e.server.sent.begin(key); err != nil {
		t.Errorf("it is remembered for ever: %v", err)
	}
	wantCode(t, e.server.sent.begin(key), codeTooLate)
	other := key
	other.account++
	if err := e.server.sent.begin(other); err != nil {
		t.Errorf("another account: %v", err)
	}
	e.server.sent.end(key, false)
	if err := e.server.sent.begin(key); err != nil {
		t.Errorf("after a failure: %v", err)
	}
}

// Uploads that are under way count, so that many at once are no more than may be kept.
func TestUploadsArriving(t *testing.T) {
	t.Parallel()
	u := newUploads(t.TempDir(), time.Now)
	add := func(r io.Reader, length int64) error {
		_, _, err := u.add(1, "x", "text/plain", "", r, length, 100)
		return err
	}
	pr, pw := io.Pipe()
	first := make(chan error)
	go func() { first <- add(pr, 100) }()
	if _, err := pw.Write([]byte("x")); err != nil { // It has begun.
		t.Fatal(err)
	}
	for range uploadTimes - 1 {
		if err := add(strings.NewReader(strings.Repeat("x", 100)), -1); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, add(strings.NewReader("x"), 1), codeLimit)
	if _, _, err := u.add(2, "x", "text/plain", "", strings.NewReader("x"), 1, 100); err != nil {
		t.Errorf("another account: %v", err)
	}
	pw.Close()
	if err := <-first; err != nil {
		t.Error(err)
	}
	// Of what did not come there is room again.
	if err := add(strings.NewReader(strings.Repeat("x", 99)), 99); err != nil {
		t.Error(err)
	}
	wantCode(t, add(strings.NewReader("x"), 1), codeLimit)
	if err := u.close(); err != nil {
		t.Fatal(err)
	}
	if err := add(strings.NewReader("x"), 1); err == nil {
		t.Error("a file is kept after the end")
	}
	if len(u.arriving) != 0 {
		t.Errorf("%v arrive", u.arriving)
	}
}
