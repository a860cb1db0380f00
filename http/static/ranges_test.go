package static

import (
	"slices"
	"strings"
	"testing"
)

func TestParseRange(t *testing.T) {
	t.Parallel()
	parts := func(l ...int64) []byteRange {
		var ranges []byteRange
		for i := 0; i < len(l); i += 2 {
			ranges = append(ranges, byteRange{l[i], l[i+1]})
		}
		return ranges
	}
	for _, tc := range []struct {
		field   string
		size    int64
		want    []byteRange
		verdict rangeVerdict
	}{
		// RFC 9110 §14.1.2, with its file of 10000 bytes.
		{"bytes=0-499", 10000, parts(0, 500), rangeParts},
		{"bytes=500-999", 10000, parts(500, 500), rangeParts},
		{"bytes=-500", 10000, parts(9500, 500), rangeParts},
		{"bytes=9500-", 10000, parts(9500, 500), rangeParts},
		{"bytes=0-0,-1", 10000, parts(0, 1, 9999, 1), rangeParts},
		{"bytes= 0-999, 4500-5499, -1000", 10000, parts(0, 1000, 4500, 1000, 9000, 1000), rangeParts},
		{"bytes=500-600,601-999", 10000, parts(500, 500), rangeParts},
		{"bytes=500-700,601-999", 10000, parts(500, 500), rangeParts},
		{"Bytes=0-0", 10, parts(0, 1), rangeParts},
		{"bytes=0-", 10, parts(0, 10), rangeParts},
		{"bytes=0-99999999999999999999999999", 10, parts(0, 10), rangeParts},
		{"bytes=-99999999999999999999999999", 10, parts(0, 10), rangeParts},
		{"bytes=5000-5001,0-1", 10000, parts(5000, 2, 0, 2), rangeParts}, // As asked for.
		{"bytes=5000-5001,0-1,1-5", 10000, parts(0, 6, 5000, 2), rangeParts},
		{"bytes=0-1,20000-", 10000, parts(0, 2), rangeParts},
		{"bytes=,0-1,,", 10, parts(0, 2), rangeParts},
		{"bytes=0-10,50-60", 10000, parts(0, 61), rangeParts}, // Nearer than a part's head is long.
		{"bytes=0-5,3-9,0-9", 10, nil, rangeWhole},

		// Not understood.
		{"", 10, nil, rangeWhole},
		{"bytes", 10, nil, rangeWhole},
		{"bytes=", 10, nil, rangeWhole},
		{"bytes=,", 10, nil, rangeWhole},
		{"bytes=a-b", 10, nil, rangeWhole},
		{"bytes=5", 10, nil, rangeWhole},
		{"bytes=-", 10, nil, rangeWhole},
		{"bytes=5-4", 10, nil, rangeWhole},
		{"bytes=--5", 10, nil, rangeWhole},
		{"bytes=+1-5", 10, nil, rangeWhole},
		{"bytes=1-5x", 10, nil, rangeWhole},
		{"bytes=1 - 5", 10, nil, rangeWhole},
		{"bytes=0-1;2-3", 10, nil, rangeWhole},
		{"bytes=0-1,x", 10, nil, rangeWhole},
		{"items=0-1", 10, nil, rangeWhole},
		{"bytes:0-1", 10, nil, rangeWhole},
		{"bytes=-5", 0, nil, rangeWhole},

		// Not there, or too much.
		{"bytes=10-", 10, nil, rangeRefuse},
		{"bytes=10-20,30-", 10, nil, rangeRefuse},
		{"bytes=-0", 10, nil, rangeRefuse},
		{"bytes=-0", 0, nil, rangeRefuse},
		{"bytes=0-", 0, nil, rangeRefuse},
		{"bytes=0-0", 0, nil, rangeRefuse},
		{"bytes=99999999999999999999999999-", 10, nil, rangeRefuse},
		{"bytes=" + strings.Repeat("0-0,", 32) + "1-1", 10000, nil, rangeRefuse},
		{"bytes=" + strings.Repeat(",", 100000), 10000, nil, rangeRefuse},
	} {
		got, verdict := parseRange([]string{tc.field}, tc.size)
		if verdict != tc.verdict || !slices.Equal(got, tc.want) {
			t.Errorf("%.60q of %d: got %v, %v; want %v, %v", tc.field, tc.size, got, verdict, tc.want, tc.verdict)
		}
	}
	if _, verdict := parseRange([]string{"bytes=0-1", "bytes=2-3"}, 10); verdict != rangeWhole {
		t.Error("two fields")
	}
}

// FuzzRange checks that ranges lie within the file, apart from each other, and that together
// they are never more than it.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-499", "bytes=-1", "bytes=0-0,-1", "bytes=5-,3-9,0-1", "bytes=0-1,500-600,700-", "bytes=9223372036854775807-", "bytes=-9223372036854775808"} {
		f.Add(s, int64(1000))
	}
	f.Fuzz(func(t *testing.T, s string, size int64) {
		size = max(size, -(size + 1))
		ranges, verdict := parseRange([]string{s}, size)
		if (verdict == rangeParts) != (len(ranges) > 0) || len(ranges) > maxRanges {
			t.Fatalf("%q of %d: %v, %v", s, size, ranges, verdict)
		}
		var sum int64
		for i, r := range ranges {
			if r.start < 0 || r.length <= 0 || r.end() > size {
				t.Fatalf("%q of %d: %v", s, size, r)
			}
			sum += r.length
			for _, other := range ranges[:i] {
				if r.start < other.end() && other.start < r.end() {
					t.Fatalf("%q of %d: %v and %v overlap", s, size, r, other)
				}
			}
		}
		if sum > size {
			t.Fatalf("%q: %d bytes of %d", s, sum, size)
		}
	})
}
