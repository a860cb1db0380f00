package dkim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math/bits"
	"slices"
	"sync"
)

// WholeBody is the length of a body hash that covers the whole body.
const WholeBody = -1

// BodyHasher is an io.Writer that computes SHA-256 hashes of a body in one
// canonicalization (RFC 6376 §3.7, hash step 1), for any number of lengths in one pass.
// Its memory does not depend on the size of the body.
type BodyHasher struct {
	h       hash.Hash
	n       int64     // Octets of canonical body so far.
	lengths []int64   // Lengths not reached yet, ascending.
	sums    []bodySum // Of lengths that were reached.
	whole   bool      // Whether the hash of the whole body is wanted.
	total   [32]byte  // That hash, once closed.
	relax   *relaxer  // Nil for Simple.
	lines   int64     // Line ends that count only if something follows.
	cr      bool      // A CR that may begin a line end.
	crlfs   [64]byte  // Line ends to hash.
	closed  bool
}

type bodySum struct {
	length int64
	sum    [32]byte
}

// relaxer is what relaxed canonicalization needs besides.
type relaxer struct {
	space bool // White space that counts only if something follows on the line.
	n     int  // Bytes in buf.
	buf   [4096]byte
}

// relaxers are used again: nearly all bodies that are hashed are relaxed.
var relaxers = sync.Pool{New: func() any { return new(relaxer) }}

// NewBodyHasher returns a BodyHasher for the given lengths, in octets of the canonical
// body; a negative one means the whole body. c must be Simple or Relaxed.
func NewBodyHasher(c Canonicalization, lengths ...int64) *BodyHasher {
	b := &BodyHasher{h: sha256.New()}
	for i := 0; i < len(b.crlfs); i += 2 {
		b.crlfs[i], b.crlfs[i+1] = '\r', '\n'
	}
	if c == Relaxed {
		b.relax = relaxers.Get().(*relaxer)
		b.relax.space, b.relax.n = false, 0
	}
	for _, n := range lengths {
		if n < 0 {
			b.whole = true
		} else {
			b.lengths = append(b.lengths, n)
		}
	}
	slices.Sort(b.lengths)
	b.lengths = slices.Compact(b.lengths)
	b.reached()
	return b
}

// Write takes the next piece of the body. It keeps nothing of p and never fails. After Sum or Len it does nothing.
func (b *BodyHasher) Write(p []byte) (int, error) {
	switch {
	case b.closed:
	case b.relax != nil:
		b.writeRelaxed(p)
	default:
		b.writeSimple(p)
	}
	return len(p), nil
}

// Sum ends the body and returns the hash of its first length octets in canonical form, or
// of all if length is negative. The length must be one of those given to NewBodyHasher.
// A body that is shorter is an [ErrBodyLength]. It may be called several times.
func (b *BodyHasher) Sum(length int64) ([32]byte, error) {
	b.close()
	if length < 0 {
		return b.total, nil
	}
	for _, s := range b.sums {
		if s.length == length {
			return s.sum, nil
		}
	}
	return [32]byte{}, fmt.Errorf("%w: %d of %d octets", ErrBodyLength, b.n, length)
}

// Len ends the body and returns its length in canonical form, in octets.
func (b *BodyHasher) Len() int64 {
	b.close()
	return b.n
}

// close hashes what was held back.
func (b *BodyHasher) close() {
	if b.closed {
		return
	}
	b.closed = true
	if b.relax == nil {
		// A CRLF ends every body, also an empty one (RFC 6376 §3.4.3).
		if b.cr {
			b.flushLines()
			b.hash(b.crlfs[:1])
		}
		b.hash(b.crlfs[:2])
	} else {
		if b.cr {
			b.flushHeld()
			b.put('\r')
		}
		// Only a body that is not empty ends in CRLF (RFC 6376 §3.4.4). Space at the end of the
		// last line does not count.
		if b.n > 0 || b.relax.n > 0 {
			b.put('\r')
			b.put('\n')
		}
		b.flush()
		relaxers.Put(b.relax)
		b.relax = nil
	}
	if b.whole {
		b.h.Sum(b.total[:0])
	}
}

// hash adds octets of the canonical body.
func (b *BodyHasher) hash(p []byte) {
	for len(b.lengths) > 0 && b.lengths[0]-b.n <= int64(len(p)) {
		k := b.lengths[0] - b.n
		b.h.Write(p[:k])
		b.n += k
		p = p[k:]
		b.reached()
	}
	if b.whole || len(b.lengths) > 0 {
		b.h.Write(p)
	}
	b.n += int64(len(p))
}

// reached takes the hash if the next length is reached.
func (b *BodyHasher) reached() {
	if len(b.lengths) > 0 && b.lengths[0] == b.n {
		s := bodySum{length: b.n}
		b.h.Sum(s.sum[:0])
		b.sums = append(b.sums, s)
		b.lengths = b.lengths[1:]
	}
}

// flushLines hashes the line ends that were held back.
func (b *BodyHasher) flushLines() {
	for b.lines > 0 {
		n := min(b.lines, int64(len(b.crlfs)/2))
		if b.relax != nil {
			b.append(b.crlfs[:2*n])
		} else {
			b.hash(b.crlfs[:2*n])
		}
		b.lines -= n
	}
}

// writeSimple hashes p but for the line ends at its end.
func (b *BodyHasher) writeSimple(p []byte) {
	if len(p) == 0 {
		return
	}
	if b.cr {
		b.cr = false
		if p[0] == '\n' {
			b.lines++
			p = p[1:]
		} else {
			b.flushLines()
			b.hash(b.crlfs[:1])
		}
	}
	end := len(p)
	if end > 0 && p[end-1] == '\r' {
		b.cr = true
		end--
	}
	lines := int64(0)
	for end >= 2 && p[end-2] == '\r' && p[end-1] == '\n' {
		lines++
		end -= 2
	}
	if end > 0 {
		b.flushLines()
		b.hash(p[:end])
	}
	b.lines += lines
}

// writeRelaxed canonicalizes p. Stretches that stay as they are are found some bytes at
// a time; what lies between goes through a state machine.
func (b *BodyHasher) writeRelaxed(p []byte) {
	r := b.relax
	for i := 0; i < len(p); {
		if !b.cr && (p[i] > ' ' || p[i] < ' ' && p[i] != '\t' && p[i] != '\r') {
			b.flushHeld()
			n := verbatim(p[i:])
			b.append(p[i : i+n])
			i += n
			continue
		}
		c := p[i]
		i++
		if b.cr {
			b.cr = false
			if c == '\n' {
				r.space = false
				b.lines++
				continue
			}
			b.flushHeld()
			b.put('\r')
		}
		switch c {
		case ' ', '\t':
			r.space = true
			for i < len(p) && (p[i] == ' ' || p[i] == '\t') {
				i++
			}
		case '\r':
			if i < len(p) && p[i] == '\n' {
				i++
				r.space = false
				b.lines++
			} else {
				b.cr = true
			}
		default:
			b.flushHeld()
			b.put(c)
		}
	}
}

// flushHeld puts line ends and space that turned out to count.
func (b *BodyHasher) flushHeld() {
	r := b.relax
	if b.lines == 1 && len(r.buf)-r.n >= 2 {
		r.buf[r.n], r.buf[r.n+1] = '\r', '\n'
		r.n += 2
		b.lines = 0
	} else if b.lines > 0 {
		b.flushLines()
	}
	if r.space {
		r.space = false
		b.put(' ')
	}
}

// put adds an octet to the canonical body in relaxed form.
func (b *BodyHasher) put(c byte) {
	r := b.relax
	if r.n == len(r.buf) {
		b.flush()
	}
	r.buf[r.n] = c
	r.n++
}

// append adds octets to the canonical body in relaxed form. Long ones are not copied.
func (b *BodyHasher) append(p []byte) {
	r := b.relax
	if len(p) > len(r.buf)-r.n {
		b.flush()
		if len(p) >= len(r.buf)/2 {
			b.hash(p)
			return
		}
	}
	r.n += copy(r.buf[r.n:], p)
}

// flush hashes what is in the buffer.
func (b *BodyHasher) flush() {
	b.hash(b.relax.buf[:b.relax.n])
	b.relax.n = 0
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// verbatim returns how many bytes at the beginning of p relaxed canonicalization leaves as
// they are, whatever follows. The first is no white space and no CR, and nothing is
// held back. At least one byte is returned, and the last one is neither white space nor
// part of a line end.
func verbatim(p []byte) int {
	i := 1
	for {
		i = plain(p, i)
		if i+2 < len(p) && p[i] == '\r' && p[i+1] == '\n' && p[i-1] != ' ' && p[i+2] > ' ' {
			// A line end with text on both sides.
			i += 3
			continue
		}
		if i < len(p) && p[i] != '\r' && p[i] != '\t' && p[i] != ' ' {
			// Another control character.
			i++
			continue
		}
		break
	}
	if p[i-1] == ' ' {
		i--
	}
	return i
}

// plain returns the index, from i on, of the first control character or second of two
// spaces in p, or its length. p[i-1] is no space.
func plain(p []byte, i int) int {
	carry := uint64(0) // Whether the byte before is a space, in the lowest high bit.
	q := p[i:]
	for len(q) >= 8 {
		w := binary.LittleEndian.Uint64(q)
		// Per byte the high bit: not below 0x20, and not 0x20 or below. No sum carries into
		// the next byte.
		low := w &^ highs
		text := low + 0x60*ones | w
		visible := low + 0x5f*ones | w
		space := (text &^ visible) & highs
		if stop := ^text&highs | space&(space<<8|carry); stop != 0 {
			return len(p) - len(q) + bits.TrailingZeros64(stop)/8
		}
		carry = space >> 56
		q = q[8:]
	}
	i = len(p) - len(q)
	for ; i < len(p); i++ {
		if p[i] < ' ' || p[i] == ' ' && p[i-1] == ' ' {
			return i
		}
	}
	return i
}
