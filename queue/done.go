package queue

import (
	"context"
	"sync"

	"mox/queuedb"
)

// toldBatch is how many messages may be told of before that is noted. After a crash they are told
// again.
const toldBatch = 100

// told are messages that Options.Done took note of, which is not written down yet.
type told struct {
	mu  sync.Mutex // Guards ids.
	ids []queuedb.MessageID
}

// tellDone tells of messages that are done.
func (q *Queue) tellDone(l []queuedb.Message) {
	var ids []queuedb.MessageID
	for _, m := range l {
		if err := q.opts.Done(m); err != nil {
			q.opts.Log.Error("telling of finished message; trying again later", "message", m.ID, "envelope", m.EnvelopeID, "err", err)
			continue
		}
		ids = append(ids, m.ID)
	}
	q.told.mu.Lock()
	q.told.ids = append(q.told.ids, ids...)
	full := len(q.told.ids) >= toldBatch
	q.told.mu.Unlock()
	if full {
		q.noteTold(context.WithoutCancel(q.runCtx))
	}
}

// noteTold writes down which messages need not be told of again.
func (q *Queue) noteTold(ctx context.Context) {
	q.told.mu.Lock()
	ids := q.told.ids
	q.told.ids = nil
	q.told.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	if err := q.db.Told(ctx, ids); err != nil {
		q.opts.Log.Error("noting which finished messages were told of; some will be again", "err", err)
	}
}

// tellAgain tells of messages for which that failed or a crash came first.
func (q *Queue) tellAgain(ctx context.Context) {
	q.noteTold(ctx)
	const page = 100
	var after queuedb.MessageID
	for ctx.Err() == nil {
		l, err := q.db.Untold(ctx, after, page)
		if err != nil {
			if ctx.Err() == nil {
				q.opts.Log.Error("reading finished messages", "err", err)
			}
			return
		}
		if len(l) == 0 {
			return
		}
		q.tellDone(l)
		after = l[len(l)-1].ID
	}
}
