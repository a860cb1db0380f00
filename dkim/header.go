package dkim

import (
	"bytes"
	"iter"

	"mox/message"
)

// maxFields is how many fields of a header are looked at.
const maxFields = 20000

// Header is the header of a message, from which fields are selected by name. It is
// immutable and safe for concurrent use.
type Header struct {
	fields    []message.Field
	last      map[string]int32 // By name in lower case: index of the last field, counted from 1.
	prev      []int32          // By field: the one above with the same name, counted from 1.
	malformed bool
	cut       bool
}

// ParseHeader splits a raw header, without the empty line at its end, into fields. The
// Header keeps referring to b.
func ParseHeader(b []byte) *Header {
	n := min(bytes.Count(b, []byte("\n"))+1, 64)
	h := &Header{last: make(map[string]int32, n/2), fields: make([]message.Field, 0, n), prev: make([]int32, 0, n)}
	var name []byte
	for f := range message.Fields(b) {
		if len(h.fields) == maxFields {
			h.malformed, h.cut = true, true
			break
		}
		h.fields = append(h.fields, f)
		if f.Name == nil {
			h.malformed = true
			h.prev = append(h.prev, 0)
			continue
		}
		name = appendLower(name[:0], f.Name)
		h.prev = append(h.prev, h.last[string(name)])
		h.last[string(name)] = int32(len(h.fields))
	}
	return h
}

// Malformed tells whether the header has a line that is no field, or a number of fields
// that nobody needs. Such a header means different things to different readers, who may
// take the body to begin at that line, so that no signature can vouch for it
// (RFC 6376 §3.8).
func (h *Header) Malformed() bool { return h.malformed }

// Complete tells whether all fields were looked at, not only the first 20,000.
func (h *Header) Complete() bool { return !h.cut }

// Fields returns all fields from top to bottom. The caller must not change them.
func (h *Header) Fields() []message.Field { return h.fields }

// lastOf returns the index of the last field with a name, counted from 1, or 0.
func (h *Header) lastOf(name string) int32 {
	var buf [64]byte // Longer names are rare.
	return h.last[string(appendLower(buf[:0], name))]
}

// Count returns the number of fields with the given name.
func (h *Header) Count(name string) int {
	n := 0
	for i := h.lastOf(name); i > 0; i = h.prev[i-1] {
		n++
	}
	return n
}

// Select iterates over the fields that names in h= stand for, in their order: the first
// occurrence of a name is the last field with it, the next the one above, and so on;
// names that are left over stand for nothing (RFC 6376 §5.4.2). The field with index
// except, the signature itself, is passed over (RFC 6376 §3.7); -1 is none.
func (h *Header) Select(names []string, except int) iter.Seq[message.Field] {
	return func(yield func(message.Field) bool) {
		next := make(map[int32]int32, min(len(names), 32)) // By the last field with the name.
		for _, name := range names {
			last := h.lastOf(name)
			if last == 0 {
				continue
			}
			i, ok := next[last]
			if !ok {
				i = last
			}
			if int(i)-1 == except && i > 0 {
				i = h.prev[i-1]
			}
			if i == 0 {
				next[last] = 0
				continue
			}
			next[last] = h.prev[i-1]
			if !yield(h.fields[i-1]) {
				return
			}
		}
	}
}

func appendLower[T string | []byte](dst []byte, s T) []byte {
	for i := range len(s) {
		dst = append(dst, lower(s[i]))
	}
	return dst
}

// lowerString returns s with ASCII letters in lower case.
func lowerString(s string) string {
	for i := range len(s) {
		if lower(s[i]) != s[i] {
			return string(appendLower(nil, s))
		}
	}
	return s
}

// lineEnd returns the length of the first line of b with its LF, or of b if it has none.
func lineEnd(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}
