package queue

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"mox/dns"
	"mox/message"
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

// signed returns the recipients of a message with signatures in front of their prefixes. A prefix is part of the
// message, so each distinct one is signed for itself; as a rule all recipients have the same.
func (d *delivery) signed(ctx context.Context) ([]queuedb.Recipient, error) {
	from := authorDomains(d.body.Root().Envelope)
	rcpts := slices.Clone(d.rcpts)
	for i, r := range d.rcpts {
		same := func(o queuedb.Recipient) bool { return bytes.Equal(o.Prefix, r.Prefix) }
		if before := slices.IndexFunc(d.rcpts[:i], same); before >= 0 {
			rcpts[i].Prefix = rcpts[before].Prefix
			continue
		}
		fields, err := d.q.signature(ctx, from, r.Prefix, d.body, d.body.Size())
		if err != nil {
			return nil, err
		}
		if len(fields) > 0 {
			rcpts[i].Prefix = slices.Concat(fields, r.Prefix)
		}
	}
	return rcpts, nil
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
