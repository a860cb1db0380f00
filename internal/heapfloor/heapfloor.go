// Package heapfloor has the garbage collector leave a small heap alone until it is worth its while.
//
// By default a collection begins when the heap has doubled. A server with little in memory that handles many messages
// then collects many times a second, and each time looks at all that is live. A floor under the size at which
// collections begin makes them seldom, and costs memory only up to that size; above it, all is as by default.
package heapfloor

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// Percentages for debug.SetGCPercent.
const (
	usual = 100
	most  = 1600
)

// Set has collections begin at no less than this many bytes of heap, for the whole process, until the returned function is called.
// Where the environment variable GOGC is set, that counts, and nothing is done.
func Set(bytes uint64) (unset func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	f := &floor{bytes: bytes, percent: usual}
	f.adjust()
	f.watch()
	return f.end
}

type floor struct {
	bytes uint64

	mu      sync.Mutex // Guards what follows, and the percentage of the process.
	percent int        // As set.
	unset   bool
}

// end sets the percentage to the usual one, once.
func (f *floor) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.unset {
		f.unset = true
		debug.SetGCPercent(usual)
	}
}

// watch adjusts the percentage after each collection.
func (f *floor) watch() {
	runtime.AddCleanup(new(collected), func(f *floor) {
		if f.adjust() {
			f.watch()
		}
	}, f)
}

// collected is what a collection finds to be unused. It is not so small that it would be allocated together with others.
type collected struct{ _ [64]byte }

// adjust sets the percentage that leads from what was live after the last collection to the floor. It returns false once
// that is not wanted any more.
func (f *floor) adjust() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unset {
		return false
	}
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return true
	}
	percent := percentage(f.bytes, sample[0].Value.Uint64())
	// Setting it stops the world for a moment: not for little.
	if d := percent - f.percent; d > f.percent/10 || -d > f.percent/10 {
		f.percent = percent
		debug.SetGCPercent(percent)
	}
	return true
}

// percentage returns by how much a heap of live bytes may grow.
func percentage(floor, live uint64) int {
	if live == 0 {
		return most
	}
	if p := 100 * floor / live; p > 100+usual {
		return int(min(p-100, most))
	}
	return usual
}
