package webmail

import (
	"cmp"

	"mox/store"
)

// head is the message that stands for a conversation: the latest one that the query finds.
type head struct {
	received int64
	row      row
}

// before tells whether another message is later.
func (h head) before(o head) bool {
	return cmp.Or(cmp.Compare(h.received, o.received), cmp.Compare(h.row.box, o.row.box), cmp.Compare(h.row.uid, o.row.uid)) < 0
}

// headTable has the heads of the conversations of a view. The zero value has none, nor has it a zero head.
type headTable struct {
	index map[store.ThreadID]int32
	heads []head
	free  []int32
}

// newHeadTable returns a table with room.
func newHeadTable(n int) headTable {
	return headTable{index: make(map[store.ThreadID]int32, n), heads: make([]head, 0, n)}
}

func (t *headTable) get(id store.ThreadID) head {
	if i, ok := t.index[id]; ok {
		return t.heads[i]
	}
	return head{}
}

// offer makes a message the head of its conversation unless there is a later one.
func (t *headTable) offer(id store.ThreadID, h head) {
	i, ok := t.index[id]
	switch {
	case ok:
		if t.heads[i].before(h) {
			t.heads[i] = h
		}
		return
	case t.index == nil:
		t.index = map[store.ThreadID]int32{}
	}
	if n := len(t.free); n > 0 {
		i = t.free[n-1]
		t.free = t.free[:n-1]
		t.heads[i] = h
	} else {
		i = int32(len(t.heads))
		t.heads = append(t.heads, h)
	}
	t.index[id] = i
}

func (t *headTable) remove(id store.ThreadID) {
	if i, ok := t.index[id]; ok {
		delete(t.index, id)
		t.heads[i] = head{}
		t.free = append(t.free, i)
	}
}

// rows returns the rows of all.
func (t *headTable) rows() []row {
	rows := make([]row, 0, len(t.index))
	for _, h := range t.heads {
		if h.row.uid != 0 {
			rows = append(rows, h.row)
		}
	}
	return rows
}
