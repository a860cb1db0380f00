// Package authres composes and parses Authentication-Results header fields (RFC 8601), in which
// a mail server tells what it found out about who sent a message, and recognizes forged ones.
//
// The value of a field is a [Results]. [Results.AppendField] writes one, folded and safe against
// whatever text the results hold; [Parse] reads one. A [Matcher] tells which fields of an incoming
// message must be removed because they claim to be of our own servers (RFC 8601 §5).
//
// The value of an ARC-Authentication-Results field (RFC 8617 §4.1.1) is the same after its
// instance.
package authres

import "errors"

// FieldName is the name of the header field.
const FieldName = "Authentication-Results"

// Version is the version of the format, which a field without a version has too (RFC 8601 §2.2).
const Version = 1

// Errors that those of [Parse] wrap.
var (
	// ErrSyntax: the value is no Authentication-Results, or exceeds a limit.
	ErrSyntax = errors.New("invalid Authentication-Results")

	// ErrVersion: the value is of another version of the format, and what its results mean is
	// not known (RFC 8601 §2.6).
	ErrVersion = errors.New("unsupported version of Authentication-Results")
)

// Results is the value of an Authentication-Results field.
type Results struct {
	// AuthservID is who says this, usually a domain name (RFC 8601 §2.5).
	AuthservID string

	// Version is the version of the format if given, otherwise 0.
	Version int

	// Methods is what was found out, each by one method, in no meaningful order. Empty is "none":
	// nothing was tried.
	Methods []Result
}

// Result is what one method found out. Method, Result, and the Type and Property of its Props are
// keywords: letters, digits and hyphens, in lower case.
type Result struct {
	Method string // E.g. "dkim".
	Result string // E.g. "pass".
	Reason string // Free text; empty if not given.
	Props  []Prop // What the result is about.

	// Version is the version of the method if given, otherwise 0, which means 1. The result of a
	// version that one does not know should be ignored (RFC 8601 §2.6).
	Version int
}

// Prop is a property that a result is about, e.g. smtp.mailfrom=example.org.
type Prop struct {
	// Type is where the property is from, e.g. "smtp" or "header" (RFC 8601 §2.3). Parsed, it
	// can be empty, see [Parse].
	Type string

	Property string // E.g. "mailfrom".

	// Value is a text without its quoting, or an address as in "a b"@example.org, whose
	// localpart keeps it.
	Value string
}

// Prop returns the value of the first property of a type and name, both in lower case, and false
// if there is none.
func (r Result) Prop(typ, property string) (string, bool) {
	for _, p := range r.Props {
		if p.Type == typ && p.Property == property {
			return p.Value, true
		}
	}
	return "", false
}
