package sasl

import (
	"fmt"
	"log/slog"
)

// masked is what is shown of a Secret.
const masked = "[secret]"

// Secret is a password or another text that must not be shown. Formatting, logging and
// encoding it give a mask, also where it is within other values. The zero Secret is
// empty.
type Secret struct {
	// A pointer, as package fmt shows the strings of unexported fields without asking.
	text *string
}

var (
	_ fmt.Formatter  = Secret{}
	_ slog.LogValuer = Secret{}
)

// NewSecret returns a Secret.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String returns a mask.
func (s Secret) String() string { return masked }

// Format writes a mask, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { f.Write([]byte(masked)) }

// LogValue returns a mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText returns a mask, for encodings such as JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
