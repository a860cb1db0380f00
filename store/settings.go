package store

import (
	"bytes"
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/mjl-/bstore"

	"mox/imap"
)

// Settings are documents that user interfaces keep in an account: preferences, signatures, saved searches, colours of
// labels, senders whose remote images may be loaded. What is in them the store does not know.

const (
	// MaxSetting is how large the value of a setting may be, in bytes.
	MaxSetting = 256 << 10

	// maxSettingName is how long the name of a setting may be, in bytes, and maxSettings how many there may
	// be. They do not count against the quota.
	maxSettingName = 100
	maxSettings    = 256
)

// Setting returns the value of a setting and the modseq of its last change, nil and zero if there is none. The value is
// the caller's.
func (a *Account) Setting(ctx context.Context, name string) (value []byte, modseq imap.ModSeq, err error) {
	acc, err := a.use()
	if err != nil {
		return nil, 0, err
	}
	if checkSettingName(name) != nil {
		return nil, 0, nil
	}
	row := settingRow{Name: name}
	err = acc.read(ctx, func(tx *bstore.Tx) error { return tx.Get(&row) })
	if err == bstore.ErrAbsent {
		return nil, 0, nil
	} else if err != nil {
		return nil, 0, err
	}
	if row.Value == nil {
		row.Value = []byte{}
	}
	return row.Value, row.ModSeq, nil
}

// SetSetting sets the value of a setting, or with a nil value removes it, and returns the modseq of that: zero if there
// is none then. If unchanged is not negative, the setting must have that modseq, where zero is that of none; else
// ErrSettingChanged is returned. A setting that has the value already is left as it is. Names are UTF-8, of 1 to 100
// bytes; there may be 256 settings. Returns ErrBadSetting for names, and values above MaxSetting.
func (a *Account) SetSetting(ctx context.Context, actor Actor, name string, value []byte, unchanged imap.ModSeq) (imap.ModSeq, error) {
	acc, err := a.use()
	if err != nil {
		return 0, err
	}
	if err := checkSettingName(name); err != nil {
		return 0, err
	}
	if len(value) > MaxSetting {
		return 0, fmt.Errorf("%w: value of %d bytes, at most %d are", ErrBadSetting, len(value), MaxSetting)
	}
	var modseq imap.ModSeq
	err = acc.write(ctx, "set_setting", func(tx *txn) (err error) {
		modseq, err = tx.setSetting(name, value, unchanged)
		return err
	})
	if err != nil {
		return 0, err
	}
	return modseq, nil
}

// checkSettingName returns ErrBadSetting for names that a setting cannot have.
func checkSettingName(name string) error {
	if name == "" || len(name) > maxSettingName || !utf8.ValidString(name) {
		return fmt.Errorf("%w: name %q", ErrBadSetting, name)
	}
	return nil
}

func (t *txn) setSetting(name string, value []byte, unchanged imap.ModSeq) (imap.ModSeq, error) {
	row := settingRow{Name: name}
	err := t.get(&row)
	exists := err == nil
	if err != nil && err != bstore.ErrAbsent {
		return 0, err
	}
	if unchanged >= 0 && unchanged != row.ModSeq {
		return 0, ErrSettingChanged
	}
	if exists == (value != nil) && bytes.Equal(row.Value, value) {
		return row.ModSeq, nil
	}
	if !exists {
		if n, err := bstore.QueryTx[settingRow](t.tx).Count(); err != nil {
			return 0, err
		} else if n >= maxSettings {
			return 0, fmt.Errorf("%w: there are %d", ErrBadSetting, n)
		}
	}
	t.log(Change{Kind: ChangeSetting, Name: name})
	if value == nil {
		t.modSeq()
		return 0, t.delete(&row)
	}
	row.ModSeq, row.Value = t.modSeq(), value
	if exists {
		return row.ModSeq, t.update(&row)
	}
	return row.ModSeq, t.insert(&row)
}
