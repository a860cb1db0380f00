package store

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/mjl-/bstore"

	"mox/message"
	"mox/store/blob"
)

// ReparseStats counts what Reparse did.
type ReparseStats struct {
	Emails  int64 // Read.
	Changed int64 // Of these, those of which something else is kept now.
	Failed  int64 // Could not be read. The log tells which.
}

// reparsePage is how many emails are written together.
const reparsePage = 100

// Reparse reads all emails of the account again and replaces what is kept of them for lists where that differs from what
// this version of mox would keep: envelope, MIME structure, preview, header fields. Emails stay in their threads.
// Nothing else changes, so clients that know a message go on as before. It can be interrupted, and called while the
// account is in use. Progress, if not nil, is called now and then.
func (a *Account) Reparse(ctx context.Context, actor Actor, progress func(ReparseStats)) (ReparseStats, error) {
	var stats ReparseStats
	acc, err := a.use()
	if err != nil {
		return stats, err
	}
	for after := int64(0); ; {
		var rows []emailRow
		err := acc.read(ctx, func(tx *bstore.Tx) (err error) {
			rows, err = bstore.QueryTx[emailRow](tx).FilterGreater("ID", after).SortAsc("ID").Limit(reparsePage).List()
			return err
		})
		if err != nil || len(rows) == 0 {
			return stats, err
		}
		after = rows[len(rows)-1].ID
		if err := acc.reparse(ctx, rows, &stats); err != nil {
			return stats, err
		}
		if progress != nil {
			progress(stats)
		}
	}
}

// reparsed is what is to be kept of an email.
type reparsed struct {
	row     emailRow // As it was.
	cold    []byte
	threads []int64
}

func (a *account) reparse(ctx context.Context, rows []emailRow, stats *ReparseStats) error {
	var changed []reparsed
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		stats.Emails++
		p, err := a.parseAgain(ctx, row)
		switch {
		case errors.Is(err, bstore.ErrAbsent):
			// Erased meanwhile.
		case errors.Is(err, blob.ErrCorrupt), errors.Is(err, blob.ErrNotExist), errors.Is(err, blob.ErrEncoding), errors.Is(err, errCold):
			stats.Failed++
			a.log.Error("message cannot be parsed again", "email", row.id(), "err", err)
		case err != nil:
			return err
		case !bytes.Equal(p.cold, row.Rec.Cold):
			changed = append(changed, p)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	var keys []int64
	err := a.committer.do(ctx, &op{label: "reparse", bulk: true, run: func(tx *txn) error {
		keys = nil
		for i := range changed {
			ok, err := tx.replaceCold(&changed[i])
			if err != nil {
				return err
			} else if ok {
				keys = append(keys, changed[i].row.ID)
			}
		}
		return nil
	}})
	stats.Changed += int64(len(keys))
	a.store.emails.remove(a.id, keys)
	return err
}

// parseAgain reads an email. Its content may have been moved since the row was read.
func (a *account) parseAgain(ctx context.Context, row emailRow) (reparsed, error) {
	var c cold
	if _, err := c.parse(row.Rec.Cold); err != nil {
		return reparsed{}, err
	}
	ref, err := blob.ParseRef(row.Rec.Blob)
	if err != nil {
		return reparsed{}, errCold
	}
	body, err := a.blobs.OpenChecked(ctx, ref)
	if errors.Is(err, blob.ErrNotExist) {
		now := emailRow{ID: row.ID}
		if err := a.read(ctx, func(tx *bstore.Tx) error { return tx.Get(&now) }); err != nil {
			return reparsed{}, err
		}
		if !bytes.Equal(now.Rec.Blob, row.Rec.Blob) {
			return a.parseAgain(ctx, now)
		}
	}
	if err != nil {
		return reparsed{}, err
	}
	defer body.Close()
	root, err := message.Parse(io.NewSectionReader(body, 0, body.Size()))
	if err != nil {
		return reparsed{}, err
	}
	n, err := makeCold(&NewMessage{Prefix: c.prefix, Auth: c.auth, Body: body, Size: body.Size()}, root)
	if err != nil {
		return reparsed{}, err
	}
	return reparsed{row, n.append(make([]byte, 0, n.maxSize())), threadKeys(n.message.Envelope)}, nil
}

// replaceCold replaces the cold record of an email, unless it was erased meanwhile.
func (t *txn) replaceCold(p *reparsed) (bool, error) {
	row := emailRow{ID: p.row.ID}
	err := t.get(&row)
	if err == bstore.ErrAbsent {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if !bytes.Equal(row.Rec.Cold, p.row.Rec.Cold) {
		return false, nil
	}
	row.Rec.Cold = p.cold
	for _, key := range p.threads {
		known, err := t.threadOf(key)
		if err != nil {
			return false, err
		} else if known == 0 {
			t.addThreadKey(key, row.Rec.Thread)
		}
	}
	return true, t.update(&row)
}
