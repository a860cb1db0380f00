package smtp

// RequireTLS is what the sender of a message wants of the security of its transport (RFC 8689). Values are stored by
// others; do not renumber.
type RequireTLS uint8

const (
	// RequireTLSDefault leaves it to each server on the way: nothing was said.
	RequireTLSDefault RequireTLS = iota

	// RequireTLSAlways has the message go only over TLS, to servers that are known to be the right ones and promise the same
	// (the parameter REQUIRETLS of MAIL, §2).
	RequireTLSAlways

	// RequireTLSNever has it delivered rather than kept back for the sake of TLS, whatever the policies of its recipients'
	// domains (the header field "TLS-Required: No", §5).
	RequireTLSNever
)

// String returns a word for logs and people, empty for the default.
func (r RequireTLS) String() string {
	switch r {
	case RequireTLSAlways:
		return "required"
	case RequireTLSNever:
		return "not required"
	}
	return ""
}
