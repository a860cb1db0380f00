package blob

import (
	"os"
	"syscall"
	"testing"
)

func TestReservedSpaceIsGivenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := reopen(t, dir, Options{})
	put(t, s, item(1, randomBytes(1, 1000)))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(s.packName(1))
	if err != nil {
		t.Fatal(err)
	}
	st := fi.Sys().(*syscall.Stat_t)
	if st.Blocks*512 > 16<<10 {
		t.Errorf("a pack of %d bytes takes %d", fi.Size(), st.Blocks*512)
	}
}
