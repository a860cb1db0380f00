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
		return checktest.Harness{Check: NewSendLimit(func(string) int { return 1 }, nil)}
	})
}

func TestSendLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	limits := map[string]int{"ann": 3, "bob": 3, "carl": 0, "dora": 1}
	check := NewSendLimit(func(account string) int { return limits[account] }, func() time.Time { return now })
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
		{"mail from outside", pipeline.Conn{}, 0, 100, 100},
		{"still", submission("ann"), 22 * time.Hour, 1, 0},
		{"two days later", submission("ann"), 48 * time.Hour, 5, 3},
	} {
		now = now.Add(tc.after)
		if got := sends(tc.conn, tc.n); got != tc.want {
			t.Errorf("%s: %d of %d recipients were taken, want %d", tc.name, got, tc.n, tc.want)
		}
	}
	limits["ann"] = 10
	if got := sends(submission("ann"), 20); got != 10 {
		t.Errorf("after the limit was raised to 10, %d more were taken", got)
	}
}
