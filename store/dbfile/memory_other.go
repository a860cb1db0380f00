//go:build !linux

package dbfile

import (
	"errors"
	"os"
)

// memoryFile fails: there are no files in memory.
func memoryFile() (*os.File, string, error) {
	return nil, "", errors.New("no temporary file can be made; set TMPDIR to a directory with space")
}
