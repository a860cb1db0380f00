package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"mox/store"
	"mox/websession"
)

// Sessions and attempts to log in are listed, and sessions ended, with a running server and without.
func TestSessions(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	for _, password := range []string{"moxmoxmox", "wrong"} {
		if _, err := r.imap("mox@localhost", password); (err == nil) != (password == "moxmoxmox") {
			t.Errorf("login with %q: %v", password, err)
		}
	}
	for _, tt := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"list", "mox"}, exitOK, ""},
		{[]string{"list", "nobody"}, exitFailure, "nobody"},
		{[]string{"attempts", "nobody"}, exitFailure, "nobody"},
		{[]string{"revoke", "nobody"}, exitFailure, "nobody"},
		{[]string{"revoke", "mox", "x"}, exitUsage, "not the id"},
		{[]string{"revoke", "mox", "0"}, exitUsage, "not the id"},
		{[]string{"revoke", "mox", "12"}, exitFailure, "mox sessions list mox"},
		{[]string{"revoke", "mox"}, exitOK, "0 sessions ended"},
		{[]string{"attempts", "mox"}, exitOK, "1x  ok"},
		{[]string{"attempts", "mox"}, exitOK, "1x  credentials"},
	} {
		code, out, errs := mox(t, append([]string{"--config", r.path, "sessions"}, tt.args...)...)
		if code != tt.code || !strings.Contains(out+errs, tt.text) {
			t.Errorf("%q: exit code %d, %s%s", tt.args, code, out, errs)
		}
	}
	var attempts []websession.Attempt
	if err := json.Unmarshal([]byte(r.command("sessions", "attempts", "mox", "--json")), &attempts); err != nil || len(attempts) != 2 {
		t.Fatalf("%+v, %v", attempts, err)
	}
	for _, a := range attempts {
		if a.Protocol != "imap" || a.Client == "" || a.Count != 1 || time.Since(a.Last) > time.Hour {
			t.Errorf("attempt %+v", a)
		}
	}
}

func TestSessionsWithoutServer(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	st, err := store.New(store.Options{Dir: accountsDir(strings.TrimSuffix(path, "mox.conf") + "data")})
	if err != nil {
		t.Fatal(err)
	}
	a, err := st.Open(t.Context(), "mox")
	if err != nil {
		t.Fatal(err)
	}
	version, err := a.PasswordVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		_, err := a.AddWebSession(t.Context(), store.System, store.NewWebSession{
			Hash: store.WebSessionHash{byte(i)}, Service: "webmail", Password: version, Expires: time.Now().Add(time.Hour), UserAgent: "Firefox 150 on Linux",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) string {
		t.Helper()
		code, out, errs := mox(t, append([]string{"--config", path, "sessions"}, args...)...)
		if code != exitOK {
			t.Fatalf("%q: exit code %d, %s", args, code, errs)
		}
		return out
	}
	l := strings.Split(strings.TrimSpace(command("list", "mox")), "\n")
	if len(l) != 3 || !strings.Contains(l[0], "webmail") || !strings.Contains(l[0], "Firefox 150 on Linux") {
		t.Fatalf("listed %q", l)
	}
	id, _, _ := strings.Cut(l[1], " ")
	if out := command("revoke", "mox", id); out != "1 session ended\n" {
		t.Error(out)
	}
	if out := command("list", "mox"); strings.Contains(out, id) || strings.Count(out, "\n") != 2 {
		t.Errorf("left: %s", out)
	}
	if out := command("revoke", "mox"); out != "2 sessions ended\n" {
		t.Error(out)
	}
}
