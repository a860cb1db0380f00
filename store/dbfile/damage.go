package dbfile

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/mjl-/bstore"
	bolterrors "go.etcd.io/bbolt/errors"
)

// ErrDamaged says that the content of a database file is not what was written to it. The text has the
// name of the file.
var ErrDamaged = errors.New("database is damaged")

// errStuck is the cause when nothing more can be done with an open database.
var errStuck = errors.New("an earlier error has left it unusable until the program is restarted")

// damaged returns the error for the database of a name.
func damaged(name string, cause error) error {
	return fmt.Errorf("%w: %s: %w", ErrDamaged, name, cause)
}

// isDamage reports whether an error of bstore or bbolt speaks of damage.
func isDamage(err error) bool {
	for _, e := range []error{bolterrors.ErrInvalid, bolterrors.ErrChecksum, bolterrors.ErrVersionMismatch, bolterrors.ErrInvalidMapping, bstore.ErrStore} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// guard calls fn, which uses the database, and turns what damage makes it do into an error. Fn sets began
// once its transaction has begun: bbolt gives back its locks when it fails later, but not before. What is no
// damage goes on panicking, as it is a bug.
func (db *DB) guard(fn func(began *bool) error) (rerr error) {
	if db.stuck.Load() {
		return damaged(db.path, errStuck)
	}
	began := false
	defer func() {
		x := recover()
		if x == nil {
			return
		}
		// It gives them back by rolling back a write, for which it reads these pages.
		if !began || checkHead(db.path) != nil {
			db.stuck.Store(true)
		}
		rerr = panicked(db.path, x)
	}()
	// Memory that has no file behind it, as when the file was cut short.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	err := fn(&began)
	if errors.Is(err, bstore.ErrStore) && !errors.Is(err, ErrDamaged) {
		return damaged(db.path, err)
	}
	return err
}

// guardFile is guard for a function that opens a database itself.
func guardFile(path string, fn func() error) (rerr error) {
	defer func() {
		if x := recover(); x != nil {
			rerr = panicked(path, x)
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	err := fn()
	if isDamage(err) && !errors.Is(err, ErrDamaged) {
		return damaged(path, err)
	}
	return err
}

// panicked returns the error for a panic of value x, recovered by the caller. It panics again if that
// is not about damage.
func panicked(path string, x any) error {
	if cause := Panic(x); cause != nil {
		return damaged(path, cause)
	}
	panic(x)
}

// Panic tells whether a panic was caused by damage of a database: it returns the cause then, else nil. It is
// for a deferred function, which has recovered x, of code that does not panic on through Read or Write.
func Panic(x any) error {
	if _, ok := x.(interface{ Addr() uintptr }); ok || inEngine() {
		return fmt.Errorf("reading it failed: %v", x)
	}
	return nil
}

// inEngine reports whether the panic that is being recovered from began in the code of bbolt or bstore.
func inEngine() bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	for panicking := false; ; {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panicking = true
		case panicking && !strings.HasPrefix(f.Function, "runtime."):
			return strings.HasPrefix(f.Function, "go.etcd.io/bbolt") || strings.HasPrefix(f.Function, "github.com/mjl-/bstore")
		}
		if !more {
			return false
		}
	}
}
