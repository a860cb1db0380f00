package webmail

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mox/config"
	"mox/dns"
	"mox/rcptsecurity"
)

// configOf reads a configuration.
func configOf(t *testing.T, domains string, localserve *config.Localserve) *config.Config {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"mox.conf":     "DataDir: data\nHostname: mail.example.org\nPostmaster:\n\tAccount: ann\nListeners:\n\tlocal:\n\t\tIPs:\n\t\t\t- 127.0.0.1\n",
		"domains.conf": domains,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(config.Options{Path: filepath.Join(dir, "mox.conf"), Localserve: localserve})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// withConfig changes the configuration of a webmail.
func withConfig(cfg *config.Config) func(*Options) {
	return func(o *Options) { o.Config = func() *config.Config { return cfg } }
}

// In localserve, where an account may write as anybody, mail of others is not its own.
func TestReplyInLocalserve(t *testing.T) {
	t.Parallel()
	e := newEnv(t, withConfig(configOf(t, testConf, &config.Localserve{Account: "ann"})))
	added := e.deliver("", letterWith("From: x@remote.example", "To: carl@example.com, ann@example.org"))
	d := e.compose(ComposeRequest{Kind: ComposeReplyAll, Emails: []string{added.Email.String()}})
	if d.From.Address != "ann@example.org" || addresses(d.To) != "x@remote.example" || addresses(d.Cc) != "carl@example.com" {
		t.Errorf("draft %+v", d)
	}
}

func TestReplyFromAddressWithSuffix(t *testing.T) {
	t.Parallel()
	e := newEnv(t, withConfig(configOf(t, strings.Replace(testConf, "example.org: nil", "example.org:\n\t\tLocalpartCatchallSeparators:\n\t\t\t- +", 1), nil)))
	added := e.deliver("", letterWith("From: x@remote.example", "To: Ann+Shop@example.org"))
	d := e.compose(ComposeRequest{Kind: ComposeReplyAll, Emails: []string{added.Email.String()}})
	if d.From != (Person{"Ann Example", "Ann+Shop@example.org"}) || len(d.Cc) != 0 {
		t.Errorf("draft %+v", d)
	}
	start, err := e.server.start(e.ctx, "/webmail/")
	if err != nil || start.Identities[0].Separator != "+" || !start.Identities[0].Default || start.Identities[0].Address != "ann@example.org" || start.Identities[2].Address != "@example.net" {
		t.Errorf("identities %+v, %v", start.Identities, err)
	}
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	e, _ := newSendingEnv(t)
	d := letterTo("bob@remote.example")
	d.To[0].Name = "Bob Builder"
	e.send(d, SendOptions{})
	for _, c := range []struct{ text, want string }{
		{"bo", "bob@remote.example"}, {"BUILD", "bob@remote.example"}, {"ann", "ann@example.org ann.other@example.org"}, {"", ""}, {"  ", ""}, {"zzz", ""}, {strings.Repeat("x", 100_000), ""}, {"\x00%_*", ""},
	} {
		l, err := e.api.Recipients(e.ctx, c.text)
		var all []string
		for _, p := range l {
			all = append(all, p.Address)
		}
		if got := strings.Join(all, " "); err != nil || got != c.want {
			t.Errorf("%.20q: %q, %v", c.text, got, err)
		}
	}
	if err := e.api.RecipientForget(e.ctx, "Bob@Remote.Example"); err != nil {
		t.Error(err)
	}
	if l, err := e.api.Recipients(e.ctx, "bo"); err != nil || len(l) != 0 {
		t.Errorf("%v, %v", l, err)
	}
	bob, _, _ := e.logIn("bob")
	if l, err := e.api.Recipients(bob, "ann"); err != nil || len(l) != 0 {
		t.Errorf("another account's: %v, %v", l, err)
	}
}

// known is what is known of domains.
type known map[string]rcptsecurity.Security

func (k known) Lookup(_ context.Context, domain dns.Domain) rcptsecurity.Security {
	return k[domain.ASCII]
}

func TestRecipientSecurity(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(o *Options) {
		o.Security = known{
			"dane.example":           {STARTTLS: rcptsecurity.Yes, DNSSEC: rcptsecurity.Yes, DANE: rcptsecurity.Yes},
			"tls.example":            {STARTTLS: rcptsecurity.Yes},
			"clear.example":          {STARTTLS: rcptsecurity.No},
			"xn--exmple-cua.example": {STARTTLS: rcptsecurity.Error},
		}
	})
	addresses := []string{"a@dane.example", "b@dane.example", "a@tls.example", "a@clear.example", "a@exämple.example", "a@new.example", "bob@example.org", "nobody@example.org", "half", ""}
	want := []Level{LevelOK, LevelOK, LevelInfo, LevelWarn, LevelWarn, LevelInfo, LevelOK, LevelInfo, LevelBad, LevelBad}
	l, err := e.api.RecipientSecurity(e.ctx, addresses)
	if err != nil || len(l) != len(addresses) {
		t.Fatalf("%v, %v", l, err)
	}
	for i, sec := range l {
		if sec.Address != addresses[i] || sec.Level != want[i] || sec.Summary == "" || sec.Local != (addresses[i] == "bob@example.org") {
			t.Errorf("%s: %+v", addresses[i], sec)
		}
	}
	_, err = e.api.RecipientSecurity(e.ctx, make([]string, maxRecipients+1))
	wantCode(t, err, codeLimit)
}
