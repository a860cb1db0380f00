package admin

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestMessageReaderRefuses(t *testing.T) {
	t.Parallel()
	for stream, want := range map[string]error{
		"":                            io.EOF,
		"{\"Size\":3}\nabc":           io.EOF,
		"{\"Size\":4}\nabc":           io.ErrUnexpectedEOF,
		"{\"Size\":-1}\n":             ErrStream,
		"{\"Size\":3}":                ErrStream,
		"From x\n":                    ErrStream,
		"{\"Size\":0}\n{\"Size\":0}x": ErrStream,
		strings.Repeat("x", 2<<20):    ErrStream,
	} {
		r := NewMessageReader(strings.NewReader(stream))
		var err error
		for err == nil {
			_, _, err = r.Next()
		}
		if !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", stream, err, want)
		}
	}
	if err := WriteMessage(io.Discard, MessageHead{Size: 2}, strings.NewReader("x")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short message: %v", err)
	}
}
