package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mox/dns"
	"mox/dsn"
	"mox/message"
	"mox/queuedb"
	"mox/smtp"
	"mox/smtpclient"
)

// notice is a recipient about which the sender is told.
type notice struct {
	rcpt    queuedb.Recipient
	action  dsn.Action
	attempt queuedb.Attempt
	err     error // Of the attempt; nil for success and for what an operator did.
}

// notifications composes what the sender of a message is told: at most one notification for each
// action. A message with the null reverse-path causes none (RFC 5321 §6.1), and so do not
// notifications.
func (q *Queue) notifications(ctx context.Context, m queuedb.Message, notices []notice) ([]queuedb.NewMessage, error) {
	if m.MailFrom.IsZero() || len(notices) == 0 {
		return nil, nil
	}
	back, err := q.wayBack(ctx, m.MailFrom)
	if err != nil {
		return nil, err
	}
	if back == nil {
		q.opts.Log.Error("sender cannot be notified: its address does not exist here", "message", m.ID, "envelope", m.EnvelopeID, "about", notices[0].action)
		return nil, nil
	}
	var news []queuedb.NewMessage
	for _, action := range []dsn.Action{dsn.Failed, dsn.Delayed, dsn.Delivered, dsn.Relayed} {
		var about []notice
		for _, n := range notices {
			if n.action == action {
				about = append(about, n)
			}
		}
		if len(about) == 0 {
			continue
		}
		n, err := q.compose(ctx, m, *back, action, about)
		if err != nil {
			return nil, fmt.Errorf("composing notification: %w", err)
		}
		news = append(news, n)
	}
	return news, nil
}

// failureNotices composes notifications for recipients that an operator gives up.
func (q *Queue) failureNotices(ctx context.Context, entries []queuedb.Entry, note string) ([]queuedb.NewMessage, error) {
	var order []queuedb.Message
	by := map[queuedb.MessageID][]notice{}
	now := q.opts.Now()
	for _, e := range entries {
		if !e.Recipient.Notify.Failure() {
			continue
		}
		if by[e.Message.ID] == nil {
			order = append(order, e.Message)
		}
		by[e.Message.ID] = append(by[e.Message.ID], notice{rcpt: e.Recipient, action: dsn.Failed, attempt: queuedb.Attempt{Start: now, Text: note}})
	}
	var all []queuedb.NewMessage
	for _, m := range order {
		news, err := q.notifications(ctx, m, by[m.ID])
		if err != nil {
			return nil, err
		}
		all = append(all, news...)
	}
	return all, nil
}

// wayBack is the recipient of notifications about messages from a reverse-path, nil if it is an
// address of this host that does not exist.
func (q *Queue) wayBack(ctx context.Context, from smtp.Path) (*queuedb.Recipient, error) {
	// RFC 3461 §6.1: nobody is to be notified about a notification.
	r := queuedb.Recipient{Path: from, State: queuedb.Waiting, NextAttempt: q.opts.Now(), Notify: smtp.NotifyNever}
	account, mailbox, local, err := q.opts.LookupLocal(ctx, from)
	switch {
	case local && err != nil && !smtp.IsTemporary(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking up sender: %w", err)
	case local:
		r.Account, r.Mailbox = account, mailbox
	}
	r.Destination = destination(r.Path, r.Account)
	return &r, nil
}

// compose makes the notification to back.
func (q *Queue) compose(ctx context.Context, m queuedb.Message, back queuedb.Recipient, action dsn.Action, notices []notice) (queuedb.NewMessage, error) {
	var prefix []byte
	if m.Account != "" {
		prefix = notices[0].rcpt.Prefix // There may be the id of the message, if it had none.
	}
	original, done, err := q.original(ctx, m, prefix)
	if err != nil {
		// Whatever happened to the message, the sender has to know.
		q.opts.Log.Error("message is not returned to its sender", "message", m.ID, "err", err)
	}
	defer done()
	now := q.opts.Now()
	d := dsn.Message{
		From:         smtp.Address{Localpart: "postmaster", Domain: q.opts.Hostname},
		To:           m.MailFrom,
		SMTPUTF8:     m.SMTPUTF8,
		Date:         now,
		EnvelopeID:   m.ENVID,
		ReportingMTA: dsn.MTA{Name: q.opts.Hostname.ASCII},
		Arrival:      m.Received,
		Original:     original,

		FutureRelease: m.FutureRelease,
	}
	for _, n := range notices {
		d.Recipients = append(d.Recipients, dsnRecipient(n, m.Begin().Add(q.opts.Lifetime)))
	}
	var b bytes.Buffer
	opts := message.ComposeOptions{Host: q.opts.Hostname.ASCII, Now: q.opts.Now, EightBit: true}
	composed, err := dsn.Compose(&b, &d, opts)
	if err != nil && d.Original.Message != nil {
		q.opts.Log.Error("message is not returned to its sender", "message", m.ID, "err", err)
		b.Reset()
		d.Original.Message = nil
		composed, err = dsn.Compose(&b, &d, opts)
	}
	if err != nil {
		return queuedb.NewMessage{}, err
	}
	body := bytes.NewReader(b.Bytes())
	if back.Prefix, err = q.signature(ctx, []dns.Domain{d.From.Domain}, nil, body, body.Size()); err != nil {
		// Unlike a submission it is nothing that anybody would send again.
		q.opts.Log.Error("notification is sent unsigned", "message", m.ID, "err", err)
	}
	return queuedb.NewMessage{
		Message: queuedb.Message{
			// The same recipients and attempt make the same id, so that writing results
			// again after an error does not notify twice.
			EnvelopeID: fmt.Sprintf("dsn-%d-%s-%d-%d", m.ID, action, notices[0].rcpt.ID, notices[0].rcpt.Attempts),
			SMTPUTF8:   composed.SMTPUTF8, EightBit: composed.EightBit,
			Size: int64(b.Len()), Received: now, RequireTLS: m.RequireTLS, // RFC 8689 §5.
			HeaderMessageID: composed.MessageID,
		},
		Body:       body,
		Recipients: []queuedb.Recipient{back},
	}, nil
}

// original returns what notifications return of a message, which begins with prefix, to be used until done is
// called. On error that is what the queue knows without its body.
func (q *Queue) original(ctx context.Context, m queuedb.Message, prefix []byte) (o dsn.Original, done func(), rerr error) {
	o = dsn.Original{EightBit: m.EightBit, UTF8: m.SMTPUTF8}
	done = func() {}
	defer func() {
		if rerr != nil && m.HeaderMessageID != "" {
			o.Header = []byte("Message-ID: <" + m.HeaderMessageID + ">\r\n")
		}
	}()
	body, err := q.db.OpenBody(ctx, m.ID)
	if err != nil {
		return o, done, err
	}
	header, err := readHeader(body, m.Size)
	if err != nil {
		return o, done, errors.Join(err, body.Close())
	}
	o.Header = slices.Concat(prefix, header)
	// A notification is text. Of a message that may only go over TLS, headers alone go back (RFC 8689 §5).
	if m.Ret != smtp.RetHeaders && !m.Binary && m.RequireTLS != smtp.RequireTLSAlways {
		o.Message, o.Size = io.MultiReader(bytes.NewReader(prefix), io.NewSectionReader(body, 0, m.Size)), int64(len(prefix))+m.Size
	}
	return o, func() { body.Close() }, nil
}

// readHeader returns the header of a message, as much as notifications return.
func readHeader(r io.ReaderAt, size int64) ([]byte, error) {
	b := make([]byte, min(size, dsn.MaxOriginalHeader))
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), b); err != nil {
		return nil, err
	}
	end := 0
	for f := range message.Fields(b) {
		end = f.Offset + len(f.Raw)
	}
	return b[:end], nil
}

func dsnRecipient(n notice, until time.Time) dsn.Recipient {
	a := n.attempt
	r := dsn.Recipient{
		Original: n.rcpt.OriginalRecipient, Final: n.rcpt.Path, Action: n.action,
		Status: smtp.EnhancedCode(a.Enhanced), LastAttempt: a.Start,
		Remote: dsn.MTA{Name: remoteHost(a.Remote)},
	}
	switch n.action {
	case dsn.Failed:
		r.Diagnostic, r.DiagnosticType = diagnostic(n)
		// A recipient that is given up after temporary errors has failed all the same.
		if r.Status.Class() != 5 {
			r.Status = r.Status.Of(5)
		}
	case dsn.Delayed:
		r.Diagnostic, r.DiagnosticType = diagnostic(n)
		r.RetryUntil = until
	}
	return r
}

// diagnostic returns the reason of a failure for the field Diagnostic-Code, and its type: the
// reply of the remote server if there was one.
func diagnostic(n notice) (text, typ string) {
	const own = "x-mox"
	if e, ok := errors.AsType[*smtpclient.Error](n.err); ok {
		if reply := e.Diagnostic(); reply != "" {
			return reply, ""
		}
		return e.Error(), own
	}
	if e, ok := errors.AsType[*smtp.Error](n.err); ok {
		return e.Reply(), ""
	}
	if n.err != nil {
		return "local error", own // Its text is for our log.
	}
	return n.attempt.Text, own
}

// remoteHost is the host of Attempt.Remote, without address and port.
func remoteHost(remote string) string {
	host, _, _ := strings.Cut(remote, " ")
	return host
}
