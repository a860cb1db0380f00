package queuedb

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// Adding messages that are durable, by so many at a time.
func BenchmarkAdd(b *testing.B) {
	for _, senders := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			db := newDB(b, nil)
			var n atomic.Int64
			b.ReportAllocs()
			done := make(chan error, senders)
			b.ResetTimer()
			for range senders {
				go func() {
					for {
						i := n.Add(1)
						if i > int64(b.N) {
							done <- nil
							return
						}
						if _, _, _, err := db.Add(b.Context(), newMessage(fmt.Sprint("m", i), 4000, "a@one.example", "b@two.example")); err != nil {
							done <- err
							return
						}
					}
				}()
			}
			for range senders {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
		})
	}
}

// What it costs to find the next recipients of a destination, and to read them, when so many are due.
func BenchmarkClaim(b *testing.B) {
	for _, backlog := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("due=%d", backlog), func(b *testing.B) {
			db := newDB(b, nil)
			const each = 50 // Recipients of a message.
			for i := range backlog / each {
				var to []string
				for r := range each {
					to = append(to, fmt.Sprintf("r%d@one.example", r))
				}
				db.mustAdd(b, newMessage(fmt.Sprint("m", i), 100, to...))
			}
			// As many are being tried as may be.
			busy := map[RecipientID]struct{}{}
			for i := range RecipientID(4 * each) {
				busy[i+1] = struct{}{}
			}
			b.ReportAllocs()
			for b.Loop() {
				due, err := db.Due(b.Context(), "one.example", begin, busy, 100)
				if err != nil || len(due.Recipients) != each {
					b.Fatal(due, err)
				}
				if _, l, err := db.Claim(b.Context(), due.Message, due.Recipients, begin); err != nil || len(l) != each {
					b.Fatal(len(l), err)
				}
			}
		})
	}
}

// Writing the result of an attempt that failed for now, by so many at a time.
func BenchmarkFinish(b *testing.B) {
	for _, workers := range []int{1, 50} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			db := newDB(b, nil)
			var rcpts []Recipient
			for i := range workers {
				_, r := db.mustAdd(b, newMessage(fmt.Sprint("m", i), 4000, "a@one.example"))
				rcpts = append(rcpts, r[0])
			}
			var n atomic.Int64
			done := make(chan error, workers)
			b.ReportAllocs()
			b.ResetTimer()
			for _, r := range rcpts {
				go func() {
					for n.Add(1) <= int64(b.N) {
						res := Result{Recipient: r.ID, State: Waiting, Next: begin, Attempt: Attempt{Start: begin, Duration: time.Second, Code: 451, Text: "greylisted"}}
						if _, _, err := db.Finish(b.Context(), []Result{res}, nil); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			for range rcpts {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
