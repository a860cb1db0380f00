package wire

import "mox/imap"

// NumKind says which numbers a command uses for messages.
type NumKind uint8

// The kinds of numbers.
const (
	SeqNums NumKind = iota // FETCH, STORE, COPY, MOVE, SEARCH: message sequence numbers.
	UIDNums                // The same with UID before them.
)

// NumSet is the set of messages a command is about (sequence-set in RFC 9051 §4.1.1, §9).
type NumSet struct {
	Kind  NumKind
	Saved bool        // With "$", the result of the last SEARCH with SAVE (RFC 5182 §2.1), mostly alone.
	Seqs  imap.SeqSet // As written, if Kind is SeqNums.
	UIDs  imap.UIDSet // As written, if Kind is UIDNums.
}

// isNumSet tells the characters of a sequence-set.
func isNumSet(c byte) bool { return isDigit(c) || c == ':' || c == ',' || c == '*' }

// NumSet takes a sequence-set of the given kind. By the grammar "$" is one, and may also be the last
// element of one. The ranges are put in the memory of the sets in s.
func (d *Decoder) NumSet(kind NumKind, s *NumSet) {
	s.Kind, s.Saved, s.Seqs, s.UIDs = kind, false, s.Seqs[:0], s.UIDs[:0]
	switch {
	case d.Take('$'):
		s.Saved = true
	case kind == UIDNums:
		s.UIDs = set(d, s.UIDs, &s.Saved)
	default:
		s.Seqs = set(d, s.Seqs, &s.Saved)
	}
}

// SeqSet takes a set of sequence numbers and appends its ranges to dst as they are written.
func (d *Decoder) SeqSet(dst imap.SeqSet) imap.SeqSet { return set(d, dst, nil) }

// UIDSet takes a set of UIDs and appends its ranges to dst as they are written.
func (d *Decoder) UIDSet(dst imap.UIDSet) imap.UIDSet { return set(d, dst, nil) }

// set takes a set, which may end in "$" if saved is not nil.
func set[T imap.Num](d *Decoder, dst imap.Set[T], saved *bool) imap.Set[T] {
	start := d.pos
	b := d.token(isNumSet)
	if d.err != nil {
		return dst
	}
	if n := len(b); saved != nil && n > 0 && b[n-1] == ',' && d.Take('$') {
		b, *saved = b[:n-1], true
	}
	s, err := imap.ParseSet(dst, b, d.limits.Ranges)
	switch err {
	case nil:
		return s
	case imap.ErrSetTooLong:
		d.exceeded(imap.CodeLimit, "Too many ranges in a set of messages")
	default:
		d.pos = start
		d.expected("set of message numbers")
	}
	return dst
}

// ModSeq takes a mod-sequence, which may be zero (mod-sequence-valzer in RFC 7162 §7).
func (d *Decoder) ModSeq() imap.ModSeq { return imap.ModSeq(d.Number64()) }
