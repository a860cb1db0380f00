package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"mox/config"
	"mox/dkim"
	"mox/dns"
	"mox/queue"
	"mox/smtp"
)

// signPiece is how much of a message is read at a time, in bytes.
const signPiece = 64 << 10

// signer signs outgoing mail by DKIM, as the configuration of the moment says.
type signer struct {
	dkim func(from dns.Domain) *config.DKIM
	log  *slog.Logger
}

var _ queue.Signer = signer{}

// newSigner is for queue.Options.
func newSigner(live *config.Live, log *slog.Logger) signer {
	return signer{func(from dns.Domain) *config.DKIM { return live.Current().DKIM(from) }, log}
}

// Sign implements queue.Signer. A message of several authors is signed for each of their domains. One whose header is
// malformed is refused for good with an *smtp.Error: others may read it in another way than we.
func (s signer) Sign(ctx context.Context, from []dns.Domain, header []byte, body io.ReaderAt, size int64) ([]byte, error) {
	var use []*config.DKIM
	var signings []*dkim.Signing
	for _, d := range from {
		if k := s.dkim(d); k != nil && !slices.Contains(use, k) {
			use = append(use, k)
			signings = append(signings, k.Signer.NewMessage())
		}
	}
	if len(use) == 0 {
		return nil, nil
	}
	write := func(p []byte) {
		for _, m := range signings {
			m.Write(p) // Never fails.
		}
	}
	write(header)
	if err := readPieces(ctx, body, size, write); err != nil {
		return nil, err
	}
	var fields []byte
	for i, m := range signings {
		l, err := m.Fields()
		if errors.Is(err, dkim.ErrHeader) || errors.Is(err, dkim.ErrHeaderTooLarge) {
			return nil, smtp.NewError(smtp.C550MailboxUnavailable, smtp.E560ContentOther, "message header is malformed, and cannot be signed", err)
		} else if err != nil {
			return nil, fmt.Errorf("for %s: %w", use[i].Domain, err)
		}
		s.log.DebugContext(ctx, "message signed", "domain", use[i].Domain.LogString(), "selectors", use[i].SelectorNames(), "size", size)
		fields = append(fields, l...)
	}
	return fields, nil
}

// readPieces reads all of r, until the context ends.
func readPieces(ctx context.Context, r io.ReaderAt, size int64, write func(p []byte)) error {
	buf := make([]byte, min(size, signPiece))
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := buf[:min(int64(len(buf)), size-off)]
		n, err := r.ReadAt(p, off)
		if n < len(p) {
			return fmt.Errorf("reading message: %w", err)
		}
		write(p)
		off += int64(n)
	}
	return nil
}
