package imapserver

import (
	"iter"

	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// positions returns the sequence numbers, in the session's View, of the messages a
// command is about, in normal form. UIDs that do not exist are ignored without error, and so is what "$" has no more;
// sequence numbers must exist (RFC 9051 §6.4.9, §9 seq-number).
func (c *conn) positions(s *wire.NumSet) (imap.SeqSet, error) {
	view := c.selected.View()
	n := imap.SeqNum(view.Len())
	var pos imap.SeqSet
	switch {
	case s.Kind == wire.SeqNums:
		if !s.Seqs.Within(n) {
			return nil, imap.Bad("No message with this sequence number")
		}
		pos = s.Seqs.Resolve(n)
	case n > 0:
		pos = uidPositions(view, s.UIDs.Resolve(view.At(n).UID))
	}
	if s.Saved {
		for _, r := range uidPositions(view, c.selected.saved) {
			pos.AddRange(r.First, r.Last)
		}
	}
	return pos, nil
}

// uidPositions returns the sequence numbers of the messages whose UIDs are in a set in
// normal form.
func uidPositions(view *store.View, uids imap.UIDSet) imap.SeqSet {
	var set imap.SeqSet
	for _, r := range uids {
		first, _ := view.Seq(r.First)
		last, ok := view.Seq(r.Last)
		if !ok {
			last--
		}
		set.AddRange(first, last)
	}
	return set
}

// entries iterates over messages in the View.
func entries(view *store.View, set imap.SeqSet) iter.Seq2[imap.SeqNum, store.Entry] {
	return func(yield func(imap.SeqNum, store.Entry) bool) {
		for _, r := range set {
			for seq, e := range view.All(r.First) {
				if seq > r.Last {
					break
				}
				if !yield(seq, e) {
					return
				}
			}
		}
	}
}

// uids returns the UIDs of messages in the View as ranges. Between the UIDs of a range are none but
// those of messages in the View or gone: later messages have higher UIDs. What a client is told needs
// exactUIDs.
func uids(view *store.View, set imap.SeqSet) imap.UIDSet {
	l := make(imap.UIDSet, len(set))
	for i, r := range set {
		l[i] = imap.Range[imap.UID]{First: view.At(r.First).UID, Last: view.At(r.Last).UID}
	}
	return l
}
