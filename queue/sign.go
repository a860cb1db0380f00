package queue

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"mox/dns"
	"mox/message"
	"mox/pipeline"
	"mox/queuedb"
)

// Signer signs mail that begins here, such as by DKIM (RFC 6376). Implementations are safe for concurrent use.
type Signer interface {
	// Sign returns header fields, each ended by CRLF, to put in front of a message whose From field has addresses
	// at the domains from, which are distinct. It returns none if mail from them is sent unsigned.
	//
	// The message is header, whole fields that this host has put in front, followed by the size bytes of body; they
	// must not be changed, or kept. An error means that the message must not leave as it is, but may later. The
	// end of the context ends the call.
	Sign(ctx context.Context, from []dns.Domain, header []byte, body io.ReaderAt, size int64) ([]byte, error)
}

// Values of the label result of signatures.
const (
	signSigned   = "signed"
	signUnsigned = "unsigned"
	signFailed   = "error"
)

// signature returns what a message is signed with; nothing without a Signer.
func (q *Queue) signature(ctx context.Context, from []dns.Domain, header []byte, body io.ReaderAt, size int64) ([]byte, error) {
	if q.opts.Signer == nil || len(from) == 0 {
		return nil, nil
	}
	fields, err := q.opts.Signer.Sign(ctx, from, header, body, size)
	result := signSigned
	switch {
	case err != nil:
		result = signFailed
		err = fmt.Errorf("signing message: %w", err)
	case len(fields) == 0:
		result = signUnsigned
	}
	q.met.signatures.WithLabelValues(result).Inc()
	return fields, err
}

// sign signs a submission. What is to be sent later is signed when it is sent, with the keys and the time of then; that it
// can be signed is found out at once.
func (d *delivery) sign(ctx context.Context) error {
	signed, err := d.q.signed(ctx, d.body, d.rcpts)
	if err != nil {
		return err
	}
	if d.unsigned = !d.env.SendAt.IsZero(); !d.unsigned {
		d.rcpts = signed
	}
	return nil
}

// signed returns recipients of a message with signatures in front of their prefixes. A prefix is part of the
// message, so each distinct one is signed for itself; as a rule all recipients have the same.
func (q *Queue) signed(ctx context.Context, body pipeline.Body, rcpts []queuedb.Recipient) ([]queuedb.Recipient, error) {
	from := authorDomains(body.Root().Envelope)
	signed := slices.Clone(rcpts)
	for i, r := range rcpts {
		same := func(o queuedb.Recipient) bool { return bytes.Equal(o.Prefix, r.Prefix) }
		if before := slices.IndexFunc(rcpts[:i], same); before >= 0 {
			signed[i].Prefix = signed[before].Prefix
			continue
		}
		fields, err := q.signature(ctx, from, r.Prefix, body, body.Size())
		if err != nil {
			return nil, err
		}
		if len(fields) > 0 {
			signed[i].Prefix = slices.Concat(fields, r.Prefix)
		}
	}
	return signed, nil
}

// signNow returns the recipients of an attempt for a message that was queued unsigned.
func (q *Queue) signNow(body queuedb.Body, batch []queuedb.Recipient) ([]queuedb.Recipient, error) {
	b, err := newBody(body, body.Size())
	if err != nil {
		return nil, err
	}
	return q.signed(q.runCtx, b, batch)
}

// authorDomains returns the domains of the addresses in From, each once.
func authorDomains(env *message.Envelope) []dns.Domain {
	if env == nil {
		return nil
	}
	var l []dns.Domain
	seen := map[dns.Domain]bool{} // There may be many.
	for _, a := range env.From {
		if a.Kind != message.Mailbox {
			continue // Where a group begins or ends.
		}
		if d, err := dns.ParseDomain(a.Host); err == nil && !seen[d] {
			seen[d] = true
			l = append(l, d)
		}
	}
	return l
}
