package store

import "encoding/binary"

// emailRecord is what the database has of an email. It is one field of emailRow, decoded without
// reflection, as lists of messages read many.
type emailRecord struct {
	Random   int64 // EmailID.Random.
	Thread   ThreadID
	Received int64
	Size     int64  // Of prefix and body, in bytes.
	Blob     []byte // Binary form of a blob.Ref.
	Cold     []byte // See cold. Nil if there is no such email.
}

const emailRecordVersion = 1

// MarshalBinary implements encoding.BinaryMarshaler: a version, the random half of the id, then numbers as
// varints, the reference with its length, and the cold record up to the end.
func (r emailRecord) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, 1+8+4*binary.MaxVarintLen64+len(r.Blob)+len(r.Cold))
	b = append(b, emailRecordVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Random))
	for _, n := range []int64{int64(r.Thread), r.Received, r.Size} {
		b = binary.AppendVarint(b, n)
	}
	b = appendSized(b, r.Blob)
	return append(b, r.Cold...), nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. What is malformed becomes a record whose
// cold record is malformed, so that a scan comes past it.
func (r *emailRecord) UnmarshalBinary(b []byte) error {
	*r = emailRecord{Cold: []byte{}}
	if len(b) == 0 || b[0] != emailRecordVersion {
		return nil
	}
	d := metaDecoder{buf: append([]byte(nil), b[1:]...)} // b is the database's.
	parsed := emailRecord{
		Random: d.fixed64(), Thread: ThreadID(d.varint()), Received: d.varint(), Size: d.varint(), Blob: d.sized(),
	}
	if !d.bad {
		*r = parsed
		r.Cold = d.buf
	}
	return nil
}
