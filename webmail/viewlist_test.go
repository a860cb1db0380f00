package webmail

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"mox/imap"
)

func TestRowSize(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(row{}); n != 16 {
		t.Errorf("a row takes %d bytes", n)
	}
}

// applySplices does what a page does with a list of which it knows something about each row.
func applySplices[T any](l []T, splices []Splice) []T {
	for _, s := range splices {
		l = slices.Replace(l, s.At, s.At+s.Remove, make([]T, s.Insert)...)
	}
	return l
}

// Splices lead a page that applies them to the same list, whatever comes and goes, in any order.
func TestListEdit(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 1))
			l := viewList{oldest: seed%2 == 0}
			if seed%4 > 1 {
				l.texts = map[place]rowText{}
			}
			var naive []row  // Sorted anew after each step.
			var page []place // What a page thinks; zero for unknown.
			next := imap.UID(1)
			for step := range 200 {
				var remove, add []row
				for _, r := range naive {
					if rnd.IntN(8) == 0 {
						remove = append(remove, r)
					}
				}
				for range rnd.IntN(12) {
					r := row{key: int64(rnd.IntN(20)), uid: next, box: uint16(rnd.IntN(3))}
					if l.texts != nil {
						l.texts[r.place()] = rowText{string(rune('a' + rnd.IntN(3))), int64(rnd.IntN(3))}
					}
					next++
					add = append(add, r)
				}
				// Rows that are not there, and one that is there already.
				remove = append(remove, row{key: 5, uid: 1 << 30})
				if kept := slices.DeleteFunc(slices.Clone(naive), func(r row) bool { return slices.Contains(remove, r) }); len(kept) > 0 {
					add = append(add, kept[rnd.IntN(len(kept))])
				}
				naive = slices.DeleteFunc(naive, func(r row) bool { return slices.Contains(remove, r) })
				for _, r := range add {
					if !slices.Contains(naive, r) {
						naive = append(naive, r)
					}
				}
				slices.SortFunc(naive, l.compare)

				var splices []Splice
				if step%3 == 0 {
					splices = l.replace(slices.Clone(naive))
				} else {
					splices = l.edit(slices.Clone(remove), slices.Clone(add))
				}
				page = applySplices(page, splices)
				if !slices.Equal(l.rows, naive) {
					t.Fatalf("step %d: list %v, want %v", step, l.rows, naive)
				}
				if len(page) != len(naive) {
					t.Fatalf("step %d: page has %d rows, want %d", step, len(page), len(naive))
				}
				for i, p := range page {
					if p != 0 && p != naive[i].place() {
						t.Fatalf("step %d: page has the wrong row at %d", step, i)
					}
					page[i] = naive[i].place()
				}
				for i := 1; i < len(splices); i++ {
					if splices[i].At <= splices[i-1].At {
						t.Fatalf("step %d: splices out of order: %v", step, splices)
					}
				}
			}
		})
	}
}

// Marks stay with their rows.
func TestListMarks(t *testing.T) {
	t.Parallel()
	l := viewList{}
	l.edit(nil, []row{{key: 1, uid: 1}, {key: 2, uid: 2}, {key: 3, uid: 3}})
	l.rows[1].mark = rowHave
	l.edit([]row{{key: 3, uid: 3}}, []row{{key: 5, uid: 5}, {key: 4, uid: 4}})
	if l.rows[2].uid != 2 || l.rows[2].mark != rowHave || l.rows[0].mark != 0 {
		t.Errorf("rows %v", l.rows)
	}
}
