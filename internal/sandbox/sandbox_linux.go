package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	"github.com/landlock-lsm/go-landlock/landlock/syscall"
)

const (
	readFile  = syscall.AccessFSReadFile
	readDir   = readFile | syscall.AccessFSReadDir
	writeFile = readFile | syscall.AccessFSWriteFile | syscall.AccessFSTruncate
	writeDir  = readDir | writeFile | syscall.AccessFSMakeDir | syscall.AccessFSMakeReg | syscall.AccessFSMakeSock |
		syscall.AccessFSRemoveDir | syscall.AccessFSRemoveFile | syscall.AccessFSRefer
)

// devices are files that any program may want.
var devices = [...]string{"/dev/null", "/dev/urandom", "/dev/random", "/dev/zero"}

// Restrict restricts this process, and all that it starts, to a view, and forbids it to gain privileges. No program can be
// executed any more. On kernels without Landlock nothing happens; Supported tells.
func Restrict(v View) error {
	var rules []landlock.Rule
	add := func(paths []string, dir, file landlock.AccessFSSet) error {
		for _, p := range paths {
			fi, err := os.Stat(p)
			switch {
			case errors.Is(err, fs.ErrNotExist):
			case err != nil:
				return err
			case fi.IsDir():
				rules = append(rules, landlock.PathAccess(dir, p))
			default:
				rules = append(rules, landlock.PathAccess(file, p))
			}
		}
		return nil
	}
	err := errors.Join(add(v.Read, readDir, readFile), add(v.Write, writeDir, writeFile), add(devices[:], 0, readFile|syscall.AccessFSWriteFile))
	if err == nil {
		err = landlock.V7.BestEffort().RestrictPaths(rules...)
	}
	if err != nil {
		return fmt.Errorf("restricting what can be reached of the file system: %w", err)
	}
	return nil
}

// Supported tells whether Restrict has an effect.
func Supported() bool {
	version, err := syscall.LandlockGetABIVersion()
	return err == nil && version > 0
}
