package checktest

import (
	"context"
	"io"
	"sync"

	"mox/pipeline"
)

// Scripted is a Check that does what its functions say; those that are nil have no opinion.
// It is safe for concurrent use once its fields are set.
type Scripted struct {
	CheckName string // Default "scripted".

	OnStart      func(conn pipeline.Conn) error
	OnConnection func(ctx context.Context) (pipeline.Result, error)
	OnSender     func(ctx context.Context, env pipeline.Envelope) (pipeline.Result, error)
	OnRecipient  func(ctx context.Context, to pipeline.Recipient) (pipeline.Result, error)
	OnMessage    func(ctx context.Context, m pipeline.Message) (pipeline.Result, error)
	OnClose      func()
	OnStream     func() io.Writer

	mu    sync.Mutex // Guards what follows.
	open  int
	calls []string
}

var _ pipeline.Check = (*Scripted)(nil)

// Open returns how many states have been started and not closed. It is zero when the check
// was used well.
func (c *Scripted) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// Calls returns the stages that were called, in order, as "start", "sender", "close" and so
// on.
func (c *Scripted) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.calls...)
}

func (c *Scripted) called(stage string, open int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, stage)
	c.open += open
}

// Name implements pipeline.Check.
func (c *Scripted) Name() string {
	if c.CheckName == "" {
		return "scripted"
	}
	return c.CheckName
}

// Start implements pipeline.Check.
func (c *Scripted) Start(_ context.Context, conn pipeline.Conn) (pipeline.CheckState, error) {
	if c.OnStart != nil {
		if err := c.OnStart(conn); err != nil {
			return nil, err
		}
	}
	c.called("start", 1)
	if c.OnStream != nil {
		return streaming{&scripted{c}}, nil
	}
	return &scripted{c}, nil
}

type scripted struct{ c *Scripted }

func (s *scripted) Connection(ctx context.Context) (pipeline.Result, error) {
	s.c.called("connection", 0)
	if s.c.OnConnection == nil {
		return pipeline.Result{}, nil
	}
	return s.c.OnConnection(ctx)
}

func (s *scripted) Sender(ctx context.Context, env pipeline.Envelope) (pipeline.Result, error) {
	s.c.called("sender", 0)
	if s.c.OnSender == nil {
		return pipeline.Result{}, nil
	}
	return s.c.OnSender(ctx, env)
}

func (s *scripted) Recipient(ctx context.Context, to pipeline.Recipient) (pipeline.Result, error) {
	s.c.called("recipient", 0)
	if s.c.OnRecipient == nil {
		return pipeline.Result{}, nil
	}
	return s.c.OnRecipient(ctx, to)
}

func (s *scripted) Message(ctx context.Context, m pipeline.Message) (pipeline.Result, error) {
	s.c.called("message", 0)
	if s.c.OnMessage == nil {
		return pipeline.Result{}, nil
	}
	return s.c.OnMessage(ctx, m)
}

func (s *scripted) Close() {
	s.c.called("close", -1)
	if s.c.OnClose != nil {
		s.c.OnClose()
	}
}

// streaming is a scripted state that wants the bytes.
type streaming struct{ *scripted }

var _ pipeline.Streamer = streaming{}

func (s streaming) Stream() io.Writer { return s.c.OnStream() }
