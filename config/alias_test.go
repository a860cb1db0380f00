package config

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"mox/smtp"
)

// aliasConfig returns a domains.conf with two accounts and aliases.
func aliasConfig(aliases map[string]DynamicAlias) Dynamic {
	return Dynamic{
		Domains: map[string]DynamicDomain{
			"example.org": {LocalpartCatchallSeparators: []string{"+"}, Aliases: aliases},
			"off.example": {Disabled: true, Aliases: map[string]DynamicAlias{"all": {Addresses: []string{"ann@example.org"}}}},
		},
		Accounts: map[string]DynamicAccount{
			"ann": {Domain: "example.org", Destinations: map[string]DynamicDestination{"ann@example.org": {}, "ann2@example.org": {}, "list@example.org": {Mailbox: "Lists"}, "team+x@example.org": {}}},
			"bob": {Domain: "example.org", Destinations: map[string]DynamicDestination{"bob@example.org": {}, "@example.org": {}}},
		},
	}
}

func parseAliasConfig(t *testing.T, d Dynamic) (*Config, error) {
	t.Helper()
	text, err := d.marshal()
	if err != nil {
		t.Fatal(err)
	}
	static := "DataDir: data\nHostname: mail.example.org\nListeners:\n\tx:\n\t\tIPs:\n\t\t\t- 127.0.0.1\nPostmaster:\n\tAccount: ann\n"
	return parse(Options{Path: "mox.conf"}, []byte(static), text)
}

func TestAliases(t *testing.T) {
	t.Parallel()
	cfg, err := parseAliasConfig(t, aliasConfig(map[string]DynamicAlias{
		"Team": {Addresses: []string{"ann@example.org", "ann2@example.org", "LIST@example.org", "bob@example.org"}, AllowMsgFrom: true},
		"ann3": {Addresses: []string{"ann@example.org"}, PostPublic: true},
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ address, want string }{
		{"team@example.org", "team@example.org"},
		{"TEAM+shop@example.org", "team@example.org"},
		{"team+x@example.org", ""}, // A destination of its own.
		{"ann3@example.org", "ann3@example.org"},
		{"ann@example.org", ""},
		{"other@example.org", ""},
		{"team@example.net", ""},
		{"all@off.example", ""},
	} {
		a, err := smtp.ParseAddress(tc.address)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if alias := cfg.LookupAlias(a.Path()); alias != nil {
			got = alias.Address.String()
		}
		if got != tc.want {
			t.Errorf("%s is alias %q, want %q", tc.address, got, tc.want)
		}
	}
	if cfg.LookupAlias(smtp.Path{}) != nil {
		t.Error("the null path is an alias")
	}

	l := cfg.Aliases()
	if len(l) != 3 || l[2].Address.String() != "team@example.org" {
		t.Fatalf("aliases %v", l)
	}
	public, team := l[1], l[2]
	if !team.MayPost("ann") || !team.MayPost("bob") || team.MayPost("") || team.MayPost("carl") || !public.MayPost("") {
		t.Error("wrong accounts may post")
	}

	// An alias is an address that exists, and a sender where that is allowed.
	if dest, a, err := cfg.LookupAddress("Team+x1", team.Address.Domain); err != nil || a != team.Address || dest.Account != "ann" {
		t.Errorf("%v, %v, %v", dest, a, err)
	}
	for _, tc := range []struct {
		account string
		alias   *Alias
		want    bool
	}{{"ann", team, true}, {"bob", team, true}, {"ann", public, false}, {"bob", public, false}} {
		if got := cfg.AccountCanSendFrom(tc.account, tc.alias.Address); got != tc.want {
			t.Errorf("%s can send from %s: %v", tc.account, tc.alias.Address, got)
		}
	}
	if cfg.LookupLogin("team@example.org") != nil {
		t.Error("an alias is a login")
	}
}

func TestAliasProblems(t *testing.T) {
	t.Parallel()
	ann := []string{"ann@example.org"}
	for _, tc := range []struct {
		aliases map[string]DynamicAlias
		want    string
	}{
		{map[string]DynamicAlias{"ann": {Addresses: ann}}, "Aliases.ann: is already a destination of account ann"},
		{map[string]DynamicAlias{"team": {Addresses: ann}, "Team": {Addresses: ann}}, "the same address as another alias"},
		{map[string]DynamicAlias{"a b@c": {Addresses: ann}}, "is not an address"},
		{map[string]DynamicAlias{"team": {Addresses: []string{"x@example.org"}}}, "Addresses[0]: x@example.org is not an address of an account"},
		{map[string]DynamicAlias{"team": {Addresses: []string{"@example.org"}}}, "Addresses[0]: @example.org is not an address of an account"},
		{map[string]DynamicAlias{"team": {Addresses: []string{"ann@example.net"}}}, "domain example.net is not in Domains"},
		{map[string]DynamicAlias{"team": {Addresses: []string{"ann@example.org", "Ann@example.org"}}}, "named twice"},
		{map[string]DynamicAlias{"team": {Addresses: ann}, "all": {Addresses: []string{"team@example.org"}}}, "team@example.org is not an address of an account"},
	} {
		_, err := parseAliasConfig(t, aliasConfig(tc.aliases))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v, want %q", slices.Collect(maps.Keys(tc.aliases)), err, tc.want)
		}
	}
}
