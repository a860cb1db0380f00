package config

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"mox/dns"
	"mox/smtp"
)

func TestLookupAddress(t *testing.T) {
	t.Parallel()
	cfg := load(t, testStatic, testDynamic)
	for _, tc := range []struct {
		localpart smtp.Localpart
		domain    string
		account   string
		mailbox   string
		canonical string
		err       error
	}{
		{"ann", "example.org", "ann", "Inbox", "ann@example.org", nil},
		{"ANN", "example.org", "ann", "Inbox", "ann@example.org", nil},
		{"ann+shop", "example.org", "ann", "Inbox", "ann@example.org", nil},
		{"Ann--shop+more", "example.org", "ann", "Inbox", "ann@example.org", nil},
		{"ann+exact", "example.org", "ann", "Exact", "ann+exact@example.org", nil},
		{"bob", "example.org", "bob", "Inbox/bob", "bob@example.org", nil},
		{"e\u0301lise", "example.org", "bob", "Inbox", "élise@example.org", nil}, // Not in NFC.
		{"ÉLISE+x", "example.org", "bob", "Inbox", "élise@example.org", nil},
		{"ann", "bücher.example", "ann", "Inbox", "ann@bücher.example", nil},
		{"postmaster", "example.org", "ann", "Inbox", "postmaster@example.org", nil},
		{"PostMaster", "mail.example.org", "ann", "Inbox", "postmaster@mail.example.org", nil},
		{"Postmaster", "exact.example", "ann", "Inbox", "postmaster@exact.example", nil},
		{"Postmaster", "all.example", "ann", "Inbox", "postmaster@all.example", nil},
		{"Ann", "exact.example", "ann", "Inbox", "Ann@exact.example", nil},
		{"Anyone+x", "all.example", "bob", "Rest", "anyone+x@all.example", nil},
		{"ann b", "example.org", "ann", "Inbox", `"ann b"@example.org`, nil},

		{"ann", "exact.example", "", "", "", ErrUnknownUser},
		{"ann-shop", "example.org", "", "", "", ErrUnknownUser},
		{"+ann", "example.org", "", "", "", ErrUnknownUser},
		{"", "example.org", "", "", "", ErrUnknownUser},
		{"ann", "mail.example.org", "", "", "", ErrUnknownUser},
		{"ann", "example.com", "", "", "", ErrUnknownDomain},
		{"postmaster", "example.com", "", "", "", ErrUnknownDomain},
		{"ann", "sub.example.org", "", "", "", ErrUnknownDomain},
		{"ann", "closed.example", "", "", "", ErrDomainDisabled},
		{"postmaster", "closed.example", "", "", "", ErrDomainDisabled},
	} {
		dest, canonical, err := cfg.LookupAddress(tc.localpart, domain(t, tc.domain))
		if !errors.Is(err, tc.err) || dest != (Destination{tc.account, tc.mailbox}) || canonical.String() != tc.canonical {
			t.Errorf("%q at %s: got %v, %s, %v; want %s, %s, %s, %v", tc.localpart, tc.domain, dest, canonical, err, tc.account, tc.mailbox, tc.canonical, tc.err)
		}
	}
}

func TestLookupPath(t *testing.T) {
	t.Parallel()
	cfg := load(t, testStatic, testDynamic)
	literal := func(localpart smtp.Localpart, ip string) smtp.Path {
		return smtp.Path{Localpart: localpart, IPDomain: dns.IPDomain{IP: netip.MustParseAddr(ip)}}
	}
	for _, tc := range []struct {
		path    smtp.Path
		account string
		err     error
	}{
		{smtp.Path{Localpart: "Postmaster"}, "ann", nil}, // RFC 5321 §4.5.1.
		{literal("postmaster", "127.0.0.1"), "ann", nil},
		{literal("postmaster", "::ffff:127.0.0.1"), "ann", nil},
		{smtp.Address{Localpart: "bob", Domain: domain(t, "example.org")}.Path(), "bob", nil},
		{smtp.Path{Localpart: "ann"}, "", ErrUnknownUser},
		{literal("ann", "127.0.0.1"), "", ErrUnknownUser},
		{literal("postmaster", "192.0.2.1"), "", ErrUnknownDomain},
		{smtp.Path{}, "", ErrUnknownUser},
	} {
		dest, _, err := cfg.LookupPath(tc.path)
		if !errors.Is(err, tc.err) || dest.Account != tc.account {
			t.Errorf("%s: got %v, %v; want account %q, %v", tc.path, dest, err, tc.account, tc.err)
		}
		if _, _, incoming := cfg.LookupIncoming(tc.path); !errors.Is(incoming, tc.err) {
			t.Errorf("%s incoming: error %v, want %v", tc.path, incoming, tc.err)
		}
	}
}

func TestLocalserveTakesAll(t *testing.T) {
	t.Parallel()
	cfg, err := Load(Options{Path: write(t, testStatic, testDynamic), Localserve: &Localserve{Account: "bob"}})
	if err != nil {
		t.Fatal(err)
	}
	for path, account := range map[string]string{
		"ann@example.org":     "ann",
		"nobody@example.org":  "bob",
		"any@other.example":   "bob",
		"any@[192.0.2.1]":     "bob",
		"ann@closed.example":  "",
		"\"a b\"@example.com": "bob",
	} {
		p, err := smtp.ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		dest, _, err := cfg.LookupIncoming(p)
		if dest.Account != account || (err == nil) != (account != "") {
			t.Errorf("%s: account %q, error %v, want account %q", path, dest.Account, err, account)
		}
	}
	// What nobody has is submitted as if to others, and comes back to the catch-all.
	for address, want := range map[string]error{
		"any@other.example":  ErrUnknownDomain,
		"nobody@example.org": ErrUnknownDomain,
		"nobody@[127.0.0.1]": ErrUnknownDomain,
		"ann@example.org":    nil,
		"ann@closed.example": ErrDomainDisabled,
		"postmaster":         nil,
		"nobody":             ErrUnknownUser,
	} {
		p := smtp.Path{Localpart: smtp.Localpart(address)}
		if strings.Contains(address, "@") {
			var err error
			if p, err = smtp.ParsePath(address); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := cfg.LookupPath(p); !errors.Is(err, want) {
			t.Errorf("%s at submission: error %v, want %v", address, err, want)
		}
	}
	other := smtp.Address{Localpart: "any", Domain: domain(t, "other.example")}
	if !cfg.AccountCanSendFrom("bob", other) || cfg.AccountCanSendFrom("ann", other) {
		t.Error("the localserve account, and only that, may use any sender")
	}
	if _, err := Load(Options{Path: write(t, testStatic, testDynamic), Localserve: &Localserve{Account: "carl"}}); err == nil {
		t.Error("localserve without its account was accepted")
	}
}

func TestAccountCanSendFrom(t *testing.T) {
	t.Parallel()
	cfg := load(t, testStatic, testDynamic)
	for _, tc := range []struct {
		account, address string
		want             bool
	}{
		{"ann", "ann@example.org", true},
		{"ann", "ANN+x@example.org", true},
		{"bob", "any@all.example", true},
		{"ann", "postmaster@example.org", true},
		{"bob", "postmaster@example.org", false},
		{"ann", "bob@example.org", false},
		{"ann", "any@all.example", false},
		{"ann", "ann@closed.example", false},
		{"ann", "ann@example.com", false},
		{"ann", "nobody@example.org", false},
		{"carl", "ann@example.org", false},
		{"", "ann@example.org", false},
		{"", "nobody@example.org", false},
	} {
		address, err := smtp.ParseAddress(tc.address)
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.AccountCanSendFrom(tc.account, address); got != tc.want {
			t.Errorf("%s from %s: %v, want %v", tc.account, tc.address, got, tc.want)
		}
	}
}

func TestLookupLogin(t *testing.T) {
	t.Parallel()
	cfg := load(t, testStatic, testDynamic)
	for username, want := range map[string]string{
		"ann":                       "ann",
		"ann@example.org":           "ann",
		"Ann+phone@EXAMPLE.org":     "ann",
		"bob@example.org":           "bob",
		"any@all.example":           "",
		"postmaster@example.org":    "",
		"ann@example.com":           "",
		"ANN":                       "",
		"":                          "",
		"ann@closed.example":        "ann", // Reading goes on.
		"ann@example.org\x00":       "",
		"ann@exact.example":         "",
		"Ann@exact.example":         "ann",
		"ann@xn--bcher-kva.example": "ann",
	} {
		got := ""
		if a := cfg.LookupLogin(username); a != nil {
			got = a.Name
		}
		if got != want {
			t.Errorf("%q: account %q, want %q", username, got, want)
		}
	}
}

func TestRoute(t *testing.T) {
	t.Parallel()
	cfg := load(t, testStatic, testDynamic)
	for _, tc := range []struct {
		account, from, to string
		attempts          int
		want              string
	}{
		{"ann", "example.org", "example.net", 0, "smarthost"},
		{"ann", "example.org", "mx.example.net", 0, "smarthost"},
		{"ann", "example.org", "notexample.net", 0, ""},
		{"ann", "example.org", "example.com", 0, ""},
		{"", "example.com", "example.net", 0, ""},
		{"bob", "example.org", "mx.example.net", 1, "smarthost"},
		{"bob", "example.org", "mx.example.net", 2, "backup"},
		{"bob", "example.org", "example.net", 2, "smarthost"},
		{"ann", "exact.example", "example.net", 0, "never"},
	} {
		got := ""
		if tr := cfg.Route(tc.account, domain(t, tc.from), domain(t, tc.to), tc.attempts); tr != nil {
			got = tr.Name
		}
		if got != tc.want {
			t.Errorf("%s from %s to %s after %d attempts: %q, want %q", tc.account, tc.from, tc.to, tc.attempts, got, tc.want)
		}
	}
	tr := cfg.Route("ann", domain(t, "example.org"), domain(t, "example.net"), 0)
	if tr.Kind != TransportSubmissions || tr.Host.String() != "smtp.example.net" || tr.Port != 465 || tr.Username != "user" {
		t.Errorf("transport %+v", tr)
	}
}
