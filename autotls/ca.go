package autotls

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"

	"mox/dns"
	"mox/internal/atomicfile"
)

// newKeyInterval is how often a new account key is made when a CA does not accept the old one.
const newKeyInterval = 7 * day

// accountState is what is kept of the account at a CA, and of how the CA fares.
type accountState struct {
	// Settings is a digest of what the account was made with. When it changes, the CA is
	// not paused any more for what went wrong with the old settings.
	Settings     string
	DirectoryURL string
	AccountURL   string `json:",omitempty"` // Also the key id (RFC 8555 §6.2).
	Contact      string `json:",omitempty"` // As the CA has it.
	NewKey       time.Time

	Lifetime time.Duration // Of the certificate issued last.

	Failures    int // In a row.
	PausedUntil time.Time
	Demanded    bool        // The CA asked for the pause.
	Kind        FailureKind `json:",omitempty"`
	Error       string      `json:",omitempty"`
}

// ca is a CA with our account at it. It is safe for concurrent use.
type ca struct {
	CA
	dir       string
	userAgent string
	http      *http.Client
	log       *slog.Logger

	registering sync.Mutex // Held while the client is made, which takes requests.

	mu     sync.Mutex // Guards what follows. Taken after registering.
	state  accountState
	client *acme.Client // Nil until the account is known to exist.
	caa    []string     // Names of the CA in CAA records.
	aside  []string     // Damaged files.
}

// newCA reads what is kept of the account.
func newCA(c CA, dir, userAgent string, client *http.Client, log *slog.Logger) (*ca, error) {
	a := &ca{CA: c, dir: dir, userAgent: userAgent, http: client, log: log.With("ca", c.Name)}
	a.aside = damagedFiles(dir)
	if aside, err := readState(a.statePath(), &a.state); err != nil {
		a.log.Error("the state of an account at a CA cannot be read; the account is found again by its key", "moved to", aside, "err", err)
		a.noteAside(aside)
	}
	if a.state.DirectoryURL != "" && a.state.DirectoryURL != c.DirectoryURL {
		// Another CA under the same name. It must not see the key of this account.
		old := filepath.Join(dir, "old-"+digestOf(a.state.DirectoryURL))
		if err := os.Rename(a.keyPath(), old+".key.pem"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		a.state = accountState{}
	}
	a.state.DirectoryURL = c.DirectoryURL
	if s := c.settings(); a.state.Settings != s {
		a.state.Settings = s
		a.state.Failures, a.state.Kind, a.state.Error = 0, "", ""
		if !a.state.Demanded {
			a.state.PausedUntil = time.Time{}
		}
	}
	return a, nil
}

// settings returns a digest of what an account is made with.
func (c *CA) settings() string {
	s := c.DirectoryURL + "\x00" + c.Contact
	if e := c.ExternalAccount; e != nil {
		s += "\x00" + e.KeyID + "\x00" + string(e.Key)
	}
	return digestOf(s)
}

func digestOf(s string) string {
	d := sha256.Sum256([]byte(s))
	return hex.EncodeToString(d[:8])
}

// noteAside notes a damaged file, unless the name is empty. The lock must be held, once others know the CA.
func (c *ca) noteAside(path string) {
	if path != "" {
		c.aside = append(slices.Clip(c.aside), path)
	}
}

// damaged returns the files of the account that were moved aside.
func (c *ca) damaged() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return stillThere(c.aside)
}

func (c *ca) statePath() string { return filepath.Join(c.dir, "account.json") }
func (c *ca) keyPath() string   { return filepath.Join(c.dir, "account.key.pem") }

// save writes the state. The lock must be held.
func (c *ca) save() error {
	if err := writeJSON(c.statePath(), c.state); err != nil {
		return &localError{fmt.Errorf("keeping the account at CA %s: %w; check disk space and permissions", c.Name, err)}
	}
	return nil
}

// paused returns until when nothing is asked of the CA, and why. Zero if it may be asked.
func (c *ca) paused(now time.Time) (until time.Time, why *Failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if waits(c.state.PausedUntil, now) {
		return c.state.PausedUntil, &Failure{Kind: c.state.Kind, CA: c.Name, Text: c.state.Error}
	}
	return time.Time{}, nil
}

// failing tells whether the CA has issued nothing since it failed. One request at a time is enough
// to find out whether it is well again.
func (c *ca) failing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Failures > 0
}

// lifetime returns how long certificates of the CA are good for.
func (c *ca) lifetime() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Lifetime > 0 {
		return c.state.Lifetime
	}
	return defaultLifetime
}

// failed notes a failure and pauses the CA if it concerns all hosts.
func (c *ca) failed(f *Failure, now time.Time) {
	lifetime := c.lifetime()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f.Kind {
	case FailureCA, FailureAccount, FailureRateLimit:
	default:
		return
	}
	if !waits(c.state.PausedUntil, now) {
		// Failures of requests that ran at the same time count as one.
		c.state.Failures++
	}
	d := c.pause(f.Kind, lifetime)
	// Without an account the limit is for making one, which all hosts wait for.
	demanded := f.retryAfter > d && (f.Kind == FailureCA || c.client == nil)
	if demanded {
		d = jittered(f.retryAfter)
	}
	if until := now.Add(d); until.After(c.state.PausedUntil) || !waits(c.state.PausedUntil, now) {
		c.state.PausedUntil, c.state.Demanded = until, demanded
	}
	c.state.Kind, c.state.Error = f.Kind, f.Text
	if err := c.save(); err != nil {
		c.log.Error("a pause of a CA is not kept for after a restart", "err", err)
	}
}

// pause returns how long the CA is not asked after a failure. The lock must be held.
func (c *ca) pause(kind FailureKind, lifetime time.Duration) time.Duration {
	if kind == FailureRateLimit {
		// It may be for one host, or for the account. Others try again soon, and less often
		// the more of them find the same.
		kind = FailureCA
	}
	return jittered(kind.backoff(c.state.Failures, lifetime))
}

// interrupted notes that we were asked to stop while the CA was asked. One that has failed before is paused as if it had failed
// again: a program that is restarted again and again before there is an answer must not ask at the pace of its restarts.
func (c *ca) interrupted(now time.Time) {
	lifetime := c.lifetime()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Failures == 0 || waits(c.state.PausedUntil, now) {
		return
	}
	c.state.PausedUntil, c.state.Demanded = now.Add(c.pause(c.state.Kind, lifetime)), false
	if err := c.save(); err != nil {
		c.log.Error("a pause of a CA is not kept for after a restart", "err", err)
	}
}

// succeeded notes that the CA issued a certificate.
func (c *ca) succeeded(lifetime time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Failures == 0 && c.state.Lifetime == lifetime {
		return
	}
	c.state.Failures, c.state.PausedUntil, c.state.Demanded, c.state.Kind, c.state.Error = 0, time.Time{}, false, "", ""
	c.state.Lifetime = lifetime
	if err := c.save(); err != nil {
		c.log.Error("keeping the state of a CA", "err", err)
	}
}

// resume ends a pause that the CA did not ask for.
func (c *ca) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.state.Demanded {
		c.state.PausedUntil = time.Time{}
	}
}

// names returns the names of the CA in CAA records, once it was asked.
func (c *ca) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caa
}

// errPaused is returned for a CA that is not asked now.
var errPaused = errors.New("the CA is not asked for now")

// account returns a client with an account. It registers one if there is none yet. Of those that wait for that
// at the same time only one asks; if it fails the others get errPaused.
func (c *ca) account(ctx context.Context, host dns.Domain) (*acme.Client, error) {
	c.registering.Lock()
	defer c.registering.Unlock()
	c.mu.Lock()
	client, state := c.client, c.state
	c.mu.Unlock()
	if client != nil {
		return client, nil
	}
	if until, _ := c.paused(time.Now()); !until.IsZero() {
		return nil, errPaused
	}
	client, err := c.connect(ctx, state)
	if err != nil && ctx.Err() == nil {
		c.failed(newFailure(err, c.CA, nil, host, time.Now()), time.Now())
	}
	return client, err
}

// connect makes a client with an account.
func (c *ca) connect(ctx context.Context, state accountState) (*acme.Client, error) {
	key, lost, err := c.accountKey()
	if err != nil {
		return nil, err
	}
	if lost {
		state.AccountURL = ""
	}
	client := c.newClient(key, state.AccountURL)
	dir, err := client.Discover(ctx)
	if err != nil {
		return nil, err
	}
	if state.AccountURL == "" {
		err = c.register(ctx, client)
		if refusesKey(err) && c.takeNewKey() {
			if key, _, err = c.accountKey(); err != nil {
				return nil, err
			}
			client = c.newClient(key, "")
			err = c.register(ctx, client)
		}
	} else if state.Contact != c.contact() {
		// The account serves all the same. One that is gone is noticed by who wants to use it.
		if err := c.updateContact(ctx, client); err != nil {
			c.log.Warn("the CA does not take the changed contact address", "err", err)
		}
	}
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client, c.caa = client, dir.CAA
	return client, nil
}

// accountKey returns the key of the account. Lost tells that it was damaged, and that another account has to be made with
// a new one.
func (c *ca) accountKey() (key crypto.Signer, lost bool, err error) {
	key, damaged, err := loadKey(c.keyPath(), ECDSAP256)
	if damaged != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.log.Error("the key of the account at a CA is damaged: it was moved aside, and another account is made; CAA records that name the account have to be changed", "account", c.state.AccountURL, "moved to", damaged.aside, "err", damaged.err)
		c.noteAside(damaged.aside)
		c.state.AccountURL = ""
		if err == nil {
			err = c.save()
		}
	}
	if err != nil {
		return nil, false, &localError{fmt.Errorf("key of the account at CA %s: %w", c.Name, err)}
	}
	return key, damaged != nil, nil
}

func (c *ca) newClient(key crypto.Signer, accountURL string) *acme.Client {
	return &acme.Client{
		Key:          key,
		HTTPClient:   c.http,
		DirectoryURL: c.DirectoryURL,
		RetryBackoff: retryRequest,
		UserAgent:    c.userAgent,
		KID:          acme.KeyID(accountURL),
	}
}

// retryRequest tells how long to wait before a request is made once more. Only what
// passes by itself at once is tried again here, all else is for the schedule.
func retryRequest(n int, _ *http.Request, res *http.Response) time.Duration {
	const no = -1
	switch {
	case res.StatusCode == http.StatusBadRequest && n <= 10:
		return time.Duration(n) * 10 * time.Millisecond // A nonce that was not accepted (RFC 8555 §6.5).
	case res.StatusCode >= 500 && n <= 2 && res.Header.Get("Retry-After") == "":
		return time.Second
	}
	return no
}

// contact returns the contact of the account as a URL.
func (c *ca) contact() string {
	if c.Contact == "" {
		return ""
	}
	return "mailto:" + c.Contact
}

func (c *ca) contacts() []string {
	if c.Contact == "" {
		return nil
	}
	return []string{c.contact()}
}

// register makes an account, or finds the one with our key (RFC 8555 §7.3).
func (c *ca) register(ctx context.Context, client *acme.Client) error {
	account := &acme.Account{Contact: c.contacts()}
	if e := c.ExternalAccount; e != nil {
		account.ExternalAccountBinding = &acme.ExternalAccountBinding{KID: e.KeyID, Key: e.Key}
	}
	made, err := client.Register(ctx, account, acme.AcceptTOS)
	if errors.Is(err, acme.ErrAccountAlreadyExists) {
		if made, err = client.GetReg(ctx, ""); err == nil && made.Status != acme.StatusValid {
			err = &acme.Error{StatusCode: http.StatusUnauthorized, ProblemType: problemPrefix + "unauthorized", Detail: "the account is " + made.Status}
		}
	}
	if err != nil {
		return err
	}
	c.log.Info("account at CA", "url", made.URI)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.AccountURL, c.state.Contact = made.URI, c.contact()
	return c.save()
}

// updateContact tells the CA a changed contact address (RFC 8555 §7.3.2).
func (c *ca) updateContact(ctx context.Context, client *acme.Client) error {
	if _, err := client.UpdateReg(ctx, &acme.Account{Contact: c.contacts()}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Contact = c.contact()
	return c.save()
}

// refusesKey tells whether a CA does not accept the key of an account, as after it was deactivated
// (RFC 8555 §7.3.6).
func refusesKey(err error) bool { return hasProblem(err, "unauthorized") }

// lost notes that the account of a client does not exist, or with deactivated, that it was deactivated. It tells
// whether another one can be had.
func (c *ca) lost(client *acme.Client, deactivated bool) bool {
	c.registering.Lock()
	defer c.registering.Unlock()
	c.mu.Lock()
	current := c.client == client
	c.mu.Unlock()
	if !current {
		return true // Somebody else has found out.
	}
	if deactivated && !c.takeNewKey() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log.Warn("the CA does not know our account any more, a new one is made", "url", c.state.AccountURL, "deactivated", deactivated)
	c.client, c.state.AccountURL = nil, ""
	if err := c.save(); err != nil {
		c.log.Error("forgetting an account", "err", err)
	}
	return true
}

// takeNewKey puts the key of the account aside so that a new one is made. It does so only now and then.
func (c *ca) takeNewKey() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.state.NewKey).Abs() < newKeyInterval {
		return false
	}
	c.state.NewKey = time.Now()
	if err := c.save(); err != nil {
		c.log.Error("changing the key of an account", "err", err)
		return false
	}
	if err := os.Rename(c.keyPath(), filepath.Join(c.dir, "old-account.key.pem")); err != nil {
		c.log.Error("changing the key of an account", "err", err)
		return false
	}
	return true
}

// readJSON reads a file into v. A file that is missing changes nothing.
func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// readState is readJSON for a state that can be done without. A damaged file is moved aside, to a name that is returned
// with the error, and v is as before.
func readState[T any](path string, v *T) (aside string, err error) {
	var state T
	if err = readJSON(path, &state); err == nil {
		*v = state
		return "", nil
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return "", err // It may be well.
	}
	aside, aerr := setAside(path)
	if aerr != nil {
		err = fmt.Errorf("%w; it cannot be moved aside: %w", err, aerr)
	}
	return aside, err
}

// writeJSON replaces a file.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	return atomicfile.Write(path, append(data, '\n'), 0o600)
}
