package queuedb

import (
	"github.com/mjl-/bstore"

	"mox/store/dbfile"
)

// toVersion2 is the step to messages with SendAt and RequireTLS. Those of before have neither, so there is nothing to
// convert; but a mox that does not know them would send messages too early, and without the security asked for.
var toVersion2 = dbfile.UpgradeStep{Version: 2, Run: func(*bstore.Tx) (bool, error) { return true, nil }}
