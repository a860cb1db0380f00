package queue

import (
	"context"
	"net"

	"mox/smtpclient"
)

// transaction sends a job over a connection.
type transaction struct {
	smtpclient.Options
	remote     string // For outcomes.
	requireTLS bool   // Send REQUIRETLS, or nothing (RFC 8689 §4.2.1).

	// seen, if not nil, is told of the client, or of the error of making one.
	seen func(c *smtpclient.Client, err error)
}

// run sends the job over a new connection, which it closes.
func (t *transaction) run(ctx context.Context, conn net.Conn, j Job) []Outcome {
	c, err := smtpclient.New(ctx, conn, t.Options)
	if t.seen != nil {
		t.seen(c, err)
	}
	if err != nil {
		return same(j, Outcome{Err: err, Remote: t.remote})
	}
	defer c.Close()
	m := &j.Message
	env := smtpclient.Envelope{
		From: m.MailFrom, EightBit: m.EightBit, Binary: m.Binary, SMTPUTF8: m.SMTPUTF8, ENVID: m.ENVID, Ret: m.Ret,
		Size: j.Size + int64(len(j.Recipients[0].Prefix)), RequireTLS: t.requireTLS,
	}
	for _, r := range j.Recipients {
		env.Recipients = append(env.Recipients, smtpclient.Recipient{To: r.Path, Notify: r.Notify, Original: r.OriginalRecipient})
	}
	results, err := c.Deliver(ctx, env, j.Reader())
	if len(results) != len(j.Recipients) {
		return same(j, Outcome{Err: err, Remote: t.remote})
	}
	l := make([]Outcome, len(results))
	for i, r := range results {
		l[i] = Outcome{Err: r.Err, Remote: t.remote, NoDSN: !c.DSN()}
	}
	return l
}
