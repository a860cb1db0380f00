package config

import (
	"slices"
	"strings"
	"testing"

	"mox/dns"
)

// withSMTP returns mox.conf with more fields of the SMTP service.
func withSMTP(fields string) string {
	const enabled = "\t\tSMTP:\n\t\t\tEnabled: true\n"
	var b strings.Builder
	for line := range strings.Lines(fields) {
		b.WriteString("\t\t\t" + line)
	}
	return strings.Replace(testStatic, enabled, enabled+b.String()+"\n", 1)
}

func TestReceptionChecks(t *testing.T) {
	t.Parallel()
	zones := "DNSBLs:\n\t- bl.Example.org\n\t- key_1.dq.example.net\n"
	for _, tt := range []struct {
		fields string
		play   *Localserve
		want   SMTP
	}{
		{"", nil, SMTP{SenderAuthentication: true, DMARCPolicy: DMARCEnforce}},
		{"SenderAuthentication: off", nil, SMTP{}},
		{"SenderAuthentication: on\nDMARCPolicy: quarantine", nil, SMTP{SenderAuthentication: true, DMARCPolicy: DMARCQuarantine}},
		{"DMARCPolicy: none", nil, SMTP{SenderAuthentication: true, DMARCPolicy: DMARCNone}},
		{zones, nil, SMTP{SenderAuthentication: true, DMARCPolicy: DMARCEnforce, DNSBLPolicy: DNSBLJunk}},
		{zones + "DNSBLPolicy: reject", nil, SMTP{SenderAuthentication: true, DMARCPolicy: DMARCEnforce, DNSBLPolicy: DNSBLReject}},
		{zones + "DNSBLPolicy: none\nSenderAuthentication: off", nil, SMTP{DNSBLPolicy: DNSBLNone}},
		// Localserve asks DNS nothing that it was not told to ask.
		{"", &Localserve{Account: "ann"}, SMTP{}},
		{"SenderAuthentication: on", &Localserve{Account: "ann"}, SMTP{SenderAuthentication: true, DMARCPolicy: DMARCEnforce}},
		{zones, &Localserve{Account: "ann"}, SMTP{DNSBLPolicy: DNSBLJunk}},
	} {
		cfg, err := Load(Options{Path: write(t, withSMTP(tt.fields), testDynamic), Localserve: tt.play})
		if err != nil {
			t.Fatalf("%q: %v", tt.fields, err)
		}
		got := cfg.Listeners[0].SMTP
		if strings.Contains(tt.fields, "DNSBLs") && !slices.Equal(got.DNSBLs, []dns.Domain{{ASCII: "bl.example.org"}, {ASCII: "key_1.dq.example.net"}}) {
			t.Errorf("%q: block lists %v", tt.fields, got.DNSBLs)
		}
		if got.SenderAuthentication != tt.want.SenderAuthentication || got.DMARCPolicy != tt.want.DMARCPolicy || got.DNSBLPolicy != tt.want.DNSBLPolicy {
			t.Errorf("%q: %+v, want %+v", tt.fields, got, tt.want)
		}
	}
}

func TestReceptionProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ fields, want string }{
		{"SenderAuthentication: true", `mox.conf:11: Listeners.local.SMTP.SenderAuthentication: "true" is not one of off, on; correct it`},
		{"DMARCPolicy: reject", `mox.conf:11: Listeners.local.SMTP.DMARCPolicy: "reject" is not one of enforce, none, quarantine`},
		{"DMARCPolicy: enforce\nSenderAuthentication: off", "SMTP.DMARCPolicy: has no meaning while SenderAuthentication is off; remove it"},
		{"DNSBLs:\n\t- bl.example.org\nDNSBLPolicy: drop", `mox.conf:13: Listeners.local.SMTP.DNSBLPolicy: "drop" is not one of junk, none, reject`},
		{"DNSBLPolicy: junk", "SMTP.DNSBLPolicy: has no meaning without DNSBLs; name some"},
		{"DNSBLs:\n\t- https://bl.example.org/", "mox.conf:12: Listeners.local.SMTP.DNSBLs[0]: \"https://bl.example.org/\" is not a domain name"},
		{"DNSBLs:\n\t- bl.example.org\n\t- BL.example.org", "mox.conf:13: Listeners.local.SMTP.DNSBLs[1]: bl.example.org is named twice; remove one"},
		{"DNSBLs:\n\t- " + strings.Repeat("a.", 95) + "org", "is too long to ask for an address in it"},
	} {
		_, err := Load(Options{Path: write(t, withSMTP(tt.fields), testDynamic)})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error does not say %q:\n%v", tt.fields, tt.want, err)
		}
	}
}
