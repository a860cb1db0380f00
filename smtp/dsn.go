package smtp

import (
	"fmt"
	"strings"
)

// Notify says of what the sender wants to be notified about a recipient: the value of the
// parameter NOTIFY of RCPT (RFC 3461 §4.1). It is a set; NotifyNever stands alone. Zero is no
// parameter: the sender is told of failure, and may be told of delay.
//
// Values are stored by others; do not renumber.
type Notify uint8

// Elements of Notify.
const (
	NotifyNever   Notify = 1 << iota // Of nothing at all.
	NotifySuccess                    // Of delivery, or of relaying to where no more will be told.
	NotifyFailure                    // Of giving up.
	NotifyDelay                      // Of delivery that takes unusually long.
)

// Success reports whether to tell of success.
func (n Notify) Success() bool { return n&NotifySuccess != 0 }

// Failure reports whether to tell of failure.
func (n Notify) Failure() bool { return n == 0 || n&NotifyFailure != 0 }

// Delay reports whether to tell of delay.
func (n Notify) Delay() bool { return n == 0 || n&NotifyDelay != 0 }

// ParseNotify parses the value of NOTIFY.
func ParseNotify(s string) (Notify, error) {
	var n Notify
	for word := range strings.SplitSeq(s, ",") {
		switch strings.ToUpper(word) {
		case "NEVER":
			n |= NotifyNever
		case "SUCCESS":
			n |= NotifySuccess
		case "FAILURE":
			n |= NotifyFailure
		case "DELAY":
			n |= NotifyDelay
		default:
			return 0, fmt.Errorf("%w: %q in NOTIFY", ErrEncoding, word)
		}
	}
	if n&NotifyNever != 0 && n != NotifyNever {
		return 0, fmt.Errorf("%w: NEVER with others in NOTIFY", ErrEncoding)
	}
	return n, nil
}

// String returns the value for NOTIFY, empty for zero.
func (n Notify) String() string {
	var l []string
	for i, word := range []string{"NEVER", "SUCCESS", "FAILURE", "DELAY"} {
		if n&(1<<i) != 0 {
			l = append(l, word)
		}
	}
	return strings.Join(l, ",")
}

// Ret says how much of a message a notification of failure returns: the value of the parameter
// RET of MAIL (RFC 3461 §4.3). Zero is no parameter: whoever notifies decides.
//
// Values are stored by others; do not renumber.
type Ret uint8

// Values of Ret.
const (
	RetFull    Ret = 1 + iota // The whole message.
	RetHeaders                // The header only.
)

// ParseRet parses the value of RET.
func ParseRet(s string) (Ret, error) {
	switch strings.ToUpper(s) {
	case "FULL":
		return RetFull, nil
	case "HDRS":
		return RetHeaders, nil
	}
	return 0, fmt.Errorf("%w: %q in RET", ErrEncoding, s)
}

// String returns the value for RET, empty for zero.
func (r Ret) String() string {
	switch r {
	case RetFull:
		return "FULL"
	case RetHeaders:
		return "HDRS"
	}
	return ""
}

// maxENVID is the limit of the value of ENVID, encoded (RFC 3461 §5.4 a).
const maxENVID = 100

// ParseENVID decodes the value of the parameter ENVID of MAIL (RFC 3461 §4.4): an identifier of
// the sender's, of printable ASCII characters and spaces. [EncodeXtext] is the inverse.
func ParseENVID(s string) (string, error) {
	if s == "" || len(s) > maxENVID {
		return "", fmt.Errorf("%w: ENVID is not of 1 to %d characters", ErrEncoding, maxENVID)
	}
	id, err := DecodeXtext(s)
	if err != nil {
		return "", err
	}
	for i := range len(id) {
		if c := id[i]; c != '\t' && (c < ' ' || c >= 0x7f) {
			return "", fmt.Errorf("%w: ENVID has character %#x", ErrEncoding, c)
		}
	}
	return id, nil
}
