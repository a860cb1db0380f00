package checks

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/arc"
	"mox/authres"
	"mox/dkim"
	"mox/dmarc"
	"mox/dns"
	"mox/pipeline"
	"mox/pipeline/checktest"
	"mox/smtp"
)

// zone is what the tests find in DNS. The client 192.0.2.1 is good.example's.
func zone(t testing.TB) (*dns.MemResolver, *dkim.Signer) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	record, err := dkim.NewRecord(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := dkim.NewSigner(dkim.SignerOptions{
		Domain:    dns.Domain{ASCII: "good.example"},
		Selectors: []dkim.Selector{{Name: dns.Domain{ASCII: "sel"}, Key: key}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &dns.MemResolver{
		PTR: map[string][]string{"192.0.2.1": {"mail.good.example"}},
		A:   map[string][]string{"mail.good.example": {"192.0.2.1"}, "sub.good.example": {"192.0.2.3"}},
		TXT: map[string][]string{
			"good.example":                 {"v=spf1 ip4:192.0.2.1 -all"},
			"mail.good.example":            {"v=spf1 a -all"},
			"_dmarc.good.example":          {"v=DMARC1; p=reject; sp=quarantine"},
			"sel._domainkey.good.example":  {record.String()},
			"test._domainkey.good.example": {record.String() + "; t=y"},
			"other.example":                {"v=spf1 +all"},
			"_dmarc.lenient.example":       {"v=DMARC1; p=none"},
			"_dmarc.temp.example":          {"v=DMARC1; p=reject"},
		},
		Fail: []string{"txt broken.example", "txt _dmarc.broken.example", "txt temp.example", "txt sel._domainkey.temp.example"},
	}, signer
}

func address(t testing.TB, s string) smtp.Path {
	t.Helper()
	if s == "" {
		return smtp.Path{}
	}
	p, err := smtp.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// judged runs a check over a message from 192.0.2.1, or another address.
//
// What a SenderAuth says must be the same when its answers come from a cache, and when they are at hand, as all are for a
// second message but those for a chain.
func judged(t testing.TB, c pipeline.Check, ip, from, content string) pipeline.Result {
	t.Helper()
	want, _ := judgedOnce(t, c, ip, from, content)
	if s, ok := c.(*SenderAuth); ok && s.opts.Intn == nil {
		opts := s.opts
		frozen := time.Now() // However slow the machine is, the cache forgets no temporary error before the second message.
		opts.Resolver = dns.NewCache(opts.Resolver, dns.CacheOptions{Now: func() time.Time { return frozen }})
		cached := NewSenderAuth(opts)
		for i := range 2 {
			r, now := judgedOnce(t, cached, ip, from, content)
			if late := i > 0 && !now && !strings.Contains(results(want), " arc="); late || results(r) != results(want) || outcome(r) != outcome(want) || !slices.Equal(r.Facts, want.Facts) || !bytes.Equal(r.Prepend, want.Prepend) {
				t.Errorf("with a cache, message %d, at once %v: %s, %s, want %s, %s", i, now, results(r), outcome(r), results(want), outcome(want))
			}
		}
	}
	return want
}

// judgedOnce tells also whether the result was there at once.
func judgedOnce(t testing.TB, c pipeline.Check, ip, from, content string) (pipeline.Result, bool) {
	t.Helper()
	s, err := c.Start(t.Context(), pipeline.Conn{RemoteIP: netip.MustParseAddr(ip), Hello: "mail.good.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	env := pipeline.Envelope{MailFrom: address(t, from)}
	if _, err := s.Sender(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	spool := pipeline.NewSpool("", 0)
	defer spool.Close()
	w := io.Writer(spool)
	if s, ok := s.(pipeline.Streamer); ok {
		w = io.MultiWriter(s.Stream(), spool)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := spool.Finish(); err != nil {
		t.Fatal(err)
	}
	m := pipeline.Message{Envelope: env, Body: spool}
	if s, ok := s.(pipeline.Immediate); ok {
		if r, ok, err := s.MessageNow(m); ok || err != nil {
			if err != nil {
				t.Fatal(err)
			}
			return r, true
		}
	}
	r, err := s.Message(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return r, false
}

// results returns the results in a short form, e.g. "iprev=pass spf=none".
func results(r pipeline.Result) string {
	var l []string
	for _, a := range r.AuthResults {
		l = append(l, a.Method+"="+a.Result)
	}
	return strings.Join(l, " ")
}

// outcome is the verdict, and the code of a refusal.
func outcome(r pipeline.Result) string {
	if r.Reply != nil {
		return r.Verdict.String() + " " + r.Reply.Reply()[:9]
	}
	return r.Verdict.String()
}

func TestSenderAuthSuite(t *testing.T) {
	t.Parallel()
	for _, policy := range []DMARCPolicy{DMARCNote, DMARCEnforce} {
		checktest.Run(t, func(t *testing.T) checktest.Harness {
			r, _ := zone(t)
			return checktest.Harness{
				Check: NewSenderAuth(SenderAuthOptions{Resolver: r, Hostname: dns.Domain{ASCII: "mx.example.org"}, Policy: policy}),
				From:  address(t, "a@good.example"),
			}
		})
	}
}

func TestSenderAuth(t *testing.T) {
	t.Parallel()
	const body = "Subject: hi\r\nDate: Fri, 2 Jan 2026 03:04:05 +0000\r\n\r\ntext\r\n"
	r, signer := zone(t)
	sign := func(m string) string {
		fields, err := signer.Sign(strings.NewReader(m))
		if err != nil {
			t.Fatal(err)
		}
		return string(fields) + m
	}
	good := sign("From: a@good.example\r\n" + body)
	for _, tt := range []struct {
		name, ip, from, content string
		results                 string
		note, quarantine, full  string // What becomes of it by policy.
	}{
		{"all pass", "192.0.2.1", "a@good.example", good,
			"iprev=pass spf=pass spf=pass dkim=pass dmarc=pass", "neutral", "neutral", "neutral"},
		{"forwarded, so that only DKIM passes", "192.0.2.9", "a@other.example", good,
			"iprev=permerror spf=pass spf=fail dkim=pass dmarc=pass", "neutral", "neutral", "neutral"},
		{"unsigned, SPF passes", "192.0.2.1", "a@good.example", "From: a@good.example\r\n" + body,
			"iprev=pass spf=pass spf=pass dkim=none dmarc=pass", "neutral", "neutral", "neutral"},
		{"a report, with the null reverse-path: the name in EHLO counts (RFC 7208 §2.4)", "192.0.2.1", "", "From: a@good.example\r\n" + body,
			"iprev=pass spf=pass dkim=none dmarc=pass", "neutral", "neutral", "neutral"},
		{"forged", "192.0.2.9", "a@other.example", "From: a@good.example\r\n" + body,
			"iprev=permerror spf=pass spf=fail dkim=none dmarc=fail", "neutral", "quarantine", "reject 550 5.7.1"},
		{"changed on the way", "192.0.2.9", "a@other.example", good + "more\r\n",
			"iprev=permerror spf=pass spf=fail dkim=fail dmarc=fail", "neutral", "quarantine", "reject 550 5.7.1"},
		{"forged, with the weaker policy of subdomains", "192.0.2.9", "a@other.example", "From: a@sub.good.example\r\n" + body,
			"iprev=permerror spf=pass spf=fail dkim=none dmarc=fail", "neutral", "quarantine", "quarantine"},
		{"a policy that asks for nothing", "192.0.2.9", "a@other.example", "From: a@lenient.example\r\n" + body,
			"iprev=permerror spf=pass spf=fail dkim=none dmarc=fail", "neutral", "neutral", "neutral"},
		{"no policy", "192.0.2.9", "a@nowhere.example", "From: a@nowhere.example\r\n" + body,
			"iprev=permerror spf=none spf=fail dkim=none dmarc=none", "neutral", "neutral", "neutral"},
		{"no From", "192.0.2.1", "a@good.example", body,
			"iprev=pass spf=pass spf=pass dkim=none dmarc=permerror", "neutral", "quarantine", "reject 550 5.7.1"},
		{"two From fields, both in the clear", "192.0.2.1", "a@good.example", "From: a@good.example\r\nFrom: b@good.example\r\n" + body,
			"iprev=pass spf=pass spf=pass dkim=none dmarc=permerror", "neutral", "quarantine", "reject 550 5.7.1"},
		{"two authors, one of them forged", "192.0.2.9", "a@other.example", "From: x@other.example, a@good.example\r\n" + body,
			"iprev=permerror spf=pass spf=fail dkim=none dmarc=fail", "neutral", "quarantine", "reject 550 5.7.1"},
		{"DNS of the policy fails", "192.0.2.9", "a@other.example", "From: a@broken.example\r\n" + body,
			"iprev=permerror spf=pass spf=fail dkim=none dmarc=temperror", "neutral", "reject 451 4.7.1", "reject 451 4.7.1"},
		{"DNS of SPF fails, and nothing else passes", "192.0.2.9", "a@temp.example", "From: a@temp.example\r\n" + body,
			"iprev=permerror spf=temperror spf=fail dkim=none dmarc=temperror", "neutral", "reject 451 4.7.1", "reject 451 4.7.1"},
		{"From is beyond what is read of a header", "192.0.2.1", "a@good.example", "From: a@good.example\r\n" + strings.Repeat("X: "+strings.Repeat("y", 900)+"\r\n", 10_000) + body,
			"iprev=pass spf=pass spf=pass dkim=none dmarc=pass", "neutral", "quarantine", "reject 550 5.7.1"},
	} {
		for policy, want := range map[DMARCPolicy]string{DMARCNote: tt.note, DMARCQuarantine: tt.quarantine, DMARCEnforce: tt.full} {
			c := NewSenderAuth(SenderAuthOptions{Resolver: r, Hostname: dns.Domain{ASCII: "mx.example.org"}, Policy: policy})
			got := judged(t, c, tt.ip, tt.from, tt.content)
			if s := results(got); s != tt.results {
				t.Errorf("%s: results %s, want %s", tt.name, s, tt.results)
			}
			if o := outcome(got); o != want {
				t.Errorf("%s: policy %d: %s, want %s", tt.name, policy, o, want)
			}
			if !strings.HasPrefix(string(got.Prepend), "Received-SPF: ") || !pipeline.ValidFields(got.Prepend) {
				t.Errorf("%s: prepended %q", tt.name, got.Prepend)
			}
		}
	}
}

// Results are those that are registered, under their properties (RFC 8601 §2.7), and in them stands nothing that was
// not authenticated, such as a local-part (RFC 8601 §2.7.1, §2.7.2, §4), and nothing but ASCII unless the message is
// internationalized.
func TestSenderAuthResults(t *testing.T) {
	t.Parallel()
	r, signer := zone(t)
	r.TXT["noise.example"] = []string{"v=spf1 incl\xfcde:\u202e\"; dmarc=pass"}
	const body = "From: a@good.example\r\n\r\ntext\r\n"
	fields, err := signer.Sign(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	c := NewSenderAuth(SenderAuthOptions{Resolver: r, Hostname: dns.Domain{ASCII: "mx.example.org"}})
	for _, tt := range []struct {
		name, from, content string
		want, not           []string
	}{
		{"good", "ann@good.example", string(fields) + body, []string{
			"iprev=pass policy.iprev=192.0.2.1", "spf=pass smtp.mailfrom=good.example", "spf=pass smtp.helo=mail.good.example",
			"dkim=pass header.d=good.example header.s=sel header.a=ed25519-sha256 header.b=", "dmarc=pass header.from=good.example polrec.p=reject",
		}, []string{"ann"}},
		{"null reverse-path", "", body, []string{"spf=pass smtp.helo=mail.good.example", "dkim=none", "dmarc=pass"}, []string{"mailfrom"}},
		{"quoted local-part", `"; dmarc=pass x"@other.example`, body, []string{"spf=pass smtp.mailfrom=other.example"}, []string{"; dmarc=pass"}},
		{"address literal", "ann@[192.0.2.1]", body, []string{"spf=none", `smtp.mailfrom="[192.0.2.1]"`}, []string{"ann"}},
		{"noise in a record", "ann@noise.example", body, []string{"spf=permerror"}, []string{"\u202e", "\xfc", "\n dmarc=pass"}},
		{"noise in a signature", "ann@good.example", "DKIM-Signature: v=1; a=ü\x01-;d=good.example; s=ü; i=ü@good.example; h=from; bh=AA==; b=AA==\r\n" + body,
			[]string{"dkim="}, []string{"ü", "\x01"}},
		{"local-part beyond ASCII in a signature", "ann@good.example", "DKIM-Signature: v=1; a=rsa-sha256; d=good.example; s=none; i=ü@good.example; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n" + body,
			[]string{"header.d=good.example "}, []string{"ü"}},
		{"noise in a seal", "ann@good.example", "ARC-Seal: i=ü; cv=\x1b\r\n" + body, []string{"arc=fail"}, []string{"ü", "\x1b"}},
		{"noise in From", "ann@good.example", "From: \"ü\" <x; dmarc=pass@bad.example>\r\n\r\n", []string{"dmarc="}, []string{"ü", "dmarc=pass"}},
	} {
		got := judged(t, c, "192.0.2.1", tt.from, tt.content)
		field := string(authres.Results{AuthservID: "mx.example.org", Methods: got.AuthResults}.AppendField(nil))
		text := strings.ReplaceAll(field, "\r\n\t", " ")
		for _, want := range tt.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %q", tt.name, want, field)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(text, not) {
				t.Errorf("%s: %q in %q", tt.name, not, field)
			}
		}
		all := field + string(got.Prepend)
		if !pipeline.ValidFields([]byte(all)) || strings.ContainsFunc(all, func(r rune) bool { return r >= 0x7f || r < ' ' && r != '\r' && r != '\n' && r != '\t' }) {
			t.Errorf("%s: not ASCII, or no fields: %q", tt.name, all)
		}
		if _, err := authres.Parse([]byte(strings.TrimPrefix(field, "Authentication-Results:"))); err != nil {
			t.Errorf("%s: %v: %q", tt.name, err, field)
		}
		for _, f := range got.Facts {
			if strings.ContainsFunc(f.Value, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
				t.Errorf("%s: fact %q", tt.name, f)
			}
		}
	}
}

// A refusal says at once why, in words that programs know (RFC 7489 §10.3).
func TestDMARCReplies(t *testing.T) {
	t.Parallel()
	good := dns.Domain{ASCII: "good.example"}
	for _, tt := range []struct {
		name string
		r    dmarc.Result
		want string
	}{
		{"reject", dmarc.Result{DomainResult: dmarc.DomainResult{Status: dmarc.StatusFail, Apply: dmarc.PolicyReject, Found: dmarc.Found{Domain: good}}}, "550 5.7.1 message refused by the DMARC policy of good.example"},
		{"not known", dmarc.Result{DomainResult: dmarc.DomainResult{Status: dmarc.StatusTempError}}, "451 4.7.1 DMARC cannot be evaluated"},
		{"not known, policy of reject", dmarc.Result{DomainResult: dmarc.DomainResult{Status: dmarc.StatusTempError, Policy: dmarc.PolicyReject}}, "451 4.7.1 DMARC cannot be evaluated"},
		{"not known, policy of none (RFC 7489 §6.7)", dmarc.Result{DomainResult: dmarc.DomainResult{Status: dmarc.StatusTempError, Policy: dmarc.PolicyNone}}, ""},
		{"fails a policy of none (RFC 7489 §6.7)", dmarc.Result{DomainResult: dmarc.DomainResult{Status: dmarc.StatusFail, Policy: dmarc.PolicyNone, Apply: dmarc.PolicyNone}}, ""},
		{"passes", dmarc.Result{DomainResult: dmarc.DomainResult{Status: dmarc.StatusPass, Policy: dmarc.PolicyReject, Apply: dmarc.PolicyNone}}, ""},
		{"record that is none (RFC 7489 §6.6.3)", dmarc.Result{DomainResult: dmarc.DomainResult{Status: dmarc.StatusPermError}}, ""},
	} {
		got := ""
		if r := DMARCEnforce.judge(tt.r); r.Reply != nil {
			got = r.Reply.Reply()
		}
		if !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A message that cannot be judged in time does not get in for that reason.
func TestSenderAuthTooLate(t *testing.T) {
	t.Parallel()
	r, _ := zone(t)
	for policy, want := range map[DMARCPolicy]int{DMARCNote: 0, DMARCQuarantine: 451, DMARCEnforce: 451} {
		s, err := NewSenderAuth(SenderAuthOptions{Resolver: r, Policy: policy}).Start(t.Context(), pipeline.Conn{RemoteIP: netip.MustParseAddr("192.0.2.9"), Hello: "a.example"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Sender(t.Context(), pipeline.Envelope{MailFrom: address(t, "a@good.example")}); err != nil {
			t.Fatal(err)
		}
		spool := pipeline.NewSpool("", 0)
		defer spool.Close()
		io.WriteString(io.MultiWriter(s.(pipeline.Streamer).Stream(), spool), "From: a@good.example\r\n\r\n")
		if err := spool.Finish(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got, err := s.Message(ctx, pipeline.Message{Body: spool})
		code := 0
		if reply, ok := errors.AsType[*smtp.Error](err); ok {
			code = reply.Code
		}
		if err == nil || code != want || len(got.AuthResults) > 0 {
			t.Errorf("policy %d: got %+v, %v", policy, got, err)
		}
	}
}

// What was found is kept with the message (RFC 7489 §6.6.5).
func TestSenderAuthFacts(t *testing.T) {
	t.Parallel()
	r, signer := zone(t)
	m := "From: a@good.example\r\n\r\ntext\r\n"
	fields, err := signer.Sign(strings.NewReader(m))
	if err != nil {
		t.Fatal(err)
	}
	got := judged(t, NewSenderAuth(SenderAuthOptions{Resolver: r}), "192.0.2.1", "a@good.example", string(fields)+string(fields)+m)
	want := []pipeline.Fact{
		{Name: FactIPRev, Value: "pass"}, {Name: FactSPF, Value: "pass"}, {Name: FactDMARC, Value: "pass"},
		{Name: FactIPRevName, Value: "mail.good.example"}, {Name: FactSPFDomain, Value: "good.example"},
		{Name: FactDKIMDomain, Value: "good.example"}, {Name: FactARC, Value: "none"}, {Name: FactDMARCPolicy, Value: "reject"}, {Name: FactFromDomain, Value: "good.example"},
	}
	if !slices.Equal(got.Facts, want) {
		t.Errorf("facts %v, want %v", got.Facts, want)
	}
}

// sealed returns a message signed and sealed by good.example.
func sealed(t testing.TB, signer *dkim.Signer, m string) string {
	t.Helper()
	fields, err := signer.Sign(strings.NewReader(m))
	if err != nil {
		t.Fatal(err)
	}
	m = string(fields) + m
	sealer, err := arc.NewSealer(arc.SealerOptions{
		Domain: dns.Domain{ASCII: "good.example"}, Selector: dns.Domain{ASCII: "sel"}, Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := sealer.NewMessage()
	io.WriteString(w, m)
	set, err := w.Fields(arc.StatusNone, authres.Results{AuthservID: "mail.good.example", Methods: []authres.Result{{Method: "dmarc", Result: "pass"}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(set) + m
}

// A sealed chain is reported, and believed by nobody for that alone.
func TestSenderAuthReportsARC(t *testing.T) {
	t.Parallel()
	r, signer := zone(t)
	m := sealed(t, signer, "From: a@good.example\r\n\r\ntext\r\n")
	c := NewSenderAuth(SenderAuthOptions{Resolver: r, Policy: DMARCEnforce})
	changed := strings.Replace(m, "text", "list footer", 1)
	for _, tt := range []struct{ content, results, outcome, facts string }{
		{m, "iprev=permerror spf=pass spf=fail dkim=pass arc=pass dmarc=pass", "neutral", "arc=pass arc.domain=good.example"},
		{changed, "iprev=permerror spf=pass spf=fail dkim=fail arc=fail dmarc=fail", "reject 550 5.7.1", "arc=fail"},
	} {
		got := judged(t, c, "192.0.2.9", "a@other.example", tt.content)
		var facts []string
		for _, f := range got.Facts {
			if strings.HasPrefix(f.Name, FactARC) {
				facts = append(facts, f.Name+"="+f.Value)
			}
		}
		if results(got) != tt.results || outcome(got) != tt.outcome || strings.Join(facts, " ") != tt.facts {
			t.Errorf("%s, %s, facts %v", results(got), outcome(got), facts)
		}
	}
}

// What is appended to a message whose signature leaves the end of the body unsigned is not its author's (RFC 6376 §8.2).
func TestAppendedTextDoesNotPass(t *testing.T) {
	t.Parallel()
	r, _ := zone(t)
	signer, err := dkim.NewSigner(dkim.SignerOptions{
		Domain: dns.Domain{ASCII: "good.example"},
		Selectors: []dkim.Selector{{
			Name: dns.Domain{ASCII: "sel"}, Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), BodyLength: true,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := "From: a@good.example\r\n\r\ntext\r\n"
	fields, err := signer.Sign(strings.NewReader(m))
	if err != nil {
		t.Fatal(err)
	}
	c := NewSenderAuth(SenderAuthOptions{Resolver: r, Policy: DMARCEnforce})
	for content, want := range map[string]string{m: "dkim=pass dmarc=pass", m + "more\r\n": "dkim=policy dmarc=fail"} {
		if got := results(judged(t, c, "192.0.2.9", "a@other.example", string(fields)+content)); !strings.HasSuffix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// A signature with a key that is being tested must not make a message look better than without (RFC 6376 §3.6.1).
func TestTestedKeyDoesNotAuthenticate(t *testing.T) {
	t.Parallel()
	ids := DKIMIdentifiers([]dkim.Result{
		{Status: dkim.StatusPass, Testing: true, Signature: &dkim.Signature{Domain: dns.Domain{ASCII: "good.example"}}},
		{Status: dkim.StatusTemperror, Signature: &dkim.Signature{Domain: dns.Domain{ASCII: "temp.example"}}},
		{Status: dkim.StatusNeutral},
	})
	want := []dmarc.Identifier{{Domain: dns.Domain{ASCII: "good.example"}, Status: "neutral"}, {Domain: dns.Domain{ASCII: "temp.example"}, Status: dmarc.StatusTempError}}
	if !slices.Equal(ids, want) {
		t.Errorf("got %v", ids)
	}
}

// A resolver that never answers costs a bounded time, and the results are temporary errors.
func TestSenderAuthWithoutDNS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &dns.MemResolver{Before: func(ctx context.Context, _, _ string) error { <-ctx.Done(); return ctx.Err() }}
		_, signer := zone(t)
		m := "From: a@good.example\r\n\r\ntext\r\n"
		fields, err := signer.Sign(strings.NewReader(m))
		if err != nil {
			t.Fatal(err)
		}
		c := NewSenderAuth(SenderAuthOptions{Resolver: r, Policy: DMARCEnforce})
		begin := time.Now()
		got, _ := judgedOnce(t, c, "192.0.2.1", "a@good.example", string(fields)+m)
		if took := time.Since(begin); took >= SenderAuthTimeout {
			t.Errorf("took %v", took)
		}
		if s := results(got); s != "iprev=temperror spf=temperror spf=temperror dkim=temperror dmarc=temperror" || outcome(got) != "reject 451 4.7.1" {
			t.Errorf("%s: %s", s, outcome(got))
		}
	})
}

// The client hangs up while lookups go on: nothing is left behind.
func TestSenderAuthEndsEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &dns.MemResolver{Before: func(ctx context.Context, _, _ string) error { <-ctx.Done(); return ctx.Err() }}
		s, err := NewSenderAuth(SenderAuthOptions{Resolver: r}).Start(t.Context(), pipeline.Conn{RemoteIP: netip.MustParseAddr("192.0.2.1"), Hello: "a.example"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Sender(t.Context(), pipeline.Envelope{MailFrom: address(t, "a@good.example")}); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		s.Close()
		if took := time.Since(begin); took > 0 {
			t.Errorf("closing took %v", took)
		}
	})
}

// Who is logged in is not judged by where he is.
func TestSenderAuthLeavesSubmissionsAlone(t *testing.T) {
	t.Parallel()
	r := &dns.MemResolver{Before: func(context.Context, string, string) error { return errors.New("asked") }}
	s, err := NewSenderAuth(SenderAuthOptions{Resolver: r, Policy: DMARCEnforce}).Start(t.Context(), pipeline.Conn{Submission: true, Account: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, ok := s.(pipeline.Streamer); ok {
		t.Error("a submission is streamed")
	}
	if got, err := s.Message(t.Context(), pipeline.Message{}); err != nil || len(got.AuthResults) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// What a tag of a signature has beyond ASCII is for internationalized messages only (RFC 6532 §3).
func TestSenderAuthResultsInASCII(t *testing.T) {
	t.Parallel()
	s := &senderAuthState{conn: pipeline.Conn{RemoteIP: netip.MustParseAddr("192.0.2.1")}}
	signatures := []dkim.Result{{Status: dkim.StatusPolicy, Signature: &dkim.Signature{Domain: dns.Domain{ASCII: "good.example"}, Algorithm: "rsa-ü"}}}
	for utf8, want := range map[bool]string{false: "rsa-?", true: "rsa-ü"} {
		for _, r := range s.authResults(utf8, signatures, arc.Result{}, dmarc.Result{}) {
			if a, ok := r.Prop("header", "a"); r.Method == "dkim" && (!ok || a != want) {
				t.Errorf("utf8 %v: header.a=%s", utf8, a)
			}
		}
	}
}
