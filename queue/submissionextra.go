package queue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"mox/pipeline"
	"mox/queuedb"
	"mox/smtp"
	"mox/store"
)

// submissionExtra is what a submission with a Sent copy keeps in store.Submission.Extra, as JSON, so that it can be
// queued again with the envelope it had. Names of fields are stored: do not rename.
type submissionExtra struct {
	SMTPUTF8   bool             `json:",omitempty"`
	EightBit   bool             `json:",omitempty"`
	Binary     bool             `json:",omitempty"`
	ENVID      string           `json:",omitempty"`
	Ret        smtp.Ret         `json:",omitempty"`
	RequireTLS smtp.RequireTLS  `json:",omitempty"`
	Hold       string           `json:",omitempty"` // pipeline.Envelope.FutureRelease.
	Prefixes   [][]byte         // As a rule one, for all recipients.
	Recipients []recipientExtra // In the order of store.Submission.RcptTo.
}

// recipientExtra is about one recipient.
type recipientExtra struct {
	Notify   smtp.Notify `json:",omitempty"`
	ORCPT    string      `json:",omitempty"` // Encoded.
	Prefix   int         // In Prefixes.
	Account  string      `json:",omitempty"`
	Mailbox  string      `json:",omitempty"`
	Keywords []string    `json:",omitempty"`
	Auth     []byte      `json:",omitempty"`
}

// makeExtra returns the value for store.Submission.Extra.
func makeExtra(env pipeline.Envelope, rcpts []queuedb.Recipient) ([]byte, error) {
	e := submissionExtra{SMTPUTF8: env.SMTPUTF8, EightBit: env.EightBit, Binary: env.Binary, ENVID: env.ENVID, Ret: env.Ret, RequireTLS: env.RequireTLS, Hold: env.FutureRelease}
	for _, r := range rcpts {
		i := slices.IndexFunc(e.Prefixes, func(p []byte) bool { return bytes.Equal(p, r.Prefix) })
		if i < 0 {
			i = len(e.Prefixes)
			e.Prefixes = append(e.Prefixes, r.Prefix)
		}
		x := recipientExtra{Notify: r.Notify, Prefix: i, Account: r.Account, Mailbox: r.Mailbox, Keywords: r.Keywords, Auth: r.Auth}
		if r.OriginalRecipient.Address != "" {
			x.ORCPT = r.OriginalRecipient.Encode()
		}
		e.Recipients = append(e.Recipients, x)
	}
	return json.Marshal(e)
}

// parseExtra returns what makeExtra was given of a submission.
func parseExtra(sub store.Submission) (submissionExtra, error) {
	var e submissionExtra
	if err := json.Unmarshal(sub.Extra, &e); err != nil {
		return e, fmt.Errorf("envelope of submission: %w", err)
	}
	if len(e.Recipients) != len(sub.RcptTo) {
		return e, fmt.Errorf("envelope of submission: %d recipients, want %d", len(e.Recipients), len(sub.RcptTo))
	}
	for _, r := range e.Recipients {
		if r.Prefix < 0 || r.Prefix >= len(e.Prefixes) {
			return e, fmt.Errorf("envelope of submission: no prefix %d", r.Prefix)
		}
	}
	return e, nil
}

// recipient returns what is known of the ith recipient besides its path.
func (e *submissionExtra) recipient(i int) (pipeline.Recipient, error) {
	x := e.Recipients[i]
	r := pipeline.Recipient{Notify: x.Notify, Prefix: e.Prefixes[x.Prefix], Account: x.Account, Mailbox: x.Mailbox, Keywords: x.Keywords, Auth: x.Auth}
	var err error
	if x.ORCPT != "" {
		r.OriginalRecipient, err = smtp.ParseOriginalRecipient(x.ORCPT)
	}
	return r, err
}
