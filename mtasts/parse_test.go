package mtasts

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"mox/dns"
)

func TestParsePolicy(t *testing.T) {
	t.Parallel()
	day := Policy{ModeEnforce, 24 * time.Hour, []MX{{dns.Domain{ASCII: "mail.example.com"}, false}}}
	longest := day
	longest.MaxAge = MaxAge
	for text, want := range map[string]*Policy{
		"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 86400":                                      &day,
		"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmax_age: 86400\r\n":                            &day,
		"max_age:86400 \t\r\nmx:\t Mail.example.com\nmode:enforce\nversion:STSv1\n\r\n\n":                          &day,
		"version: STSv1\nversion: STSv9\nmode: enforce\nmode: x\nmx: mail.example.com\nmax_age: 86400\nmax_age: x": &day,
		"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 86400\nother_1: ünicode and, spaces":        &day,
		"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 9999999999":                                 &longest,
		"version: STSv1\nmode: none\nmax_age: 0":                                                                   {ModeNone, 0, nil},

		"":               nil,
		"version: STSv1": nil,
		"version: STSv1\nmode: enforce\nmx: mail.example.com":                                          nil,
		"mode: enforce\nmx: mail.example.com\nmax_age: 86400":                                          nil,
		"version: STSv1\nmx: mail.example.com\nmax_age: 86400":                                         nil,
		"version: STSv1\nmode: enforce\nmax_age: 86400":                                                nil,
		"version: STSv2\nmode: enforce\nmx: mail.example.com\nmax_age: 86400":                          nil,
		"version: STSv1\nmode: Enforce\nmx: mail.example.com\nmax_age: 86400":                          nil,
		"Version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 86400":                          nil,
		"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: -1":                             nil,
		"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: +1":                             nil,
		"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 1e5":                            nil,
		"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 10000000000":                    nil,
		"version: STSv1\nmode: enforce\nmx: a.*.example.com\nmax_age: 1":                               nil,
		"version: STSv1\nmode: enforce\nmx: bücher.example\nmax_age: 1":                                nil,
		"version: STSv1\nmode: enforce\nmx: [192.0.2.1]\nmax_age: 1":                                   nil,
		"version: STSv1\nmode: enforce\nmx:\nmax_age: 1":                                               nil,
		"version: STSv1\n\nmode: enforce\nmx: mail.example.com\nmax_age: 86400":                        nil,
		"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 86400\nx: \x1b[2J":              nil,
		"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 86400\nx: \xff":                 nil,
		"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 86400\n-x: y":                   nil,
		"version: STSv1\rmode: enforce\rmx: mail.example.com\rmax_age: 86400":                          nil,
		"\ufeffversion: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 86400":                    nil,
		"<html>version: STSv1</html>\nversion: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 1": nil,
	} {
		p, err := ParsePolicy(text)
		switch {
		case want == nil && !errors.Is(err, ErrPolicy):
			t.Errorf("%q: %+v, %v; want ErrPolicy", text, p, err)
		case want != nil && (err != nil || !reflect.DeepEqual(p, *want)):
			t.Errorf("%q: %+v, %v; want %+v", text, p, err, *want)
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	p := Policy{MX: []MX{{dns.Domain{ASCII: "mail.example.com"}, false}, {dns.Domain{ASCII: "example.net"}, true}}}
	for host, want := range map[string]bool{
		"mail.example.com": true, "a.example.net": true, "xn--bcher-kva.example.net": true,
		"example.com": false, "x.mail.example.com": false, "example.net": false, "a.b.example.net": false, "aexample.net": false, "net": false,
	} {
		if p.Matches(dns.Domain{ASCII: host}) != want {
			t.Errorf("%s: matches must be %v", host, want)
		}
	}
}

// What is parsed is written in a way that is parsed to the same.
func FuzzParsePolicy(f *testing.F) {
	f.Add("version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 86400")
	f.Add("version: STSv1\r\nmode: testing\r\nmx: mail.example.com\r\nmax_age: 9999999999\r\nx: y\r\n")
	f.Add("max_age:0\nmode:none\nversion:STSv1")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePolicy(text)
		if err != nil {
			return
		}
		if again, err := ParsePolicy(p.String()); err != nil || !reflect.DeepEqual(p, again) {
			t.Errorf("%q: %+v, again %+v, %v", text, p, again, err)
		}
		if strings.ContainsFunc(p.String(), func(r rune) bool { return r >= 0x7f || r < ' ' && r != '\r' && r != '\n' }) {
			t.Errorf("%q is written as %q", text, p.String())
		}
	})
}
