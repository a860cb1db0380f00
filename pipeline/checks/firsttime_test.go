package checks

import (
	"context"
	"errors"
	"testing"
	"time"

	"mox/pipeline"
	"mox/pipeline/checktest"
	"mox/smtp"
)

func TestFirstTimeSuite(t *testing.T) {
	t.Parallel()
	checktest.Run(t, func(t *testing.T) checktest.Harness {
		return checktest.Harness{Check: NewFirstTime(FirstTimeOptions{
			Limit:     func(string) int { return 1 },
			HasSentTo: func(context.Context, string, smtp.Path) (bool, error) { return false, nil },
		})}
	})
}

func TestFirstTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	limits := map[string]int{"ann": 2, "bob": 2, "carl": 0}
	known := map[string]bool{}
	fails := false
	check := NewFirstTime(FirstTimeOptions{
		Limit: func(account string) int { return limits[account] },
		HasSentTo: func(_ context.Context, account string, to smtp.Path) (bool, error) {
			if fails {
				return false, errors.New("disk")
			}
			return known[account+" "+string(to.Localpart)], nil
		},
		Now: func() time.Time { return now },
	})
	send := func(conn pipeline.Conn, to pipeline.Recipient) (pipeline.Result, error) {
		s, err := check.Start(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return s.Recipient(t.Context(), to)
	}
	submission := func(account string) pipeline.Conn { return pipeline.Conn{Submission: true, Account: account} }
	local := recipient(t, "here")
	outside := func(localpart string) pipeline.Recipient {
		r := recipient(t, localpart)
		r.Account = ""
		return r
	}
	for _, tc := range []struct {
		name  string
		conn  pipeline.Conn
		to    pipeline.Recipient
		after time.Duration
		taken bool
	}{
		{"first", submission("ann"), outside("a"), 0, true},
		{"second", submission("ann"), outside("b"), 0, true},
		{"over the limit", submission("ann"), outside("c"), time.Hour, false},
		{"known", submission("ann"), outside("friend"), 0, true},
		{"an account here", submission("ann"), local, 0, true},
		{"known to another", submission("bob"), outside("friend"), 0, true},
		{"another account", submission("bob"), outside("c"), 0, true},
		{"which has the same limit", submission("bob"), outside("d"), 0, false},
		{"no limit", submission("carl"), outside("c"), 0, true},
		{"mail from outside", pipeline.Conn{}, outside("c"), 0, true},
		{"two days later", submission("ann"), outside("c"), 48 * time.Hour, true},
	} {
		known["ann friend"] = true
		now = now.Add(tc.after)
		r, err := send(tc.conn, tc.to)
		if taken := r.Verdict == pipeline.Neutral; taken != tc.taken || err != nil {
			t.Errorf("%s: %+v, %v", tc.name, r, err)
		} else if !taken && (r.Reply == nil || r.Reply.Code != 450) {
			t.Errorf("%s: refused with %v, want a temporary error", tc.name, r.Reply)
		}
	}
	fails = true
	if r, err := send(submission("ann"), outside("x")); err == nil || r.Verdict != pipeline.Neutral {
		t.Errorf("not known whether new: %+v, %v", r, err)
	}
}
