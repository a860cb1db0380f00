package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mox/test/load/figure"
	"mox/test/load/mail"
	"mox/test/load/plot"
)

// readResults reads files of figures.
func readResults(paths []string) ([]figure.Figure, *figure.Machine, error) {
	var all []figure.Figure
	var machine *figure.Machine
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return nil, nil, err
		}
		l, m, err := figure.Read(f)
		f.Close()
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p, err)
		}
		all = append(all, l...)
		if m != nil {
			machine = m
		}
	}
	return all, machine, nil
}

// parseFiles parses flags which files of figures follow.
func parseFiles(fs *flag.FlagSet, args []string) error {
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	if fs.NArg() == 0 {
		return usagef("files with figures are missing")
	}
	return nil
}

func tableMode(r *run, fs *flag.FlagSet, args []string) error {
	ours := fs.String("ours", "mox", "server that must reach the figures")
	theirs := fs.String("theirs", "", "server it is compared with; empty for none")
	markdown := fs.Bool("markdown", false, "write it as Markdown, for docs/performance.md")
	strict := fs.Bool("strict", false, "fail if a figure is short of what must be reached")
	if err := parseFiles(fs, args); err != nil {
		return err
	}
	figures, machine, err := readResults(fs.Args())
	if err != nil {
		return err
	}
	t, err := figure.NewTable(figures, *ours, *theirs)
	if err != nil {
		return err
	}
	write := t.Text
	if *markdown {
		write = t.Markdown
	}
	err = errors.Join(writeMachine(r.out, machine, figures), write(r.out))
	if n := t.Short(); err == nil && n > 0 && *strict {
		err = fmt.Errorf("%d figures are short", n)
	}
	return err
}

// writeMachine says on what machine the figures were taken.
func writeMachine(w io.Writer, m *figure.Machine, figures []figure.Figure) error {
	if m == nil {
		return nil
	}
	floor := func(name string) float64 {
		var l []float64
		for _, f := range figures {
			if f.Name == name {
				l = append(l, f.Value)
			}
		}
		return figure.Median(l)
	}
	_, err := fmt.Fprintf(w, "%s: %s, %d cores, %d MiB of memory, Linux %s, %s, %s, load average %.2f before.\nThe disk makes an append of 8 KB durable in %.2f ms, and a file with its name in %.2f ms.\n\n",
		m.Date, m.CPU, m.Cores, m.MemoryMiB, m.Kernel, m.FileSystem, m.Go, m.Load, floor("disk/append"), floor("disk/file"))
	return err
}

// A chart is a plot of figures over one axis with one unit.
type chart struct {
	file, title, axis, unit string

	// of tells which figures are in it. Nil is all.
	of func(name string) bool
}

var charts = []chart{
	{"messages-page.svg", "What concerns a message or a page, by messages in the mailbox", "messages", "ms", func(name string) bool { return !concernsAll(name) }},
	{"messages-all.svg", "What concerns all messages, by messages in the mailbox", "messages", "ms", concernsAll},
	{"messages-rate.svg", "Messages a second, by messages in the mailbox", "messages", "/s", nil},
	{"messages-memory.svg", "Memory of the server, by messages in the mailbox", "messages", "MiB", nil},
	{"senders-rate.svg", "Messages a second, by concurrent senders", "senders", "/s", nil},
	{"senders-latency.svg", "Time to accept a message, by concurrent senders", "senders", "ms", nil},
	{"connections-memory.svg", "Memory for each idle connection, by connections", "connections", "KiB", nil},
	{"connections-told.svg", "Time until the last idle connection hears of a message, by connections", "connections", "ms", nil},
	{"accounts-rate.svg", "Messages a second, by accounts that receive", "accounts", "/s", nil},
	{"accounts-latency.svg", "Time to accept a message, by accounts that receive", "accounts", "ms", nil},
	{"accounts-memory.svg", "Memory of the server, by accounts that receive", "accounts", "MiB", nil},
}

// concernsAll tells of a figure of mode grow whether the command looks at every message.
func concernsAll(name string) bool {
	return strings.HasPrefix(name, "SEARCH ") || strings.Contains(name, " of all")
}

func plotMode(r *run, fs *flag.FlagSet, args []string) error {
	dir := fs.String("dir", ".", "`directory` for the plots")
	if err := parseFiles(fs, args); err != nil {
		return err
	}
	figures, _, err := readResults(fs.Args())
	if err != nil {
		return err
	}
	drawn := 0
	for _, c := range charts {
		p := c.plot(figures)
		if len(p.Curves) == 0 {
			continue
		}
		if err := writePlot(filepath.Join(*dir, c.file), &p); err != nil {
			return fmt.Errorf("%s: %w", c.file, err)
		}
		fmt.Fprintln(r.log, "drew", filepath.Join(*dir, c.file))
		drawn++
	}
	if drawn == 0 {
		return errors.New("the files have no figures of mode grow")
	}
	return nil
}

func writePlot(path string, p *plot.Plot) (rerr error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, f.Close()) }()
	return p.SVG(f)
}

// plot returns the chart with a curve for each server and figure. Where a figure was taken several
// times at one place, the median counts.
func (c *chart) plot(figures []figure.Figure) plot.Plot {
	type place struct {
		server, name string
		at           int
	}
	values := map[place][]float64{}
	for _, f := range figures {
		if f.Axis == c.axis && f.Unit == c.unit && f.Value > 0 && f.At > 0 && (c.of == nil || c.of(f.Name)) {
			p := place{f.Server, f.Name, f.At}
			values[p] = append(values[p], f.Value)
		}
	}
	curves := map[string][]plot.Point{}
	for p, l := range values {
		name := p.server + " " + p.name
		curves[name] = append(curves[name], plot.Point{X: float64(p.at), Y: figure.Median(l)})
	}
	p := plot.Plot{Title: c.title, XLabel: c.axis, YLabel: c.unit}
	names := make([]string, 0, len(curves))
	for name := range curves {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p.Curves = append(p.Curves, plot.Curve{Name: name, Points: curves[name]})
	}
	return p
}

func messagesMode(r *run, fs *flag.FlagSet, args []string) error {
	opts := messageFlags(fs)
	n := fs.Int("n", 1000, "messages")
	dir := fs.String("dir", "", "`directory` to write them to; empty to describe them only")
	if err := r.parse(fs, args); err != nil {
		return err
	}
	if err := positive(map[string]int{"n": *n}); err != nil {
		return err
	}
	opts.Span = *n
	g := mail.New(*opts)
	var sizes []float64
	var total float64
	for i := range *n {
		msg := g.Message(i)
		sizes = append(sizes, float64(len(msg)))
		total += float64(len(msg))
		if *dir == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(*dir, fmt.Sprintf("%07d.eml", i)), msg, 0o644); err != nil {
			return err
		}
	}
	slices.Sort(sizes)
	for _, p := range []struct {
		name  string
		value float64
	}{
		{"mean", total / float64(*n)}, {"median", figure.Percentile(sizes, 0.5)}, {"p95", figure.Percentile(sizes, 0.95)},
		{"p99", figure.Percentile(sizes, 0.99)}, {"largest", figure.Percentile(sizes, 1)},
	} {
		if err := r.emit(figure.Figure{Name: "messages/" + p.name, Value: p.value / 1024, Unit: "KiB", N: *n}); err != nil {
			return err
		}
	}
	return nil
}
