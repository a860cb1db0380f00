//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"mox/config"
	"mox/internal/safefile"
	"mox/internal/supervise"
)

// parent keeps a serving child running. With root rights it trusts nothing that the child's user could have written: it reads
// mox.conf and the files that this names, but not domains.conf, and no more than their owners and modes of what is in
// the data directory.
type parent struct {
	path       string // Of mox.conf.
	executable string // Of this program, as it was started.
	sockets    supervise.Sockets
	log        *slog.Logger
	root       bool
	cfg        *config.Config // Mox.conf alone.
	user       *safefile.User // Whom the child runs as; nil without root.
	env        []string       // For what replaces this process.
}

// runParent runs a server below this process. The sockets are from the process that this one
// replaces.
func runParent(ctx context.Context, path string, inherited supervise.Sockets, log *slog.Logger) error {
	// What it asks for is done by reading everything.
	signal.Ignore(syscall.SIGHUP)
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	p := &parent{path: path, executable: executable, log: log.With("pkg", "serve"), root: os.Geteuid() == 0, env: os.Environ()}
	if err := p.prepare(); err != nil {
		return err
	}
	if p.sockets, err = p.listen(inherited); err != nil {
		return err
	}
	args := []string{"--config", p.path, "serve"}
	opts := supervise.Options{
		Executable:  p.executable,
		Args:        args,
		Env:         p.childEnv(),
		Sockets:     p.sockets,
		Files:       p.files,
		Restartable: p.restartable,
		Replaces:    len(inherited) > 0,
		Ready: func(pid int) {
			p.log.Info("serving", "version", version(), "pid", pid)
			debug.FreeOSMemory() // All that is left to do is to wait.
		},
		Log: p.log,
	}
	opts.Credential = p.credential()
	outcome, err := supervise.Run(ctx, opts)
	if err != nil || outcome == supervise.Stopped {
		return errors.Join(err, p.sockets.Close())
	}
	// From here on they end the process, as nobody listens to the context.
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	if ctx.Err() != nil {
		return p.sockets.Close()
	}
	p.log.Info("restarting")
	return supervise.Exec(p.executable, args, p.env, p.sockets)
}

// credential returns whom the child runs as, nil for the user of this process.
func (p *parent) credential() *supervise.Credential {
	if p.user == nil {
		return nil
	}
	return &supervise.Credential{UID: p.user.UID, GID: p.user.GID}
}

// childVariables are what a child gets of the environment of root, which may hold secrets.
var childVariables = [...]string{
	"PATH", "LANG", "TZ", "MOXCONF", "GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
}

// childEnv returns the environment of the child.
func (p *parent) childEnv() []string {
	if p.user == nil {
		return p.env
	}
	var env []string
	for _, v := range p.env {
		if name, _, _ := strings.Cut(v, "="); slices.Contains(childVariables[:], name) {
			env = append(env, v)
		}
	}
	return env
}

// prepare reads mox.conf, and puts owners and modes right for the child.
func (p *parent) prepare() error {
	cfg, err := config.LoadStatic(config.Options{Path: p.path, ReadFile: p.readFile})
	if err != nil {
		return err
	}
	p.cfg = cfg
	if !p.root {
		return prepareDataDir(cfg) // The child cannot make it, as it sees no more than what is in it.
	}
	if p.user, err = lookupUser(cfg.User); err != nil {
		return err
	}
	for what, path := range map[string]string{"mox.conf": cfg.Dir, "this program": filepath.Dir(p.executable)} {
		if rel, err := filepath.Rel(cfg.DataDir, path); err == nil && filepath.IsLocal(rel) {
			return fmt.Errorf("DataDir in mox.conf is %s, where %s is; what is there is given to the user of the server: name a directory for the data alone", cfg.DataDir, what)
		}
	}
	if err := safefile.Share(cfg.Dir, p.user.GID); err != nil {
		return err
	}
	// So that commands of that user can read it.
	if err := safefile.ShareFile(p.path, p.user.GID); err != nil {
		return err
	}
	for _, path := range []string{cfg.DataDir, filepath.Join(cfg.Dir, "dkim")} {
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		owned, err := p.user.Own(path)
		if err != nil {
			return err
		}
		if owned.Changed > 0 {
			p.log.Info("gave files to the user of the server", "directory", path, "files", owned.Changed, "user", cfg.User)
		}
		for _, left := range owned.Left {
			p.log.Warn("a link or device, or a file of another user with several names, was left as it is", "path", left)
		}
	}
	return p.user.OwnFile(filepath.Join(cfg.Dir, "domains.conf"))
}

// readFile reads a file that mox.conf names, or itself.
func (p *parent) readFile(path string) ([]byte, error) {
	if !p.root {
		return os.ReadFile(path)
	}
	return safefile.ReadFile(path)
}

// lookupUser returns the user of a name or number. It must not be root.
func lookupUser(name string) (*safefile.User, error) {
	u, err := user.Lookup(name)
	if _, nerr := strconv.Atoi(name); err != nil && nerr == nil {
		u, err = user.LookupId(name)
	}
	if unknown := user.UnknownUserError(""); errors.As(err, &unknown) {
		return nil, fmt.Errorf("there is no user %s for the server to run as; make it with: useradd --system --home-dir / --shell /usr/sbin/nologin %s (or name another as User in mox.conf)", name, name)
	} else if err != nil {
		return nil, fmt.Errorf("user of the server: %w", err)
	}
	uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(uerr, gerr); err != nil {
		return nil, err
	}
	if uid == 0 || gid == 0 {
		return nil, fmt.Errorf("the User of mox.conf, %s, is root or has its group; name one that can do little", name)
	}
	return &safefile.User{UID: uint32(uid), GID: uint32(gid)}, nil
}

// listenAddress is where a socket listens.
type listenAddress struct {
	service
	ip               netip.Addr
	network, address string
}

// listenAddresses returns where the services of a configuration listen.
func listenAddresses(cfg *config.Config) []listenAddress {
	var list []listenAddress
	for _, l := range cfg.Listeners {
		for _, svc := range services(l) {
			for _, ip := range l.IPs {
				network, at := endpoint(svc, ip)
				list = append(list, listenAddress{svc, ip, network, at})
			}
		}
	}
	return list
}

// listen opens the sockets of all services, or takes those that are inherited. What is inherited and
// not needed any more is closed first: a socket for all addresses of a port cannot be opened beside one for a single address.
func (p *parent) listen(inherited supervise.Sockets) (_ supervise.Sockets, rerr error) {
	needed := listenAddresses(p.cfg)
	for _, s := range inherited {
		if !slices.ContainsFunc(needed, func(a listenAddress) bool { return a.network == s.Network && a.address == s.Address }) {
			p.log.Info("closing a port that mox.conf does not name any more", "address", s.Address)
			if err := s.File.Close(); err != nil {
				return nil, err
			}
		}
	}
	var sockets supervise.Sockets
	defer func() {
		if rerr != nil {
			rerr = errors.Join(rerr, sockets.Close())
		}
	}()
	for _, a := range needed {
		s, ok := inherited.Find(a.network, a.address)
		if !ok {
			var err error
			if s, err = supervise.Listen(a.network, a.address); err != nil {
				return nil, listenAdvice(a.service, a.ip, err)
			}
		}
		sockets = append(sockets, s)
	}
	return sockets, nil
}

// checkPorts returns an error if a port of a new configuration cannot be opened.
func (p *parent) checkPorts(cfg *config.Config) error {
	for _, a := range listenAddresses(cfg) {
		// That of a port which is open now cannot be tried beside it.
		suffix := ":" + strconv.Itoa(a.port)
		if slices.ContainsFunc(p.sockets, func(s supervise.Socket) bool { return strings.HasSuffix(s.Address, suffix) }) {
			continue
		}
		s, err := supervise.Listen(a.network, a.address)
		if err != nil {
			return listenAdvice(a.service, a.ip, err)
		}
		if err := s.File.Close(); err != nil {
			return err
		}
	}
	return nil
}

// files reads mox.conf and the certificates and keys that it names.
func (p *parent) files() (map[string][]byte, error) {
	cfg, err := config.LoadStatic(config.Options{Path: p.path, ReadFile: p.readFile})
	if err != nil {
		cfg = p.cfg // The child finds out what is wrong with the new one.
	}
	files := map[string][]byte{}
	for _, path := range append(cfg.Files(), p.path) {
		data, err := p.readFile(path)
		if err != nil {
			return nil, err
		}
		files[path] = data
	}
	return files, nil
}

// restartable tells whether this program could be started again as it is now.
func (p *parent) restartable() error {
	if err := p.checkRestart(); err != nil {
		return fmt.Errorf("no restart: %w", err)
	}
	return nil
}

func (p *parent) checkRestart() error {
	if p.root {
		if err := safefile.CheckProgram(p.executable); err != nil {
			return err
		}
	}
	if err := supervise.Probe(context.Background(), p.executable, []string{"version"}, p.childEnv(), p.credential()); err != nil {
		return fmt.Errorf("the program does not run: %w", err)
	}
	cfg, err := config.LoadStatic(config.Options{Path: p.path, ReadFile: p.readFile})
	if err != nil {
		return err
	}
	if p.root {
		if _, err := lookupUser(cfg.User); err != nil {
			return err
		}
	}
	return p.checkPorts(cfg)
}
