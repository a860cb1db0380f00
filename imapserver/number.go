package imapserver

import (
	"iter"

	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// positions returns the sequence numbers, in the session's View, of the messages a
// command is about, in normal form. UIDs that do not exist are ignored without error, and so is what "$" has no more;
// sequence numbers must exist (RFC 9051 §6.4.9, §9 seq-number, RFC 3501 §6.4.8).
func (c *conn) positions(s *wire.NumSet) (imap.SeqSet, error) {
	if s.Kind == wire.SeqNums && !s.Seqs.Within(imap.SeqNum(c.selected.View().Len())) {
		return nil, imap.Bad("No message with this sequence number")
	}
	return c.existing(s), nil
}

// existing is positions without error for sequence numbers that do not exist, for SEARCH: a key that no message
// meets is no mistake. ImapTest wants it, and K-9 Mail sends "UID SEARCH *:*" also in an empty mailbox.
func (c *conn) existing(s *wire.NumSet) imap.SeqSet {
	view := c.selected.View()
	n := imap.SeqNum(view.Len())
	var pos imap.SeqSet
	switch {
	case s.Kind == wire.SeqNums:
		pos = s.Seqs.Resolve(n)
	case n > 0:
		pos = uidPositions(view, s.UIDs.Resolve(view.At(n).UID))
	}
	if s.Saved {
		for _, r := range uidPositions(view, c.selected.saved) {
			pos.AddRange(r.First, r.Last)
		}
	}
	return pos
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
