//go:build !unix

package static_test

import "testing"

// makeSpecial: there is nothing here that only looks like a file.
func makeSpecial(*testing.T, string) {}
