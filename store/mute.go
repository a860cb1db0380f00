package store

import (
	"context"
	"slices"

	"mox/imap"
)

// SetMuted mutes threads, or ends that. What is delivered to a muted thread has \Seen, see Deliver; what is added to it
// otherwise is as it is told, and messages that are there do not change.
func (a *Account) SetMuted(ctx context.Context, actor Actor, threads []ThreadID, muted bool) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	threads = slices.Clone(threads)
	slices.Sort(threads)
	threads = slices.Compact(threads)
	threads = slices.DeleteFunc(threads, func(t ThreadID) bool { return t <= 0 }) // No email has these.
	if len(threads) == 0 {
		return nil
	}
	return acc.write(ctx, "set_muted", func(tx *txn) error { return tx.setMuted(threads, muted) })
}

// Muted reports whether a thread is muted. It is known in memory.
func (a *Account) Muted(thread ThreadID) bool {
	a.acc.mu.RLock()
	defer a.acc.mu.RUnlock()
	_, ok := a.acc.muted[thread]
	return ok
}

// muted reports whether a thread is muted.
func (t *txn) muted(thread ThreadID) bool {
	if on, ok := t.mutes[thread]; ok {
		return on
	}
	t.account.mu.RLock()
	defer t.account.mu.RUnlock()
	_, on := t.account.muted[thread]
	return on
}

func (t *txn) setMuted(threads []ThreadID, muted bool) error {
	var changed []ThreadID
	for _, thread := range threads {
		if t.muted(thread) == muted {
			continue
		}
		row := mutedThreadRow{Thread: thread}
		var err error
		if muted {
			err = t.insert(&row)
		} else {
			err = t.delete(&row)
		}
		if err != nil {
			return err
		}
		t.mutes[thread] = muted
		changed = append(changed, thread)
	}
	if len(changed) > 0 {
		t.log(Change{Kind: ChangeMute, Threads: changed})
		t.modSeq()
	}
	return nil
}

// flagsOf returns the flags with which a delivered message of a thread begins.
func (t *txn) flagsOf(e *newEmail, thread ThreadID) imap.Flags {
	if e.delivered && t.muted(thread) {
		return e.flags | imap.FlagSeen
	}
	return e.flags
}
