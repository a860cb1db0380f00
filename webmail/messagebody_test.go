package webmail

import (
	"errors"
	"io"
	"strings"
	"testing"

	"mox/message"
)

// brokenDisk fails to read from some place on.
type brokenDisk struct {
	io.ReaderAt
	from int64
}

var errDisk = errors.New("disk is broken")

func (d brokenDisk) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > d.from {
		n, _ := d.ReaderAt.ReadAt(p[:max(0, d.from-off)], off)
		return n, errDisk
	}
	return d.ReaderAt.ReadAt(p, off)
}

// The beginning of a text, of which the rest cannot be read, does not pass for all of it: a draft would lose the rest. What
// cannot be decoded is another thing.
func TestReadText(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"8bit", "quoted-printable", "base64"} {
		text := "Content-Transfer-Encoding: " + encoding + "\r\nContent-Type: text/plain\r\n\r\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 5000)
		p := message.ParseBytes([]byte(text))
		s, err := readText(brokenDisk{strings.NewReader(text), int64(len(text)) / 2}, p, 1<<20)
		if !errors.Is(err, errDisk) || s != "" {
			t.Errorf("%s: %d bytes, error %v", encoding, len(s), err)
		}
		if s, err := readText(strings.NewReader(text), p, 1<<20); err != nil || len(s) < 200_000 {
			t.Errorf("%s: %d bytes, error %v", encoding, len(s), err)
		}
		if s, err := readText(brokenDisk{strings.NewReader(text), int64(len(text)) / 2}, p, 1000); err != nil || len(s) < 1000 {
			t.Errorf("%s, the beginning: %d bytes, error %v", encoding, len(s), err)
		}
	}
	damaged := "Content-Transfer-Encoding: base64\r\n\r\nQUJD!!!!\x00===QQ"
	if _, err := readText(strings.NewReader(damaged), message.ParseBytes([]byte(damaged)), 1000); err != nil {
		t.Errorf("damaged: %v", err)
	}
}
