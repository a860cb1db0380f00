package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// completions returns what is offered for the last of args, without descriptions.
func completions(t *testing.T, args ...string) (offered []string, directive string) {
	t.Helper()
	code, out, errs := mox(t, append([]string{"__complete"}, args...)...)
	if code != exitOK {
		t.Fatalf("completing %q: exit code %d, %s", args, code, errs)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	for _, l := range lines[:len(lines)-1] {
		word, _, _ := strings.Cut(l, "\t")
		offered = append(offered, word)
	}
	return offered, lines[len(lines)-1]
}

const (
	withFiles       = ":0"
	withDirectories = ":16"
	withoutFiles    = ":4"
)

func TestCompletion(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	for _, tc := range []struct {
		args      string
		last      string
		want      string // Offered, among others if it ends in "...".
		directive string
	}{
		{"", "vers", "version", withoutFiles},
		{"queue", "un", "unhold", withoutFiles},
		{"queue list", "--fi", "--final", withoutFiles},
		{"help queue", "", "drop dump ...", withoutFiles},
		{"setaccountpassword", "", "mox", withoutFiles},
		{"setaccountpassword mox", "", "", withoutFiles},
		{"recover", "", "mox", withoutFiles},
		{"export mbox --account", "", "mox", withoutFiles},
		{"queue list --account", "", "mox", withoutFiles},
		{"queue list --domain", "", "localhost", withoutFiles},
		{"queue list --state", "h", "held", withoutFiles},
		{"config dnscheck", "", "localhost", withoutFiles},
		{"config example", "", "static domains sendmail", withoutFiles},
		{"import mbox --account mox", "", "", withFiles},
		{"import mbox --account mox a", "", "", withoutFiles},
		{"dkim verify", "", "", withFiles},
		{"backup", "", "", withDirectories},
		{"restore backup", "", "", withDirectories},
		{"stop", "", "", withoutFiles},
		// No server runs that could tell.
		{"queue hold", "", "", withoutFiles},
	} {
		args := append([]string{}, strings.Fields(tc.args)...)
		// The command line as it is typed, with --config at its end where that is no value.
		args = append([]string{"--config", path}, append(args, tc.last)...)
		offered, directive := completions(t, args...)
		if tc.last == "h" {
			offered = slices.DeleteFunc(offered, func(s string) bool { return !strings.HasPrefix(s, "h") }) // As the shell does.
		}
		got := strings.Join(offered, " ")
		want, more := strings.CutSuffix(tc.want, " ...")
		if got != want && !(more && strings.HasPrefix(got, want)) || directive != tc.directive {
			t.Errorf("completing %q, %q: %q with directive %s, want %q with %s", tc.args, tc.last, got, directive, tc.want, tc.directive)
		}
	}
	// A configuration that cannot be read is no reason for noise.
	if offered, directive := completions(t, "--config", path+".absent", "setaccountpassword", ""); offered != nil || directive != withoutFiles {
		t.Errorf("without configuration: %q, %s", offered, directive)
	}
}

// Ids of the queue come with their recipients, each once.
func TestCompletionOfQueue(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	if err := r.submit(localAddress, localPassword, localAddress, "queuetemperror@example.net", "stays"); err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`(?m)^([0-9]+) `).FindStringSubmatch(r.command("queue", "list"))
	if id == nil {
		t.Fatal("nothing is in the queue")
	}
	// Who presses tab does not wait long for a server that is slow, and presses it again.
	var out string
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		if out = r.command("__complete", "queue", "hold", ""); strings.Contains(out, "@") || time.Now().After(end) {
			break
		}
	}
	if !strings.Contains(out, id[1]+"\tqueuetemperror@example.net\n") {
		t.Errorf("offered %q, want id %s", out, id[1])
	}
	for _, args := range [][]string{{"queue", "hold", id[1], ""}, {"queue", "hold", "x"}} {
		if offered, _ := completions(t, append([]string{"--config", r.path}, args...)...); offered != nil {
			t.Errorf("completing %q: %q", args, offered)
		}
	}
}

// The page for man has every command and every flag, and only requests that man knows.
func TestManPage(t *testing.T) {
	t.Parallel()
	code, page, errs := mox(t, "help", "--man")
	if code != exitOK {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	known := map[string]bool{".TH": true, ".SH": true, ".SS": true, ".PP": true, ".TP": true, ".nf": true, ".fi": true, `.\"`: true}
	for line := range strings.Lines(page) {
		request, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if (strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'")) && !known[request] {
			t.Errorf("a line is taken for a request: %q", line)
		}
	}
	root, _ := newRoot(newSystemResolver())
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Name() == "completion" || !cmd.IsAvailableCommand() {
			return
		}
		if !strings.Contains(page, `.SS "`+roffText(cmd.CommandPath())) {
			t.Errorf("the page has no %s", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	for _, cmd := range root.Commands() {
		check(cmd)
	}
	for _, flag := range []string{`\fB\-\-incremental\fR \fIstring\fR`, `\fB\-\-account\fR`} {
		if !strings.Contains(page, flag) {
			t.Errorf("the page has no %s", flag)
		}
	}
	for _, args := range []string{"--man --markdown", "--man queue", "--markdown queue"} {
		if code, _, errs := mox(t, append([]string{"help"}, strings.Fields(args)...)...); code != exitUsage || !strings.Contains(errs, "give one of them") {
			t.Errorf("help %s: exit code %d, %s", args, code, errs)
		}
	}
}

func TestRoff(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	writeRoffText(&b, "A 'word' of C:\\ and --flag\n.conf is the end.\n\n    .indented  line\n    `next`\ntext")
	want := "A \\(aqword\\(aq of C:\\e and \\-\\-flag\n\\&.conf is the end.\n.PP\n.PP\n.nf\n    .indented  line\n    \\(ganext\\(ga\n.fi\ntext\n"
	if b.String() != want {
		t.Errorf("got %q\nwant %q", b.String(), want)
	}
	if got := roffQuoted(`say "it"`); got != `"say \(dqit\(dq"` {
		t.Errorf("quoted: %s", got)
	}
}
