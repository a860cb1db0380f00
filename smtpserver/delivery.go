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

// dataLimit is how long a client may take for all data of a message, besides the timeout for
// each piece.
const dataLimit = time.Hour

// maxReceived is how many Received fields a message may have (RFC 5321 §6.3).
const maxReceived = 100

// delivery is a message from DATA, or the first BDAT, to its final reply.
type delivery struct {
	c     *conn
	tx    *transaction
	begun time.Time

	env       pipeline.Envelope // With what only the message itself tells.
	body      *pipeline.Spool
	w         io.Writer         // Leads to body, through the filters of the header.
	header    io.Closer         // Ends the filter.
	submitted *submissionHeader // The same, if this is a submission.
	trace     []byte            // Header fields for every copy.
	place     pipeline.Place

	queued string // The id by which the queue lists the message; empty if that is not for the client.
}

// newDelivery returns a delivery with an empty body. The caller must close it.
func newDelivery(c *conn) *delivery {
	d := &delivery{c: c, tx: c.tx, begun: time.Now(), env: c.tx.env}
	d.body = pipeline.NewSpool(c.s.opts.SpoolDir, c.s.opts.SpoolMemory)
	stream := d.tx.checks.Stream()
	if c.isSubmission() {
		h := newSubmissionHeader(withStream(stream, d.body))
		d.w, d.header, d.submitted = h, h, h
	} else {
		h := newIncomingHeader(d.body, c.l.authserv)
		d.w, d.header = withStream(stream, h), h
	}
	if c.in != nil {
		d.w = io.MultiWriter(d.w, dataTrace{c.in})
	}
	return d
}

// withStream returns a writer to w and, unless it is nil, a stream of checks.
func withStream(stream, w io.Writer) io.Writer {
	if stream == nil {
		return w
	}
	return io.MultiWriter(stream, w)
}

// deliver takes the steps with a message that was received, in order. Nothing has happened to
// the message if it returns an error, and all that "250" promises if it does not.
func (d *delivery) deliver(ctx context.Context) error {
	if err := d.received(); err != nil {
		return err
	}
	if err := d.checkBegin(); err != nil {
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

// receive reads what follows DATA, in one pass, into the spool.
func (d *delivery) receive() error {
	c := d.c
	c.reply(smtp.C354Continue, "", "end data with <CR><LF>.<CR><LF>")
	if err := c.flush(); err != nil {
		return &connError{err}
	}
	c.limit = d.begun.Add(dataLimit)
	if err := c.idle(); err != nil {
		return &connError{err}
	}
	dr := smtp.NewDataReader(c.br, smtp.DataOptions{MaxSize: c.l.MaxMessageSize, NormalizeLineEnds: c.l.NormalizeLineEnds})
	if _, err := dr.WriteTo(d.w); err != nil {
		return d.notReceived(dr, err)
	}
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
	if _, err := dr.WriteTo(io.Discard); err != nil && d.c.readErr != nil {
		return &connError{d.c.readErr}
	}
	return d.notSpooled(err)
}

// notSpooled tells the client of a failure to keep the message.
func (d *delivery) notSpooled(err error) error {
	d.c.log.Error("spooling message", "id", d.env.ID, "err", err)
	return smtp.NewError(smtp.C452StorageFull, smtp.E431SystemFull, "insufficient system storage, try again later", err)
}

// received ends the body.
func (d *delivery) received() error {
	if err := d.header.Close(); err != nil {
		return d.notSpooled(err)
	}
	if err := d.body.Finish(); err != nil {
		return err
	}
	d.env.Size = d.body.Size()
	d.env.EightBit = d.env.EightBit || d.body.EightBit()
	return nil
}

// end observes the outcome, and replies if it is good. With 250 the server has taken responsibility, with any
// other reply it has not (RFC 5321 §4.2.5, §6.1).
func (d *delivery) end(err error) error {
	m, kind := d.c.s.metrics, d.c.l.Kind.String()
	m.deliveries.WithLabelValues(kind, d.result(err)).Observe(time.Since(d.begun).Seconds())
	if err != nil {
		d.logRefusal(err)
		return err
	}
	m.bytes.WithLabelValues(kind).Add(float64(d.body.Size()))
	text := "message accepted, id " + d.env.ID
	if d.queued != "" {
		text += ", queued as " + d.queued
	}
	d.c.reply(smtp.C250Completed, smtp.E200Other, text)
	return nil
}

// dataTrace logs message data.
type dataTrace struct{ trace *logging.Trace }

func (t dataTrace) Write(p []byte) (int, error) {
	defer t.trace.SetKind(t.trace.SetKind(logging.LevelTracedata))
	t.trace.Log(p)
	return len(p), nil
}

// checkBegin refuses a message whose first line would continue the last field that the server puts before
// it (RFC 5322 §2.2.3).
func (d *delivery) checkBegin() error {
	var b [1]byte
	if _, err := d.body.ReadAt(b[:], 0); err != nil && err != io.EOF {
		return err
	}
	if b[0] == ' ' || b[0] == '\t' {
		return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E560ContentOther, "message begins with the continuation of a header field", nil)
	}
	return nil
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
	env := d.env
	env.Single = plan.Place == pipeline.OneAccount
	delivery, err := target.Begin(ctx, env)
	if err != nil {
		return err
	}
	results, err := pipeline.Hand(ctx, delivery, plan.Recipients, d.body)
	if err == nil {
		err = firstFailure(results)
	}
	if err != nil {
		return err
	}
	attrs := []any{"place", plan.Place.String()}
	if q, ok := delivery.(pipeline.Queued); ok {
		d.queued = q.QueueID()
		attrs = append(attrs, "queued", d.queued)
	}
	d.c.log.Info("message accepted", d.attrs(attrs...)...)
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

// attrs describe the message to the log, whose lines name the account already.
func (d *delivery) attrs(more ...any) []any {
	return append(more,
		slog.String("id", d.env.ID),
		slog.String("from", d.env.MailFrom.LogString()),
		slog.Int("recipients", len(d.tx.seen)),
		slog.Int64("size", d.body.Size()),
		slog.String("remote", d.c.remoteIP.String()),
	)
}

// close removes the spool. All targets are done with it. Calls after the first do nothing.
func (d *delivery) close() {
	if err := d.body.Close(); err != nil {
		d.c.log.Error("removing spool", "err", err)
	}
}
