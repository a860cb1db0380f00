package dbfile

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/mjl-/bstore"
)

// UpgradeStep brings a database from Version-1 to Version.
type UpgradeStep struct {
	Version int

	// Run does some of the work in a transaction, and reports whether it is done. It is called again until
	// it is, also after a crash in between, and must find out from the rows how far it came.
	Run func(tx *bstore.Tx) (done bool, err error)
}

// Upgrade brings the database, whose types are registered, from a version to the current one by the steps that lead
// there. The owner of the database keeps its version: setVersion writes it in the transaction in which a step is done.
// An upgrade that was broken off goes on where it was when it is begun again.
func (db *DB) Upgrade(ctx context.Context, log *slog.Logger, from, current int, steps []UpgradeStep, setVersion func(tx *bstore.Tx, version int) error) error {
	version := from
	for _, step := range steps {
		if step.Version <= version {
			continue
		}
		log.Info("upgrading database", "to", step.Version)
		for done := false; !done; {
			err := db.Write(ctx, func(tx *bstore.Tx) error {
				var err error
				if done, err = step.Run(tx); err != nil || !done {
					return err
				}
				return setVersion(tx, step.Version)
			})
			if err != nil {
				return fmt.Errorf("upgrading database to version %d: %w", step.Version, err)
			}
		}
		version = step.Version
	}
	if version != current {
		return fmt.Errorf("there is no way from version %d of the database to version %d", version, current)
	}
	return nil
}
