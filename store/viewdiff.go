package store

import "mox/imap"

// viewDiff is what compare found. Sequence numbers and positions are those told.
type viewDiff struct {
	gone    []entry // In the old version only, by UID.
	goneSeq []imap.SeqNum
	changed []imap.SeqNum // In both, with another modseq: sequence number in the new version.
	added   int           // In the new version only; all of them are behind those of the old one.

	// between holds for each of changed how many of gone are before it.
	between []int
}

// compare tells how two versions of a mailbox differ. Blocks that both share are passed over.
func compare(old, new *View) viewDiff {
	var d viewDiff
	a, b := cursor{view: old}, cursor{view: new}
	skipShared(&a, &b)
	for {
		x, y := a.rest(), b.rest()
		switch {
		case len(x) == 0:
			d.added = new.n - b.seq
			return d
		case len(y) == 0:
			d.goneBlock(x, a.seq)
			a.advance(len(x))
			continue
		case &x[0] == &y[0]:
			n := min(len(x), len(y))
			a.advance(n)
			b.advance(n)
			continue
		}
		switch e, f := &x[0], &y[0]; {
		case e.uid == f.uid:
			if e.modseq != f.modseq {
				d.changed = append(d.changed, imap.SeqNum(b.seq+1))
				d.between = append(d.between, len(d.gone))
			}
			a.advance(1)
			b.advance(1)
		case e.uid < f.uid:
			d.goneBlock(x[:1], a.seq)
			a.advance(1)
		default:
			// Only if the old version ends here, as UIDs ascend with time: counted above. A
			// session's private version is never compared as the new one before it was
			// completed from it.
			b.advance(1)
		}
	}
}

func (d *viewDiff) goneBlock(block []entry, before int) {
	for i := range block {
		d.gone = append(d.gone, block[i])
		d.goneSeq = append(d.goneSeq, imap.SeqNum(before+i+1))
	}
}

// skipShared moves both cursors behind the blocks at the beginning that are shared because the
// new version was made by appending to the old one.
func skipShared(a, b *cursor) {
	x, y := a.view.blocks, b.view.blocks
	if len(x) == 0 || len(y) == 0 || &x[0] != &y[0] {
		return
	}
	n := min(len(x), len(y))
	a.block, b.block = n, n
	a.seq, b.seq = a.view.start(n), b.view.start(n)
}

// cursor walks through the messages of a View.
type cursor struct {
	view  *View
	block int
	pos   int // In the block.
	seq   int // Messages before.
}

// rest returns what is left of the block at the cursor; nothing at the end of the View.
func (c *cursor) rest() []entry {
	if c.block > len(c.view.blocks) {
		return nil
	}
	return c.view.block(c.block)[c.pos:]
}

// advance moves by n messages, at most to the next block.
func (c *cursor) advance(n int) {
	c.pos += n
	c.seq += n
	if c.pos == len(c.view.block(c.block)) {
		c.block++
		c.pos = 0
	}
}
