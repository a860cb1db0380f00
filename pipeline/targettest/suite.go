// Package targettest is the suite that every pipeline.Target must pass, and a Target in
// memory that fails on demand, for tests of what uses one.
package targettest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mox/message"
	"mox/pipeline"
	"mox/smtp"
)

// Harness is a target under test and what the suite must know about it.
type Harness struct {
	Target pipeline.Target

	// Recipients are accepted by the target: at least two, with different paths. What else
	// they need, such as an account, is set.
	Recipients []pipeline.Recipient

	// Refused, if any, are recipients that the target refuses.
	Refused []pipeline.Recipient

	// Account is set in envelopes, for targets that take submissions only.
	Account string

	// Messages returns what the target holds for a recipient after a Commit, oldest first,
	// each with the header in front of it. What the target prepends itself comes first.
	Messages func(t *testing.T, r pipeline.Recipient) []string

	// ReplacesID is set for a target that gives messages ids of its own, so that the same
	// id again is another message.
	ReplacesID bool
}

// Run runs the suite. For each test it asks for a fresh target.
func Run(t *testing.T, new func(t *testing.T) Harness) {
	for _, tt := range []struct {
		name string
		fn   func(*testing.T, Harness)
	}{
		{"a committed message is there, byte for byte", testContent},
		{"several recipients have their own prefix", testRecipients},
		{"the null reverse-path is accepted", testNullReversePath},
		{"nothing is visible after Abort", testAbort},
		{"nothing is visible before Commit", testBeforeCommit},
		{"Abort after Commit does nothing", testAbortAfterCommit},
		{"a refused recipient leaves the others", testRefused},
		{"the same id again delivers once", testSameID},
		{"an ended context delivers nothing", testContext},
		{"a context that ends after Commit takes nothing back", testContextAfter},
		{"the body is not read after Commit", testBodyReleased},
		{"a body that cannot be read is a fault", testBodyFails},
		{"deliveries run side by side", testConcurrent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := new(t)
			if len(h.Recipients) < 2 {
				t.Fatal("the harness needs two recipients")
			}
			tt.fn(t, h)
		})
	}
}

const simple = "From: a@example.org\r\nSubject: hi\r\n\r\nbody\r\n"

// body is a pipeline.Body that can tell whether it is used after its time.
type body struct {
	content  string
	root     *message.Part
	fail     error
	released atomic.Bool
	late     atomic.Bool
}

func newBody(content string) *body {
	return &body{content: content, root: message.ParseBytes([]byte(content))}
}

func (b *body) ReadAt(p []byte, off int64) (int, error) {
	if b.released.Load() {
		b.late.Store(true)
		return 0, errors.New("body was removed")
	}
	if b.fail != nil {
		return 0, b.fail
	}
	return strings.NewReader(b.content).ReadAt(p, off)
}

func (b *body) Size() int64         { return int64(len(b.content)) }
func (b *body) Root() *message.Part { return b.root }

func (h Harness) envelope(id string) pipeline.Envelope {
	from, _ := smtp.ParsePath("sender@example.org")
	return pipeline.Envelope{
		ID:       id,
		MailFrom: from,
		EightBit: true,
		Received: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Account:  h.Account,
	}
}

// begin starts a delivery for recipients, all of which must be accepted.
func (h Harness) begin(t *testing.T, id string, recipients ...pipeline.Recipient) pipeline.Delivery {
	t.Helper()
	d, err := h.Target.Begin(t.Context(), h.envelope(id))
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	for _, r := range recipients {
		if err := d.Recipient(t.Context(), r); err != nil {
			t.Fatalf("Recipient %s: %v", r.Path, err)
		}
	}
	return d
}

func (h Harness) deliver(t *testing.T, id, content string, recipients ...pipeline.Recipient) {
	t.Helper()
	d := h.begin(t, id, recipients...)
	if err := d.Body(t.Context(), newBody(content)); err != nil {
		t.Fatalf("Body: %v", err)
	}
	commit(t, d, len(recipients))
}

func commit(t *testing.T, d pipeline.Delivery, n int) {
	t.Helper()
	results := d.Commit(t.Context())
	if len(results) != n {
		t.Fatalf("Commit gives %d results for %d recipients", len(results), n)
	}
	for i, err := range results {
		if err != nil {
			t.Fatalf("Commit, recipient %d: %v", i, err)
		}
	}
}

// want checks that the messages of r are the given ones, each below r's prefix.
func (h Harness) want(t *testing.T, r pipeline.Recipient, contents ...string) {
	t.Helper()
	got := h.Messages(t, r)
	if len(got) != len(contents) {
		t.Fatalf("%s has %d messages, want %d: %q", r.Path, len(got), len(contents), abbreviate(got))
	}
	for i, c := range contents {
		want := string(r.Prefix) + c
		if !strings.HasSuffix(got[i], want) {
			t.Fatalf("message %d of %s:\n got %q\nwant %q at the end", i, r.Path, abbreviate(got[i:i+1]), abbreviate([]string{want}))
		}
		if added := strings.TrimSuffix(got[i], want); !pipeline.ValidFields([]byte(added)) {
			t.Fatalf("message %d of %s begins with %q, which is no header", i, r.Path, added)
		}
	}
}

func abbreviate(l []string) []string {
	l = slices.Clone(l)
	for i, s := range l {
		if len(s) > 400 {
			l[i] = fmt.Sprintf("%s...%s (%d bytes)", s[:200], s[len(s)-200:], len(s))
		}
	}
	return l
}

func withPrefix(r pipeline.Recipient, prefix string) pipeline.Recipient {
	r.Prefix = []byte(prefix)
	return r
}

func testContent(t *testing.T, h Harness) {
	var want []string
	for i, content := range []string{
		simple,
		"",
		"\r\n",
		"\r\nno header\r\n",
		"Subject: no body\r\n",
		"Subject: no end of line\r\n\r\nbody",
		"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\n",
		"Subject: 8 bit\r\n\r\n\xff\x00\x80\xc3\xa9\r\n",
		"Subject: large\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 20_000),
		"From: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
	} {
		r := withPrefix(h.Recipients[0], "Received: from test\r\n\tby test\r\n")
		h.deliver(t, fmt.Sprintf("content%d", i), content, r)
		want = append(want, content)
	}
	h.want(t, withPrefix(h.Recipients[0], "Received: from test\r\n\tby test\r\n"), want...)
}

func testRecipients(t *testing.T, h Harness) {
	var l []pipeline.Recipient
	for i, r := range h.Recipients {
		l = append(l, withPrefix(r, fmt.Sprintf("X-Number: %d\r\n", i)))
	}
	h.deliver(t, "several", simple, l...)
	for _, r := range l {
		h.want(t, r, simple)
	}
}

func testNullReversePath(t *testing.T, h Harness) {
	env := h.envelope("null")
	env.MailFrom = smtp.Path{}
	results, err := pipeline.Deliver(t.Context(), h.Target, env, h.Recipients[:1], newBody(simple))
	if err != nil || results[0] != nil {
		t.Fatalf("Deliver: %v, %v", results, err)
	}
	h.want(t, h.Recipients[0], simple)
}

func testAbort(t *testing.T, h Harness) {
	d := h.begin(t, "begun")
	d.Abort()

	d = h.begin(t, "recipient", h.Recipients...)
	d.Abort()

	d = h.begin(t, "body", h.Recipients...)
	if err := d.Body(t.Context(), newBody(simple)); err != nil {
		t.Fatal(err)
	}
	d.Abort()
	d.Abort()

	for _, r := range h.Recipients {
		h.want(t, r)
	}
	// An id that was aborted can still be delivered.
	h.deliver(t, "body", simple, h.Recipients...)
	for _, r := range h.Recipients {
		h.want(t, r, simple)
	}
}

func testBeforeCommit(t *testing.T, h Harness) {
	d := h.begin(t, "early", h.Recipients...)
	defer d.Abort()
	if err := d.Body(t.Context(), newBody(simple)); err != nil {
		t.Fatal(err)
	}
	for _, r := range h.Recipients {
		h.want(t, r)
	}
	commit(t, d, len(h.Recipients))
	for _, r := range h.Recipients {
		h.want(t, r, simple)
	}
}

func testAbortAfterCommit(t *testing.T, h Harness) {
	d := h.begin(t, "late", h.Recipients[0])
	if err := d.Body(t.Context(), newBody(simple)); err != nil {
		t.Fatal(err)
	}
	commit(t, d, 1)
	d.Abort()
	d.Abort()
	h.want(t, h.Recipients[0], simple)
}

func testRefused(t *testing.T, h Harness) {
	d, err := h.Target.Begin(t.Context(), h.envelope("refused"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Abort()
	for i, r := range h.Recipients {
		if i < len(h.Refused) {
			if err := d.Recipient(t.Context(), h.Refused[i]); err == nil {
				t.Fatalf("%s is accepted, the harness says it is refused", h.Refused[i].Path)
			}
		}
		if err := d.Recipient(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Body(t.Context(), newBody(simple)); err != nil {
		t.Fatal(err)
	}
	commit(t, d, len(h.Recipients))
	for _, r := range h.Recipients {
		h.want(t, r, simple)
	}
}

func testSameID(t *testing.T, h Harness) {
	a, b := h.Recipients[0], h.Recipients[1]
	h.deliver(t, "twice", simple, a)
	h.deliver(t, "twice", simple, a)
	if h.ReplacesID {
		h.want(t, a, simple, simple)
		return
	}
	h.want(t, a, simple)
	// A repeat that knows one more recipient reaches that one.
	h.deliver(t, "twice", simple, a, b)
	h.want(t, a, simple)
	h.want(t, b, simple)
	// Another id is another message, whatever its content.
	h.deliver(t, "thrice", simple, a)
	h.want(t, a, simple, simple)
}

func testContext(t *testing.T, h Harness) {
	for stage, name := range []string{"Begin", "Recipient", "Body", "Commit"} {
		ctx, cancel := context.WithCancel(t.Context())
		fail := func(at int) {
			if at == stage {
				cancel()
			}
		}
		var err error
		func() {
			fail(0)
			var d pipeline.Delivery
			if d, err = h.Target.Begin(ctx, h.envelope("ctx"+name)); err != nil {
				return
			}
			defer d.Abort()
			fail(1)
			if err = d.Recipient(ctx, h.Recipients[0]); err != nil {
				return
			}
			fail(2)
			if err = d.Body(ctx, newBody(simple)); err != nil {
				return
			}
			fail(3)
			err = d.Commit(ctx)[0]
		}()
		cancel()
		if err == nil {
			// Commit may have been past the point of no return; then the message is there.
			if stage < 3 {
				t.Fatalf("delivered although the context ended before %s", name)
			}
			h.want(t, h.Recipients[0], simple)
			return
		}
		if !smtp.IsTemporary(err) {
			t.Fatalf("context ended before %s: permanent error %v", name, err)
		}
		h.want(t, h.Recipients[0])
	}
}

func testContextAfter(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	results, err := pipeline.Deliver(ctx, h.Target, h.envelope("after"), h.Recipients[:1], newBody(simple))
	cancel()
	if err != nil || results[0] != nil {
		t.Fatalf("Deliver: %v, %v", results, err)
	}
	h.want(t, h.Recipients[0], simple)
}

func testBodyReleased(t *testing.T, h Harness) {
	content := "Subject: x\r\n\r\n" + strings.Repeat("0123456789\r\n", 50_000)
	b := newBody(content)
	results, err := pipeline.Deliver(t.Context(), h.Target, h.envelope("released"), h.Recipients, b)
	b.released.Store(true)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range h.Recipients {
		if results[i] != nil {
			t.Fatal(results[i])
		}
		h.want(t, r, content)
	}

	b = newBody(content)
	d := h.begin(t, "aborted", h.Recipients...)
	err = d.Body(t.Context(), b)
	d.Abort()
	b.released.Store(true)
	if err != nil {
		t.Fatal(err)
	}
	h.deliver(t, "next", simple, h.Recipients[0])
	if b.late.Load() {
		t.Fatal("the body was read after its time")
	}
}

func testBodyFails(t *testing.T, h Harness) {
	b := newBody(simple)
	b.fail = io.ErrUnexpectedEOF
	d := h.begin(t, "unreadable", h.Recipients[0])
	defer d.Abort()
	err := d.Body(t.Context(), b)
	if err == nil {
		results := d.Commit(t.Context())
		if len(results) != 1 {
			t.Fatalf("Commit gives %d results for one recipient", len(results))
		}
		err = results[0]
	}
	if err == nil {
		t.Fatal("committed a body that cannot be read")
	}
	if !smtp.IsTemporary(err) {
		t.Fatalf("an unreadable body is no reason for a permanent refusal: %v", err)
	}
	h.want(t, h.Recipients[0])
}

func testConcurrent(t *testing.T, h Harness) {
	const n = 20
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			content := fmt.Sprintf("Subject: %d\r\n\r\n", i)
			results, err := pipeline.Deliver(t.Context(), h.Target, h.envelope(fmt.Sprintf("side%d", i)), h.Recipients, newBody(content))
			if err != nil {
				t.Error(err)
				return
			}
			for _, err := range results {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, r := range h.Recipients {
		got := h.Messages(t, r)
		if len(got) != n {
			t.Fatalf("%s has %d messages, want %d", r.Path, len(got), n)
		}
		slices.Sort(got)
		if len(slices.Compact(got)) != n {
			t.Fatalf("%s got a message twice", r.Path)
		}
	}
}
