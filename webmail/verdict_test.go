package webmail

import (
	"strings"
	"testing"

	"mox/pipeline"
)

// facts returns facts as they are kept with a message, from pairs "name=value".
func facts(pairs ...string) []byte {
	var l []pipeline.Fact
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		l = append(l, pipeline.Fact{Name: name, Value: value})
	}
	return pipeline.AppendFacts(nil, l)
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		prefix     string
		facts      []byte
		from       string
		list, mine bool
		level      Level
		summary    string
	}{
		{name: "DMARC passes", facts: facts("dmarc=pass", "spf=fail", "spf.domain=x.example"), from: "example.org", level: LevelOK, summary: "Verified example.org"},
		{name: "international", facts: facts("dmarc=pass"), from: "xn--bcher-kva.example", level: LevelOK, summary: "Verified bücher.example"},
		{name: "signed without DMARC", facts: facts("dmarc=none", "dkim.domain=mail.example.org"), from: "example.org", level: LevelOK, summary: "Verified example.org"},
		{name: "SPF without DMARC", facts: facts("dmarc=none", "spf=pass", "spf.domain=bounces.example.org"), from: "example.org", level: LevelOK, summary: "Verified example.org"},
		{name: "another signs", facts: facts("dmarc=none", "dkim.domain=example.com", "spf=pass", "spf.domain=example.com"), from: "example.org", level: LevelWarn, summary: "Not verified"},
		{name: "another with the same suffix", facts: facts("dmarc=none", "dkim.domain=evil.co.uk"), from: "bank.co.uk", level: LevelWarn, summary: "Not verified"},
		{name: "list signs", facts: facts("dmarc=none", "dkim.domain=lists.example.com"), from: "example.org", list: true, level: LevelInfo, summary: "Sent by list"},
		{name: "list breaks DMARC without policy", facts: facts("dmarc=fail", "dmarc.policy=none", "dkim.domain=lists.example.com"), from: "example.org", list: true, level: LevelInfo, summary: "Sent by list"},
		{name: "forged as from a list", facts: facts("dmarc=fail", "dmarc.policy=reject", "dkim.domain=evil.example"), from: "example.org", list: true, level: LevelBad, summary: "Sender check failed"},
		{name: "list that nobody vouches for", facts: facts("dmarc=fail", "dmarc.policy=none", "spf=none"), from: "example.org", list: true, level: LevelBad, summary: "Sender check failed"},
		{name: "DMARC fails", facts: facts("dmarc=fail", "dmarc.policy=quarantine", "spf=pass", "spf.domain=evil.example"), from: "example.org", level: LevelBad, summary: "Sender check failed"},
		{name: "SPF fails without DMARC", facts: facts("dmarc=none", "spf=fail", "spf.domain=example.org"), from: "example.org", level: LevelBad, summary: "Sender check failed"},
		{name: "nothing known", facts: facts("dmarc=none", "spf=none"), from: "example.org", level: LevelWarn, summary: "Not verified"},
		{name: "DNS failed", facts: facts("dmarc=temperror", "spf=temperror"), from: "example.org", level: LevelWarn, summary: "Not verified"},
		{name: "no or several authors", facts: facts("dmarc=permerror", "dkim.domain=example.org"), level: LevelBad, summary: "Sender check failed"},
		{name: "not checked", from: "example.org", level: LevelInfo, summary: "Not checked"},
		{name: "own copy", from: "example.org", mine: true, level: LevelInfo, summary: "Sent by you"},
		{name: "own address forged", facts: facts("dmarc=fail", "dmarc.policy=reject"), from: "example.org", mine: true, level: LevelBad, summary: "Sender check failed"},
		{name: "logged in here", prefix: "Received: from [127.0.0.1] (x) by mail.example.org with ESMTPSA id 1\r\n\ttls X; Sun, 22 Nov 2026 10:00:00 +0000\r\n", from: "example.org", level: LevelOK, summary: "Verified example.org"},
		{name: "header only", prefix: "Authentication-Results: mail.example.org; dmarc=pass header.from=example.org; dkim=pass header.d=example.org\r\n", from: "example.org", level: LevelOK, summary: "Verified example.org"},
		{name: "damaged", prefix: "Authentication-Results: ;;;=\r\n", facts: []byte("{"), from: "example.org", level: LevelInfo, summary: "Not checked"},
	} {
		s := &subject{evidence: evidenceOf([]byte(test.prefix), test.facts), from: test.from, list: test.list, mine: test.mine}
		v := s.verdict()
		if v.Level != test.level || v.Summary != test.summary {
			t.Errorf("%s: %s %q, want %s %q", test.name, v.Level, v.Summary, test.level, test.summary)
		}
		for _, c := range v.Checks {
			if c.Name == "" || c.Result == "" || !strings.HasSuffix(strings.TrimSuffix(c.Text, ")"), ".") && !strings.HasSuffix(c.Text, ")") {
				t.Errorf("%s: check %+v", test.name, c)
			}
		}
	}
}

// What a message says about itself counts for nothing.
func TestVerdictIgnoresMessage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", "Authentication-Results: mail.example.org; dmarc=pass header.from=example.com\nReceived: from x by mail.example.org with ESMTPSA id 1; Sun, 22 Nov 2026 10:00:00 +0000\nX-Mox-Reason: dmarc\n"+simple("joe@example.com", "forged", "x"))
	m, err := e.api.Message(e.ctx, added.Email.String(), "", false)
	if err != nil {
		t.Fatal(err)
	}
	if m.Verdict.Summary != "Not checked" || len(m.Verdict.Checks) > 0 || len(m.Reasons) > 0 {
		t.Errorf("verdict %+v, reasons %v", m.Verdict, m.Reasons)
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	prefix := "Return-Path: <joe@example.com>\r\n" +
		"Authentication-Results: mail.example.org; iprev=pass policy.iprev=192.0.2.1; spf=pass smtp.mailfrom=example.com;\r\n" +
		" dkim=fail reason=\"body hash did not verify\" header.d=example.com header.s=s; dkim=pass header.d=esp.example;\r\n" +
		" arc=pass; dmarc=pass header.from=example.com; dnsbl=fail dns.zone=bl.example\r\n" +
		"Received: from mx.example.com ([192.0.2.1])\r\n\tby mail.example.org with ESMTPS id 1\r\n\tfor <ann@example.org>\r\n\ttls TLS_AES_128_GCM_SHA256;\r\n\tSun, 22 Nov 2026 10:00:00 +0000\r\n"
	ev := evidenceOf([]byte(prefix), facts("iprev=pass", "iprev.name=mx.example.com", "spf=pass", "spf.domain=example.com", "dmarc=pass", "arc=pass", "arc.domain=fwd.example", "dnsbl=bl.example"))
	s := &subject{evidence: ev, from: "example.com"}
	var got []string
	for _, c := range s.checks() {
		got = append(got, c.Name+" "+c.Result+" "+string(c.Level)+": "+c.Text)
	}
	want := []string{
		"DMARC pass ok: Whoever sent it may use example.com in From.",
		"DKIM fail warn: The signature of example.com does not fit: the message was changed on its way, or the signature is forged. (body hash did not verify)",
		"DKIM pass ok: It was signed by esp.example, and not changed since.",
		"SPF pass ok: The server that sent it may send for example.com.",
		"ARC pass info: It was passed on by fwd.example, which tells what it had found out about the sender. Whether that is true depends on who that is.",
		"TLS pass ok: It came over an encrypted connection, by TLS_AES_128_GCM_SHA256.",
		"Reverse DNS pass ok: The server that sent it, 192.0.2.1, has the name mx.example.com.",
		"Block list fail bad: The server that sent it is on the block list bl.example.",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		prefix string
		facts  []byte
		role   Role
		want   string // In the first one.
		n      int
	}{
		{"X-Mox-Reason: dmarc\r\n", facts("dmarc=fail"), RoleJunk, "may not use example.org in From", 1},
		{"X-Mox-Reason: dnsbl\r\n", facts("dnsbl=bl.example"), RoleJunk, "on a block list: bl.example.", 1},
		{"X-Mox-Reason: dmarc-no-author\r\n", facts("dmarc=permerror"), RoleRejects, "counts as forged", 2},
		{"X-Mox-Reason: own-filter\r\n", nil, RoleJunk, "named own-filter objected", 1},
		{"X-Mox-Reason: dnsbl\r\n", facts("dnsbl=bl.example"), RoleInbox, "block list", 2},
		{"", facts("dmarc=pass"), RoleJunk, "moved to Junk later", 1},
		{"", nil, RoleJunk, "by a mail program", 1},
		{"", facts("dmarc=fail"), RoleInbox, "", 0},
		{"", nil, RoleNone, "", 0},
	} {
		s := &subject{evidence: evidenceOf([]byte(test.prefix), test.facts), from: "example.org"}
		l := s.reasons(Mailbox{Role: test.role})
		if len(l) != test.n || len(l) > 0 && !strings.Contains(l[0].Text, test.want) {
			t.Errorf("%q in %q: %+v, want %d with %q", test.prefix, test.role, l, test.n, test.want)
		}
	}
}
