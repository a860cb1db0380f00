package store

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mjl-/bstore"
)

const (
	// loginAttemptsAge and loginAttemptsMax bound what is kept of an account: rows of attempts that succeeded, and as many of
	// others, so that who guesses does not push out where the owner has logged in.
	loginAttemptsAge = 60 * 24 * time.Hour
	loginAttemptsMax = 250

	// loginAttemptsDelay is how long attempts wait in memory, so that many of them are one write, and the account is
	// mostly still open.
	loginAttemptsDelay = 30 * time.Second

	// loginAttemptsTimeout is how long is waited for an account to be opened.
	loginAttemptsTimeout = 10 * time.Second

	// loginAttemptsWaiting bounds the kinds of attempts that wait, for all accounts together.
	loginAttemptsWaiting = 20_000

	// loginAttemptText bounds texts that come from clients, in bytes.
	loginAttemptText = 100
)

// LoginResult says how an attempt to log in ended.
type LoginResult string

// The results there are.
const (
	LoginOK          LoginResult = "ok"
	LoginCredentials LoginResult = "credentials" // They were wrong.
	LoginLimited     LoginResult = "limited"     // Too many had failed before, credentials were not looked at.
	LoginDisabled    LoginResult = "disabled"    // Credentials were right, but the account may not be logged in to.
	LoginConnections LoginResult = "connections" // Likewise, but it has too many connections.
	LoginError       LoginResult = "error"       // Of the server.
)

// LoginAttempt counts attempts to log in to an account that were alike, on one day.
type LoginAttempt struct {
	First, Last time.Time // In seconds.
	Count       int
	Result      LoginResult
	Protocol    string     // Such as "imap", or the pages of a web login.
	Mechanism   string     // Of SASL, or another short name.
	Client      netip.Addr // May be invalid.
	UserAgent   string     // Short, for people; empty where the protocol knows none.
}

// attemptKey is what alike attempts have in common.
type attemptKey struct {
	day                                int64
	result                             LoginResult
	protocol, mechanism, client, agent string
}

func attemptDay(unix int64) int64 { return unix / (24 * 60 * 60) }

func (r *loginAttemptRow) key() attemptKey {
	return attemptKey{attemptDay(r.First), r.Result, r.Protocol, r.Mechanism, r.Client, r.Agent}
}

func (r *loginAttemptRow) value() LoginAttempt {
	client, _ := netip.ParseAddr(r.Client)
	return LoginAttempt{
		First: time.Unix(r.First, 0), Last: time.Unix(r.Last, 0), Count: int(r.Count),
		Result: r.Result, Protocol: r.Protocol, Mechanism: r.Mechanism, Client: client, UserAgent: r.Agent,
	}
}

// loginAttempts has the attempts that are not written yet. It is safe for concurrent use.
type loginAttempts struct {
	s *Store

	writing sync.Mutex // Held while some are written.

	mu      sync.Mutex
	waiting map[string]map[attemptKey]*loginAttemptRow // By account.
	kinds   int                                        // Of all accounts.
	timer   *time.Timer                                // Not nil while some wait.
	closed  bool
}

func newLoginAttempts(s *Store) *loginAttempts {
	return &loginAttempts{s: s, waiting: map[string]map[attemptKey]*loginAttemptRow{}}
}

// NoteLogin records an attempt to log in to an account, at the present time. First, Last and Count of a are not looked at. It does
// not wait: attempts are written within half a minute, and those of the last moments before a crash are lost. So are attempts on accounts
// that do not exist, and those beyond what there is memory for.
func (s *Store) NoteLogin(account string, a LoginAttempt) {
	if s.opts.ReadOnly {
		return
	}
	now := s.opts.Now().Unix()
	row := loginAttemptRow{
		First: now, Last: now, Count: 1, Result: a.Result, Client: addrText(a.Client),
		Protocol: clipText(a.Protocol), Mechanism: clipText(a.Mechanism), Agent: clipText(a.UserAgent),
	}
	s.attempts.add(account, row)
}

func clipText(s string) string { return s[:min(len(s), loginAttemptText)] }

func (l *loginAttempts) add(account string, row loginAttemptRow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := row.key()
	if r := l.waiting[account][key]; r != nil {
		r.merge(&row)
		return
	}
	if l.closed || l.kinds >= loginAttemptsWaiting || len(l.waiting[account]) >= 2*loginAttemptsMax {
		return
	}
	if l.waiting[account] == nil {
		l.waiting[account] = map[attemptKey]*loginAttemptRow{}
	}
	l.waiting[account][key] = &row
	l.kinds++
	if l.timer == nil {
		l.timer = time.AfterFunc(loginAttemptsDelay, l.flush)
	}
}

// merge adds the attempts of another row with the same key.
func (r *loginAttemptRow) merge(other *loginAttemptRow) {
	r.First = min(r.First, other.First)
	r.Last = max(r.Last, other.Last)
	r.Count += other.Count
}

// take returns what waits for an account.
func (l *loginAttempts) take(account string) []loginAttemptRow {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := make([]loginAttemptRow, 0, len(l.waiting[account]))
	for _, r := range l.waiting[account] {
		rows = append(rows, *r)
	}
	delete(l.waiting, account)
	l.kinds -= len(rows)
	slices.SortFunc(rows, func(a, b loginAttemptRow) int { return cmp.Compare(a.Last, b.Last) })
	return rows
}

// flush writes all that waits.
func (l *loginAttempts) flush() {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	accounts := make([]string, 0, len(l.waiting))
	for account := range l.waiting {
		accounts = append(accounts, account)
	}
	l.mu.Unlock()
	for _, account := range accounts {
		// One that is not to be opened for long, as while it is recovered, must not hold up the others.
		ctx, cancel := context.WithTimeout(context.Background(), loginAttemptsTimeout)
		err := l.write(ctx, account)
		cancel()
		if err != nil && !errors.Is(err, ErrNoAccount) {
			l.s.opts.Log.Error("recording attempts to log in, they are lost", "account", account, "err", err)
		}
	}
}

// write writes what waits for an account. L.writing is held.
func (l *loginAttempts) write(ctx context.Context, account string) error {
	rows := l.take(account)
	if len(rows) == 0 {
		return nil
	}
	a, err := l.s.Open(ctx, account)
	if err != nil {
		return err
	}
	err = a.acc.write(ctx, "loginattempts", func(tx *txn) error { return tx.addLoginAttempts(rows) })
	return errors.Join(err, a.Close())
}

// close writes what waits; what comes later is lost.
func (l *loginAttempts) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.flush()
}

// addLoginAttempts counts attempts, and forgets what is too old or too much.
func (t *txn) addLoginAttempts(rows []loginAttemptRow) error {
	var kept []loginAttemptRow
	err := bstore.QueryTx[loginAttemptRow](t.tx).SortAsc("ID").ForEach(func(r loginAttemptRow) error {
		kept = append(kept, r)
		return nil
	})
	if err != nil {
		return err
	}
	byKey := map[attemptKey]int{}
	for i := range kept {
		byKey[kept[i].key()] = i
	}
	stored := len(kept)
	changed := map[int]bool{}
	for i := range rows {
		j, ok := byKey[rows[i].key()]
		if ok {
			kept[j].merge(&rows[i])
			changed[j] = true
			continue
		}
		kept = append(kept, rows[i])
	}
	gone := tooManyAttempts(kept, t.now)
	for i := range kept {
		var err error
		switch {
		case i < stored && gone[i]:
			err = t.delete(&kept[i])
		case gone[i]:
		case i >= stored:
			kept[i].ID = 0 // This function may run again.
			err = t.insert(&kept[i])
		case changed[i]:
			err = t.update(&kept[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tooManyAttempts tells by index which rows are not to be kept.
func tooManyAttempts(rows []loginAttemptRow, now time.Time) map[int]bool {
	newest := make([]int, len(rows))
	for i := range rows {
		newest[i] = i
	}
	slices.SortStableFunc(newest, func(a, b int) int { return cmp.Compare(rows[b].Last, rows[a].Last) })
	gone := map[int]bool{}
	old := now.Add(-loginAttemptsAge).Unix()
	good, bad := 0, 0
	for _, i := range newest {
		n := &bad
		if rows[i].Result == LoginOK {
			n = &good
		}
		if *n++; *n > loginAttemptsMax || rows[i].Last < old {
			gone[i] = true
		}
	}
	return gone
}

// LoginAttempts lists the attempts to log in to the account of the last 60 days, the latest first, with those
// that NoteLogin was told of a moment ago. Of alike ones of one day there is one entry.
func (a *Account) LoginAttempts(ctx context.Context) ([]LoginAttempt, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	waiting := acc.store.attempts
	waiting.writing.Lock()
	err = waiting.write(ctx, a.Name())
	waiting.writing.Unlock()
	if err != nil {
		acc.log.Error("recording attempts to log in, they are lost", "err", err)
	}
	old := acc.store.opts.Now().Add(-loginAttemptsAge).Unix()
	var l []LoginAttempt
	err = acc.read(ctx, func(tx *bstore.Tx) error {
		l = nil
		return bstore.QueryTx[loginAttemptRow](tx).SortDesc("ID").ForEach(func(r loginAttemptRow) error {
			if r.Last >= old {
				l = append(l, r.value())
			}
			return nil
		})
	})
	slices.SortStableFunc(l, func(a, b LoginAttempt) int { return b.Last.Compare(a.Last) })
	return l, err
}
