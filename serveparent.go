//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

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
	log        *slog.Logger
	root       bool
	cfg        *config.Config // Mox.conf alone.
	user       *safefile.User // Whom the child runs as; nil without root.
	env        []string       // For the child, and for what replaces this process.
}

// runParent runs a server below this process. The sockets are from the process that this one
// replaces.
func runParent(ctx context.Context, path string, inherited supervise.Sockets, log *slog.Logger) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	p := &parent{path: path, executable: executable, log: log.With("pkg", "serve"), root: os.Geteuid() == 0, env: os.Environ()}
	if err := p.prepare(); err != nil {
		return err
	}
	sockets, err := p.listen(inherited)
	if err != nil {
		return err
	}
	args := []string{"--config", p.path, "serve"}
	opts := supervise.Options{
		Executable:  p.executable,
		Args:        args,
		Env:         p.env,
		Sockets:     sockets,
		Files:       p.files,
		Restartable: p.restartable,
		Ready:       func(pid int) { p.log.Info("serving", "version", version(), "pid", pid) },
		Log:         p.log,
	}
	if p.user != nil {
		opts.Credential = &supervise.Credential{UID: p.user.UID, GID: p.user.GID}
	}
	outcome, err := supervise.Run(ctx, opts)
	if err != nil || outcome == supervise.Stopped {
		return errors.Join(err, sockets.Close())
	}
	p.log.Info("restarting")
	return supervise.Exec(p.executable, args, p.env, sockets)
}

// prepare reads mox.conf, and puts owners and modes right for the child.
func (p *parent) prepare() error {
	cfg, err := config.LoadStatic(config.Options{Path: p.path, ReadFile: p.readFile})
	if err != nil {
		return err
	}
	p.cfg = cfg
	if !p.root {
		return nil
	}
	if p.user, err = lookupUser(cfg.User); err != nil {
		return err
	}
	if err := safefile.Share(cfg.Dir, p.user.GID); err != nil {
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
	if err != nil {
		return nil, fmt.Errorf("user of the server: %w; make it with: useradd --system --home-dir / --shell /usr/sbin/nologin %s (or name another as User in mox.conf)", err, name)
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

// listen opens the sockets of all services, or takes those that are inherited. What is inherited and
// not needed any more is closed.
func (p *parent) listen(inherited supervise.Sockets) (_ supervise.Sockets, rerr error) {
	var sockets supervise.Sockets
	defer func() {
		if rerr != nil {
			rerr = errors.Join(rerr, sockets.Close())
		}
	}()
	for _, l := range p.cfg.Listeners {
		for _, svc := range services(l) {
			for _, ip := range l.IPs {
				network, address := endpoint(svc, ip)
				s, ok := inherited.Find(network, address)
				if !ok {
					var err error
					if s, err = supervise.Listen(network, address); err != nil {
						return nil, listenAdvice(svc, ip, err)
					}
				}
				sockets = append(sockets, s)
			}
		}
	}
	for _, s := range inherited {
		if _, needed := sockets.Find(s.Network, s.Address); !needed {
			p.log.Info("closing a port that mox.conf does not name any more", "address", s.Address)
			if err := s.File.Close(); err != nil {
				return nil, err
			}
		}
	}
	return sockets, nil
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
	if p.root {
		if err := safefile.CheckProgram(p.executable); err != nil {
			return fmt.Errorf("no restart: %w", err)
		}
	} else if _, err := os.Stat(p.executable); err != nil {
		return fmt.Errorf("no restart: %w", err)
	}
	if _, err := config.LoadStatic(config.Options{Path: p.path, ReadFile: p.readFile}); err != nil {
		return fmt.Errorf("no restart: %w", err)
	}
	return nil
}
