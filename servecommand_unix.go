//go:build unix

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"mox/config"
	"mox/internal/logging"
	"mox/internal/sandbox"
	"mox/internal/supervise"
)

// parentTimeout is how long a child waits for its parent, which has little to do.
const parentTimeout = 10 * time.Second

// runServe is the parent of a server, or its child.
func runServe(cmd *cobra.Command, _ []string) error {
	path, err := configPath(cmd)
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	levels := new(logging.Levels)
	log := logging.New(cmd.ErrOrStderr(), levels)
	sockets, err := supervise.Inherited()
	if err != nil {
		return err
	}
	child, err := supervise.Connect()
	if err != nil {
		return err
	}
	if child == nil {
		return runParent(cmd.Context(), path, sockets, log)
	}
	return runChild(cmd.Context(), path, sockets, child, log, levels)
}

// runChild serves, on the sockets of its parent.
func runChild(ctx context.Context, path string, sockets supervise.Sockets, child *supervise.Child, log *slog.Logger, levels *logging.Levels) error {
	settled, unset := leaveHeap()
	defer unset()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-child.Gone():
			log.Error("the parent process is gone; stopping")
			cancel()
		case <-ctx.Done():
		}
	}()
	opts := config.Options{Path: path, ReadFile: func(path string) ([]byte, error) { return readForChild(ctx, child, path) }}
	cfg, err := config.Load(opts)
	if err != nil {
		return err
	}
	if err := sandbox.Restrict(view(cfg)); err != nil {
		return err
	}
	if !sandbox.Supported() {
		log.Info("this system cannot restrict which files a process reaches, beyond their owners and modes")
	}
	return serve(ctx, serveOptions{
		config: opts,
		log:    log,
		levels: levels,
		listen: func(network, address string) (net.Listener, error) {
			s, ok := sockets.Find(network, address)
			if !ok {
				return nil, fmt.Errorf("the parent process has no socket for %s", address)
			}
			return s.Listener()
		},
		ready: func(*config.Config, []socket) {
			ready(ctx, child, log)
		},
		settled: settled,
		restart: child.Restart,
	})
}

// ready tells the parent that this child serves.
func ready(ctx context.Context, child *supervise.Child, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, parentTimeout)
	defer cancel()
	if err := child.Ready(ctx); err != nil {
		log.Error("telling the parent process that all is served", "err", err)
	}
}

// readForChild reads a file: the parent's answer counts where it has one.
func readForChild(ctx context.Context, child *supervise.Child, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, parentTimeout)
	defer cancel()
	files, err := child.Files(ctx)
	if err != nil {
		return nil, err
	}
	if data, ok := files[path]; ok {
		return data, nil
	}
	return os.ReadFile(path)
}

// view returns what a server needs of the file system. Directories of websites are those of now: the files of one that is added later
// are out of reach until a restart.
func view(cfg *config.Config) sandbox.View {
	v := sandbox.View{
		Read: []string{
			"/etc",                                                           // Names, certificates of authorities, time zones: some change while we run.
			"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", // Where /etc/resolv.conf may lead.
			"/usr/share", "/usr/lib/ssl", "/usr/local/share/ca-certificates",
			"/proc", "/sys/fs/cgroup", "/sys/kernel/mm", // Figures of this process.
		},
		// Domains.conf is replaced by a new file, which takes the right to write in its directory; what
		// else is there belongs to root.
		Write: []string{cfg.DataDir, cfg.Dir},
	}
	for _, h := range cfg.Websites().Handlers {
		if h.Static != nil {
			v.Read = append(v.Read, h.Static.Root)
		}
	}
	return v
}
