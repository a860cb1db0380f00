package imap

import "golang.org/x/text/unicode/norm"

// Pattern is a mailbox pattern of LIST and LSUB (RFC 9051 §6.3.9): "*" stands for any
// text, "%" for any text without the hierarchy separator. Both also stand for nothing.
//
// Match takes time in proportion to the length of the name, times one more for each
// 64 bytes of the pattern. A Pattern is immutable and may be used concurrently.
type Pattern struct {
	// The pattern is run as a nondeterministic automaton with one state per byte
	// and one at the end, all states at once as bits. A wildcard is no state of its own: the
	// state it stands at may stay where it is.
	literal string     // The pattern, if it has no wildcard.
	class   [256]uint8 // For each byte, index in next; 0 for those not in the pattern.
	next    [][]uint64 // The states that move on with a byte of that class.
	star    []uint64   // The states that stay with any byte.
	percent []uint64   // The states that stay with any byte but the separator.
	wild    bool
	end     int // The final state.
}

// NewPattern compiles the reference and pattern arguments of a LIST command: the
// reference is put before the pattern as it stands (RFC 9051 §6.3.9). Both are decoded
// mailbox names in UTF-8; other bytes match nothing.
func NewPattern(reference, pattern string) *Pattern {
	s := reference + pattern
	if !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	p := &Pattern{literal: s}
	for i := range len(s) {
		if s[i] == '*' || s[i] == '%' {
			p.wild = true
		} else {
			p.end++
		}
	}
	if !p.wild {
		return p
	}
	p.literal = ""
	words := p.end/64 + 1
	p.star = make([]uint64, words)
	p.percent = make([]uint64, words)
	p.next = append(p.next, make([]uint64, words))
	state := 0
	for i := range len(s) {
		word, bit := state/64, uint64(1)<<(state%64)
		switch c := s[i]; c {
		case '*':
			p.star[word] |= bit
		case '%':
			p.percent[word] |= bit
		default:
			if p.class[c] == 0 {
				p.class[c] = uint8(len(p.next))
				p.next = append(p.next, make([]uint64, words))
			}
			p.next[p.class[c]][word] |= bit
			state++
		}
	}
	return p
}

// Match reports whether the pattern matches a canonical mailbox name. The first
// level INBOX is matched without regard to case, as that name has none.
func (p *Pattern) Match(name string) bool {
	inbox := 0
	if hasInboxPrefix(name) {
		inbox = len(Inbox)
	}
	if !p.wild {
		return len(name) == len(p.literal) && equalFold(name[:inbox], p.literal[:inbox]) && name[inbox:] == p.literal[inbox:]
	}
	var small [4]uint64
	states := small[:]
	if len(p.star) > len(small) {
		states = make([]uint64, len(p.star))
	}
	states = states[:len(p.star)]
	states[0] = 1
	for i := range len(name) {
		c := name[i]
		move, other := p.next[p.class[c]], p.next[0]
		if i < inbox {
			other = p.next[p.class[lower(c)]]
		}
		var carry, alive uint64
		for w, s := range states {
			moved := s & (move[w] | other[w])
			stay := p.star[w]
			if c != Separator {
				stay |= p.percent[w]
			}
			states[w] = moved<<1 | carry | s&stay
			carry = moved >> 63
			alive |= states[w]
		}
		if alive == 0 {
			return false
		}
	}
	return states[p.end/64]&(1<<(p.end%64)) != 0
}
