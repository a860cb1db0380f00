package store

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/mjl-/bstore"

	"mox/store/dbfile"
)

// upgradeSteps are the steps to schemaVersion, each in a file of its own, upgrade_<version>.go.
var upgradeSteps = []dbfile.UpgradeStep{toVersion2, toVersion3}

// checkVersion returns ErrNewerVersion if a newer mox has written the database.
func checkVersion(ctx context.Context, db *dbfile.DB, current int32) error {
	row := versionRow{ID: 1}
	if err := db.Get(ctx, &row); err != nil {
		return fmt.Errorf("reading version of database: %w", err)
	}
	if row.Version > current {
		return fmt.Errorf("%w: database has version %d, this mox knows up to %d; run the newer mox, or restore a backup from before the upgrade", ErrNewerVersion, row.Version, current)
	}
	return nil
}

// upgrade brings a database to the current version by steps.
func upgrade(ctx context.Context, db *dbfile.DB, log *slog.Logger, current int32, steps []dbfile.UpgradeStep) error {
	row := versionRow{ID: 1}
	if err := db.Get(ctx, &row); err != nil {
		return fmt.Errorf("reading version of database: %w", err)
	}
	return db.Upgrade(ctx, log, int(row.Version), int(current), steps, func(tx *bstore.Tx, version int) error {
		return tx.Update(&versionRow{1, int32(version)})
	})
}
