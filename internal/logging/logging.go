// Package logging sets up log/slog: levels for protocol traces, a level per
// package that can change while the server runs, and keeping secrets out.
//
// A part of mox gets its logger by With("pkg", name), which selects the level
// configured for that name. What a peer sent is logged as an attribute, never as
// part of the message: attributes are quoted, so no line can be forged.
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Levels below slog.LevelDebug, for transcripts of protocol dialogues.
const (
	LevelTrace     = slog.Level(-8)  // Dialogues, without credentials and message data.
	LevelTraceauth = slog.Level(-12) // With credentials.
	LevelTracedata = slog.Level(-16) // With message data too; this is a lot.
)

// PackageKey is the attribute that names the part of mox a logger belongs to.
const PackageKey = "pkg"

var levelNames = []struct {
	level slog.Level
	name  string
}{
	{slog.LevelError, "error"},
	{slog.LevelWarn, "warn"},
	{slog.LevelInfo, "info"},
	{slog.LevelDebug, "debug"},
	{LevelTrace, "trace"},
	{LevelTraceauth, "traceauth"},
	{LevelTracedata, "tracedata"},
}

// ParseLevel returns the level of a name: error, warn, info, debug, trace,
// traceauth or tracedata.
func ParseLevel(name string) (slog.Level, error) {
	for _, l := range levelNames {
		if l.name == name {
			return l.level, nil
		}
	}
	var names []string
	for _, l := range levelNames {
		names = append(names, l.name)
	}
	return 0, fmt.Errorf("unknown log level %q, use one of %s", name, strings.Join(names, ", "))
}

// LevelName returns the name of a level, as ParseLevel takes it.
func LevelName(level slog.Level) string {
	for _, l := range levelNames {
		if l.level == level {
			return l.name
		}
	}
	return level.String()
}

// Levels are the current levels of one server. They may be read and set by
// several goroutines at once. The zero value logs from slog.LevelInfo.
type Levels struct {
	current  atomic.Pointer[levelSet]
	packages sync.Map // Names, as string, of which there are loggers.
}

type levelSet struct {
	def    slog.Level
	byName map[string]slog.Level
}

// Set replaces all levels: def for packages that byName does not have. The map
// is copied.
func (l *Levels) Set(def slog.Level, byName map[string]slog.Level) {
	l.current.Store(&levelSet{def, maps.Clone(byName)})
}

// All returns the default and the levels of packages that have their own, in a map of
// the caller's.
func (l *Levels) All() (def slog.Level, byName map[string]slog.Level) {
	set := l.current.Load()
	if set == nil {
		return slog.LevelInfo, map[string]slog.Level{}
	}
	byName = map[string]slog.Level{}
	maps.Copy(byName, set.byName)
	return set.def, byName
}

// Change changes the levels: f gets the default and a map of its own, which it may
// change, and returns the default. F is called again if the levels were changed
// meanwhile.
func (l *Levels) Change(f func(def slog.Level, byName map[string]slog.Level) slog.Level) {
	for {
		old := l.current.Load()
		set := &levelSet{slog.LevelInfo, map[string]slog.Level{}}
		if old != nil {
			set.def = old.def
			maps.Copy(set.byName, old.byName)
		}
		set.def = f(set.def, set.byName)
		if l.current.CompareAndSwap(old, set) {
			return
		}
	}
}

// Packages returns the names of packages that have got a logger, sorted.
func (l *Levels) Packages() []string {
	var names []string
	l.packages.Range(func(name, _ any) bool {
		names = append(names, name.(string))
		return true
	})
	slices.Sort(names)
	return names
}

// Level returns the level for a package.
func (l *Levels) Level(pkg string) slog.Level {
	set := l.current.Load()
	if set == nil {
		return slog.LevelInfo
	}
	if len(set.byName) > 0 && pkg != "" {
		if level, ok := set.byName[pkg]; ok {
			return level
		}
	}
	return set.def
}

// New returns a logger that writes one line of key=value pairs per record to w.
// What is logged is decided by levels at the time of each call.
func New(w io.Writer, levels *Levels) *slog.Logger {
	text := slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: LevelTracedata,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.LevelKey {
				if level, ok := a.Value.Any().(slog.Level); ok {
					return slog.String(slog.LevelKey, LevelName(level))
				}
			}
			return a
		},
	})
	return slog.New(&handler{next: text, levels: levels})
}

// handler filters by the level of the package its logger belongs to.
type handler struct {
	next    slog.Handler
	levels  *Levels
	pkg     string
	grouped bool // Within a group "pkg" is an attribute like any other.
}

var _ slog.Handler = (*handler)(nil)

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.levels.Level(h.pkg)
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	return h.next.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	if !h.grouped {
		// The logger of a part that is handed to another one is renamed by it, so
		// the last name counts. Both stand in the line.
		for _, a := range slices.Backward(attrs) {
			if a.Key == PackageKey {
				n.pkg = a.Value.String()
				h.levels.packages.LoadOrStore(n.pkg, nil)
				break
			}
		}
	}
	n.next = h.next.WithAttrs(attrs)
	return &n
}

func (h *handler) WithGroup(name string) slog.Handler {
	n := *h
	n.grouped = true
	n.next = h.next.WithGroup(name)
	return &n
}
