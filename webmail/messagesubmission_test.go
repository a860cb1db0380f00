package webmail

import (
	"testing"
	"time"

	"mox/queue"
	"mox/queuedb"
	"mox/smtp"
	"mox/store"
)

func TestDeliveryWords(t *testing.T) {
	t.Parallel()
	next := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	refused := queuedb.Attempt{Remote: "mx.example.com", Code: 550, Enhanced: "5.1.1", Text: "no such\x1b user"}
	for _, test := range []struct {
		name   string
		status queue.RecipientStatus
		want   Delivery
	}{
		{"new", queue.RecipientStatus{State: queuedb.Waiting, NextAttempt: next}, Delivery{State: "waiting", Level: LevelInfo, Text: "On its way.", Next: next.Unix()}},
		{"deferred", queue.RecipientStatus{State: queuedb.Waiting, Attempts: 1, NextAttempt: next, Results: []queuedb.Attempt{{Text: "connection refused"}}},
			Delivery{State: "waiting", Level: LevelWarn, Text: "Not delivered yet, it will be tried again: connection refused", Attempts: 1, Next: next.Unix()}},
		{"delivered", queue.RecipientStatus{State: queuedb.Delivered, Attempts: 2, Results: []queuedb.Attempt{refused, {Remote: "mx.example.com", Success: true, Code: 250, Text: "ok"}}},
			Delivery{State: "delivered", Level: LevelOK, Text: "Accepted by mx.example.com.", Remote: "mx.example.com", Attempts: 2}},
		{"delivered here", queue.RecipientStatus{State: queuedb.Delivered}, Delivery{State: "delivered", Level: LevelOK, Text: "Delivered."}},
		{"failed", queue.RecipientStatus{State: queuedb.Failed, Attempts: 1, Results: []queuedb.Attempt{refused}},
			Delivery{State: "failed", Level: LevelBad, Text: "Could not be delivered: 550 5.1.1 no such user", Remote: "mx.example.com", Attempts: 1}},
		{"failed before it was tried", queue.RecipientStatus{State: queuedb.Failed}, Delivery{State: "failed", Level: LevelBad, Text: "Could not be delivered."}},
		{"held", queue.RecipientStatus{State: queuedb.Held}, Delivery{State: "held", Level: LevelWarn, Text: "Held until the operator of the server lets it go."}},
		{"taken back", queue.RecipientStatus{State: queuedb.Dropped}, Delivery{State: "canceled", Level: LevelWarn, Text: "Taken back before it was delivered."}},
	} {
		test.status.Path = smtp.Path{Localpart: "joe"}
		test.want.Address = test.status.Path.String()
		if got := deliveryOf(&test.status); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestSubmissionState(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		sub  store.Submission
		want SubmissionState
	}{
		{store.Submission{State: store.SubmissionPending, SendAt: now.Add(time.Second)}, SubmissionHeld},
		{store.Submission{State: store.SubmissionQueued, SendAt: now.Add(time.Hour)}, SubmissionHeld},
		{store.Submission{State: store.SubmissionQueued, SendAt: now}, SubmissionSending},
		{store.Submission{State: store.SubmissionPending}, SubmissionSending},
		{store.Submission{State: store.SubmissionDone, SendAt: now.Add(time.Hour)}, SubmissionDone},
		{store.Submission{State: store.SubmissionCanceled, SendAt: now.Add(time.Hour)}, SubmissionCanceled},
	} {
		if got := stateOf(&test.sub, now); got != test.want {
			t.Errorf("%+v is %s, want %s", test.sub, got, test.want)
		}
	}
}
