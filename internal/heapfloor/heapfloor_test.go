package heapfloor

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestPercentage(t *testing.T) {
	t.Parallel()
	const floor = 64 << 20
	for _, tt := range []struct {
		live uint64
		want int
	}{
		{0, most},
		{1 << 20, most},
		{16 << 20, 300},
		{31 << 20, 106},
		{32 << 20, usual}, // Doubling gets there.
		{1 << 30, usual},
	} {
		if got := percentage(floor, tt.live); got != tt.want {
			t.Errorf("%d MiB: %d, want %d", tt.live>>20, got, tt.want)
		}
	}
}

// TestSet sees when a small heap is collected next. It is for the whole process, so not parallel.
func TestSet(t *testing.T) {
	t.Setenv("GOGC", "")
	const floor = 64 << 20
	// next returns at which size of the heap the next collection is to end.
	next := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.NextGC
	}
	near := func(n uint64) bool { return n > floor*8/10 && n < floor*12/10 }
	if n := next(); n > floor/4 {
		t.Errorf("without a floor the next collection is at %d", n)
	}
	unset := Set(floor)
	if n := next(); !near(n) {
		t.Errorf("the next collection is at %d", n)
	}
	// What is allocated below the floor is not collected.
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range floor / 4 / piece {
		sink = make([]byte, piece)
	}
	runtime.ReadMemStats(&after)
	if n := after.NumGC - before.NumGC; n > 0 {
		t.Errorf("%d collections below the floor", n)
	}
	// However much of it is live. A collection is followed by the adjustment after a while.
	for _, live := range []int{20 << 20, 0} {
		sink = make([]byte, live)
		for !near(next()) {
			runtime.Gosched()
		}
	}
	unset()
	if n := next(); n > floor/4 {
		t.Errorf("after the floor was unset the next collection is at %d", n)
	}
	unset()
	if p := debug.SetGCPercent(usual); p != usual {
		t.Errorf("left at %d", p)
	}
}

const piece = 64 << 10

var sink []byte

// TestEnvironmentCounts has what an administrator has set left alone.
func TestEnvironmentCounts(t *testing.T) {
	t.Setenv("GOGC", "50")
	before := debug.SetGCPercent(50)
	defer debug.SetGCPercent(before)
	Set(64 << 20)()
	if p := debug.SetGCPercent(before); p != 50 {
		t.Errorf("set to %d", p)
	}
}
