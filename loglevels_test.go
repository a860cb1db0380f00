package main

import (
	"strings"
	"testing"
)

func TestLogLevels(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	command := func(want string, args ...string) {
		t.Helper()
		if got := r.command(append([]string{"loglevels"}, args...)...); got != want {
			t.Errorf("loglevels %q: got %q, want %q", args, got, want)
		}
	}
	command("default info\n")
	if err := r.send("ann@example.org", "mox@localhost", "quiet"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.log.String(), "MAIL FROM") {
		t.Error("the dialogue is logged at level info")
	}
	command("default info\nsmtpserver trace\n", "smtpserver", "trace")
	if err := r.send("ann@example.org", "mox@localhost", "loud"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.log.String(), "MAIL FROM") {
		t.Error("the dialogue is not logged at level trace")
	}
	command("default error\nsmtpserver trace\n", "error")
	command("default error\n", "smtpserver", "default")
	command("default error\n")

	for _, tc := range []struct {
		args   string
		code   int
		stderr string
	}{
		{"loud", exitUsage, `unknown log level "loud", use one of error, warn`},
		{"smtpserver loud", exitUsage, "unknown log level"},
		{"default", exitUsage, "unknown log level"},
		{"smtpserver trace now", exitUsage, "unexpected argument"},
		{"smptserver trace", exitFailure, `no package "smptserver" in the log, use one of`},
	} {
		code, _, errs := mox(t, append([]string{"--config", r.path, "loglevels"}, strings.Fields(tc.args)...)...)
		if code != tc.code || !strings.Contains(errs, tc.stderr) {
			t.Errorf("loglevels %s: exit code %d, %s", tc.args, code, errs)
		}
	}
	command("default error\n")

	r.command("stop")
	if code, _, errs := mox(t, "--config", r.path, "loglevels"); code != exitFailure || !strings.Contains(errs, "no mox server runs") {
		t.Errorf("without server: exit code %d, %s", code, errs)
	}
}
