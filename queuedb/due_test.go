package queuedb

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestDestinations(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	at := func(r *Recipient, d time.Duration) { r.NextAttempt = begin.Add(d) }
	m := newMessage("m", 100, "a@one.example", "b@one.example", "a@one.example.org", "a@two.example", "a@three.example")
	at(&m.Recipients[0], time.Hour)
	at(&m.Recipients[1], time.Minute)
	m.Recipients[3].State = Held
	_, rcpts := db.mustAdd(t, m)
	if _, _, err := db.Finish(t.Context(), []Result{{Recipient: rcpts[4].ID, State: Delivered}}, nil); err != nil {
		t.Fatal(err)
	}
	var many []string
	for i := range 250 {
		many = append(many, fmt.Sprintf("a@%04d.example", i))
	}
	db.mustAdd(t, newMessage("many", 10, many...))
	l, err := db.Destinations(t.Context())
	if err != nil || len(l) != 252 {
		t.Fatalf("%d destinations, %v; want 252", len(l), err)
	}
	if d := l[250]; d.Name != "one.example" || !d.Due.Equal(begin.Add(time.Minute)) {
		t.Errorf("destination %v", d)
	}
	if d := l[251]; d.Name != "one.example.org" || !d.Due.Equal(begin) {
		t.Errorf("destination %v", d)
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	ids := map[string]RecipientID{}
	add := func(id string, after time.Duration, state State, to ...string) Message {
		m := newMessage(id, 100, to...)
		for i := range m.Recipients {
			m.Recipients[i].NextAttempt, m.Recipients[i].State = begin.Add(after), state
		}
		msg, rcpts := db.mustAdd(t, m)
		for _, r := range rcpts {
			ids[id+" "+string(r.Path.Localpart)] = r.ID
		}
		return msg
	}
	late := add("late", 2*time.Hour, Waiting, "a@one.example")
	m1 := add("m1", 0, Waiting, "a@one.example", "b@one.example", "c@two.example", "d@one.example")
	m2 := add("m2", 0, Waiting, "a@one.example")
	early := add("early", -time.Hour, Waiting, "a@one.example")
	add("held", -time.Hour, Held, "a@one.example")

	for _, tc := range []struct {
		name        string
		destination string
		after       time.Duration
		busy        []string
		limit       int
		message     MessageID
		want        []string
		next        time.Duration // -1 for none.
	}{
		{"longest due first", "one.example", 0, nil, 10, early.ID, []string{"early a"}, 0},
		{"all of one message", "one.example", 0, []string{"early a"}, 10, m1.ID, []string{"m1 a", "m1 b", "m1 d"}, 0},
		{"up to the limit", "one.example", 0, []string{"early a"}, 2, m1.ID, []string{"m1 a", "m1 b"}, 0},
		{"but for the busy ones", "one.example", 0, []string{"early a", "m1 a", "m1 b"}, 2, m1.ID, []string{"m1 d"}, 0},
		{"the next message", "one.example", 0, []string{"early a", "m1 a", "m1 b", "m1 d"}, 2, m2.ID, []string{"m2 a"}, 2 * time.Hour},
		{"busy ones of others change nothing", "two.example", 0, []string{"early a", "m1 a"}, 2, m1.ID, []string{"m1 c"}, -1},
		{"all busy, one later", "one.example", 0, []string{"early a", "m1 a", "m1 b", "m1 d", "m2 a"}, 2, 0, nil, 2 * time.Hour},
		{"not due yet", "one.example", -time.Minute, []string{"early a"}, 10, 0, nil, 0},
		{"all later", "one.example", -2 * time.Hour, nil, 10, 0, nil, -time.Hour},
		{"after all", "one.example", 3 * time.Hour, []string{"early a", "m1 a", "m1 b", "m1 d", "m2 a"}, 2, late.ID, []string{"late a"}, -1},
		{"unknown destination", "none.example", 0, nil, 10, 0, nil, -1},
		{"beginning of a destination", "one", 0, nil, 10, 0, nil, -1},
	} {
		busy := map[RecipientID]struct{}{}
		for _, k := range tc.busy {
			busy[ids[k]] = struct{}{}
		}
		due, err := db.Due(t.Context(), tc.destination, begin.Add(tc.after), busy, tc.limit)
		if err != nil {
			t.Fatal(err)
		}
		var want []RecipientID
		for _, k := range tc.want {
			want = append(want, ids[k])
		}
		wantNext := time.Time{}
		if tc.next != -1 {
			wantNext = begin.Add(tc.next)
		}
		if due.Message != tc.message || !slices.Equal(due.Recipients, want) || !due.Next.Equal(wantNext) {
			t.Errorf("%s: %+v, want message %d, recipients %v, next %v", tc.name, due, tc.message, want, wantNext)
		}
	}
}

func TestClaim(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	m := newMessage("m", 100, "waiting@one.example", "later@one.example", "held@one.example", "done@one.example")
	m.Recipients[1].NextAttempt = begin.Add(time.Second)
	m.Recipients[2].State = Held
	msg, rcpts := db.mustAdd(t, m)
	_, other := db.mustAdd(t, newMessage("other", 100, "a@one.example"))
	if _, _, err := db.Finish(t.Context(), []Result{{Recipient: rcpts[3].ID, State: Failed}}, nil); err != nil {
		t.Fatal(err)
	}
	all := []RecipientID{rcpts[0].ID, rcpts[1].ID, rcpts[2].ID, rcpts[3].ID, other[0].ID, 1 << 40}
	got, l, err := db.Claim(t.Context(), msg.ID, all, begin)
	if err != nil || got.EnvelopeID != "m" || len(l) != 1 || l[0].Path.Localpart != "waiting" {
		t.Errorf("claimed %v of %v, %v; want the one that waits", l, got, err)
	}
	if _, _, err := db.Claim(t.Context(), 1<<40, all, begin); !errors.Is(err, ErrNoMessage) {
		t.Errorf("unknown message: %v, want ErrNoMessage", err)
	}
}
