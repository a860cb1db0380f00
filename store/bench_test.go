package store_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/imap"
	"mox/store"
)

// benchAccount returns an account of a store that is not verified at the end.
func benchAccount(b *testing.B) (*store.Account, *prometheus.Registry) {
	b.Helper()
	ctx := context.Background()
	reg := prometheus.NewRegistry()
	s, err := store.New(store.Options{Dir: b.TempDir(), Registerer: reg})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	if err := s.Create(ctx, "bench"); err != nil {
		b.Fatal(err)
	}
	a, err := s.Open(ctx, "bench")
	if err != nil {
		b.Fatal(err)
	}
	return a, reg
}

// commits returns how many transactions there were, and for how many operations.
func commits(tb testing.TB, reg prometheus.Gatherer) (transactions, operations float64) {
	tb.Helper()
	families, err := reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "mox_store_commit_operations" {
			h := f.GetMetric()[0].GetHistogram()
			return float64(h.GetSampleCount()), h.GetSampleSum()
		}
	}
	tb.Fatal("no metric of commits")
	return 0, 0
}

// benchMessage makes a message of some size like those of a mailing list.
func benchMessage(n, size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Return-Path: <bounces+%d@lists.example.org>\r\n", n)
	for i := range 4 {
		fmt.Fprintf(&b, "Received: from mail%d.example.org (mail%d.example.org [192.0.2.%d])\r\n\tby mx.example.net (Postfix) with ESMTPS id %08X\r\n\tfor <user@example.net>; Sun, 22 Nov 2026 10:00:%02d +0000 (UTC)\r\n", i, i, i, n, i)
	}
	fmt.Fprintf(&b, "From: \"Sender %d\" <sender%d@example.org>\r\nTo: list@lists.example.org, user@example.net\r\nCc: other@example.com\r\n", n%97, n%97)
	fmt.Fprintf(&b, "Subject: [list] Message about subject %d\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n", n%500)
	fmt.Fprintf(&b, "Message-ID: <%d.%d@lists.example.org>\r\nIn-Reply-To: <%d.a@lists.example.org>\r\nReferences: <%d.b@lists.example.org> <%d.a@lists.example.org>\r\n", n, n*7, n%500, n%500, n%500)
	fmt.Fprintf(&b, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nList-Id: <list.lists.example.org>\r\nX-Mailer: example 1.0\r\n\r\n")
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for b.Len() < size {
		fmt.Fprintf(&b, "%x lorem ipsum dolor sit amet, consectetur %d\r\n", r.Uint64(), r.IntN(1000))
	}
	return b.Bytes()
}

func fill(b *testing.B, a *store.Account, n, size int) {
	b.Helper()
	ctx := context.Background()
	mb, err := a.MailboxByName(ctx, store.System, "Inbox")
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < n; {
		var msgs []store.NewMessage
		for ; i < n && len(msgs) < 500; i++ {
			m := benchMessage(i, size)
			msgs = append(msgs, store.NewMessage{Body: bytes.NewReader(m), Size: int64(len(m))})
		}
		if _, err := a.Append(ctx, store.System, mb.ID, msgs, nil); err != nil {
			b.Fatal(err)
		}
	}
}

var benchPrefix = []byte("Return-Path: <bounces@lists.example.org>\r\nReceived: from mail.example.org (mail.example.org [192.0.2.1])\r\n\tby mx.example.net with ESMTPS id abcdefghijklmnop\r\n\tfor <user@example.net>; Sun, 22 Nov 2026 10:00:00 +0000\r\nAuthentication-Results: mx.example.net; dkim=pass header.d=example.org;\r\n\tspf=pass smtp.mailfrom=lists.example.org; dmarc=pass header.from=example.org\r\n")

func BenchmarkDeliver(b *testing.B) {
	for _, prefill := range []int{0, 100_000} {
		for _, senders := range []int{1, 10, 50} {
			b.Run(fmt.Sprintf("filled=%d/senders=%d", prefill, senders), func(b *testing.B) {
				a, reg := benchAccount(b)
				fill(b, a, prefill, 2048)
				msgs := make([][]byte, 200)
				for i := range msgs {
					msgs[i] = benchMessage(i, 8<<10)
				}
				var n atomic.Int64
				b.ReportAllocs()
				b.SetParallelism(max(1, senders/2))
				before, opsBefore := commits(b, reg)
				b.ResetTimer()
				work := func() {
					i := n.Add(1)
					m := msgs[i%int64(len(msgs))]
					d := store.Delivery{NewMessage: store.NewMessage{Body: bytes.NewReader(m), Size: int64(len(m)), Prefix: benchPrefix}, ID: fmt.Sprintf("bench-%d", i)}
					if _, err := a.Deliver(context.Background(), store.System, d); err != nil {
						b.Error(err)
					}
				}
				if senders == 1 {
					for b.Loop() {
						work()
					}
				} else {
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							work()
						}
					})
				}
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
				after, opsAfter := commits(b, reg)
				b.ReportMetric((opsAfter-opsBefore)/(after-before), "msg/commit")
			})
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	ctx := context.Background()
	a, _ := benchAccount(b)
	fill(b, a, 10_000, 1024)
	mb, err := a.MailboxByName(ctx, store.System, "Inbox")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("warm", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s, err := a.Select(ctx, store.System, mb.ID)
			if err != nil {
				b.Fatal(err)
			}
			s.Close()
		}
	})
	s, err := a.Select(ctx, store.System, mb.ID)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.Run("refresh-idle", func(b *testing.B) {
		for b.Loop() {
			if c := s.Refresh(true); c.Grown {
				b.Fatal("grown")
			}
		}
	})
	b.Run("flag-scan", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for _, e := range s.View().All(1) {
				if e.Flags.Has(imap.FlagSeen) {
					n++
				}
			}
		}
	})
	b.Run("emails", func(b *testing.B) {
		var ids []store.EmailID
		for _, e := range s.View().All(1) {
			ids = append(ids, e.Email)
		}
		b.ReportAllocs()
		for b.Loop() {
			err := a.Emails(ctx, store.System, ids, func(i int, e *store.Email) error {
				if len(e.Envelope) == 0 {
					b.Fatal("no envelope")
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		id := s.View().At(5000).Email
		for b.Loop() {
			c, err := a.Open(ctx, store.System, id)
			if err != nil {
				b.Fatal(err)
			}
			c.Close()
		}
	})
	b.Run("setflags-single", func(b *testing.B) {
		b.ReportAllocs()
		op := store.FlagsAdd
		i := 0
		for b.Loop() {
			uid := imap.UID(i%10_000 + 1)
			if i++; i%10_000 == 0 {
				op = store.FlagsRemove - op
			}
			_, err := a.SetFlags(ctx, store.System, mb.ID, store.FlagChange{UIDs: imap.SetOf(uid), Op: op, Flags: imap.FlagSeen, UnchangedSince: -1})
			if err != nil {
				b.Fatal(err)
			}
			s.Refresh(true)
		}
	})
	b.Run("setflags-all", func(b *testing.B) {
		b.ReportAllocs()
		op := store.FlagsAdd
		for b.Loop() {
			_, err := a.SetFlags(ctx, store.System, mb.ID, store.FlagChange{UIDs: imap.UIDSet{{First: 1, Last: 10_000}}, Op: op, Flags: imap.FlagFlagged, UnchangedSince: -1})
			if err != nil {
				b.Fatal(err)
			}
			op = store.FlagsRemove - op
			s.Refresh(true)
		}
	})
}

// BenchmarkChangesSinceIdle asks for changes when there are none.
func BenchmarkChangesSinceIdle(b *testing.B) {
	ctx := context.Background()
	a, _ := benchAccount(b)
	fill(b, a, 1000, 512)
	since, err := a.ModSeq(ctx)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if l, _, err := a.ChangesSince(ctx, since, 1000); err != nil || len(l) > 0 {
			b.Fatal(len(l), err)
		}
	}
}

// BenchmarkBuildView opens a mailbox whose View is not in memory.
func BenchmarkBuildView(b *testing.B) {
	ctx := context.Background()
	s, err := store.New(store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	if err := s.Create(ctx, "bench"); err != nil {
		b.Fatal(err)
	}
	a, err := s.Open(ctx, "bench")
	if err != nil {
		b.Fatal(err)
	}
	fill(b, a, 10_000, 1024)
	var boxes []store.Mailbox
	for i := range 8 {
		mb, err := a.CreateMailbox(ctx, store.System, fmt.Sprintf("copy%d", i), "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := a.Copy(ctx, store.System, 1, imap.UIDSet{{First: 1, Last: 10_000}}, mb.ID); err != nil {
			b.Fatal(err)
		}
		boxes = append(boxes, mb)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		sel, err := a.Select(ctx, store.System, boxes[i%len(boxes)].ID)
		if err != nil {
			b.Fatal(err)
		}
		if sel.View().Len() != 10_000 {
			b.Fatal("wrong length")
		}
		sel.Close()
	}
}

// BenchmarkTransfer copies, moves and expunges 1,000 messages at a time.
func BenchmarkTransfer(b *testing.B) {
	ctx := context.Background()
	a, _ := benchAccount(b)
	fill(b, a, 1000, 1024)
	inbox, archive, trash := mailbox(b, a, "Inbox").ID, mailbox(b, a, "Archive").ID, mailbox(b, a, "Trash").ID
	all := imap.UIDSet{{First: 1, Last: 1 << 30}}
	var copying, moving, expunging time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := a.Copy(ctx, store.System, inbox, all, archive); err != nil {
			b.Fatal(err)
		}
		copied := time.Now()
		if _, err := a.Move(ctx, store.System, archive, all, trash); err != nil {
			b.Fatal(err)
		}
		moved := time.Now()
		if _, _, err := a.Expunge(ctx, store.System, trash, nil, false); err != nil {
			b.Fatal(err)
		}
		copying += copied.Sub(start)
		moving += moved.Sub(copied)
		expunging += time.Since(moved)
	}
	for what, d := range map[string]time.Duration{"copy-ms": copying, "move-ms": moving, "expunge-ms": expunging} {
		b.ReportMetric(d.Seconds()*1000/float64(b.N), what)
	}
}

func BenchmarkOpenAccount(b *testing.B) {
	ctx := context.Background()
	s, err := store.New(store.Options{Dir: b.TempDir(), MaxOpen: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	for _, name := range []string{"a", "b"} {
		if err := s.Create(ctx, name); err != nil {
			b.Fatal(err)
		}
	}
	// Opening one closes the other.
	for i := 0; b.Loop(); i++ {
		a, err := s.Open(ctx, string(rune('a'+i%2)))
		if err != nil {
			b.Fatal(err)
		}
		a.Close()
	}
}

func BenchmarkSearch(b *testing.B) {
	a, _ := benchAccount(b)
	fill(b, a, 10_000, 8<<10)
	ctx := context.Background()
	mb, err := a.MailboxByName(ctx, store.System, "Inbox")
	if err != nil {
		b.Fatal(err)
	}
	s, err := a.Select(ctx, store.System, mb.ID)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for _, tc := range []struct {
		name string
		crit store.Criteria
		want int
	}{
		{"from", store.Criteria{Header: []store.HeaderCriterion{{Name: "From", Value: "sender96@"}}}, 103},
		{"subject", store.Criteria{Header: []store.HeaderCriterion{{Name: "Subject", Value: "subject 499"}}}, 20},
		{"since", store.Criteria{Since: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}, 10_000},
		{"sentsince", store.Criteria{SentSince: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}, 10_000},
		{"body", store.Criteria{Body: []string{"rare word"}}, 0},
	} {
		b.Run(tc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				found, err := a.Search(ctx, store.System, mb.ID, s.View(), tc.crit)
				if err != nil || len(found) != tc.want {
					b.Fatalf("%d found, %v; want %d", len(found), err, tc.want)
				}
			}
		})
	}
}
