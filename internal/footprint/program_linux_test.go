package footprint

import (
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What the dynamic linker or a debugger wrote to must stay, and what belongs to others.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	const smaps = `00400000-00402000 r--p 00000000 08:01 42                                 /usr/local/bin/mox
Rss:                   8 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
00402000-0123c000 r-xp 00002000 08:01 42                                 /usr/local/bin/mox
Rss:               11816 kB
Anonymous:             4 kB
0123c000-01fc9000 r--p 00e3c000 08:01 42                                 /usr/local/bin/mox
Rss:               11392 kB
Anonymous:             0 kB
01fc9000-01fca000 r--p 01bc8000 08:01 42                                 /usr/local/bin/mox
Rss:                   4 kB
Anonymous:             4 kB
01fca000-02185000 rw-p 01bc9000 08:01 42                                 /usr/local/bin/mox
Rss:                1068 kB
Anonymous:             0 kB
c000000000-c000400000 rw-p 00000000 00:00 0
Anonymous:             0 kB
7f0000000000-7f0000028000 r--p 00000000 08:01 77                         /usr/lib/x86_64-linux-gnu/libc.so.6
Anonymous:             0 kB
7f0000100000-7f0000200000 r--s 00000000 08:01 78                         /usr/local/bin/mox
Anonymous:             0 kB
7f0000300000-7f0000400000 r--p 00000000 08:01 79                         /usr/local/bin/mox (deleted)
Anonymous:             0 kB
zz-yy r--p 00000000 08:01 42                                             /usr/local/bin/mox
Anonymous:             0 kB
`
	want := []addressRange{{0x400000, 0x402000}, {0x123c000, 0x1fc9000}}
	if got := unchanged(smaps, "/usr/local/bin/mox"); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if got := unchanged("", "/usr/local/bin/mox"); len(got) != 0 {
		t.Errorf("of nothing: %x", got)
	}
}

// resident returns the resident bytes of a kind, as named in /proc/self/status.
func resident(t *testing.T, kind string) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(status), kind+":")
	f := strings.Fields(rest)
	if !ok || len(f) == 0 {
		t.Fatalf("no %s in %s", kind, status)
	}
	n, err := strconv.Atoi(f[0])
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// TestTrim is about the memory of the whole process, so it is not parallel.
func TestTrim(t *testing.T) {
	const size = 64 << 20
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	garbage := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		garbage[i] = 1
	}
	full := resident(t, "RssAnon")
	if full < size {
		t.Fatalf("%d bytes are resident, with %d written to", full, size)
	}
	// That it returns, and what follows runs, shows that the code is still there.
	Trim()
	if left := resident(t, "RssAnon"); left > full-size*3/4 {
		t.Errorf("%d bytes were resident, and are still %d", full, left)
	}
}
