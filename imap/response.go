package imap

import (
	"strconv"
	"strings"
)

// Status is the condition of a status response (RFC 9051 §7.1).
type Status string

// The conditions.
const (
	StatusOK      Status = "OK"
	StatusNo      Status = "NO"
	StatusBad     Status = "BAD"
	StatusBye     Status = "BYE"
	StatusPreauth Status = "PREAUTH"
)

// Code is a response code with its arguments: the text between the brackets of a
// status response (RFC 9051 §7.1). Codes with arguments are made by functions. The empty
// Code is no code.
type Code string

// Response codes without arguments. Without other reference they are of RFC 9051 §7.1.
const (
	CodeAlert                Code = "ALERT"
	CodeAlreadyExists        Code = "ALREADYEXISTS"
	CodeAuthenticationFailed Code = "AUTHENTICATIONFAILED"
	CodeAuthorizationFailed  Code = "AUTHORIZATIONFAILED"
	CodeBadCharset           Code = "BADCHARSET" // See [BadCharset].
	CodeCannot               Code = "CANNOT"
	CodeClientBug            Code = "CLIENTBUG"
	CodeClosed               Code = "CLOSED"
	CodeContactAdmin         Code = "CONTACTADMIN"
	CodeCorruption           Code = "CORRUPTION"
	CodeExpired              Code = "EXPIRED"
	CodeExpungeIssued        Code = "EXPUNGEISSUED"
	CodeHasChildren          Code = "HASCHILDREN"
	CodeInUse                Code = "INUSE"
	CodeLimit                Code = "LIMIT"
	CodeNoModSeq             Code = "NOMODSEQ" // RFC 7162 §3.1.2.2.
	CodeNonExistent          Code = "NONEXISTENT"
	CodeNoPerm               Code = "NOPERM"
	CodeNotSaved             Code = "NOTSAVED"
	CodeOverQuota            Code = "OVERQUOTA"
	CodeParse                Code = "PARSE"
	CodePrivacyRequired      Code = "PRIVACYREQUIRED"
	CodeReadOnly             Code = "READ-ONLY"
	CodeReadWrite            Code = "READ-WRITE"
	CodeServerBug            Code = "SERVERBUG"
	CodeTooBig               Code = "TOOBIG" // RFC 4469 §4.2, RFC 7888 §5.
	CodeTryCreate            Code = "TRYCREATE"
	CodeUIDNotSticky         Code = "UIDNOTSTICKY"
	CodeUnavailable          Code = "UNAVAILABLE"
	CodeUnknownCTE           Code = "UNKNOWN-CTE"
	CodeUseAttr              Code = "USEATTR" // RFC 6154 §6.
)

// Name is the code without its arguments, fit for a metric label if the code is ours.
func (c Code) Name() string {
	name, _, _ := strings.Cut(string(c), " ")
	return name
}

// BadCharset is the code that lists the charsets the server knows, which must be atoms.
func BadCharset(charsets ...string) Code {
	return CodeBadCharset + " (" + Code(strings.Join(charsets, " ")) + ")"
}

// Capability is the code that lists capabilities.
func Capability(capabilities ...string) Code {
	return "CAPABILITY " + Code(strings.Join(capabilities, " "))
}

// PermanentFlags is the code that lists the flags and keywords a client can change
// permanently, with \* if it can make new keywords.
func PermanentFlags(flags Flags, keywords []string, create bool) Code {
	l := make([]string, 0, len(keywords)+2)
	if flags &= AllFlags; flags != 0 {
		l = append(l, flags.String())
	}
	l = append(l, keywords...)
	if create {
		l = append(l, `\*`)
	}
	return "PERMANENTFLAGS (" + Code(strings.Join(l, " ")) + ")"
}

// UIDNext is the code with the next UID of a mailbox.
func UIDNext(uid UID) Code { return number("UIDNEXT", uint64(uid)) }

// UIDValidity is the code with the UIDVALIDITY of a mailbox.
func UIDValidity(v uint32) Code { return number("UIDVALIDITY", uint64(v)) }

// Unseen is the code with the first message without \Seen (RFC 3501 §7.1).
func Unseen(n SeqNum) Code { return number("UNSEEN", uint64(n)) }

// HighestModSeq is the code with the highest mod-sequence of a mailbox (RFC 7162
// §3.1.2.1).
func HighestModSeq(m ModSeq) Code { return number("HIGHESTMODSEQ", uint64(m)) }

func number(name Code, n uint64) Code {
	return name + " " + Code(strconv.FormatUint(n, 10))
}

// Modified is the code that lists the messages a conditional STORE left alone (RFC 7162
// §3.1.3). The set must not be empty.
func Modified[T Num](s Set[T]) Code { return "MODIFIED " + Code(s.AppendTo(nil)) }

// AppendUID is the code with UIDVALIDITY of the mailbox and the UIDs that messages got by
// APPEND. The set must not be empty.
func AppendUID(validity uint32, uids UIDSet) Code {
	return number("APPENDUID", uint64(validity)) + " " + Code(uids.AppendTo(nil))
}

// CopyUID is the code with UIDVALIDITY of the destination, the UIDs of the messages that
// were copied, and the UIDs of the copies. When both sets are read as lists of numbers
// the n-th of one belongs to the n-th of the other (RFC 4315 §3); in two sets in normal
// form that is so when copies get ascending UIDs in the order of their originals. The sets
// must not be empty.
func CopyUID(validity uint32, from, to UIDSet) Code {
	b := []byte(number("COPYUID", uint64(validity)))
	b = from.AppendTo(append(b, ' '))
	b = to.AppendTo(append(b, ' '))
	return Code(b)
}

// Error is an error as the client is to be told of it: a status response.
type Error struct {
	Status Status // StatusNo, StatusBad, or StatusBye, after which the connection ends.
	Code   Code   // May be empty.
	Text   string // For a stranger to read: it gives nothing away.
	Err    error  // The cause, for the log only. May be nil.
}

// No returns the error for a command that is understood but fails. The cause may be nil.
func No(code Code, text string, cause error) *Error {
	return &Error{StatusNo, code, text, cause}
}

// Bad returns the error for a command that is not understood or not allowed now.
func Bad(text string) *Error { return &Error{Status: StatusBad, Text: text} }

// Bye returns the error that ends the connection. The cause may be nil.
func Bye(code Code, text string, cause error) *Error {
	return &Error{StatusBye, code, text, cause}
}

// Error returns the status response, without tag, and the cause.
func (e *Error) Error() string {
	s := "imap: " + string(e.Status)
	if e.Code != "" {
		s += " [" + string(e.Code) + "]"
	}
	s += " " + e.Text
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
