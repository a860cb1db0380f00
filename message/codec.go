package message

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// ErrCorrupt is returned (wrapped) by [DecodePart] for an encoding that is damaged or of a
// version that is not known.
var ErrCorrupt = errors.New("message: corrupt part encoding")

// codecVersion is the first byte of an encoding. Version 1 is, for each part in the order of
// the tree, with numbers as varints and strings as length and bytes:
//
//	flags; header offset from that of the parent; header, body sizes; lines of both
//	raw type, raw subtype [type, subtype if not the same in lower case]
//	params; encoding; [disposition and its params]
//	[content-id, description, raw description, md5, location, languages]; defects
//	[envelope]; [number of parts and parts]; [message]
const codecVersion = 1

// Flags of an encoded part.
const (
	codecOtherType = 1 << iota
	codecDisposition
	codecContentFields
	codecEnvelope
	codecParts
	codecMessage
	codecFlagsEnd
)

// Flags of an encoded parameter, with those of an address.
const (
	codecRawDiffers = 1 << iota
	codecExtended   // Of a parameter.
	codecRoute      // Of an address.
	codecKindShift  = 3
)

// maxCodecDepth bounds the recursion of DecodePart. It is above any Options.MaxDepth in use, in
// which each level can be a message and its body.
const maxCodecDepth = 1000

// AppendPart appends a compact encoding of the tree of p to b and returns it. All of the tree
// is kept but Header.
func AppendPart(b []byte, p *Part) []byte {
	return appendPart(append(b, codecVersion), p, 0)
}

// DecodePart returns the tree that AppendPart encoded. It keeps no reference to b. It returns
// an error that wraps ErrCorrupt if b is no such encoding.
func DecodePart(b []byte) (*Part, error) {
	if len(b) == 0 || b[0] != codecVersion {
		return nil, fmt.Errorf("%w: unknown version", ErrCorrupt)
	}
	d := partDecoder{s: string(b[1:])}
	p := d.part(0, maxCodecDepth)
	if !d.bad && d.s != "" {
		d.bad = true
	}
	if d.bad {
		return nil, fmt.Errorf("%w: %d bytes", ErrCorrupt, len(b))
	}
	return p, nil
}

func appendPart(b []byte, p *Part, parentOffset int64) []byte {
	flags := byte(0)
	set := func(flag byte, cond bool) {
		if cond {
			flags |= flag
		}
	}
	set(codecOtherType, lowerASCII(p.RawType) != p.Type || lowerASCII(p.RawSubtype) != p.Subtype)
	set(codecDisposition, p.Disposition != "" || len(p.DispositionParams) > 0)
	set(codecContentFields, p.ContentID != "" || p.Description != "" || p.RawDescription != "" || p.MD5 != "" || p.Location != "" || len(p.Language) > 0)
	set(codecEnvelope, p.Envelope != nil)
	set(codecParts, len(p.Parts) > 0)
	set(codecMessage, p.Message != nil)
	b = append(b, flags)
	for _, n := range []int64{p.HeaderOffset - parentOffset, p.BodyOffset - p.HeaderOffset, p.EndOffset - p.BodyOffset, p.HeaderLines, p.Lines} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = appendString(b, p.RawType)
	b = appendString(b, p.RawSubtype)
	if flags&codecOtherType != 0 {
		b = appendString(b, p.Type)
		b = appendString(b, p.Subtype)
	}
	b = appendParams(b, p.Params)
	b = appendString(b, p.Encoding)
	if flags&codecDisposition != 0 {
		b = appendString(b, p.Disposition)
		b = appendParams(b, p.DispositionParams)
	}
	if flags&codecContentFields != 0 {
		for _, s := range []string{p.ContentID, p.Description, p.RawDescription, p.MD5, p.Location} {
			b = appendString(b, s)
		}
		b = appendStrings(b, p.Language)
	}
	b = binary.AppendUvarint(b, uint64(p.Defects))
	if p.Envelope != nil {
		b = appendEnvelope(b, p.Envelope)
	}
	if len(p.Parts) > 0 {
		b = binary.AppendUvarint(b, uint64(len(p.Parts)))
		for _, c := range p.Parts {
			b = appendPart(b, c, p.HeaderOffset)
		}
	}
	if p.Message != nil {
		b = appendPart(b, p.Message, p.HeaderOffset)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendStrings(b []byte, l []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(l)))
	for _, s := range l {
		b = appendString(b, s)
	}
	return b
}

func appendParams(b []byte, l []Param) []byte {
	b = binary.AppendUvarint(b, uint64(len(l)))
	for _, p := range l {
		flags := byte(0)
		if p.Raw != p.Value {
			flags |= codecRawDiffers
		}
		if p.Extended {
			flags |= codecExtended
		}
		b = append(b, flags)
		b = appendString(b, p.Name)
		b = appendString(b, p.Value)
		if p.Raw != p.Value {
			b = appendString(b, p.Raw)
		}
	}
	return b
}

// appendOptional appends bytes of which nil and empty are not the same.
func appendOptional(b, v []byte) []byte {
	if v == nil {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(v))+1)
	return append(b, v...)
}

func appendEnvelope(b []byte, e *Envelope) []byte {
	if e.Date.IsZero() {
		b = append(b, 0)
	} else {
		_, offset := e.Date.Zone()
		b = append(b, 1)
		b = binary.AppendVarint(b, e.Date.Unix())
		b = binary.AppendVarint(b, int64(offset))
	}
	for _, v := range [][]byte{e.RawDate, e.RawSubject, e.RawInReplyTo, e.RawMessageID} {
		b = appendOptional(b, v)
	}
	b = appendString(b, e.Subject)
	for _, l := range [][]Address{e.From, e.Sender, e.ReplyTo, e.To, e.CC, e.BCC} {
		b = binary.AppendUvarint(b, uint64(len(l)))
		for _, a := range l {
			b = appendAddress(b, a)
		}
	}
	b = appendString(b, e.MessageID)
	b = appendStrings(b, e.InReplyTo)
	return appendStrings(b, e.References)
}

func appendAddress(b []byte, a Address) []byte {
	flags := byte(a.Kind) << codecKindShift
	if a.RawName != a.Name {
		flags |= codecRawDiffers
	}
	if a.Route != "" {
		flags |= codecRoute
	}
	b = append(b, flags)
	b = appendString(b, a.Name)
	if a.RawName != a.Name {
		b = appendString(b, a.RawName)
	}
	if a.Route != "" {
		b = appendString(b, a.Route)
	}
	b = appendString(b, a.User)
	return appendString(b, a.Host)
}

// partDecoder decodes from s, of which all strings of the tree are slices. The first error is
// kept in bad; everything is zero from then on.
type partDecoder struct {
	s   string
	bad bool
}

func (d *partDecoder) fail() {
	d.bad = true
	d.s = ""
}

func (d *partDecoder) byte() byte {
	if d.s == "" {
		d.fail()
		return 0
	}
	c := d.s[0]
	d.s = d.s[1:]
	return c
}

func (d *partDecoder) uvarint() uint64 {
	var v uint64
	for i := range min(len(d.s), binary.MaxVarintLen64) {
		c := d.s[i]
		if c < 0x80 {
			if i == binary.MaxVarintLen64-1 && c > 1 {
				break
			}
			d.s = d.s[i+1:]
			return v | uint64(c)<<(7*i)
		}
		v |= uint64(c&0x7f) << (7 * i)
	}
	d.fail()
	return 0
}

func (d *partDecoder) varint() int64 {
	v := d.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// size returns a number of bytes or lines.
func (d *partDecoder) size() int64 {
	v := d.uvarint()
	if v > 1<<60 {
		d.fail()
		return 0
	}
	return int64(v)
}

// count returns a number of elements, each of at least one byte.
func (d *partDecoder) count() int {
	v := d.uvarint()
	if v > uint64(len(d.s)) {
		d.fail()
		return 0
	}
	return int(v)
}

func (d *partDecoder) string() string {
	n := d.count()
	s := d.s[:n]
	d.s = d.s[n:]
	return s
}

func (d *partDecoder) optional() []byte {
	n := d.uvarint()
	if n == 0 {
		return nil
	}
	if n-1 > uint64(len(d.s)) {
		d.fail()
		return nil
	}
	b := []byte(d.s[:n-1])
	d.s = d.s[n-1:]
	return b
}

func (d *partDecoder) strings() []string {
	return decodeList(d, d.string)
}

// decodeList decodes a list with its length. An empty list is nil.
func decodeList[T any](d *partDecoder, element func() T) []T {
	n := d.count()
	if n == 0 {
		return nil
	}
	// An element may be larger than its encoding: memory is taken as elements prove to be there.
	l := make([]T, 0, min(n, 64))
	for range n {
		l = append(l, element())
		if d.bad {
			return nil
		}
	}
	return l
}

func (d *partDecoder) params() []Param { return decodeList(d, d.param) }

func (d *partDecoder) param() Param {
	flags := d.byte()
	p := Param{Name: d.string(), Value: d.string(), Extended: flags&codecExtended != 0}
	p.Raw = p.Value
	if flags&codecRawDiffers != 0 {
		p.Raw = d.string()
	}
	return p
}

func (d *partDecoder) part(parentOffset int64, depth int) *Part {
	if depth == 0 {
		d.fail()
		return nil
	}
	p := &Part{}
	flags := d.byte()
	if flags >= codecFlagsEnd {
		d.fail()
	}
	p.HeaderOffset = parentOffset + d.size()
	p.BodyOffset = p.HeaderOffset + d.size()
	p.EndOffset = p.BodyOffset + d.size()
	if p.EndOffset > 1<<61 {
		d.fail()
	}
	p.HeaderLines, p.Lines = d.size(), d.size()
	p.RawType, p.RawSubtype = d.string(), d.string()
	if flags&codecOtherType != 0 {
		p.Type, p.Subtype = d.string(), d.string()
	} else {
		p.Type, p.Subtype = lowerASCII(p.RawType), lowerASCII(p.RawSubtype)
	}
	p.Params = d.params()
	p.Encoding = d.string()
	if flags&codecDisposition != 0 {
		p.Disposition = d.string()
		p.DispositionParams = d.params()
	}
	if flags&codecContentFields != 0 {
		p.ContentID, p.Description, p.RawDescription, p.MD5, p.Location = d.string(), d.string(), d.string(), d.string(), d.string()
		p.Language = d.strings()
	}
	p.Defects = Defect(d.uvarint())
	if flags&codecEnvelope != 0 {
		p.Envelope = d.envelope()
	}
	if flags&codecParts != 0 {
		p.Parts = decodeList(d, func() *Part { return d.part(p.HeaderOffset, depth-1) })
	}
	if flags&codecMessage != 0 {
		p.Message = d.part(p.HeaderOffset, depth-1)
	}
	return p
}

func (d *partDecoder) envelope() *Envelope {
	e := &Envelope{}
	if d.byte() != 0 {
		e.Date = d.time()
	}
	e.RawDate, e.RawSubject, e.RawInReplyTo, e.RawMessageID = d.optional(), d.optional(), d.optional(), d.optional()
	e.Subject = d.string()
	for _, l := range []*[]Address{&e.From, &e.Sender, &e.ReplyTo, &e.To, &e.CC, &e.BCC} {
		*l = decodeList(d, d.address)
	}
	e.MessageID = d.string()
	e.InReplyTo = d.strings()
	e.References = d.strings()
	return e
}

func (d *partDecoder) time() time.Time {
	sec, offset := d.varint(), d.varint()
	if offset <= -24*3600 || offset >= 24*3600 {
		d.fail()
		return time.Time{}
	}
	zone := time.UTC
	if offset != 0 {
		zone = time.FixedZone("", int(offset))
	}
	return time.Unix(sec, 0).In(zone)
}

func (d *partDecoder) address() Address {
	flags := d.byte()
	a := Address{Kind: AddressKind(flags >> codecKindShift), Name: d.string()}
	if a.Kind > GroupEnd {
		d.fail()
	}
	a.RawName = a.Name
	if flags&codecRawDiffers != 0 {
		a.RawName = d.string()
	}
	if flags&codecRoute != 0 {
		a.Route = d.string()
	}
	a.User, a.Host = d.string(), d.string()
	return a
}
