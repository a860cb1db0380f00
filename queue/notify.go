package queue

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"mox/dsn"
	"mox/message"
	"mox/queuedb"
	"mox/smtp"
)

// notice is a recipient about which the sender is told.
type notice struct {
	rcpt   queuedb.Recipient
	result queuedb.Result
	err    error // Of the attempt; nil for what an operator did.
}

// notifications composes what the sender of a message is told: at most one notification of
// failure and one of delay. A message with the null reverse-path causes none (RFC 5321 §6.1).
func (q *Queue) notifications(ctx context.Context, m queuedb.Message, failed, delayed []notice) ([]queuedb.NewMessage, error) {
	if m.MailFrom.IsZero() || len(failed)+len(delayed) == 0 {
		return nil, nil
	}
	back, err := q.wayBack(ctx, m.MailFrom)
	if err != nil {
		return nil, err
	}
	if back == nil {
		q.opts.Log.Error("sender cannot be told of failure: its address does not exist here", "message", m.ID, "envelope", m.EnvelopeID)
		return nil, nil
	}
	var news []queuedb.NewMessage
	for _, n := range []struct {
		action  dsn.Action
		notices []notice
	}{{dsn.Failed, failed}, {dsn.Delayed, delayed}} {
		if len(n.notices) == 0 {
			continue
		}
		news1, err := q.compose(ctx, m, n.action, n.notices)
		if err != nil {
			return nil, fmt.Errorf("composing notification: %w", err)
		}
		news1.Recipients = []queuedb.Recipient{*back}
		news = append(news, news1)
	}
	return news, nil
}

// failureNotices composes notifications for recipients that an operator gave up.
func (q *Queue) failureNotices(ctx context.Context, entries []queuedb.Entry, note string) ([]queuedb.NewMessage, error) {
	var order []queuedb.Message
	by := map[queuedb.MessageID][]notice{}
	now := q.opts.Now()
	for _, e := range entries {
		if by[e.Message.ID] == nil {
			order = append(order, e.Message)
		}
		by[e.Message.ID] = append(by[e.Message.ID], notice{rcpt: e.Recipient, result: queuedb.Result{Attempt: queuedb.Attempt{Start: now, Text: note}}})
	}
	var all []queuedb.NewMessage
	for _, m := range order {
		news, err := q.notifications(ctx, m, by[m.ID], nil)
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
	r := queuedb.Recipient{Path: from, State: queuedb.Waiting, NextAttempt: q.opts.Now()}
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

// compose makes the notification, without recipients.
func (q *Queue) compose(ctx context.Context, m queuedb.Message, action dsn.Action, notices []notice) (queuedb.NewMessage, error) {
	body, err := q.db.OpenBody(ctx, m.ID)
	if err != nil {
		return queuedb.NewMessage{}, err
	}
	defer body.Close()
	header, err := readHeader(body, m.Size)
	if err != nil {
		return queuedb.NewMessage{}, err
	}
	now := q.opts.Now()
	d := dsn.Message{
		From:         smtp.Address{Localpart: "postmaster", Domain: q.opts.Hostname},
		To:           m.MailFrom,
		SMTPUTF8:     m.SMTPUTF8,
		Date:         now,
		ReportingMTA: dsn.MTA{Name: q.opts.Hostname.ASCII},
		Arrival:      m.Received,
		Original:     dsn.Original{Header: header, Message: io.NewSectionReader(body, 0, m.Size), Size: m.Size, EightBit: m.EightBit, UTF8: m.SMTPUTF8},
	}
	for _, n := range notices {
		d.Recipients = append(d.Recipients, dsnRecipient(n, action, m.Received.Add(q.opts.Lifetime)))
	}
	var b bytes.Buffer
	composed, err := dsn.Compose(&b, &d, message.ComposeOptions{Host: q.opts.Hostname.ASCII, Now: q.opts.Now, EightBit: true})
	if err != nil {
		return queuedb.NewMessage{}, err
	}
	return queuedb.NewMessage{
		Message: queuedb.Message{
			// The same recipients and attempt make the same id, so that writing results
			// again after an error does not notify twice.
			EnvelopeID: fmt.Sprintf("dsn-%d-%s-%d-%d", m.ID, action, notices[0].rcpt.ID, notices[0].rcpt.Attempts),
			SMTPUTF8:   composed.SMTPUTF8, EightBit: composed.EightBit,
			Size: int64(b.Len()), Received: now,
			HeaderMessageID: composed.MessageID,
		},
		Body: bytes.NewReader(b.Bytes()),
	}, nil
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

func dsnRecipient(n notice, action dsn.Action, until time.Time) dsn.Recipient {
	a := n.result.Attempt
	r := dsn.Recipient{
		Final: n.rcpt.Path, Action: action,
		Status: smtp.EnhancedCode(a.Enhanced), LastAttempt: a.Start,
		Remote: dsn.MTA{Name: remoteHost(a.Remote)},
	}
	if r.Diagnostic = diagnostic(n.err); r.Diagnostic == "" {
		r.DiagnosticType, r.Diagnostic = "x-mox", a.Text
	}
	if action == dsn.Delayed {
		r.RetryUntil = until
	}
	// A recipient that is given up after temporary errors has failed all the same.
	if want := 5; action == dsn.Failed && r.Status.Class() != want {
		r.Status = r.Status.Of(want)
	}
	return r
}

// remoteHost is the host of Attempt.Remote, without address and port.
func remoteHost(remote string) string {
	host, _, _ := strings.Cut(remote, " ")
	return host
}
