package spf

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"mox/dns"
	"mox/smtp"
)

// zone returns a resolver for lines of a name, a type and a value. FAIL makes lookups of
// the name fail; its value can be a type.
func zone(t testing.TB, text string) *dns.MemResolver {
	t.Helper()
	r := &dns.MemResolver{
		A: map[string][]string{}, AAAA: map[string][]string{}, CNAME: map[string]string{}, TXT: map[string][]string{},
		MX: map[string][]net.MX{}, PTR: map[string][]string{}, AllAuthentic: true,
	}
	for line := range strings.Lines(text) {
		line = strings.Trim(line, "\t\r\n")
		if line == "" {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		typ, value, _ := strings.Cut(rest, " ")
		switch typ {
		case "A":
			r.A[name] = append(r.A[name], value)
		case "AAAA":
			r.AAAA[name] = append(r.AAAA[name], value)
		case "TXT":
			r.TXT[name] = append(r.TXT[name], value)
		case "CNAME":
			r.CNAME[name] = value
		case "PTR":
			r.PTR[name] = append(r.PTR[name], value)
		case "MX":
			pref, host, _ := strings.Cut(value, " ")
			n, err := strconv.ParseUint(pref, 10, 16)
			if err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			r.MX[name] = append(r.MX[name], net.MX{Host: host, Pref: uint16(n)})
		case "FAIL":
			r.Fail = append(r.Fail, strings.TrimSpace(value+" "+name))
		default:
			t.Fatalf("line %q: unknown type", line)
		}
	}
	return r
}

// session returns the arguments for a sender. A sender without "@" is a null reverse-path
// of a client with that name.
func session(t testing.TB, ip, sender string) Args {
	t.Helper()
	args := Args{RemoteIP: netip.MustParseAddr(ip), Hello: "client.example.net", Hostname: dns.Domain{ASCII: "mx.receiver.example"}, Explain: true}
	at := strings.LastIndexByte(sender, '@')
	if at < 0 {
		args.Hello = sender
		return args
	}
	d, err := dns.ParseDomain(sender[at+1:])
	if err != nil {
		t.Fatal(err)
	}
	args.MailFrom = smtp.Path{Localpart: smtp.Localpart(sender[:at]), IPDomain: dns.IPDomain{Domain: d}}
	return args
}
