package http_test

import (
	nethttp "net/http"
	"strings"
	"testing"
)

const wellKnownListener = `
		MTASTSHTTPS:
			Enabled: true
			NonTLS: true
		AutoconfigHTTPS:
			Enabled: true
			NonTLS: true
		IMAPS:
			Enabled: true
		Submissions:
			Enabled: true
`

func TestWellKnown(t *testing.T) {
	t.Parallel()
	r := start(t, files{Certs: []string{"mail.example.org"}, Listener: wellKnownListener, Domains: `
SecurityTxt:
	Contact:
		- mailto:security@example.org
	Expires: 2027-01-31T00:00:00Z
	PreferredLanguages:
		- en
		- de
`})
	r.rewriteDomain("\texample.org:\n\t\tMTASTS:\n\t\t\tPolicyID: 1\n\t\t\tMX:\n\t\t\t\t- mail.example.org\n\t\tClientSettingsDomain: imap.example.org\n\tother.example: nil\n")
	for _, tt := range []struct {
		url  string
		code int
		want string
	}{
		{"http://mta-sts.example.org/.well-known/mta-sts.txt", 200, "version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmax_age: 86400\r\n"},
		{"http://autoconfig.example.org/mail/config-v1.1.xml?emailaddress=ann@example.org", 200, "<hostname>imap.example.org</hostname>"},
		{"http://example.org/.well-known/autoconfig/mail/config-v1.1.xml", 200, "<port>993</port>"},
		{"http://autoconfig.other.example/mail/config-v1.1.xml", 200, "<hostname>mail.example.org</hostname>"},
		{"http://mail.example.org/mail/config-v1.1.xml?emailaddress=ann%40example.org", 200, "<domain>example.org</domain>"},
		{"http://autoconfig.example.org/profile.mobileconfig?address=ann@example.org", 200, "<string>imap.example.org</string>"},
		{"http://autoconfig.example.org/.well-known/security.txt", 200, "Contact: mailto:security@example.org\r\nExpires: 2027-01-31T00:00:00Z\r\nPreferred-Languages: en, de\r\n"},

		{"http://mta-sts.other.example/.well-known/mta-sts.txt", 421, ""},
		{"http://mta-sts.evil.example/.well-known/mta-sts.txt", 421, ""},
		{"http://autoconfig.example.org/.well-known/mta-sts.txt", 404, ""},
		{"http://mta-sts.example.org/mail/config-v1.1.xml", 404, ""},
		{"http://autoconfig.evil.example/mail/config-v1.1.xml", 421, ""},
		{"http://mail.example.org/mail/config-v1.1.xml?emailaddress=ann@evil.example", 404, ""},
		{"http://autoconfig.example.org/profile.mobileconfig?address=ann@other.example", 404, ""},
		{"http://autoconfig.example.org/profile.mobileconfig", 404, ""},
		{"http://autodiscover.example.org/autodiscover/autodiscover.xml", 405, ""},
	} {
		if resp := r.get(tt.url); resp.StatusCode != tt.code || !strings.Contains(resp.body, tt.want) {
			t.Errorf("%s: status %d, want %d; %s", tt.url, resp.StatusCode, tt.code, resp.body)
		}
	}
	post := func(address string) (int, string) {
		t.Helper()
		body := `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>` + address +
			`</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`
		req, err := nethttp.NewRequestWithContext(t.Context(), "POST", "http://autodiscover.example.org/Autodiscover/Autodiscover.xml", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := r.client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Content-Type")
	}
	if code, typ := post("ann@example.org"); code != 200 || !strings.HasPrefix(typ, "text/xml") {
		t.Errorf("autodiscover: %d %s", code, typ)
	}
	if code, _ := post("ann@evil.example"); code != 404 {
		t.Errorf("autodiscover for a domain of others: %d", code)
	}
	if code, _ := post("ann"); code != 404 {
		t.Errorf("autodiscover for no address: %d", code)
	}
	if code, _ := post("</x>"); code != 400 {
		t.Errorf("malformed autodiscover: %d", code)
	}
}
