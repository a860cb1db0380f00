package store

import (
	"github.com/mjl-/bstore"

	"mox/store/dbfile"
)

// toVersion2 is the step to web sessions and login attempts. Their rows are new, so there is nothing to convert; but a
// mox that does not know them would leave sessions open when it changes a password.
var toVersion2 = dbfile.UpgradeStep{Version: 2, Run: func(*bstore.Tx) (bool, error) { return true, nil }}
