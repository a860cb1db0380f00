//go:build unix

package backup

import "os"

// syncDir makes durable which names a directory has.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
