package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
	"mox/test/load/mail"
	"mox/test/load/proc"
)

// run is one run of one mode.
type run struct {
	ctx    context.Context
	out    io.Writer // For figures.
	log    io.Writer // For people.
	server server
	dialer conn.Dialer

	label    string
	security string
	timeout  time.Duration
}

// server is what is measured.
type server struct {
	name       string
	smtp       string
	submission string
	imap       string
	user       string // With %d for the number of the account.
	password   string
	accounts   int
	pids       string
	metrics    string // URL of its metrics page.
	data       string // Directory.
	binary     string
}

// settings are the lines that a server file can have.
func (s *server) settings() map[string]*string {
	return map[string]*string{
		"name": &s.name, "smtp": &s.smtp, "submission": &s.submission, "imap": &s.imap,
		"user": &s.user, "password": &s.password, "pids": &s.pids, "metrics": &s.metrics,
		"data": &s.data, "binary": &s.binary,
	}
}

// readFile takes settings from a file of lines "name=value".
func (s *server) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	settings := s.settings()
	sc := bufio.NewScanner(f)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if name == "accounts" && ok {
			if s.accounts, err = strconv.Atoi(value); err != nil {
				return fmt.Errorf("%s:%d: %w", path, n, err)
			}
			continue
		}
		if settings[name] == nil || !ok {
			return fmt.Errorf("%s:%d: unknown setting %q", path, n, line)
		}
		*settings[name] = value
	}
	return sc.Err()
}

// serverFlags adds the flags that say which server is measured, and how.
func (r *run) serverFlags(fs *flag.FlagSet) {
	s := &r.server
	*s = server{user: "user%d@load.example", accounts: 10}
	fs.Func("server", "file with lines name=value for these flags; `file` goes before flags that change one of them", s.readFile)
	fs.StringVar(&s.name, "name", s.name, "name of the server in the figures")
	fs.StringVar(&s.smtp, "smtp", s.smtp, "`host:port` for SMTP without login")
	fs.StringVar(&s.submission, "submission", s.submission, "`host:port` for submission")
	fs.StringVar(&s.imap, "imap", s.imap, "`host:port` for IMAP")
	fs.StringVar(&s.user, "user", s.user, "user names and addresses of the accounts, with %d for their number, from 0 on")
	fs.StringVar(&s.password, "password", s.password, "password of all accounts")
	fs.IntVar(&s.accounts, "accounts", s.accounts, "number of accounts")
	fs.StringVar(&s.pids, "pids", s.pids, "process ids of the server, separated by commas; those below them count with them")
	fs.StringVar(&s.metrics, "metrics", s.metrics, "`URL` of the metrics page, for servers written in Go")
	fs.StringVar(&s.data, "data", s.data, "`directory` in which the server keeps its data")
	fs.StringVar(&s.binary, "binary", s.binary, "`file` with the program of the server")
	fs.StringVar(&r.label, "label", "", "what figures are called, instead of the usual")
	fs.StringVar(&r.security, "tls", string(conn.Plain), "none, starttls, or implicit")
	fs.DurationVar(&r.timeout, "timeout", time.Minute, "how long the server may be silent")
	fs.BoolVar(&r.dialer.Spread, "spread", false, "connect from many loopback addresses, for servers that limit what one may do")
	fs.BoolVar(&r.dialer.Remote, "remote", false, "allow addresses that are not of this machine")
}

// parse parses the flags and checks them. Need names the addresses that a mode cannot do without.
func (r *run) parse(fs *flag.FlagSet, args []string, need ...string) error {
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	if fs.NArg() > 0 {
		return usagef("unexpected argument %q", fs.Arg(0))
	}
	r.dialer.Security, r.dialer.Timeout = conn.Security(r.security), r.timeout
	switch r.dialer.Security {
	case conn.Plain, conn.StartTLS, conn.TLS, "":
	default:
		return usagef("-tls %q is not one of none, starttls, implicit", r.security)
	}
	settings := r.server.settings()
	for _, name := range need {
		if *settings[name] == "" {
			return usagef("-%s is missing; see -h", name)
		}
	}
	return r.checkAddresses()
}

// checkAddresses refuses addresses that are not of this machine.
func (r *run) checkAddresses() error {
	addresses := []string{r.server.smtp, r.server.submission, r.server.imap}
	if r.server.metrics != "" {
		u, err := url.Parse(r.server.metrics)
		if err != nil || u.Scheme != "http" || u.Port() == "" {
			return usagef("-metrics %q is not http://host:port/path", r.server.metrics)
		}
		addresses = append(addresses, u.Host)
	}
	for _, a := range addresses {
		if a == "" {
			continue
		}
		if _, err := r.dialer.Resolve(a); err != nil {
			if errors.Is(err, conn.ErrNotLoopback) {
				err = fmt.Errorf("%w; to load a server elsewhere, which must be yours, add -remote", err)
			}
			return usageError{err}
		}
	}
	return nil
}

// positive refuses numbers that make no run.
func positive(names map[string]int) error {
	for name, v := range names {
		if v < 1 {
			return usagef("-%s must be at least 1", name)
		}
	}
	return nil
}

// address returns the address of an account.
func (s *server) address(account int) string {
	return strings.ReplaceAll(s.user, "%d", strconv.Itoa(account))
}

func (r *run) login(account int) conn.Credentials {
	return conn.Credentials{User: r.server.address(account), Password: r.server.password}
}

// imap connects as an account.
func (r *run) imap(account int) (*conn.IMAP, error) {
	return r.dialer.IMAP(r.ctx, r.server.imap, r.login(account), false)
}

// count returns the number of messages in a mailbox of an account, 0 if it is not there.
func (r *run) count(account int, mailbox string) (int, error) {
	c, err := r.imap(account)
	if err != nil {
		return 0, err
	}
	n, err := c.Status(mailbox)
	if errors.Is(err, conn.ErrRefused) {
		n, err = 0, nil
	}
	return n, errors.Join(err, c.Logout())
}

// emit writes a figure for programs, and for people.
func (r *run) emit(f figure.Figure) error {
	f.Server = r.server.name
	if err := figure.Write(r.out, f); err != nil {
		return err
	}
	line := fmt.Sprintf("%-28s %10.4g %-5s n=%d", f.Name, f.Value, f.Unit, f.N)
	if f.Axis != "" {
		line += fmt.Sprintf(" at %d %s", f.At, f.Axis)
	}
	if f.P99 > 0 {
		line += fmt.Sprintf("  p50 %.3g p95 %.3g p99 %.3g ms", f.P50, f.P95, f.P99)
	}
	if f.Errors > 0 {
		line += fmt.Sprintf("  %d ERRORS", f.Errors)
	}
	if f.Note != "" {
		line += "  " + f.Note
	}
	fmt.Fprintln(r.log, line)
	return nil
}

// named returns the label, or the usual name.
func (r *run) named(usual string) string {
	if r.label != "" {
		return r.label
	}
	return usual
}

// use returns what the server's processes use.
func (r *run) use() (proc.Use, error) {
	pids, err := proc.Parse(r.server.pids)
	if err != nil {
		return proc.Use{}, usageError{err}
	}
	return proc.Of(pids)
}

// messageFlags are those of modes that make messages.
func messageFlags(fs *flag.FlagSet) *mail.Options {
	o := &mail.Options{}
	fs.Uint64Var(&o.Seed, "seed", 1, "which messages are made; the same seed makes the same ones")
	fs.IntVar(&o.Size, "size", 0, "size of all messages in `bytes`; 0 is as in real mailboxes, with a median of 8 KB")
	return o
}

// totalSize returns the bytes of messages.
func totalSize(msgs [][]byte) (n int64) {
	for _, m := range msgs {
		n += int64(len(m))
	}
	return n
}
