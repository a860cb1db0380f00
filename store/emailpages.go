package store

import "context"

// emailPages reads emails page by page, the next page while the caller looks at the last. It is made by
// newEmailPages and must be closed.
type emailPages struct {
	ctx     context.Context
	cancel  context.CancelFunc // Ends reading ahead; nil before that begins.
	account *account
	rest    []EmailID // Not asked for yet.
	begun   bool

	rows    *[2][]emailRow // Buffers: the page of the caller, and the one that is read.
	reading bool
	ahead   chan error
}

// newEmailPages begins to read emails. The buffers may be used again after close, and ids must not change before.
func newEmailPages(ctx context.Context, a *account, ids []EmailID, buffers *[2][]emailRow) *emailPages {
	return &emailPages{ctx: ctx, account: a, rest: ids, rows: buffers}
}

// next returns the rows of the next page, with empty ones for emails that are gone; none at the end. They are valid until
// it is called again.
func (p *emailPages) next() ([]emailRow, error) {
	var err error
	switch {
	case p.reading:
		err = <-p.ahead
		p.reading = false
	case len(p.rest) > 0:
		err = p.read()
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p.rows[0], p.rows[1] = p.rows[1], p.rows[0]
	if len(p.rest) > 0 {
		if p.cancel == nil {
			p.ctx, p.cancel = context.WithCancel(p.ctx)
			p.ahead = make(chan error, 1)
		}
		p.reading = true
		go func() { p.ahead <- p.read() }()
	}
	return p.rows[0], nil
}

// read reads a page.
func (p *emailPages) read() error {
	rows, err := p.account.readEmails(p.ctx, p.rest, p.rows[1][:0], !p.begun)
	p.begun = true
	p.rows[1], p.rest = rows, p.rest[len(rows):]
	return err
}

func (p *emailPages) close() {
	if p.cancel != nil {
		p.cancel()
	}
	if p.reading {
		<-p.ahead
		p.reading = false
	}
}
