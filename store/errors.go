package store

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"mox/store/dbfile"
)

// Errors of the store, to be compared with errors.Is. Any other error is about the
// disk or the database and temporary to a peer.
var (
	ErrNoAccount       = errors.New("no such account")
	ErrAccountExists   = errors.New("account exists already")
	ErrAccountInUse    = errors.New("account is in use")
	ErrCredentials     = errors.New("wrong user name or password")
	ErrNoMailbox       = errors.New("no such mailbox")
	ErrMailboxExists   = errors.New("mailbox exists already")
	ErrMailboxInUse    = errors.New("mailbox cannot be deleted")
	ErrSpecialUseTaken = errors.New("another mailbox has this special use")
	ErrBadName         = errors.New("mailbox name not allowed")
	ErrTooManyKeywords = errors.New("too many keywords")
	ErrBadKeyword      = errors.New("keyword not allowed")
	ErrQuota           = errors.New("account is over its quota")
	ErrExpunged        = errors.New("message is gone")
	ErrHorizon         = errors.New("changes are no longer in the log")
	ErrNoSubmission    = errors.New("no such submission")
	ErrSubmissionState = errors.New("submission is in another state")
	ErrBadSetting      = errors.New("setting not allowed")
	ErrSettingChanged  = errors.New("setting was changed meanwhile")
	ErrBadSpecialUse   = errors.New("special use not allowed")
	ErrNoWebSession    = errors.New("no such session")
	ErrClosed          = errors.New("account is closed")
	ErrLocked          = errors.New("data directory is in use by another process")
	ErrReadOnly        = errors.New("data is open for reading only")
	ErrDamaged         = dbfile.ErrDamaged
	ErrNewerVersion    = errors.New("data was written by a newer version of mox")
)

// MailboxError tells which of the mailboxes of a call does not exist. It wraps ErrNoMailbox.
type MailboxError struct {
	ID   MailboxID
	Dest bool // The destination of Copy or Move is missing, not the mailbox worked on.
}

// Error implements error.
func (e *MailboxError) Error() string {
	if e.Dest {
		return fmt.Sprintf("destination mailbox %d: %v", e.ID, ErrNoMailbox)
	}
	return fmt.Sprintf("mailbox %d: %v", e.ID, ErrNoMailbox)
}

// Unwrap returns ErrNoMailbox.
func (e *MailboxError) Unwrap() error { return ErrNoMailbox }

// noSpace and noWriting report whether an error says that the disk is full, or may not be written to.
func noSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

func noWriting(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}

// unwritable adds to an error of opening data in a directory what to do about it.
func unwritable(dir string, err error) error {
	switch {
	case noSpace(err):
		return fmt.Errorf("%w; free space on the disk of %s", err, dir)
	case noWriting(err):
		return fmt.Errorf("%w; make %s writable for this user: its file system may be mounted read-only", err, dir)
	}
	return err
}

// refusal reports whether an error is about the call and not about disk or database.
func refusal(err error) bool {
	for _, e := range []error{
		ErrNoMailbox, ErrMailboxExists, ErrMailboxInUse, ErrSpecialUseTaken, ErrBadName, ErrTooManyKeywords,
		ErrBadKeyword, ErrQuota, ErrReadOnly, ErrExpunged, ErrBadSetting, ErrSettingChanged, ErrBadSpecialUse,
		ErrNoSubmission, ErrSubmissionState, ErrNoWebSession, ErrCredentials, errUIDs,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
