package main

import (
	"path/filepath"
	"testing"

	"mox/config"
)

// Who was written to before is no stranger, also after the limit is reached and after a restart.
func TestFirstTimeRecipients(t *testing.T) {
	t.Parallel()
	path := realConfig(t)
	changeFile(t, filepath.Join(filepath.Dir(path), "domains.conf"), func(d *config.Dynamic) {
		ann := d.Accounts["ann"]
		ann.MaxOutgoingMessagesPerDay, ann.MaxFirstTimeRecipientsPerDay = 0, 1
		d.Accounts["ann"] = ann
	})
	type attempt struct {
		to   string
		want int
	}
	for i, attempts := range [][]attempt{
		{{"a@far.example", 0}, {"b@far.example", 450}, {"A@far.example", 0}, {"bob@example.org", 0}},
		{{"a@far.example", 0}, {"b@far.example", 0}, {"c@far.example", 450}, {"b@far.example", 0}},
	} {
		r := startServer(t, config.Options{Path: path})
		if i == 0 {
			setPassword(t, r, "ann", "annannann")
		}
		for _, a := range attempts {
			err := r.submit("ann@example.org", "annannann", "ann@example.org", a.to, "x")
			if got := replyCode(err); got != a.want {
				t.Errorf("run %d: %s: %v, want code %d", i, a.to, err, a.want)
			}
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
}
