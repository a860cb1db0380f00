package smtpserver

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"mox/pipeline"
)

// sink is a target that forgets.
type sink struct{}

func (sink) Begin(context.Context, pipeline.Envelope) (pipeline.Delivery, error) { return sink{}, nil }
func (sink) Recipient(context.Context, pipeline.Recipient) error                 { return nil }
func (sink) Body(context.Context, pipeline.Body) error                           { return nil }
func (sink) Commit(context.Context) []error                                      { return []error{nil} }
func (sink) Abort()                                                              {}

func benchServer(b *testing.B) *testServer {
	ts := newServer(b, func(o *Options, lo *ListenerOptions) {
		o.Local = sink{}
		o.Log = nil
		lo.Unlimited = everyone
	})
	return ts
}

// BenchmarkMessage receives a message in a transaction of its own, on one connection.
func BenchmarkMessage(b *testing.B) {
	for _, size := range []int{1 << 10, 32 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := benchServer(b).dial()
			c.hello()
			content := simple + strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72)
			envelope := "MAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				c.write(envelope)
				c.want("250 ")
				c.want("250 ")
				c.want("354 ")
				c.write(content)
				c.write(".\r\n")
				c.want("250 ")
			}
		})
	}
}

// BenchmarkIdle tells what an idle connection costs in memory, beside the goroutine's stack and
// what the network takes.
func BenchmarkIdle(b *testing.B) {
	ts := benchServer(b)
	heap := func() (heap, stack uint64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, m.StackInuse
	}
	var conns []*testClient
	h0, s0 := heap()
	for b.Loop() {
		c := ts.dial()
		c.hello()
		c.cmd("NOOP", "250 ")
		conns = append(conns, c)
	}
	h1, s1 := heap()
	b.ReportMetric(float64(h1-h0)/float64(len(conns)), "heap-B/conn")
	b.ReportMetric(float64(s1-s0)/float64(len(conns)), "stack-B/conn")
}
