package smtpserver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"mox/internal/logging"
	"mox/message"
	"mox/pipeline"
	"mox/smtp"
)

// maxReceived is how many Received fields a message may have (RFC 5321 §6.3).
const maxReceived = 100

// delivery is a message from DATA to its final reply.
type delivery struct {
	c  *conn
	tx *transaction

	env   pipeline.Envelope // With what only the message itself tells.
	body  *pipeline.Spool
	trace []byte // Header fields for every copy.
	place pipeline.Place
}

// deliver takes the steps, in order. Nothing has happened to the message if it returns an
// error, and all that "250" promises if it does not.
func (d *delivery) deliver(ctx context.Context) error {
	d.env = d.tx.env
	if err := d.receive(); err != nil {
		return err
	}
	if err := d.detectLoop(); err != nil {
		return err
	}
	if d.c.isSubmission() {
		if err := d.checkAuthor(); err != nil {
			return err
		}
	}
	d.makeTrace()
	return d.commit(ctx, d.decide(ctx))
}

// receive reads the data, in one pass, into the spool.
func (d *delivery) receive() error {
	c := d.c
	d.body = pipeline.NewSpool(c.s.opts.SpoolDir, c.s.opts.SpoolMemory, d.tx.checks.Streams()...)
	c.reply(smtp.C354Continue, "", "end data with <CR><LF>.<CR><LF>")
	if err := c.flush(); err != nil {
		return &connError{err}
	}
	c.limit = time.Now().Add(dataLimit)
	if err := c.idle(); err != nil {
		return &connError{err}
	}

	var w io.Writer = d.body
	var filter *bccFilter
	if c.isSubmission() {
		filter = &bccFilter{w: w}
		w = filter
	}
	if c.in != nil {
		w = io.MultiWriter(w, dataTrace{c.in})
	}
	dr := smtp.NewDataReader(c.br, smtp.DataOptions{MaxSize: c.l.MaxMessageSize, NormalizeLineEnds: c.l.NormalizeLineEnds})
	_, err := dr.WriteTo(w)
	if err == nil && filter != nil {
		err = filter.Close()
	}
	if err != nil {
		return d.notReceived(dr, err)
	}
	if err := d.body.Finish(); err != nil {
		return err
	}
	d.env.Size = d.body.Size()
	d.env.EightBit = d.env.EightBit || d.body.EightBit()
	return nil
}

// notReceived turns a failure to receive into what the client is told, and reads what is left
// of a message that could not be kept.
func (d *delivery) notReceived(dr *smtp.DataReader, err error) error {
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		return e // The message was read to its end.
	}
	if d.c.readErr != nil {
		return &connError{d.c.readErr}
	}
	d.c.log.Error("spooling message", "id", d.env.ID, "err", err)
	if _, err := dr.WriteTo(io.Discard); err != nil && d.c.readErr != nil {
		return &connError{d.c.readErr}
	}
	return smtp.NewError(smtp.C452StorageFull, smtp.E431SystemFull, "insufficient system storage, try again later", err)
}

// dataTrace logs message data.
type dataTrace struct{ trace *logging.Trace }

func (t dataTrace) Write(p []byte) (int, error) {
	defer t.trace.SetKind(t.trace.SetKind(logging.LevelTracedata))
	t.trace.Log(p)
	return len(p), nil
}

// detectLoop refuses a message that was relayed too often.
func (d *delivery) detectLoop() error {
	n := 0
	for f := range message.Fields(d.body.Root().Header) {
		if f.Is("Received") {
			n++
		}
	}
	if n > maxReceived {
		return smtp.NewError(smtp.C554TransactionFailed, smtp.E546RoutingLoop, "too many hops, message seems to be in a loop", nil)
	}
	return nil
}

// decide has the message judged, and says where it goes.
func (d *delivery) decide(ctx context.Context) pipeline.Plan {
	decisions := d.tx.checks.Message(ctx, d.env, d.body, d.trace)
	for _, dec := range decisions {
		if dec.Check != "" {
			d.c.log.Info("check decides", "id", d.env.ID, "to", dec.Recipient.Path.LogString(), "check", dec.Check, "reason", dec.Reason, "refused", dec.Refuse != nil)
		}
	}
	return pipeline.NewPlan(d.env, decisions)
}

// commit takes the message where the plan says, all of it to one place.
func (d *delivery) commit(ctx context.Context, plan pipeline.Plan) error {
	d.place = plan.Place
	var target pipeline.Target
	switch {
	case plan.Place == pipeline.Nowhere:
		return plan.Refuse
	case plan.Place == pipeline.OneAccount:
		target = d.c.s.opts.Local
	case d.c.isSubmission():
		target = d.c.s.opts.Submit
	default:
		target = d.c.s.opts.Queue
	}
	results, err := pipeline.Deliver(ctx, target, d.env, plan.Recipients, d.body)
	if err == nil {
		err = firstFailure(results)
	}
	if err != nil {
		return err
	}
	d.c.log.Info("message accepted", d.attrs("place", plan.Place.String())...)
	return nil
}

// firstFailure returns the error that stands for the results of a commit: a temporary one
// before others.
func firstFailure(results []error) (first error) {
	for _, err := range results {
		if err != nil && (first == nil || !smtp.IsTemporary(first) && smtp.IsTemporary(err)) {
			first = err
		}
	}
	return first
}

// result is the label of an outcome.
func (d *delivery) result(err error) string {
	_, aborted := errors.AsType[*connError](err)
	switch {
	case aborted:
		return resultAborted
	case err != nil && smtp.IsTemporary(err):
		return resultDeferred
	case err != nil:
		return resultRefused
	case d.place == pipeline.OneAccount:
		return resultAccount
	}
	return resultQueue
}

// logRefusal logs what the client was told. Other errors are logged where they become a reply.
func (d *delivery) logRefusal(err error) {
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		d.c.log.Info("message refused", d.attrs("reply", e.Reply(), "err", e.Err)...)
	}
}

// attrs describe the message to the log.
func (d *delivery) attrs(more ...any) []any {
	size := int64(0)
	if d.body != nil {
		size = d.body.Size()
	}
	return append(more,
		slog.String("id", d.env.ID),
		slog.String("from", d.env.MailFrom.LogString()),
		slog.Int("recipients", len(d.tx.seen)),
		slog.Int64("size", size),
		slog.String("remote", d.c.remoteIP.String()),
		slog.String("account", d.env.Account),
	)
}

// close removes the spool. All targets are done with it.
func (d *delivery) close() {
	if d.body == nil {
		return
	}
	if err := d.body.Close(); err != nil {
		d.c.log.Error("removing spool", "err", err)
	}
}
