package autotls

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// A restart finds account, keys and certificates, and asks for nothing.
func TestRestartAsksNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org", "www.example.org")
		w.start(time.Minute)
		cert := w.served("mail.example.org")
		w.stop()
		before := w.ca.count("")
		for range 5 {
			w.start(time.Hour)
			w.stop()
		}
		if n := w.ca.count("") - before; n != 0 {
			t.Errorf("%d requests after restarts", n)
		}
		if again := w.served("mail.example.org"); !bytes.Equal(again.Certificate[0], cert.Certificate[0]) {
			t.Error("another certificate after a restart")
		}
		err := filepath.WalkDir(w.opts.Dir, func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 && path != w.opts.Dir {
				t.Errorf("%s: mode %s", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		// The account is still ours.
		w.start(100 * day)
		w.stop()
		if n := w.ca.count("new-account"); n != 1 {
			t.Errorf("%d requests for accounts", n)
		}
	})
}

// A program that is killed in the middle of attempts, again and again, does not ask at
// the pace of its restarts.
func TestCrashLoop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		saved := t.TempDir()
		w.ca.fail = func(endpoint, _ string) *fakeProblem {
			if endpoint == "challenge" {
				// What a restart finds on disk if the program is killed now.
				if err := os.RemoveAll(saved); err != nil {
					t.Error(err)
				}
				if err := os.CopyFS(saved, os.DirFS(w.opts.Dir)); err != nil {
					t.Error(err)
				}
			}
			return nil
		}
		begin := time.Now()
		for i := 0; i < 200; i++ {
			w.start(0)
			w.pass(time.Second)
			w.stop()
			if err := os.RemoveAll(w.opts.Dir); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(w.opts.Dir, os.DirFS(saved)); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.ca.count("new-order"); n < 1 || n > 4 {
			t.Errorf("%d orders in %s of crashes", n, time.Since(begin))
		}
	})
}

// Being stopped is not held against a host.
func TestStopIsNoFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.ca.slow = func(endpoint string) time.Duration {
			if endpoint == "new-order" {
				return 10 * time.Second
			}
			return 0
		}
		w.ca.fail = func(endpoint, _ string) *fakeProblem {
			if endpoint == "new-order" {
				return &fakeProblem{500, "serverInternal", "", "slow"}
			}
			return nil
		}
		w.start(time.Second)
		w.stop()
		if s := w.status("mail.example.org"); s.State != StatePending || s.Failures != 0 {
			t.Errorf("status %+v", s)
		}
		w.ca.slow, w.ca.fail = nil, nil
		w.start(time.Second)
		defer w.stop()
		w.served("mail.example.org")
	})
}

// A program that is restarted again and again in the middle of attempts does not ask a CA that fails at the pace of its restarts.
func TestRestartsWhileCAFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "a.example.org", "b.example.org")
		w.start(55 * day)
		defer func() { w.stop() }()
		w.ca.set(func() {
			w.ca.fail = func(string, string) *fakeProblem { return &fakeProblem{500, "serverInternal", "", "out of order"} }
		})
		w.pass(10 * day)
		next := w.status("a.example.org").NextAttempt
		if b := w.status("b.example.org").NextAttempt; b.Before(next) {
			next = b
		}
		w.pass(time.Until(next) - 5*time.Second)
		before := w.ca.count("")
		for range 20 { // An attempt takes longer than a second, as its requests are made several times.
			w.stop()
			w.start(time.Second)
		}
		if n := w.ca.count("") - before; n < 1 || n > 3 {
			t.Errorf("%d requests by 20 restarts", n)
		}
		w.ca.set(func() { w.ca.fail = nil })
		w.pass(3 * time.Hour)
		for _, s := range w.m.Status() {
			if s.State != StateValid || s.Failure != nil {
				t.Errorf("status %+v", s)
			}
		}
	})
}

// What was noted while the clock was years ahead does not stop anything for years.
func TestClockWasWrong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org", "many.example.org", "wrong.example.org")
		w.ca.wrong["wrong.example.org"] = true
		w.ca.fail = func(endpoint, host string) *fakeProblem {
			switch {
			case endpoint == "new-order" && host == "many.example.org":
				return &fakeProblem{429, "rateLimited", "604800", "too many"}
			case endpoint == "new-order" && host == "mail.example.org":
				return &fakeProblem{503, "", "604800", "maintenance"}
			}
			return nil
		}
		w.start(time.Hour)
		w.stop()
		later := regexp.MustCompile(`"(2000-01-\d\d)T`)
		err := filepath.WalkDir(w.opts.Dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".json" {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, later.ReplaceAll(data, []byte(`"2040-01-01T`)), 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		w.ca.set(func() {
			w.ca.fail = nil
			clear(w.ca.wrong)
		})
		w.start(time.Minute)
		defer w.stop()
		for _, name := range []string{"mail.example.org", "many.example.org", "wrong.example.org"} {
			w.served(name)
		}
	})
}
