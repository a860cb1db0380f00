package pipeline

import (
	"encoding/hex"
	"io"
)

// NewID returns a random Envelope.ID of 16 lower-case hexadecimal digits. It returns the error of rand.
func NewID(rand io.Reader) (string, error) {
	var b [8]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", err
	}
	return hex.EncodeToString(b[:]), nil
}
