package targettest

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"mox/pipeline"
	"mox/smtp"
)

// Memory is a Target that keeps messages in memory and fails on demand. The zero Memory is
// ready to use. It is safe for concurrent use once its fields are set.
type Memory struct {
	// Errors to return, nil for none. Those with a path are asked per recipient.
	BeginErr     func(env pipeline.Envelope) error
	RecipientErr func(p smtp.Path) error
	BodyErr      func() error
	CommitErr    func(p smtp.Path) error

	// Block, if not nil, is received from before Commit makes anything visible.
	Block chan struct{}

	mu   sync.Mutex // Guards what follows.
	msgs []Message
	seen map[[2]string]bool // By envelope id and recipient.
	open int
}

// Message is a message for one recipient that was committed.
type Message struct {
	Envelope  pipeline.Envelope
	Recipient pipeline.Recipient
	Content   string // With prefix.
}

var _ pipeline.Target = (*Memory)(nil)

// Messages returns what was committed, oldest first.
func (m *Memory) Messages() []Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.msgs)
}

// Open returns how many deliveries have begun and not ended by Commit or Abort. It is zero
// when the target was used well.
func (m *Memory) Open() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open
}

// Begin implements pipeline.Target.
func (m *Memory) Begin(ctx context.Context, env pipeline.Envelope) (pipeline.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if m.BeginErr != nil {
		if err := m.BeginErr(env); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open++
	return &delivery{m: m, env: env}, nil
}

// stage is how far a delivery has come.
type stage uint8

const (
	begun stage = iota
	hasRecipient
	hasBody
	ended
)

type delivery struct {
	m          *Memory
	env        pipeline.Envelope
	stage      stage
	recipients []pipeline.Recipient
	content    string
}

var errOrder = errors.New("calls of a delivery are out of order")

func (d *delivery) Recipient(ctx context.Context, r pipeline.Recipient) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d.stage > hasRecipient {
		return errOrder
	}
	if d.m.RecipientErr != nil {
		if err := d.m.RecipientErr(r.Path); err != nil {
			return err
		}
	}
	d.stage = hasRecipient
	d.recipients = append(d.recipients, r)
	return nil
}

func (d *delivery) Body(ctx context.Context, b pipeline.Body) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d.stage != hasRecipient || b.Root() == nil {
		return errOrder
	}
	if d.m.BodyErr != nil {
		if err := d.m.BodyErr(); err != nil {
			return err
		}
	}
	content, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		return err
	}
	d.stage = hasBody
	d.content = string(content)
	return nil
}

func (d *delivery) Commit(ctx context.Context) []error {
	results := make([]error, len(d.recipients))
	err := ctx.Err()
	if d.stage != hasBody {
		err = errOrder
	}
	if d.m.Block != nil {
		<-d.m.Block
	}
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.end()
	for i, r := range d.recipients {
		results[i] = err
		if err == nil && d.m.CommitErr != nil {
			results[i] = d.m.CommitErr(r.Path)
		}
		key := [2]string{d.env.ID, r.Path.String()}
		if results[i] != nil || d.m.seen[key] {
			continue
		}
		if d.m.seen == nil {
			d.m.seen = map[[2]string]bool{}
		}
		d.m.seen[key] = true
		d.m.msgs = append(d.m.msgs, Message{d.env, r, string(r.Prefix) + d.content})
	}
	return results
}

func (d *delivery) Abort() {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.end()
}

// end ends the delivery. The mutex is held.
func (d *delivery) end() {
	if d.stage != ended {
		d.stage = ended
		d.m.open--
	}
}
