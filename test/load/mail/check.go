package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// markField is the header field in which a message says what follows it: its ID, the type of its
// content, the number of bytes after the field and their SHA-256. Servers put fields of their own
// before it.
const markField = "X-Load"

// ErrContent is in the error for a message that is not as it was made.
var ErrContent = errors.New("message is not as it was sent")

// Mark is what a message says about itself.
type Mark struct {
	ID   string // Without angle brackets.
	Type string // Media type of the message, in lower case.
}

// Check checks that a message is as a generator made it, whatever fields were put before it.
func Check(msg []byte) (Mark, error) {
	start := []byte("\r\n" + markField + ": ")
	var rest []byte
	if after, ok := bytes.CutPrefix(msg, start[2:]); ok {
		rest = after
	} else if _, after, ok := bytes.Cut(msg, start); ok {
		rest = after
	} else {
		return Mark{}, fmt.Errorf("%w: it has no field %s", ErrContent, markField)
	}
	lines := bytes.SplitN(rest, []byte("\r\n"), 4)
	if len(lines) < 4 {
		return Mark{}, fmt.Errorf("%w: it ends in its field %s", ErrContent, markField)
	}
	m := Mark{ID: string(lines[0])}
	kind, size, _ := strings.Cut(strings.TrimSpace(string(lines[1])), " ")
	m.Type = kind
	content := lines[3]
	if n, err := strconv.Atoi(size); err != nil || n != len(content) {
		return m, fmt.Errorf("%w: %s has %d bytes after its header mark, not %s", ErrContent, m.ID, len(content), size)
	}
	sum := sha256.Sum256(content)
	if hex.EncodeToString(sum[:]) != string(bytes.TrimSpace(lines[2])) {
		return m, fmt.Errorf("%w: %s has other bytes", ErrContent, m.ID)
	}
	return m, nil
}
