package blob

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	packSuffix = ".pack"
	fileSuffix = ".blob"
)

func (s *Store) filesDir() string { return filepath.Join(s.dir, "files") }
func (s *Store) tmpDir() string   { return filepath.Join(s.dir, "tmp") }

func (s *Store) packName(number uint32) string {
	return filepath.Join(s.dir, formatName(number, packSuffix))
}

func (s *Store) fileName(number uint32) string {
	return filepath.Join(s.filesDir(), formatName(number, fileSuffix))
}

func formatName(number uint32, suffix string) string {
	return fmt.Sprintf("%08d%s", number, suffix)
}

// parseName returns the number in a name that formatName made.
func parseName(name, suffix string) (uint32, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n == 0 || formatName(uint32(n), suffix) != name {
		return 0, false
	}
	return uint32(n), true
}

// readFileHeader reads the header of a pack or large file.
func (s *Store) readFileHeader(name string, magic [8]byte) (fileHeader, error) {
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return fileHeader{}, err
	}
	defer f.Close()
	b := make([]byte, fileHeaderSize)
	n, _ := f.ReadAt(b, 0)
	return parseFileHeader(b[:n], magic)
}
