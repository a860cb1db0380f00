package blob

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
)

// Sizes of the fixed headers in bytes.
const (
	fileHeaderSize   = 64
	recordHeaderSize = 64
)

// MaxMeta is the most bytes of Meta an Item may have.
const MaxMeta = math.MaxUint16 - recordHeaderSize

// formatVersion is the version in file headers. A store refuses files with a
// higher one.
const formatVersion = 1

// marker tells the records of one store from bytes that only look like records.
type marker [8]byte

// kind is what a record says.
type kind uint8

const (
	// kindBlob carries data.
	kindBlob kind = 1

	// kindTombstone says that all records of its email id up to the place in
	// its Meta, a reference, are deleted.
	kindTombstone kind = 2

	// kindDiscard says that the record at the place in its Meta is not in use.
	// Other records of its email id may be.
	kindDiscard kind = 3

	// kindSeal is the last record of a pack that was ended in good order. It
	// says no more than its synced.
	kindSeal kind = 4
)

var (
	packMagic   = [8]byte{'m', 'o', 'x', 'p', 'a', 'c', 'k', '\n'}
	largeMagic  = [8]byte{'m', 'o', 'x', 'b', 'l', 'o', 'b', '\n'}
	recordMagic = [4]byte{0xa7, 'm', 'x', 'r'}

	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

var (
	errFileHeader   = errors.New("damaged file header")
	errRecordHeader = errors.New("no valid record header")
)

// fileHeader is what a pack or a large file begins with.
type fileHeader struct {
	magic   [8]byte
	version uint32
	number  uint32
	marker  marker
}

// append adds the header's fileHeaderSize bytes to b.
//
//	0 magic, 8 version, 12 number, 16 marker, 24 zero, 60 CRC of all before
func (h fileHeader) append(b []byte) []byte {
	start := len(b)
	b = append(b, h.magic[:]...)
	b = binary.LittleEndian.AppendUint32(b, h.version)
	b = binary.LittleEndian.AppendUint32(b, h.number)
	b = append(b, h.marker[:]...)
	b = append(b, make([]byte, fileHeaderSize-4-24)...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// parseFileHeader reads a header of the given kind of file. A header of a newer
// version gives ErrVersion.
func parseFileHeader(b []byte, magic [8]byte) (fileHeader, error) {
	var h fileHeader
	if len(b) < fileHeaderSize {
		return h, errFileHeader
	}
	b = b[:fileHeaderSize]
	copy(h.magic[:], b)
	h.version = binary.LittleEndian.Uint32(b[8:])
	h.number = binary.LittleEndian.Uint32(b[12:])
	copy(h.marker[:], b[16:])
	sum := binary.LittleEndian.Uint32(b[60:])
	if h.magic != magic || sum != crc32.Checksum(b[:60], castagnoli) {
		return h, errFileHeader
	}
	if h.version > formatVersion {
		return h, ErrVersion
	}
	return h, nil
}

// record is a record header with its meta.
type record struct {
	kind    kind
	enc     Encoding
	emailID int64
	stored  int64
	plain   int64
	keyID   uint32
	dataSum uint32 // CRC-32C of the stored data.
	synced  int64  // How much of the pack was durable when the record was written.
	meta    []byte
}

// head is the size of header and meta, the distance to the data.
func (r *record) head() int64 { return recordHeaderSize + int64(len(r.meta)) }

// size is the size of the whole record.
func (r *record) size() int64 { return r.head() + r.stored }

// ref returns the reference to the record at a place.
func (r *record) ref(number uint32, offset int64, file bool) Ref {
	return Ref{
		number: number,
		offset: uint32(offset),
		head:   uint16(r.head()),
		file:   file,
		enc:    r.enc,
		keyID:  r.keyID,
		stored: r.stored,
		plain:  r.plain,
	}
}

// matches tells whether the record is the one that ref was made for.
func (r *record) matches(ref Ref) bool {
	return r.kind == kindBlob && r.enc == ref.enc && r.keyID == ref.keyID && r.stored == ref.stored && r.plain == ref.plain && r.head() == int64(ref.head)
}

// append adds header and meta to b.
//
//	0 magic, 4 kind, 5 encoding, 6 zero, 8 marker, 16 email id, 24 stored,
//	32 plain, 40 key id, 44 length of meta, 48 synced, 56 CRC of data,
//	60 CRC of all before and of meta, 64 meta
func (r *record) append(b []byte, m marker) []byte {
	start := len(b)
	b = append(b, recordMagic[:]...)
	b = append(b, byte(r.kind), byte(r.enc), 0, 0)
	b = append(b, m[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.emailID))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.stored))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.plain))
	b = binary.LittleEndian.AppendUint32(b, r.keyID)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.meta)))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.synced))
	b = binary.LittleEndian.AppendUint32(b, r.dataSum)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, r.meta...)
	setHeaderSum(b[start:])
	return b
}

// setHeaderSum writes the checksum into a header with its meta.
func setHeaderSum(h []byte) {
	binary.LittleEndian.PutUint32(h[60:], headerSum(h))
}

func headerSum(h []byte) uint32 {
	return crc32.Update(crc32.Checksum(h[:60], castagnoli), castagnoli, h[recordHeaderSize:])
}

// setSynced changes what a header with its meta says of that.
func setSynced(h []byte, synced int64) {
	binary.LittleEndian.PutUint64(h[48:], uint64(synced))
	setHeaderSum(h)
}

// headLength tells from the first recordHeaderSize bytes of a record how long
// header and meta are. It fails for what is no record of the store m.
func headLength(b []byte, m marker) (int, error) {
	if len(b) < recordHeaderSize || [4]byte(b) != recordMagic || marker(b[8:16]) != m {
		return 0, errRecordHeader
	}
	n := binary.LittleEndian.Uint32(b[44:])
	if n > MaxMeta {
		return 0, errRecordHeader
	}
	return recordHeaderSize + int(n), nil
}

// parseRecord reads header and meta, whose length headLength told. The meta of
// the result shares memory with b.
func parseRecord(b []byte, m marker) (record, error) {
	n, err := headLength(b, m)
	if err != nil || len(b) < n {
		return record{}, errRecordHeader
	}
	b = b[:n]
	if binary.LittleEndian.Uint32(b[60:]) != headerSum(b) {
		return record{}, errRecordHeader
	}
	r := record{
		kind:    kind(b[4]),
		enc:     Encoding(b[5]),
		emailID: int64(binary.LittleEndian.Uint64(b[16:])),
		stored:  int64(binary.LittleEndian.Uint64(b[24:])),
		plain:   int64(binary.LittleEndian.Uint64(b[32:])),
		keyID:   binary.LittleEndian.Uint32(b[40:]),
		synced:  int64(binary.LittleEndian.Uint64(b[48:])),
		dataSum: binary.LittleEndian.Uint32(b[56:]),
		meta:    b[recordHeaderSize:n:n],
	}
	if r.kind < kindBlob || r.kind > kindSeal || r.enc > maxEncoding ||
		r.stored < 0 || r.plain < 0 || r.synced < 0 || r.stored > math.MaxInt64/2 || r.plain > math.MaxInt64/2 {
		return record{}, errRecordHeader
	}
	return r, nil
}
