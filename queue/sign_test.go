package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
	"mox/queuedb"
	"mox/smtp"
	"mox/store"
)

// fakeSigner signs with the number of the signature.
type fakeSigner struct {
	mu     sync.Mutex
	fail   error
	none   bool     // Nothing is signed.
	signed []string // Domains, and the whole message.
}

func (f *fakeSigner) Sign(ctx context.Context, from []dns.Domain, header []byte, body io.ReaderAt, size int64) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := errors.Join(f.fail, ctx.Err()); err != nil || f.none {
		return nil, err
	}
	b, err := io.ReadAll(io.NewSectionReader(body, 0, size))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range from {
		names = append(names, d.ASCII)
	}
	f.signed = append(f.signed, strings.Join(names, " ")+": "+string(header)+string(b))
	return fmt.Appendf(nil, "Signature: %d\r\n", len(f.signed)), nil
}

func (f *fakeSigner) messages() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.signed)
}

func TestSubmissionIsSignedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signer := &fakeSigner{}
		s := newTestSubmissions(t, func(o *Options) { o.Signer = signer })
		defer s.close()
		s.start()
		if err := s.submitOne("x@remote.example", "y@other.example", "b@local.example"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		// What the server has put in front of the message is part of it.
		want := "Received: test\r\n" + testMessage
		if l := signer.messages(); !slices.Equal(l, []string{"local.example: " + want}) {
			t.Errorf("signed %q", l)
		}
		var got []string
		for _, r := range s.transport.records() {
			got = append(got, r.text)
		}
		for _, m := range s.local.messages() {
			got = append(got, m.text)
		}
		if want := "Signature: 1\r\n" + want; len(got) != 3 || slices.ContainsFunc(got, func(s string) bool { return s != want }) {
			t.Errorf("sent %q, want all %q", got, want)
		}
	})
}

// Recipients may have header fields of their own, which are part of what is signed.
func TestEachPrefixIsSigned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signer := &fakeSigner{}
		s := newTestSubmissions(t, func(o *Options) { o.Signer = signer })
		defer s.close()
		s.start()
		d := s.beginCopy() // Its third recipient has a prefix of its own.
		if err := errors.Join(d.Commit(t.Context())...); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(signer.messages()); n != 2 {
			t.Errorf("signed %d times, want 2: %q", n, signer.messages())
		}
		for _, r := range s.transport.records() {
			if !strings.HasPrefix(r.text, "Signature: 1\r\nReceived: by us\r\n") {
				t.Errorf("to %v: %q", r.to, r.text)
			}
		}
		if l := s.local.messages(); len(l) != 1 || !strings.HasPrefix(l[0].text, "Signature: 2\r\nX-Mox-Reason: x\r\n") {
			t.Errorf("local %q", l)
		}
	})
}

// What cannot be signed is refused for now, and nothing is left of it.
func TestUnsignableSubmission(t *testing.T) {
	t.Parallel()
	signer := &fakeSigner{fail: errors.New("no key")}
	s := newTestSubmissions(t, func(o *Options) { o.Signer = signer })
	defer s.close()
	if err := s.submitOne("x@remote.example"); !errors.Is(err, signer.fail) || !smtp.IsTemporary(err) {
		t.Errorf("submission: %v, want a temporary %v", err, signer.fail)
	}
	d := s.beginCopy()
	if err := errors.Join(d.Commit(t.Context())...); !errors.Is(err, signer.fail) {
		t.Errorf("submission with a copy: %v", err)
	}
	if l, err := s.account.PendingSubmissions(t.Context()); err != nil || len(l) != 0 {
		t.Errorf("pending %v, %v; want none", l, err)
	}
	if l := s.states(queuedb.Filter{}); len(l) != 0 {
		t.Errorf("in the queue: %v", l)
	}

	signer.fail, signer.none = nil, true
	if err := s.submitOne("x@remote.example"); err != nil {
		t.Errorf("submission of a domain that does not sign: %v", err)
	}
}

// A submission that is queued again after a crash is signed then, as its domain signs by then.
func TestReplayIsSigned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signer := &fakeSigner{fail: errors.New("no key")}
		s := newTestSubmissions(t, func(o *Options) { o.Signer = signer })
		defer s.close()
		d := s.beginCopy()
		sub, err := s.recordOnly(d)
		if err != nil {
			t.Fatal(err)
		}
		d.Abort()

		if err := s.Replay(t.Context()); err != nil {
			t.Fatal(err)
		}
		if l := s.states(queuedb.Filter{}); len(l) != 0 {
			t.Errorf("queued unsigned: %v", l)
		}
		s.checkState(sub.ID, store.SubmissionPending)

		signer.fail = nil
		if err := s.Replay(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.start()
		synctest.Wait()
		l := s.transport.records()
		if len(l) == 0 || !strings.HasPrefix(l[0].text, "Signature: 1\r\nReceived: by us\r\n") || strings.Count(l[0].text, "Signature: ") != 1 {
			t.Errorf("sent %v", l)
		}
		s.checkState(sub.ID, store.SubmissionDone)
	})
}

// What is sent later is signed when it is sent: by then there may be other keys, and a signature may not last that long.
func TestLaterIsSignedWhenSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signer := &fakeSigner{}
		fail := func(err error) {
			signer.mu.Lock()
			defer signer.mu.Unlock()
			signer.fail = err
		}
		s := newLaterSubmissions(t, func(o *Options) { o.Signer = signer })
		defer s.close()
		s.transport.deliver = answer(errTemporary)
		s.start()
		fail(errors.New("no key"))
		if err := errors.Join(s.beginLater(time.Now().Add(time.Hour), "x@one.example").Commit(t.Context())...); err == nil {
			t.Error("took a message that cannot be signed")
		}
		fail(nil)
		id := s.later(time.Now().Add(30*24*time.Hour), "x@one.example", "y@two.example")
		time.Sleep(30*24*time.Hour - time.Second)
		fail(errors.New("no key"))
		time.Sleep(time.Second)
		s.checkLater("cannot be signed", "Sent 1", 0, 0)
		fail(nil)
		time.Sleep(time.Hour)
		s.checkLater("signed", "Sent 1", 0, 2)
		time.Sleep(2 * time.Hour)
		s.checkLater("signed again", "Sent 1", 0, 4)
		// The first was to see that it can be signed.
		var got []string
		for _, r := range s.transport.records() {
			got = append(got, strings.TrimSuffix(r.text, testMessage))
		}
		slices.Sort(got)
		once := func(s string) bool { return strings.Count(s, "Signature: ") == 1 && s != "Signature: 1\r\n" }
		if len(slices.Compact(got)) != 4 || slices.ContainsFunc(got, func(s string) bool { return !once(s) }) {
			t.Errorf("sent with %q, want four signatures of their own", got)
		}
		s.checkState(id, store.SubmissionQueued)
	})
}

func TestNotificationIsSigned(t *testing.T) {
	t.Parallel()
	for _, fail := range []error{nil, errors.New("no key")} {
		synctest.Test(t, func(t *testing.T) {
			signer := &fakeSigner{fail: fail}
			q := newQueue(t, t.TempDir(), func(o *Options) { o.Signer = signer })
			q.transport.deliver = func(_ context.Context, j Job) []Outcome {
				if j.Recipients[0].Path.Localpart == "bad" {
					return same(j, Outcome{Err: errPermanent()})
				}
				return same(j, Outcome{})
			}
			q.start()
			defer q.close()
			q.send("e1", "a@elsewhere.example", "bad@remote.example")
			synctest.Wait()
			l := q.transport.records()
			if len(l) != 2 || l[1].to[0] != "a@elsewhere.example" {
				t.Fatalf("sent %v", l)
			}
			text := l[1].text
			if fail != nil {
				// The sender has to know.
				if strings.Contains(text, "Signature") {
					t.Errorf("notification is signed: %s", text)
				}
				return
			}
			text, ok := strings.CutPrefix(text, "Signature: 1\r\n")
			if got := signer.messages(); !ok || len(got) != 1 || got[0] != "mox.example: "+text {
				t.Errorf("signed %q, sent %q", got, text)
			}
			notification(t, localMessage{text: text})
		})
	}
}

// Mail that only passes through is nobody's here to sign.
func TestIncomingIsNotSigned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signer := &fakeSigner{}
		q := newQueue(t, t.TempDir(), func(o *Options) { o.Signer = signer })
		q.start()
		defer q.close()
		q.send("e1", "x@remote.example", "a@local.example", "b@local.example")
		synctest.Wait()
		if l := signer.messages(); len(l) != 0 || len(q.local.messages()) != 2 {
			t.Errorf("signed %q, delivered %d", l, len(q.local.messages()))
		}
	})
}

func TestAuthorDomains(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"From: a@a.example": "[a.example]",
		"From: A <a@A.Example>, b@b.example, c@a.example": "[a.example b.example]",
		"From: Team: a@a.example, b@b.example;":           "[a.example b.example]",
		"From: a@bücher.example":                          "[xn--bcher-kva.example]",
		"From: a@[192.0.2.1]":                             "[]",
		"From: nobody":                                    "[]",
		"Subject: x":                                      "[]",
		"From: a@a.example\r\nFrom: b@b.example":          "[a.example b.example]",
	} {
		text := from + "\r\n\r\n"
		b, err := newBody(strings.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(authorDomains(b.Root().Envelope)); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}
