package checks

import (
	"testing"
	"time"

	"mox/pipeline"
	"mox/pipeline/checktest"
)

func TestSendLimitSuite(t *testing.T) {
	t.Parallel()
	checktest.Run(t, func(t *testing.T) checktest.Harness {
		return checktest.Harness{Check: NewSendLimit(func(string) SendLimits { return SendLimits{1, 1, 1} }, nil)}
	})
}

func TestSendLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	limits := map[string]SendLimits{
		"ann": {RecipientsPerDay: 3}, "bob": {RecipientsPerDay: 3}, "carl": {}, "dora": {RecipientsPerDay: 1}, "erna": {RecipientsPerHour: 2, RecipientsPerDay: 3},
	}
	check := NewSendLimit(func(account string) SendLimits { return limits[account] }, func() time.Time { return now })
	// sends returns how many of n recipients are taken.
	sends := func(conn pipeline.Conn, n int) int {
		t.Helper()
		s, err := check.Start(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		taken := 0
		for range n {
			r, err := s.Recipient(t.Context(), recipient(t, "x"))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case r.Verdict == pipeline.Neutral:
				taken++
			case r.Reply == nil || r.Reply.Code != 450:
				t.Errorf("refused with %v, want a temporary error", r.Reply)
			}
		}
		return taken
	}
	submission := func(account string) pipeline.Conn { return pipeline.Conn{Submission: true, Account: account} }
	for _, tc := range []struct {
		name  string
		conn  pipeline.Conn
		after time.Duration
		n     int
		want  int
	}{
		{"below the limit", submission("ann"), 0, 2, 2},
		{"over it, in another message", submission("ann"), time.Hour, 2, 1},
		{"another account with the same limit", submission("bob"), 0, 5, 3},
		{"another limit", submission("dora"), 0, 2, 1},
		{"no limit", submission("carl"), 0, 100, 100},
		{"limit of the hour", submission("erna"), 0, 3, 2},
		{"limit of the day", submission("erna"), 2 * time.Hour, 3, 1},
		{"mail from outside", pipeline.Conn{}, 0, 100, 100},
		{"still", submission("ann"), 20 * time.Hour, 1, 0},
		{"two days later", submission("ann"), 48 * time.Hour, 5, 3},
	} {
		now = now.Add(tc.after)
		if got := sends(tc.conn, tc.n); got != tc.want {
			t.Errorf("%s: %d of %d recipients were taken, want %d", tc.name, got, tc.n, tc.want)
		}
	}
	limits["ann"] = SendLimits{RecipientsPerDay: 10}
	if got := sends(submission("ann"), 20); got != 10 {
		t.Errorf("after the limit was raised to 10, %d more were taken", got)
	}
}

func TestSendLimitOfMessages(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	check := NewSendLimit(func(string) SendLimits { return SendLimits{MessagesPerHour: 2, RecipientsPerDay: 1} }, func() time.Time { return now })
	begin := func(conn pipeline.Conn) pipeline.Result {
		t.Helper()
		s, err := check.Start(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		r, err := s.Sender(t.Context(), pipeline.Envelope{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ann := pipeline.Conn{Submission: true, Account: "ann"}
	for i, want := range []string{"", "", "450 4.7.1 limit of messages is reached, 2 in an hour, try again later"} {
		got := begin(ann)
		if reply := got.Reply; want == "" && reply != nil || want != "" && (reply == nil || reply.Reply() != want) {
			t.Errorf("message %d: %+v, want %q", i, got, want)
		}
	}
	if r := begin(pipeline.Conn{}); r.Verdict != pipeline.Neutral {
		t.Errorf("mail from outside: %+v", r)
	}
	now = now.Add(2 * time.Hour)
	if r := begin(ann); r.Verdict != pipeline.Neutral {
		t.Errorf("later: %+v", r)
	}
}
