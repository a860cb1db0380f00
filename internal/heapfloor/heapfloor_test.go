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

// TestSet sees how seldom a small heap is collected. It is for the whole process, so not parallel.
func TestSet(t *testing.T) {
	t.Setenv("GOGC", "")
	const allocated, piece = 512 << 20, 64 << 10
	churn := func() (collections uint32) {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range allocated / piece {
			sink = make([]byte, piece)
		}
		runtime.ReadMemStats(&after)
		return after.NumGC - before.NumGC
	}
	usually := churn()
	unset := Set(64 << 20)
	runtime.GC()
	with := churn()
	unset()
	if with*2 > usually || with == 0 {
		t.Errorf("%d collections with a floor, %d without", with, usually)
	}
	unset()
	if p := debug.SetGCPercent(usual); p != usual {
		t.Errorf("left at %d", p)
	}
}

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
