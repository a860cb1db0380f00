package store

import (
	"github.com/mjl-/bstore"

	"mox/store/dbfile"
)

// toVersion3 is the step to submissions that are sent later, to finding a submission by its copy, to settings and muted
// threads, and to correspondents. Most rows are new, and no mox before has kept a copy; but one that does not know them
// would leave the copy of what it sends where it is. Recipients become correspondents of one message, sent when they
// were first sent to.
var toVersion3 = dbfile.UpgradeStep{Version: 3, Run: func(tx *bstore.Tx) (bool, error) {
	var todo []recipientRow
	err := bstore.QueryTx[recipientRow](tx).FilterEqual("Count", int64(0)).Limit(upgradeChunk).ForEach(func(r recipientRow) error {
		todo = append(todo, r)
		return nil
	})
	for i := range todo {
		if err == nil {
			todo[i].used(todo[i].First)
			err = tx.Update(&todo[i])
		}
	}
	return len(todo) < upgradeChunk, err
}}

// upgradeChunk is how many rows are converted in one transaction.
const upgradeChunk = 1000
