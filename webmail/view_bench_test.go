package webmail

import (
	"fmt"
	"maps"
	"slices"
	"syscall"
	"testing"
	"time"

	"mox/store"
)

// benchMessages is how many messages the mailbox has in benchmarks.
const benchMessages = 100_000

// cpu returns what to defer to report the processor time of each round, of server and page together: other figures depend on
// what else the machine does.
func cpu(b *testing.B) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	begin := used()
	return func() { b.ReportMetric(float64((used()-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op") }
}

// BenchmarkView measures views of a mailbox of 100,000 messages, from the call to the rows in the page.
func BenchmarkView(b *testing.B) {
	e := newEnv(b)
	e.append("Inbox", benchMessages)
	br := e.browse("s1")
	closeAll := func() {
		if err := e.api.ViewClose(br.ctx, br.name, slices.Collect(maps.Keys(br.views))); err != nil {
			b.Fatal(err)
		}
	}
	openOne := func(b *testing.B, q Query) {
		b.ReportAllocs()
		defer cpu(b)()
		for i := 0; b.Loop(); i++ {
			name := fmt.Sprint("v", i%8)
			delete(br.views, name)
			if err := e.api.ViewOpen(br.ctx, ViewRequest{Stream: br.name, View: name, Query: q, Count: 50}); err != nil {
				b.Fatal(err)
			}
			br.until("rows", func() bool { v := br.views[name]; return v != nil && len(v.rows) > 0 && v.rows[0] != nil })
		}
		b.StopTimer()
		closeAll()
	}
	b.Run("first", func(b *testing.B) { openOne(b, e.inbox(true)) }) // Lists of the store are read once.
	b.Run("threads", func(b *testing.B) { openOne(b, e.inbox(true)) })
	b.Run("messages", func(b *testing.B) { openOne(b, e.inbox(false)) })
	b.Run("middle", func(b *testing.B) {
		v := br.open("v0", e.inbox(true))
		defer cpu(b)()
		for i := 0; b.Loop(); i++ {
			at := (i*2017 + 50) % (benchMessages - 100)
			v.rows[at] = nil
			if err := e.api.ViewRange(br.ctx, br.name, "v0", at, 50); err != nil {
				b.Fatal(err)
			}
			br.until("rows", func() bool { return v.rows[at] != nil })
		}
	})
	unread := e.inbox(true)
	unread.Filters = []string{FilterUnread}
	b.Run("unread", func(b *testing.B) { openOne(b, unread) })
	bySubject := e.inbox(true)
	bySubject.Sort = SortSubject
	b.Run("bysubject", func(b *testing.B) { openOne(b, bySubject) })
	first := e.inbox(true)
	first.Text = "number99900"
	b.Run("search", func(b *testing.B) { openOne(b, first) })
	b.Run("change", func(b *testing.B) {
		v := br.open("c", e.inbox(true))
		flag := Action{Kind: ActFlag}
		defer cpu(b)()
		for b.Loop() {
			r := v.rows[3]
			was := r.Flagged
			if flag.Kind = ActFlag; was {
				flag.Kind = ActUnflag
			}
			if _, err := e.api.Act(br.ctx, Selection{Messages: []Place{{r.Mailbox, r.UID}}}, flag); err != nil {
				b.Fatal(err)
			}
			br.until("flag", func() bool { return v.rows[3].Flagged != was })
		}
	})
	closeAll()
	b.Run("burst", func(b *testing.B) {
		v := br.open("b", e.inbox(true))
		br.raw, br.count = 0, 0
		defer cpu(b)()
		for b.Loop() {
			n := len(v.rows)
			for i := range 500 {
				e.deliver("", simple("Bob <bob@example.com>", fmt.Sprintf("burst%d-%d", n, i), "hello"))
			}
			br.until("all", func() bool { return len(v.rows) == n+500 })
		}
		b.ReportMetric(float64(br.raw)/float64(b.N), "bytes/burst")
		b.ReportMetric(float64(br.count)/float64(b.N), "events/burst")
	})
}

// BenchmarkViewCold measures the first rows of a view after the account was opened.
func BenchmarkViewCold(b *testing.B) {
	e := newEnv(b)
	e.append("Inbox", benchMessages)
	dir := b.TempDir()
	if err := e.store.Snapshot(b.Context(), "ann", dir, nil); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		st, err := store.New(store.Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		c := newEnv(b, func(o *Options) { o.Accounts = st })
		acc, err := st.Open(b.Context(), "ann")
		if err != nil {
			b.Fatal(err)
		}
		c.acc = acc
		b.StartTimer()
		begin := time.Now()
		br := c.browse("s1")
		br.open("v", c.inbox(true))
		took = append(took, time.Since(begin))
		b.StopTimer()
		br.disconnect()
		if err := c.server.Shutdown(b.Context()); err != nil {
			b.Fatal(err)
		}
		acc.Close()
		if err := st.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/first-rows")
}
