package imap

import (
	"testing"
	"time"
)

func TestDate(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Date{
		"1-Feb-1994":  {1994, time.February, 1},
		"01-feb-1994": {1994, time.February, 1},
		"31-DEC-9999": {9999, time.December, 31},
		"29-Feb-2024": {2024, time.February, 29},
		"29-Feb-2000": {2000, time.February, 29},
	} {
		if got, err := ParseDate(in); got != want || err != nil {
			t.Errorf("%q: got %v, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", "1", "1-Feb", "1-Feb-94", "1-Feb-19940", "0-Feb-1994", "32-Jan-1994", "31-Apr-1994", "29-Feb-2023", "29-Feb-1900",
		"001-Feb-1994", "1-Fex-1994", "1 Feb 1994", " 1-Feb-1994", "1-Feb-1994 ", "-Feb-1994", "1-Feb-0000", "1-February-1994", "1-2-1994", `"1-Feb-1994"`,
	} {
		if got, err := ParseDate(in); err == nil {
			t.Errorf("%q: got %v, expected an error", in, got)
		}
	}
	for d, want := range map[Date]string{{1994, time.February, 1}: "1-Feb-1994", {2026, time.November, 22}: "22-Nov-2026", {33, time.May, 10}: "10-May-0033"} {
		if d.String() != want {
			t.Errorf("got %q, expected %q", d, want)
		}
	}
	a, b := Date{2025, time.December, 31}, DateOf(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.FixedZone("", 3600)))
	if b != (Date{2026, time.January, 1}) || a.Compare(b) != -1 || b.Compare(a) != 1 || a.Compare(a) != 0 {
		t.Errorf("%v, %v: wrong day or order", a, b)
	}
}

func TestDateTime(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", -8*3600)
	for in, want := range map[string]time.Time{
		"17-Jul-1996 02:44:25 -0700": time.Date(1996, time.July, 17, 9, 44, 25, 0, time.UTC),
		" 7-Feb-1994 21:52:25 -0800": time.Date(1994, time.February, 7, 21, 52, 25, 0, zone),
		"07-feb-1994 21:52:25 -0800": time.Date(1994, time.February, 7, 21, 52, 25, 0, zone),
		"7-Feb-1994 21:52:25 -0800":  time.Date(1994, time.February, 7, 21, 52, 25, 0, zone),
		"31-Dec-2016 23:59:60 +0000": time.Date(2017, time.January, 1, 0, 0, 0, 0, time.UTC),
		" 1-Jan-2026 00:00:00 +1345": time.Date(2025, time.December, 31, 10, 15, 0, 0, time.UTC),
		" 1-Jan-2026 00:00:00 -0000": time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := ParseDateTime(in); !got.Equal(want) || err != nil {
			t.Errorf("%q: got %v, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", "17-Jul-1996", "17-Jul-1996 02:44:25", "17-Jul-1996 02:44:25 GMT", "17-Jul-1996 02:44:25 0700", "17-Jul-1996 02:44:25 -07:00",
		"17-Jul-1996 02:44 -0700", "17-Jul-1996  2:44:25 -0700", "17-Jul-1996 24:00:00 +0000", "17-Jul-1996 00:60:00 +0000", "17-Jul-1996 00:00:61 +0000",
		"17-Jul-1996 00:00:00 +2400", "17-Jul-1996 00:00:00 +0060", "31-Jun-1996 00:00:00 +0000", "  7-Feb-1994 21:52:25 -0800", " 17-Jul-1996 02:44:25 -0700",
		"17-Jul-1996 02:44:25 -0700 ", "17-Jul-1996T02:44:25 -0700", "17 Jul 1996 02:44:25 -0700", "17-Jul-1996 02:44:25 -070", " ",
	} {
		if got, err := ParseDateTime(in); err == nil {
			t.Errorf("%q: got %v, expected an error", in, got)
		}
	}
}

func TestAppendDateTime(t *testing.T) {
	t.Parallel()
	for want, in := range map[string]time.Time{
		`" 7-Feb-1994 21:52:25 -0800"`: time.Date(1994, time.February, 7, 21, 52, 25, 999, time.FixedZone("PST", -8*3600)),
		`"17-Jul-1996 02:44:25 +0000"`: time.Date(1996, time.July, 17, 2, 44, 25, 0, time.UTC),
		`" 1-Jan-2026 00:00:00 +0545"`: time.Date(2026, time.January, 1, 0, 0, 0, 0, time.FixedZone("", 5*3600+45*60)),
		`"31-Dec-2025 23:30:00 -0030"`: time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC).In(time.FixedZone("", -1800)),
		// Local mean time has seconds in its offset.
		`" 1-Jan-1890 00:19:00 +0019"`: time.Date(1890, time.January, 1, 0, 0, 0, 0, time.UTC).In(time.FixedZone("LMT", 19*60+32)),
		`" 1-Jan-0001 00:00:00 +0000"`: {},
		`" 1-Jan-9999 00:00:00 +0000"`: time.Date(12026, time.January, 1, 0, 0, 0, 0, time.UTC),
		`" 1-Jan-2026 00:00:01 +0000"`: time.Date(2026, time.January, 1, 0, 0, 1, 0, time.UTC).In(time.FixedZone("", 100*3600)),
	} {
		if got := string(AppendDateTime(nil, in)); got != want {
			t.Errorf("%v: got %s, expected %s", in, got, want)
		}
	}
}

func FuzzDateTime(f *testing.F) {
	for _, s := range []string{"17-Jul-1996 02:44:25 -0700", " 7-Feb-1994 21:52:25 -0800", "31-Dec-2016 23:59:60 +0000", "1-Jan-0001 00:00:00 +2359", "31-Dec-9999 23:59:60 -2359"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := ParseDateTime(s)
		if err != nil {
			return
		}
		b := AppendDateTime(nil, at)
		if year := at.Year(); year < 1 || year > 9999 { // By a leap second or the zone.
			return
		}
		again, err := ParseDateTime(b[1 : len(b)-1])
		if err != nil || !again.Equal(at) {
			t.Fatalf("%q is %v, written as %s, read as %v, %v", s, at, b, again, err)
		}
	})
}
