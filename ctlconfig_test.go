package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mox/admin"
	"mox/config"
)

// configStep is a command that changes or shows the configuration.
type configStep struct {
	args string // Fields are separated by spaces; _ stands for a space.
	code int
	want string // Part of what it prints.
}

// The commands in the order of a life: each sees what those before have done.
func configSteps(key string) []configStep {
	return []configStep{
		{"config domain list", exitOK, "example.org"},
		{"config domain add example.net", exitOK, "domain example.net is added"},
		{"config domain add Example.NET", exitFailure, "it is there already"},
		{"config domain add -- -x", exitFailure, "is not a domain name"},
		{"config domain add example.com nobody", exitFailure, "there is no such account in domains.conf: nobody"},
		{"config domain add --disabled --description moving bücher.example bob", exitOK, "is added"},
		{"config domain list", exitOK, "bücher.example"},
		{"config domain enable xn--bcher-kva.example", exitOK, "is taken"},
		{"config domain disable bücher.example", exitOK, "refused for now"},
		{"config domain disable none.example", exitFailure, "no such domain in domains.conf: none.example"},
		{"config address list", exitOK, "dmarcreports@bücher.example"},
		{"config domain rm bücher.example", exitOK, "is removed"},
		{"config domain rm bücher.example", exitFailure, "no such domain"},
		{"config domain add", exitUsage, "missing argument"},

		{"config account add carl carl@example.net", exitOK, "set its password with \"mox setaccountpassword carl\""},
		{"config account add carl carl2@example.net", exitFailure, "account carl: it is there already"},
		{"config account add dora CARL@example.net", exitFailure, "address CARL@example.net of account carl: it is there already"},
		{"config account add dora dora@none.example", exitFailure, "no such domain"},
		{"config account add dora dora", exitFailure, "is not an address"},
		{"config account add dora @example.net", exitFailure, "is one to log in with"},
		{"config account add ../x x@example.net", exitFailure, "slash"},
		{"config account add --fullname Dora_Example dora dora@example.net", exitOK, "is added"},
		{"config account list", exitOK, "carl@example.net"},
		{"config account disable carl on_leave", exitOK, "refused"},
		{"config account list", exitOK, "login disabled: on leave"},
		{"config account disable carl", exitUsage, "missing argument"},
		{"config account disable nobody x", exitFailure, "no such account"},
		{"config account enable carl", exitOK, "allowed"},

		{"config address add --mailbox Lists/go go@example.net carl", exitOK, "is added to account carl"},
		{"config address add GO@example.net dora", exitFailure, "it is there already"},
		{"config address add x@example.net nobody", exitFailure, "no such account"},
		{"config address add --mailbox a//b x@example.net carl", exitFailure, "has an empty part"},
		{"config address add @example.net dora", exitOK, "is added"},
		{"config address add @example.net carl", exitFailure, "it is there already"},
		{"config address list", exitOK, "Lists/go"},
		{"config address list", exitOK, "@example.net"},
		{"config address rm none@example.net", exitFailure, "no such address"},
		{"config domain rm example.net", exitFailure, "account carl (its Domain)"},

		{"config alias add team@example.net carl@example.net Dora@example.net", exitOK, "is added"},
		{"config alias add Team@example.net carl@example.net", exitFailure, "it is there already"},
		{"config alias add carl@example.net dora@example.net", exitFailure, "address carl@example.net of account carl"},
		{"config alias add x@example.net none@example.net", exitFailure, "a member is an address of an account"},
		{"config alias add x@example.net team@example.net", exitFailure, "a member is an address of an account"},
		{"config alias add x@none.example carl@example.net", exitFailure, "no such domain"},
		{"config alias add x@example.net", exitUsage, "missing argument"},
		{"config alias list", exitOK, "members may send"},
		{"config alias update --postpublic team@example.net", exitOK, "is changed"},
		{"config alias update team@example.net", exitUsage, "nothing to change"},
		{"config alias update --postpublic none@example.net", exitFailure, "no such alias"},
		{"config alias list", exitOK, "anybody may send"},
		{"config alias update --postpublic=false --allowmsgfrom TEAM@example.net", exitOK, "is changed"},
		{"config alias print team@example.net", exitOK, "AllowMsgFrom:  true"},
		{"config alias print none@example.net", exitFailure, "no such alias"},
		{"config alias addaddr team@example.net ann@example.org bob@example.org", exitOK, "each of 2 addresses is added"},
		{"config alias addaddr team@example.net ANN@example.org", exitFailure, "it is there already"},
		{"config alias addaddr team@example.net none@example.org", exitFailure, "no such address"},
		{"config alias rmaddr team@example.net bob@example.org carl@example.net", exitOK, "is removed"},
		{"config alias rmaddr team@example.net bob@example.org", exitFailure, "is no member"},
		{"config address add dora2@example.net dora", exitOK, "is added"},
		{"config address rm dora2@example.net", exitOK, "is removed"},
		{"config alias rmaddr team@example.net dora@example.net ann@example.org", exitFailure, "the last member"},
		{"config account rm dora", exitOK, "its mail is kept"},
		{"config alias print team@example.net", exitOK, "Member:        ann@example.org"},
		{"config alias rmaddr none@example.net ann@example.org", exitFailure, "no such alias"},
		{"config alias add one@example.net carl@example.net", exitOK, "is added"},
		{"config address rm carl@example.net", exitFailure, "as the only member of alias one@example.net"},
		{"config account rm carl", exitFailure, "as the only member of alias one@example.net"},
		{"config alias rm one@example.net", exitOK, "is removed"},
		{"config alias rm one@example.net", exitFailure, "no such alias"},

		{"config tlspubkey add carl " + key, exitOK, "is added to account carl"},
		{"config tlspubkey add bob " + key, exitFailure, "of account carl: it is there already"},
		{"config tlspubkey add nobody " + strings.Replace(key, key[:1], "0", 1), exitFailure, "no such account"},
		{"config tlspubkey add bob /does/not/exist", exitFailure, "neither the SHA-256"},
		{"config tlspubkey list", exitOK, key},
		{"config tlspubkey get " + key, exitOK, "carl\n"},
		{"config tlspubkey rm " + key, exitOK, "is removed"},
		{"config tlspubkey rm " + key, exitFailure, "no account has such a key"},
		{"config tlspubkey get " + key, exitFailure, "no account has such a key"},

		{"config account rm --mail carl", exitOK, "its mail is deleted"},
		{"config account rm carl", exitFailure, "no such account"},
		{"config account rm ann", exitFailure, "it is in use as Postmaster"},
		{"config domain rm example.net", exitOK, "is removed"},
		{"config domain list", exitOK, "example.org"},
		{"clientconfig example.org", exitOK, "IMAP        mail.example.org  993  TLS"},
		{"clientconfig none.example", exitFailure, "no such domain"},
	}
}

// The same commands, with and without a running server; afterwards all is as before.
func TestConfigChanges(t *testing.T) {
	t.Parallel()
	for _, serving := range []bool{false, true} {
		path := realConfig(t)
		if serving {
			startServer(t, config.Options{Path: path})
		}
		list := func(what string) string {
			_, out, _ := mox(t, "--config", path, "config", what, "list", "--json")
			if !json.Valid([]byte(out)) {
				t.Errorf("list of %s is not JSON: %s", what, out)
			}
			return out
		}
		lists := []string{"domain", "account", "address", "alias", "tlspubkey"}
		var before []string
		for _, what := range lists {
			before = append(before, list(what))
		}
		pem := filepath.Join(t.TempDir(), "phone.pem")
		code, key, errs := mox(t, "config", "tlspubkey", "gen", pem)
		if code != exitOK {
			t.Fatal(errs)
		}
		if code, _, errs := mox(t, "config", "tlspubkey", "gen", pem); code != exitFailure || !strings.Contains(errs, "name a new file") {
			t.Errorf("gen over a file: exit code %d, %s", code, errs)
		}
		for _, step := range configSteps(strings.TrimSpace(key)) {
			args := []string{"--config", path}
			for _, f := range strings.Fields(step.args) {
				args = append(args, strings.ReplaceAll(f, "_", " "))
			}
			code, out, errs := mox(t, args...)
			if code != step.code || !strings.Contains(out+errs, step.want) {
				t.Errorf("serving %v: mox %s: exit code %d, want %d and %q\n%s%s", serving, step.args, code, step.code, step.want, out, errs)
			}
		}
		for i, what := range lists {
			if after := list(what); after != before[i] {
				t.Errorf("list of %s is %s, was %s", what, after, before[i])
			}
		}
		// By the file that gen made.
		for _, args := range [][]string{{"add", "bob", pem}, {"get", pem}} {
			if code, out, errs := mox(t, append([]string{"--config", path, "config", "tlspubkey"}, args...)...); code != exitOK || !strings.Contains(out, "bob") {
				t.Errorf("tlspubkey %v: exit code %d, %s%s", args, code, out, errs)
			}
		}
		if code, _, errs := mox(t, "--config", path, "config", "test"); code != exitOK {
			t.Errorf("config test: %s", errs)
		}
	}
}

// Changes are in effect at once: a new account gets mail, and an alias reaches its members.
func TestConfigChangesTakeEffect(t *testing.T) {
	t.Parallel()
	r := startServer(t, config.Options{Path: realConfig(t)})
	r.command("config", "account", "add", "carl", "carl@example.org")
	r.command("config", "alias", "add", "--postpublic", "team@example.org", "carl@example.org", "ann@example.org")
	setPassword(t, r, "carl", "carlcarlcarl")
	setPassword(t, r, "ann", "annannann")
	if err := r.send("x@far.example", "team@example.org", "to the team"); err != nil {
		t.Fatal(err)
	}
	for login, password := range map[string]string{"carl@example.org": "carlcarlcarl", "ann@example.org": "annannann"} {
		s, err := r.imap(login, password)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.subjects("Inbox", 1); len(got) != 1 || got[0] != "to the team" {
			t.Errorf("%s got %q", login, got)
		}
	}
	r.command("config", "account", "disable", "carl", "on leave")
	if _, err := r.imap("carl@example.org", "carlcarlcarl"); err == nil {
		t.Error("a disabled account logs in")
	}
	r.command("config", "domain", "disable", "example.org")
	if err := r.send("x@far.example", "ann@example.org", "x"); replyCode(err) != 450 {
		t.Errorf("mail to a disabled domain: %v", err)
	}

	// An edit that was not reloaded is not undone.
	path := filepath.Join(filepath.Dir(r.path), "domains.conf")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append([]byte("# edited\n"), data...), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := mox(t, "--config", r.path, "config", "domain", "enable", "example.org")
	if code != exitFailure || !strings.Contains(errs, "reload it first, with \"mox config reload\"") {
		t.Errorf("change of an edited file: exit code %d, %s", code, errs)
	}
}

// A domain that was added signs with keys that are there, also after it was removed and added again.
func TestConfigDomainAddKeys(t *testing.T) {
	t.Parallel()
	path := realConfig(t)
	r := running{t: t, path: path}
	records := func() string {
		r.command("config", "domain", "add", "example.net")
		return r.command("config", "dnsrecords", "example.net")
	}
	first := records()
	if n := strings.Count(first, "._domainkey.example.net. IN TXT "); n != 4 {
		t.Errorf("%d keys in\n%s", n, first)
	}
	if !strings.Contains(first, "rua=mailto:dmarcreports@example.net") {
		t.Errorf("reports do not come to the account:\n%s", first)
	}
	r.command("config", "domain", "rm", "example.net")
	if again := records(); again != first {
		t.Errorf("other records for the same domain:\n%s\n%s", first, again)
	}
	l, err := os.ReadDir(filepath.Join(filepath.Dir(path), "dkim"))
	if err != nil || len(l) != 4 {
		t.Fatalf("files %v, %v", l, err)
	}
	for _, f := range l {
		if fi, err := f.Info(); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", f.Name(), fi.Mode(), err)
		}
	}
}

func TestClientConfigJSON(t *testing.T) {
	t.Parallel()
	_, out, errs := mox(t, "--config", realConfig(t), "clientconfig", "--json", "example.org")
	var l []admin.ClientService
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		t.Fatalf("%v: %s%s", err, out, errs)
	}
	want := []admin.ClientService{{Protocol: "IMAP", Host: "mail.example.org", Port: 993, Security: "TLS"}, {Protocol: "submission", Host: "mail.example.org", Port: 587, Security: "STARTTLS"}}
	if len(l) != len(want) || l[0] != want[0] || l[1] != want[1] {
		t.Errorf("%+v, want %+v", l, want)
	}
}

func TestSetAdminPassword(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	file := filepath.Join(filepath.Dir(path), "adminpasswd")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path, input string
		code        int
		want        string
	}{
		{path, "short\n", exitFailure, "at least 8"},
		{path, strings.Repeat("x", 73), exitFailure, "at most 72 bytes"},
		{path, "longenough\n", exitOK, "is set"},
		{realConfig(t), "longenough\n", exitFailure, "set AdminPasswordFile"},
	} {
		var out bytes.Buffer
		code := run(t.Context(), []string{"--config", tc.path, "setadminpassword"}, strings.NewReader(tc.input), &out, &out)
		if code != tc.code || !strings.Contains(out.String(), tc.want) {
			t.Errorf("%q: exit code %d, %s", tc.input, code, out.String())
		}
		if strings.Contains(out.String(), "longenough") {
			t.Error("the password is shown")
		}
	}
	after, err := os.ReadFile(file)
	if err != nil || bytes.Equal(before, after) || bytes.Contains(after, []byte("longenough")) {
		t.Errorf("file is %q, %v", after, err)
	}
}
