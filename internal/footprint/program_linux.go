package footprint

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// unmapProgram drops the pages of code and constants. It is best effort: what cannot be read or dropped stays.
func unmapProgram() {
	executable, err := os.Executable()
	if err != nil {
		return
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, r := range unchanged(string(smaps), executable) {
		// The ranges are in no memory of Go, so the wrapper with a slice is not for them.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, r.start, r.end-r.start, unix.MADV_DONTNEED)
	}
}

// addressRange is one of addresses.
type addressRange struct{ start, end uintptr }

// unchanged returns the mappings of a file, in a list as in /proc/PID/smaps, that are only read and have every page as it
// is in the file. Others must stay: the dynamic linker writes to some before it makes them read-only, a debugger to code.
func unchanged(smaps, path string) []addressRange {
	var l []addressRange
	var r addressRange // Of the mapping whose lines come; zero for one that stays.
	for line := range strings.Lines(smaps) {
		f := strings.Fields(line)
		switch {
		case len(f) >= 5 && !strings.HasSuffix(f[0], ":"):
			r = addressRange{}
			if len(f) != 6 || f[5] != path || f[1] != "r-xp" && f[1] != "r--p" {
				continue
			}
			from, to, _ := strings.Cut(f[0], "-")
			start, err := strconv.ParseUint(from, 16, strconv.IntSize)
			if err != nil {
				continue
			}
			end, err := strconv.ParseUint(to, 16, strconv.IntSize)
			if err != nil {
				continue
			}
			r = addressRange{uintptr(start), uintptr(end)}
		case len(f) == 3 && f[0] == "Anonymous:" && f[1] == "0" && r != addressRange{}:
			l = append(l, r)
		}
	}
	return l
}
