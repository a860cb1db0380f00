package store

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"mox/imap"
)

// Entry is one message in a View.
type Entry struct {
	UID      imap.UID
	Flags    imap.Flags
	Keywords KeywordSet
	Size     int64 // RFC822.SIZE: prefix and body, bytes.
	Received int64 // INTERNALDATE, Unix seconds, UTC.
	ModSeq   imap.ModSeq
	Email    EmailID
	Thread   ThreadID
}

// ReceivedTime returns the INTERNALDATE.
func (e Entry) ReceivedTime() time.Time { return time.Unix(e.Received, 0).UTC() }

// entry is an Entry in 56 bytes.
type entry struct {
	uid       imap.UID
	keywords  KeywordSet
	sizeFlags uint64 // Size << 16 | flags.
	received  int64
	modseq    imap.ModSeq
	email     EmailID
	thread    ThreadID
}

func makeEntry(r *messageRow) entry {
	return entry{
		uid:       r.uid(),
		keywords:  r.Keywords,
		sizeFlags: uint64(r.Size)<<16 | uint64(r.Flags),
		received:  r.Received,
		modseq:    r.ModSeq,
		email:     r.Email,
		thread:    r.Thread,
	}
}

func (e *entry) export() Entry {
	return Entry{
		UID:      e.uid,
		Flags:    imap.Flags(e.sizeFlags),
		Keywords: e.keywords,
		Size:     int64(e.sizeFlags >> 16),
		Received: e.received,
		ModSeq:   e.modseq,
		Email:    e.email,
		Thread:   e.thread,
	}
}

// blockSize is how many entries a block of a View has that was filled by appending. A change of one
// message copies one block.
const blockSize = 256

// View is an immutable list of the messages of a mailbox at one version, ordered by UID.
// It is safe for concurrent use and shared between sessions.
//
// The entries stand in blocks, none of them empty. Versions share the blocks in which they do
// not differ, and with that the memory. The last block, the tail, is kept apart: a new version with
// more messages only differs in the length of its tail, so that appending costs the same
// in a mailbox of any size.
type View struct {
	blocks [][]entry
	starts []int   // Messages before each of blocks.
	tail   []entry // Last block; empty only in an empty View.
	n      int

	modseq      imap.ModSeq
	uidNext     imap.UID
	uidValidity uint32
	keywords    []string // Of the mailbox, sorted. Replaced, never changed.
	deleted     bool     // The mailbox is gone. The last version of a View.
}

// Len returns the number of messages.
func (v *View) Len() int { return v.n }

// At returns the message with sequence number seq, from 1 to Len.
func (v *View) At(seq imap.SeqNum) Entry {
	i := int(seq) - 1
	b, start := v.blockAt(i)
	return v.block(b)[i-start].export()
}

// Seq returns the sequence number of the message with the uid, or of the first one
// after it (Len()+1 if there is none) with ok false.
func (v *View) Seq(uid imap.UID) (seq imap.SeqNum, ok bool) {
	b := sort.Search(len(v.blocks), func(i int) bool { return lastUID(v.blocks[i]) >= uid })
	i, ok := slices.BinarySearchFunc(v.block(b), uid, func(e entry, uid imap.UID) int { return cmp.Compare(e.uid, uid) })
	return imap.SeqNum(v.start(b) + i + 1), ok
}

// All iterates over the messages from sequence number first, ascending.
func (v *View) All(first imap.SeqNum) func(yield func(imap.SeqNum, Entry) bool) {
	return func(yield func(imap.SeqNum, Entry) bool) {
		i := max(int(first)-1, 0)
		if i >= v.n {
			return
		}
		for b, start := v.blockAt(i); b <= len(v.blocks); b++ {
			block := v.block(b)
			for ; i < start+len(block); i++ {
				if !yield(imap.SeqNum(i+1), block[i-start].export()) {
					return
				}
			}
			start += len(block)
		}
	}
}

// ModSeq is the highest modseq of a change that this version holds.
func (v *View) ModSeq() imap.ModSeq { return v.modseq }

// UIDNext is the UID the next message will get at least.
func (v *View) UIDNext() imap.UID { return v.uidNext }

// UIDValidity of the mailbox.
func (v *View) UIDValidity() uint32 { return v.uidValidity }

// block returns the block with the given index; the tail is the one after blocks.
func (v *View) block(b int) []entry {
	if b == len(v.blocks) {
		return v.tail
	}
	return v.blocks[b]
}

// start returns the number of messages before a block.
func (v *View) start(b int) int {
	if b == len(v.blocks) {
		return v.n - len(v.tail)
	}
	return v.starts[b]
}

// blockAt returns the block that holds the message at index i, and its start.
func (v *View) blockAt(i int) (b, start int) {
	if s := v.n - len(v.tail); i >= s {
		return len(v.blocks), s
	}
	b = sort.SearchInts(v.starts, i+1) - 1
	return b, v.starts[b]
}

func lastUID(block []entry) imap.UID { return block[len(block)-1].uid }

// push appends a message to a View that nobody else has yet. It may use memory behind the blocks of
// the version it came from, where no other version looks: versions follow one another in one line,
// made by the committer alone.
func (v *View) push(e entry) {
	if len(v.tail) >= blockSize {
		v.starts = append(v.starts, v.n-len(v.tail))
		v.blocks = append(v.blocks, v.tail)
		v.tail = make([]entry, 0, blockSize)
	}
	v.tail = append(v.tail, e)
	v.n++
}

// viewEdit is the new state of a message, or its removal.
type viewEdit struct {
	entry
	gone bool
}

// apply returns the version that follows v by edits in the order in which they were made. Only the committer
// may call it, and only on the newest version.
func (v *View) apply(edits []viewEdit) *View {
	w := *v
	i := 0
	for ; i < len(edits); i++ {
		e := &edits[i]
		if e.gone || len(w.tail) > 0 && e.uid <= lastUID(w.tail) {
			break
		}
		w.push(e.entry)
	}
	if i < len(edits) {
		w.rewrite(lastEdits(edits[i:]))
	}
	return &w
}

// lastEdits sorts edits by UID and keeps the last of each.
func lastEdits(edits []viewEdit) []viewEdit {
	byUID := func(a, b viewEdit) int { return cmp.Compare(a.uid, b.uid) }
	if !slices.IsSortedFunc(edits, byUID) {
		edits = slices.Clone(edits)
		slices.SortStableFunc(edits, byUID)
	}
	out := edits[:0:0]
	for i := range edits {
		if i+1 == len(edits) || edits[i].uid != edits[i+1].uid {
			out = append(out, edits[i])
		}
	}
	return out
}

// rewrite replaces the blocks that edits touch by new ones. Edits are sorted, with one per UID. A View it
// was copied from stays as it is, whatever its place in the line of versions.
func (v *View) rewrite(edits []viewEdit) {
	old := *v
	v.blocks = make([][]entry, 0, len(old.blocks)+1)
	v.starts = make([]int, 0, len(old.blocks)+1)
	v.tail, v.n = nil, 0
	for b := 0; b <= len(old.blocks); b++ {
		block := old.block(b)
		mine := edits
		if b < len(old.blocks) {
			last := lastUID(block)
			mine = edits[:sort.Search(len(edits), func(i int) bool { return edits[i].uid > last })]
		}
		edits = edits[len(mine):]
		if len(mine) > 0 {
			block = merge(block, mine)
		}
		if len(block) == 0 {
			continue
		}
		if v.n > 0 {
			v.starts = append(v.starts, v.n-len(v.tail))
			v.blocks = append(v.blocks, v.tail)
		}
		v.tail = block
		v.n += len(block)
	}
}

// merge applies edits to a block, in new memory.
func merge(block []entry, edits []viewEdit) []entry {
	out := make([]entry, 0, len(block)+len(edits))
	for len(block) > 0 || len(edits) > 0 {
		switch {
		case len(edits) == 0:
			return append(out, block...)
		case len(block) > 0 && block[0].uid < edits[0].uid:
			out = append(out, block[0])
			block = block[1:]
			continue
		case len(block) > 0 && block[0].uid == edits[0].uid:
			block = block[1:]
		}
		if !edits[0].gone {
			out = append(out, edits[0].entry)
		}
		edits = edits[1:]
	}
	return out
}

// repack returns v in as few blocks as can be, if removals have left many small ones.
func (v *View) repack() *View {
	if len(v.blocks) <= 2*v.n/blockSize+8 {
		return v
	}
	w := *v
	w.blocks, w.starts, w.tail, w.n = nil, nil, nil, 0
	for b := range len(v.blocks) + 1 {
		for _, e := range v.block(b) {
			w.push(e)
		}
	}
	return &w
}
