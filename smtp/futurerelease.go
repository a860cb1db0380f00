package smtp

import (
	"errors"
	"strconv"
	"time"
)

var errHold = errors.New("bad time to hold a message")

// ParseHoldFor parses the value of the parameter HOLDFOR of MAIL: for how long the message is
// to be held before it is delivered, in 1 to 9 digits of seconds (RFC 4865 §4).
func ParseHoldFor(value string) (time.Duration, error) {
	if len(value) > 9 || value == "" || value[0] == '0' {
		return 0, errHold
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return 0, errHold
	}
	return time.Duration(n) * time.Second, nil
}

// ParseHoldUntil parses the value of the parameter HOLDUNTIL of MAIL: until when the message is to be
// held, as in RFC 3339 and in UTC (RFC 4865 §4).
func ParseHoldUntil(value string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil || value[len(value)-1] != 'Z' {
		return time.Time{}, errHold
	}
	return t, nil
}
