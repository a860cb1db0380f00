package static

import (
	"net/http"
	"testing"
	"time"
)

func TestMatchTags(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		list, etag   string
		strong, weak bool
	}{
		{`"a"`, `"a"`, true, true},
		{`"b", "a"`, `"a"`, true, true},
		{`"b","a"`, `"a"`, true, true},
		{`,, "a" ,`, `"a"`, true, true},
		{`*`, `"a"`, true, true},
		{`"a,b", "c"`, `"c"`, true, true},
		{`W/"a"`, `"a"`, false, true},
		{`"a"`, `W/"a"`, false, true},
		{`W/"a"`, `W/"a"`, false, true},
		{`"b", W/"a"`, `"a"`, false, true},

		{``, `"a"`, false, false},
		{`a`, `"a"`, false, false},
		{`"A"`, `"a"`, false, false},
		{`"a`, `"a"`, false, false},
		{`w/"a"`, `"a"`, false, false},
		{`W/ "a"`, `"a"`, false, false},
		{`"b" "a"`, `"a"`, false, false},
		{`x, "a"`, `"a"`, false, false},
		{`"a b"`, `"a b"`, false, false}, // A space is not etagc.
		{`"*"`, `"a"`, false, false},
		{`"a,b"`, `"b"`, false, false},
	} {
		if got := matchTags([]string{tc.list}, tc.etag, false); got != tc.strong {
			t.Errorf("%s with %s, strong: %v", tc.list, tc.etag, got)
		}
		if got := matchTags([]string{tc.list}, tc.etag, true); got != tc.weak {
			t.Errorf("%s with %s, weak: %v", tc.list, tc.etag, got)
		}
	}
}

// The order of RFC 9110 §13.2.2.
func TestPrecondition(t *testing.T) {
	t.Parallel()
	modified := time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)
	const etag = `"v1"`
	same, before, after := "Wed, 04 Mar 2026 05:06:07 GMT", "Wed, 04 Mar 2026 05:06:06 GMT", "Wed, 04 Mar 2026 05:06:08 GMT"
	for _, tc := range []struct {
		fields []string
		want   outcome
	}{
		{nil, proceed},
		{[]string{"If-Match", etag}, proceed},
		{[]string{"If-Match", "*"}, proceed},
		{[]string{"If-Match", `"v0"`}, preconditionFailed},
		{[]string{"If-Match", `W/"v1"`}, preconditionFailed},
		{[]string{"If-Match", ""}, preconditionFailed},
		{[]string{"If-Unmodified-Since", same}, proceed},
		{[]string{"If-Unmodified-Since", after}, proceed},
		{[]string{"If-Unmodified-Since", before}, preconditionFailed},
		{[]string{"If-Unmodified-Since", "yesterday"}, proceed},
		{[]string{"If-Match", etag, "If-Unmodified-Since", before}, proceed}, // The tag counts.
		{[]string{"If-None-Match", etag}, notModified},
		{[]string{"If-None-Match", `W/"v1"`}, notModified},
		{[]string{"If-None-Match", "*"}, notModified},
		{[]string{"If-None-Match", `"v0"`}, proceed},
		{[]string{"If-Modified-Since", same}, notModified},
		{[]string{"If-Modified-Since", after}, notModified},
		{[]string{"If-Modified-Since", before}, proceed},
		{[]string{"If-Modified-Since", "Wednesday, 04-Mar-26 05:06:07 GMT"}, notModified}, // RFC 850's form.
		{[]string{"If-Modified-Since", "Wed Mar  4 05:06:07 2026"}, notModified},          // C's form.
		{[]string{"If-Modified-Since", "2026-03-04"}, proceed},
		{[]string{"If-None-Match", `"v0"`, "If-Modified-Since", same}, proceed}, // The tag counts.
		{[]string{"If-Match", etag, "If-None-Match", etag}, notModified},
		{[]string{"If-Match", `"v0"`, "If-None-Match", etag}, preconditionFailed},
	} {
		h := http.Header{}
		for i := 0; i < len(tc.fields); i += 2 {
			h.Add(tc.fields[i], tc.fields[i+1])
		}
		if got := precondition(h, etag, modified); got != tc.want {
			t.Errorf("%v: got %v, want %v", tc.fields, got, tc.want)
		}
	}
	for _, field := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
		if got := precondition(http.Header{field: {before}}, etag, time.Time{}); got != proceed {
			t.Errorf("%s without a date of our own: %v", field, got)
		}
	}
}

func TestIfRange(t *testing.T) {
	t.Parallel()
	modified := time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)
	late, soon := modified.Add(time.Hour), modified.Add(100*time.Millisecond)
	for _, tc := range []struct {
		value string
		etag  string
		now   time.Time
		want  bool
	}{
		{`"v1"`, `"v1"`, soon, true},
		{"Wed, 04 Mar 2026 05:06:07 GMT", `"v1"`, late, true},
		{`"v0"`, `"v1"`, late, false},
		{`W/"v1"`, `"v1"`, late, false},
		{`"v1"`, `W/"v1"`, late, false},
		{`*`, `"v1"`, late, false},
		{``, `"v1"`, late, false},
		{"Wed, 04 Mar 2026 05:06:08 GMT", `"v1"`, late, false}, // Equal only, not later.
		{"Wed, 04 Mar 2026 05:06:06 GMT", `"v1"`, late, false},
		{"Wed, 04 Mar 2026 05:06:07 GMT", `"v1"`, soon, false}, // The second is not over.
	} {
		if got := rangeApplies(http.Header{"If-Range": {tc.value}}, tc.etag, modified, tc.now); got != tc.want {
			t.Errorf("%s with %s: %v", tc.value, tc.etag, got)
		}
	}
	if !rangeApplies(http.Header{}, `"v1"`, modified, soon) {
		t.Error("without the field the range counts")
	}
}

func TestEntityTag(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	v := version{device: 1, inode: 2, size: 3, mtime: now.Add(-time.Hour).UnixNano() + 5, ctime: 6}
	with := func(change func(*version)) string {
		other := v
		change(&other)
		return entityTag(other, now)
	}
	base := entityTag(v, now)
	if base[0] != '"' {
		t.Errorf("%s is not strong", base)
	}
	for name, other := range map[string]string{
		"inode":                    with(func(v *version) { v.inode++ }),
		"size":                     with(func(v *version) { v.size++ }),
		"nanosecond":               with(func(v *version) { v.mtime++ }),
		"whole second, just now":   with(func(v *version) { v.mtime = now.UnixNano() }),
		"whole second, long since": with(func(v *version) { v.mtime = now.Add(-time.Hour).UnixNano() }),
	} {
		if weak := other[0] == 'W'; other == base || weak != (name == "whole second, just now") {
			t.Errorf("%s: %s", name, other)
		}
	}
	if same := with(func(v *version) { v.device, v.ctime = 9, 7 }); same != base {
		t.Error("a device number, or a change of rights, makes another tag")
	}
}
