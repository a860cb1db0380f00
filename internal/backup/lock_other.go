//go:build !unix

package backup

import "os"

func flock(*os.File) error { return nil }

// Directories cannot be synced.
func syncDir(string) error { return nil }
