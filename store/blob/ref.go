package blob

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
)

// Encoding says how the data of a record is stored.
type Encoding uint8

const (
	// Plain data is stored as it is.
	Plain Encoding = 0

	// maxEncoding is the highest value the wire form has room for.
	maxEncoding = 7
)

// Ref refers to the bytes of one blob in the Store that made it. It is a small
// value that can be compared and used as a map key; what it holds is nobody's
// business but this package's. The zero Ref refers to nothing.
type Ref struct {
	number uint32 // Of the pack, or of the large file.
	offset uint32 // Of the record in the file.
	head   uint16 // Bytes from the start of the record to its data.
	file   bool   // A file of its own.
	enc    Encoding
	keyID  uint32 // Of the key the data is sealed with, 0 for none.
	stored int64  // Bytes on disk.
	plain  int64  // Bytes as put.
}

// IsZero tells whether r refers to nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// Size returns the number of plain bytes.
func (r Ref) Size() int64 { return r.plain }

// record returns the size of the whole record on disk.
func (r Ref) record() int64 { return int64(r.head) + r.stored }

// String returns a form for logs: pack or file number, offset and size.
func (r Ref) String() string {
	switch {
	case r.IsZero():
		return "none"
	case r.file:
		return fmt.Sprintf("file %d (%d bytes)", r.number, r.plain)
	}
	return fmt.Sprintf("pack %d at %d (%d bytes)", r.number, r.offset, r.plain)
}

// LogValue implements slog.LogValuer with String.
func (r Ref) LogValue() slog.Value { return slog.StringValue(r.String()) }

// The wire form: a byte of encoding and flags, then unsigned varints.
const (
	refEncMask  = 0x07
	refFile     = 0x08
	refReserved = 0xf0
)

// AppendBinary appends the form of r that ParseRef reads, at most 37 bytes and
// usually about 12. The zero Ref is no bytes. The error is always nil.
func (r Ref) AppendBinary(b []byte) ([]byte, error) {
	if r.IsZero() {
		return b, nil
	}
	flags := byte(r.enc) & refEncMask
	if r.file {
		flags |= refFile
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(r.number))
	if !r.file {
		b = binary.AppendUvarint(b, uint64(r.offset))
	}
	b = binary.AppendUvarint(b, uint64(r.head))
	b = binary.AppendUvarint(b, uint64(r.plain))
	if r.enc != Plain {
		b = binary.AppendUvarint(b, uint64(r.stored))
		b = binary.AppendUvarint(b, uint64(r.keyID))
	}
	return b, nil
}

// MarshalBinary implements encoding.BinaryMarshaler with AppendBinary.
func (r Ref) MarshalBinary() ([]byte, error) { return r.AppendBinary(nil) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler with ParseRef.
func (r *Ref) UnmarshalBinary(b []byte) error {
	ref, err := ParseRef(b)
	if err != nil {
		return err
	}
	*r = ref
	return nil
}

var errRef = errors.New("blob: malformed reference")

// ParseRef reads what AppendBinary wrote. It accepts exactly one form of each
// reference, and nothing after it.
func ParseRef(b []byte) (Ref, error) {
	if len(b) == 0 {
		return Ref{}, nil
	}
	if b[0]&refReserved != 0 {
		return Ref{}, errRef
	}
	r := Ref{enc: Encoding(b[0] & refEncMask), file: b[0]&refFile != 0}
	ok := true
	rest := b[1:]
	next := func(limit uint64) uint64 {
		v, n := binary.Uvarint(rest)
		// A varint of several bytes that ends in zero has a shorter form.
		if n <= 0 || v > limit || n > 1 && rest[n-1] == 0 {
			ok, rest = false, nil
			return 0
		}
		rest = rest[n:]
		return v
	}
	r.number = uint32(next(math.MaxUint32))
	if r.file {
		r.offset = fileHeaderSize
	} else {
		r.offset = uint32(next(math.MaxUint32))
	}
	r.head = uint16(next(math.MaxUint16))
	r.plain = int64(next(math.MaxInt64 / 2))
	r.stored = r.plain
	if r.enc != Plain {
		r.stored = int64(next(math.MaxInt64 / 2))
		r.keyID = uint32(next(math.MaxUint32))
	}
	if !ok || len(rest) > 0 || r.number == 0 || r.offset < fileHeaderSize || r.head < recordHeaderSize {
		return Ref{}, errRef
	}
	return r, nil
}
