package message

import "strings"

// Part is a node of the tree that MIME makes of a message: the message itself, a
// part of a multipart, or a message inside a message/rfc822 part.
//
// All offsets are from the first byte of the whole message that was parsed. The
// tree is not changed after parsing and may be read concurrently.
type Part struct {
	HeaderOffset int64 // First byte of the header.
	BodyOffset   int64 // First byte after the blank line that ends the header.
	EndOffset    int64 // First byte after the body. The line end before a boundary is not in the body.

	// HeaderLines and Lines are the number of line ends (LF) in the header, with
	// its blank line, and in the body. Lines is "size in text lines" of RFC 9051
	// §7.5.2, also for message/rfc822, where the body is the message inside. A last
	// line without line end does not count, as with other servers.
	HeaderLines int64
	Lines       int64

	// Type and Subtype are the media type the part is treated as, in lower case.
	// Without a usable Content-Type field they are text/plain, or message/rfc822
	// directly under multipart/digest. A multipart or message that could not be
	// taken apart (see [Defect]) is treated as application/octet-stream or
	// text/plain.
	Type    string
	Subtype string

	// RawType and RawSubtype are Type and Subtype in the case in which they were
	// written, for IMAP BODYSTRUCTURE.
	RawType    string
	RawSubtype string

	// Params are the parameters of Content-Type in order, one per name. A text
	// part without charset has "us-ascii" (RFC 2045 §5.2) added.
	Params []Param

	// Encoding is the content transfer encoding in lower case, "7bit" by default.
	// It may be a name that nobody knows; such content is read as it stands.
	Encoding string

	ContentID      string // With its angle brackets, as in the field. Empty if absent.
	Description    string // Decoded text of Content-Description.
	RawDescription string // Content-Description unfolded, not decoded.
	MD5            string // Content-MD5 (RFC 1864).
	Location       string // Content-Location (RFC 2557), unfolded, white space removed.
	Language       []string

	Disposition       string // "inline", "attachment" or another, in lower case. Empty if absent.
	DispositionParams []Param

	// Parts are the children of a multipart: at least one for each part with Type
	// "multipart". Where a multipart holds no part at all it is an empty text/plain
	// at its end, because IMAP knows no empty multipart.
	Parts []*Part

	// Message is the message inside a message/rfc822 or message/global part. Its
	// header begins at BodyOffset. Nil for all other types.
	Message *Part

	// Envelope is set on the root and on each Message.
	Envelope *Envelope

	// Header is the raw header with the blank line that ends it, up to
	// Options.MaxHeaderBytes. The parser sets it on the root only; it is not part of
	// the encoding of AppendPart.
	Header []byte

	// Defects tells what was wrong with this part.
	Defects Defect
}

// Param is a parameter of Content-Type or Content-Disposition.
type Param struct {
	Name  string // In lower case, without the marks of RFC 2231.
	Value string // Decoded, UTF-8.

	// Raw is the value as written, unquoted but not decoded. For an Extended
	// parameter it is empty.
	Raw string

	// Extended says that the value came with a charset and percent encoding
	// (name*=utf-8''...; RFC 2231 §4).
	Extended bool
}

// Wire returns name and value for IMAP BODYSTRUCTURE. RFC 2231 continuations are
// joined (RFC 9051 §7.5.2); an extended value is returned as name* in UTF-8 and percent
// encoding, which every client that knows RFC 2231 can read in either revision of
// IMAP. The value of other parameters is as the sender wrote it and may hold any
// octet but CR, LF and NUL.
func (p Param) Wire() (name, value string) {
	if !p.Extended {
		return p.Name, p.Raw
	}
	return p.Name + "*", string(appendExtendedValue(nil, p.Value))
}

// Param returns the decoded value of the Content-Type parameter with the given
// lower-case name, or "".
func (p *Part) Param(name string) string { return paramValue(p.Params, name) }

// BodySize is the number of octets of the body in its transfer encoding.
func (p *Part) BodySize() int64 { return p.EndOffset - p.BodyOffset }

// Size is the number of octets of header and body.
func (p *Part) Size() int64 { return p.EndOffset - p.HeaderOffset }

// IsMultipart reports whether the part has children.
func (p *Part) IsMultipart() bool { return p.Type == "multipart" }

// IsText reports whether the part is of a text type.
func (p *Part) IsText() bool { return p.Type == "text" }

// MediaType returns "type/subtype" in lower case.
func (p *Part) MediaType() string { return p.Type + "/" + p.Subtype }

// IsAttachment reports whether the part is meant to be kept as a file rather than
// shown in the message: its disposition is attachment, or it is neither text,
// multipart nor something the message refers to by Content-ID.
func (p *Part) IsAttachment() bool {
	switch {
	case p.Disposition == "attachment":
		return true
	case p.Type == "multipart":
		return false
	case p.Type == "text":
		return p.Disposition != "inline" && p.Filename() != ""
	}
	return p.ContentID == "" || p.Filename() != "" && p.Disposition != "inline"
}

// Filename returns the name the sender suggests for the part (RFC 2183 §2.3, or
// the name parameter of Content-Type), without directories. It is meant for
// people: it may be any text and is empty if there is none.
func (p *Part) Filename() string {
	name := paramValue(p.DispositionParams, "filename")
	if name == "" {
		name = paramValue(p.Params, "name")
	}
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.TrimSpace(name)
	if name == "." || name == ".." {
		return ""
	}
	return name
}

// Walk calls fn for the part and all parts below it, in the order of the message,
// until fn returns false. It reports whether all were visited.
func (p *Part) Walk(fn func(p *Part) bool) bool {
	if !fn(p) {
		return false
	}
	for _, c := range p.Parts {
		if !c.Walk(fn) {
			return false
		}
	}
	return p.Message == nil || p.Message.Walk(fn)
}

func paramValue(l []Param, name string) string {
	for _, p := range l {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
