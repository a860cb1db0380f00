package mtasts

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mox/dns"
)

// The example of RFC 8461 §3.2.
func TestPolicyString(t *testing.T) {
	t.Parallel()
	p := Policy{Mode: ModeEnforce, MaxAge: 604800 * time.Second}
	for _, s := range []string{"mail.example.com", "*.example.net", "backupmx.example.com"} {
		mx, err := ParseMX(s)
		if err != nil {
			t.Fatal(err)
		}
		p.MX = append(p.MX, mx)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	want := "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n"
	if got := p.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	d, err := dns.ParseDomain("Bücher.example")
	if err != nil {
		t.Fatal(err)
	}
	if host, err := Host(d); err != nil || host.ASCII != "mta-sts.xn--bcher-kva.example" {
		t.Errorf("host %v, %v", host, err)
	}
}

func TestPolicyRefused(t *testing.T) {
	t.Parallel()
	for want, p := range map[error]Policy{
		ErrMode:   {Mode: "strict", MX: []MX{{}}},
		ErrMaxAge: {Mode: ModeNone, MaxAge: MaxAge + 1},
		ErrNoMX:   {Mode: ModeTesting, MaxAge: time.Hour},
	} {
		if err := p.Check(); !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", p, err, want)
		}
	}
	for _, s := range []string{"", "*", "*.", "a.*.example", "mail.example.", "192.0.2.1", "a b.example"} {
		if mx, err := ParseMX(s); err == nil {
			t.Errorf("%q is taken for %v", s, mx)
		}
	}
	for id, want := range map[string]bool{"20260101T1": true, strings.Repeat("a", 32): true, strings.Repeat("a", 33): false, "": false, "a-b": false, "ä": false} {
		if ValidID(id) != want {
			t.Errorf("id %q: valid must be %v", id, want)
		}
	}
}
