package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// mox runs a command line in this process.
func mox(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	// Not the test's context: clean-up runs commands too.
	code = run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args   string
		code   int
		stderr string
	}{
		{"version", exitOK, ""},
		{"help version", exitOK, ""},
		{"version --help", exitOK, ""},
		{"completion bash", exitOK, ""},
		{"", exitUsage, "missing subcommand"},
		{"nonsense", exitUsage, `unknown subcommand "nonsense"`},
		{"versoin", exitUsage, `did you mean "version"?`},
		{"version extra", exitUsage, `unexpected argument "extra"`},
		{"version --nonsense", exitUsage, "unknown flag: --nonsense"},
		{"help nonsense", exitUsage, `unknown command "nonsense"`},
	} {
		code, _, stderr := mox(t, strings.Fields(tc.args)...)
		if code != tc.code {
			t.Errorf("mox %s: exit code %d, want %d", tc.args, code, tc.code)
		}
		if tc.stderr == "" && stderr != "" || !strings.Contains(stderr, tc.stderr) {
			t.Errorf("mox %s: stderr %q, want %q", tc.args, stderr, tc.stderr)
		}
	}
}

// Each command must say what it does, and show how.
func TestCommandsAreExplained(t *testing.T) {
	t.Parallel()
	root, _ := newRoot(newSystemResolver())
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Name() == "completion" {
			return
		}
		if cmd.Short == "" || cmd.Long == "" {
			t.Errorf("%s: no help", cmd.CommandPath())
		}
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: no example with the command in it", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Long) {
			if len(strings.TrimRight(line, "\n")) > 80 {
				t.Errorf("%s: help line is longer than 80 columns: %q", cmd.CommandPath(), line)
			}
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(root)
}

func TestCompletionKnowsCommands(t *testing.T) {
	t.Parallel()
	code, stdout, _ := mox(t, "__complete", "vers")
	if code != exitOK || !strings.Contains(stdout, "version\t") {
		t.Errorf("completing %q: code %d, %q", "vers", code, stdout)
	}
}
