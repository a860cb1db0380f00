package queue

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/internal/vfs/faultfs"
	"mox/pipeline"
	"mox/pipeline/targettest"
	"mox/queuedb"
	"mox/smtp"
)

func TestLocalTransport(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	refuse := smtp.NewError(smtp.C550MailboxUnavailable, smtp.E511UnknownMailbox, "no such user", nil)
	onlyA := func(err error) func(smtp.Path) error {
		return func(p smtp.Path) error {
			if p.Localpart == "a" {
				return err
			}
			return nil
		}
	}
	all := func(err error) func(smtp.Path) error { return func(smtp.Path) error { return err } }
	for _, tc := range []struct {
		name   string
		target *targettest.Memory
		want   []error
		got    int // Messages.
	}{
		{"delivered", &targettest.Memory{}, []error{nil, nil}, 2},
		{"begin fails", &targettest.Memory{BeginErr: func(pipeline.Envelope) error { return boom }}, []error{boom, boom}, 0},
		{"one refused", &targettest.Memory{RecipientErr: onlyA(refuse)}, []error{refuse, nil}, 1},
		{"all refused", &targettest.Memory{RecipientErr: all(refuse)}, []error{refuse, refuse}, 0},
		{"body fails", &targettest.Memory{BodyErr: func() error { return boom }}, []error{boom, boom}, 0},
		{"commit fails for one", &targettest.Memory{CommitErr: onlyA(boom)}, []error{boom, nil}, 1},
	} {
		j := job(t, testMessage, "a@local.example", "b@local.example")
		j.Message.EnvelopeID, j.Message.ENVID = "e1", "their id"
		j.Recipients[0].Notify = smtp.NotifySuccess
		var got []error
		for _, o := range (local{tc.target}).Deliver(t.Context(), j) {
			got = append(got, o.Err)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
		l := tc.target.Messages()
		if len(l) != tc.got || tc.target.Open() != 0 {
			t.Errorf("%s: %d messages, %d deliveries open", tc.name, len(l), tc.target.Open())
		}
		for _, m := range l {
			if m.Content != testMessage || m.Envelope.ENVID != "their id" || m.Envelope.ID != "e1" {
				t.Errorf("%s: delivered %+v", tc.name, m)
			}
		}
	}

	j := job(t, testMessage, "a@local.example")
	j.Body = failingBody{boom}
	m := &targettest.Memory{}
	if l := (local{m}).Deliver(t.Context(), j); !errors.Is(l[0].Err, boom) || m.Open() != 0 {
		t.Errorf("unreadable body: %v", l)
	}
}

type failingBody struct{ err error }

func (f failingBody) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func TestFailTransport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), func(o *Options) {
			o.Route = func(*queuedb.Message, *queuedb.Recipient) Transport {
				return Fail{TransportName: "blocked", Reply: smtp.NewError(smtp.C554TransactionFailed, smtp.E571NotAuthorized, "not to this domain", nil)}
			}
		})
		q.start()
		defer q.close()
		q.send("e1", "a@local.example", "x@remote.example")
		synctest.Wait()
		if l := q.local.messages(); len(l) != 1 {
			t.Fatalf("%d notifications, want one", len(l))
		} else {
			wantText(t, l[0].text, "Status: 5.7.1", "554 5.7.1 not to this domain")
		}
	})
}

// Bugs, wherever they are, lose no message and stop nothing else.
func TestBugs(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testQueue, *Options){
		"transport panics": func(q *testQueue, _ *Options) {
			q.transport.deliver = func(context.Context, Job) []Outcome { panic("bug") }
		},
		"transport gives too few results": func(q *testQueue, _ *Options) {
			q.transport.deliver = func(context.Context, Job) []Outcome { return nil }
		},
		"route panics": func(q *testQueue, o *Options) {
			route := o.Route
			o.Route = func(m *queuedb.Message, r *queuedb.Recipient) Transport {
				if r.Path.Localpart == "x" {
					panic("bug")
				}
				return route(m, r)
			}
		},
		"lookup panics": func(q *testQueue, o *Options) {
			q.transport.deliver = func(_ context.Context, j Job) []Outcome { return same(j, Outcome{Err: errPermanent()}) }
			o.LookupLocal = func(_ context.Context, p smtp.Path) (string, string, bool, error) { panic("bug") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, t.TempDir(), func(o *Options) {
					// The queue is not there yet, its transport is.
					tq := &testQueue{transport: &fakeTransport{deliver: answer(nil)}}
					o.Route = func(*queuedb.Message, *queuedb.Recipient) Transport { return tq.transport }
					change(tq, o)
				})
				q.start()
				defer q.close()
				q.send("e1", "a@local.example", "x@remote.example")
				q.send("e2", "", "b@local.example")
				time.Sleep(10 * time.Second)
				synctest.Wait()
				q.checkStates(map[string]queuedb.State{"x@remote.example": queuedb.Waiting, "b@local.example": queuedb.Delivered})
			})
		})
	}
}

// A message that cannot be read is returned as far as it can.
func TestBodyIsDamaged(t *testing.T) {
	t.Parallel()
	long := "Message-ID: <orig@local.example>\r\nSubject: test\r\n\r\n" + strings.Repeat("text\r\n", 60_000)
	for _, tc := range []struct {
		name string
		from int64 // First byte of the file that cannot be read.
		want string
		not  string
	}{
		{"all of it", 0, "Message-ID: <orig@local.example>", "Subject: test\r\n"},
		{"after the header", 100 << 10, "Subject: test\r\n", "text\r\ntext"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, t.TempDir(), nil)
				q.submit(pipeline.Envelope{ID: "e1", MailFrom: path(t, "a@local.example"), Received: time.Now()}, long, q.recipient("x@remote.example"))
				q.files.SetHook(func(c faultfs.Call) error {
					if c.Op == faultfs.Read && strings.HasSuffix(c.Name, ".blob") && c.Off+int64(c.Len) > tc.from && c.Len > 200 {
						return io.ErrUnexpectedEOF
					}
					return nil
				})
				if n, err := q.Fail(t.Context(), queuedb.Filter{}); n != 1 || err != nil {
					t.Fatalf("fail: %d, %v", n, err)
				}
				q.start()
				defer q.close()
				synctest.Wait()
				l := q.local.messages()
				if len(l) != 1 {
					t.Fatalf("%d notifications, want one", len(l))
				}
				p := notification(t, l[0])
				wantText(t, l[0].text, "Action: failed", "x@remote.example", tc.want)
				if p.Parts[2].MediaType() != "text/rfc822-headers" || strings.Contains(l[0].text, tc.not) {
					t.Errorf("returned %s:\n%s", p.Parts[2].MediaType(), l[0].text)
				}
			})
		})
	}
}
