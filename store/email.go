package store

import (
	"context"
	"io"
	"time"

	"mox/message"
)

// Email is the immutable part of a message, without its content.
type Email struct {
	ID       EmailID
	Thread   ThreadID
	Received time.Time
	Size     int64  // Prefix and body.
	Prefix   []byte // Header that mox prepended.
	Auth     []byte // As given when it was added.

	// Envelope and BodyStructure are ready for the wire: the parenthesised lists of
	// FETCH ENVELOPE and BODYSTRUCTURE.
	Envelope      []byte
	BodyStructure []byte

	// Header holds, verbatim and in order, the header fields that clients list by (see
	// ListedFields), from prefix and message.
	Header []byte

	Preview string // Readable text from the start, at most 256 characters.

	part []byte
}

// Part returns the MIME structure. Offsets count from the start of the prefix.
func (e *Email) Part() (*message.Part, error) { return *new(*message.Part), errUnwritten }

// ListedField reports whether the header field (canonical or any case) is among those
// kept in Email.Header, so that its absence there means its absence in the message.
func ListedField(name string) bool { return *new(bool) }

// Emails calls fn for each id in order, with the index in ids. The Email and its slices are valid
// during the call only. Rows are read in short transactions of bounded size, and fn is called
// outside of them. An email that is gone gives fn a nil Email.
func (a *Account) Emails(ctx context.Context, actor Actor, ids []EmailID, fn func(i int, e *Email) error) error {
	return errUnwritten
}

// Content is an open message: prefix and body as one. ReadAt is safe for concurrent use.
type Content struct{}

var _ io.ReaderAt = (*Content)(nil)

// Open opens the content of an email. Returns ErrExpunged if it is gone.
// The caller must Close it.
func (a *Account) Open(ctx context.Context, actor Actor, id EmailID) (*Content, error) {
	return *new(*Content), errUnwritten
}

// Size is the length in bytes.
func (c *Content) Size() int64 { return *new(int64) }

// ReadAt implements io.ReaderAt.
func (c *Content) ReadAt(p []byte, off int64) (int, error) { return *new(int), errUnwritten }

// Close releases the content.
func (c *Content) Close() error { return errUnwritten }
