package main

import (
	"errors"
	"net/smtp"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"
)

// Stop returns when everything is closed: another server, or a command without one, can
// take the data directory.
func TestStop(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	if err := r.send("ann@example.org", "mox@localhost", "kept"); err != nil {
		t.Fatal(err)
	}
	if out := r.command("stop"); out != "stopped\n" {
		t.Errorf("stop: %q", out)
	}
	if out := r.command("verifydata", dataDirOf(r)); !strings.Contains(out, "no problems in 1 account\n") {
		t.Errorf("verifydata after stop: %s", out)
	}
	if err := r.stop(); err != nil {
		t.Errorf("server: %v", err)
	}
	code, _, errs := mox(t, "--config", r.path, "stop")
	if code != exitFailure || !strings.Contains(errs, "no mox server runs") {
		t.Errorf("stop without server: exit code %d, %s", code, errs)
	}
	if code, _, _ := mox(t, "stop", "now"); code != exitUsage {
		t.Errorf("stop with an argument: exit code %d", code)
	}
}

// A client that waits for an answer which an address delays gets one when the server stops.
func TestStopEndsWaiting(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	c, err := smtp.NewClient(r.dial("SMTP"), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Mail("ann@example.org"), c.Rcpt("timeout@localhost")); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() { answer <- w.Close() }()
	r.command("stop")
	var reply *textproto.Error
	if err := <-answer; !errors.As(err, &reply) || reply.Code != 451 {
		t.Errorf("answer when the server stops: %v, want 451", err)
	}
}

// dataDirOf returns the data directory of a server.
func dataDirOf(r *running) string { return filepath.Join(filepath.Dir(r.path), "data") }
