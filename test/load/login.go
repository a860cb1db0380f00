package main

import (
	"errors"
	"flag"
	"strconv"
	"time"

	"mox/test/load/figure"
)

func loginMode(r *run, fs *flag.FlagSet, args []string) error {
	r.serverFlags(fs)
	n := fs.Int("n", 300, "logins")
	c := fs.Int("c", 10, "connections at a time")
	account := fs.Int("account", 0, "account of the first connection")
	accounts := fs.Int("users", 1, "accounts that are used in turn")
	if err := r.parse(fs, args, "imap"); err != nil {
		return err
	}
	if err := positive(map[string]int{"n": *n, "c": *c, "users": *accounts}); err != nil {
		return err
	}
	t, took := work(r.ctx, *n, *c, func(t *tally) error {
		for {
			i, ok := t.next()
			if !ok {
				return nil
			}
			start := time.Now()
			conn, err := r.imap(*account + i%*accounts)
			if err != nil {
				return err
			}
			if err := conn.Logout(); err != nil {
				return err
			}
			t.done(start)
		}
	})
	f := figure.Figure{Name: r.named("login-c" + strconv.Itoa(*c)), Value: figure.PerSecond(len(t.latencies), took), Unit: "/s", Errors: t.failed}
	f.Latencies(t.latencies)
	return errors.Join(r.emit(f), t.err())
}
