package queuedb

import (
	"math"
	"strings"
	"time"

	"github.com/mjl-/bstore"

	"mox/smtp"
)

// schemaVersion is the version of the rows below. Steps from earlier ones are in files
// upgrade_<version>.go. New fields and types need a step also where there is nothing to convert: a mox that does not
// know them must not write to them.
const schemaVersion = 2

// never is the due time of recipients that no attempt awaits: it keeps them at the end of the
// index that claims walk.
const never = math.MaxInt64

// versionRow is read before all else and must never change.
type versionRow struct {
	ID      int64 `bstore:"typename Version"`
	Version int
}

type commitRow struct {
	ID     int64 `bstore:"typename Commit"`
	Commit int64 // Counts transactions.
}

type messageRow struct {
	ID         int64  `bstore:"typename Message"`
	EnvelopeID string `bstore:"nonzero,unique"`

	MailFrom string
	SMTPUTF8 bool
	EightBit bool
	Binary   bool
	Size     int64
	Received time.Time
	Account  string
	ENVID    string
	Ret      uint8

	SendAt        int64 // Unix seconds; zero for at once.
	FutureRelease string
	RequireTLS    uint8
	Unsigned      bool

	HeaderMessageID string
	Subject         string

	Blob     []byte // Reference; empty once the body was removed.
	BlobID   int64  `bstore:"index"` // Id the body has in the pack.
	Open     int32
	Done     int64 `bstore:"index"` // Unix seconds when the last recipient became final; zero before.
	Canceled bool
}

// untoldRow is for a message that is done, until somebody was told.
type untoldRow struct {
	ID int64 `bstore:"noauto,typename Untold"` // Of the message.
}

type recipientRow struct {
	ID      int64 `bstore:"typename Recipient"`
	Message int64 `bstore:"nonzero,index"`

	Path     string
	Account  string
	Mailbox  string
	Keywords []string
	Auth     []byte
	Prefix   []byte
	Notify   uint8
	ORCPT    string // Type, semicolon, address decoded.

	// Due is NextAttempt in Unix milliseconds while waiting, else never.
	Destination string `bstore:"nonzero,index Destination+Due"`
	Due         int64

	State       uint8
	NextAttempt int64 // Unix milliseconds, kept while held.
	Attempts    int32
	DelayTold   bool
	Results     []attemptRow
}

type attemptRow struct {
	Start    time.Time
	Duration time.Duration
	Remote   string
	Success  bool
	Code     int32
	Enhanced string
	Text     string
}

func formatPath(p smtp.Path) string {
	if p.IsZero() {
		return ""
	}
	return p.XString(true)
}

func parsePath(s string) smtp.Path {
	if s == "" {
		return smtp.Path{}
	}
	p, err := smtp.ParsePath(s)
	if err != nil {
		// Only formatPath writes these; a damaged row must not stop the queue.
		return smtp.Path{}
	}
	return p
}

func formatOriginal(o smtp.OriginalRecipient) string {
	if o.Address == "" {
		return ""
	}
	return o.Type + ";" + o.Address
}

func parseOriginal(s string) smtp.OriginalRecipient {
	typ, address, _ := strings.Cut(s, ";")
	return smtp.OriginalRecipient{Type: typ, Address: address}
}

func makeMessageRow(m *Message) messageRow {
	r := messageRow{
		EnvelopeID: m.EnvelopeID, MailFrom: formatPath(m.MailFrom), SMTPUTF8: m.SMTPUTF8, EightBit: m.EightBit, Binary: m.Binary,
		Size: m.Size, Received: m.Received, Account: m.Account, ENVID: m.ENVID, Ret: uint8(m.Ret),
		FutureRelease: m.FutureRelease, RequireTLS: uint8(m.RequireTLS), Unsigned: m.Unsigned, HeaderMessageID: m.HeaderMessageID, Subject: m.Subject,
	}
	if !m.SendAt.IsZero() {
		r.SendAt = m.SendAt.Unix()
	}
	return r
}

func (r *messageRow) message() Message {
	m := Message{
		ID: MessageID(r.ID), EnvelopeID: r.EnvelopeID,
		MailFrom: parsePath(r.MailFrom), SMTPUTF8: r.SMTPUTF8, EightBit: r.EightBit, Binary: r.Binary,
		Size: r.Size, Received: r.Received, Account: r.Account, ENVID: r.ENVID, Ret: smtp.Ret(r.Ret),
		FutureRelease: r.FutureRelease, RequireTLS: smtp.RequireTLS(r.RequireTLS), Unsigned: r.Unsigned, HeaderMessageID: r.HeaderMessageID, Subject: r.Subject,
		Open: int(r.Open), Canceled: r.Canceled,
	}
	if r.SendAt != 0 {
		m.SendAt = time.Unix(r.SendAt, 0)
	}
	return m
}

// messageByEnvelope returns bstore.ErrAbsent if there is none.
func messageByEnvelope(tx *bstore.Tx, id string) (messageRow, error) {
	return bstore.QueryTx[messageRow](tx).FilterNonzero(messageRow{EnvelopeID: id}).Get()
}

// makeRecipientRow makes a row without state.
func makeRecipientRow(message int64, r *Recipient) recipientRow {
	return recipientRow{
		Message: message, Path: formatPath(r.Path), Account: r.Account, Mailbox: r.Mailbox, Keywords: r.Keywords,
		Auth: r.Auth, Prefix: r.Prefix, Notify: uint8(r.Notify), ORCPT: formatOriginal(r.OriginalRecipient),
		Destination: r.Destination,
	}
}

func (r *recipientRow) recipient() Recipient {
	rcpt := Recipient{
		ID: RecipientID(r.ID), Message: MessageID(r.Message), Path: parsePath(r.Path),
		Account: r.Account, Mailbox: r.Mailbox, Keywords: r.Keywords, Auth: r.Auth, Prefix: r.Prefix,
		Notify: smtp.Notify(r.Notify), OriginalRecipient: parseOriginal(r.ORCPT),
		Destination: r.Destination, State: State(r.State), Attempts: int(r.Attempts), DelayTold: r.DelayTold,
	}
	if !rcpt.State.Final() {
		rcpt.NextAttempt = time.UnixMilli(r.NextAttempt)
	}
	for _, a := range r.Results {
		rcpt.Results = append(rcpt.Results, Attempt{a.Start, a.Duration, a.Remote, a.Success, int(a.Code), a.Enhanced, a.Text})
	}
	return rcpt
}

// setState keeps the columns that depend on the state together.
func (r *recipientRow) setState(s State, next time.Time) {
	r.State = uint8(s)
	r.Due = never
	if s.Final() {
		r.NextAttempt = 0
		return
	}
	r.NextAttempt = next.UnixMilli()
	if s == Waiting {
		r.Due = r.NextAttempt
	}
}

// addResult appends an attempt, keeping the last maxResults.
func (r *recipientRow) addResult(a Attempt) {
	const maxResults = 20
	if len(a.Text) > 2000 {
		a.Text = a.Text[:2000]
	}
	r.Results = append(r.Results, attemptRow{a.Start, a.Duration, a.Remote, a.Success, int32(a.Code), a.Enhanced, a.Text})
	if len(r.Results) > maxResults {
		r.Results = r.Results[len(r.Results)-maxResults:]
	}
}
