package webmail

import (
	"math/rand/v2"
	"testing"

	"mox/imap"
	"mox/store"
)

// The table has what a map would have.
func TestHeadTable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var table headTable
		if seed%2 == 0 {
			table = newHeadTable(100)
		}
		naive := map[store.ThreadID]head{}
		for step := range 20_000 {
			id := store.ThreadID(rnd.IntN(300)+1) << (seed % 40)
			if rnd.IntN(5) < 2 {
				table.remove(id)
				delete(naive, id)
			} else {
				h := head{id, int64(rnd.IntN(5)), row{uid: imap.UID(step + 1)}}
				table.offer(h)
				if old, ok := naive[id]; !ok || h.received >= old.received {
					naive[id] = h
				}
			}
			probe := store.ThreadID(rnd.IntN(300)+1) << (seed % 40)
			if got := table.get(probe); got != naive[probe] {
				t.Fatalf("step %d: %v, want %v", step, got, naive[probe])
			}
		}
		if got := len(table.rows()); got != len(naive) || table.n != len(naive) {
			t.Errorf("%d rows, %d heads, want %d", got, table.n, len(naive))
		}
	}
}
