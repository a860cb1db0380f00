package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"mox/internal/vfs"
)

const accountFileBase = "account.json"

// accountFile is the content of account.json, by which accounts are found without opening their
// databases.
type accountFile struct {
	Version int
	ID      AccountID
	Name    string
}

const accountFileVersion = 1

// accountJSON is the form of accountFile on disk.
type accountJSON struct {
	Version int    `json:"version"`
	ID      string `json:"id"` // As in the directory's name.
	Name    string `json:"name"`
}

func readAccountFile(fsys vfs.FS, dir string) (accountFile, error) {
	b, err := readFile(fsys, filepath.Join(dir, accountFileBase))
	if err != nil {
		return accountFile{}, err
	}
	var j accountJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return accountFile{}, err
	}
	if j.Version > accountFileVersion {
		return accountFile{}, fmt.Errorf("%w: %s has version %d, this mox knows up to %d", ErrNewerVersion, dir, j.Version, accountFileVersion)
	}
	id, err := strconv.ParseInt(j.ID, 16, 64)
	if err != nil || id <= 0 || j.Name == "" {
		return accountFile{}, errors.New("id or name is missing")
	}
	return accountFile{Version: j.Version, ID: AccountID(id), Name: j.Name}, nil
}

// writeAccountFile replaces account.json, so that the old or the new one is there after a crash.
func writeAccountFile(fsys vfs.FS, dir string, info accountFile) error {
	b, err := json.MarshalIndent(accountJSON{accountFileVersion, dirName(info.ID), info.Name}, "", "\t")
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, "account.json.tmp")
	if err := writeFileSync(fsys, tmp, append(b, '\n')); err != nil {
		return err
	}
	if err := fsys.Rename(tmp, filepath.Join(dir, accountFileBase)); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}

// removeAll removes a file, or a directory with all that is in it.
func removeAll(fsys vfs.FS, name string) error {
	fi, err := fsys.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if fi.IsDir() {
		entries, err := fsys.ReadDir(name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := removeAll(fsys, filepath.Join(name, e.Name())); err != nil {
				return err
			}
		}
	}
	return fsys.Remove(name)
}

// maxAccountFile bounds the size of account.json.
const maxAccountFile = 1 << 20

func readFile(fsys vfs.FS, name string) (b []byte, rerr error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { rerr = errors.Join(rerr, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > maxAccountFile {
		return nil, errors.New("file is too large")
	}
	b = make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return nil, err
	}
	return b, nil
}

func writeFileSync(fsys vfs.FS, name string, b []byte) (rerr error) {
	f, err := fsys.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, f.Close()) }()
	if _, err := f.WriteAt(b, 0); err != nil {
		return err
	}
	return f.Sync()
}
