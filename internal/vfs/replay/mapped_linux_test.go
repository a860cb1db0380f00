package replay

import (
	"os"

	"golang.org/x/sys/unix"
)

func writeMapped(f *os.File) error {
	b, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	b[0] = 1
	return unix.Munmap(b)
}
