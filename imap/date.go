package imap

import (
	"cmp"
	"errors"
	"time"
)

// Date is a calendar day, as in the keys of SEARCH, which disregard time and zone
// (RFC 9051 §6.4.4).
type Date struct {
	Year  int // 1 to 9999.
	Month time.Month
	Day   int
}

// DateOf returns the day of t in the zone of t.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// Compare returns -1, 0 or 1 as d is before, the same as, or after other.
func (d Date) Compare(other Date) int {
	return cmp.Or(cmp.Compare(d.Year, other.Year), cmp.Compare(d.Month, other.Month), cmp.Compare(d.Day, other.Day))
}

var (
	errDate     = errors.New("imap: malformed date")
	errDateTime = errors.New("imap: malformed date-time")
)

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// ParseDate parses a date without quotes: "1-Feb-2026" (date-text in RFC 9051 §9). The
// month is accepted in any case. A day that does not exist, as 31-Feb, is refused.
func ParseDate[S string | []byte](s S) (Date, error) {
	d, n := cutDate(s)
	if n == 0 || n != len(s) {
		return Date{}, errDate
	}
	return d, nil
}

// cutDate reads a date from the front of s and returns how many bytes it took, 0 if
// there is none. The day has one or two digits.
func cutDate[S string | []byte](s S) (Date, int) {
	day, n := digits(s, 0, 2)
	if n == 0 || len(s) < n+9 || s[n] != '-' || s[n+4] != '-' {
		return Date{}, 0
	}
	month := parseMonth(s[n+1 : n+4])
	year, k := digits(s, n+5, 4)
	if k != 4 || month == 0 || year == 0 || day < 1 || day > daysIn(year, month) {
		return Date{}, 0
	}
	return Date{year, month, day}, n + 9
}

// digits reads up to most decimal digits at s[i:].
func digits[S string | []byte](s S, i, most int) (v, n int) {
	for n < most && i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '9' {
		v = v*10 + int(s[i+n]-'0')
		n++
	}
	return v, n
}

func parseMonth[S string | []byte](s S) time.Month {
	for i := 0; i < len(months); i += 3 {
		if equalFold(s, months[i:i+3]) {
			return time.Month(i/3 + 1)
		}
	}
	return 0
}

func daysIn(year int, m time.Month) int {
	switch m {
	case time.April, time.June, time.September, time.November:
		return 30
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// AppendTo appends the date without quotes, "1-Feb-2026".
func (d Date) AppendTo(b []byte) []byte {
	if d.Day >= 10 {
		b = append(b, byte('0'+d.Day/10))
	}
	b = append(b, byte('0'+d.Day%10))
	return appendMonthYear(b, d.Month, d.Year)
}

// String returns the date as "1-Feb-2026".
func (d Date) String() string { return string(d.AppendTo(nil)) }

// ParseDateTime parses a date-time without quotes, as in APPEND: " 1-Feb-2026
// 02:03:04 +0100" (RFC 9051 §9). A day of one digit may stand without the leading space.
// The seconds may be 60, for a leap second, which is the first one of the next minute.
func ParseDateTime[S string | []byte](s S) (time.Time, error) {
	if len(s) > 0 && s[0] == ' ' {
		// SP DIGIT: exactly one digit.
		if len(s) < 3 || s[2] != '-' {
			return time.Time{}, errDateTime
		}
		s = s[1:]
	}
	d, n := cutDate(s)
	if n == 0 || len(s) != n+len(" 02:03:04 +0100") || s[n] != ' ' || s[n+3] != ':' || s[n+6] != ':' || s[n+9] != ' ' {
		return time.Time{}, errDateTime
	}
	s = s[n+1:]
	hour, h := digits(s, 0, 2)
	minute, m := digits(s, 3, 2)
	second, sec := digits(s, 6, 2)
	zone, z := digits(s, 10, 4)
	if h != 2 || m != 2 || sec != 2 || z != 4 || hour > 23 || minute > 59 || second > 60 || zone/100 > 23 || zone%100 > 59 {
		return time.Time{}, errDateTime
	}
	offset := zone/100*3600 + zone%100*60
	switch s[9] {
	case '-':
		offset = -offset
	case '+':
	default:
		return time.Time{}, errDateTime
	}
	loc := time.UTC
	if offset != 0 {
		loc = time.FixedZone("", offset)
	}
	return time.Date(d.Year, d.Month, d.Day, hour, minute, second, 0, loc), nil
}

// AppendDateTime appends t as date-time with quotes, `" 1-Feb-2026 02:03:04 +0100"`, in
// the zone of t. Years that need more or less than four digits are brought into the
// range 1 to 9999.
func AppendDateTime(b []byte, t time.Time) []byte {
	_, offset := t.Zone()
	offset /= 60
	if offset <= -24*60 || offset >= 24*60 {
		offset = 0
	}
	t = t.UTC().Add(time.Duration(offset) * time.Minute)
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(b, '"')
	if day < 10 {
		b = append(b, ' ', byte('0'+day))
	} else {
		b = appendTwo(b, day)
	}
	b = appendMonthYear(b, month, year)
	b = appendTwo(append(b, ' '), hour)
	b = appendTwo(append(b, ':'), minute)
	b = appendTwo(append(b, ':'), second)
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	b = appendTwo(append(b, ' ', sign), offset/60)
	b = appendTwo(b, offset%60)
	return append(b, '"')
}

func appendMonthYear(b []byte, m time.Month, year int) []byte {
	b = append(b, '-')
	i := 3 * (min(max(int(m), 1), 12) - 1)
	b = append(b, months[i:i+3]...)
	b = append(b, '-')
	year = min(max(year, 1), 9999)
	b = appendTwo(b, year/100)
	return appendTwo(b, year%100)
}

func appendTwo(b []byte, n int) []byte {
	return append(b, byte('0'+n/10%10), byte('0'+n%10))
}
