package queuedb

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"mox/smtp"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	var ids []RecipientID
	var msgs []MessageID
	add := func(id, account, from string, to ...string) {
		m := newMessage(id, 100, to...)
		m.Account = account
		m.MailFrom = smtp.Path{}
		if from != "" {
			m.MailFrom = mustPath(from)
		}
		for i := range m.Recipients {
			m.Recipients[i].NextAttempt = begin.Add(time.Duration(len(ids)) * time.Hour)
		}
		msg, rcpts := db.mustAdd(t, m)
		msgs = append(msgs, msg.ID)
		for _, r := range rcpts {
			ids = append(ids, r.ID)
		}
	}
	add("m1", "ann", "Ann@Example.com", "a@one.example", "b@two.example")
	add("m2", "", "", "c@one.example")
	add("m3", "bob", "bob@example.com", "d@two.example", "e@two.example.org")
	if _, _, err := db.Finish(t.Context(), []Result{{Recipient: ids[3], State: Failed}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), Filter{IDs: ids[1:2]}, Change{State: Held}, func(Changed) {}); err != nil {
		t.Fatal(err)
	}
	const a, b, c, d, e = "m1 a@one.example waiting", "m1 b@two.example held", "m2 c@one.example waiting", "m3 d@two.example failed", "m3 e@two.example.org waiting"
	for _, tc := range []struct {
		name   string
		filter Filter
		want   []string
	}{
		{"all", Filter{}, []string{a, b, c, d, e}},
		{"ids", Filter{IDs: []RecipientID{ids[4], ids[0], 1 << 40}}, []string{a, e}},
		{"message", Filter{Messages: msgs[2:]}, []string{d, e}},
		{"messages", Filter{Messages: []MessageID{msgs[2], msgs[0]}}, []string{a, b, d, e}},
		{"ids and messages", Filter{IDs: ids, Messages: msgs[1:2]}, []string{c}},
		{"envelope", Filter{EnvelopeID: "m1"}, []string{a, b}},
		{"unknown envelope", Filter{EnvelopeID: "m"}, nil},
		{"account", Filter{Account: "ann"}, []string{a, b}},
		{"from", Filter{From: "ann@example"}, []string{a, b}},
		{"null reverse-path", Filter{From: "<>"}, []string{c}},
		{"to", Filter{To: "@TWO"}, []string{b, d, e}},
		{"domain", Filter{Domain: "two.example"}, []string{b, d}},
		{"state", Filter{States: []State{Held, Failed}}, []string{b, d}},
		{"open", Filter{OpenOnly: true, Domain: "two.example"}, []string{b}},
		{"due", Filter{DueBefore: begin.Add(2 * time.Hour)}, []string{a, b}},
		{"several", Filter{Account: "ann", To: "c@"}, nil},
	} {
		if got := db.list(t, tc.filter); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestListInPages(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	const n = pageRows + 20
	var to []string
	for i := range n {
		to = append(to, fmt.Sprintf("r%d@d%d.example", i, i%2))
	}
	db.mustAdd(t, newMessage("m", 100, to...))
	var after RecipientID
	got := 0
	for {
		l, err := db.List(t.Context(), Filter{Domain: "d1.example"}, Page{After: after, Limit: 17})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range l {
			if e.Recipient.ID <= after {
				t.Fatalf("recipient %d after %d", e.Recipient.ID, after)
			}
			after = e.Recipient.ID
		}
		if got += len(l); len(l) < 17 {
			break
		}
	}
	if got != n/2 {
		t.Errorf("%d recipients in pages, want %d", got, n/2)
	}
	if l, err := db.List(t.Context(), Filter{}, Page{}); err != nil || len(l) != 100 {
		t.Errorf("%d recipients in a page without limit, %v; want 100", len(l), err)
	}
}

func TestFinish(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	msg, r := db.mustAdd(t, newMessage("m", 300<<10, "a@example.org", "b@example.org", "c@example.org", "d@example.org"))
	if err := db.Update(t.Context(), Filter{IDs: []RecipientID{r[2].ID}}, Change{State: Held, Note: "held"}, func(Changed) {}); err != nil {
		t.Fatal(err)
	}
	next := begin.Add(time.Hour)
	long := Attempt{Start: begin, Remote: "mx", Code: 451, Enhanced: "4.2.0", Text: string(make([]byte, 5000))}
	done, added, err := db.Finish(t.Context(), []Result{
		{Recipient: r[0].ID, State: Waiting, Next: next, DelayTold: true, Attempt: long},
		{Recipient: r[1].ID, State: Delivered, Attempt: Attempt{Start: begin, Success: true}},
		{Recipient: r[2].ID, State: Waiting, Next: next},
		{Recipient: r[3].ID, State: Failed},
		{Recipient: 1 << 40, State: Failed},
	}, nil)
	if err != nil || len(done) != 0 || len(added) != 0 {
		t.Fatalf("finish: %v, %v, %v", done, added, err)
	}
	wantList(t, db.list(t, Filter{}), "m a@example.org waiting", "m b@example.org delivered", "m c@example.org held", "m d@example.org failed")
	l, err := db.List(t.Context(), Filter{}, Page{})
	if err != nil {
		t.Fatal(err)
	}
	if got := l[0].Recipient; !got.NextAttempt.Equal(next) || got.Attempts != 1 || !got.DelayTold || len(got.Results) != 1 || len(got.Results[0].Text) != 2000 || got.Results[0].Code != 451 {
		t.Errorf("waiting recipient %+v", got)
	}
	if got := l[1].Recipient; !got.NextAttempt.IsZero() || got.Attempts != 1 || len(got.Results) != 1 || !got.Results[0].Success {
		t.Errorf("delivered recipient %+v", got)
	}
	if m := l[0].Message; m.Open != 2 {
		t.Errorf("%d open, want 2", m.Open)
	}

	// Final states stay, whatever comes later.
	if _, _, err := db.Finish(t.Context(), []Result{{Recipient: r[3].ID, State: Delivered}}, nil); err != nil {
		t.Fatal(err)
	}
	wantList(t, db.list(t, Filter{IDs: []RecipientID{r[3].ID}}), "m d@example.org failed")
	// And nobody is told what is not so.
	_, _, err = db.Finish(t.Context(), []Result{{Recipient: r[0].ID, State: Failed}, {Recipient: r[3].ID, State: Failed}}, []NewMessage{newMessage("dsn", 1<<20, "x@example.com")})
	if !errors.Is(err, ErrChanged) {
		t.Fatalf("notification about a final recipient: %v, want ErrChanged", err)
	}
	wantList(t, db.list(t, Filter{States: []State{Waiting}}), "m a@example.org waiting")
	db.checkFiles(t, 1)

	done, added, err = db.Finish(t.Context(), []Result{{Recipient: r[0].ID, State: Failed}, {Recipient: r[2].ID, State: Delivered}}, []NewMessage{newMessage("dsn", 100, "x@example.com")})
	if err != nil || len(done) != 1 || done[0].ID != msg.ID || done[0].Open != 0 || len(added) != 1 || added[0].Path.Localpart != "x" {
		t.Fatalf("finish: %v, %v, %v", done, added, err)
	}
	if _, err := db.OpenBody(t.Context(), msg.ID); !errors.Is(err, ErrNoMessage) {
		t.Errorf("body of a finished message: %v, want ErrNoMessage", err)
	}
	db.checkFiles(t, 0)
}

func TestResultsAreBounded(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	_, r := db.mustAdd(t, newMessage("m", 100, "a@example.org"))
	for i := range 25 {
		if _, _, err := db.Finish(t.Context(), []Result{{Recipient: r[0].ID, State: Waiting, Next: begin, Attempt: Attempt{Text: fmt.Sprint(i)}}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	l, err := db.List(t.Context(), Filter{}, Page{})
	if err != nil {
		t.Fatal(err)
	}
	if got := l[0].Recipient; got.Attempts != 25 || len(got.Results) != 20 || got.Results[0].Text != "5" || got.Results[19].Text != "24" {
		t.Errorf("%d attempts, results %v", got.Attempts, got.Results)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	next := begin.Add(time.Hour)
	for _, tc := range []struct {
		name          string
		change        Change
		waiting, held State // Of those that were; zero for not changed.
		next          time.Time
	}{
		{"hold", Change{State: Held}, Held, 0, begin},
		{"schedule", Change{State: Waiting, Next: next, KeepHeld: true}, Waiting, Held, next},
		{"release", Change{State: Waiting}, Waiting, Waiting, begin},
		{"release with time", Change{State: Waiting, Next: next}, Waiting, Waiting, next},
		{"drop", Change{State: Dropped, Note: "dropped"}, Dropped, Dropped, time.Time{}},
		{"fail", Change{State: Failed}, Failed, Failed, time.Time{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			db := newDB(t, nil)
			m := newMessage("m", 100, "waiting@example.org", "held@example.org", "done@example.org")
			m.Recipients[1].State = Held
			_, r := db.mustAdd(t, m)
			if _, _, err := db.Finish(t.Context(), []Result{{Recipient: r[2].ID, State: Delivered}}, nil); err != nil {
				t.Fatal(err)
			}
			got := map[RecipientID]State{}
			var done []Message
			err := db.Update(t.Context(), Filter{}, tc.change, func(ch Changed) {
				for _, r := range ch.Recipients {
					got[r.ID] = r.State
					if !r.NextAttempt.Equal(tc.next) {
						t.Errorf("next attempt %v, want %v", r.NextAttempt, tc.next)
					}
					if tc.change.Note != "" && r.Results[len(r.Results)-1].Text != tc.change.Note {
						t.Errorf("results %v", r.Results)
					}
				}
				done = append(done, ch.Done...)
			})
			if err != nil || got[r[0].ID] != tc.waiting || got[r[1].ID] != tc.held || got[r[2].ID] != 0 {
				t.Errorf("changed %v, %v", got, err)
			}
			if final := tc.change.State.Final(); (len(done) == 1) != final {
				t.Errorf("done %v", done)
			}
		})
	}
}

// What happens between the looking and the writing is not overwritten, nor told wrongly.
func TestUpdateMeetsOthers(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	_, r := db.mustAdd(t, newMessage("m", 100, "a@example.org", "b@example.org"))
	calls := 0
	var told []RecipientID
	c := Change{State: Failed, Notify: func(l []Entry) ([]NewMessage, error) {
		told = nil
		for _, e := range l {
			told = append(told, e.Recipient.ID)
		}
		if calls++; calls == 1 {
			// An attempt ends.
			if _, _, err := db.Finish(t.Context(), []Result{{Recipient: r[0].ID, State: Delivered}}, nil); err != nil {
				t.Error(err)
			}
		}
		return []NewMessage{newMessage("dsn", 100, "x@example.com")}, nil
	}}
	n := 0
	if err := db.Update(t.Context(), Filter{EnvelopeID: "m"}, c, func(ch Changed) { n += len(ch.Recipients) }); err != nil {
		t.Fatal(err)
	}
	if n != 1 || calls != 2 || !slices.Equal(told, []RecipientID{r[1].ID}) {
		t.Errorf("%d changed, told of %v in call %d; want b only, in the second", n, told, calls)
	}
	wantList(t, db.list(t, Filter{}), "m a@example.org delivered", "m b@example.org failed", "dsn x@example.com waiting")
}

// Notifications for many messages are made a few at a time.
func TestUpdateNotifiesInParts(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	const n = 3*notifyMessages + 1
	for i := range n {
		db.mustAdd(t, newMessage(fmt.Sprint("m", i), 100, "a@example.org", "b@example.org"))
	}
	most, rcpts := 0, 0
	c := Change{State: Failed, Notify: func(l []Entry) ([]NewMessage, error) {
		msgs := map[MessageID]bool{}
		for _, e := range l {
			msgs[e.Message.ID] = true
		}
		most = max(most, len(msgs))
		rcpts += len(l)
		return nil, nil
	}}
	changed, done := 0, 0
	err := db.Update(t.Context(), Filter{}, c, func(ch Changed) { changed += len(ch.Recipients); done += len(ch.Done) })
	if err != nil || most > notifyMessages || rcpts != 2*n || changed != 2*n || done != n {
		t.Errorf("up to %d messages at a time, %d recipients told of, %d changed, %d messages done, %v", most, rcpts, changed, done, err)
	}
	boom := errors.New("boom")
	db.mustAdd(t, newMessage("m", 100, "a@example.org"))
	c.Notify = func([]Entry) ([]NewMessage, error) { return nil, boom }
	if err := db.Update(t.Context(), Filter{}, c, func(Changed) {}); !errors.Is(err, boom) {
		t.Errorf("no notification: %v, want its error", err)
	}
	wantList(t, db.list(t, Filter{OpenOnly: true}), "m a@example.org waiting")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	cancel := func(id string) bool {
		t.Helper()
		m, canceled, err := db.Cancel(t.Context(), id, "canceled")
		if err != nil || m.EnvelopeID != id || canceled && !m.Canceled {
			t.Fatalf("cancel: %+v, %v, %v", m, canceled, err)
		}
		return canceled
	}
	_, r := db.mustAdd(t, newMessage("tried", 100, "a@example.org", "b@example.org"))
	if _, _, err := db.Finish(t.Context(), []Result{{Recipient: r[1].ID, State: Waiting, Next: begin}}, nil); err != nil {
		t.Fatal(err)
	}
	db.mustAdd(t, newMessage("dropped", 100, "a@example.org", "b@example.org"))
	if err := db.Update(t.Context(), Filter{EnvelopeID: "dropped", To: "a@"}, Change{State: Dropped}, func(Changed) {}); err != nil {
		t.Fatal(err)
	}
	msg, _ := db.mustAdd(t, newMessage("new", 300<<10, "a@example.org", "b@example.org"))
	if cancel("tried") || cancel("dropped") {
		t.Error("canceled what has begun")
	}
	if !cancel("new") || cancel("new") {
		t.Error("canceled not once")
	}
	if _, _, err := db.Cancel(t.Context(), "unknown", ""); !errors.Is(err, ErrNoMessage) {
		t.Errorf("unknown: %v, want ErrNoMessage", err)
	}
	wantList(t, db.list(t, Filter{EnvelopeID: "new"}), "new a@example.org dropped", "new b@example.org dropped")
	wantList(t, db.list(t, Filter{EnvelopeID: "tried"}), "tried a@example.org waiting", "tried b@example.org waiting")
	if _, err := db.OpenBody(t.Context(), msg.ID); !errors.Is(err, ErrNoMessage) {
		t.Errorf("body: %v, want ErrNoMessage", err)
	}
	db.checkFiles(t, 0)
	if l, err := db.Untold(t.Context(), 0, 10); err != nil || len(l) != 1 || !l[0].Canceled {
		t.Errorf("done: %v, %v", l, err)
	}
}

// A message that is to be sent later can be canceled and rescheduled until then.
func TestReschedule(t *testing.T) {
	t.Parallel()
	var passed atomic.Int64 // Since begin.
	db := newDB(t, func(o *Options) { o.Now = func() time.Time { return begin.Add(time.Duration(passed.Load())) } })
	at := begin.Add(time.Hour)
	add := func(id string, at time.Time) []Recipient {
		t.Helper()
		m := newMessage(id, 100, "a@example.org", "b@example.org")
		m.SendAt, m.RequireTLS = at, smtp.RequireTLSAlways
		for i := range m.Recipients {
			m.Recipients[i].NextAttempt = at
		}
		msg, rcpts := db.mustAdd(t, m)
		if !msg.SendAt.Equal(at) || msg.RequireTLS != smtp.RequireTLSAlways {
			t.Fatalf("added %+v", msg)
		}
		return rcpts
	}
	reschedule := func(id string, at time.Time, want bool) {
		t.Helper()
		rcpts, ok, err := db.Reschedule(t.Context(), id, at)
		if err != nil || ok != want || ok != (len(rcpts) == 2) {
			t.Fatalf("reschedule %s: %v, %v, %v; want %v", id, rcpts, ok, err, want)
		}
		for _, r := range rcpts {
			if !r.NextAttempt.Equal(at) {
				t.Errorf("next attempt %s, want %s", r.NextAttempt, at)
			}
		}
	}
	add("later", at)
	held := add("held", at)
	if err := db.Update(t.Context(), Filter{IDs: []RecipientID{held[0].ID}}, Change{State: Held}, func(Changed) {}); err != nil {
		t.Fatal(err)
	}
	tried := add("tried", at)
	if _, _, err := db.Finish(t.Context(), []Result{{Recipient: tried[0].ID, State: Waiting, Next: at}}, nil); err != nil {
		t.Fatal(err)
	}
	db.mustAdd(t, newMessage("at once", 100, "a@example.org"))
	reschedule("tried", at, false)
	reschedule("at once", at, false)
	if _, _, err := db.Reschedule(t.Context(), "unknown", at); !errors.Is(err, ErrNoMessage) {
		t.Errorf("unknown: %v", err)
	}
	at = begin.Add(2 * time.Hour)
	reschedule("held", at, true)
	reschedule("later", at, true)
	wantList(t, db.list(t, Filter{EnvelopeID: "held"}), "held a@example.org held", "held b@example.org waiting")
	if m, err := db.MessageByEnvelope(t.Context(), "later"); err != nil || !m.SendAt.Equal(at) || !m.Begin().Equal(at) {
		t.Errorf("%+v, %v", m, err)
	}
	passed.Store(int64(2*time.Hour - time.Second))
	if _, ok, err := db.Cancel(t.Context(), "held", ""); !ok || err != nil {
		t.Errorf("cancel a second before: %v, %v", ok, err)
	}
	reschedule("held", at, false)
	passed.Store(int64(2 * time.Hour))
	reschedule("later", at.Add(time.Hour), false)
	if _, ok, err := db.Cancel(t.Context(), "later", ""); ok || err != nil {
		t.Errorf("cancel at the time: %v, %v", ok, err)
	}
}

func TestTold(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	var ids []MessageID
	for i := range 5 {
		m, r := db.mustAdd(t, newMessage(fmt.Sprint(i), 100, "a@example.org"))
		ids = append(ids, m.ID)
		if i < 4 {
			if _, _, err := db.Finish(t.Context(), []Result{{Recipient: r[0].ID, State: Delivered}}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(after MessageID, limit int, want ...MessageID) {
		t.Helper()
		l, err := db.Untold(t.Context(), after, limit)
		var got []MessageID
		for _, m := range l {
			got = append(got, m.ID)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("untold %v, %v; want %v", got, err, want)
		}
	}
	check(0, 10, ids[:4]...)
	check(ids[0], 2, ids[1], ids[2])
	if err := db.Told(t.Context(), []MessageID{ids[1], ids[4], 1 << 40}); err != nil {
		t.Fatal(err)
	}
	check(0, 10, ids[0], ids[2], ids[3])
}
