//go:build unix && !linux && !freebsd

package safefile

// linksProtected tells whether users can make hard links only to files of their own, which is not known here.
func linksProtected() bool { return false }
