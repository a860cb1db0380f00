package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/dns"
)

const testStatic = `
DataDir: ../data
Hostname: mail.example.org
Listeners:
	local:
		IPs:
			- 127.0.0.1
			- ::1
		SMTP:
			Enabled: true
			Port: 2525
Postmaster:
	Account: ann
Transports:
	smarthost:
		Submissions:
			Host: smtp.example.net
			Auth:
				Username: user
				Password: secret
	backup:
		SMTP:
			Host: [2001:db8::25]
	never:
		Fail:
			Code: 450
`

const testDynamic = `
Domains:
	example.org:
		LocalpartCatchallSeparators:
			- +
			- --
	exact.example:
		LocalpartCaseSensitive: true
		Routes:
			-
				Transport: never
	all.example: nil
	closed.example:
		Disabled: true
	bücher.example: nil
Accounts:
	ann:
		Domain: example.org
		Destinations:
			Ann@example.org: nil
			ann+exact@example.org:
				Mailbox: Exact
			Ann@exact.example: nil
			ann@closed.example: nil
			"ann b"@example.org: nil
			ann@xn--bcher-kva.example: nil
	bob:
		Domain: all.example
		QuotaMessageSize: -1
		MaxOutgoingMessagesPerDay: 5
		Destinations:
			bob@example.org:
				Mailbox: INBOX/bob
			@all.example:
				Mailbox: Rest
			élise@example.org: nil
		Routes:
			-
				ToDomain:
					- .example.net
				MinimumAttempts: 2
				Transport: backup
Routes:
	-
		FromDomain:
			- example.org
		ToDomain:
			- example.net
			- .example.net
		Transport: smarthost
`

// write makes a directory with both files and returns the path of mox.conf.
func write(t *testing.T, static, dynamic string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mox.conf")
	for file, text := range map[string]string{path: static, filepath.Join(filepath.Dir(path), "domains.conf"): dynamic} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// load loads files that must be valid.
func load(t *testing.T, static, dynamic string) *Config {
	t.Helper()
	cfg, err := Load(Options{Path: write(t, static, dynamic)})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// writeCert writes a self-signed certificate for a name, and its key, into dir.
func writeCert(t *testing.T, dir, file, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotAfter:     time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{".crt.pem": {Type: "CERTIFICATE", Bytes: cert}, ".key.pem": {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(dir, file+suffix), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func domain(t *testing.T, s string) dns.Domain {
	t.Helper()
	d, err := dns.ParseDomain(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg := load(t, testStatic, testDynamic)
	if want := filepath.Join(filepath.Dir(cfg.Dir), "data"); cfg.DataDir != want {
		t.Errorf("data directory %s, want %s", cfg.DataDir, want)
	}
	if cfg.User != "mox" || cfg.LogLevel != 0 || cfg.Postmaster != (Destination{"ann", "Inbox"}) {
		t.Errorf("user %q, log level %v, postmaster %v", cfg.User, cfg.LogLevel, cfg.Postmaster)
	}
	var uses []string
	for _, m := range cfg.InitialMailboxes {
		uses = append(uses, m.Name+m.SpecialUse)
	}
	if got := strings.Join(uses, " "); got != `Sent\Sent Archive\Archive Trash\Trash Drafts\Drafts Junk\Junk` {
		t.Errorf("initial mailboxes %s", got)
	}
	l := cfg.Listeners[0]
	if l.Hostname != cfg.Hostname || l.MaxMessageSize != 100<<20 || l.SMTP.Port != 2525 || l.Submission.Enabled || l.IMAP.Port != 143 {
		t.Errorf("listener %+v", l)
	}
	if l.Limits.Recipients != 1000 || cfg.Timeouts.SMTP != 5*time.Minute || l.Limits.Connections.Client != 100 || l.Limits.Connects.Client[0].Max != 300 {
		t.Errorf("limits %+v", l.Limits)
	}
	ann, bob := cfg.Account("ann"), cfg.Account("bob")
	if ann.MaxOutgoingPerDay != 1000 || bob.MaxOutgoingPerDay != 5 {
		t.Errorf("limits of ann %+v, of bob %+v", ann, bob)
	}
	if cfg.Account("carl") != nil {
		t.Error("account that is not configured exists")
	}
}

func TestLimitsCanBeLifted(t *testing.T) {
	t.Parallel()
	static := strings.Replace(testStatic, "\t\tSMTP:\n\t\t\tEnabled: true\n", "\t\tLimits:\n\t\t\tConnections: -1\n\t\t\tConnectsPerMinutePerIP: -1\n\t\t\tRecipients: 100\n\t\tSMTP:\n\t\t\tEnabled: true\n", 1)
	limits := load(t, "QuotaMessageSize: 1000\n"+static, testDynamic).Listeners[0].Limits
	if limits.Connections.Total != 0 || limits.Connects.Client != nil || limits.Recipients != 100 {
		t.Errorf("limits %+v", limits)
	}
	cfg := load(t, "QuotaMessageSize: 1000\n"+testStatic, testDynamic)
	if ann, bob := cfg.Account("ann").Quota, cfg.Account("bob").Quota; ann != 1000 || bob != 0 {
		t.Errorf("quota of ann %d, want the general 1000; of bob %d, want none", ann, bob)
	}
}

// Each problem names the file and line, or field, where it is, and the cure.
func TestProblems(t *testing.T) {
	t.Parallel()
	smtp := "\t\tSMTP:\n\t\t\tEnabled: true\n"
	for _, tc := range []struct {
		name     string
		old, new string // Replacement in one of the files.
		want     []string
	}{
		{"syntax", "Hostname: mail.example.org", "Hostname mail.example.org", []string{"mox.conf:3: ", "missing colon"}},
		{"no number", "2525", "many", []string{"mox.conf:", ".Port: \"many\" is not a whole number; write its digits only"}},
		{"number too large", "2525", "99999999999999999999", []string{".Port: \"99999999999999999999\" is too large a number"}},
		{"no boolean", "Enabled: true", "Enabled: yes", []string{".Enabled: \"yes\" is neither true nor false"}},
		{"unknown field", "Hostname: mail.example.org", "Hostnam: mail.example.org", []string{"mox.conf:3: ", `unknown key "Hostnam"`, "mox config describe-static"}},
		{"unknown field in domains", "Disabled: true", "Disabld: true", []string{"domains.conf:14: ", `unknown key "Disabld"`, "mox config describe-domains"}},
		{"missing field", "Hostname: mail.example.org\n", "", []string{"mox.conf:", `missing required key "Hostname"`}},
		{"bad bool", "Disabled: true", "Disabled: yes", []string{"domains.conf:14: ", `"yes"`}},
		{"not UTF-8", "Hostname: mail.example.org", "# \xff\nHostname: x", []string{"mox.conf: ", "UTF-8"}},
		{"no data directory", "DataDir: ../data", "DataDir: ", []string{"mox.conf:2: DataDir: is empty", "name a directory"}},
		{"log level", "DataDir: ../data", "DataDir: x\nLogLevel: loud", []string{"mox.conf:3: LogLevel: ", `"loud"`, "use one of error, warn"}},
		{"package log level", "DataDir: ../data", "DataDir: x\nPackageLogLevels:\n\tqueue: loud", []string{"mox.conf:4: PackageLogLevels.queue: "}},
		{"host name", "mail.example.org", "mail_1.example.org", []string{"mox.conf:3: Hostname: ", "write e.g. mail.example.org"}},
		{"quota", "DataDir: ../data", "DataDir: x\nQuotaMessageSize: -5", []string{"mox.conf:3: QuotaMessageSize: ", "use 0"}},
		{"IP", "- 127.0.0.1", "- 127.0.0.256", []string{"mox.conf:7: Listeners.local.IPs[0]: ", "not an IP address; write"}},
		{"no IPs", "\t\t\t- 127.0.0.1\n\t\t\t- ::1\n", "", []string{"mox.conf"}},
		{"port", "Port: 2525", "Port: 70000", []string{"mox.conf:11: Listeners.local.SMTP.Port: ", "use 1 to 65535"}},
		{"port taken", smtp, "\t\tSubmission:\n\t\t\tEnabled: true\n\t\t\tNoRequireSTARTTLS: true\n\t\t\tPort: 2525\n" + smtp, []string{"Listeners.local.Submission: port 2525 of 127.0.0.1 is also used by Listeners.local.SMTP; change"}},
		{"port taken on all addresses", "Listeners:\n", "Listeners:\n\tall:\n\t\tIPs:\n\t\t\t- 0.0.0.0\n\t\tSMTP:\n\t\t\tEnabled: true\n\t\t\tPort: 2525\n", []string{"Listeners.local.SMTP: port 2525", "Listeners.all.SMTP"}},
		{"TLS needed", smtp, "\t\tIMAPS:\n\t\t\tEnabled: true\n" + smtp, []string{"mox.conf:9: Listeners.local.IMAPS: needs TLS", "add ACME or KeyCerts"}},
		{"TLS needed for login", smtp, "\t\tIMAP:\n\t\t\tEnabled: true\n" + smtp, []string{"Listeners.local.IMAP: needs TLS", "NoRequireSTARTTLS"}},
		{"mechanism", smtp, "\t\tIMAP:\n\t\t\tEnabled: true\n\t\t\tNoRequireSTARTTLS: true\n\t\t\tSASLMechanisms:\n\t\t\t\t- PLAIN\n\t\t\t\t- plain\n" + smtp, []string{
			`mox.conf:14: Listeners.local.IMAP.SASLMechanisms[1]: "plain" is not one of SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5, EXTERNAL, PLAIN, LOGIN`,
		}},
		{"mechanism, TLS from the start", smtp, "\t\tSubmissions:\n\t\t\tEnabled: true\n\t\t\tSASLMechanisms:\n\t\t\t\t- NTLM\n" + smtp, []string{`Listeners.local.Submissions.SASLMechanisms[0]: "NTLM"`}},
		{"certificate missing", smtp, "\t\tTLS:\n\t\t\tKeyCerts:\n\t\t\t\t-\n\t\t\t\t\tCertFile: a\n\t\t\t\t\tKeyFile: b\n" + smtp, []string{"mox.conf:11: Listeners.local.TLS.KeyCerts[0]: ", "no such file", "check that"}},
		{"old TLS", smtp, "\t\tTLS:\n\t\t\tMinVersion: TLSv1.0\n\t\t\tKeyCerts:\n\t\t\t\t-\n\t\t\t\t\tCertFile: a\n\t\t\t\t\tKeyFile: b\n" + smtp, []string{"TLS.MinVersion: ", "use TLSv1.2 or TLSv1.3"}},
		{"contradiction", smtp, "\t\tSMTP:\n\t\t\tNoSTARTTLS: true\n\t\t\tRequireSTARTTLS: true\n\t\t\tEnabled: true\n", []string{"Listeners.local.SMTP: has both"}},
		{"message size", smtp, "\t\tSMTPMaxMessageSize: 1000\n" + smtp, []string{"SMTPMaxMessageSize: is below 65536"}},
		{"limit", smtp, "\t\tLimits:\n\t\t\tConnections: -2\n" + smtp, []string{"Limits.Connections: -2 is negative; use -1"}},
		{"recipients", smtp, "\t\tLimits:\n\t\t\tRecipients: 99\n" + smtp, []string{"Limits.Recipients: 99 is below 100"}},
		{"timeout", "DataDir: ../data", "DataDir: x\nTimeouts:\n\tIMAP: 29m", []string{"mox.conf:4: Timeouts.IMAP: 29m0s is too short; use at least 30m"}},
		{"failed logins", "DataDir: ../data", "DataDir: x\nLogins:\n\tFailedPerHourPerIP: -3", []string{"mox.conf:4: Logins.FailedPerHourPerIP: -3 is negative; use -1"}},
		{"network", smtp, "\t\tProxyProtocol:\n\t\t\tNetworks:\n\t\t\t\t- 10.1.2.3/8\n" + smtp, []string{"ProxyProtocol.Networks[0]: ", "write 10.0.0.0/8"}},
		{"network syntax", "DataDir: ../data", "DataDir: x\nOutgoing:\n\tAllowNetworks:\n\t\t- localhost", []string{"mox.conf:5: Outgoing.AllowNetworks[0]: ", "write e.g. 192.0.2.0/24"}},
		{"mailbox", "DataDir: ../data", "DataDir: x\nInitialMailboxes:\n\tRegular:\n\t\t- a//b", []string{"mox.conf:5: InitialMailboxes.Regular[0]: ", "empty part"}},
		{"mailbox twice", "DataDir: ../data", "DataDir: x\nInitialMailboxes:\n\tSpecialUse:\n\t\tSent: a\n\t\tJunk: a", []string{"InitialMailboxes.SpecialUse.Junk: ", "named twice"}},
		{"inbox as special use", "DataDir: ../data", "DataDir: x\nInitialMailboxes:\n\tSpecialUse:\n\t\tSent: inbox", []string{"InitialMailboxes.SpecialUse.Sent: ", "Inbox always exists"}},
		{"transport without kind", "\tbackup:\n", "\tempty: nil\n\tbackup:\n", []string{"Transports.empty: has 0 kinds; set exactly one"}},
		{"transport with two kinds", "\tbackup:\n", "\tbackup:\n\t\tDirect: nil\n", []string{"mox.conf"}},
		{"login without TLS", "Host: [2001:db8::25]", "Host: mx\n\t\t\tAuth:\n\t\t\t\tUsername: a\n\t\t\t\tPassword: b", []string{"Transports.backup.SMTP.Auth: ", "use Submission"}},
		{"certificate for an address", "Host: smtp.example.net", "Host: 192.0.2.1", []string{"Transports.smarthost.Submissions.Host: ", "write the name"}},
		{"unchecked certificate", "Host: smtp.example.net", "Host: smtp.example.net\n\t\t\tSTARTTLSInsecureSkipVerify: true", []string{"STARTTLSInsecureSkipVerify: ", "remove it"}},
		{"failure that is success", "Code: 450", "Code: 250", []string{"Transports.never.Fail.Code: 250", "use 4xx or 5xx"}},
		{"postmaster", "Account: ann\nTransports", "Account: carl\nTransports", []string{"mox.conf:13: Postmaster.Account: ", `no account "carl"`}},

		{"domain", "\tclosed.example:\n", "\tclosed example:\n", []string{"Domains.closed example: ", "not a domain name"}},
		{"domain twice", "\tbücher.example: nil", "\tbücher.example: nil\n\txn--bcher-kva.example: nil", []string{"domains.conf:16: Domains.xn--bcher-kva.example: ", "same name"}},
		{"separator", "\t\t\t- +\n", "\t\t\t- @\n", []string{"Domains.example.org.LocalpartCatchallSeparators[0]: "}},
		{"account name", "\tbob:\n", "\t../bob:\n", []string{"Accounts.../bob: ", "choose one without"}},
		{"account domain", "Domain: all.example", "Domain: other.example", []string{"Accounts.bob.Domain: other.example is not in Domains; add it"}},
		{"address", "bob@example.org", "bob", []string{"Accounts.bob.Destinations.bob: ", "not an address", "write e.g."}},
		{"address at unknown domain", "bob@example.org", "bob@other.example", []string{"domain other.example is not in Domains"}},
		{"address of two accounts", "bob@example.org", "ANN@example.org", []string{"Accounts.bob.Destinations.ANN@example.org: is already a destination of account ann"}},
		{"catch-all syntax", "@all.example:", "@:", []string{"Accounts.bob.Destinations.@: "}},
		{"destination mailbox", "Mailbox: Rest", "Mailbox: a*", []string{"Destinations.@all.example.Mailbox: ", "wildcards"}},
		{"limit of an account", "MaxOutgoingMessagesPerDay: 5", "MaxOutgoingMessagesPerDay: -5", []string{"MaxOutgoingMessagesPerDay: -5"}},
		{"limit of an hour", "MaxOutgoingMessagesPerDay: 5", "MaxOutgoingMessagesPerHour: -5", []string{"Accounts.bob.MaxOutgoingMessagesPerHour: -5 is negative; use -1"}},
		{"limit of submissions", "MaxOutgoingMessagesPerDay: 5", "MaxSubmissionsPerHour: -2", []string{"Accounts.bob.MaxSubmissionsPerHour: -2 is negative; use -1"}},
		{"transport of a route", "Transport: smarthost", "Transport: smarthosts", []string{"Routes[0].Transport: ", `no transport "smarthosts"`, "use one of: backup, never, smarthost"}},
		{"domain of a route", "- .example.net\n\t\t\t\tMin", "- ..example.net\n\t\t\t\tMin", []string{"Accounts.bob.Routes[0].ToDomain[0]: "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			static, dynamic := strings.Replace(testStatic, tc.old, tc.new, 1), strings.Replace(testDynamic, tc.old, tc.new, 1)
			if static == testStatic && dynamic == testDynamic {
				t.Fatal("the test changes nothing")
			}
			if static != testStatic {
				dynamic = testDynamic
			}
			_, err := Load(Options{Path: write(t, static, dynamic)})
			var problems *Error
			if !errors.As(err, &problems) {
				t.Fatalf("error %v, want problems", err)
			}
			if len(problems.Problems) == 0 {
				t.Fatal("no problems in error")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	static := strings.Replace(testStatic, "127.0.0.1", "here", 1)
	static = strings.Replace(static, "2525", "-1", 1)
	dynamic := strings.Replace(testDynamic, "bob@example.org", "bob", 1)
	_, err := Load(Options{Path: write(t, static, dynamic)})
	var problems *Error
	if !errors.As(err, &problems) || len(problems.Problems) != 3 {
		t.Errorf("want 3 problems, got:\n%v", err)
	}
}

func TestMissingFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Load(Options{Path: filepath.Join(dir, "mox.conf")})
	for _, want := range []string{filepath.Join(dir, "mox.conf") + ": does not exist", filepath.Join(dir, "domains.conf") + ": does not exist", "--config"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q: %v", want, err)
		}
	}
}

// What editors on other systems leave is not a mistake.
func TestCRLFAndByteOrderMark(t *testing.T) {
	t.Parallel()
	crlf := func(s string) string { return "\ufeff" + strings.ReplaceAll(s, "\n", "\r\n") }
	if got := load(t, crlf(testStatic), crlf(testDynamic)).Hostname.ASCII; got != "mail.example.org" {
		t.Errorf("host name %q", got)
	}
}

func TestHTTPHosts(t *testing.T) {
	t.Parallel()
	static := strings.Replace(testStatic, "\t\tSMTP:\n", "\t\tHTTPHosts:\n\t\t\t- Mail.Internal\n\t\tSMTP:\n", 1)
	l := load(t, static, testDynamic).Listeners[0]
	loopback, other := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.1")
	for _, tt := range []struct {
		host  string
		local netip.Addr
		want  bool
	}{
		{"localhost", loopback, true},
		{"127.0.0.1", loopback, true},
		{"::1", loopback, true},
		{"mail.example.org", other, true},
		{"mail.internal", other, true},
		{"192.0.2.1", other, true},
		{"evil.example", loopback, false},
		{"127.0.0.2", loopback, false},
		{"192.0.2.1", loopback, false},
		{"localhost.evil.test", loopback, false},
		{"", loopback, false},
	} {
		if got := l.AllowsHTTPHost(tt.host, tt.local); got != tt.want {
			t.Errorf("host %q at %s: allowed %v, want %v", tt.host, tt.local, got, tt.want)
		}
	}

	// Where anything else can come in, localhost is for those on this machine.
	static = strings.Replace(static, "\t\t\t- 127.0.0.1\n\t\t\t- ::1\n", "\t\t\t- 0.0.0.0\n", 1)
	l = load(t, static, testDynamic).Listeners[0]
	if !l.AllowsHTTPHost("localhost", loopback) || l.AllowsHTTPHost("localhost", other) || l.AllowsHTTPHost("0.0.0.0", other) {
		t.Error("localhost must be allowed on loopback addresses only")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(testStatic, testDynamic)
	f.Add("DataDir: x\nHostname: x\nListeners:\n\tx:\n\t\tIPs:\n\t\t\t- ::\nPostmaster:\n\tAccount: x\n", "Domains:\n\tx.y: nil\nAccounts:\n\tx:\n\t\tDomain: x.y\n")
	var static, dynamic strings.Builder
	if err := DescribeStatic(&static); err != nil {
		f.Fatal(err)
	}
	if err := DescribeDomains(&dynamic); err != nil {
		f.Fatal(err)
	}
	f.Add(static.String(), dynamic.String())
	f.Fuzz(func(t *testing.T, static, dynamic string) {
		cfg, err := parse(Options{Path: "/nonexistent/mox.conf"}, []byte(static), []byte(dynamic))
		var problems *Error
		if err != nil && (!errors.As(err, &problems) || len(problems.Problems) == 0) {
			t.Fatalf("error %v without problems", err)
		}
		if err != nil {
			return
		}
		// What was accepted is accepted again after mox has written it.
		written, err := cfg.dynamic.marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(Options{Path: "/nonexistent/mox.conf"}, []byte(static), written); err != nil {
			t.Fatalf("accepted, but not after writing:\n%s\n%v", written, err)
		}
	})
}

func TestSendLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		set                       string
		perDay, perHour, messages int
	}{
		{"MaxOutgoingMessagesPerDay: 0", 1000, 500, 300},
		{"MaxOutgoingMessagesPerDay: 5", 5, 500, 300},
		{"MaxOutgoingMessagesPerDay: 4000", 4000, 2000, 300},
		{"MaxOutgoingMessagesPerDay: -1", 0, 0, 300},
		{"MaxOutgoingMessagesPerDay: -1\n\t\tMaxOutgoingMessagesPerHour: 7\n\t\tMaxSubmissionsPerHour: -1", 0, 7, 0},
		{"MaxOutgoingMessagesPerHour: -1\n\t\tMaxSubmissionsPerHour: 3", 1000, 0, 3},
	} {
		bob := load(t, testStatic, strings.Replace(testDynamic, "MaxOutgoingMessagesPerDay: 5", tt.set, 1)).Account("bob")
		if bob.MaxOutgoingPerDay != tt.perDay || bob.MaxOutgoingPerHour != tt.perHour || bob.MaxSubmissionsPerHour != tt.messages {
			t.Errorf("%s: %d in a day, %d in an hour, %d messages", tt.set, bob.MaxOutgoingPerDay, bob.MaxOutgoingPerHour, bob.MaxSubmissionsPerHour)
		}
	}
}

// Localserve, which keeps all mail, limits only what it is told to.
func TestSendLimitsOfLocalserve(t *testing.T) {
	t.Parallel()
	for set, perDay := range map[string]int{"MaxOutgoingMessagesPerDay: 0": 0, "MaxOutgoingMessagesPerDay: 5": 5} {
		dynamic := strings.Replace(testDynamic, "MaxOutgoingMessagesPerDay: 5", set, 1)
		cfg, err := Load(Options{Path: write(t, testStatic, dynamic), Localserve: &Localserve{Account: "bob"}})
		if err != nil {
			t.Fatal(err)
		}
		if bob := cfg.Account("bob"); bob.MaxOutgoingPerDay != perDay || bob.MaxSubmissionsPerHour != 0 {
			t.Errorf("%s: %d in a day, %d messages in an hour", set, bob.MaxOutgoingPerDay, bob.MaxSubmissionsPerHour)
		}
	}
}

func TestSASLMechanisms(t *testing.T) {
	t.Parallel()
	const smtp = "\t\tSMTP:\n"
	static := strings.Replace(testStatic, smtp, "\t\tSubmission:\n\t\t\tEnabled: true\n\t\t\tNoRequireSTARTTLS: true\n\t\t\tSASLMechanisms:\n\t\t\t\t- LOGIN\n\t\t\t\t- SCRAM-SHA-256\n"+smtp, 1)
	l := load(t, static, testDynamic).Listeners[0]
	if got := l.Submission.SASLMechanisms; !slices.Equal(got, []string{"LOGIN", "SCRAM-SHA-256"}) {
		t.Errorf("mechanisms %q", got)
	}
	if l.IMAP.SASLMechanisms != nil || l.IMAPS.SASLMechanisms != nil {
		t.Errorf("mechanisms where none are set: %q, %q", l.IMAP.SASLMechanisms, l.IMAPS.SASLMechanisms)
	}
}
