package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
)

// soakFor is how long TestSoak lasts: go test ./test/load -run Soak -soak 1h -timeout 2h
var soakFor = flag.Duration("soak", 0, "how long TestSoak lasts; 0 is 5 minutes, or 3 seconds with -short")

// servers counts those started: each has an address of its own.
var servers atomic.Int32

// programs is the directory with mox and load, built once.
var programs string

func TestMain(m *testing.M) {
	flag.Parse()
	if *soakFor == 0 {
		*soakFor = 5 * time.Minute
		if testing.Short() {
			*soakFor = 3 * time.Second
		}
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	var err error
	if programs, err = os.MkdirTemp("", "mox-load-programs-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(programs)
	for name, pkg := range map[string]string{"mox": "mox", "load": "mox/test/load"} {
		build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(programs, name), pkg)
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building %s: %v\n%s", name, err, out)
			return 1
		}
	}
	return m.Run()
}

// testServer is a mox that the script of test/load/peers started, and its settings.
type testServer struct {
	t        *testing.T
	settings string // File.
}

// startServer starts a server that ends with the test. What it stored must then be sound.
func startServer(t *testing.T) *testServer {
	t.Helper()
	dir := t.TempDir()
	env := append(os.Environ(), "LOAD_DIR="+dir, "MOX="+filepath.Join(programs, "mox"), "LOAD="+filepath.Join(programs, "load"),
		"ACCOUNTS=4", fmt.Sprintf("IP=127.%d.%d.%d", 60+servers.Add(1), os.Getpid()>>8&255, os.Getpid()&255))
	script := func(command string) []byte {
		cmd := exec.Command("sh", "peers/mox.sh", command)
		cmd.Env = env
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("peers/mox.sh %s: %v\n%s", command, err, stderr.String())
		}
		return out
	}
	s := &testServer{t, filepath.Join(dir, "settings")}
	t.Cleanup(func() { script("verify") })
	if err := os.WriteFile(s.settings, script("start"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// load runs a mode on the server.
func (s *testServer) load(mode string, args ...string) ([]figure.Figure, error) {
	s.t.Helper()
	// Filling mailboxes takes long where a disk is slow to sync.
	ctx, cancel := context.WithTimeout(s.t.Context(), 12*time.Minute+*soakFor)
	defer cancel()
	var out, log bytes.Buffer
	err := execute(ctx, append([]string{mode, "-server", s.settings}, args...), &out, &log)
	figures, _, readErr := figure.Read(&out)
	if readErr != nil {
		s.t.Fatalf("%s: output: %v", mode, readErr)
	}
	return figures, err
}

// names are the names of figures, without repetitions.
func names(figures []figure.Figure) []string {
	var l []string
	for _, f := range figures {
		if !slices.Contains(l, f.Name) {
			l = append(l, f.Name)
		}
	}
	return l
}

// TestModes runs all that measures a server, with small numbers.
func TestModes(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, tc := range []struct {
		args string
		want string // Names of figures.
	}{
		{"deliver -n 20 -c 4 -per-connection 3", "deliver-c4/accepted deliver-c4/arrived"},
		{"deliver -n 12 -c 2 -recipients 3 -label turn", "turn/accepted turn/arrived"},
		{"deliver -n 5 -c 2 -recipients 3 -together -tls starttls -spread", "deliver-c2/accepted deliver-c2/arrived"},
		{"submit -n 6 -c 2 -sender 1 -account 2", "submit-c2/accepted submit-c2/arrived"},
		{"append -n 20 -c 2 -account 1", "append-c2"},
		{"append -n 5 -literal sync -account 1", "append-c1"},
		{"fill -n 120 -c 3 -seed 9", "fill disk/ratio"},
		{"fill -n 120 -c 3 -seed 9", ""}, // It is full.
		{"fetch -rounds 2", "fetch-flags/first fetch-flags/warm fetch-envelope/first fetch-envelope/warm fetch-bodystructure/first fetch-bodystructure/warm fetch-headerfields/first fetch-headerfields/warm fetch-body/first fetch-body/warm"},
		{"fetch -rounds 1 -items flags,body -label x", "x/first"},
		{"search -rounds 2 -seed 9", "search-all search-unseen search-from search-subject search-since search-body search-text"},
		{"change -single 5 -block 20", "store-all store-all-removed store-single copy move expunge"},
		{"list -boxes 5 -rounds 2", "select/first select/again status list"},
		{"login -n 6 -c 2 -users 2", "login-c2"},
		{"idle -n 8 -settle 0 -times 2", "idle/memory idle/collected idle/told"},
		{"idle -n 3 -settle 0 -times 0 -tls starttls -mailbox Load -collect 0 -label idle-tls", "idle-tls/memory"},
		{"memory", "memory/start binary"},
		{"greet -since 1", "start/greeting"},
		{"grow -axis messages -steps 60,30 -n 10 -c 2 -account 3", "append on the way|SELECT, first|SELECT|STATUS|FETCH ENVELOPE of 50|FETCH BODY[] of 1|FETCH FLAGS of all|FETCH ENVELOPE of all, first|FETCH ENVELOPE of all|SEARCH unseen|SEARCH from|SEARCH subject|SEARCH since|SEARCH body|STORE of 1|deliver accepted|deliver arrived|deliver p50|deliver p99|EXPUNGE of what came|memory"},
		{"grow -axis senders -steps 1,3 -n 6", "deliver accepted|deliver arrived|deliver p50|deliver p99"},
		{"grow -axis connections -steps 2 -collect 0", "idle/memory idle/told"},
		{"grow -axis accounts -steps 1,4 -n 4", "deliver accepted|deliver arrived|deliver p50|deliver p99|memory"},
	} {
		args := strings.Fields(tc.args)
		figures, err := s.load(args[0], args[1:]...)
		if err != nil {
			t.Fatalf("%s: %v", tc.args, err)
		}
		sep := " "
		if args[0] == "grow" {
			sep = "|"
			tc.want = strings.ReplaceAll(tc.want, "memory idle/", "memory|idle/")
		}
		if got := strings.Join(names(figures), sep); got != tc.want {
			t.Errorf("%s: figures are %s, want %s", tc.args, got, tc.want)
		}
		for _, f := range figures {
			if f.Errors > 0 || f.N == 0 || f.Server != "mox" || f.Value == 0 && !strings.HasPrefix(f.Name, "idle") {
				t.Errorf("%s: %+v", tc.args, f)
			}
			if (f.Axis != "") != (args[0] == "grow") {
				t.Errorf("%s: axis of %s is %q", tc.args, f.Name, f.Axis)
			}
		}
	}
	s.faults()
}

// faults are what a server, or its mailbox, does not have as it must. Each must be noticed.
func (s *testServer) faults() {
	s.t.Helper()
	for _, tc := range []struct{ args, want string }{
		{"fill -n 10", "has 120 messages already"},
		{"search -seed 8 -rounds 1", "found"}, // The mailbox is of another seed.
		{"fetch -mailbox Nothing", "refused"},
		{"fetch -mailbox Drafts", "empty"},
		{"change -mailbox Load -single 1 -block 500", "only 120"},
		{"login -n 2 -password wrong", "refused"},
		{"deliver -n 3 -from mailfrom451@elsewhere.example", "451"},
		{"submit -n 3 -sender 99", "535"},
		{"grow -steps 10 -account 0", "messages, not 10"}, // It has more.
		{"idle -n 2 -collect 0 -pids 0x", "process id"},
		{"memory -pids 999999999", "no such process"},
		{"deliver -n 3 -smtp 127.0.0.1:1", "refused"},
		{"greet -wait 10ms -imap 127.0.0.1:1", "waited too long"},
		{"append -n 1 -literal maybe", "maybe"},
	} {
		args := strings.Fields(tc.args)
		if figures, err := s.load(args[0], args[1:]...); err == nil || !strings.Contains(err.Error(), tc.want) {
			s.t.Errorf("%s: got error %v, want one with %q (%v)", tc.args, err, tc.want, figures)
		}
	}
}

// TestSoak loads a server with everything at once. Resources must stay flat.
func TestSoak(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	args := []string{"-for", soakFor.String(), "-senders", "2", "-readers", "3", "-idlers", "6", "-rate", "60"}
	if *soakFor < time.Minute {
		args = append(args, "-warm", "100")
	}
	figures, err := s.load("soak", args...)
	for _, f := range figures {
		t.Logf("%s %v %s, %s", f.Name, f.Value, f.Unit, f.Note)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := "soak/delivered soak/sessions soak/told soak/cut-off soak/goroutines soak/files soak/rss soak/anonymous soak/goroutines-left"
	if got := strings.Join(names(figures), " "); got != want {
		t.Errorf("figures are %s, want %s", got, want)
	}
}

// Nothing but loopback addresses is loaded, unless one says so.
func TestRemoteRefused(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"deliver -smtp 192.0.2.1:25 -imap 127.0.0.1:143",
		"deliver -smtp 127.0.0.1:25 -imap 192.0.2.1:143",
		"submit -submission [2001:db8::1]:587 -imap 127.0.0.1:143",
		"fetch -imap 0.0.0.0:143",
		"soak -smtp 192.0.2.1:25 -imap 127.0.0.1:143 -pids 1",
		"greet -imap 192.0.2.1:143",
		"idle -imap 127.0.0.1:143 -metrics http://192.0.2.1:80/metrics",
	} {
		var out, log bytes.Buffer
		err := execute(t.Context(), strings.Fields(args), &out, &log)
		if !errors.Is(err, conn.ErrNotLoopback) || !errors.As(err, new(usageError)) || !strings.Contains(err.Error(), "-remote") || out.Len() > 0 {
			t.Errorf("%s: got error %v", args, err)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("imap=127.0.0.1:143\ncolour=blue\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"",
		"fly",
		"deliver",
		"deliver -smtp 127.0.0.1:25",
		"deliver -smtp 127.0.0.1:25 -imap 127.0.0.1:143 -n 0",
		"deliver -smtp 127.0.0.1:25 -imap 127.0.0.1:143 -recipients 11",
		"deliver -smtp 127.0.0.1:25 -imap 127.0.0.1:143 more",
		"fetch -imap 127.0.0.1:143 -items everything",
		"fetch -imap 127.0.0.1:143 -tls maybe",
		"fetch -imap 127.0.0.1",
		"fetch -server /nonexistent",
		"idle -imap 127.0.0.1:143 -metrics 127.0.0.1:80",
		"fetch -server " + bad,
		"grow -imap 127.0.0.1:143 -smtp 127.0.0.1:25 -axis luck",
		"grow -imap 127.0.0.1:143 -smtp 127.0.0.1:25 -steps 0",
		"grow -imap 127.0.0.1:143 -smtp 127.0.0.1:25 -steps 1,x",
		"memory",
		"greet",
		"table",
		"plot",
		"messages -n 0",
	} {
		var out, log bytes.Buffer
		if err := execute(t.Context(), strings.Fields(args), &out, &log); !errors.As(err, new(usageError)) || out.Len() > 0 {
			t.Errorf("%q: got error %v", args, err)
		}
	}
	for _, m := range modes {
		var out, log bytes.Buffer
		if err := execute(t.Context(), []string{m.name, "-h"}, &out, &log); err != nil || !strings.Contains(log.String(), "usage: load "+m.name) {
			t.Errorf("%s -h: %v\n%s", m.name, err, log.String())
		}
	}
	var out, log bytes.Buffer
	if err := execute(t.Context(), []string{"help"}, &out, &log); err != nil {
		t.Error(err)
	}
	for _, m := range modes {
		if !strings.Contains(log.String(), "  "+m.name+" ") {
			t.Errorf("help does not tell of %s", m.name)
		}
	}
}

func TestFlat(t *testing.T) {
	t.Parallel()
	steady := []float64{10, 100, 100, 100, 101, 99, 100, 100}
	rising := []float64{10, 20, 30, 40, 50, 60, 70, 80}
	for _, tc := range []struct {
		samples []float64
		share   float64
		amount  float64
		want    bool
	}{
		{steady, 0.01, 0, true},
		{rising, 0.1, 0, false},
		{rising, 0.1, 20, false},
		{rising, 0.1, 50, true},
		{rising, 1.5, 0, true},
		{[]float64{5}, 0, 0, true},
		{nil, 1, 1, false},
	} {
		if got := flat(tc.samples, tc.share, tc.amount); got != tc.want {
			t.Errorf("%v with %v and %v: got %v", tc.samples, tc.share, tc.amount, got)
		}
	}
}

// Workers share out all operations, and failures end a run that gets nowhere.
func TestWork(t *testing.T) {
	t.Parallel()
	seen := make([]bool, 1000)
	results, _ := work(t.Context(), len(seen), 7, func(t *tally) error {
		for {
			i, ok := t.next()
			if !ok {
				return nil
			}
			seen[i] = true
			t.done(time.Now())
		}
	})
	if err := results.err(); err != nil || slices.Contains(seen, false) || len(results.latencies) != len(seen) {
		t.Errorf("got %v, %d done", err, len(results.latencies))
	}
	results, _ = work(t.Context(), 100_000, 3, func(t *tally) error {
		for {
			if _, ok := t.next(); !ok {
				return nil
			}
			t.fail(errors.New("no"))
		}
	})
	if err := results.err(); err == nil || results.failed > 2*maxFailures {
		t.Errorf("got %v after %d failures", err, results.failed)
	}
}

// A table and plots are made of files of figures.
func TestResults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "results.jsonl")
	var b bytes.Buffer
	for _, f := range []figure.Figure{
		{Server: "mox", Name: "append-c1", Value: 900, Unit: "/s"},
		{Server: "other", Name: "append-c1", Value: 300, Unit: "/s"},
		{Server: "mox", Name: "copy", Value: 9, Unit: "ms"},
		{Server: "other", Name: "copy", Value: 3, Unit: "ms"},
		{Server: "mox", Name: "SELECT", Value: 2, Unit: "ms", Axis: "messages", At: 1000},
		{Server: "mox", Name: "SELECT", Value: 3, Unit: "ms", Axis: "messages", At: 100000},
		{Server: "mox", Name: "disk/append", Value: 0.25, Unit: "ms"},
	} {
		if err := figure.Write(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	if err := figure.WriteMachine(&b, figure.Machine{CPU: "Abacus", Cores: 2}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	if err := execute(t.Context(), []string{"table", "-theirs", "other", "-markdown", file}, &out, &log); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Abacus, 2 cores", "durable in 0.25 ms", "| APPEND, 1 connection | 300 /s | 900 /s | 3.00 | at least 1.5 x | ok |", "| COPY | 3.00 ms | 9.00 ms | 3.00 | at most 1 x | short |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if err := execute(t.Context(), []string{"table", "-theirs", "other", "-strict", file}, &out, &log); err == nil {
		t.Error("a strict table took a figure that is short")
	}
	if err := execute(t.Context(), []string{"plot", "-dir", dir, file}, &out, &log); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "messages-page.svg"))
	if err != nil || !bytes.Contains(svg, []byte("mox SELECT")) {
		t.Errorf("plot: %v\n%s", err, svg)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*.svg")); err != nil || len(files) != 1 {
		t.Errorf("plots without curves were drawn: %v, %v", files, err)
	}
}

// The machine is described, and its disk timed.
func TestMachine(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	if err := execute(t.Context(), []string{"machine", "-n", "3", "-dir", t.TempDir()}, &out, &log); err != nil {
		t.Fatal(err)
	}
	figures, m, err := figure.Read(&out)
	if err != nil || m == nil || m.CPU == "" || m.Cores < 1 || m.MemoryMiB < 16 || m.Kernel == "" || m.FileSystem == "" {
		t.Errorf("got %+v, %v", m, err)
	}
	if got := strings.Join(names(figures), " "); got != "disk/append disk/file" {
		t.Errorf("figures are %s", got)
	}
}

func TestMessagesWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out, log bytes.Buffer
	if err := execute(t.Context(), []string{"messages", "-n", "3", "-seed", "2", "-dir", dir}, &out, &log); err != nil {
		t.Fatal(err)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*.eml")); err != nil || len(files) != 3 {
		t.Errorf("got %v, %v", files, err)
	}
}
