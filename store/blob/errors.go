package blob

import (
	"errors"
	"fmt"
)

var (
	// ErrNotExist says that there is nothing at a reference: it was deleted, or
	// compaction moved it and the database has the new place.
	ErrNotExist = errors.New("blob: does not exist")

	// ErrCorrupt says that what is stored is not what was put.
	ErrCorrupt = errors.New("blob: corrupt")

	// ErrEncoding says that data is stored in an encoding or with a key that
	// this store cannot read.
	ErrEncoding = errors.New("blob: unknown encoding")

	// ErrVersion says that files were written by a newer version of mox, which
	// has to be used to read them.
	ErrVersion = errors.New("blob: written by a newer version")

	// ErrReadOnly says that the store was opened without the means to write.
	ErrReadOnly = errors.New("blob: store is open for reading only")

	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("blob: store is closed")
)

// ItemError says that one item of a batch cannot be put whatever is done with
// the others: it is malformed, or its body could not be read. Nothing of the
// batch was put.
type ItemError struct {
	Index int // Of the item in the batch.
	Err   error
}

// Error implements error.
func (e *ItemError) Error() string { return fmt.Sprintf("blob: item %d: %v", e.Index, e.Err) }

// Unwrap returns the cause.
func (e *ItemError) Unwrap() error { return e.Err }
