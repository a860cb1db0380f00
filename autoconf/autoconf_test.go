package autoconf

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"mox/dns"
)

func domain(t *testing.T, s string) dns.Domain {
	t.Helper()
	d, err := dns.ParseDomain(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func settings(t *testing.T) *Settings {
	mail := domain(t, "mail.example.org")
	return &Settings{
		Domain:     domain(t, "bücher.example"),
		IMAP:       []Server{{mail, 993, TLS}, {mail, 143, STARTTLS}},
		Submission: []Server{{mail, 587, STARTTLS}},
	}
}

// wellFormed checks that a document is XML, and returns the text of each element.
func wellFormed(t *testing.T, data []byte) map[string][]string {
	t.Helper()
	texts := map[string][]string{}
	d := xml.NewDecoder(strings.NewReader(string(data)))
	var name string
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return texts
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name = tok.Name.Local
		case xml.CharData:
			if s := strings.TrimSpace(string(tok)); s != "" {
				texts[name] = append(texts[name], s)
			}
		}
	}
}

func equal(t *testing.T, texts map[string][]string, name string, want ...string) {
	t.Helper()
	if got := texts[name]; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%s: %q, want %q", name, got, want)
	}
}

func TestThunderbird(t *testing.T) {
	t.Parallel()
	data, err := Thunderbird(settings(t))
	if err != nil {
		t.Fatal(err)
	}
	texts := wellFormed(t, data)
	equal(t, texts, "domain", "xn--bcher-kva.example")
	equal(t, texts, "displayName", "bücher.example")
	equal(t, texts, "hostname", "mail.example.org", "mail.example.org", "mail.example.org")
	equal(t, texts, "port", "993", "143", "587")
	equal(t, texts, "socketType", "SSL", "STARTTLS", "STARTTLS")
	equal(t, texts, "username", "%EMAILADDRESS%", "%EMAILADDRESS%", "%EMAILADDRESS%")
	for _, want := range []string{`<incomingServer type="imap">`, `<outgoingServer type="smtp">`, `<clientConfig version="1.1">`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("lacks %s:\n%s", want, data)
		}
	}
	if _, err := Thunderbird(&Settings{Domain: domain(t, "example.org")}); !errors.Is(err, ErrIncomplete) {
		t.Errorf("without servers: %v", err)
	}
}

const outlookRequest = `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
  <Request>
    <EMailAddress>ann@example.org</EMailAddress>
    <AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>
  </Request>
</Autodiscover>`

func TestAutodiscover(t *testing.T) {
	t.Parallel()
	address, err := ParseAutodiscover(strings.NewReader(outlookRequest))
	if err != nil || address != "ann@example.org" {
		t.Fatalf("%q, %v", address, err)
	}
	data, err := Autodiscover(settings(t), address)
	if err != nil {
		t.Fatal(err)
	}
	texts := wellFormed(t, data)
	equal(t, texts, "Type", "IMAP", "SMTP")
	equal(t, texts, "Port", "993", "587")
	equal(t, texts, "Encryption", "SSL", "TLS")
	equal(t, texts, "LoginName", address, address)
	// What a client writes stays text.
	data, err = Autodiscover(settings(t), `"</LoginName><x>"@example.org`)
	if err != nil {
		t.Fatal(err)
	}
	if texts := wellFormed(t, data); texts["x"] != nil {
		t.Errorf("an address became markup:\n%s", data)
	}
	plain := settings(t)
	plain.Submission[0].Security = Plain
	if _, err := Autodiscover(plain, address); !errors.Is(err, ErrIncomplete) {
		t.Errorf("without TLS: %v", err)
	}
}

func TestParseAutodiscoverRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body string
		want error
	}{
		"empty":           {"", ErrSyntax},
		"not XML":         {"{}", ErrSyntax},
		"cut off":         {outlookRequest[:200], ErrSyntax},
		"no address":      {strings.Replace(outlookRequest, "ann@example.org", "", 1), ErrSyntax},
		"other namespace": {strings.Replace(outlookRequest, "requestschema/2006", "requestschema/2007", 1), ErrSyntax},
		"other schema":    {strings.Replace(outlookRequest, "2006a", "mobilesync", 1), ErrSchema},
		"too long":        {strings.Replace(outlookRequest, "<Request>", strings.Repeat(" ", maxAutodiscover)+"<Request>", 1), ErrSyntax},
		"entities":        {`<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + strings.Replace(outlookRequest[38:], "ann@", "&e;@", 1), ErrSyntax},
	} {
		if address, err := ParseAutodiscover(strings.NewReader(tt.body)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %q, %v, want %v", name, address, err, tt.want)
		}
	}
}

func TestMobileconfig(t *testing.T) {
	t.Parallel()
	data, err := Mobileconfig(settings(t), "ann@example.org", "Ann & <Bob>")
	if err != nil {
		t.Fatal(err)
	}
	texts := wellFormed(t, data)
	for _, want := range []string{"mail.example.org", "com.apple.mail.managed", "EmailTypeIMAP", "ann@example.org"} {
		if !strings.Contains(strings.Join(texts["string"], "\n"), want) {
			t.Errorf("lacks %s:\n%s", want, data)
		}
	}
	if !strings.Contains(string(data), "Ann &amp; &lt;Bob&gt;") {
		t.Error("a name is not escaped")
	}
	equal(t, texts, "integer", "993", "587", "1", "1")
	again, err := Mobileconfig(settings(t), "ann@example.org", "Ann & <Bob>")
	if err != nil || string(again) != string(data) {
		t.Error("a second profile would not replace the first")
	}
	other, err := Mobileconfig(settings(t), "bob@example.org", "")
	if err != nil || strings.Contains(string(other), uuid("account ann@example.org")) {
		t.Error("profiles of two addresses would replace each other")
	}
	if _, err := Mobileconfig(&Settings{}, "ann@example.org", ""); !errors.Is(err, ErrIncomplete) {
		t.Errorf("without servers: %v", err)
	}
}

func FuzzParseAutodiscover(f *testing.F) {
	f.Add(outlookRequest)
	f.Fuzz(func(t *testing.T, body string) {
		address, err := ParseAutodiscover(strings.NewReader(body))
		if (err == nil) != (address != "") {
			t.Errorf("%q, %v", address, err)
		}
	})
}
