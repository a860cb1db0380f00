package smtpserver

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

func TestUnknownErrorsAreTemporary(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want string
	}{
		{errors.New("secret path"), "451 4.3.0 local error, try again later"},
		{fmt.Errorf("writing: %w", &fs.PathError{Op: "write", Path: "/data", Err: syscall.ENOSPC}), "452 4.3.1 insufficient system storage, try again later"},
		{fmt.Errorf("writing: %w", syscall.EDQUOT), "452 4.3.1 insufficient system storage, try again later"},
	} {
		if got := unknownError(tc.err).Reply(); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.err, got, tc.want)
		}
	}
}
