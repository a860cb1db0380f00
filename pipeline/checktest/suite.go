// Package checktest is the suite that every pipeline.Check must pass, and a Check that does
// what it is told, for tests of what uses one.
package checktest

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mox/message"
	"mox/pipeline"
	"mox/smtp"
)

// Harness is a check under test and what the suite must know about it.
type Harness struct {
	Check pipeline.Check

	// Conn, From, To and Contents are what it is shown, besides messages of the suite. Where
	// empty, the suite has its own.
	Conn     pipeline.Conn
	From     smtp.Path
	To       []pipeline.Recipient
	Contents []string
}

// Run runs the suite. For each test it asks for a fresh check.
func Run(t *testing.T, new func(t *testing.T) Harness) {
	for _, tt := range []struct {
		name string
		fn   func(*testing.T, Harness)
	}{
		{"it has a name", testName},
		{"results keep the contract for any message", testResults},
		{"a message may end after any stage", testEnds},
		{"messages are judged side by side", testConcurrent},
		{"an ended context ends a stage", testContext},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := new(t)
			h.defaults(t)
			tt.fn(t, h)
		})
	}
}

// patience is how long a stage may go on after its context has ended.
const patience = 5 * time.Second

func (h *Harness) defaults(t *testing.T) {
	t.Helper()
	if !h.Conn.RemoteIP.IsValid() {
		h.Conn = pipeline.Conn{
			ID:       "test",
			Listener: "test",
			RemoteIP: netip.MustParseAddr("192.0.2.1"),
			LocalIP:  netip.MustParseAddr("192.0.2.2"),
			Hello:    "client.example.org",
		}
	}
	if h.From.IsZero() {
		h.From = path(t, "sender@example.org")
	}
	if len(h.To) == 0 {
		h.To = []pipeline.Recipient{
			{Path: path(t, "one@example.com"), Account: "one"},
			{Path: path(t, "two@example.com"), Account: "two"},
		}
	}
	h.Contents = append(h.Contents,
		"From: a@example.org\r\nSubject: hi\r\n\r\nbody\r\n",
		"",
		"\r\n",
		"no header at all",
		"From: a@example.org\r\nFrom: b@example.org\r\n\r\n",
		"From:\r\nSubject: =?utf-8?q?=00=0d=0a?=\r\n\r\n\x00\xff\r\n",
		"Subject: "+strings.Repeat("x", 100_000)+"\r\n\r\n",
		"From: a@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n",
	)
}

func path(t *testing.T, s string) smtp.Path {
	t.Helper()
	p, err := smtp.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// body is a message in memory.
type body struct {
	*strings.Reader
	root *message.Part
}

func newBody(content string) pipeline.Body {
	return body{strings.NewReader(content), message.ParseBytes([]byte(content))}
}

func (b body) Root() *message.Part { return b.root }

func (h Harness) message(content string) pipeline.Message {
	return pipeline.Message{
		Envelope: pipeline.Envelope{
			ID:       "0123456789abcdef",
			MailFrom: h.From,
			Size:     int64(len(content)),
			Received: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		},
		Recipients: slices.Clone(h.To),
		Body:       newBody(content),
	}
}

// stages calls fn with what each stage returns, until fn returns false.
func (h Harness) stages(ctx context.Context, s pipeline.CheckState, m pipeline.Message, fn func(stage string, r pipeline.Result, err error) bool) {
	r, err := s.Connection(ctx)
	if !fn("connection", r, err) {
		return
	}
	r, err = s.Sender(ctx, m.Envelope)
	if !fn("sender", r, err) {
		return
	}
	for _, to := range m.Recipients {
		r, err = s.Recipient(ctx, to)
		if !fn("recipient", r, err) {
			return
		}
	}
	if st, ok := s.(pipeline.Streamer); ok {
		// In pieces, the last of which a reader that keeps them would find overwritten.
		io.CopyBuffer(struct{ io.Writer }{st.Stream()}, io.NewSectionReader(m.Body, 0, m.Body.Size()), make([]byte, 7))
	}
	r, err = s.Message(ctx, m)
	fn("message", r, err)
}

func testName(t *testing.T, h Harness) {
	name := h.Check.Name()
	if name == "" || name != h.Check.Name() || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		t.Fatalf("name %q is no short token", name)
	}
}

func testResults(t *testing.T, h Harness) {
	for _, from := range []smtp.Path{h.From, {}} {
		for i, content := range h.Contents {
			m := h.message(content)
			m.Envelope.MailFrom = from
			s, err := h.Check.Start(t.Context(), h.Conn)
			if err != nil {
				t.Fatalf("Start: %v", err)
			}
			h.stages(t.Context(), s, m, func(stage string, r pipeline.Result, err error) bool {
				recipients := 0
				if stage == "message" {
					recipients = len(m.Recipients)
				}
				if problem := problemOf(r, recipients); problem != "" {
					t.Errorf("message %d, %s: %s: %+v", i, stage, problem, r)
				}
				return true
			})
			s.Close()
			if !slices.EqualFunc(m.Recipients, h.To, func(a, b pipeline.Recipient) bool {
				return a.Path == b.Path && a.Account == b.Account && a.Mailbox == b.Mailbox
			}) {
				t.Errorf("message %d: the check changed the recipients", i)
			}
		}
	}
}

// problemOf tells how a result breaks the contract, or returns "".
func problemOf(r pipeline.Result, recipients int) string {
	switch {
	case r.Verdict > pipeline.Reject:
		return "no such verdict"
	case r.Reply != nil && r.Verdict != pipeline.Reject:
		return "a reply without a Reject"
	case r.Reply != nil && (r.Reply.Code < 400 || r.Reply.Code > 599):
		return "the code of the reply is no refusal"
	case r.Reply != nil && r.Reply.Enhanced != "" && r.Reply.Enhanced.Class() != r.Reply.Code/100:
		return "code and enhanced code are of different classes"
	case r.Reply != nil && strings.ContainsAny(r.Reply.Text, "\r\n\x00"):
		return "the text of the reply has a control character"
	case strings.Trim(r.Reason, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "":
		return "the reason is no token"
	case len(r.Prepend) > 0 && !pipeline.ValidFields(r.Prepend):
		return "the fields to prepend are malformed"
	case len(r.Recipients) != 0 && len(r.Recipients) != recipients:
		return "opinions on another number of recipients than there are"
	}
	for _, a := range r.AuthResults {
		if a.Method == "" || a.Result == "" {
			return "an authentication result without method or result"
		}
	}
	for _, f := range r.Facts {
		if f.Name == "" {
			return "a fact without name"
		}
	}
	for i, rr := range r.Recipients {
		if problem := problemOf(rr, 0); problem != "" {
			return fmt.Sprintf("recipient %d: %s", i, problem)
		}
	}
	return ""
}

func testEnds(t *testing.T, h Harness) {
	m := h.message(h.Contents[0])
	last := 3 + len(m.Recipients)
	for n := range last + 1 {
		s, err := h.Check.Start(t.Context(), h.Conn)
		if err != nil {
			t.Fatalf("Start: %v", err)
		}
		if n > 0 {
			calls := 0
			h.stages(t.Context(), s, m, func(string, pipeline.Result, error) bool {
				calls++
				return calls < n
			})
		}
		s.Close()
	}
}

func testConcurrent(t *testing.T, h Harness) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			m := h.message(h.Contents[i%len(h.Contents)])
			s, err := h.Check.Start(t.Context(), h.Conn)
			if err != nil {
				t.Errorf("Start: %v", err)
				return
			}
			defer s.Close()
			h.stages(t.Context(), s, m, func(string, pipeline.Result, error) bool { return true })
		})
	}
	wg.Wait()
}

func testContext(t *testing.T, h Harness) {
	m := h.message(h.Contents[0])
	ctx, cancel := context.WithCancel(t.Context())
	s, err := h.Check.Start(ctx, h.Conn)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.stages(ctx, s, m, func(string, pipeline.Result, error) bool { return true })
		s.Close()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("stages go on after the end of their context")
	}
}
