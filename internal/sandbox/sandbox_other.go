//go:build !linux

package sandbox

// Restrict does nothing on this system.
func Restrict(View) error { return nil }

// Supported tells whether Restrict has an effect.
func Supported() bool { return false }
