package smtpserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"mox/pipeline"
	"mox/pipeline/checks"
	"mox/pipeline/checktest"
	"mox/pipeline/targettest"
	"mox/smtp"
)

func keys(m *targettest.Memory) []string { return slices.Sorted(maps.Keys(contents(m))) }

// A reply of a target is the client's; anything else is kept from it and temporary.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	secret := errors.New("open /var/lib/mox: permission denied")
	full := smtp.NewError(452, "4.2.2", "mailbox is full", secret)
	for _, tt := range []struct {
		name string
		fail func(local, queue *targettest.Memory)
		to   []string
		want string
	}{
		{"fault at begin", func(l, _ *targettest.Memory) { l.BeginErr = func(pipeline.Envelope) error { return secret } }, []string{"alice"}, "451 4.3.0 "},
		{"fault at body", func(l, _ *targettest.Memory) { l.BodyErr = func() error { return secret } }, []string{"alice"}, "451 4.3.0 "},
		{"fault at commit", func(l, _ *targettest.Memory) { l.CommitErr = func(smtp.Path) error { return secret } }, []string{"alice"}, "451 4.3.0 "},
		{"reply at recipient", func(l, _ *targettest.Memory) { l.RecipientErr = func(smtp.Path) error { return full } }, []string{"alice"}, "452 4.2.2 mailbox is full"},
		{"reply at commit", func(l, _ *targettest.Memory) { l.CommitErr = func(smtp.Path) error { return full } }, []string{"alice"}, "452 4.2.2 mailbox is full"},
		{"queue fault", func(_, q *targettest.Memory) { q.CommitErr = func(smtp.Path) error { return secret } }, []string{"alice", "bob"}, "451 4.3.0 "},
		{"queue refuses one", func(_, q *targettest.Memory) {
			q.RecipientErr = func(p smtp.Path) error {
				if p.Localpart == "bob" {
					return full
				}
				return nil
			}
		}, []string{"alice", "bob"}, "452 4.2.2 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ts := newServer(t, nil)
			tt.fail(ts.local, ts.queue)
			c := ts.dial()
			c.hello()
			var to []string
			for _, s := range tt.to {
				to = append(to, s+"@example.org")
			}
			got := c.send("a@b.example", simple, to...)
			if !strings.HasPrefix(got, tt.want) || strings.Contains(got, "/var") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if l := append(ts.local.Messages(), ts.queue.Messages()...); len(l) != 0 {
				t.Errorf("%d messages were delivered", len(l))
			}
			c.cmd("MAIL FROM:<>", "250 ")
			c.cmd("QUIT", "221 ")
			c.wantClosed()
			if !strings.Contains(ts.log.String(), "permission denied") {
				t.Error("the cause is not in the log")
			}
		})
	}
}

// judge refuses or quarantines recipients at the message stage, by their localpart.
func judge(results map[string]pipeline.Result) *checktest.Scripted {
	return &checktest.Scripted{OnMessage: func(_ context.Context, m pipeline.Message) (pipeline.Result, error) {
		r := pipeline.Result{Recipients: make([]pipeline.Result, len(m.Recipients))}
		for i, to := range m.Recipients {
			r.Recipients[i] = results[string(to.Path.Localpart)]
		}
		return r, nil
	}}
}

func TestDecisionPerRecipient(t *testing.T) {
	t.Parallel()
	temporary := pipeline.Result{Verdict: pipeline.Reject, Reply: smtp.NewError(451, "4.7.1", "later", nil), Reason: "greylist"}
	permanent := pipeline.Result{Verdict: pipeline.Reject, Reply: smtp.NewError(550, "5.7.1", "no", nil), Reason: "blocked"}
	quarantine := pipeline.Result{Verdict: pipeline.Quarantine, Reason: "looks-bad"}
	for _, tt := range []struct {
		name         string
		results      map[string]pipeline.Result
		to           []string
		want         string
		local, queue []string
	}{
		{"accepted", nil, []string{"alice"}, "250 ", []string{"alice@example.org Inbox"}, nil},
		{"quarantined", map[string]pipeline.Result{"alice": quarantine}, []string{"alice"}, "250 ", []string{"alice@example.org Junk"}, nil},
		{"quarantined for one", map[string]pipeline.Result{"alice": quarantine}, []string{"alice", "bob"}, "250 ",
			nil, []string{"alice@example.org Junk", "bob@example.org Inbox"}},
		{"refused", map[string]pipeline.Result{"alice": permanent}, []string{"alice"}, "550 5.7.1 no", nil, nil},
		{"refused for one", map[string]pipeline.Result{"alice": permanent}, []string{"alice", "bob"}, "250 ",
			nil, []string{"alice@example.org Rejects", "bob@example.org Inbox"}},
		{"refused for both, one for now", map[string]pipeline.Result{"alice": permanent, "bob": temporary}, []string{"alice", "bob"}, "451 4.7.1 later", nil, nil},
		{"refused at one of two addresses", map[string]pipeline.Result{"info": permanent}, []string{"info", "alice"}, "250 ", []string{"alice@example.org Inbox"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check := judge(tt.results)
			ts := newServer(t, func(_ *Options, lo *ListenerOptions) { lo.Checks = using(check) })
			c := ts.dial()
			c.hello()
			var to []string
			for _, s := range tt.to {
				to = append(to, s+"@example.org")
			}
			if got := c.send("a@b.example", simple, to...); !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := keys(ts.local); !slices.Equal(got, tt.local) {
				t.Errorf("local: %v", got)
			}
			if got := keys(ts.queue); !slices.Equal(got, tt.queue) {
				t.Errorf("queue: %v", got)
			}
			for _, msg := range append(ts.local.Messages(), ts.queue.Messages()...) {
				reason := tt.results[string(msg.Recipient.Path.Localpart)].Reason
				if has := strings.HasPrefix(msg.Content, "X-Mox-Reason: "+reason+"\r\nReceived: "); has != (reason != "") {
					t.Errorf("for %s: %q", msg.Recipient.Path, msg.Content)
				}
			}
			c.cmd("QUIT", "221 ")
			c.wantClosed()
			if n := check.Open(); n != 0 {
				t.Errorf("%d states were not closed", n)
			}
		})
	}
}

// A sender who is known reads the reply: nobody gets a message that another one does not.
func TestSubmissionIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	refuse := pipeline.Result{Verdict: pipeline.Reject, Reply: smtp.NewError(550, "5.7.1", "no", nil)}
	ts := newServer(t, func(o *Options, lo *ListenerOptions) {
		submission(o, lo)
		lo.Checks = using(judge(map[string]pipeline.Result{"bob": refuse}))
	})
	c := ts.dial()
	c.hello()
	c.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "235 ")
	if got := c.send("alice@example.org", simple, "alice@example.org", "bob@example.org"); got != "550 5.7.1 no" {
		t.Errorf("got %q", got)
	}
	if got := c.send("alice@example.org", simple, "alice@example.org", "x@remote.example"); !strings.HasPrefix(got, "250 ") {
		t.Errorf("got %q", got)
	}
	if got := keys(ts.submit); !slices.Equal(got, []string{"alice@example.org Inbox", "x@remote.example "}) {
		t.Errorf("submitted: %v", got)
	}
	if env := ts.submit.Messages()[0].Envelope; env.Account != "alice" {
		t.Errorf("account %q", env.Account)
	}
}

func TestRefusalsOfEarlyStages(t *testing.T) {
	t.Parallel()
	reject := pipeline.Result{Verdict: pipeline.Reject, Reply: smtp.NewError(554, "5.7.0", "go away", nil)}
	check := &checktest.Scripted{
		OnSender: func(_ context.Context, env pipeline.Envelope) (pipeline.Result, error) {
			if env.MailFrom.Localpart == "evil" {
				return reject, nil
			}
			return pipeline.Result{}, nil
		},
		OnRecipient: func(_ context.Context, to pipeline.Recipient) (pipeline.Result, error) {
			if to.Account == "bob" {
				return pipeline.Result{}, smtp.NewError(450, "4.2.1", "on holiday", nil)
			}
			return pipeline.Result{}, nil
		},
	}
	quota := checks.Quota{Usage: func(context.Context, string) (int64, int64, error) { return 0, 100, nil }}
	ts := newServer(t, func(_ *Options, lo *ListenerOptions) { lo.Checks = using(check, quota) })
	c := ts.dial()
	c.hello()
	c.cmd("MAIL FROM:<evil@b.example>", "554 5.7.0 go away")
	c.cmd("RCPT TO:<alice@example.org>", "503 ")
	c.cmd("MAIL FROM:<a@b.example> SIZE=101", "250 ")
	c.cmd("RCPT TO:<alice@example.org>", "552 5.2.2")
	c.cmd("RSET", "250 ")
	c.cmd("MAIL FROM:<a@b.example>", "250 ")
	c.cmd("RCPT TO:<bob@example.org>", "450 4.2.1 on holiday")
	c.cmd("DATA", "554 5.5.1")
	c.cmd("RCPT TO:<alice@example.org>", "250 ")
	c.cmd("EHLO again.example", "250 ")
	c.cmd("MAIL FROM:<a@b.example>", "250 ")
	c.nc.Close()
	if err := ts.srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := check.Open(); n != 0 {
		t.Errorf("%d states were not closed", n)
	}
}

func TestCheckSeesTheConnection(t *testing.T) {
	t.Parallel()
	var conn pipeline.Conn
	var env pipeline.Envelope
	var streamed bytes.Buffer
	check := &checktest.Scripted{
		OnStart: func(c pipeline.Conn) error { conn = c; return nil },
		OnMessage: func(_ context.Context, m pipeline.Message) (pipeline.Result, error) {
			env = m.Envelope
			return pipeline.Result{Prepend: []byte("X-Seen: yes\r\n"), AuthResults: []pipeline.AuthResult{{Method: "test", Result: "pass"}}}, nil
		},
		OnStream: func() io.Writer { return &streamed },
	}
	ts := newServer(t, func(o *Options, lo *ListenerOptions) {
		submission(o, lo)
		lo.Checks = using(check)
	})
	c := ts.dialFrom("[2001:db8::7]:1234")
	c.want("220 ")
	c.cmd("EHLO b.example", "250 ")
	c.cmd("STARTTLS", "220 ")
	c.startTLS()
	c.cmd("EHLO c.example", "250 ")
	c.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "235 ")
	if got := c.send("alice@example.org", "Bcc: x@remote.example\r\n"+simple, "x@remote.example"); !strings.HasPrefix(got, "250 ") {
		t.Fatal(got)
	}
	if conn.ID == "" || conn.Listener != "test" || conn.RemoteIP.String() != "2001:db8::7" || conn.LocalIP.String() != "192.0.2.25" ||
		conn.Hello != "c.example" || conn.TLS == nil || !conn.Submission || conn.Account != "alice" {
		t.Errorf("connection %+v", conn)
	}
	if env.Size != int64(len(simple)) || env.Account != "alice" || env.MailFrom.String() != "alice@example.org" || !env.Received.Equal(testTime) {
		t.Errorf("envelope %+v", env)
	}
	if streamed.String() != simple {
		t.Errorf("streamed %q", streamed.String())
	}
	want := "Authentication-Results: mx.example.org;\r\n\ttest=pass\r\nX-Seen: yes\r\nReceived: from c.example ([IPv6:2001:db8::7])\r\n"
	if got := ts.submit.Messages()[0].Content; !strings.HasPrefix(got, want) {
		t.Errorf("message begins %q", got)
	}
}

func TestLoop(t *testing.T) {
	t.Parallel()
	ts := newServer(t, nil)
	c := ts.dial()
	c.hello()
	hops := func(n int) string {
		return strings.Repeat("Received: from a by b; Fri, 2 Jan 2026 03:04:05 +0100\r\nX-Other: x\r\n", n) + simple
	}
	if got := c.send("a@b.example", hops(maxReceived), "alice@example.org"); !strings.HasPrefix(got, "250 ") {
		t.Errorf("got %q", got)
	}
	if got := c.send("a@b.example", strings.ToLower(hops(maxReceived+1)), "alice@example.org"); !strings.HasPrefix(got, "554 5.4.6") {
		t.Errorf("got %q", got)
	}
	// In the body it means nothing: a message about a loop.
	if got := c.send("a@b.example", simple+hops(maxReceived+1), "alice@example.org"); !strings.HasPrefix(got, "250 ") {
		t.Errorf("got %q", got)
	}
}

func TestLargeMessageGoesToDisk(t *testing.T) {
	t.Parallel()
	ts := newServer(t, func(o *Options, _ *ListenerOptions) { o.SpoolMemory = 1000 })
	c := ts.dial()
	c.hello()
	content := simple + strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 30_000)
	if got := c.send("a@b.example", content, "alice@example.org"); !strings.HasPrefix(got, "250 ") {
		t.Fatal(got)
	}
	if got := ts.local.Messages()[0].Content; !strings.HasSuffix(got, "\r\n"+content) {
		t.Error("the message is not what was sent")
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	// What cannot be opened is as good as full.
	ts := newServer(t, func(o *Options, _ *ListenerOptions) {
		o.SpoolMemory = 1000
		o.SpoolDir += "/missing"
	})
	c := ts.dial()
	c.hello()
	large := simple + strings.Repeat("0123456789\r\n", 20_000)
	if got := c.send("a@b.example", large, "alice@example.org"); !strings.HasPrefix(got, "452 4.3.1") || strings.Contains(got, "missing") {
		t.Errorf("got %q", got)
	}
	// The connection knows where it is.
	if got := c.send("a@b.example", simple, "alice@example.org"); !strings.HasPrefix(got, "250 ") {
		t.Errorf("got %q", got)
	}
	if n := len(ts.local.Messages()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestClientGoesAwayDuringData(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"at once":              "",
		"in a line":            "Subject: x\r\n\r\nbo",
		"before the dot":       simple,
		"after the dot":        simple + ".",
		"after the dot and CR": simple + ".\r",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ts := newServer(t, nil)
			c := ts.dial()
			c.hello()
			c.cmd("MAIL FROM:<>", "250 ")
			c.cmd("RCPT TO:<alice@example.org>", "250 ")
			c.cmd("DATA", "354 ")
			c.write(data)
			c.nc.Close()
			if err := ts.srv.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := len(ts.local.Messages()); n != 0 {
				t.Errorf("%d messages were delivered", n)
			}
			if n := testutil.CollectAndCount(ts.srv.metrics.deliveries); n != 1 {
				t.Errorf("%d series", n)
			}
		})
	}
}

func TestAnswerComesAfterTheCommit(t *testing.T) {
	t.Parallel()
	ts := newServer(t, nil)
	ts.local.Block = make(chan struct{})
	c := ts.dial()
	c.hello()
	c.cmd("MAIL FROM:<>", "250 ")
	c.cmd("RCPT TO:<alice@example.org>", "250 ")
	c.cmd("DATA", "354 ")
	c.write(simple + ".\r\n")
	c.nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if s, err := c.br.ReadString('\n'); err == nil {
		t.Errorf("got %q before the commit", s)
	}
	close(ts.local.Block)
	c.want("250 ")
}

// Whoever does not wait for the answer may get the message delivered all the same, once.
func TestClientGoesAwayDuringCommit(t *testing.T) {
	t.Parallel()
	ts := newServer(t, nil)
	ts.local.Block = make(chan struct{})
	c := ts.dial()
	c.hello()
	c.cmd("MAIL FROM:<>", "250 ")
	c.cmd("RCPT TO:<alice@example.org>", "250 ")
	c.cmd("DATA", "354 ")
	c.write(simple + ".\r\n")
	c.nc.Close()
	ts.local.Block <- struct{}{}
	if err := ts.srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(ts.local.Messages()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestIDsAreUnique(t *testing.T) {
	t.Parallel()
	ts := newServer(t, func(o *Options, _ *ListenerOptions) { o.Rand = nil })
	c := ts.dial()
	c.hello()
	seen := map[string]bool{}
	for range 20 {
		c.send("a@b.example", simple, "alice@example.org")
	}
	for _, m := range ts.local.Messages() {
		if seen[m.Envelope.ID] || len(m.Envelope.ID) != 16 {
			t.Errorf("id %q", m.Envelope.ID)
		}
		seen[m.Envelope.ID] = true
		if !strings.Contains(m.Content, "id "+m.Envelope.ID) {
			t.Errorf("id %s is not in Received", m.Envelope.ID)
		}
	}
}

// numbered is a target like the queue, which knows messages by numbers.
type numbered struct{ pipeline.Target }

type numberedDelivery struct{ pipeline.Delivery }

func (numberedDelivery) QueueID() string { return "17" }

func (n numbered) Begin(ctx context.Context, env pipeline.Envelope) (pipeline.Delivery, error) {
	d, err := n.Target.Begin(ctx, env)
	return numberedDelivery{d}, err
}

// A user is told where the message can be followed; who sends from elsewhere is not.
func TestQueueIDOfSubmission(t *testing.T) {
	t.Parallel()
	users := newServer(t, func(o *Options, lo *ListenerOptions) {
		submission(o, lo)
		o.Submit = numbered{o.Submit}
	})
	c := users.dial()
	c.hello()
	c.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "235 ")
	if got, want := c.send("alice@example.org", simple, "x@remote.example"), "250 2.0.0 message accepted, id 0000000000000002, queued as 17"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, line := range strings.Split(users.log.String(), "\n") {
		if strings.Contains(line, "message accepted") && (strings.Count(line, "account=") != 1 || !strings.Contains(line, "queued=17 id=0000000000000002")) {
			t.Errorf("log: %s", line)
		}
	}
}

func TestHeaderFilter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"\r\n", "\r\n"},
		{"Bcc: a\r\n", ""},
		{"BCC: a\r\n b\r\n\tc\r\nTo: x\r\n\r\nBcc: body\r\n", "To: x\r\n\r\nBcc: body\r\n"},
		{"To: x\r\n Bcc: folded\r\nbcc:\r\n\r\n", "To: x\r\n Bcc: folded\r\n\r\n"},
		{"Bcc \t: a\r\n\r\n", "\r\n"},
		{"Bccc: a\r\nXBcc: b\r\nBc: c\r\n", "Bccc: a\r\nXBcc: b\r\nBc: c\r\n"},
		{"Return-Path: <x>\r\nResent-Bcc: y\r\nResent-To: z\r\n\r\n", "Resent-To: z\r\n\r\n"},
		{"no field\r\nBcc: a\r\n\r\n", "no field\r\n\r\n"},
		{"Bcc: a\r\nno field\r\n", "no field\r\n"},
		{"A-very-long-name-of-a-field-that-goes-on: x\r\nBcc: y\r\n", "A-very-long-name-of-a-field-that-goes-on: x\r\n"},
		{"To: x\r\nBcc", "To: x\r\nBcc"},
		{"To: x\r\nBcc:", "To: x\r\n"},
		{"Bcc: a", ""},
		{" Bcc: a\r\n", " Bcc: a\r\n"},
		{"\r", "\r"},
		// Date and Message-ID stay if they are good (RFC 6409 §8.2, §8.3).
		{"Date: Fri, 2 Jan 2026 03:04:05 +0100\r\nX: y\r\n\r\n", "Date: Fri, 2 Jan 2026 03:04:05 +0100\r\nX: y\r\n\r\n"},
		{"date:\r\n 02 Jan 26 03:04\r\n GMT (winter)\r\n\r\nx", "date:\r\n 02 Jan 26 03:04\r\n GMT (winter)\r\n\r\nx"},
		{"Date: yesterday\r\n at noon\r\nX: y\r\n\r\n", "X: y\r\n\r\n"},
		{"Date: 2026-01-02T03:04:05Z", ""},
		{"Date:\r\n", ""},
		{"Date: Fri, 2 Jan 2026 03:04:05 +0100\r\nDATE: Fri, 2 Jan 2026 04:04:05 +0100\r\n", "Date: Fri, 2 Jan 2026 03:04:05 +0100\r\n"},
		{"Date : Fri, 2 Jan 2026 03:04:05 +0100" + strings.Repeat(" ", 2000) + "\r\nTo: x\r\n", "To: x\r\n"},
		{"Resent-Date: x\r\nDate-x: y\r\n", "Resent-Date: x\r\nDate-x: y\r\n"},
		{"Message-ID: <a..b@c>\r\n\r\nMessage-ID: y", "Message-ID: <a..b@c>\r\n\r\nMessage-ID: y"},
		{"message-id:\r\n\t<a@c> (note)\r\nMessage-ID: <b@c>\r\n", "message-id:\r\n\t<a@c> (note)\r\n"},
		{"Message-ID: a@b\r\nTo: x\r\n", "To: x\r\n"},
		{"Message-ID: <a b@c>\r\nMessage-Id: <@c>\r\nMessage-Id: <a@>\r\nMessage-Id: <a>\r\nMessage-Id: <a@b> x\r\nMessage-Id: <a@b\r\nMessage-Id: <<a@b>>\r\nTo: x\r\n", "To: x\r\n"},
	} {
		for piece := 1; piece <= len(tt.in)+1; piece++ {
			var got bytes.Buffer
			f := newSubmissionHeader(&got)
			for p := range slices.Chunk([]byte(tt.in), piece) {
				if n, err := f.Write(p); err != nil || n != len(p) {
					t.Fatalf("Write: %d, %v", n, err)
				}
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if got.String() != tt.want {
				t.Errorf("%q in pieces of %d: got %q, want %q", tt.in, piece, got.String(), tt.want)
			}
		}
	}
}

func TestReceivedOfOddClients(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ from, want string }{
		{"[2001:db8::1]:25", "([IPv6:2001:db8::1])"},
		{"[::ffff:192.0.2.9]:25", "([192.0.2.9])"},
		{"[fe80::1%eth0]:25", "([IPv6:fe80::1])"},
		{"somewhere", "(unknown)"},
	} {
		ts := newServer(t, nil)
		c := ts.dialFrom(tt.from)
		c.hello()
		if got := c.send("", simple, "alice@example.org"); !strings.HasPrefix(got, "250 ") {
			t.Fatal(got)
		}
		if got := ts.local.Messages()[0].Content; !strings.HasPrefix(got, "Received: from client.example.net "+tt.want+"\r\n") {
			t.Errorf("from %s: %q", tt.from, got)
		}
	}
}

func TestTwoServersSideBySide(t *testing.T) {
	t.Parallel()
	small := newServer(t, func(_ *Options, lo *ListenerOptions) { lo.MaxMessageSize = 10; lo.Hostname.ASCII = "small.example" })
	users := newServer(t, submission)
	var wg sync.WaitGroup
	wg.Go(func() {
		c := small.dial()
		c.hello()
		if got := c.send("", simple, "alice@example.org"); !strings.HasPrefix(got, "552 ") {
			t.Errorf("small: %q", got)
		}
	})
	wg.Go(func() {
		c := users.dial()
		c.hello()
		c.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "235 ")
		if got := c.send("alice@example.org", simple, "x@remote.example"); !strings.HasPrefix(got, "250 ") {
			t.Errorf("users: %q", got)
		}
	})
	wg.Wait()
}
