// Package corpus gives tests a few hundred real messages, ordinary and broken ones, from the folder
// testdata/corpus. Only tests may import it.
package corpus

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Message is a message of the corpus.
type Message struct {
	// Name tells the message's origin, such as "torture/bad_subject.eml" or
	// "ham-easy/0301.eml".
	Name string

	// Data is the message as it was found. The messages in torture have CRLF, bare LF or
	// both as line ends, the others LF.
	Data []byte
}

// CRLF returns the message with all line ends in CRLF, as SMTP would deliver it.
func (m Message) CRLF() []byte {
	b := bytes.ReplaceAll(m.Data, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
}

// TB is the part of testing.TB that is used here.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Messages returns all messages: the torture ones and the real ones. The data belongs to the caller.
func Messages(tb TB) []Message {
	tb.Helper()
	return append(Torture(tb), Real(tb)...)
}

// Torture returns the odd and broken messages.
func Torture(tb TB) []Message {
	tb.Helper()
	return read(tb, "torture.tar.gz")
}

// Real returns a selection of real mail and spam of the early 2000s.
func Real(tb TB) []Message {
	tb.Helper()
	return read(tb, "spamassassin.tar.gz")
}

// read returns the files of an archive in testdata/corpus.
func read(tb TB, archive string) []Message {
	tb.Helper()
	f, err := os.Open(filepath.Join(root(tb), "testdata", "corpus", archive))
	if err != nil {
		tb.Fatalf("corpus: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatalf("corpus: %s: %v", archive, err)
	}
	var l []Message
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if err == io.EOF {
			return l
		}
		if err != nil {
			tb.Fatalf("corpus: %s: %v", archive, err)
		}
		data, err := io.ReadAll(t)
		if err != nil {
			tb.Fatalf("corpus: %s: %s: %v", archive, h.Name, err)
		}
		l = append(l, Message{strings.TrimPrefix(h.Name, "./"), data})
	}
}

// root returns the folder of go.mod. Tests run in the folder of their package.
func root(tb TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatalf("corpus: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatalf("corpus: no go.mod above the working directory")
		}
		dir = parent
	}
}
