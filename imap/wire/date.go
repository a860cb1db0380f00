package wire

import (
	"time"

	"mox/imap"
)

// isDate tells the characters of a date-text.
func isDate(c byte) bool { return isDigit(c) || c == '-' || 'a' <= c|0x20 && c|0x20 <= 'z' }

// Date takes a date, quoted or not.
func (d *Decoder) Date() imap.Date {
	start := d.pos
	var b []byte
	if d.peek() == '"' {
		b = d.quoted()
	} else {
		b = d.token(isDate)
	}
	date, err := imap.ParseDate(b)
	if err != nil && d.err == nil {
		d.pos = start
		d.expected("date")
	}
	return date
}

// DateTime takes a date-time, which is quoted.
func (d *Decoder) DateTime() time.Time {
	start := d.pos
	if d.peek() != '"' {
		d.expected("date and time")
		return time.Time{}
	}
	t, err := imap.ParseDateTime(d.quoted())
	if err != nil && d.err == nil {
		d.pos = start
		d.expected("date and time")
	}
	return t
}
