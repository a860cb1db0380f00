package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
)

// greetMode is for scripts that start a server: it returns when the server is there.
func greetMode(r *run, fs *flag.FlagSet, args []string) error {
	r.serverFlags(fs)
	since := fs.Int64("since", 0, "when the server was started, in `nanoseconds` since 1970; 0 for no figure")
	wait := fs.Duration("wait", 5*time.Minute, "how long to wait at most")
	if err := r.parse(fs, args); err != nil {
		return err
	}
	if r.server.imap == "" && r.server.smtp == "" {
		return usagef("-imap or -smtp is missing")
	}
	var last error
	err := poll(r.ctx, 2*time.Millisecond, *wait, func() (bool, error) {
		last = r.greeted()
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", err, last)
	}
	if *since == 0 {
		return nil
	}
	took := time.Since(time.Unix(0, *since))
	return r.emit(figure.Figure{Name: r.named("start/greeting"), Value: figure.Milliseconds(took), Unit: "ms", N: 1})
}

// greeted connects to the addresses that are given.
func (r *run) greeted() error {
	if r.server.imap != "" {
		c, err := r.dialer.IMAP(r.ctx, r.server.imap, conn.Credentials{}, true)
		if err != nil {
			return err
		}
		c.Logout()
	}
	if r.server.smtp != "" {
		c, err := r.dialer.SMTP(r.ctx, r.server.smtp, conn.Credentials{})
		if err != nil {
			return err
		}
		c.Quit()
	}
	return nil
}

func memoryMode(r *run, fs *flag.FlagSet, args []string) error {
	r.serverFlags(fs)
	if err := r.parse(fs, args, "pids"); err != nil {
		return err
	}
	u, err := r.use()
	if err != nil {
		return err
	}
	const mib = 1 << 20
	err = r.emit(figure.Figure{Name: r.named("memory/start"), Value: float64(u.PSS) / mib, Unit: "MiB", N: u.Processes,
		Note: fmt.Sprintf("proportional set size; %.1f MiB resident, %.1f MiB anonymous, %d files open", float64(u.RSS)/mib, float64(u.Anonymous)/mib, u.Files)})
	if err != nil || r.server.binary == "" {
		return err
	}
	info, err := os.Stat(r.server.binary)
	if err != nil {
		return err
	}
	return r.emit(figure.Figure{Name: "binary", Value: float64(info.Size()) / mib, Unit: "MiB", N: 1})
}
