package arc

import (
	"errors"
	"fmt"
	"strings"
)

// Status is a Chain Validation Status (RFC 8617 §4.4).
type Status string

// Statuses.
const (
	StatusNone Status = "none" // There is no chain.
	StatusPass Status = "pass" // The chain is valid.
	StatusFail Status = "fail" // The chain is invalid.
)

// parseStatus returns the status that the value of a cv= tag stands for.
func parseStatus(s string) (Status, bool) {
	for _, status := range []Status{StatusNone, StatusPass, StatusFail} {
		if strings.EqualFold(s, string(status)) {
			return status, true
		}
	}
	return "", false
}

// Why a chain is not valid. Errors of this package wrap them, or those of package dkim for
// signatures and keys.
var (
	// ErrStructure: the fields are no whole sets, or the sets no sequence (RFC 8617 §5.2,
	// step 3A and 3B).
	ErrStructure = errors.New("broken structure of chain")

	// ErrInstance: i= of a field is missing or not from 1 to 50 (RFC 8617 §4.2.1).
	ErrInstance = errors.New("invalid instance")

	// ErrFailedBefore: who sealed the message last said that the chain was invalid then
	// (RFC 8617 §5.2, step 2).
	ErrFailedBefore = errors.New("chain was sealed as failed")

	// ErrChainStatus: cv= of a seal is not what it must be at its place (RFC 8617 §5.2,
	// step 3C).
	ErrChainStatus = errors.New("wrong chain status")

	// ErrSealHeader: a seal has an h= tag (RFC 8617 §4.1.3).
	ErrSealHeader = errors.New("seal with h=")

	// ErrSignedFields: h= of an ARC-Message-Signature names a field of the chain
	// (RFC 8617 §4.1.2).
	ErrSignedFields = errors.New("message signature covers fields of the chain")

	// ErrNotChecked: the chain was found out before this signature was looked at.
	ErrNotChecked = errors.New("not checked")
)

// FieldError is what is wrong with a field of a chain.
type FieldError struct {
	Field    string // Name of the field.
	Instance int    // Which set the field is of; 0 if not known.
	Err      error
}

// Error implements error.
func (e *FieldError) Error() string {
	if e.Instance == 0 {
		return fmt.Sprintf("%s: %v", e.Field, e.Err)
	}
	return fmt.Sprintf("%s %d: %v", e.Field, e.Instance, e.Err)
}

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.Err }
