package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"mox/imap"
)

// naiveView is a mailbox as a plain list.
type naiveView []entry

func (n naiveView) apply(edits []viewEdit) naiveView {
	m := map[imap.UID]entry{}
	for _, e := range n {
		m[e.uid] = e
	}
	for _, e := range edits {
		if e.gone {
			delete(m, e.uid)
		} else {
			m[e.uid] = e.entry
		}
	}
	return slices.SortedFunc(maps.Values(m), func(a, b entry) int { return int(int64(a.uid) - int64(b.uid)) })
}

// checkView fails the test unless v shows the messages of n.
func checkView(t *testing.T, v *View, n naiveView) {
	t.Helper()
	if v.Len() != len(n) {
		t.Fatalf("view has %d messages, want %d", v.Len(), len(n))
	}
	i := 0
	for seq, e := range v.All(1) {
		if int(seq) != i+1 || e != n[i].export() {
			t.Fatalf("message %d is %v, want %v", seq, e, n[i].export())
		}
		if got := v.At(seq); got != e {
			t.Fatalf("At(%d) is %v, want %v", seq, got, e)
		}
		if got, ok := v.Seq(e.UID); !ok || got != seq {
			t.Fatalf("Seq(%d) is %d, %v, want %d", e.UID, got, ok, seq)
		}
		i++
	}
	if i != len(n) {
		t.Fatalf("All tells %d messages, want %d", i, len(n))
	}
	for b := range len(v.blocks) {
		if len(v.blocks[b]) == 0 {
			t.Fatal("view has an empty block")
		}
	}
}

// randomEdits returns what an operation may do to a mailbox. It updates next and modseq.
func randomEdits(r *rand.Rand, n naiveView, next *imap.UID, modseq *imap.ModSeq) []viewEdit {
	var edits []viewEdit
	*modseq++
	pick := func() entry { return n[r.IntN(len(n))] }
	kind := r.IntN(10)
	switch {
	case kind < 4 || len(n) == 0: // Append.
		for range 1 + r.IntN(1+r.IntN(400)) {
			edits = append(edits, viewEdit{entry: entry{uid: *next, modseq: *modseq, email: EmailID{Key: int64(*next)}, sizeFlags: uint64(*next) << 16}})
			*next += imap.UID(1 + r.IntN(3))
		}
	case kind < 7: // Flags of some, or of all.
		if r.IntN(10) == 0 {
			for _, e := range n {
				e.modseq, e.sizeFlags = *modseq, e.sizeFlags^1
				edits = append(edits, viewEdit{entry: e})
			}
			break
		}
		for range 1 + r.IntN(5) {
			e := pick()
			e.modseq, e.sizeFlags = *modseq, e.sizeFlags^2
			edits = append(edits, viewEdit{entry: e})
		}
	case kind < 9: // Expunge a few, or a range.
		if r.IntN(4) == 0 {
			from := r.IntN(len(n))
			for _, e := range n[from:min(len(n), from+r.IntN(600))] {
				edits = append(edits, viewEdit{entry: entry{uid: e.uid}, gone: true})
			}
			break
		}
		for range 1 + r.IntN(5) {
			edits = append(edits, viewEdit{entry: entry{uid: pick().uid}, gone: true})
		}
	default: // Move within the mailbox: gone and back in one batch; and a new one that goes at once.
		e := pick()
		edits = append(edits, viewEdit{entry: entry{uid: e.uid}, gone: true})
		e.uid, e.modseq = *next, *modseq
		edits = append(edits, viewEdit{entry: e})
		edits = append(edits, viewEdit{entry: entry{uid: *next + 1, modseq: *modseq}}, viewEdit{entry: entry{uid: *next + 1}, gone: true})
		*next += 2
	}
	return edits
}

// All versions show what they should, also long after others were made from them, and each
// difference between two of them is what a naive comparison finds.
func TestViewVersions(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			var naive []naiveView
			var views []*View
			v, n := &View{uidNext: 1}, naiveView{}
			next, modseq := imap.UID(1), imap.ModSeq(1)
			for range 150 {
				edits := randomEdits(r, n, &next, &modseq)
				v = v.next(boxUpdate{edits: edits, modseq: modseq, uidNext: next})
				n = n.apply(edits)
				naive, views = append(naive, n), append(views, v)
				if r.IntN(5) == 0 {
					checkView(t, v, n)
				}
			}
			for i := range views {
				checkView(t, views[i], naive[i])
			}
			for range 50 {
				i := r.IntN(len(views))
				j := i + r.IntN(len(views)-i)
				checkDiff(t, compare(views[i], views[j]), naive[i], naive[j])
			}
		})
	}
}

func checkDiff(t *testing.T, d viewDiff, old, now naiveView) {
	t.Helper()
	seqs := map[imap.UID]int{}
	for j, e := range now {
		seqs[e.uid] = j + 1
	}
	var want viewDiff
	for i, e := range old {
		seq := seqs[e.uid]
		if seq == 0 {
			want.gone = append(want.gone, e)
			want.goneSeq = append(want.goneSeq, imap.SeqNum(i+1))
		} else if now[seq-1].modseq != e.modseq {
			want.changed = append(want.changed, imap.SeqNum(seq))
			want.between = append(want.between, len(want.gone))
		}
	}
	want.added = len(now) - (len(old) - len(want.gone))
	if !slices.Equal(d.gone, want.gone) || !slices.Equal(d.goneSeq, want.goneSeq) || !slices.Equal(d.changed, want.changed) ||
		!slices.Equal(d.between, want.between) || d.added != want.added {
		t.Fatalf("difference is\n%v\nwant\n%v", d, want)
	}
}

// Appending to a large mailbox and changing one message of it copy little: all blocks but one are
// shared.
func TestViewSharing(t *testing.T) {
	t.Parallel()
	v := &View{}
	for uid := range imap.UID(100_000) {
		v.push(entry{uid: uid + 1, modseq: 1})
	}
	own := func(w *View) int {
		n := 0
		for b := range len(w.blocks) + 1 {
			if b > len(v.blocks) || &w.block(b)[0] != &v.block(b)[0] {
				n++
			}
		}
		return n
	}
	if n := own(v.apply([]viewEdit{{entry: entry{uid: 50_000, modseq: 2}}})); n != 1 {
		t.Errorf("changing a message of 100,000 made %d new blocks", n)
	}
	if n := own(v.apply([]viewEdit{{entry: entry{uid: 50_000}, gone: true}})); n != 1 {
		t.Errorf("removing a message of 100,000 made %d new blocks", n)
	}
	w := v.apply([]viewEdit{{entry: entry{uid: 100_001, modseq: 2}}})
	if n := own(w); n > 1 {
		t.Errorf("appending a message to 100,000 made %d new blocks", n)
	}
	if &w.blocks[0] != &v.blocks[0] {
		t.Error("appending a message copied the list of blocks")
	}
}

// Removing most messages leaves few blocks.
func TestViewRepack(t *testing.T) {
	t.Parallel()
	v := &View{}
	var n naiveView
	for uid := range imap.UID(50_000) {
		e := entry{uid: uid + 1, modseq: 1}
		v.push(e)
		n = append(n, e)
	}
	full := v
	for uid := imap.UID(1); uid <= 50_000; {
		var edits []viewEdit
		for ; len(edits) < 1000 && uid <= 50_000; uid++ {
			if uid%500 != 0 {
				edits = append(edits, viewEdit{entry: entry{uid: uid}, gone: true})
			}
		}
		v = v.next(boxUpdate{edits: edits})
		n = n.apply(edits)
	}
	checkView(t, v, n)
	if v.Len() != 100 || len(v.blocks) > 10 {
		t.Errorf("%d messages in %d blocks", v.Len(), len(v.blocks))
	}
	v = v.next(boxUpdate{edits: []viewEdit{{entry: entry{uid: 50_001}}, {entry: entry{uid: 50_002}}}})
	if d := compare(full, v); len(d.gone) != 49_900 || d.added != 2 || len(d.changed) != 0 {
		t.Errorf("difference has %d gone, %d added, %d changed", len(d.gone), d.added, len(d.changed))
	}
	if full.Len() != 50_000 {
		t.Error("the old version changed")
	}
}

func TestSeqOfMissing(t *testing.T) {
	t.Parallel()
	v := &View{}
	for uid := range imap.UID(1000) {
		v.push(entry{uid: 10 + 10*uid})
	}
	for _, tc := range []struct {
		uid imap.UID
		seq imap.SeqNum
		ok  bool
	}{
		{1, 1, false}, {10, 1, true}, {11, 2, false}, {2560, 256, true}, {2561, 257, false}, {2570, 257, true},
		{10_000, 1000, true}, {10_001, 1001, false}, {1<<32 - 1, 1001, false},
	} {
		if seq, ok := v.Seq(tc.uid); seq != tc.seq || ok != tc.ok {
			t.Errorf("Seq(%d) is %d, %v, want %d, %v", tc.uid, seq, ok, tc.seq, tc.ok)
		}
	}
	if seq, ok := (&View{}).Seq(5); seq != 1 || ok {
		t.Errorf("Seq in an empty view is %d, %v", seq, ok)
	}
}
