package queuedb

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/mjl-/bstore"

	"mox/store/dbfile"
)

// upgradeStep brings the database from version-1 to version.
type upgradeStep struct {
	version int

	// run does some of the work in a transaction, and reports whether it is done. It is called again until
	// it is, also after a crash in between, and must find out from the rows how far it came.
	run func(tx *bstore.Tx) (done bool, err error)
}

// upgradeSteps are the steps to schemaVersion, each in a file of its own, upgrade_<version>.go.
var upgradeSteps = []upgradeStep{toVersion2}

// checkVersion returns ErrNewerVersion if a newer mox has written the database. One without a version, which has
// nothing else either, gets the current one.
func checkVersion(ctx context.Context, db *dbfile.DB, current int) error {
	row := versionRow{ID: 1}
	err := db.Get(ctx, &row)
	switch {
	case err == bstore.ErrAbsent:
		if err = db.Insert(ctx, &versionRow{ID: 1, Version: current}); err != nil {
			return fmt.Errorf("writing version of database: %w", err)
		}
	case err != nil:
		return fmt.Errorf("reading version of database: %w", err)
	case row.Version > current:
		return fmt.Errorf("%w: database has version %d, this mox knows up to %d; run the newer mox, or restore a backup from before the upgrade", ErrNewerVersion, row.Version, current)
	}
	return nil
}

// upgrade brings a database, which has a version and its types, to the current version by steps.
func upgrade(ctx context.Context, db *dbfile.DB, log *slog.Logger, current int, steps []upgradeStep) error {
	row := versionRow{ID: 1}
	if err := db.Get(ctx, &row); err != nil {
		return fmt.Errorf("reading version of database: %w", err)
	}
	for _, step := range steps {
		if step.version <= row.Version {
			continue
		}
		log.Info("upgrading queue database", "to", step.version)
		for done := false; !done; {
			err := db.Write(ctx, func(tx *bstore.Tx) error {
				var err error
				if done, err = step.run(tx); err != nil || !done {
					return err
				}
				row.Version = step.version
				return tx.Update(&row)
			})
			if err != nil {
				return fmt.Errorf("upgrading database to version %d: %w", step.version, err)
			}
		}
	}
	if row.Version != current {
		return fmt.Errorf("there is no way from version %d of the database to version %d", row.Version, current)
	}
	return nil
}
