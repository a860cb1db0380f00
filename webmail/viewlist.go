package webmail

import (
	"cmp"
	"slices"
	"sort"

	"mox/imap"
)

// row is a place in the list of a view: a message, of a conversation the one that is shown. It has 16 bytes, as there is one for each
// message of a mailbox.
type row struct {
	key  int64 // By which is sorted: when received, the size, or how a text begins.
	uid  imap.UID
	box  uint16 // box.index.
	mark rowMark
}

// rowMark is what is to be known about a row.
type rowMark uint16

const (
	rowHave rowMark = 1 << iota // The page has it.
	rowSend                     // It is to be sent.
)

// place identifies a message in the mailboxes of a stream.
type place uint64

func placeOf(box uint16, uid imap.UID) place { return place(box)<<32 | place(uid) }

func (r row) place() place { return placeOf(r.box, r.uid) }

// viewList is the order of a view.
type viewList struct {
	rows  []row
	spare []row // Memory of an earlier order.

	oldest bool // As in Query.
	texts  map[place]rowText
}

// rowText is by what a row is sorted whose key is the beginning of a text.
type rowText struct {
	text     string
	received int64
}

// compare orders rows. It is zero for the same message only.
func (l *viewList) compare(a, b row) int {
	c := cmp.Compare(a.key, b.key)
	if c == 0 && l.texts != nil {
		x, y := l.texts[a.place()], l.texts[b.place()]
		if c = cmp.Compare(x.text, y.text); c == 0 {
			c = cmp.Compare(x.received, y.received)
		}
	}
	if c == 0 {
		c = cmp.Or(cmp.Compare(a.box, b.box), cmp.Compare(a.uid, b.uid))
	}
	if l.oldest {
		return c
	}
	return -c
}

// find returns the position of a row, or where it would be.
func (l *viewList) find(r row) (int, bool) { return l.findFrom(0, r) }

func (l *viewList) findFrom(from int, r row) (int, bool) {
	i := from + sort.Search(len(l.rows)-from, func(i int) bool { return l.compare(l.rows[from+i], r) >= 0 })
	return i, i < len(l.rows) && l.rows[i].place() == r.place() && l.rows[i].key == r.key
}

// sort puts rows that are new in their order.
func (l *viewList) sort(rows []row) {
	if len(rows) < 2 {
		return
	}
	up, down := true, true
	for i := 1; i < len(rows) && (up || down); i++ {
		if l.compare(rows[i-1], rows[i]) > 0 {
			up = false
		} else {
			down = false
		}
	}
	switch {
	case up:
	case down:
		slices.Reverse(rows)
	default:
		slices.SortFunc(rows, l.compare)
	}
}

// edit takes rows out and puts others in, and tells where. Rows to remove that are not there, and to add that are, are passed over. What
// is kept keeps its marks.
func (l *viewList) edit(remove, add []row) []Splice {
	l.sort(remove)
	l.sort(add)
	old := l.rows
	gone := l.positions(remove, true)
	come := l.positions(add, false)
	if len(gone) == 0 && len(come) == 0 {
		return nil
	}
	out := slices.Grow(l.spare[:0], len(old)+len(come)-len(gone))
	var splices []Splice
	at := 0 // In old.
	for len(gone) > 0 || len(come) > 0 {
		next := len(old)
		if len(gone) > 0 {
			next = gone[0].at
		}
		if len(come) > 0 {
			next = min(next, come[0].at)
		}
		out = append(out, old[at:next]...)
		at = next
		s := Splice{At: len(out)}
		for {
			if len(come) > 0 && come[0].at == at {
				out = append(out, come[0].row)
				come = come[1:]
				s.Insert++
			} else if len(gone) > 0 && gone[0].at == at {
				gone = gone[1:]
				at++
				s.Remove++
			} else {
				break
			}
		}
		splices = append(splices, s)
	}
	out = append(out, old[at:]...)
	l.rows, l.spare = out, old
	return splices
}

// rowAt is a row with its position, or that of the row which it comes before.
type rowAt struct {
	row row
	at  int
}

// positions finds those of sorted rows that are in the list, or those that are not.
func (l *viewList) positions(rows []row, there bool) []rowAt {
	if len(rows) == 0 {
		return nil
	}
	found := make([]rowAt, 0, len(rows))
	from := 0
	for i, r := range rows {
		if i > 0 && r.place() == rows[i-1].place() && r.key == rows[i-1].key {
			continue
		}
		at, ok := l.findFrom(from, r)
		if ok == there {
			found = append(found, rowAt{r, at})
		}
		from = at
	}
	return found
}

// replace gives the list a new order, sorted rows, and tells what changed. Marks are kept.
func (l *viewList) replace(rows []row) []Splice {
	var remove, add []row
	i, j := 0, 0
	for i < len(l.rows) || j < len(rows) {
		switch {
		case i == len(l.rows):
			add = append(add, rows[j:]...)
			j = len(rows)
			continue
		case j == len(rows):
			remove = append(remove, l.rows[i:]...)
			i = len(l.rows)
			continue
		}
		a, b := l.rows[i], rows[j]
		if a.key == b.key && a.uid == b.uid && a.box == b.box {
			i++
			j++
		} else if l.compare(a, b) < 0 {
			remove = append(remove, a)
			i++
		} else {
			add = append(add, b)
			j++
		}
	}
	return l.edit(remove, add)
}
