package imap

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestParseSet(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in       string
		resolved string // For a mailbox with last number 10.
		dynamic  bool
		within   bool
	}{
		{"1", "1", false, true},
		{"10", "10", false, true},
		{"*", "10", true, true},
		{"1:*", "1:10", true, true},
		{"*:1", "1:10", true, true},
		{"*:*", "10", true, true},
		{"2:4", "2:4", false, true},
		{"4:2", "2:4", false, true}, // RFC 9051 §9 seq-range.
		{"3:3", "3", false, true},
		{"11", "", false, false},
		{"11:*", "10", true, false}, // Includes the last message all the same.
		{"4294967295:*", "10", true, false},
		{"*:11", "10", true, false},
		{"1:4294967295", "1:10", false, false},
		{"2,4:7,9,12:*", "2,4:7,9:10", true, false}, // RFC 9051 §9 sequence-set.
		{"*:4,5:7", "4:10", true, true},
		{"1,2,3,7,6,5", "1:3,5:7", false, true},
		{"5,5,5,4:6", "4:6", false, true},
		{"8:9,1:2,3", "1:3,8:9", false, true},
	} {
		s, err := ParseSet[SeqNum](nil, []byte(tc.in), 100)
		if err != nil {
			t.Errorf("%q: %v", tc.in, err)
			continue
		}
		if s.Dynamic() != tc.dynamic || s.Within(10) != tc.within {
			t.Errorf("%q: dynamic %v, within %v", tc.in, s.Dynamic(), s.Within(10))
		}
		if s.Within(0) {
			t.Errorf("%q: is within an empty mailbox", tc.in)
		}
		if got := s.Resolve(10).String(); got != tc.resolved {
			t.Errorf("%q: got %q, expected %q", tc.in, got, tc.resolved)
		}
		s, _ = ParseSet[SeqNum](nil, []byte(tc.in), 100)
		if got := s.Resolve(0); len(got) != 0 {
			t.Errorf("%q: has %q in an empty mailbox", tc.in, got)
		}
	}
	for _, in := range []string{
		"", ",", "1,", ",1", "1,,2", "0", "0:1", "1:0", "00", "01", "1:", ":", ":1", "1:2:3",
		"4294967296", "1:4294967296", "99999999999999999999", "a", "1a", "-1", "1 ", " 1", "**", "*1", "1*", "$",
	} {
		if s, err := ParseSet[UID](nil, []byte(in), 100); err == nil {
			t.Errorf("%q: got %v, expected an error", in, s)
		}
	}
}

func TestParseSetLimit(t *testing.T) {
	t.Parallel()
	if _, err := ParseSet[UID](nil, []byte("1,2:3,*"), 3); err != nil {
		t.Error(err)
	}
	for _, in := range []string{"1,2,3,4", "1,1,1,1"} {
		if _, err := ParseSet[UID](nil, []byte(in), 3); !errors.Is(err, ErrSetTooLong) {
			t.Errorf("%q: got error %v", in, err)
		}
	}
}

// numbers is the set as a naive set.
func numbers(s UIDSet) []UID { return slices.Collect(s.All()) }

func TestSetAdd(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		add  [][2]UID
		want string
	}{
		{nil, ""},
		{[][2]UID{{0, 0}}, ""},
		{[][2]UID{{0, 5}}, ""},
		{[][2]UID{{5, 4}}, ""},
		{[][2]UID{{1, 1}, {2, 2}, {3, 3}}, "1:3"},
		{[][2]UID{{3, 3}, {2, 2}, {1, 1}}, "1:3"},
		{[][2]UID{{5, 5}, {1, 1}, {3, 3}}, "1,3,5"},
		{[][2]UID{{5, 5}, {1, 1}, {3, 3}, {2, 4}}, "1:5"},
		{[][2]UID{{5, 9}, {1, 2}, {4, 4}}, "1:2,4:9"},
		{[][2]UID{{5, 9}, {6, 7}}, "5:9"},
		{[][2]UID{{5, 9}, {1, math.MaxUint32}}, "1:4294967295"},
		{[][2]UID{{math.MaxUint32, math.MaxUint32}, {1, 1}, {math.MaxUint32 - 1, math.MaxUint32}}, "1,4294967294:4294967295"},
	} {
		var s UIDSet
		for _, r := range tc.add {
			s.AddRange(r[0], r[1])
		}
		if s.String() != tc.want {
			t.Errorf("%v: got %q, expected %q", tc.add, s, tc.want)
		}
	}
}

// Random sets against a naive model.
func TestSetModel(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var s UIDSet
		model := map[UID]bool{}
		for range rnd.IntN(12) {
			first := UID(rnd.IntN(30) + 1)
			last := first + UID(rnd.IntN(6))
			s.AddRange(first, last)
			for n := first; n <= last; n++ {
				model[n] = true
			}
		}
		if int64(len(model)) != s.Count() {
			t.Fatalf("%q: count %d, expected %d", s, s.Count(), len(model))
		}
		for n := range UID(40) {
			if s.Contains(n) != model[n] {
				t.Fatalf("%q: contains %d is %v", s, n, s.Contains(n))
			}
		}
		all := numbers(s)
		if len(all) != len(model) || !slices.IsSorted(all) {
			t.Fatalf("%q: iterates over %v", s, all)
		}
		for i := 1; i < len(s); i++ {
			if s[i-1].Last+1 >= s[i].First {
				t.Fatalf("%q is not in normal form", s)
			}
		}
		if len(s) == 0 {
			continue
		}
		again, err := ParseSet[UID](nil, s.AppendTo(nil), 100)
		if err != nil || !slices.Equal(again, s) {
			t.Fatalf("%q: parsed again is %q, error %v", s, again, err)
		}
		if !slices.Equal(SetOf(all...), s) {
			t.Fatalf("%q: SetOf of its numbers is %q", s, SetOf(all...))
		}
	}
}

func TestSetAllStops(t *testing.T) {
	t.Parallel()
	s := UIDSet{{math.MaxUint32 - 1, math.MaxUint32}}
	if got := numbers(s); !slices.Equal(got, []UID{math.MaxUint32 - 1, math.MaxUint32}) {
		t.Errorf("got %v", got)
	}
	n := 0
	for range s.All() {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d steps after break", n)
	}
}

func FuzzParseSet(f *testing.F) {
	for _, s := range []string{"1", "*", "1:*", "2,4:7,9,12:*", "4294967295:1", "0", "1,,2", "*:*,5"} {
		f.Add([]byte(s), uint32(10))
	}
	f.Fuzz(func(t *testing.T, in []byte, last uint32) {
		s, err := ParseSet[UID](nil, in, 1000)
		if err != nil {
			return
		}
		dynamic := s.Dynamic()
		wire := s.AppendTo(nil)
		again, err := ParseSet[UID](nil, wire, 1000)
		if err != nil || !slices.Equal(again, s) {
			t.Fatalf("%q: written as %q, parsed as %v, %v", in, wire, again, err)
		}
		r := s.Resolve(UID(last))
		if r.Dynamic() || r.Count() > int64(last) || len(r) > 0 && !r.Within(UID(last)) {
			t.Fatalf("%q: resolved with %d is %q", in, last, r)
		}
		if last > 0 && dynamic != (dynamic && r.Contains(UID(last))) {
			t.Fatalf("%q: resolved with %d is %q", in, last, r)
		}
		for i := 1; i < len(r); i++ {
			if r[i-1].Last+1 >= r[i].First {
				t.Fatalf("%q: %q is not in normal form", in, r)
			}
		}
	})
}

func BenchmarkParseSet(b *testing.B) {
	in := []byte("1:100,105,107:110,200:4000,4002,5000:*")
	var s UIDSet
	b.ReportAllocs()
	for b.Loop() {
		s, _ = ParseSet(s[:0], in, 100)
	}
}
