package main

import (
	"flag"
	"fmt"
	"strings"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
	"mox/test/load/mail"
)

// searched is a SEARCH, and which messages it must find.
type searched struct {
	name string
	keys string
	find func(s *mail.Summary) bool // Nil if the messages alone do not say.
}

var searches = []searched{
	{"all", "ALL", func(*mail.Summary) bool { return true }},
	{"unseen", "UNSEEN", nil},
	{"from", "FROM " + mail.SearchedSender, func(s *mail.Summary) bool { return s.Matches(mail.SearchedSender) }},
	{"subject", "SUBJECT " + mail.SearchedSubject, func(s *mail.Summary) bool { return strings.Contains(s.Subject, mail.SearchedSubject) }},
	{"since", "SINCE 3-May-2026", func(s *mail.Summary) bool { return !s.Date.Before(mail.SearchedSince) }},
	{"body", "BODY " + mail.RareWord, func(s *mail.Summary) bool { return s.Rare }},
	{"text", "TEXT " + mail.RareWord, func(s *mail.Summary) bool { return s.Rare }},
}

func searchMode(r *run, fs *flag.FlagSet, args []string) error {
	r.serverFlags(fs)
	opts := messageFlags(fs)
	account := fs.Int("account", 0, "account")
	mailbox := fs.String("mailbox", "Load", "mailbox, as mode fill makes it, with the same -seed, -size and -span")
	fs.IntVar(&opts.Span, "span", 0, "messages over which their dates are spread; 0 is as many as there are")
	rounds := fs.Int("rounds", 5, "times that each search is made; the figure is the median")
	if err := r.parse(fs, args, "imap"); err != nil {
		return err
	}
	if err := positive(map[string]int{"rounds": *rounds}); err != nil {
		return err
	}
	c, err := r.imap(*account)
	if err != nil {
		return err
	}
	defer c.Close()
	exists, err := c.Examine(*mailbox)
	if err != nil {
		return err
	}
	if opts.Span == 0 {
		opts.Span = exists
	}
	opts.To = r.server.address(*account)
	want := expected(mail.New(*opts), exists)
	for _, s := range searches {
		times, err := s.measure(c, *rounds, want)
		if err != nil {
			return err
		}
		f := figure.Figure{Name: r.named("search") + "-" + s.name, Unit: "ms"}
		f.Latencies(times)
		f.Value, f.N = figure.Milliseconds(figure.Median(times)), exists
		if hits, ok := want[s.name]; ok {
			f.Note = fmt.Sprintf("%d found", hits)
		}
		if err := r.emit(f); err != nil {
			return err
		}
	}
	return c.Logout()
}

// expected returns how many of n messages each search must find.
func expected(g *mail.Generator, n int) map[string]int {
	want := map[string]int{}
	for i := range n {
		m := g.Summary(i)
		for _, s := range searches {
			if s.find == nil {
				continue
			}
			if s.find(&m) {
				want[s.name]++
			} else if _, ok := want[s.name]; !ok {
				want[s.name] = 0
			}
		}
	}
	return want
}

// measure makes a search several times. It must find the same number of messages each time, and where
// that is known the right one.
func (s *searched) measure(c *conn.IMAP, rounds int, want map[string]int) ([]time.Duration, error) {
	var times []time.Duration
	hits, known := want[s.name]
	for range rounds {
		start := time.Now()
		n, err := c.Search(s.keys)
		times = append(times, time.Since(start))
		if err != nil {
			return nil, err
		}
		if known && n != hits {
			return nil, fmt.Errorf("SEARCH %s found %d messages, not %d", s.keys, n, hits)
		}
		hits, known = n, true
	}
	return times, nil
}
