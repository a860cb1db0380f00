package dsn

import (
	"io"
	"strings"
	"time"
	"unicode"

	"mox/smtp"
)

// Bounds of what is returned of, and read from, an original message, in bytes.
const (
	// MaxOriginal is the size up to which an original message is returned whole.
	MaxOriginal = 1 << 20
	// MaxOriginalHeader is how much of its header is returned otherwise.
	MaxOriginalHeader = 64 << 10
)

// Action is what happened to a recipient (RFC 3464 §2.3.3).
type Action string

const (
	Failed    Action = "failed"    // Given up.
	Delayed   Action = "delayed"   // Not delivered yet, will be tried again.
	Delivered Action = "delivered" // Delivered where the sender wanted it.
	Relayed   Action = "relayed"   // Handed to a system that will not tell of success.
	Expanded  Action = "expanded"  // Delivered, and sent on to several others.
)

// Message is a delivery status notification.
type Message struct {
	// From is the author, an address of the reporting host. To is the reverse-path of the
	// original message.
	From smtp.Address
	To   smtp.Path

	// SMTPUTF8 writes the notification with addresses and text in UTF-8 (RFC 6533), for a recipient
	// whose server takes that. It is implied by an internationalised To. A parsed notification has it
	// if its delivery status is in UTF-8.
	SMTPUTF8 bool

	ID      string    // Message-ID without angle brackets. Compose makes one if empty.
	Date    time.Time // Compose takes its clock if zero.
	Subject string    // Compose makes one from the original's if empty, which keeps the thread.
	Text    string    // What people read. Compose writes one if empty.

	EnvelopeID   string    // ENVID of the original, decoded; empty if there was none (RFC 3461 §6.3 a).
	ReportingMTA MTA       // Who tells.
	Gateway      MTA       // DSN-Gateway, if the notification came from another mail system.
	ReceivedFrom MTA       // From whom the reporting MTA had the message.
	Arrival      time.Time // When it had it.

	// FutureRelease is until when the sender had asked to hold the message, such as "for;3600" (RFC 4865 §5.1.2); empty
	// if it had not. Parse does not look for it.
	FutureRelease string

	Recipients []Recipient

	Original Original
}

// MTA is the name of a mail system (RFC 3464 §2.1.2).
type MTA struct {
	Type string // "dns" if empty.
	Name string // Empty for none.
}

// Recipient tells about one recipient (RFC 3464 §2.3).
type Recipient struct {
	// Original is the address that the sender gave with ORCPT. The zero value is none.
	Original smtp.OriginalRecipient

	// Final is the recipient as in the envelope. Of a parsed notification it is zero if FinalText, the
	// field without its type, is no path.
	Final     smtp.Path
	FinalText string

	Action Action

	// Status is the reason. Without it Compose writes that of the class of Action, such as
	// 5.0.0.
	Status smtp.EnhancedCode

	// Remote is the system that was talked to, if any. Diagnostic is then its reply, and otherwise what
	// the reporting MTA found; its lines are separated by LF. DiagnosticType is "smtp" if empty, and
	// there must be an SMTP reply code before the text; anything else has another type, such as
	// "x-mox".
	Remote         MTA
	DiagnosticType string
	Diagnostic     string

	LastAttempt time.Time
	FinalLogID  string
	RetryUntil  time.Time // Of a delayed one: when it will be given up.
}

// Original is the message that a notification is about, or its header.
type Original struct {
	// Header is the raw header. Compose returns it, or Message, and takes from it what it needs
	// to keep the thread.
	Header []byte

	// Message is the whole message, with its header. It is returned whole if it is at most MaxOriginal
	// bytes and a recipient failed (RFC 3461 §6.2). Without it the header is returned, as the sender
	// may ask with RET=HDRS. Parse leaves it nil and sets [Parsed.Part].
	Message io.Reader
	Size    int64

	EightBit bool // Message has bytes outside ASCII.
	UTF8     bool // The message was sent with SMTPUTF8.
}

// Has reports whether a recipient has the action.
func (m *Message) Has(action Action) bool {
	for _, r := range m.Recipients {
		if r.Action == action {
			return true
		}
	}
	return false
}

// Address returns the address of the recipient for people: the one the sender gave, if that is
// known.
func (r Recipient) Address() string {
	if r.Original.Address != "" && (r.Original.IsType("rfc822") || r.Original.IsType("utf-8")) {
		return r.Original.Address
	}
	if r.Final.IsZero() {
		return r.FinalText
	}
	return r.Final.String()
}

// statusOrDefault returns the status, or the most general one for the action (RFC 3461 §6.3 g).
func (r Recipient) statusOrDefault() smtp.EnhancedCode {
	if r.Status.Class() != 0 {
		return r.Status
	}
	switch r.Action {
	case Failed:
		return "5.0.0"
	case Delayed:
		return "4.0.0"
	}
	return "2.0.0"
}

// field returns the form of an MTA in a field.
func (m MTA) field() string {
	typ := m.Type
	if typ == "" {
		typ = "dns"
	}
	return typ + "; " + m.Name
}

// String returns the name of the MTA for people.
func (m MTA) String() string { return m.Name }

// oneLine returns text with its lines joined by spaces, and question marks for control characters.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, strings.Join(strings.Fields(s), " "))
}
