package wire

import (
	"bytes"

	"mox/imap"
)

// StoreOp is what STORE does with flags.
type StoreOp uint8

// The operations of STORE.
const (
	StoreReplace StoreOp = iota // FLAGS
	StoreAdd                    // +FLAGS
	StoreRemove                 // -FLAGS
)

// Store has the arguments of STORE and UID STORE (RFC 9051 §6.4.6).
type Store struct {
	Set    NumSet
	Op     StoreOp
	Silent bool

	Flags    imap.Flags
	Keywords []string

	// HasUnchangedSince says that the STORE is conditional (RFC 7162 §3.1.3).
	HasUnchangedSince bool
	UnchangedSince    imap.ModSeq
}

// Store takes the arguments of STORE, to the end of the command. The memory of s is used
// again.
func (d *Decoder) Store(kind NumKind, s *Store) error {
	*s = Store{Set: s.Set, Keywords: s.Keywords[:0]}
	d.SP()
	d.NumSet(kind, &s.Set)
	d.SP()
	if d.peek() == '(' {
		d.Parens(false, func() {
			if !bytes.Equal(d.Keyword(), []byte("UNCHANGEDSINCE")) || s.HasUnchangedSince {
				d.invalid("Unknown modifier of STORE")
			}
			d.SP()
			s.HasUnchangedSince, s.UnchangedSince = true, d.ModSeq()
		})
		d.SP()
	}
	switch {
	case d.Take('+'):
		s.Op = StoreAdd
	case d.Take('-'):
		s.Op = StoreRemove
	}
	switch string(d.Keyword()) {
	case "FLAGS":
	case "FLAGS.SILENT":
		s.Silent = true
	default:
		d.invalid("Unknown item of STORE")
	}
	d.SP()
	if d.peek() == '(' {
		s.Flags, s.Keywords = d.Flags(s.Keywords)
	} else {
		d.flag(&s.Flags, &s.Keywords)
		for n := 1; d.Take(' '); n++ {
			if n == d.limits.Items {
				d.exceeded(imap.CodeLimit, "Too many flags")
			}
			d.flag(&s.Flags, &s.Keywords)
		}
	}
	d.CRLF()
	return d.err
}
