package imapserver

import (
	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// writeESearch writes what the result options of a SEARCH ask for (RFC 9051 §7.3.4, RFC 4731 §3.1). If nothing was
// found there is no MIN, MAX or ALL. SAVE alone asks for no response (RFC 5182 §1).
func (c *conn) writeESearch(r *request, args *wire.Search, found []imap.SeqNum) {
	if args.Return == wire.ReturnSave {
		return
	}
	view := c.selected.View()
	asked := func(o wire.SearchReturn) bool { return args.Return&o != 0 }
	number := func(item string, seq imap.SeqNum) {
		n := uint32(seq)
		if r.uid {
			n = uint32(view.At(seq).UID)
		}
		c.enc.Atom(item).Number(n)
	}
	c.enc.Untagged().Atom("ESEARCH").Open().Atom("TAG").String(string(r.tag)).Close()
	if r.uid {
		c.enc.Atom("UID")
	}
	if asked(wire.ReturnMin) && len(found) > 0 {
		number("MIN", found[0])
	}
	if asked(wire.ReturnMax) && len(found) > 0 {
		number("MAX", found[len(found)-1])
	}
	if asked(wire.ReturnCount) {
		c.enc.Atom("COUNT").Number(uint32(len(found)))
	}
	if asked(wire.ReturnAll) && len(found) > 0 {
		c.enc.Atom("ALL")
		if set := imap.SetOf(found...); r.uid {
			c.enc.UIDSet(exactUIDs(view, set))
		} else {
			c.enc.SeqSet(set)
		}
	}
	if args.UsesModSeq() && len(found) > 0 {
		// RFC 7162 §3.1.10, RFC 4731 §3.2.
		c.enc.Atom("MODSEQ").Number64(int64(highestModSeq(view, meant(args.Return, found))))
	}
	c.enc.CRLF()
}

// meant returns which of the messages found the result options are about: with MIN, MAX or both these only, unless ALL
// or COUNT are there too. MODSEQ and SAVE go by it (RFC 4731 §3.2, RFC 9051 §6.4.4.1 table 4).
func meant(ret wire.SearchReturn, found []imap.SeqNum) []imap.SeqNum {
	last := len(found) - 1
	if last < 1 {
		return found
	}
	switch ret &^ wire.ReturnSave {
	case wire.ReturnMin:
		return found[:1]
	case wire.ReturnMax:
		return found[last:]
	case wire.ReturnMin | wire.ReturnMax:
		return []imap.SeqNum{found[0], found[last]}
	}
	return found
}

// exactUIDs returns the UIDs of messages in the View as a set that has no others, not even of messages that are gone
// (RFC 9051 §7.3.4, ALL).
func exactUIDs(view *store.View, set imap.SeqSet) imap.UIDSet {
	var l imap.UIDSet
	for _, e := range entries(view, set) {
		l.Add(e.UID)
	}
	return l
}
