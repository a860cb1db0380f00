package blob

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
)

// findMarker finds out the marker of a store whose ledger is lost. It returns nil
// if nothing has it.
func (s *Store) findMarker(packs map[uint32]int64, files []fs.DirEntry) (*marker, error) {
	numbers := slices.Sorted(maps.Keys(packs))
	for _, number := range numbers {
		if m, err := s.headerMarker(s.packName(number), packMagic); m != nil || err != nil {
			return m, err
		}
	}
	for _, e := range files {
		if number, ok := parseName(e.Name(), fileSuffix); ok {
			if m, err := s.headerMarker(s.fileName(number), largeMagic); m != nil || err != nil {
				return m, err
			}
		}
	}
	// No header is left. The first record in a pack is one of ours, while those
	// further back could be part of a message.
	for _, number := range numbers {
		if m, err := s.recordMarker(s.packName(number)); m != nil || err != nil {
			return m, err
		}
	}
	return nil, nil
}

// headerMarker returns the marker in the header of a file, nil if that is damaged.
func (s *Store) headerMarker(name string, magic [8]byte) (*marker, error) {
	h, err := s.readFileHeader(name, magic)
	if errors.Is(err, errFileHeader) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return &h.marker, nil
}

// recordMarker returns the marker in the first record of a pack, nil if there is
// none in its first part.
func (s *Store) recordMarker(name string) (*marker, error) {
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, windowAll)
	n, _ := f.ReadAt(b, 0)
	for b = b[:n]; ; b = b[1:] {
		i := bytes.Index(b, recordMagic[:])
		if i < 0 || len(b)-i < recordHeaderSize {
			return nil, nil
		}
		b = b[i:]
		m := marker(b[8:16])
		if _, err := parseRecord(b, m); err == nil {
			return &m, nil
		}
	}
}
