package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/mjl-/bstore"
)

// Keys of threads are hashes: in a large account each has a page of the database of its own, which a delivery
// would have to write. So late ones stand together, with those of their transaction in one row, and are known in
// memory. Once there are youngThreadsLimit they move to their places all at once, which writes each page once for
// many of them.

// youngThreadsRow has the keys of threads that one transaction has added.
type youngThreadsRow struct {
	Commit int64  `bstore:"noauto,typename YoungThreads"` // accountRow.Commit of the transaction.
	Data   []byte // Pairs of a key and its thread, see appendYoungThreads.
}

// youngThreadsLimit is how many keys are young at most. Moving them takes some tens of milliseconds, and so does
// reading them when the account is opened.
const youngThreadsLimit = 4096

// youngThreads are keys of threads that are not in their places yet.
type youngThreads map[int64]ThreadID

func appendYoungThreads(dst []byte, young youngThreads) []byte {
	for _, key := range slices.Sorted(maps.Keys(young)) {
		dst = binary.BigEndian.AppendUint64(dst, uint64(key))
		dst = binary.BigEndian.AppendUint64(dst, uint64(young[key]))
	}
	return dst
}

// loadYoungThreads reads all young keys.
func loadYoungThreads(tx *bstore.Tx) (youngThreads, error) {
	young := youngThreads{}
	err := bstore.QueryTx[youngThreadsRow](tx).ForEach(func(r youngThreadsRow) error {
		if len(r.Data)%16 != 0 {
			return fmt.Errorf("%w: keys of threads of commit %d have %d bytes", ErrDamaged, r.Commit, len(r.Data))
		}
		for b := r.Data; len(b) > 0; b = b[16:] {
			young[int64(binary.BigEndian.Uint64(b))] = ThreadID(binary.BigEndian.Uint64(b[8:]))
		}
		return nil
	})
	return young, err
}

// threadOf returns the thread that a key leads to, zero for none.
func (t *txn) threadOf(key int64) (ThreadID, error) {
	if thread, ok := t.young[key]; ok {
		return thread, nil
	}
	if thread, ok := t.account.young[key]; ok {
		return thread, nil
	}
	row := threadKeyRow{Key: key}
	if err := t.get(&row); err != nil && err != bstore.ErrAbsent {
		return 0, err
	}
	return row.Thread, nil
}

// addThreadKey makes a key lead to a thread, which it has to none.
func (t *txn) addThreadKey(key int64, thread ThreadID) {
	t.writes++
	if t.young == nil {
		t.young = youngThreads{}
	}
	t.young[key] = thread
}

// writeYoungThreads writes the young keys of the transaction, or if there are many, moves all young ones to their
// places.
func (t *txn) writeYoungThreads() error {
	if len(t.young) == 0 {
		return nil
	}
	if len(t.account.young)+len(t.young) < youngThreadsLimit {
		return t.insert(&youngThreadsRow{Commit: t.row.Commit, Data: appendYoungThreads(nil, t.young)})
	}
	rows := make([]threadKeyRow, 0, len(t.account.young)+len(t.young))
	for _, young := range []youngThreads{t.account.young, t.young} {
		for key, thread := range young {
			rows = append(rows, threadKeyRow{key, thread})
		}
	}
	slices.SortFunc(rows, func(a, b threadKeyRow) int { return cmp.Compare(a.Key, b.Key) })
	for i := range rows {
		if err := t.insert(&rows[i]); err != nil {
			return err
		}
	}
	_, err := bstore.QueryTx[youngThreadsRow](t.tx).Delete()
	t.settled = true
	return err
}

// publishYoungThreads takes over what a transaction has done with young keys.
func (a *account) publishYoungThreads(t *txn) {
	if t.settled {
		a.young = youngThreads{}
		return
	}
	maps.Copy(a.young, t.young)
}
