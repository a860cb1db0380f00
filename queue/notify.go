package queue

import (
	"context"
	"errors"

	"mox/queuedb"
)

// notice is a recipient about which the sender is told.
type notice struct {
	rcpt   queuedb.Recipient
	result queuedb.Result
}

func (q *Queue) notifications(ctx context.Context, m queuedb.Message, failed, delayed []notice) ([]queuedb.NewMessage, error) {
	if len(failed)+len(delayed) == 0 {
		return nil, nil
	}
	return nil, errors.New("no notifications")
}

func (q *Queue) failureNotices(ctx context.Context, entries []queuedb.Entry, note string) ([]queuedb.NewMessage, error) {
	return nil, nil
}
