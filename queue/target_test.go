package queue

import (
	"io"
	"log/slog"
	"testing"

	"mox/pipeline"
	"mox/pipeline/targettest"
	"mox/queuedb"
	"mox/store"
)

// queued returns what the queue, which was not started, holds for a recipient.
func (tq *testQueue) queued(t *testing.T, r pipeline.Recipient) []string {
	t.Helper()
	l, err := tq.List(t.Context(), queuedb.Filter{}, queuedb.Page{Limit: 1000})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	var msgs []string
	for _, e := range l {
		if e.Recipient.Path != r.Path {
			continue
		}
		b, err := tq.OpenBody(t.Context(), e.Message.ID)
		if err != nil {
			t.Fatalf("body: %v", err)
		}
		text, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
		if err != nil {
			t.Fatalf("body: %v", err)
		}
		b.Close()
		msgs = append(msgs, string(e.Recipient.Prefix)+string(text))
	}
	return msgs
}

func TestTarget(t *testing.T) {
	t.Parallel()
	targettest.Run(t, func(t *testing.T) targettest.Harness {
		tq := newQueue(t, t.TempDir(), nil)
		t.Cleanup(tq.close)
		return targettest.Harness{
			Target: tq.Target(),
			Recipients: []pipeline.Recipient{
				{Path: path(t, "a@remote.example")}, {Path: path(t, "b@local.example"), Account: "b"}, {Path: path(t, "c@[192.0.2.1]")},
			},
			Messages: tq.queued,
		}
	})
}

// newSubmissions returns the queue with submissions of account "a".
func newSubmissions(t *testing.T, tq *testQueue) (*Submissions, *store.Store) {
	t.Helper()
	st, err := store.New(store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatalf("store: %v", err)
	}
	t.Cleanup(func() { st.Close() })
	if err := st.Create(t.Context(), "a"); err != nil {
		t.Fatalf("account: %v", err)
	}
	return &Submissions{Queue: tq.Queue, Accounts: st, Log: slog.New(slog.DiscardHandler)}, st
}

func TestSubmissionsTarget(t *testing.T) {
	t.Parallel()
	targettest.Run(t, func(t *testing.T) targettest.Harness {
		tq := newQueue(t, t.TempDir(), nil)
		t.Cleanup(tq.close)
		subs, _ := newSubmissions(t, tq)
		return targettest.Harness{
			Target:     subs,
			Account:    "a",
			ReplacesID: true,
			Recipients: []pipeline.Recipient{{Path: path(t, "x@remote.example")}, {Path: path(t, "b@local.example"), Account: "b"}},
			Messages:   tq.queued,
		}
	})
}
