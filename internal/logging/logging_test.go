package logging_test

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"mox/internal/logging"
)

func newLogger(def slog.Level, byName map[string]slog.Level) (*slog.Logger, *bytes.Buffer, *logging.Levels) {
	var out bytes.Buffer
	var levels logging.Levels
	levels.Set(def, byName)
	return logging.New(&out, &levels), &out, &levels
}

func TestLevelPerPackage(t *testing.T) {
	t.Parallel()
	log, out, levels := newLogger(slog.LevelError, map[string]slog.Level{"queue": slog.LevelDebug})
	queue := log.With("pkg", "queue", "x", 1)
	queue.Debug("from queue")
	log.With("pkg", "smtpserver").Info("from smtpserver")
	queue.WithGroup("g").With("pkg", "smtpserver").Debug("from queue in a group")
	queue.With("pkg", "smtpserver").Debug("queue's logger, handed on")
	got := out.String()
	if strings.Count(got, "from queue") != 2 || strings.Contains(got, "from smtpserver") || strings.Contains(got, "handed on") {
		t.Errorf("logged:\n%s", got)
	}

	out.Reset()
	levels.Set(slog.LevelInfo, nil) // Applies to existing loggers.
	queue.Debug("debug")
	queue.Info("info")
	if got := out.String(); strings.Contains(got, "msg=debug") || !strings.Contains(got, "msg=info") {
		t.Errorf("after change of levels, logged:\n%s", got)
	}
}

func TestZeroLevelsLogInfo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var levels logging.Levels
	log := logging.New(&out, &levels)
	log.Debug("hidden")
	log.Info("shown")
	if got := out.String(); strings.Contains(got, "hidden") || !strings.Contains(got, "shown") {
		t.Errorf("logged:\n%s", got)
	}
}

func TestParseLevel(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"error", "warn", "info", "debug", "trace", "traceauth", "tracedata"} {
		level, err := logging.ParseLevel(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := logging.LevelName(level); got != name {
			t.Errorf("level %s has name %s", name, got)
		}
	}
	for _, name := range []string{"", "Info", "verbose", "trace2"} {
		if _, err := logging.ParseLevel(name); err == nil || !strings.Contains(err.Error(), "tracedata") {
			t.Errorf("%q: error %v, want one that lists the levels", name, err)
		}
	}
}

func TestTraceHidesSecretsAndData(t *testing.T) {
	t.Parallel()
	dialogue := func(level slog.Level) string {
		log, out, _ := newLogger(level, nil)
		trace := logging.NewTrace(log, "C: ")
		r := trace.Reader(strings.NewReader("EHLO there\r\n"))
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		}
		previous := trace.SetKind(logging.LevelTraceauth)
		trace.Log([]byte("hunter2"))
		trace.SetKind(logging.LevelTracedata)
		trace.Log([]byte("Dear Bob"))
		trace.SetKind(previous)
		if _, err := io.WriteString(trace.Writer(io.Discard), "QUIT\r\n"); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for _, tc := range []struct {
		level  slog.Level
		has    []string
		hasNot []string
	}{
		{slog.LevelDebug, nil, []string{"EHLO", "hunter2", "Dear", "***"}},
		{logging.LevelTrace, []string{"EHLO", "***", "size=8", "QUIT", "level=trace"}, []string{"hunter2", "Dear"}},
		{logging.LevelTraceauth, []string{"EHLO", "hunter2", "size=8", "QUIT"}, []string{"Dear"}},
		{logging.LevelTracedata, []string{"EHLO", "hunter2", "Dear Bob", "QUIT"}, []string{"***"}},
	} {
		got := dialogue(tc.level)
		for _, s := range tc.has {
			if !strings.Contains(got, s) {
				t.Errorf("at %s, %q is missing:\n%s", logging.LevelName(tc.level), s, got)
			}
		}
		for _, s := range tc.hasNot {
			if strings.Contains(got, s) {
				t.Errorf("at %s, %q is shown:\n%s", logging.LevelName(tc.level), s, got)
			}
		}
	}
	var none *logging.Trace
	none.Log([]byte("x")) // Logs nothing, and does not fail.
	none.SetKind(logging.LevelTrace)
}

// A peer must not be able to write lines into the log.
func TestLogsCannotBeForged(t *testing.T) {
	t.Parallel()
	log, out, _ := newLogger(logging.LevelTracedata, nil)
	log.Info("mail", "from", "a@b\nlevel=error msg=forged\x1b[31m\xff")
	logging.NewTrace(log, "C: ").Log([]byte("x\r\nlevel=error msg=forged\r\n"))
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "level=") || strings.ContainsAny(line, "\r\x1b") || !utf8.ValidString(line) {
			t.Errorf("bad line %q", line)
		}
	}
}

func TestChangeLevels(t *testing.T) {
	t.Parallel()
	var levels logging.Levels
	if def, byName := levels.All(); def != slog.LevelInfo || len(byName) != 0 {
		t.Errorf("levels never set: %v %v", def, byName)
	}
	log := logging.New(io.Discard, &levels)
	log.With("x", 1).With("pkg", "queue").WithGroup("g").With("pkg", "other")
	log.With("pkg", "imapserver")
	if got := strings.Join(levels.Packages(), " "); got != "imapserver queue" {
		t.Errorf("packages %q", got)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			levels.Change(func(def slog.Level, byName map[string]slog.Level) slog.Level {
				byName[string(rune('a'+i))] = slog.LevelDebug
				return def - 1
			})
		})
	}
	wg.Wait()
	if def, byName := levels.All(); def != slog.LevelInfo-20 || len(byName) != 20 {
		t.Errorf("after 20 changes at once: %v, %d of packages", def, len(byName))
	}
}
