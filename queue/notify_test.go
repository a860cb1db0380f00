package queue

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/internal/vfs/faultfs"
	"mox/pipeline"
	"mox/queuedb"
	"mox/smtp"
)

// What the sender is told follows what it asked for (RFC 3461 §5.2).
func TestNotify(t *testing.T) {
	t.Parallel()
	const never, success, failure, delay = smtp.NotifyNever, smtp.NotifySuccess, smtp.NotifyFailure, smtp.NotifyDelay
	permanent, temporary := Outcome{Err: errPermanent()}, Outcome{Err: errTemporary}
	taken, relayed := Outcome{Remote: "mx.example"}, Outcome{Remote: "mx.example", NoDSN: true}
	for _, tc := range []struct {
		name    string
		from    string
		to      string
		notify  smtp.Notify
		outcome Outcome
		want    []string // Actions, in the course of a week.
	}{
		{"failure", "a@local.example", "x@remote.example", 0, permanent, []string{"failed"}},
		{"failure asked for", "a@local.example", "x@remote.example", failure, permanent, []string{"failed"}},
		{"failure not asked for", "a@local.example", "x@remote.example", success | delay, permanent, nil},
		{"failure, never", "a@local.example", "x@remote.example", never, permanent, nil},
		{"failure, null reverse-path", "", "x@remote.example", failure, permanent, nil},

		{"delay and giving up", "a@local.example", "x@remote.example", 0, temporary, []string{"delayed", "failed"}},
		{"delay asked for", "a@local.example", "x@remote.example", delay, temporary, []string{"delayed"}},
		{"giving up asked for", "a@local.example", "x@remote.example", failure, temporary, []string{"failed"}},
		{"delay not asked for", "a@local.example", "x@remote.example", success, temporary, nil},
		{"delay, never", "a@local.example", "x@remote.example", never, temporary, nil},
		{"delay, null reverse-path", "", "x@remote.example", 0, temporary, nil},

		{"next hop takes it", "a@local.example", "x@remote.example", 0, relayed, nil},
		{"next hop tells of success", "a@local.example", "x@remote.example", success, taken, nil},
		{"next hop does not tell of success", "a@local.example", "x@remote.example", success, relayed, []string{"relayed"}},
		{"nobody wants to know of relaying", "a@local.example", "x@remote.example", failure | delay, relayed, nil},
		{"relaying, null reverse-path", "", "x@remote.example", success, relayed, nil},

		{"delivery", "a@local.example", "b@local.example", 0, Outcome{}, nil},
		{"delivery asked for", "a@local.example", "b@local.example", success, Outcome{}, []string{"delivered"}},
		{"delivery, never", "a@local.example", "b@local.example", never, Outcome{}, nil},
		{"delivery, null reverse-path", "", "b@local.example", success, Outcome{}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, t.TempDir(), nil)
				q.transport.deliver = func(_ context.Context, j Job) []Outcome { return same(j, tc.outcome) }
				q.start()
				defer q.close()
				env := pipeline.Envelope{ID: "e1", Received: time.Now(), ENVID: "their id"}
				if tc.from != "" {
					env.MailFrom = path(t, tc.from)
				}
				r := q.recipient(tc.to)
				r.Notify = tc.notify
				r.OriginalRecipient = smtp.OriginalRecipient{Type: "rfc822", Address: "Alias@list.example"}
				q.submit(env, testMessage, r)
				time.Sleep(7 * 24 * time.Hour)
				synctest.Wait()

				var got []string
				for _, m := range q.local.messages() {
					if m.account == "b" {
						continue
					}
					notification(t, m)
					_, action, _ := strings.Cut(m.text, "\r\nAction: ")
					action, _, _ = strings.Cut(action, "\r\n")
					got = append(got, action)
					wantText(t, m.text, "Original-Envelope-Id: their id\r\n", "Original-Recipient: rfc822;Alias@list.example\r\n",
						"Final-Recipient: rfc822;"+tc.to+"\r\n", "Subject: test\r\n")
				}
				if !slices.Equal(got, tc.want) {
					t.Errorf("notifications %q, want %q", got, tc.want)
				}
			})
		})
	}
}

// A notification tells only of those who are to be told of (RFC 3461 §5.2.8).
func TestNotificationIsAboutWhoWantsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.transport.deliver = answer(errPermanent())
		q.start()
		defer q.close()
		silent := q.recipient("silent@remote.example")
		silent.Notify = smtp.NotifyNever
		q.submit(pipeline.Envelope{ID: "e1", MailFrom: path(t, "a@local.example"), Received: time.Now()}, testMessage,
			q.recipient("one@remote.example"), silent, q.recipient("two@remote.example"))
		synctest.Wait()
		l := q.local.messages()
		if len(l) != 1 {
			t.Fatalf("%d notifications, want one", len(l))
		}
		wantText(t, l[0].text, "one@remote.example", "two@remote.example")
		if strings.Contains(l[0].text, "silent@") || strings.Contains(l[0].text, "Original-Envelope-Id") || strings.Contains(l[0].text, "Original-Recipient") {
			t.Errorf("notification tells too much:\n%s", l[0].text)
		}
		q.checkStates(map[string]queuedb.State{
			"one@remote.example": queuedb.Failed, "two@remote.example": queuedb.Failed, "silent@remote.example": queuedb.Failed, "a@local.example": queuedb.Delivered,
		})
	})
}

func TestReturnOfContent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		ret           smtp.Ret
		binary, whole bool
	}{{0, false, true}, {smtp.RetFull, false, true}, {smtp.RetHeaders, false, false}, {smtp.RetFull, true, false}} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, t.TempDir(), nil)
			q.transport.deliver = answer(errPermanent())
			q.start()
			defer q.close()
			q.submit(pipeline.Envelope{ID: "e1", MailFrom: path(t, "a@local.example"), Received: time.Now(), Ret: tc.ret, Binary: tc.binary}, testMessage, q.recipient("x@remote.example"))
			synctest.Wait()
			l := q.local.messages()
			if len(l) != 1 {
				t.Fatalf("%d notifications, want one", len(l))
			}
			want := "text/rfc822-headers"
			if tc.whole {
				want = "message/rfc822"
			}
			if p := notification(t, l[0]); p.Parts[2].MediaType() != want || strings.Contains(l[0].text, "\r\nbody\r\n") != tc.whole {
				t.Errorf("RET=%s: %s returned:\n%s", tc.ret, p.Parts[2].MediaType(), l[0].text)
			}
		})
	}
}

// A submission is returned with what it lacked, so that the notification is found in its thread. What else was put in
// front of a message is not for strangers.
func TestReturnOfPrefix(t *testing.T) {
	t.Parallel()
	const id = "Message-ID: <made@mx.local.example>\r\n"
	for _, tc := range []struct {
		account string
		ret     smtp.Ret
		want    bool
	}{{"a", smtp.RetFull, true}, {"a", smtp.RetHeaders, true}, {"", smtp.RetFull, false}, {"", smtp.RetHeaders, false}} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, t.TempDir(), nil)
			q.transport.deliver = answer(errPermanent())
			q.start()
			defer q.close()
			r := q.recipient("x@remote.example")
			r.Prefix = []byte("Received: by us\r\n" + id)
			q.submit(pipeline.Envelope{ID: "e1", MailFrom: path(t, "a@local.example"), Received: time.Now(), Account: tc.account, Ret: tc.ret}, "Subject: test\r\n\r\ntext\r\n", r)
			synctest.Wait()
			l := q.local.messages()
			if len(l) != 1 {
				t.Fatalf("%d notifications", len(l))
			}
			wantText(t, l[0].text, "Action: failed\r\n")
			for _, part := range []string{"In-Reply-To: <made@mx.local.example>\r\n", "Received: by us\r\n" + id + "Subject: test\r\n"} {
				if strings.Contains(l[0].text, part) != tc.want {
					t.Errorf("%+v: %q, want %t:\n%s", tc, part, tc.want, l[0].text)
				}
			}
		})
	}
}

// A notification that cannot be delivered causes no other, wherever it goes.
func TestNotificationIsNotNotifiedAbout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.transport.deliver = answer(errPermanent())
		q.start()
		defer q.close()
		q.send("e1", "sender@elsewhere.example", "x@remote.example")
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := len(q.transport.records()); n != 2 {
			t.Errorf("%d attempts, want one for the message and one for its notification", n)
		}
		if l := q.local.messages(); len(l) != 0 {
			t.Errorf("notifications %v", l)
		}
		q.checkStates(map[string]queuedb.State{"x@remote.example": queuedb.Failed, "sender@elsewhere.example": queuedb.Failed})
		l, _ := q.List(t.Context(), queuedb.Filter{From: "<>"}, queuedb.Page{})
		if len(l) != 1 || l[0].Recipient.Notify != smtp.NotifyNever {
			t.Errorf("notifications in the queue: %+v", l)
		}
	})
}

// The sender's address may be gone.
func TestNobodyToNotify(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), func(o *Options) {
			o.LookupLocal = func(_ context.Context, p smtp.Path) (string, string, bool, error) {
				return "", "", true, smtp.NewError(smtp.C550MailboxUnavailable, smtp.E511UnknownMailbox, "no such user", nil)
			}
		})
		q.transport.deliver = answer(errPermanent())
		q.start()
		defer q.close()
		q.send("e1", "gone@local.example", "x@remote.example")
		synctest.Wait()
		q.checkStates(map[string]queuedb.State{"x@remote.example": queuedb.Failed})
	})
}

// Even if the message itself is lost, its sender hears that it was not delivered.
func TestBodyIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		large := testMessage + strings.Repeat("x", 300<<10) + "\r\n"
		q.submit(pipeline.Envelope{ID: "e1", MailFrom: path(t, "a@local.example"), Received: time.Now()}, large, q.recipient("x@remote.example"))
		files, err := filepath.Glob(filepath.Join(q.dir, "blobs", "files", "*"))
		if err != nil || len(files) != 1 {
			t.Fatalf("files %v, %v", files, err)
		}
		if err := os.Remove(files[0]); err != nil {
			t.Fatal(err)
		}
		q.start()
		defer q.close()
		time.Sleep(6 * 24 * time.Hour)
		synctest.Wait()
		l := q.local.messages()
		if len(l) != 2 {
			t.Fatalf("%d notifications, want of delay and of failure", len(l))
		}
		notification(t, l[1])
		wantText(t, l[1].text, "Action: failed", "Status: 5.4.7", "Message-ID: <orig@local.example>", "local error")
		if strings.Contains(l[1].text, q.dir) {
			t.Errorf("notification gives away our files:\n%s", l[1].text)
		}
		if len(q.transport.records()) != 0 {
			t.Error("transport was used without a body")
		}
		q.checkStates(map[string]queuedb.State{"x@remote.example": queuedb.Failed, "a@local.example": queuedb.Delivered})
	})
}

// While the disk is full results are kept, and nothing is sent twice.
func TestResultsWaitForTheDisk(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, dir, nil)
				q.transport.deliver = func(_ context.Context, j Job) []Outcome {
					l := same(j, Outcome{})
					l[0].Err = errPermanent()
					return l
				}
				q.send("e1", "a@local.example", "bad@remote.example", "good@remote.example")
				full := &os.PathError{Op: "write", Path: "pack", Err: os.ErrInvalid}
				q.files.SetHook(func(c faultfs.Call) error {
					if c.Op == faultfs.Write {
						return full
					}
					return nil
				})
				q.start()
				time.Sleep(12 * time.Hour)
				synctest.Wait()
				if n := len(q.transport.records()); n != 1 {
					t.Fatalf("%d attempts, want one", n)
				}
				q.checkStates(map[string]queuedb.State{"bad@remote.example": queuedb.Waiting, "good@remote.example": queuedb.Waiting})
				if ok, err := q.Cancel(t.Context(), "e1"); ok || err != nil {
					t.Errorf("canceled what was sent: %v, %v", ok, err)
				}
				attempts := 1
				if restart {
					// What cannot be written is lost with the process.
					if err := q.Shutdown(t.Context()); err != nil {
						t.Fatal(err)
					}
					q.files.SetHook(nil)
					q.close()
					q = newQueue(t, dir, nil)
					q.transport.deliver = answer(nil)
					q.start()
				} else {
					q.files.SetHook(nil)
				}
				defer q.close()
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if n := len(q.transport.records()); n != attempts {
					t.Errorf("%d attempts, want %d", n, attempts)
				}
				want := map[string]queuedb.State{"bad@remote.example": queuedb.Failed, "good@remote.example": queuedb.Delivered, "a@local.example": queuedb.Delivered}
				if restart {
					want = map[string]queuedb.State{"bad@remote.example": queuedb.Delivered, "good@remote.example": queuedb.Delivered}
				}
				q.checkStates(want)
			})
		})
	}
}

// An operator and an attempt end a recipient at the same time: its sender hears once.
func TestOperatorMeetsAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.transport.deliver = func(_ context.Context, j Job) []Outcome {
			time.Sleep(time.Minute)
			return same(j, Outcome{Err: errPermanent()})
		}
		q.start()
		defer q.close()
		q.send("e1", "a@local.example", "dropped@remote.example", "failed@remote.example", "left@remote.example")
		time.Sleep(time.Second)
		if n, err := q.Drop(t.Context(), queuedb.Filter{To: "dropped@"}); n != 1 || err != nil {
			t.Fatalf("drop: %d, %v", n, err)
		}
		if n, err := q.Fail(t.Context(), queuedb.Filter{To: "failed@"}); n != 1 || err != nil {
			t.Fatalf("fail: %d, %v", n, err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		told := map[string]int{}
		for _, m := range q.local.messages() {
			for _, to := range []string{"dropped@", "failed@", "left@"} {
				if strings.Contains(m.text, "Final-Recipient: rfc822;"+to) {
					told[to]++
				}
			}
		}
		if want := map[string]int{"failed@": 1, "left@": 1}; fmt.Sprint(told) != fmt.Sprint(want) {
			t.Errorf("told of %v, want %v", told, want)
		}
		if st := q.states(queuedb.Filter{EnvelopeID: "e1"}); st["dropped@remote.example"] != queuedb.Dropped || st["failed@remote.example"] != queuedb.Failed || st["left@remote.example"] != queuedb.Failed {
			t.Errorf("states %v", st)
		}
	})
}
