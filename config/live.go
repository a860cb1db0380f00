package config

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mjl-/sconf"

	"mox/internal/atomicfile"
)

// ErrChangedOnDisk is returned by Live.Change for a domains.conf that somebody has
// edited and not reloaded yet: writing it would undo that edit.
var ErrChangedOnDisk = errors.New("domains.conf was edited since it was read; reload it first")

// Live is the configuration of a running server. It is safe for concurrent use.
type Live struct {
	opts    Options
	current atomic.Pointer[Config]

	mu          sync.Mutex // Guards what follows, and orders reloads and changes.
	static      []byte     // Mox.conf as at start.
	dynamic     []byte     // Domains.conf as last read or written.
	subscribers []*subscriber
}

type subscriber struct{ changed func(old, new *Config) }

// Open loads the configuration as Load does.
func Open(opts Options) (*Live, error) {
	static, dynamic, err := readFiles(opts)
	if err != nil {
		return nil, err
	}
	cfg, err := parse(opts, static, dynamic)
	if err != nil {
		return nil, err
	}
	l := &Live{opts: opts, static: static, dynamic: dynamic}
	l.current.Store(cfg)
	return l, nil
}

// Current returns the configuration of this moment. Who needs several answers that
// fit each other takes them from one snapshot.
func (l *Live) Current() *Config { return l.current.Load() }

// Subscribe has changed called after each replacement of the configuration, in
// order, by the goroutine that caused it. It must be quick and not call Reload,
// Change or Subscribe. The returned function ends the subscription.
func (l *Live) Subscribe(changed func(old, new *Config)) (cancel func()) {
	s := &subscriber{changed}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.subscribers = append(l.subscribers, s)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.subscribers = slices.DeleteFunc(l.subscribers, func(o *subscriber) bool { return o == s })
	}
}

// Reloaded tells what a reload found.
type Reloaded struct {
	// Dynamic is set if domains.conf had changed since it was read.
	Dynamic bool

	// NeedsRestart is set if mox.conf differs from the one the server started with.
	// What changed in it has no effect yet.
	NeedsRestart bool

	// StaticProblems says what is wrong with a mox.conf that NeedsRestart: the server
	// would not start with it.
	StaticProblems string

	// Warnings are about what has no effect, or hardly the one that was wanted, in what is used now.
	Warnings []Problem
}

// Reload reads domains.conf and the certificates again and replaces the
// configuration. If there is a problem it returns an *Error and everything stays as
// it was.
func (l *Live) Reload() (Reloaded, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	static, dynamic, err := readFiles(l.opts)
	if err != nil {
		return Reloaded{}, err
	}
	r := Reloaded{
		Dynamic:      !bytes.Equal(dynamic, l.dynamic),
		NeedsRestart: !bytes.Equal(static, l.static),
	}
	if r.NeedsRestart {
		if _, err := parse(l.opts, static, dynamic); err != nil {
			r.StaticProblems = err.Error()
		}
	}
	cfg, err := parse(l.opts, l.static, dynamic)
	if err != nil {
		return r, err
	}
	l.dynamic = dynamic
	l.replace(cfg)
	r.Warnings = cfg.Warnings()
	return r, nil
}

// Check reads both files as a server would at start, and returns an *Error with what is wrong. It changes
// nothing.
func (l *Live) Check() error {
	_, err := Load(l.opts)
	return err
}

// Change changes domains.conf: change gets a copy of what is in the file and alters
// it, the result is checked, written durably, and then put in effect. If change
// returns an error, that is returned and nothing happens. For a result with
// problems an *Error is returned, for a file edited meanwhile ErrChangedOnDisk.
func (l *Live) Change(change func(*Dynamic) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := l.opts.dynamicPath()
	onDisk, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(onDisk, l.dynamic) {
		return ErrChangedOnDisk
	}

	// Parsing again is a deep copy.
	var p problems
	var d Dynamic
	if p.unmarshal(l.dynamic, "mox config describe-domains", &d); len(p.list) > 0 {
		return &Error{p.list}
	}
	if err := change(&d); err != nil {
		return err
	}
	dynamic, err := d.marshal()
	if err != nil {
		return err
	}
	cfg, err := parse(l.opts, l.static, dynamic)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, dynamic, 0o640); err != nil {
		return fmt.Errorf("writing domains.conf: %w", err)
	}
	l.dynamic = dynamic
	l.replace(cfg)
	return nil
}

// marshal returns the content of domains.conf.
func (d *Dynamic) marshal() ([]byte, error) {
	var b bytes.Buffer
	if err := sconf.Write(&b, d); err != nil {
		return nil, fmt.Errorf("composing domains.conf: %w", err)
	}
	return b.Bytes(), nil
}

func (l *Live) replace(cfg *Config) {
	old := l.current.Swap(cfg)
	for _, s := range l.subscribers {
		s.changed(old, cfg)
	}
}

// ErrNoTLS is returned by Live.TLSConfig.
var ErrNoTLS = errors.New("listener has no certificates")

// TLSConfig returns the TLS configuration of a listener, for its whole life: each
// handshake takes the certificates from the current configuration. Returns ErrNoTLS.
func (l *Live) TLSConfig(listener string) (*tls.Config, error) {
	t := l.Current().tls(listener)
	if t == nil {
		return nil, ErrNoTLS
	}
	return &tls.Config{
		MinVersion: t.MinVersion,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			t := l.Current().tls(listener)
			if t == nil {
				return nil, ErrNoTLS
			}
			return t.certificate(hello), nil
		},
	}, nil
}

func (c *Config) tls(listener string) *TLS {
	for _, l := range c.Listeners {
		if l.Name == listener {
			return l.TLS
		}
	}
	return nil
}

// certificate returns the first certificate that fits what the client asks for. One
// that does not fit is better than none: senders of mail rarely check the name. A listener with
// ACME has none.
func (t *TLS) certificate(hello *tls.ClientHelloInfo) *tls.Certificate {
	for i := range t.Certificates {
		if hello.SupportsCertificate(&t.Certificates[i]) == nil {
			return &t.Certificates[i]
		}
	}
	if len(t.Certificates) == 0 {
		return nil
	}
	return &t.Certificates[0]
}
