//go:build !unix

package store

import "os"

// flock does nothing where there is no such lock: each database has its own.
func flock(*os.File) error { return nil }
