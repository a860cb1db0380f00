package checks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"mox/pipeline"
	"mox/pipeline/checktest"
	"mox/smtp"
)

func recipient(t *testing.T, localpart string) pipeline.Recipient {
	t.Helper()
	p, err := smtp.ParsePath(localpart + "@localhost")
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.Recipient{Path: p, Account: localpart}
}

func TestTestAddressSuite(t *testing.T) {
	t.Parallel()
	checktest.Run(t, func(t *testing.T) checktest.Harness {
		return checktest.Harness{
			Check: TestAddress{Timeout: time.Millisecond},
			From:  recipient(t, "mailfrom451").Path,
			To:    []pipeline.Recipient{recipient(t, "rctptotemperror"), recipient(t, "timeout"), recipient(t, "a550")},
		}
	})
}

func TestQuotaSuite(t *testing.T) {
	t.Parallel()
	checktest.Run(t, func(t *testing.T) checktest.Harness {
		return checktest.Harness{Check: Quota{Usage: func(ctx context.Context, account string) (int64, int64, error) {
			if account == "one" {
				return 0, 0, errors.New("no idea")
			}
			return 100, 100, ctx.Err()
		}}}
	})
}

// ask returns the refusal at each stage of a message to one recipient, zero for none.
func ask(t *testing.T, conn pipeline.Conn, from, to string) (mail, rcpt, data int) {
	t.Helper()
	s, err := TestAddress{}.Start(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	code := func(r pipeline.Result, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != pipeline.Reject {
			return 0
		}
		return r.Reply.Code
	}
	mail = code(s.Sender(t.Context(), pipeline.Envelope{MailFrom: recipient(t, from).Path}))
	rcpt = code(s.Recipient(t.Context(), recipient(t, to)))
	data = code(s.Message(t.Context(), pipeline.Message{Recipients: []pipeline.Recipient{recipient(t, "other"), recipient(t, to)}}))
	return mail, rcpt, data
}

func TestTestAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to         string
		submission       bool
		mail, rcpt, data int
	}{
		{"a", "b", false, 0, 0, 0},
		{"a", "temperror", false, 0, 0, 451},
		{"a", "xpermerror", false, 0, 0, 554},
		{"a", "x450", false, 0, 0, 450},
		{"a", "599", false, 0, 0, 599},
		{"a", "x600", false, 0, 0, 0},
		{"a", "x399", false, 0, 0, 0},
		{"a", "x250", false, 0, 0, 0},
		{"a", "x1450", false, 0, 0, 0}, // A year, an order number.
		{"a", "50", false, 0, 0, 0},
		{"a", "4é0", false, 0, 0, 0},
		{"a", "temperrors", false, 0, 0, 0},
		{"a", "rcptto421", false, 0, 421, 421},
		{"a", "rcptto", false, 0, 0, 0},
		{"mailfrom550", "b", false, 550, 0, 0},
		{"mailfrompermerror", "b", false, 554, 0, 0},
		{"permerror", "b", false, 0, 0, 0},
		{"a", "queuepermerror", false, 0, 0, 554},
		{"a", "queuepermerror", true, 0, 0, 0},
		{"a", "queue450", false, 0, 0, 450},
		{"a", "queue", false, 0, 0, 554},
		{"a", "queue", true, 0, 0, 0},
		{"a", "queued-up", true, 0, 0, 0},
		{"a", "permerror", true, 0, 0, 554},
	} {
		mail, rcpt, data := ask(t, pipeline.Conn{Submission: tt.submission}, tt.from, tt.to)
		if mail != tt.mail || rcpt != tt.rcpt || data != tt.data {
			t.Errorf("from %s to %s: got %d at MAIL, %d at RCPT, %d after DATA", tt.from, tt.to, mail, rcpt, data)
		}
	}
}

func TestTestAddressTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		_, rcpt, _ := ask(t, pipeline.Conn{}, "a", "rcpttotimeout")
		if took := time.Since(begin); rcpt != 451 || took != 2*time.Hour {
			t.Errorf("got %d after %v", rcpt, took)
		}
	})
}

func TestTestAddressStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		time.AfterFunc(time.Minute, func() { close(stop) })
		s, err := TestAddress{Stop: stop}.Start(t.Context(), pipeline.Conn{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		begin := time.Now()
		r, err := s.Recipient(t.Context(), recipient(t, "rcpttotimeout"))
		if took := time.Since(begin); err != nil || r.Verdict != pipeline.Reject || r.Reply.Code != 451 || took != time.Minute {
			t.Errorf("got %v, %v after %v, want 451 when stopped", r.Reply, err, took)
		}
	})
}

func TestQuota(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name              string
		used, limit, size int64
		code              int
	}{
		{"no limit", 1 << 40, 0, 1 << 40, 0},
		{"fits exactly", 90, 100, 10, 0},
		{"does not fit now", 90, 100, 11, 452},
		{"never fits", 0, 100, 101, 552},
		{"full, size unknown", 100, 100, 0, 452},
		{"over its limit already", 200, 100, 1, 452},
	} {
		s, err := Quota{Usage: func(context.Context, string) (int64, int64, error) { return tt.used, tt.limit, nil }}.Start(t.Context(), pipeline.Conn{})
		if err != nil {
			t.Fatal(err)
		}
		s.Sender(t.Context(), pipeline.Envelope{Size: tt.size})
		for _, to := range []pipeline.Recipient{recipient(t, "a"), {Path: recipient(t, "remote").Path}} {
			r, err := s.Recipient(t.Context(), to)
			if err != nil {
				t.Fatal(err)
			}
			code := 0
			if r.Reply != nil {
				code = r.Reply.Code
			}
			want := tt.code
			if to.Account == "" {
				want = 0
			}
			if code != want {
				t.Errorf("%s: account %q: got %d, want %d", tt.name, to.Account, code, want)
			}
		}
		s.Close()
	}
}
