package webmail

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"mox/message"
	"mox/queue"
	"mox/queuedb"
	"mox/store"
)

// submissionOf returns what is known of the way of a message that the account sent, nil if it has not, or nothing is known any
// more.
func (s *Server) submissionOf(ctx context.Context, acc *store.Account, id store.EmailID, env *message.Envelope) (*Submission, error) {
	sub, err := acc.SubmissionOf(ctx, id)
	if errors.Is(err, store.ErrNoSubmission) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	status, err := s.opts.Submissions.Status(ctx, acc.Name(), sub.ID)
	if errors.Is(err, store.ErrNoSubmission) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	now := s.now()
	r := &Submission{
		ID: strconv.FormatInt(int64(sub.ID), 10), State: stateOf(&status.Submission, now), Email: id.String(),
		Subject: env.Subject, To: persons(env.To, maxPeople),
	}
	if !status.Submission.SendAt.IsZero() {
		r.SendAt = status.Submission.SendAt.Unix()
	}
	for i := range status.Recipients {
		r.Recipients = append(r.Recipients, deliveryOf(&status.Recipients[i]))
	}
	return r, nil
}

// stateOf returns where a submission is.
func stateOf(sub *store.Submission, now time.Time) SubmissionState {
	switch {
	case sub.State == store.SubmissionDone:
		return SubmissionDone
	case sub.State == store.SubmissionCanceled:
		return SubmissionCanceled
	case sub.SendAt.After(now):
		return SubmissionHeld
	}
	return SubmissionSending
}

// deliveryOf says in words what became of a message for a recipient.
func deliveryOf(r *queue.RecipientStatus) Delivery {
	d := Delivery{Address: r.Path.String(), State: r.State.String(), Level: LevelInfo, Attempts: r.Attempts}
	var last queuedb.Attempt
	if n := len(r.Results); n > 0 {
		last = r.Results[n-1]
	}
	d.Remote = cutText(last.Remote, 200)
	answer := answerOf(last)
	switch r.State {
	case queuedb.Delivered:
		d.Level, d.Text = LevelOK, "Delivered."
		if last.Remote != "" {
			d.Text = "Accepted by " + d.Remote + "."
		}
	case queuedb.Failed:
		d.Level, d.Text = LevelBad, "Could not be delivered"
	case queuedb.Dropped:
		d.State, d.Level, d.Text = "canceled", LevelWarn, "Taken back before it was delivered."
	case queuedb.Held:
		d.Level, d.Text = LevelWarn, "Held until the operator of the server lets it go."
	default:
		d.Text = "On its way."
		if r.Attempts > 0 {
			d.Level, d.Text = LevelWarn, "Not delivered yet, it will be tried again"
		}
		if !r.NextAttempt.IsZero() {
			d.Next = r.NextAttempt.Unix()
		}
	}
	if !strings.HasSuffix(d.Text, ".") {
		if answer != "" {
			d.Text += ": " + answer
		} else {
			d.Text += "."
		}
	}
	return d
}

// answerOf returns what another server said.
func answerOf(a queuedb.Attempt) string {
	var l []string
	if a.Code != 0 {
		l = append(l, strconv.Itoa(a.Code))
	}
	if a.Enhanced != "" {
		l = append(l, a.Enhanced)
	}
	return cutText(strings.Join(append(l, message.DecodeText([]byte(a.Text))), " "), 500)
}
