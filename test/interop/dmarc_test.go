package interop

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mox/dmarc"
	"mox/dns"
)

// suffixList is Debian's list of public suffixes.
const suffixList = "/usr/share/publicsuffix/public_suffix_list.dat"

// identifier is a domain that SPF or DKIM is about, and their result for it.
type identifier struct{ domain, status string }

// dmarcCase is one evaluation, by both.
type dmarcCase struct {
	records string // Those at the domain and at the organizational domain.
	from    string
	spf     identifier
	dkim    []identifier
	mox     dmarc.Result
	peer    string // Of OpenDMARC: what was found, what to do, and whether DKIM and SPF are aligned.
}

func (c dmarcCase) String() string {
	return fmt.Sprintf("%s, From %s, SPF %v, DKIM %v", c.records, c.from, c.spf, c.dkim)
}

// verdict is that of mox in the words of OpenDMARC, without what was found.
func (c dmarcCase) verdict() string {
	todo := "absent"
	switch c.mox.Status {
	case dmarc.StatusPass:
		todo = "pass"
	case dmarc.StatusFail:
		todo = string(c.mox.Policy)
	case dmarc.StatusTempError:
		todo = "temperror"
	}
	yes := map[bool]string{false: "no", true: "yes"}
	return fmt.Sprintf("%s %s %s", todo, yes[c.mox.DKIMAligned], yes[c.mox.SPFAligned])
}

// peerVerdict is that of OpenDMARC.
func (c dmarcCase) peerVerdict() string {
	words := strings.Fields(c.peer)
	if words[0] == "temperror" {
		return "temperror no no"
	}
	if words[0] != "record" {
		return "absent no no"
	}
	return strings.Join(words[1:], " ")
}

// dmarcDifference is where mox and OpenDMARC do not agree, and mox does as RFC 7489 says.
type dmarcDifference struct {
	section string
	name    string // What OpenDMARC does.
	applies func(c dmarcCase) bool
}

// dmarcDifferences are looked at in order. Each must explain a case.
var dmarcDifferences = []dmarcDifference{
	{"§3.2", "has no organizational domains below names that are not on the list of public suffixes, or there by a wildcard", func(c dmarcCase) bool {
		return strings.HasSuffix(strings.ToLower(c.from), ".example") || strings.HasSuffix(strings.ToLower(c.from), ".kobe.jp")
	}},
	{"§6.6.2", "makes a failure of what is not known for now", func(c dmarcCase) bool {
		return c.mox.Status == dmarc.StatusTempError
	}},
	{"§6.6.2", "forgets a signature that passes and is aligned over one after it that does not pass", func(c dmarcCase) bool {
		i := slices.IndexFunc(c.dkim, func(d identifier) bool { return d.status == "pass" })
		return c.mox.DKIMAligned && strings.Fields(c.peer)[2] == "no" && i >= 0 && slices.ContainsFunc(c.dkim[i+1:], func(d identifier) bool { return d.status != "pass" })
	}},
	{"§6.4", "wants the name of the tag v in lower case", func(c dmarcCase) bool {
		return strings.HasPrefix(c.records, `["V=DMARC1`)
	}},
	{"§6.3", "takes a record that does not begin with v", func(c dmarcCase) bool {
		return strings.HasPrefix(c.records, `["p=reject; v=`)
	}},
	{"§6.3", "takes the last of several p, which tag lists must not have (RFC 6376 §3.2)", func(c dmarcCase) bool {
		return strings.HasPrefix(c.records, `["v=DMARC1; p=none; p=reject`)
	}},
	{"§6.6.3", "does not take a record without p for p=none if it has a rua", func(c dmarcCase) bool {
		return c.peer == "error5 absent no no"
	}},
	{"§3.1.2", "does not align SPF of another domain than that of From if the record has rf=iodef", func(c dmarcCase) bool {
		return strings.Contains(c.records, "rf=iodef") && c.mox.SPFAligned
	}},
	{"§6.6.3", "takes one of several records", func(c dmarcCase) bool {
		return errors.Is(c.mox.Err, dmarc.ErrSeveralRecords)
	}},
	{"§6.6.3", "takes a record only if it is the first of the TXT records", func(c dmarcCase) bool {
		return strings.HasPrefix(c.records, `["v=spf1 -all" "v=DMARC1;`)
	}},
	{"§6.3", "takes what parts of a record say that has an invalid one, instead of defaults", func(c dmarcCase) bool {
		return strings.HasPrefix(c.peer, "error") && (len(c.mox.Found.Record.Problems) > 0 || c.mox.Found.Status == dmarc.StatusPermError)
	}},
	{"§3.1.1", "takes some domains below that of From, or above it, for aligned in strict mode", func(c dmarcCase) bool {
		r, peer := c.mox.Found.Record, strings.Fields(c.peer)
		dkim := r.DKIMAlignment == dmarc.AlignmentStrict && !c.mox.DKIMAligned && peer[2] == "yes"
		spf := r.SPFAlignment == dmarc.AlignmentStrict && !c.mox.SPFAligned && peer[3] == "yes"
		return dkim || spf
	}},
}

// dmarcOrganization is an organizational domain, with records.
type dmarcOrganization struct {
	domain  string
	records []string // At the organizational domain.
	sub     []string // At sub of it.
}

// dmarcOrganizations returns organizations with all kinds of records.
func dmarcOrganizations() []dmarcOrganization {
	var l []dmarcOrganization
	suffixes := []string{"org", "co.uk", "com", "github.io"}
	add := func(sub []string, records ...string) {
		suffix := suffixes[len(l)%len(suffixes)]
		switch len(l) {
		case 14:
			suffix = "x.kobe.jp" // All names below kobe.jp are public suffixes.
		case 19:
			suffix = "example" // Not on the list.
		}
		l = append(l, dmarcOrganization{fmt.Sprintf("o%d.%s", len(l), suffix), records, sub})
	}
	for _, p := range []string{"none", "quarantine", "reject"} {
		for _, alignment := range []string{"", " adkim=s;", " aspf=s;", " adkim=s; aspf=s;", " adkim=r; aspf=r;"} {
			add(nil, "v=DMARC1; p="+p+";"+alignment)
		}
		for _, sp := range []string{"none", "quarantine", "reject"} {
			add(nil, "v=DMARC1; p="+p+"; sp="+sp)
		}
	}
	for _, sub := range []string{
		"v=DMARC1; p=none", "v=DMARC1; p=reject; adkim=s; aspf=s", "v=DMARC1; p=quarantine; sp=none",
		"v=DMARC1", "v=spf1 -all", "", "v=DMARC1; p=bogus", "p=none",
	} {
		add([]string{sub}, "v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@x.example")
	}
	add([]string{"v=DMARC1; p=none", "v=DMARC1; p=reject"}, "v=DMARC1; p=quarantine")
	add([]string{"v=DMARC1; p=reject"})
	add(nil) // No record at all.
	for _, record := range []string{
		"v=DMARC1; p=reject; pct=100", "v=DMARC1;p=reject;pct=100;", "v=DMARC1;p=quarantine;adkim=s;rua=mailto:d@x.example",
		"v=DMARC1 ; p = reject ; adkim = s", "v=DMARC1;\tp=reject;  \taspf=s", " v=DMARC1; p=reject", "v=DMARC1; p=reject; ",
		"v=DMARC1; p=REJECT; adkim=S", "v=DMARC1; P=reject; ADKIM=s", "v=dmarc1; p=reject", "V=DMARC1; p=reject",
		"v=DMARC1; p=reject; sp=none; fo=1:d:s; rf=afrf; ri=86400; ruf=mailto:f@x.example",
		"v=DMARC1; p=none; unknown=1; x=y", "v=DMARC1; adkim=s; p=reject", "v=DMARC1; rua=mailto:d@x.example; p=reject",
		"p=reject; v=DMARC1", "v=DMARC2; p=reject", "v=DMARC1", "v=DMARC1;", "v=DMARC1; p=", "v=DMARC1; p=bogus",
		"v=DMARC1; p=bogus; rua=mailto:d@x.example", "v=DMARC1; p=reject; sp=bogus", "v=DMARC1; p=reject; sp=bogus; rua=mailto:d@x.example",
		"v=DMARC1; rua=mailto:d@x.example", "v=DMARC1; p=reject; adkim=x; aspf=y", "v=DMARC1; p=reject; pct=abc", "v=DMARC1; p=reject; pct=101",
		"v=DMARC1; p=reject; ri=x", "v=DMARC1; p=reject; rua=bogus", "v=DMARC1 p=reject", "v=DMARC1, p=reject", "v=DMARC1; p reject", "v=DMARC10; p=reject",
		"dmarc", "v=DMARC1; p=reject; fo=z", "v=DMARC1; p=reject; rf=iodef", "v=DMARC1; p=none; p=reject", "v=DMARC1; p=reject;; aspf=s", "v=DMARC1;;p=reject",
		"v=DMARC1; p=reject; rua=mailto:d@x.example!10m,mailto:e@x.example", "v=DMARC1; p=reject; " + strings.Repeat("rua=mailto:"+strings.Repeat("a", 60)+"@x.example; ", 6),
	} {
		add(nil, record)
	}
	add(nil, "v=DMARC1; p=reject", "v=DMARC1; p=none")
	add(nil, "v=DMARC1; p=reject", "v=DMARC1; p=reject")
	add(nil, "v=DMARC1; p=reject", "v=spf1 -all", "other")
	add(nil, "v=spf1 -all", "v=DMARC1; p=quarantine")
	return l
}

// zoneText returns a text as the strings of a TXT record.
func zoneText(text string) string {
	var l []string
	for len(text) > 200 {
		l, text = append(l, strconv.Quote(text[:200])), text[200:]
	}
	return strings.ReplaceAll(strings.Join(append(l, strconv.Quote(text)), " "), `\t`, `\009`)
}

// openDMARC has OpenDMARC evaluate what mox has evaluated.
func openDMARC(t *testing.T, ip string, cases []dmarcCase) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "opendmarc")
	command(t, "gcc", "-O1", "-Wall", "-o", program, "testdata/opendmarc.c", "-lopendmarc")
	cmd := exec.CommandContext(t.Context(), program, ip, nsdPort, suffixList)
	var in, stderr bytes.Buffer
	for _, c := range cases {
		fmt.Fprintf(&in, "%s %s %s", c.from, c.spf.domain, c.spf.status)
		for _, d := range c.dkim {
			fmt.Fprintf(&in, " %s %s", d.domain, d.status)
		}
		in.WriteString("\n")
	}
	cmd.Stdin, cmd.Stderr = &in, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("OpenDMARC: %v\n%s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(cases) {
		t.Fatalf("%d answers of OpenDMARC for %d cases", len(lines), len(cases))
	}
	for i, l := range lines {
		cases[i].peer = l
	}
}

// dmarcCases makes cases for an organization.
func dmarcCases(r *rand.Rand, o dmarcOrganization) []dmarcCase {
	domains := func() string {
		return []string{o.domain, o.domain, "sub." + o.domain, "sub." + o.domain, "a.sub." + o.domain, "other." + o.domain, "unrelated.example", "x" + o.domain, strings.ToUpper(o.domain)}[r.IntN(9)]
	}
	status := func() string { return []string{"pass", "pass", "pass", "fail", "none", "temperror"}[r.IntN(6)] }
	var l []dmarcCase
	for _, sub := range []string{"", "", "", "", "sub.", "sub.", "sub.", "a.sub.", "a.sub.", "b.", "b.", "SUB."} {
		c := dmarcCase{from: sub + o.domain, spf: identifier{domains(), status()}}
		c.records = fmt.Sprintf("%q, at sub %q", o.records, o.sub)
		for range r.IntN(3) {
			c.dkim = append(c.dkim, identifier{domains(), status()})
		}
		l = append(l, c)
	}
	// Nothing passes, SPF only, DKIM only.
	fails, passed := identifier{o.domain, "fail"}, identifier{o.domain, "pass"}
	for _, from := range []string{o.domain, "sub." + o.domain} {
		for _, c := range []dmarcCase{{spf: fails}, {spf: passed}, {spf: fails, dkim: []identifier{passed}}, {spf: fails, dkim: []identifier{fails}}} {
			c.from, c.records = from, fmt.Sprintf("%q, at sub %q", o.records, o.sub)
			l = append(l, c)
		}
	}
	return l
}

// parseDomain parses the domain of an identifier.
func parseDomain(t *testing.T, s string) dns.Domain {
	t.Helper()
	d, err := dns.ParseDomain(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestOpenDMARC evaluates generated policies, served by nsd, with mox and with OpenDMARC.
func TestOpenDMARC(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7489, 9091))
	var zone strings.Builder
	var cases []dmarcCase
	for _, o := range dmarcOrganizations() {
		fmt.Fprintf(&zone, "%s. A 192.0.2.1\nsub.%[1]s. A 192.0.2.1\nb.%[1]s. A 192.0.2.1\na.sub.%[1]s. A 192.0.2.1\n", o.domain)
		for _, text := range o.records {
			fmt.Fprintf(&zone, "_dmarc.%s. TXT %s\n", o.domain, zoneText(text))
		}
		for _, text := range o.sub {
			fmt.Fprintf(&zone, "_dmarc.sub.%s. TXT %s\n", o.domain, zoneText(text))
		}
		cases = append(cases, dmarcCases(r, o)...)
	}
	zone.WriteString("_dmarc.alias.example. CNAME _dmarc.o0.example.\n")
	for _, from := range []string{"alias.example", "sub.alias.example", "x.broken.example", "nx.example"} {
		cases = append(cases, dmarcCase{records: "special", from: from, spf: identifier{from, "fail"}})
	}
	ip := startNSD(t, zone.String(), "broken.example")

	verifier := dmarc.Verifier{Resolver: nsdResolver(ip)}
	for i, c := range cases {
		spf := dmarc.Identifier{Domain: parseDomain(t, c.spf.domain), Status: dmarc.Status(c.spf.status)}
		var dkim []dmarc.Identifier
		for _, d := range c.dkim {
			dkim = append(dkim, dmarc.Identifier{Domain: parseDomain(t, d.domain), Status: dmarc.Status(d.status)})
		}
		cases[i].mox = verifier.Verify(t.Context(), dmarc.ParseAuthors([]byte("From: x@"+c.from+"\r\n\r\n")), spf, dkim)
	}
	openDMARC(t, ip, cases)

	shown := make([]int, len(dmarcDifferences))
	verdicts := map[string]int{}
	for _, c := range cases {
		verdicts[strings.Fields(c.verdict())[0]]++
		if c.verdict() == c.peerVerdict() {
			continue
		}
		i := slices.IndexFunc(dmarcDifferences, func(d dmarcDifference) bool { return d.applies(c) })
		if i < 0 {
			t.Errorf("%s: mox says %s (%s, %v), OpenDMARC %s", c, c.verdict(), c.mox.Status, c.mox.Err, c.peer)
			continue
		}
		shown[i]++
	}
	for i, d := range dmarcDifferences {
		t.Logf("%d times OpenDMARC %s (RFC 7489 %s)", shown[i], d.name, d.section)
		if shown[i] == 0 {
			t.Errorf("the difference that OpenDMARC %s does not show", d.name)
		}
	}
	t.Logf("%d cases, results of mox: %v", len(cases), verdicts)
}
