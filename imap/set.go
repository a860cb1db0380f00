package imap

import (
	"cmp"
	"errors"
	"iter"
	"slices"
	"strconv"
)

// Num is a kind of message number. The two are never mixed in one set.
type Num interface{ UID | SeqNum }

// Star is "*" in a [Range], the largest number in use.
const Star = 0

// Range is all numbers from First to Last. Either may be [Star].
type Range[T Num] struct{ First, Last T }

// Set is a set of message numbers, sequence-set and uid-set in RFC 9051 §9.
//
// A set is in normal form when its ranges ascend, neither overlap nor touch, and
// have no "*". The zero value is the empty set, in normal form; Add and AddRange
// keep the normal form, Resolve makes it. A set from [ParseSet] is as the client wrote it.
//
// A Set has no lock: it may be read concurrently while nobody changes it.
type Set[T Num] []Range[T]

// UIDSet is a set of UIDs.
type UIDSet = Set[UID]

// SeqSet is a set of message sequence numbers.
type SeqSet = Set[SeqNum]

var (
	errSetSyntax = errors.New("imap: malformed set of message numbers")

	// ErrSetTooLong says that a set has more ranges than the caller allows.
	ErrSetTooLong = errors.New("imap: too many ranges in set of message numbers")
)

// SetOf returns the set of the given numbers, in normal form. Zeros are ignored.
func SetOf[T Num](nums ...T) Set[T] {
	var s Set[T]
	for _, n := range nums {
		s.Add(n)
	}
	return s
}

// ParseSet parses a set and appends its ranges, in the order in which they stand in b,
// to dst, which may be nil. Numbers of a range are put in ascending order, with "*"
// last. It returns [ErrSetTooLong] if the set has more than maxRanges ranges, and
// another error if b is no set. "$" (RFC 5182) is not a set.
func ParseSet[T Num](dst Set[T], b []byte, maxRanges int) (Set[T], error) {
	for n := 0; ; n++ {
		if n == maxRanges {
			return dst, ErrSetTooLong
		}
		var r Range[T]
		var ok bool
		r.First, b, ok = cutNum[T](b)
		if !ok {
			return dst, errSetSyntax
		}
		r.Last = r.First
		if len(b) > 0 && b[0] == ':' {
			r.Last, b, ok = cutNum[T](b[1:])
			if !ok {
				return dst, errSetSyntax
			}
		}
		// RFC 9051 §9 seq-range: "2:4 and 4:2 are equivalent".
		if r.First == Star || r.Last != Star && r.First > r.Last {
			r.First, r.Last = r.Last, r.First
		}
		dst = append(dst, r)
		if len(b) == 0 {
			return dst, nil
		}
		if b[0] != ',' {
			return dst, errSetSyntax
		}
		b = b[1:]
	}
}

// cutNum takes an nz-number or "*" from the front of b.
func cutNum[T Num](b []byte) (n T, rest []byte, ok bool) {
	if len(b) > 0 && b[0] == '*' {
		return Star, b[1:], true
	}
	var v uint64
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		v = v*10 + uint64(b[i]-'0')
		if v > 1<<32-1 {
			return 0, b, false
		}
	}
	if i == 0 || b[0] == '0' {
		return 0, b, false
	}
	return T(v), b[i:], true
}

// Dynamic reports whether the set has a "*".
func (s Set[T]) Dynamic() bool {
	for _, r := range s {
		if r.Last == Star { // "*" is always last, also in "*" alone.
			return true
		}
	}
	return false
}

// Within reports whether all numbers of the set are at most last, the largest number
// in use. A "*" is, unless last is zero.
//
// A server answers BAD to a sequence number that does not exist, and to "*" in an empty
// mailbox (RFC 9051 §9, seq-number). For UIDs any number is allowed.
func (s Set[T]) Within(last T) bool {
	for _, r := range s {
		if r.First > last || r.Last > last || last == 0 {
			return false
		}
	}
	return true
}

// Resolve returns the set in normal form, with last, the largest number in use, for
// "*", and without the numbers above last. If last is zero the set is empty. "5:*" with a
// last of 3 is 3 (RFC 9051 §9, seq-range).
//
// Afterwards Count is at most last, so iterating is bounded. The result uses the
// memory of s, which must not be used any more.
func (s Set[T]) Resolve(last T) Set[T] {
	out := s[:0]
	for _, r := range s {
		if r.First == Star {
			r.First = last
		}
		if r.Last == Star {
			r.Last = last
			if r.First > r.Last {
				r.First, r.Last = r.Last, r.First
			}
		}
		if r.First > last || last == 0 {
			continue
		}
		r.Last = min(r.Last, last)
		out = append(out, r)
	}
	return out.normalize()
}

// normalize sorts and joins ranges that have no "*", in place.
func (s Set[T]) normalize() Set[T] {
	byFirst := func(a, b Range[T]) int { return cmp.Compare(a.First, b.First) }
	if !slices.IsSortedFunc(s, byFirst) {
		slices.SortFunc(s, byFirst)
	}
	out := s[:0]
	for _, r := range s {
		if n := len(out); n > 0 && touches(out[n-1], r) {
			out[n-1].Last = max(out[n-1].Last, r.Last)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// touches reports whether b, which begins at or after a, leaves no gap after it.
func touches[T Num](a, b Range[T]) bool {
	return b.First <= a.Last || b.First-1 == a.Last
}

// Add adds n to a set in normal form. Zero is ignored. Adding numbers in ascending order
// takes constant time.
func (s *Set[T]) Add(n T) { s.AddRange(n, n) }

// AddRange adds the numbers from first to last to a set in normal form. It does nothing
// if first is zero or above last.
func (s *Set[T]) AddRange(first, last T) {
	if first == 0 || first > last {
		return
	}
	l := *s
	r := Range[T]{first, last}
	if n := len(l); n == 0 || first > l[n-1].Last && !touches(l[n-1], r) {
		*s = append(l, r)
		return
	} else if first >= l[n-1].First {
		l[n-1].Last = max(l[n-1].Last, last)
		return
	}
	// The ranges l[i:j] touch the new one and become one with it.
	i, _ := slices.BinarySearchFunc(l, first, func(a Range[T], n T) int {
		if a.Last < n && a.Last+1 < n {
			return -1
		}
		return 1
	})
	j := i
	for j < len(l) && touches(r, Range[T]{max(l[j].First, first), l[j].Last}) {
		r.First, r.Last = min(r.First, l[j].First), max(r.Last, l[j].Last)
		j++
	}
	*s = slices.Replace(l, i, j, r)
}

// Contains reports whether n is in a set in normal form, in logarithmic time.
func (s Set[T]) Contains(n T) bool {
	_, ok := slices.BinarySearchFunc(s, n, func(r Range[T], n T) int {
		switch {
		case r.Last < n:
			return -1
		case r.First > n:
			return 1
		}
		return 0
	})
	return ok
}

// Count returns how many numbers a set in normal form has.
func (s Set[T]) Count() int64 {
	var n int64
	for _, r := range s {
		n += int64(r.Last) - int64(r.First) + 1
	}
	return n
}

// All iterates over the numbers of a set in normal form, ascending. A set from a peer
// must go through Resolve first, so that "1:4294967295" does not take for ever.
func (s Set[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, r := range s {
			for n := r.First; ; n++ {
				if !yield(n) {
					return
				}
				if n == r.Last {
					break
				}
			}
		}
	}
}

// AppendTo appends the set in its wire form: "1:3,5,7:*". The empty set has no wire
// form and appends nothing.
func (s Set[T]) AppendTo(b []byte) []byte {
	for i, r := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNum(b, r.First)
		if r.First != r.Last {
			b = append(b, ':')
			b = appendNum(b, r.Last)
		}
	}
	return b
}

func appendNum[T Num](b []byte, n T) []byte {
	if n == Star {
		return append(b, '*')
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

// String returns the wire form of the set, "" if it is empty.
func (s Set[T]) String() string { return string(s.AppendTo(nil)) }
