package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mjl-/bstore"

	"mox/message"
	"mox/store/blob"
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
	// ListedField), from prefix and message.
	Header []byte

	Preview []byte // Readable text from the start, at most 256 characters.

	cold cold
}

// Part returns the MIME structure. Offsets count from the start of the prefix. Its root has no Envelope, see
// ParseEnvelope. It is the caller's and stays valid.
func (e *Email) Part() (*message.Part, error) { return e.cold.structure() }

// ParseEnvelope returns the envelope with decoded texts. It is the caller's and stays valid.
func (e *Email) ParseEnvelope() *message.Envelope { return message.ParseBytes(e.Header).Envelope }

// set makes e the email of a row, with slices that refer to it.
func (e *Email) set(r *emailRow) error {
	preview, err := e.cold.parse(r.Rec.Cold)
	if err != nil {
		return err
	}
	*e = Email{
		ID:            r.id(),
		Thread:        r.Rec.Thread,
		Received:      time.Unix(r.Rec.Received, 0).UTC(),
		Size:          r.Rec.Size,
		Prefix:        e.cold.prefix,
		Auth:          e.cold.auth,
		Envelope:      e.cold.envelope,
		BodyStructure: e.cold.bodyStructure,
		Header:        e.cold.header,
		Preview:       preview,
		cold:          e.cold,
	}
	return nil
}

// Limits of what Emails reads in one transaction.
const (
	emailPage      = 128
	emailPageBytes = 1 << 20
)

// Emails calls fn for each id in order, with the index in ids. The Email and its slices are valid
// during the call only. Rows are read in short transactions of bounded size, and fn is called
// outside of them. An email that is gone gives fn a nil Email. An error of fn ends it and is returned.
func (a *Account) Emails(ctx context.Context, actor Actor, ids []EmailID, fn func(i int, e *Email) error) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	var buffers [2][]emailRow
	pages := newEmailPages(ctx, acc, ids, &buffers)
	defer pages.close()
	var e Email
	for done := 0; done < len(ids); {
		rows, err := pages.next()
		if err != nil {
			return err
		}
		for i := range rows {
			p := &e
			if rows[i].Rec.Cold == nil {
				p = nil
			} else if err := e.set(&rows[i]); err != nil {
				return fmt.Errorf("email %v: %w", rows[i].id(), err)
			}
			if err := fn(done+i, p); err != nil {
				return err
			}
		}
		done += len(rows)
	}
	return nil
}

// readEmails appends rows for the first of ids, empty ones for emails that are gone. What is not cached it reads in
// one transaction. If begin is set all of ids will be asked for.
func (a *account) readEmails(ctx context.Context, ids []EmailID, rows []emailRow, begin bool) ([]emailRow, error) {
	all := len(ids)
	ids = ids[:min(len(ids), emailPage)]
	first := len(rows)
	rows, missing, erasures := a.store.emails.get(a.id, ids, rows)
	if missing == 0 {
		return rows, nil
	}
	page := rows[first:]
	var read []emailRow
	err := a.read(ctx, func(tx *bstore.Tx) error {
		if begin {
			a.db.Scanned(all)
		}
		size := 0
		for i, id := range ids {
			if page[i].Rec.Cold != nil || id.IsZero() {
				continue
			}
			r := emailRow{ID: id.Key}
			if err := tx.Get(&r); err == bstore.ErrAbsent || err == nil && r.Rec.Random != id.Random {
				continue
			} else if err != nil {
				return err
			}
			page[i] = r
			read = append(read, r)
			if size += len(r.Rec.Cold); size > emailPageBytes {
				rows = rows[:first+i+1]
				break
			}
		}
		if !begin {
			a.db.Scanned(len(read))
		}
		return nil
	})
	a.store.emails.put(a.id, read, erasures)
	return rows, err
}

// Content is an open message: prefix and body as one. ReadAt is safe for concurrent use.
type Content struct {
	prefixed
	reader *blob.Reader
}

var _ io.ReaderAt = (*Content)(nil)

// Open opens the content of an email. Returns ErrExpunged if it is gone.
// The caller must Close it.
func (a *Account) Open(ctx context.Context, actor Actor, id EmailID) (*Content, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	var last blob.Ref
	for {
		rows, err := acc.readEmails(ctx, []EmailID{id}, nil, false)
		if err != nil {
			return nil, err
		}
		if rows[0].Rec.Cold == nil {
			return nil, ErrExpunged
		}
		var c cold
		if _, err := c.parse(rows[0].Rec.Cold); err != nil {
			return nil, fmt.Errorf("email %v: %w", id, err)
		}
		ref, err := blob.ParseRef(rows[0].Rec.Blob)
		if err != nil {
			return nil, fmt.Errorf("email %v: %w", id, err)
		}
		r, err := acc.blobs.OpenChecked(ctx, ref)
		if errors.Is(err, blob.ErrNotExist) && ref != last {
			// Compaction has moved it, or it was erased just now. The row tells.
			acc.store.emails.remove(acc.id, []int64{id.Key})
			last = ref
			continue
		} else if errors.Is(err, blob.ErrClosed) {
			return nil, ErrClosed
		} else if err != nil {
			return nil, fmt.Errorf("email %v: %w", id, err)
		}
		return &Content{prefixed{c.prefix, r, r.Size()}, r}, nil
	}
}

// Size is the length in bytes.
func (c *Content) Size() int64 { return c.prefixed.Size() }

// ReadAt implements io.ReaderAt.
func (c *Content) ReadAt(p []byte, off int64) (int, error) { return c.prefixed.ReadAt(p, off) }

// Close releases the content.
func (c *Content) Close() error { return c.reader.Close() }
