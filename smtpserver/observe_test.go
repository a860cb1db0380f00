package smtpserver

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"mox/internal/logging"
)

// counts returns the number of observations per metric and labels.
func counts(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	l := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, label := range m.Label {
				name += " " + label.GetName() + "=" + label.GetValue()
			}
			switch {
			case m.Counter != nil:
				l[name] = m.Counter.GetValue()
			case m.Gauge != nil:
				l[name] = m.Gauge.GetValue()
			case m.Histogram != nil:
				l[name] = float64(m.Histogram.GetSampleCount())
			}
		}
	}
	return l
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	ts := newServer(t, submission)
	c := ts.dial()
	c.hello()
	c.cmd("SOMETHING\x01else", "500 ")
	c.cmd("AUTH PLAIN", "334 ")
	c.cmd("*", "501 ")
	c.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "235 ")
	c.send("alice@example.org", simple, "x@remote.example")
	c.send("alice@example.org", "From: bob@example.org\r\n\r\n", "x@remote.example")
	c.cmd("STARTTLS", "503 ")
	c.cmd("QUIT", "221 ")
	c.wantClosed()
	if err := ts.srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := counts(t, ts.registry)
	for name, want := range map[string]float64{
		"mox_smtpserver_connections_total kind=submission":                         1,
		"mox_smtpserver_connections kind=submission":                               0,
		"mox_smtpserver_command_seconds class=5 command=unknown kind=submission":   1,
		"mox_smtpserver_command_seconds class=2 command=DATA kind=submission":      1,
		"mox_smtpserver_command_seconds class=5 command=DATA kind=submission":      1,
		"mox_smtpserver_command_seconds class=5 command=STARTTLS kind=submission":  1,
		"mox_smtpserver_auth_total kind=submission mechanism=PLAIN result=refused": 1,
		"mox_smtpserver_auth_total kind=submission mechanism=PLAIN result=ok":      1,
		"mox_smtpserver_delivery_seconds kind=submission result=queue":             1,
		"mox_smtpserver_delivery_seconds kind=submission result=refused":           1,
		"mox_smtpserver_received_bytes_total kind=submission":                      float64(len(simple)),
		"mox_smtpserver_panics_total":                                              0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s: %v, %v, want %v", name, v, ok, want)
		}
	}
	for name := range got {
		if strings.Contains(name, "SOMETHING") {
			t.Errorf("a client made the label %s", name)
		}
	}
}

func TestMetricsOfTwoServersClash(t *testing.T) {
	t.Parallel()
	ts := newServer(t, nil)
	if _, err := New(Options{Addresses: ts.srv.opts.Addresses, Registerer: ts.registry}); err == nil {
		t.Error("two servers share a registry unnoticed")
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	dialogue := func(level slog.Level) string {
		var log logBuffer
		ts := newServer(t, func(o *Options, lo *ListenerOptions) {
			submission(o, lo)
			lo.Unlimited = everyone
			var levels logging.Levels
			levels.Set(level, nil)
			o.Log = logging.New(&log, &levels)
		})
		c := ts.dial()
		c.hello()
		c.cmd("AUTH PLAIN", "334 ")
		c.cmd("AGFsaWNlAHdyb25n", "535 ")
		c.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "235 ")
		c.send("alice@example.org", simple, "x@remote.example")
		c.cmd("QUIT", "221 ")
		c.wantClosed()
		return log.String()
	}
	for _, tt := range []struct {
		level      slog.Level
		auth, data bool
	}{
		{logging.LevelTrace, false, false},
		{logging.LevelTraceauth, true, false},
		{logging.LevelTracedata, true, true},
	} {
		got := dialogue(tt.level)
		for _, s := range []string{`data="EHLO client.example.net"`, `data="250 2.1.0 sender ok\r\n"`, "cid=0"} {
			if !strings.Contains(got, s) {
				t.Errorf("level %v: no %s in the trace:\n%s", tt.level, s, got)
			}
		}
		for _, s := range []string{"AGFsaWNlAHdyb25n", "AGFsaWNlAHMzY3JldA"} {
			if strings.Contains(got, s) != tt.auth {
				t.Errorf("level %v: %s in the trace: %v", tt.level, s, !tt.auth)
			}
		}
		if strings.Contains(got, "Subject: hi") != tt.data {
			t.Errorf("level %v: content in the trace: %v", tt.level, !tt.data)
		}
	}
}

// What a client sends cannot forge a line of the log.
func TestLogIsNotForged(t *testing.T) {
	t.Parallel()
	ts := newServer(t, func(o *Options, lo *ListenerOptions) {
		submission(o, lo)
		lo.Unlimited = everyone
	})
	c := ts.dial()
	c.hello()
	c.cmd("AUTH LOGIN", "334 ")
	c.cmd("YQp0aW1lPTAgbGV2ZWw9RVJST1IgbXNnPWZvcmdlZA==", "334 ") // "a\ntime=0 level=ERROR msg=forged"
	c.cmd("YQ==", "535 ")
	for line := range strings.SplitSeq(ts.log.String(), "\n") {
		if strings.HasPrefix(line, "time=0") {
			t.Errorf("forged: %s", line)
		}
	}
}
