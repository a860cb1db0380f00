package webmail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/message"
	"mox/pipeline"
	"mox/queuedb"
	"mox/smtp"
)

// send sends a draft, and fails the test if that cannot be.
func (e *env) send(d Draft, o SendOptions) Sent {
	e.t.Helper()
	sent, err := e.api.Send(e.ctx, d, o)
	if err != nil {
		e.t.Fatal(err)
	}
	return sent
}

// letterTo returns a draft of ann.
func letterTo(to ...string) Draft {
	d := Draft{From: Person{"Ann Example", "ann@example.org"}, Subject: "subject", Text: "text\n"}
	for _, address := range to {
		d.To = append(d.To, Person{Address: address})
	}
	return d
}

// headerOf returns a field of a message, decoded.
func headerOf(text, name string) string {
	f, ok := message.FirstField([]byte(text), name)
	if !ok {
		return ""
	}
	return f.Text()
}

// recipientsOf returns for whom entries of the queue are.
func recipientsOf(l []queuedb.Entry) string {
	var all []string
	for _, entry := range l {
		all = append(all, entry.Recipient.Path.String())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestSend(t *testing.T) {
	t.Parallel()
	e, q := newSendingEnv(t)
	d := letterTo("x@remote.example")
	d.Cc = []Person{{"Bob", "bob@example.org"}, {"", "X@Remote.Example"}}
	d.Bcc = []Person{{"Secret", "secret@remote.example"}}
	d.ReplyTo = []Person{{"", "desk@example.org"}}
	d.Subject, d.Priority, d.Receipt, d.RequireTLS = "Grüße", "high", true, TLSOptional
	d.Email = e.save(d).Email
	sent := e.send(d, SendOptions{})
	if sent.Submission == "" || sent.Until != 0 || sent.Undo != "" {
		t.Errorf("sent %+v", sent)
	}
	l := q.queued()
	// An address is one, in whatever way it is written.
	if got := recipientsOf(l); got != "X@remote.example bob@example.org secret@remote.example x@remote.example" && got != "bob@example.org secret@remote.example x@remote.example" {
		t.Fatalf("queued for %s", got)
	}
	text := q.text(l[0])
	for name, want := range map[string]string{
		"From": "Ann Example <ann@example.org>", "To": "x@remote.example", "Reply-To": "desk@example.org", "Bcc": "", draftField: "", "Subject": "Grüße",
		"Importance": "high", "TLS-Required": "No", "Disposition-Notification-To": "Ann Example <ann@example.org>", "MIME-Version": "1.0",
	} {
		if got := headerOf(text, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if strings.Contains(text, "secret@") || !strings.Contains(headerOf(text, "Message-ID"), "@example.org>") || headerOf(text, "Date") == "" {
		t.Errorf("message %s", text)
	}
	if l[0].Message.RequireTLS != smtp.RequireTLSNever || l[0].Message.MailFrom.String() != "ann@example.org" {
		t.Errorf("queued %+v", l[0].Message)
	}
	if e.contents("Sent") != `Grüße\Seen` || e.contents("Drafts") != "" {
		t.Errorf("sent %q, drafts %q", e.contents("Sent"), e.contents("Drafts"))
	}
	id, err := submissionID(sent.Submission)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := e.acc.Submission(e.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if copied := e.raw(sub.Email.String()); headerOf(copied, "Bcc") != "Secret <secret@remote.example>" || !strings.HasSuffix(copied, text[strings.Index(text, "From: "):]) {
		t.Errorf("copy %s", copied)
	}
}

func TestSendRefuses(t *testing.T) {
	t.Parallel()
	e, q := newSendingEnv(t)
	many := letterTo()
	for i := range maxRecipients/2 + 1 {
		many.To = append(many.To, Person{"", fmt.Sprintf("to%d@remote.example", i)})
		many.Cc = append(many.Cc, Person{"", fmt.Sprintf("cc%d@remote.example", i)})
	}
	change := func(f func(*Draft)) Draft {
		d := letterTo("x@remote.example")
		f(&d)
		return d
	}
	for _, c := range []struct {
		name string
		d    Draft
		code string
	}{
		{"no recipient", letterTo(), codeBad},
		{"no sender", change(func(d *Draft) { d.From = Person{} }), codeBad},
		{"another's address", change(func(d *Draft) { d.From.Address = "bob@example.org" }), codeRefused},
		{"an address elsewhere", change(func(d *Draft) { d.From.Address = "ann@example.com" }), codeRefused},
		{"a sender that is none", change(func(d *Draft) { d.From.Address = "ann@example.org\r\nBcc: x@example.com" }), codeBad},
		{"a recipient half typed", letterTo("x@remote.example", "bo"), codeBad},
		{"a recipient with a header", letterTo("x@remote.example\r\nX: y"), codeBad},
		{"an empty recipient", letterTo(""), codeBad},
		{"a blind copy to nobody", change(func(d *Draft) { d.Bcc = []Person{{"Bob", ""}} }), codeBad},
		{"a reply address that is none", change(func(d *Draft) { d.ReplyTo = []Person{{"", "x"}} }), codeBad},
		{"nobody here", letterTo("x@remote.example", "nobody@example.org"), codeRefused},
		{"too many recipients", many, codeLimit},
		{"a file that is gone", change(func(d *Draft) { d.Attachments = []Attachment{{ID: "upload:x", Name: "a.txt"}} }), codeNotFound},
		{"later than a year", change(func(d *Draft) { d.SendAt = time.Now().Add(400 * 24 * time.Hour).Unix() }), codeBad},
	} {
		_, err := e.api.Send(e.ctx, c.d, SendOptions{})
		if err == nil {
			t.Errorf("%s was sent", c.name)
			continue
		}
		wantCode(t, err, c.code)
		t.Log(c.name, err)
	}
	if l := q.queued(); len(l) != 0 || e.contents("Sent") != "" || e.contents("Scheduled") != "" {
		t.Errorf("queued %v, sent %q", l, e.contents("Sent"))
	}
	// A draft that could not be sent is there still.
	d := letterTo("nobody@example.org")
	d.Email = e.save(d).Email
	if _, err := e.api.Send(e.ctx, d, SendOptions{}); err == nil || e.contents("Drafts") != `subject\Seen\Draft` {
		t.Errorf("%v, drafts %q", err, e.contents("Drafts"))
	}
}

// refusing is a check that refuses what a test says.
type refusing struct {
	pipeline.NopState
	sender, recipient, message *smtp.Error
}

func (refusing) Name() string                                                        { return "refusing" }
func (r refusing) Start(context.Context, pipeline.Conn) (pipeline.CheckState, error) { return r, nil }

func refuse(e *smtp.Error) (pipeline.Result, error) {
	if e == nil {
		return pipeline.Result{}, nil
	}
	return pipeline.Result{Verdict: pipeline.Reject, Reply: e, Reason: "test"}, nil
}

func (r refusing) Prompt(pipeline.Stage) bool { return true }
func (r refusing) Sender(context.Context, pipeline.Envelope) (pipeline.Result, error) {
	return refuse(r.sender)
}
func (r refusing) Recipient(context.Context, pipeline.Recipient) (pipeline.Result, error) {
	return refuse(r.recipient)
}
func (r refusing) Message(context.Context, pipeline.Message) (pipeline.Result, error) {
	return refuse(r.message)
}

func TestSendHonoursChecks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		check refusing
		code  string
		text  string
	}{
		{"limit of messages", refusing{sender: smtp.NewError(smtp.C450MailboxUnavailable, smtp.E471NotAuthorized, "limit of messages is reached", nil)}, codeTemporary, "limit of messages is reached"},
		{"sender", refusing{sender: smtp.NewError(smtp.C550MailboxUnavailable, smtp.E471NotAuthorized, "not you", nil)}, codeRefused, "not you"},
		{"recipient", refusing{recipient: smtp.NewError(smtp.C450MailboxUnavailable, smtp.E471NotAuthorized, "limit of recipients is reached", errors.New("internal"))}, codeRefused, "x@remote.example: limit of recipients is reached"},
		{"message", refusing{message: smtp.NewError(smtp.C554TransactionFailed, smtp.E471NotAuthorized, "no viruses", errors.New("internal"))}, codeRefused, "no viruses"},
	} {
		e, q := newSendingEnv(t, func(o *Options) { o.Checks = []pipeline.Use{{Check: c.check}} })
		_, err := e.api.Send(e.ctx, letterTo("x@remote.example"), SendOptions{})
		wantCode(t, err, c.code)
		if err == nil || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "internal") {
			t.Errorf("%s: %v", c.name, err)
		}
		if len(q.queued()) != 0 || e.contents("Sent") != "" {
			t.Errorf("%s: it was sent", c.name)
		}
	}
}

func TestSendIsTakenBack(t *testing.T) {
	t.Parallel()
	e, q := newSendingEnv(t)
	original := e.deliver("", simple("bob@example.com", "question", "?"))
	d := letterTo("x@remote.example")
	d.Bcc = []Person{{"", "secret@remote.example"}}
	d.Text = "text  with\n> quotes\n-- \nsig"
	d.Related, d.RequireTLS = []string{original.Email.String()}, TLSRequired
	d.Attachments = []Attachment{e.upload("a.txt", "text/plain", "x", false)}
	d.Email = e.save(d).Email
	before := time.Now().Unix()
	sent := e.send(d, SendOptions{Hold: 100, Archive: true})
	if after := time.Now().Unix(); sent.Until < before+100 || sent.Until > after+100 || sent.Undo == "" {
		t.Errorf("sent %+v from %d to %d", sent, before, after)
	}
	if e.contents("Inbox") != "" || e.contents("Archive") != `question\Answered` || e.contents("Sent") != `subject\Seen` || e.contents("Drafts") != "" || len(q.queued()) != 2 {
		t.Errorf("inbox %q, archive %q, sent %q, drafts %q, queued %d", e.contents("Inbox"), e.contents("Archive"), e.contents("Sent"), e.contents("Drafts"), len(q.queued()))
	}
	if _, err := e.api.Undo(e.ctx, sent.Undo); err != nil || e.contents("Archive") != "" || !strings.HasPrefix(e.contents("Inbox"), "question") {
		t.Errorf("undone: %v, inbox %q", err, e.contents("Inbox"))
	}
	back, err := e.api.SendUndo(e.ctx, sent.Submission)
	if err != nil {
		t.Fatal(err)
	}
	if back.Email == "" || e.contents("Drafts") != `subject\Seen\Draft` || e.contents("Sent") != "" {
		t.Errorf("drafts %q, sent %q", e.contents("Drafts"), e.contents("Sent"))
	}
	sameDraft(t, back, d)
	for _, entry := range q.queued() {
		if entry.Recipient.State != queuedb.Dropped {
			t.Errorf("queued still: %+v", entry.Recipient)
		}
	}
	// It can be sent again from there, and be taken back again.
	again := e.send(back, SendOptions{Hold: 1000})
	if in := again.Until - time.Now().Unix(); in > maxHold || e.contents("Drafts") != "" || e.contents("Sent") != `subject\Seen` {
		t.Errorf("again %+v in %d s, drafts %q, sent %q", again, in, e.contents("Drafts"), e.contents("Sent"))
	}
	for _, id := range []string{"", "x", "999", "-1"} {
		_, err := e.api.SendUndo(e.ctx, id)
		wantCode(t, err, codeNotFound)
		_, err = e.api.SendNow(e.ctx, id)
		wantCode(t, err, codeNotFound)
		_, err = e.api.Reschedule(e.ctx, id, time.Now().Unix()+100)
		wantCode(t, err, codeNotFound)
	}
	// What left stays away.
	now := e.send(letterTo("x@remote.example"), SendOptions{})
	_, err = e.api.SendUndo(e.ctx, now.Submission)
	wantCode(t, err, codeTooLate)
	// Another account's.
	bob, _, _ := e.logIn("bob")
	_, err = e.api.SendUndo(bob, again.Submission)
	wantCode(t, err, codeNotFound)
}

func TestSendLater(t *testing.T) {
	t.Parallel()
	e, q := newSendingEnv(t)
	at := time.Now().Add(48 * time.Hour).Unix()
	d := letterTo("x@remote.example")
	d.SendAt, d.Bcc = at, []Person{{"", "secret@remote.example"}}
	sent := e.send(d, SendOptions{Hold: 10})
	if sent.Until != at || e.contents("Scheduled") != `subject\Seen` || e.contents("Sent") != "" {
		t.Errorf("sent %+v, scheduled %q, sent %q", sent, e.contents("Scheduled"), e.contents("Sent"))
	}
	first := letterTo("y@remote.example")
	first.SendAt, first.Subject = at-3600, "first"
	sentFirst := e.send(first, SendOptions{})
	l, err := e.api.Scheduled(e.ctx)
	if err != nil || len(l) != 2 || l[0].ID != sentFirst.Submission || l[0].Subject != "first" || l[1].SendAt != at || l[1].State != SubmissionHeld || addresses(l[1].To) != "x@remote.example" {
		t.Errorf("scheduled %+v, %v", l, err)
	}
	if d := e.date(l[1].Email); d.Unix() != at {
		t.Errorf("date %s, want that of leaving", d)
	}
	email, err := e.api.Reschedule(e.ctx, sent.Submission, at-7200)
	if err != nil {
		t.Fatal(err)
	}
	l, err = e.api.Scheduled(e.ctx)
	if err != nil || len(l) != 2 || l[0].Email != email || l[0].SendAt != at-7200 || addresses(l[0].To) != "x@remote.example" {
		t.Fatalf("scheduled %+v, %v", l, err)
	}
	if d := e.date(email); d.Unix() != at-7200 {
		t.Errorf("date %s after another time was chosen", d)
	}
	if e.contents("Drafts") != "" {
		t.Errorf("drafts %q", e.contents("Drafts"))
	}
	_, err = e.api.Reschedule(e.ctx, l[0].ID, at+400*24*3600)
	wantCode(t, err, codeBad)
	back, err := e.api.SendUndo(e.ctx, sentFirst.Submission)
	if err != nil || back.SendAt != at-3600 || back.Subject != "first" {
		t.Errorf("taken back %+v, %v", back, err)
	}
	before := time.Now().Truncate(time.Second)
	if email, err = e.api.SendNow(e.ctx, l[0].ID); err != nil {
		t.Fatal(err)
	}
	if d := e.date(email); d.Before(before) || d.After(time.Now()) {
		t.Errorf("date %s of a message that leaves now", d)
	}
	if raw := e.raw(email); !strings.Contains(raw, "Bcc: secret@remote.example\r\n") {
		t.Errorf("copy without Bcc:\n%s", raw)
	}
	_, err = e.api.SendNow(e.ctx, sent.Submission)
	wantCode(t, err, codeNotFound)
	if l, err := e.api.Scheduled(e.ctx); err != nil || len(l) != 0 || e.contents("Scheduled") != "" || e.contents("Sent") != `subject\Seen` {
		t.Errorf("scheduled %+v, %v, sent %q", l, err, e.contents("Sent"))
	}
	// The queue has not begun with it, as it stands still here: to both, and once.
	var open []string
	for _, entry := range q.queued() {
		if entry.Message.Canceled {
			continue
		}
		open = append(open, entry.Recipient.Path.String())
		if !entry.Message.SendAt.IsZero() {
			t.Errorf("queued %+v", entry.Message)
		}
	}
	if len(open) != 2 {
		t.Errorf("queued to %q", open)
	}
	// A time that has gone by is now.
	d.SendAt = 1
	if sent := e.send(d, SendOptions{}); sent.Until != 0 {
		t.Errorf("sent %+v", sent)
	}
}

func TestSendMarksRelated(t *testing.T) {
	t.Parallel()
	e, _ := newSendingEnv(t)
	a, b := e.deliver("", simple("bob@example.com", "a", "x")), e.deliver("", simple("bob@example.com", "b", "x"))
	d := letterTo("x@remote.example")
	d.Related = []string{a.Email.String(), "x", strings.Repeat("1", 32)}
	if sent := e.send(d, SendOptions{Archive: true}); sent.Undo == "" {
		t.Errorf("sent %+v", sent)
	}
	d.Related, d.Forward = []string{b.Email.String()}, true
	if sent := e.send(d, SendOptions{Archive: true}); sent.Undo != "" {
		t.Errorf("sent %+v", sent)
	}
	if e.contents("Inbox") != "b+$Forwarded" || e.contents("Archive") != `a\Answered` {
		t.Errorf("inbox %q, archive %q", e.contents("Inbox"), e.contents("Archive"))
	}
}

func TestSendInternational(t *testing.T) {
	t.Parallel()
	e, q := newSendingEnv(t)
	for _, c := range []struct {
		to   string
		utf8 bool
		want string // In the header.
	}{
		{"bob@exämple.example", false, "bob@xn--exmple-cua.example"},
		{"bób@exämple.example", true, "bób@exämple.example"},
		{"bob@xn--exmple-cua.example", false, "bob@xn--exmple-cua.example"},
	} {
		e.send(letterTo(c.to), SendOptions{})
		l := q.queued()
		m := l[len(l)-1]
		if text := q.text(m); m.Message.SMTPUTF8 != c.utf8 || headerOf(text, "To") != c.want {
			t.Errorf("%s: SMTPUTF8 %v, to %q", c.to, m.Message.SMTPUTF8, headerOf(text, "To"))
		}
	}
	d := letterTo("bob@remote.example")
	d.Bcc = []Person{{"", "bób@remote.example"}}
	e.send(d, SendOptions{Hold: 5})
}

// A message goes to the members of an alias who can have it.
func TestSendToAlias(t *testing.T) {
	t.Parallel()
	cfg := configOf(t, strings.Replace(testConf, "example.org: nil", "example.org:\n\t\tAliases:\n\t\t\tteam:\n\t\t\t\tAddresses:\n\t\t\t\t\t- ann@example.org\n\t\t\t\t\t- bob@example.org\n\t\t\t\tAllowMsgFrom: true\n\t\t\tboard:\n\t\t\t\tAddresses:\n\t\t\t\t\t- bob@example.org", 1), nil)
	e, q := newSendingEnv(t, withConfig(cfg))
	d := letterTo("team@example.org", "bob@example.org")
	d.From.Address = "team@example.org"
	e.send(d, SendOptions{})
	if got := recipientsOf(q.queued()); got != "ann@example.org bob@example.org" {
		t.Errorf("queued for %s", got)
	}
	_, err := e.api.Send(e.ctx, letterTo("board@example.org"), SendOptions{})
	wantCode(t, err, codeRefused)

	// An answer to all goes to the others of the alias too, and one to a colleague who writes as it not to oneself.
	added := e.deliver("", letterWith("From: x@remote.example", "To: team@example.org"))
	if d := e.compose(ComposeRequest{Kind: ComposeReplyAll, Emails: []string{added.Email.String()}}); d.From.Address != "team@example.org" || addresses(d.To) != "x@remote.example" || addresses(d.Cc) != "team@example.org" {
		t.Errorf("draft %+v", d)
	}
	added = e.deliver("", letterWith("From: team@example.org", "Reply-To: bob@example.org", "To: ann@example.org"))
	if d := e.compose(ComposeRequest{Kind: ComposeReply, Emails: []string{added.Email.String()}}); addresses(d.To) != "bob@example.org" {
		t.Errorf("draft %+v", d)
	}
}

func TestSendTooLarge(t *testing.T) {
	t.Parallel()
	e, q := newSendingEnv(t)
	max := maxMessageSize(e.server.opts.Config())
	d := letterTo("x@remote.example")
	// It fits as a file, and does not once it is encoded.
	d.Attachments = []Attachment{e.upload("big", "application/zip", strings.Repeat("x", int(max/4*3)), false)}
	_, err := e.api.Send(e.ctx, d, SendOptions{})
	wantCode(t, err, codeLimit)
	if err == nil || !strings.Contains(err.Error(), "MB") || len(q.queued()) != 0 {
		t.Errorf("%v", err)
	}
	_, err = e.api.DraftSave(e.ctx, d)
	wantCode(t, err, codeLimit)
	if files, err := os.ReadDir(e.server.opts.SpoolDir); err != nil || len(files) != 1 {
		t.Errorf("files left: %v, %v", files, err)
	}
}

// A message that cannot be sent at another time is not lost.
func TestNotSentAgain(t *testing.T) {
	t.Parallel()
	check := &refusing{}
	e, q := newSendingEnv(t, func(o *Options) { o.Checks = []pipeline.Use{{Check: check}} })
	d := letterTo("x@remote.example")
	d.SendAt = time.Now().Add(48 * time.Hour).Unix()
	sent := e.send(d, SendOptions{})
	check.recipient = smtp.NewError(smtp.C450MailboxUnavailable, smtp.E471NotAuthorized, "limit of recipients is reached", nil)
	_, err := e.api.SendNow(e.ctx, sent.Submission)
	wantCode(t, err, codeRefused)
	if err == nil || !strings.Contains(err.Error(), "in Drafts now") || !strings.Contains(err.Error(), "limit of recipients is reached") {
		t.Errorf("told %v", err)
	}
	if e.contents("Drafts") != `subject\Seen\Draft` || e.contents("Scheduled") != "" || e.contents("Sent") != "" {
		t.Errorf("drafts %q, scheduled %q, sent %q", e.contents("Drafts"), e.contents("Scheduled"), e.contents("Sent"))
	}
	for _, entry := range q.queued() {
		if !entry.Message.Canceled {
			t.Errorf("queued %+v", entry)
		}
	}
}

// The copy of a message that is sent later is moved when it leaves, and failures are told by mail.
func TestSentLaterLeaves(t *testing.T) {
	t.Parallel()
	e, q := newSendingEnv(t)
	if err := q.Start(); err != nil {
		t.Fatal(err)
	}
	d := letterTo("bob@example.org")
	d.SendAt = time.Now().Add(time.Hour).Unix()
	sent := e.send(d, SendOptions{})
	if _, err := e.api.SendNow(e.ctx, sent.Submission); err != nil {
		t.Fatal(err)
	}
	e.await("copy in Sent", func() bool { return e.contents("Sent") == `subject\Seen` && e.contents("Scheduled") == "" })
}

// date returns the Date of an email.
func (e *env) date(email string) time.Time {
	e.t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(e.raw(email)))
	if err != nil {
		e.t.Fatal(err)
	}
	d, err := m.Header.Date()
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

// await waits until something is true.
func (e *env) await(what string, f func() bool) {
	e.t.Helper()
	sub := time.NewTicker(5 * time.Millisecond)
	defer sub.Stop()
	for deadline := time.Now().Add(patience); !f(); <-sub.C {
		if time.Now().After(deadline) {
			e.t.Fatalf("%s did not come", what)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, c := range []struct {
		name string
		d    Draft
		want string // Kinds.
	}{
		{"nothing to say", letterTo("x@example.com"), ""},
		{"no subject", Draft{Text: "x"}, "subject"},
		{"nothing written", Draft{Subject: "s"}, "text"},
		{"only the signature", Draft{Subject: "s", Text: "\n\n-- \nAnn, see attached\n"}, "text"},
		{"only the signature in HTML", Draft{Subject: "s", Rich: true, HTML: `<p><br></p><div data-mox-signature="">see attached</div>`}, "text"},
		{"only a quote", Draft{Subject: "s", InReplyTo: "a@b", Text: "\n\nOn 1 May 2026 at 10:00, Bob wrote:\n> it is attached\n"}, "text"},
		{"only a quote in HTML", Draft{Subject: "s", InReplyTo: "a@b", Rich: true, HTML: `<p><br></p><p>On 1 May 2026 at 10:00, Bob wrote:</p><blockquote type="cite">it is attached</blockquote>`}, "text"},
		{"only a forward", Draft{Subject: "s", Forward: true, Text: "\n\n" + forwardLine + "\nSubject: attached\n\nit is attached"}, ""},
		{"only a file", Draft{Subject: "s", Attachments: []Attachment{{Name: "x"}}}, ""},
		{"attachment forgotten", Draft{Subject: "s", Text: "see the attached file"}, "attachment"},
		{"in German", Draft{Subject: "s", Text: "siehe Anhang."}, "attachment"},
		{"in Finnish", Draft{Subject: "s", Text: "kuva on liitteenä "}, "attachment"},
		{"in Polish", Draft{Subject: "s", Text: "w załączniku"}, "attachment"},
		{"in the subject", Draft{Subject: "attached: x", Text: "x"}, "attachment"},
		{"in the subject of others", Draft{Subject: "Re: attached: x", Text: "x", InReplyTo: "a@b"}, ""},
		{"part of a word", Draft{Subject: "s", Text: "unattached, reattachable"}, ""},
		{"image in the text only", Draft{Subject: "s", Text: "attached", Attachments: []Attachment{{Name: "x", Inline: true}}}, "attachment"},
		{"attached", Draft{Subject: "s", Text: "attached", Attachments: []Attachment{{Name: "x"}}}, ""},
		{"many recipients", letterTo(slices.Repeat([]string{"x@example.com"}, 20)...), "recipients"},
		{"no address", letterTo("x@example.com", "bo"), "recipients"},
		{"large", Draft{Subject: "s", Text: "x", Attachments: []Attachment{{Size: 21 << 20}}}, "size"},
	} {
		l, err := e.api.Warnings(e.ctx, c.d)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, w := range l {
			kinds = append(kinds, w.Kind)
		}
		if got := strings.Join(kinds, " "); got != c.want {
			t.Errorf("%s: %v, want %q", c.name, l, c.want)
		}
	}
}
