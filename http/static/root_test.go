package static

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

func TestStatusOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err        error
		status     int
		unexpected bool
	}{
		{&fs.PathError{Err: syscall.ENOENT}, 404, false},
		{&fs.PathError{Err: syscall.ENOTDIR}, 404, false},
		{&fs.PathError{Err: syscall.ENAMETOOLONG}, 404, false},
		{&fs.PathError{Err: syscall.ELOOP}, 404, false},
		{errSymlink, 404, false},
		{errors.New("path escapes from parent"), 404, false},
		{&fs.PathError{Err: syscall.EACCES}, 403, false},
		{errSpecial, 403, false},
		{&fs.PathError{Err: syscall.EIO}, 500, true},
		{&os.PathError{Err: syscall.EMFILE}, 500, true},
		{fmt.Errorf("reading: %w", syscall.EISDIR), 500, true},
	} {
		if status, unexpected := statusOf(tc.err); status != tc.status || unexpected != tc.unexpected {
			t.Errorf("%v: status %d, unexpected %v", tc.err, status, unexpected)
		}
	}
}
