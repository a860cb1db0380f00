package message

import (
	"bytes"
	"strings"
	"time"
)

// ParseDate reads the value of a Date field (RFC 5322 §3.3), also with the obsolete syntax of
// §4.3 and in other forms that are met: without seconds or zone, the parts in another
// order, ISO 8601, a zone in words after the offset, a wrong day of the week. The time has the
// offset of the field as its zone; without a zone that is known it is UTC. It reports
// false for a value that names no time.
func ParseDate(value string) (time.Time, bool) {
	if len(value) > 1000 {
		return time.Time{}, false
	}
	d := dateReader{day: -1, year: -1, hour: -1}
	for s := withoutComments(value); s != ""; {
		s = d.next(s)
	}
	return d.time()
}

// dateReader collects the parts of a date, which are told apart by their form.
type dateReader struct {
	day, year      int // Negative until seen.
	yearDigits     int
	month          time.Month
	hour, min, sec int // The hour is negative until seen.
	am, pm         bool
	hasZone        bool
	offset         int // Seconds east of UTC.
}

// next reads a word and returns the rest.
func (d *dateReader) next(s string) string {
	c := s[0]
	switch {
	case isDigit(c):
		return d.number(s)
	case (c == '+' || c == '-') && len(s) > 1 && isDigit(s[1]):
		if d.hour >= 0 {
			return d.zoneOffset(s)
		}
		return s[1:] // A separator, as in 11-Jun-2009.
	case isLetter(c):
		n := 1
		for n < len(s) && isLetter(s[n]) {
			n++
		}
		d.word(s[:n])
		return s[n:]
	}
	return s[1:]
}

// withoutComments returns a date with spaces for comments, and none around colons (RFC 5322 §4.3
// allows both anywhere).
func withoutComments(s string) string {
	if strings.IndexByte(s, '(') < 0 && !strings.Contains(s, " :") && !strings.Contains(s, ": ") {
		return s
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '(' {
			i += commentLen([]byte(s[i:])) - 1
			c = ' '
		}
		if c == ':' {
			b = bytes.TrimRight(b, " \t")
		}
		if (c == ' ' || c == '\t') && len(b) > 0 && b[len(b)-1] == ':' {
			continue
		}
		b = append(b, c)
	}
	return string(b)
}

// number reads a number, a time of day, or a date of ISO 8601.
func (d *dateReader) number(s string) string {
	n, rest, digits := digitsOf(s)
	switch {
	case rest != "" && (rest[0] == ':' || rest[0] == '.') && d.hour < 0 && digits <= 2 && len(rest) > 1 && isDigit(rest[1]):
		d.hour = n
		d.min, rest, _ = digitsOf(rest[1:])
		if len(rest) > 1 && (rest[0] == ':' || rest[0] == '.') && isDigit(rest[1]) {
			d.sec, rest, _ = digitsOf(rest[1:])
		}
		if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') && isDigit(rest[1]) {
			_, rest, _ = digitsOf(rest[1:]) // Fraction of a second.
		}
	case digits == 4 && d.year < 0 && d.isoDate(n, rest):
		rest = rest[len("-01-02"):]
		if rest != "" && (rest[0] == 'T' || rest[0] == 't') {
			rest = rest[1:]
		}
	case digits >= 3 || d.day >= 0:
		if d.year >= 0 {
			break // A further number means nothing to us.
		}
		d.year, d.yearDigits = n, digits
	default:
		d.day = n
	}
	return rest
}

// isoDate reads the rest of a date in ISO 8601 form.
func (d *dateReader) isoDate(year int, rest string) bool {
	if len(rest) < 6 || rest[0] != '-' || rest[3] != '-' || !isDigit(rest[1]) || !isDigit(rest[2]) || !isDigit(rest[4]) || !isDigit(rest[5]) {
		return false
	}
	month := int(rest[1]-'0')*10 + int(rest[2]-'0')
	if month < 1 || month > 12 {
		return false
	}
	d.year, d.yearDigits = year, 4
	d.month = time.Month(month)
	d.day = int(rest[4]-'0')*10 + int(rest[5]-'0')
	return true
}

// word reads a month, a zone, or a word to skip, such as the day of the week.
func (d *dateReader) word(s string) {
	lower := lowerASCII(s)
	if len(lower) >= 3 && d.month == 0 {
		if i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", lower[:3]); i >= 0 && i%3 == 0 {
			d.month = time.Month(i/3 + 1)
			return
		}
	}
	if d.hour < 0 {
		return
	}
	switch lower {
	case "am":
		d.am = true
		return
	case "pm":
		d.pm = true
		return
	}
	if d.hasZone {
		return
	}
	// RFC 5322 §4.3. A single letter is a military zone, which were used so wrongly that they
	// mean nothing.
	hours, ok := 0, true
	switch lower {
	case "ut", "gmt", "utc", "wet":
		// "GMT+0200": the offset that follows counts.
		d.offset = 0
		return
	case "edt":
		hours = -4
	case "est", "cdt":
		hours = -5
	case "cst", "mdt":
		hours = -6
	case "mst", "pdt":
		hours = -7
	case "pst":
		hours = -8
	case "bst", "cet", "met", "mez", "west":
		hours = 1
	case "cest", "mest", "mesz", "eet", "sast":
		hours = 2
	case "eest", "msk":
		hours = 3
	case "jst", "kst":
		hours = 9
	case "aest":
		hours = 10
	case "aedt":
		hours = 11
	default:
		ok = false
	}
	if ok {
		d.hasZone = true
		d.offset = hours * 3600
	}
}

// zoneOffset reads +hhmm, +hh:mm, +hmm or +hh.
func (d *dateReader) zoneOffset(s string) string {
	n, rest, digits := digitsOf(s[1:])
	hours, minutes := n/100, n%100
	if digits <= 2 {
		hours, minutes = n, 0
		if len(rest) > 2 && rest[0] == ':' && isDigit(rest[1]) && isDigit(rest[2]) {
			minutes, rest, _ = digitsOf(rest[1:])
		}
	}
	if d.hasZone || hours > 23 || minutes > 59 || digits > 4 {
		return rest // Zones beyond a day are mistakes: the time is taken as UTC.
	}
	d.hasZone = true
	d.offset = hours*3600 + minutes*60
	if s[0] == '-' {
		d.offset = -d.offset
	}
	return rest
}

// time returns the time that was read.
func (d *dateReader) time() (time.Time, bool) {
	if d.month == 0 || d.year < 0 || d.day < 1 {
		return time.Time{}, false
	}
	year := d.year
	switch {
	case d.yearDigits <= 2 && year < 50: // RFC 5322 §4.3
		year += 2000
	case d.yearDigits <= 3:
		year += 1900
	}
	if d.hour < 0 {
		d.hour = 0
	}
	if d.pm && d.hour < 12 {
		d.hour += 12
	} else if d.am && d.hour == 12 {
		d.hour = 0
	}
	if year < 1900 || year > 9999 || d.hour > 24 || d.min > 59 || d.sec > 60 {
		return time.Time{}, false
	}
	zone := time.UTC
	if d.offset != 0 {
		zone = time.FixedZone("", d.offset)
	}
	t := time.Date(year, d.month, d.day, d.hour, d.min, min(d.sec, 59), 0, zone)
	if t.Day() != d.day && d.hour < 24 {
		return time.Time{}, false // The month has no such day.
	}
	return t, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// digitsOf reads the digits that s begins with. The value of too many digits is large.
func digitsOf(s string) (n int, rest string, digits int) {
	for digits < len(s) && isDigit(s[digits]) {
		if n < 1e8 {
			n = n*10 + int(s[digits]-'0')
		}
		digits++
	}
	return n, s[digits:], digits
}
