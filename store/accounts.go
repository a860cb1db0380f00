package store

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// slot is the place of an account in the set. Store.mu guards it.
type slot struct {
	info    accountFile
	acc     *account // Nil while closed.
	handles int

	// busy is not nil while somebody opens, closes, renames or removes the account. It is closed at
	// the end, and all must be looked up again then.
	busy chan struct{}

	timer *time.Timer   // Closes the account. Not nil while it is open without handles.
	elem  *list.Element // In Store.idle, likewise.

	making bool // Not made yet by Create.
}

// What directories below Options.Dir are called. Those with a prefix are removed at start.
const (
	newPrefix     = "new-"
	removedPrefix = "removed-"
)

func dirName(id AccountID) string { return fmt.Sprintf("%016x", int64(id)) }

func (s *Store) accountDir(id AccountID) string { return filepath.Join(s.opts.Dir, dirName(id)) }

// findAccounts reads which accounts there are.
func (s *Store) findAccounts() error {
	entries, err := s.opts.FS.ReadDir(s.opts.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		dir := filepath.Join(s.opts.Dir, name)
		if strings.HasPrefix(name, newPrefix) || strings.HasPrefix(name, removedPrefix) {
			if s.opts.ReadOnly {
				continue
			}
			if err := removeAll(s.opts.FS, dir); err != nil {
				return fmt.Errorf("removing leftover: %w", err)
			}
			continue
		}
		id, err := strconv.ParseInt(name, 16, 64)
		if err != nil || id <= 0 || dirName(AccountID(id)) != name || !e.IsDir() {
			continue
		}
		info, err := readAccountFile(s.opts.FS, dir)
		if err == nil && info.ID != AccountID(id) {
			err = fmt.Errorf("it is about account %s", dirName(info.ID))
		}
		if err == nil && s.byName[info.Name] != nil {
			err = fmt.Errorf("another account has the name %q, too", info.Name)
		}
		if errors.Is(err, ErrNewerVersion) {
			return err
		} else if err != nil {
			// The others must be served nevertheless.
			s.opts.Log.Error("account left out: its account.json is missing or damaged, write it anew or restore it from a backup", "dir", dir, "err", err)
			s.leftOut = append(s.leftOut, leftOut{name, err})
			continue
		}
		sl := &slot{info: info}
		s.byName[info.Name], s.byID[info.ID] = sl, sl
	}
	return nil
}

// leftOut is a directory of an account that is not known by name, as its account.json is missing or damaged.
type leftOut struct {
	dir string // Below Options.Dir.
	err error
}

// LeftOut returns a problem for each account that New has left out because it is not known whose it is. In place of its
// name the problem has that of its directory.
func (s *Store) LeftOut() []Problem {
	var l []Problem
	for _, o := range s.leftOut {
		l = append(l, Problem{
			Account: o.dir,
			What:    fmt.Sprintf("it is left out, as its account.json is missing or damaged: %v", o.err),
			Cure:    "write that file anew, as other accounts have it, or restore it from a backup",
		})
	}
	return l
}

func (sl *slot) unbusy() {
	close(sl.busy)
	sl.busy = nil
}

// Open returns a handle to an account, which the caller must Close. Handles to one
// account share its database. Returns ErrNoAccount, ErrNewerVersion.
func (s *Store) Open(ctx context.Context, name string) (*Account, error) {
	a, _, err := s.openHandle(ctx, name)
	return a, err
}

// Visit calls fn with a handle to an account, for work that goes through all of them: one that was closed is closed again at once,
// if nobody else uses it then, so that they are not all open together. Fn must not keep the handle. Returns ErrNoAccount,
// ErrNewerVersion and what fn does.
func (s *Store) Visit(ctx context.Context, name string, fn func(*Account) error) error {
	a, opened, err := s.openHandle(ctx, name)
	if err != nil {
		return err
	}
	defer func() {
		a.closed.Store(true)
		s.release(a.acc, opened)
	}()
	return fn(a)
}

// openHandle is Open, and tells whether the account was closed before.
func (s *Store) openHandle(ctx context.Context, name string) (_ *Account, opened bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		sl, err := s.idleSlot(ctx, name)
		if err != nil {
			return nil, false, err
		}
		if sl.acc != nil {
			s.use(sl)
			acc := sl.acc
			s.evict()
			return &Account{acc: acc}, opened, nil
		}
		if err := s.openSlot(ctx, sl); err != nil {
			return nil, false, err
		}
		opened = true
	}
}

// OpenID is Open for an account by its id.
func (s *Store) OpenID(ctx context.Context, id AccountID) (*Account, error) {
	s.mu.Lock()
	sl := s.byID[id]
	if sl == nil {
		s.mu.Unlock()
		return nil, ErrNoAccount
	}
	name := sl.info.Name
	s.mu.Unlock()
	a, err := s.Open(ctx, name)
	if err == nil && a.ID() != id {
		// It was renamed at this moment, and another one got its name.
		return nil, errors.Join(ErrNoAccount, a.Close())
	}
	return a, err
}

// idleSlot returns the slot of an account when nobody works on it. Mu is held, but not while
// waiting.
func (s *Store) idleSlot(ctx context.Context, name string) (*slot, error) {
	for {
		if s.closed {
			return nil, ErrClosed
		}
		sl := s.byName[name]
		if sl == nil {
			return nil, ErrNoAccount
		}
		if sl.busy == nil {
			return sl, nil
		}
		busy := sl.busy
		s.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// openSlot opens the account of a slot. Mu is held, but not meanwhile. Others wait for the one who opens, so its
// context does not end that.
func (s *Store) openSlot(ctx context.Context, sl *slot) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sl.busy = make(chan struct{})
	info := sl.info
	s.mu.Unlock()
	acc, err := openAccount(context.WithoutCancel(ctx), s, info, s.accountDir(info.ID))
	s.mu.Lock()
	sl.unbusy()
	if err != nil {
		return err
	}
	sl.acc = acc
	acc.slot = sl
	s.open++
	s.metrics.openAccounts.Set(float64(s.open))
	s.rest(sl)
	return nil
}

// use counts a handle. Mu is held.
func (s *Store) use(sl *slot) {
	sl.handles++
	if sl.elem != nil {
		s.idle.Remove(sl.elem)
		sl.timer.Stop()
		sl.elem, sl.timer = nil, nil
	}
}

// rest prepares a slot without handles for being closed. Mu is held.
func (s *Store) rest(sl *slot) {
	sl.elem = s.idle.PushBack(sl)
	acc := sl.acc
	sl.timer = time.AfterFunc(s.opts.IdleClose, func() { s.expire(sl, acc) })
}

// expire closes an account that is still without handles.
func (s *Store) expire(sl *slot, acc *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sl.acc != acc || sl.elem == nil {
		return
	}
	if sl.busy != nil {
		// It is being renamed.
		sl.timer.Reset(s.opts.IdleClose)
		return
	}
	if err := s.closeSlot(sl, true); err != nil {
		acc.log.Error("closing account", "err", err)
	}
}

// release gives a handle back. After the last one the account is closed soon, or at once.
func (s *Store) release(acc *account, atOnce bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sl := acc.slot
	if sl.acc != acc {
		return // Closed by Store.Close.
	}
	sl.handles--
	if sl.handles > 0 {
		return
	}
	s.rest(sl)
	// Opening it again makes one usable that refuses writes.
	if atOnce || acc.committer.refused() != nil {
		sl.timer.Reset(0)
	}
	s.evict()
}

// evict closes accounts without handles while there are too many open ones. Mu is held, but not
// while closing.
func (s *Store) evict() {
	for s.open > s.opts.MaxOpen {
		sl := s.oldest()
		if sl == nil {
			return
		}
		acc := sl.acc
		if err := s.closeSlot(sl, true); err != nil {
			acc.log.Error("closing account", "err", err)
		}
	}
}

// oldest returns the slot longest without handles. Mu is held.
func (s *Store) oldest() *slot {
	for e := s.idle.Front(); e != nil; e = e.Next() {
		if sl := e.Value.(*slot); sl.busy == nil {
			return sl
		}
	}
	return nil
}

// closeSlot closes the account of a slot on which nobody works. Mu is held, but not meanwhile.
func (s *Store) closeSlot(sl *slot, erase bool) error {
	acc := sl.acc
	sl.busy = make(chan struct{})
	if sl.elem != nil {
		s.idle.Remove(sl.elem)
		sl.timer.Stop()
		sl.elem, sl.timer = nil, nil
	}
	s.mu.Unlock()
	err := acc.close(erase)
	s.mu.Lock()
	sl.acc = nil
	sl.handles = 0
	sl.unbusy()
	s.open--
	s.metrics.openAccounts.Set(float64(s.open))
	return err
}

// exclusive runs fn while the account is closed and nobody can open it. Returns ErrNoAccount,
// ErrAccountInUse.
func (s *Store) exclusive(ctx context.Context, name string, fn func(sl *slot) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sl *slot
	for {
		var err error
		if sl, err = s.idleSlot(ctx, name); err != nil {
			return err
		}
		if sl.handles > 0 {
			return ErrAccountInUse
		}
		if sl.acc == nil {
			break
		}
		if err := s.closeSlot(sl, true); err != nil {
			return err
		}
	}
	sl.busy = make(chan struct{})
	s.mu.Unlock()
	err := fn(sl)
	s.mu.Lock()
	sl.unbusy()
	return err
}

// Rename gives an account another name; it may be open. Returns ErrNoAccount, ErrAccountExists.
func (s *Store) Rename(ctx context.Context, name, newName string) error {
	if newName == "" {
		return errors.New("account has no name")
	}
	if s.opts.ReadOnly {
		return ErrReadOnly
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sl, err := s.idleSlot(ctx, name)
	if err != nil {
		return err
	}
	if name == newName {
		return nil
	}
	if s.byName[newName] != nil {
		return ErrAccountExists
	}
	// Both names lead to the slot until the outcome is known.
	s.byName[newName] = sl
	sl.busy = make(chan struct{})
	info := sl.info
	info.Name = newName
	s.mu.Unlock()
	err = writeAccountFile(s.opts.FS, s.accountDir(info.ID), info)
	s.mu.Lock()
	sl.unbusy()
	if err != nil {
		delete(s.byName, newName)
		return err
	}
	delete(s.byName, name)
	sl.info = info
	if sl.acc != nil {
		sl.acc.name.Store(&info.Name)
	}
	return nil
}

// Remove deletes an account with all its mail. Returns ErrNoAccount, ErrAccountInUse if there are handles to it.
func (s *Store) Remove(ctx context.Context, name string) error {
	if s.opts.ReadOnly {
		return ErrReadOnly
	}
	return s.exclusive(ctx, name, func(sl *slot) error {
		gone := filepath.Join(s.opts.Dir, removedPrefix+dirName(sl.info.ID))
		if err := s.opts.FS.Rename(s.accountDir(sl.info.ID), gone); err != nil {
			return err
		}
		if err := s.opts.FS.SyncDir(s.opts.Dir); err != nil {
			return err
		}
		s.mu.Lock()
		delete(s.byName, name)
		delete(s.byID, sl.info.ID)
		s.mu.Unlock()
		return removeAll(s.opts.FS, gone)
	})
}

// Accounts lists the accounts, sorted by name.
func (s *Store) Accounts(ctx context.Context) ([]AccountInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	l := make([]AccountInfo, 0, len(s.byName))
	for name, sl := range s.byName {
		if sl.info.Name == name && !sl.making {
			l = append(l, AccountInfo{sl.info.ID, name})
		}
	}
	slices.SortFunc(l, func(a, b AccountInfo) int { return cmp.Compare(a.Name, b.Name) })
	return l, nil
}
