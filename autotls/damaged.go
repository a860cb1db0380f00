package autotls

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mox/internal/atomicfile"
)

// damagedMark is in the names of files that were moved aside, before the time of that.
const damagedMark = ".damaged-"

// setAside moves a file that cannot be used out of the way, for who looks into that, and returns its new name. What is
// there is never removed.
func setAside(path string) (aside string, err error) {
	base := path + damagedMark + time.Now().UTC().Format("20060102T150405")
	aside = base
	for n := 2; ; n++ {
		// A rename would replace another file. Nobody else makes files here.
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", err
		}
		aside = fmt.Sprintf("%s-%d", base, n)
	}
	if err := os.Rename(path, aside); err != nil {
		return "", err
	}
	return aside, atomicfile.SyncDir(filepath.Dir(path))
}

// damagedFiles returns the files of a directory that were moved aside, oldest first.
func damagedFiles(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // Who needs the directory says what is wrong with it.
	}
	var l []string
	for _, e := range entries {
		if strings.Contains(e.Name(), damagedMark) {
			l = append(l, filepath.Join(dir, e.Name()))
		}
	}
	return l
}

// stillThere returns the files that nobody has taken away.
func stillThere(files []string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(path string) bool {
		_, err := os.Lstat(path)
		return errors.Is(err, fs.ErrNotExist)
	})
}
