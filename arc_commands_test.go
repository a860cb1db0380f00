package main

import (
	"crypto/ed25519"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"mox/arc"
	"mox/authres"
	"mox/dkim"
	"mox/dns"
)

// arcTestMessage returns a message that two servers sealed, and a resolver with their keys.
func arcTestMessage(t *testing.T) (string, *dns.MemResolver) {
	t.Helper()
	r := &dns.MemResolver{TXT: map[string][]string{}}
	msg := "From: ann@example.org\r\nSubject: x\r\n\r\nhello\r\n"
	for _, name := range []string{"list.example", "forward.example"} {
		key := must(dkim.GenerateEd25519())
		record := must(dkim.NewRecord(key.Public().(ed25519.PublicKey)))
		r.TXT["x._domainkey."+name] = []string{record.String()}
		found := must(arc.Verify(t.Context(), r, strings.NewReader(msg), arc.Options{}))
		sealer := must(arc.NewSealer(arc.SealerOptions{Domain: must(dns.ParseDomain(name)), Selector: must(dns.ParseDomainLax("x")), Key: key}))
		m := sealer.NewMessage()
		m.Write([]byte(msg))
		results := authres.Results{AuthservID: "mx." + name, Methods: []authres.Result{
			{Method: "spf", Result: "pass", Props: []authres.Prop{{Type: "smtp", Property: "mailfrom", Value: "ann@example.org"}}},
			found.AuthResult(netip.MustParseAddr("192.0.2.1")),
		}}
		msg = string(must(m.Fields(found.Status, results))) + msg
	}
	return msg, r
}

func TestARCVerify(t *testing.T) {
	t.Parallel()
	msg, r := arcTestMessage(t)
	verify := []string{"arc", "verify"}
	failing := &dns.MemResolver{Fail: []string{"x._domainkey.list.example", "x._domainkey.forward.example"}}
	runLookups(t, r, []lookupTest{
		{args: verify, stdin: msg, out: []string{"Result:  pass\n\nInstance:      1\nSealed by:     list.example, selector x\n", "Chain before:  none\nSeal:          verifies\nMessage:       verifies\nServer:        mx.list.example\n  spf:         pass smtp.mailfrom=ann@example.org\n",
			"Instance:      2\nSealed by:     forward.example, selector x\n", "Chain before:  pass\n"}},
		{args: verify, stdin: strings.ReplaceAll(msg, "\r\n", "\n"), out: []string{"Result:  pass\n"}},

		{args: verify, stdin: strings.Replace(msg, "hello", "hullo", 1), code: exitFailure, out: []string{"Result:   fail\nProblem:", "Message:       not verified: "}, err: "the message was changed after the last server signed it"},
		{args: verify, stdin: strings.Replace(msg, "ARC-Seal", "X-Seal", 1), code: exitFailure, out: []string{"Result:   fail\n"}, err: "the chain is not valid"},
		{args: verify, stdin: "From: ann@example.org\r\n\r\nhello\r\n", code: exitFailure, out: []string{"Result:  none\n"}, err: "the message has no chain"},
		{args: verify, code: exitFailure, err: "the message has no chain"},
		{args: append(verify, filepath.Join(t.TempDir(), "absent")), code: exitFailure, err: "no such file"},
		{args: append(verify, "a", "b"), code: exitUsage, err: "unexpected argument"},
	})
	runLookups(t, failing, []lookupTest{
		{args: verify, stdin: msg, code: exitFailure, out: []string{"Result:   fail\n"}, err: "try again later"},
	})

	var j arcJSON
	lookupJSON(t, r, exitOK, &j, msg, "arc", "verify")
	if j.Status != arc.StatusPass || len(j.Sets) != 2 || j.Sets[1].Domain != "forward.example" || j.Sets[1].ChainStatus != arc.StatusPass || j.Sets[1].SealError != "" ||
		len(j.Sets[1].Results) != 2 || j.Sets[1].Results[0].Properties["smtp.mailfrom"] != "ann@example.org" {
		t.Errorf("verify: %+v", j)
	}
	j = arcJSON{}
	lookupJSON(t, r, exitFailure, &j, "From: ann@example.org\r\n\r\nhello\r\n", "arc", "verify")
	if j.Status != arc.StatusNone || j.Sets == nil {
		t.Errorf("verify of no chain: %+v", j)
	}
}
