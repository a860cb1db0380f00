package queuedb

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/mjl-/bstore"

	"mox/store/dbfile"
)

// upgradeSteps are the steps to schemaVersion, each in a file of its own, upgrade_<version>.go.
var upgradeSteps = []dbfile.UpgradeStep{toVersion2}

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
func upgrade(ctx context.Context, db *dbfile.DB, log *slog.Logger, current int, steps []dbfile.UpgradeStep) error {
	row := versionRow{ID: 1}
	if err := db.Get(ctx, &row); err != nil {
		return fmt.Errorf("reading version of database: %w", err)
	}
	return db.Upgrade(ctx, log, row.Version, current, steps, func(tx *bstore.Tx, version int) error {
		return tx.Update(&versionRow{ID: 1, Version: version})
	})
}
