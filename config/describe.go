package config

import (
	"bytes"
	"fmt"
	"io"

	"github.com/mjl-/sconf"
)

// DescribeStatic writes a mox.conf with every field and its documentation.
func DescribeStatic(w io.Writer) error {
	return sconf.Describe(w, &Static{
		Listeners:        map[string]StaticListener{"public": {}},
		PackageLogLevels: map[string]string{"smtpserver": "trace"},
		ACME:             map[string]StaticACME{"letsencrypt": {}},
		Transports:       map[string]StaticTransport{"smarthost": {}},
	})
}

// DescribeDomains writes a domains.conf with every field and its documentation.
func DescribeDomains(w io.Writer) error {
	return sconf.Describe(w, &Dynamic{
		Domains: map[string]DynamicDomain{"example.org": {
			DKIM:    &DynamicDKIM{Selectors: map[string]DynamicSelector{"2026a": {}}},
			Aliases: map[string]DynamicAlias{"team": {}},
		}},
		Accounts: map[string]DynamicAccount{"ann": {Destinations: map[string]DynamicDestination{"ann@example.org": {}}}},
	})
}

// ExampleStatic returns a small, complete mox.conf for a public server.
func ExampleStatic() Static {
	keyCert := StaticKeyCert{"mail.example.org.crt.pem", "mail.example.org.key.pem"}
	return Static{
		DataDir:  "../data",
		LogLevel: "info",
		Hostname: "mail.example.org",
		Listeners: map[string]StaticListener{
			"public": {
				IPs:         []string{"0.0.0.0", "::"},
				TLS:         &StaticTLS{KeyCerts: []StaticKeyCert{keyCert}},
				SMTP:        StaticSMTP{Enabled: true},
				Submission:  StaticPlaintext{Enabled: true},
				Submissions: StaticImplicitTLS{Enabled: true},
				IMAP:        StaticPlaintext{Enabled: true},
				IMAPS:       StaticImplicitTLS{Enabled: true},
			},
			"internal": {
				IPs:         []string{"127.0.0.1", "::1"},
				MetricsHTTP: StaticService{Enabled: true},
			},
		},
		Postmaster: StaticPostmaster{Account: "ann", Mailbox: "Postmaster"},
	}
}

// ExampleDynamic returns the domains.conf that goes with ExampleStatic.
func ExampleDynamic() Dynamic {
	return Dynamic{
		Domains: map[string]DynamicDomain{
			"example.org": {
				LocalpartCatchallSeparators: []string{"+"},
				DKIM: &DynamicDKIM{Selectors: map[string]DynamicSelector{
					"2026a": {PrivateKeyFile: "dkim/2026a.example.org.rsa.pem"},
					"2026b": {PrivateKeyFile: "dkim/2026b.example.org.ed25519.pem"},
				}},
			},
		},
		Accounts: map[string]DynamicAccount{
			"ann": {
				Domain:       "example.org",
				FullName:     "Ann Example",
				Destinations: map[string]DynamicDestination{"ann@example.org": {}, "list@example.org": {Mailbox: "Lists"}},
			},
		},
	}
}

// WriteReference writes the documentation of both files as Markdown.
func WriteReference(w io.Writer) error {
	static, dynamic := ExampleStatic(), ExampleDynamic()
	var b bytes.Buffer
	b.WriteString(referenceIntro)
	for _, section := range []struct {
		title string
		write func(io.Writer) error
	}{
		{"A small mox.conf", func(w io.Writer) error { return sconf.Write(w, &static) }},
		{"The domains.conf that goes with it", func(w io.Writer) error { return sconf.Write(w, &dynamic) }},
		{"All of mox.conf", DescribeStatic},
		{"All of domains.conf", DescribeDomains},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n```\n", section.title)
		if err := section.write(&b); err != nil {
			return err
		}
		b.WriteString("```\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

const referenceIntro = `# Configuration

Generated from package config by ` + "`make generate`" + `. The same text comes from
` + "`mox config describe-static`, `mox config describe-domains` and `mox config example`" + `.

Mox has two configuration files in one directory. Mox.conf is static: it is read
at start, and a change needs a restart. Domains.conf is dynamic: it is read again
when mox gets the signal SIGHUP, and mox writes it itself when settings are changed
while it runs; comments in it are lost then.

Both are in the format sconf. A line has a key, a colon, a space and a value;
whatever belongs to a key without a value follows on lines indented by one more
tab. Items of a list begin with a dash. Values are never quoted. A comment has a
line of its own and begins with #. Fields marked "(optional)" can be left out; the
values shown for them below stand for nothing.

Check with ` + "`mox config test`" + ` after editing: it names all problems at once, with
file, line and cure. In Go, the types Static and Dynamic of package config mirror
the files.
`
