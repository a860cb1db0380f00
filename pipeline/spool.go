package pipeline

import (
	"encoding/binary"
	"io"

	"mox/internal/spool"
	"mox/message"
)

// Spool receives a message in one pass: it keeps the bytes, in memory up to a limit and in a
// temporary file beyond, and parses them. After Finish it is the Body.
type Spool struct {
	buf      *spool.Buffer
	parser   *message.Parser
	root     *message.Part
	eightBit bool
}

var (
	_ Body      = (*Spool)(nil)
	_ io.Writer = (*Spool)(nil)
)

// NewSpool returns an empty Spool. A temporary file is made in dir (os.TempDir if empty) for
// more than memory bytes; zero means spool.DefaultMemory. The caller must Close the Spool.
func NewSpool(dir string, memory int64) *Spool {
	return &Spool{buf: spool.New(dir, memory), parser: message.NewParser(message.Options{})}
}

// Write takes the next bytes. Errors are those of the temporary file.
func (s *Spool) Write(p []byte) (int, error) {
	n, err := s.buf.Write(p)
	if err != nil {
		return n, err
	}
	if !s.eightBit {
		s.eightBit = eightBit(p)
	}
	s.parser.Write(p)
	return n, nil
}

// Finish ends the writing.
func (s *Spool) Finish() error {
	root, err := s.parser.Finish()
	s.root, s.parser = root, nil
	return err
}

// ReadAt implements Body.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) { return s.buf.ReadAt(p, off) }

// Size implements Body.
func (s *Spool) Size() int64 { return s.buf.Size() }

// Root implements Body. It is nil before Finish.
func (s *Spool) Root() *message.Part { return s.root }

// EightBit reports whether a byte above 127 was written.
func (s *Spool) EightBit() bool { return s.eightBit }

// Close frees what the Spool holds. Calls after the first do nothing.
func (s *Spool) Close() error { return s.buf.Close() }

func eightBit(p []byte) bool {
	var or uint64
	for ; len(p) >= 8; p = p[8:] {
		or |= binary.LittleEndian.Uint64(p)
	}
	for _, c := range p {
		or |= uint64(c)
	}
	return or&0x8080808080808080 != 0
}
