package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"mox/imap"
)

// recoverMeta is kept beside each blob, in the pack, so that Recover can rebuild the
// account's database from packs alone. It is written once, when the email is added: later
// flag changes, copies and moves are in the database only.
type recoverMeta struct {
	Mailbox  string     // Full name of the mailbox the email was first put in. Empty if in none, as for a submission without copy.
	Use      SpecialUse // Role of that mailbox then.
	Received int64      // Unix seconds.
	Flags    imap.Flags
	Keywords []string
	Random   int64  // EmailID.Random. The other half is with the blob.
	Prefix   []byte // Header that mox prepended; the blob holds the body only.
	Auth     []byte // As NewMessage.Auth.

	// NextUIDValidity is that of the account then. All its mailboxes had lower ones.
	NextUIDValidity uint32
}

// recoverMetaVersion is the first byte of the encoding.
const recoverMetaVersion = 1

// errRecoverMeta is returned for metadata that cannot be parsed.
var errRecoverMeta = errors.New("damaged recovery metadata")

// appendRecoverMeta appends the encoding of m to buf: a version byte, then received, flags and next
// uidvalidity as varints, random, then mailbox, use, prefix, auth and the list of keywords, each with its length.
func appendRecoverMeta(buf []byte, m recoverMeta) []byte {
	buf = slices.Grow(buf, 128+len(m.Prefix)+len(m.Auth))
	buf = append(buf, recoverMetaVersion)
	buf = binary.AppendVarint(buf, m.Received)
	buf = binary.AppendUvarint(buf, uint64(m.Flags))
	buf = binary.AppendUvarint(buf, uint64(m.NextUIDValidity))
	buf = binary.BigEndian.AppendUint64(buf, uint64(m.Random))
	buf = appendSized(buf, m.Mailbox)
	buf = appendSized(buf, string(m.Use))
	buf = appendSized(buf, m.Prefix)
	buf = appendSized(buf, m.Auth)
	buf = binary.AppendUvarint(buf, uint64(len(m.Keywords)))
	for _, k := range m.Keywords {
		buf = appendSized(buf, k)
	}
	return buf
}

// parseRecoverMeta parses what appendRecoverMeta made. Prefix and Auth of the result refer to
// buf. It returns an error that wraps errRecoverMeta, or ErrNewerVersion.
func parseRecoverMeta(buf []byte) (recoverMeta, error) {
	var m recoverMeta
	if len(buf) == 0 {
		return m, fmt.Errorf("%w: empty", errRecoverMeta)
	}
	if buf[0] != recoverMetaVersion {
		if buf[0] > recoverMetaVersion {
			return m, fmt.Errorf("recovery metadata version %d: %w", buf[0], ErrNewerVersion)
		}
		return m, fmt.Errorf("%w: version %d", errRecoverMeta, buf[0])
	}
	d := metaDecoder{buf: buf[1:]}
	m.Received = d.varint()
	flags, validity := d.uvarint(), d.uvarint()
	m.Flags, m.NextUIDValidity = imap.Flags(flags), uint32(validity)
	if uint64(m.Flags) != flags || uint64(m.NextUIDValidity) != validity {
		d.bad = true
	}
	m.Random = d.fixed64()
	m.Mailbox = string(d.sized())
	m.Use = SpecialUse(d.sized())
	m.Prefix = d.sized()
	m.Auth = d.sized()
	// A keyword takes at least the byte of its length, which bounds what is allocated.
	if n := d.uvarint(); n > uint64(len(d.buf)) {
		d.bad = true
	} else if n > 0 && !d.bad {
		m.Keywords = make([]string, n)
		for i := range m.Keywords {
			m.Keywords[i] = string(d.sized())
		}
	}
	if d.bad || len(d.buf) != 0 {
		return recoverMeta{}, errRecoverMeta
	}
	return m, nil
}

func appendSized[T string | []byte](buf []byte, v T) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(v)))
	return append(buf, v...)
}

// metaDecoder takes fields off the front of buf. After the first that does not fit, bad is set
// and all others are zero.
type metaDecoder struct {
	buf []byte
	bad bool
}

func (d *metaDecoder) varint() int64 {
	v, n := binary.Varint(d.buf)
	d.skip(n)
	if d.bad {
		return 0
	}
	return v
}

func (d *metaDecoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.buf)
	d.skip(n)
	if d.bad {
		return 0
	}
	return v
}

func (d *metaDecoder) fixed64() int64 {
	if len(d.buf) < 8 {
		d.bad, d.buf = true, nil
		return 0
	}
	v := binary.BigEndian.Uint64(d.buf)
	d.buf = d.buf[8:]
	return int64(v)
}

func (d *metaDecoder) skip(n int) {
	if n <= 0 || d.bad {
		d.bad, d.buf = true, nil
		return
	}
	d.buf = d.buf[n:]
}

// sized returns nil for a length of zero.
func (d *metaDecoder) sized() []byte {
	n := d.uvarint()
	if n > uint64(len(d.buf)) {
		d.bad, d.buf = true, nil
	}
	if d.bad || n == 0 {
		return nil
	}
	v := d.buf[:n:n]
	d.buf = d.buf[n:]
	return v
}
