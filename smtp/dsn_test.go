package smtp

import (
	"errors"
	"strings"
	"testing"
)

func TestNotify(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		s                       string
		want                    Notify // Zero: refused.
		success, failure, delay bool
	}{
		{"NEVER", NotifyNever, false, false, false},
		{"never", NotifyNever, false, false, false},
		{"SUCCESS", NotifySuccess, true, false, false},
		{"Failure,delay", NotifyFailure | NotifyDelay, false, true, true},
		{"SUCCESS,FAILURE,DELAY", NotifySuccess | NotifyFailure | NotifyDelay, true, true, true},
		{"DELAY,DELAY", NotifyDelay, false, false, true},
		{s: ""},
		{s: ","},
		{s: "SUCCESS,"},
		{s: "SUCCESS, FAILURE"},
		{s: "NEVER,SUCCESS"},
		{s: "FAILURE,NEVER"},
		{s: "ALWAYS"},
	} {
		n, err := ParseNotify(tc.s)
		if n != tc.want || (err != nil) != (tc.want == 0) || err != nil && !errors.Is(err, ErrEncoding) {
			t.Errorf("%q: %d, %v", tc.s, n, err)
		}
		if err == nil && (n.Success() != tc.success || n.Failure() != tc.failure || n.Delay() != tc.delay) {
			t.Errorf("%q: success %v, failure %v, delay %v", tc.s, n.Success(), n.Failure(), n.Delay())
		}
		if again, err := ParseNotify(n.String()); n != 0 && (again != n || err != nil) {
			t.Errorf("%q is written as %q", tc.s, n.String())
		}
	}
	// RFC 3461 §4.1: without the parameter failures are told and delays may be.
	if n := Notify(0); n.Success() || !n.Failure() || !n.Delay() || n.String() != "" {
		t.Errorf("no parameter: success %v, failure %v, delay %v, %q", n.Success(), n.Failure(), n.Delay(), n)
	}
}

func TestRet(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]Ret{"FULL": RetFull, "hdrs": RetHeaders, "": 0, "HEADERS": 0, "FULL ": 0} {
		r, err := ParseRet(s)
		if r != want || (err != nil) != (want == 0) || r.String() != strings.ToUpper(s) && want != 0 {
			t.Errorf("%q: %d %q, %v", s, r, r, err)
		}
	}
}

func TestENVID(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		enc, want string // Empty: refused.
	}{
		{"QQ314159", "QQ314159"},
		{"a+2Bb+3Dc+20d", "a+b=c d"},
		{strings.Repeat("x", 100), strings.Repeat("x", 100)},
		{strings.Repeat("x", 101), ""},
		{"", ""},
		{"a+0D+0Ab", ""},
		{"a+00", ""},
		{"a+FF", ""},
		{"a+7F", ""},
		{"a+2", ""},
		{"a=b", ""},
		{"a b", ""},
	} {
		id, err := ParseENVID(tc.enc)
		if id != tc.want || (err != nil) != (tc.want == "") {
			t.Errorf("%q: %q, %v", tc.enc, id, err)
		}
		if err == nil && EncodeXtext(id) != tc.enc {
			t.Errorf("%q is encoded as %q", tc.enc, EncodeXtext(id))
		}
	}
}
