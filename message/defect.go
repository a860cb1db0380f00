package message

import "strings"

// Defect is a set of things that are wrong with a part. None of them keeps a
// message from being parsed.
type Defect uint32

const (
	// DefectHeaderTooLarge: the header has more bytes or fields than the limits
	// allow; fields past the limit were not looked at.
	DefectHeaderTooLarge Defect = 1 << iota
	// DefectHeaderLine: a line in the header is neither a field nor a continuation.
	DefectHeaderLine
	// DefectNoBlankLine: the header ends without blank line, at the end of the
	// part or where text begins that can be no header.
	DefectNoBlankLine
	// DefectContentType: Content-Type cannot be understood, the default was used.
	DefectContentType
	// DefectDuplicateField: a field that may occur once occurs more often. Address
	// lists were joined; of MIME fields the first was used, of others the last.
	DefectDuplicateField
	// DefectNoBoundary: a multipart has no usable boundary parameter and is treated
	// as text/plain.
	DefectNoBoundary
	// DefectBadBoundary: the boundary is longer than 70 characters or has
	// characters that RFC 2046 §5.1.1 does not allow.
	DefectBadBoundary
	// DefectNoParts: a multipart holds no boundary line.
	DefectNoParts
	// DefectNoCloseBoundary: a multipart has no closing boundary line.
	DefectNoCloseBoundary
	// DefectTooDeep: multiparts or messages are nested deeper than the limit; the
	// part is treated as application/octet-stream.
	DefectTooDeep
	// DefectTooManyParts: there are more parts than the limit; the part is treated
	// as application/octet-stream, or holds what further siblings would have.
	DefectTooManyParts
	// DefectEncodedMessage: a message/rfc822 or message/global is in base64 or
	// quoted-printable and so has no parts; it is treated as
	// application/octet-stream.
	DefectEncodedMessage
	// DefectEncoding: the content transfer encoding is unknown, or a multipart has
	// another than 7bit, 8bit or binary.
	DefectEncoding
	// DefectCharset: a decoded text is in an unknown charset, or not valid in the
	// charset it claims.
	DefectCharset
	// DefectAddress: an address list has entries that cannot be understood.
	DefectAddress
	// DefectDate: Date is missing or cannot be understood. Set on messages only.
	DefectDate
)

var defectNames = [...]string{
	"header-too-large", "header-line", "no-blank-line", "content-type", "duplicate-field", "no-boundary", "bad-boundary", "no-parts",
	"no-close-boundary", "too-deep", "too-many-parts", "encoded-message", "encoding", "charset", "address", "date",
}

// String returns the names of the defects, separated by commas.
func (d Defect) String() string {
	var l []string
	for i, name := range defectNames {
		if d&(1<<i) != 0 {
			l = append(l, name)
		}
	}
	return strings.Join(l, ",")
}
