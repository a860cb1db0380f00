package static

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// maxRanges is how many ranges one request may ask for. More serve no reader of a file;
// many small ones only cost work (RFC 9110 §14.2, §17.15).
const maxRanges = 32

// rangeGap is how many bytes between two ranges are sent along: a part of their own costs
// more.
const rangeGap = 80

// byteRange is a part of a representation.
type byteRange struct{ start, length int64 }

func (r byteRange) end() int64 { return r.start + r.length }

// appendContentRange appends the value of Content-Range, RFC 9110 §14.4.
func (r byteRange) appendContentRange(b []byte, size int64) []byte {
	b = append(b, "bytes "...)
	b = strconv.AppendInt(b, r.start, 10)
	b = append(b, '-')
	b = strconv.AppendInt(b, r.end()-1, 10)
	b = append(b, '/')
	return strconv.AppendInt(b, size, 10)
}

// rangeVerdict is what a Range field asks for.
type rangeVerdict uint8

const (
	rangeWhole  rangeVerdict = iota // Nothing that is understood: the whole.
	rangeParts                      // The ranges returned.
	rangeRefuse                     // 416: nothing that is there, or too much.
)

// parseRange parses the Range field of a request for a representation of size bytes (RFC
// 9110 §14.1.2, §14.2). Of the ranges returned none overlap: those that do, or nearly
// touch, are joined. A field with another unit or that is not well-formed is ignored.
func parseRange(values []string, size int64) ([]byteRange, rangeVerdict) {
	if len(values) != 1 {
		return nil, rangeWhole
	}
	unit, set, ok := strings.Cut(values[0], "=")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return nil, rangeWhole
	}
	if strings.Count(set, ",") >= maxRanges {
		return nil, rangeRefuse
	}
	var ranges []byteRange
	specs := 0
	for spec := range strings.SplitSeq(set, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue // Empty elements of lists: RFC 9110 §5.6.1.2.
		}
		specs++
		r, ok := parseRangeSpec(spec, size)
		if !ok {
			return nil, rangeWhole
		}
		if r.length > 0 {
			ranges = append(ranges, r)
		} else if size == 0 && spec[0] == '-' && strings.Trim(spec[1:], "0") != "" {
			// The last bytes of nothing are there, but Content-Range cannot say so.
			return nil, rangeWhole
		}
	}
	switch {
	case specs == 0:
		return nil, rangeWhole
	case len(ranges) == 0:
		return nil, rangeRefuse
	}
	ranges = joinRanges(ranges)
	if len(ranges) == 1 && ranges[0] == (byteRange{0, size}) && specs > 1 {
		return nil, rangeWhole
	}
	return ranges, rangeParts
}

// parseRangeSpec parses "first-last", "first-" or "-suffix". A range that is not satisfiable
// comes back empty.
func parseRangeSpec(spec string, size int64) (byteRange, bool) {
	first, last, ok := strings.Cut(spec, "-")
	if !ok {
		return byteRange{}, false
	}
	if first == "" {
		n, ok := parsePos(last)
		n = min(n, size)
		return byteRange{size - n, n}, ok
	}
	start, ok := parsePos(first)
	if !ok {
		return byteRange{}, false
	}
	end := size
	if last != "" {
		pos, ok := parsePos(last)
		if !ok || pos < start {
			return byteRange{}, false
		}
		end = min(size, pos+1)
	}
	if start >= end {
		return byteRange{}, true
	}
	return byteRange{start, end - start}, true
}

// maxPos stands for all positions that no file reaches, so that sums do not overflow.
const maxPos = 1 << 62

func parsePos(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int64(c-'0'); n >= maxPos/10 {
			n = maxPos / 10
		}
	}
	return n, true
}

// joinRanges joins ranges that overlap or nearly touch. If there are none the order is kept;
// else the result is in ascending order (RFC 9110 §15.3.7.2).
func joinRanges(ranges []byteRange) []byteRange {
	if len(ranges) == 1 {
		return ranges
	}
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b byteRange) int { return cmp.Compare(a.start, b.start) })
	joined := sorted[:1]
	for _, r := range sorted[1:] {
		last := &joined[len(joined)-1]
		if r.start <= last.end()+rangeGap {
			last.length = max(last.end(), r.end()) - last.start
		} else {
			joined = append(joined, r)
		}
	}
	if len(joined) == len(ranges) {
		return ranges
	}
	return joined
}
