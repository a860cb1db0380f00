package replay

import (
	"reflect"
	"strings"
	"testing"
)

// Calls end on their line, on a later one, or never.
func TestLines(t *testing.T) {
	t.Parallel()
	const text = `10    close(3) = 0
10    fsync(4 <unfinished ...>
11    fdatasync(5) = -1 EIO (Input/output error)
10    <... fsync resumed>) = 0
12    close(6 <unfinished ...>
13    ???( <detached ...>
14    close(7 <detached ...>
12    <... close resumed> <detached ...>
15    close(8) = ?
10    +++ exited with 0 +++
16    close(9`
	want := []line{
		{pid: 10, name: "close", args: "3", enter: true, exit: true},
		{pid: 10, name: "fsync", args: "4", enter: true},
		{pid: 11, name: "fdatasync", args: "5", enter: true, exit: true, ret: -1, failed: true},
		{pid: 10, name: "fsync", args: "4", exit: true},
		{pid: 12, name: "close", args: "6", enter: true},
		{pid: 13, name: "???", enter: true},
		{pid: 14, name: "close", args: "7", enter: true},
		{pid: 12, name: "close", args: "6"},
		{pid: 15, name: "close", args: "8", enter: true, exit: true, failed: true},
	}
	var got []line
	if err := eachLine(strings.NewReader(text), func(l line) error {
		l.args = strings.TrimSpace(l.args)
		got = append(got, l)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	for _, text := range []string{"close(3) = 0\n", "10    close\n", "10    <... close resumed>) = 0\n", "10    close(3)\n"} {
		if err := eachLine(strings.NewReader(text), func(line) error { return nil }); err == nil {
			t.Errorf("no error for %q", text)
		}
	}
}
