package webmail

import (
	"cmp"
	"math/bits"

	"mox/store"
)

// head is the message that stands for a conversation: the latest one that the query finds.
type head struct {
	thread   store.ThreadID
	received int64
	row      row
}

// before tells whether another message is later.
func (h *head) before(o *head) bool {
	return cmp.Or(cmp.Compare(h.received, o.received), cmp.Compare(h.row.box, o.row.box), cmp.Compare(h.row.uid, o.row.uid)) < 0
}

// headTable has the heads of the conversations of a view: a hash table with linear probing, which is made for a whole mailbox at once in a
// fraction of the time of a map. The zero value has none.
type headTable struct {
	slots []int32 // Position in heads and one, zero for none.
	shift uint8   // Of hashes.
	heads []head
	free  []int32 // Positions in heads that are not used.
	n     int
}

// newHeadTable returns a table with room.
func newHeadTable(n int) headTable {
	t := headTable{heads: make([]head, 0, n)}
	t.resize(2 * n)
	return t
}

// resize makes the table one of at least n slots.
func (t *headTable) resize(n int) {
	log := max(4, bits.Len(uint(n)))
	t.slots = make([]int32, 1<<log)
	t.shift = uint8(64 - log)
	for i := range t.heads {
		if t.heads[i].row.uid != 0 {
			t.slots[t.slot(t.heads[i].thread)] = int32(i + 1)
		}
	}
}

// home is where a conversation belongs.
func (t *headTable) home(id store.ThreadID) int {
	return int(uint64(id) * 0x9e3779b97f4a7c15 >> t.shift)
}

// slot returns that of a conversation, or the free one for it.
func (t *headTable) slot(id store.ThreadID) int {
	for i := t.home(id); ; i = (i + 1) & (len(t.slots) - 1) {
		if at := t.slots[i]; at == 0 || t.heads[at-1].thread == id {
			return i
		}
	}
}

// get returns the head of a conversation, the zero head if it has none.
func (t *headTable) get(id store.ThreadID) head {
	if len(t.slots) == 0 {
		return head{}
	}
	if at := t.slots[t.slot(id)]; at != 0 {
		return t.heads[at-1]
	}
	return head{}
}

// offer makes a message the head of its conversation unless there is a later one.
func (t *headTable) offer(h head) {
	if 2*(t.n+1) > len(t.slots) {
		t.resize(4 * (t.n + 1))
	}
	i := t.slot(h.thread)
	if at := t.slots[i]; at != 0 {
		if old := &t.heads[at-1]; old.before(&h) {
			*old = h
		}
		return
	}
	t.n++
	if n := len(t.free); n > 0 {
		t.slots[i] = t.free[n-1] + 1
		t.free = t.free[:n-1]
		t.heads[t.slots[i]-1] = h
		return
	}
	t.heads = append(t.heads, h)
	t.slots[i] = int32(len(t.heads))
}

// remove takes a conversation out.
func (t *headTable) remove(id store.ThreadID) {
	if len(t.slots) == 0 {
		return
	}
	i := t.slot(id)
	at := t.slots[i]
	if at == 0 {
		return
	}
	t.n--
	t.heads[at-1] = head{}
	t.free = append(t.free, at-1)
	// Those that come after, and belong before the gap, move into it.
	mask := len(t.slots) - 1
	for j := (i + 1) & mask; t.slots[j] != 0; j = (j + 1) & mask {
		if home := t.home(t.heads[t.slots[j]-1].thread); (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = 0
}

// rows returns the rows of all.
func (t *headTable) rows() []row {
	rows := make([]row, 0, t.n)
	for i := range t.heads {
		if t.heads[i].row.uid != 0 {
			rows = append(rows, t.heads[i].row)
		}
	}
	return rows
}
