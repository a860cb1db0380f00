package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mjl-/sconf"

	"mox/config"
	"mox/dkim"
	"mox/dns"
)

// generateKey runs a command that makes a key, and returns its file and the key.
func generateKey(t *testing.T, args ...string) (text string, key any) {
	t.Helper()
	code, text, errs := mox(t, append([]string{"dkim"}, args...)...)
	if code != exitOK {
		t.Fatalf("mox dkim %s: exit code %d, %s", strings.Join(args, " "), code, errs)
	}
	parsed, err := dkim.ParsePrivateKey([]byte(text))
	if err != nil || !strings.HasPrefix(text, "-----BEGIN PRIVATE KEY-----\n") {
		t.Fatalf("mox dkim %s: %v in\n%s", strings.Join(args, " "), err, text)
	}
	return text, parsed
}

func TestDKIMKeys(t *testing.T) {
	t.Parallel()
	edText, edKey := generateKey(t, "gened25519")
	rsaText, rsaKey := generateKey(t, "genrsa")
	if _, ok := edKey.(ed25519.PrivateKey); !ok {
		t.Errorf("gened25519 made a %T", edKey)
	}
	if k, ok := rsaKey.(*rsa.PrivateKey); !ok || k.N.BitLen() != 2048 {
		t.Errorf("genrsa made a %T", rsaKey)
	}
	if _, key := generateKey(t, "genrsa", "--bits", "3072"); key.(*rsa.PrivateKey).N.BitLen() != 3072 {
		t.Error("--bits is passed over")
	}
	if again, _ := generateKey(t, "gened25519"); again == edText {
		t.Error("the same key again")
	}

	record, err := dkim.NewRecord(rsaKey.(*rsa.PrivateKey).Public())
	if err != nil {
		t.Fatal(err)
	}
	runLookups(t, &dns.MemResolver{}, []lookupTest{
		{args: []string{"dkim", "txt"}, stdin: rsaText, out: []string{"<selector>._domainkey IN TXT ( \"v=DKIM1;", "\n\n" + record.String() + "\n"}},
		{args: []string{"dkim", "txt", "--selector", "2026A", "--domain", "Example.org"}, stdin: edText, out: []string{"2026a._domainkey.example.org. IN TXT ( \"v=DKIM1; k=ed25519; p="}},

		{args: []string{"dkim", "genrsa", "--bits", "1024"}, code: exitUsage, err: "--bits 1024 is not from 2048 to 4096"},
		{args: []string{"dkim", "genrsa", "--bits", "16384"}, code: exitUsage, err: "is not from 2048 to 4096"},
		{args: []string{"dkim", "genrsa", "file"}, code: exitUsage, err: `unexpected argument "file"`},
		{args: []string{"dkim", "gened25519", "file"}, code: exitUsage, err: `unexpected argument "file"`},
		{args: []string{"dkim", "txt"}, code: exitFailure, err: `as "mox dkim genrsa" and "mox dkim gened25519" make them`},
		{args: []string{"dkim", "txt"}, stdin: strings.Replace(edText, "PRIVATE KEY", "CERTIFICATE", 2), code: exitFailure, err: "CERTIFICATE"},
		{args: []string{"dkim", "txt"}, stdin: rsaText[:200], code: exitFailure, err: "private key"},
		{args: []string{"dkim", "txt", "--selector", "a..b"}, stdin: edText, code: exitUsage, err: "as in 2026a._domainkey.example.org"},
		{args: []string{"dkim", "txt", "--domain", "a..b"}, stdin: edText, code: exitUsage, err: "give a name such as example.org"},
	})

	// What a zone file has is the text in strings of at most 255 bytes (RFC 1035 §3.3.14).
	var txt struct{ Name, Text, Zone string }
	lookupJSON(t, &dns.MemResolver{}, exitOK, &txt, rsaText, "dkim", "txt", "--selector", "x")
	var joined string
	for s := range strings.SplitSeq(strings.Trim(txt.Zone, `"`), `" "`) {
		if len(s) > 255 {
			t.Errorf("string of %d bytes", len(s))
		}
		joined += s
	}
	if txt.Name != "x._domainkey" || txt.Text != record.String() || joined != txt.Text {
		t.Errorf("txt: %+v", txt)
	}
}

func TestDKIMLookup(t *testing.T) {
	t.Parallel()
	_, key := generateKey(t, "genrsa")
	record, err := dkim.NewRecord(key.(*rsa.PrivateKey).Public())
	if err != nil {
		t.Fatal(err)
	}
	r := &dns.MemResolver{
		TXT: map[string][]string{
			"good._domainkey.example.org":    {record.String()},
			"test._domainkey.example.org":    {record.String() + "; t=y:s; s=email; n=hi=1B[31m"},
			"revoked._domainkey.example.org": {"v=DKIM1; p="},
			"sha1._domainkey.example.org":    {"v=DKIM1; h=sha1; p=" + strings.Split(record.String(), "p=")[1]},
			"broken._domainkey.example.org":  {"v=DKIM1; p=!"},
			"two._domainkey.example.org":     {record.String(), record.String() + "; t=s"},
		},
		Authentic: []string{"good._domainkey.example.org"},
		Fail:      []string{"fail._domainkey.example.org"},
	}
	lookup := func(selector string) []string { return []string{"dkim", "lookup", selector, "example.org"} }
	runLookups(t, r, []lookupTest{
		{args: lookup("good"), out: []string{"Name:    good._domainkey.example.org.\nDNSSEC:  authenticated\n", "Key:              rsa, 2048 bits\n", record.String()}},
		{args: lookup("test"), out: []string{"Flags:              y, s\n", "Only for services:  email\n", "Notes:              hi\ufffd[31m", "remove t=y once they work"}},

		{args: lookup("none"), code: exitFailure, err: "there is no key at none._domainkey.example.org.; publish the record that \"mox dkim txt\" prints"},
		{args: lookup("revoked"), code: exitFailure, out: []string{"Problem:  key revoked"}, err: "signatures cannot be verified with the key: key revoked"},
		{args: lookup("sha1"), code: exitFailure, out: []string{"Problem:"}, err: "inappropriate hash algorithm"},
		{args: lookup("broken"), code: exitFailure, err: "see it with \"mox dns lookup txt broken._domainkey.example.org.\""},
		{args: lookup("two"), code: exitFailure, err: "there are 2 records at two._domainkey.example.org., and receivers may take any of them"},
		{args: lookup("fail"), code: exitFailure, err: "try again later"},
		{args: lookup("a b"), code: exitUsage, err: `selector "a b"`},
		{args: []string{"dkim", "lookup", "x", "a..b"}, code: exitUsage, err: "give a name"},
		{args: []string{"dkim", "lookup", "x"}, code: exitUsage, err: "missing argument"},
	})
	var j dkimLookupJSON
	lookupJSON(t, r, exitOK, &j, "", "dkim", "lookup", "good", "example.org")
	if !j.Authentic || len(j.Records) != 1 || j.Records[0].Bits != 2048 || j.Records[0].KeyType != "rsa" || j.Records[0].Text != record.String() || j.Records[0].Error != "" {
		t.Errorf("lookup: %+v", j)
	}
	j = dkimLookupJSON{}
	lookupJSON(t, r, exitFailure, &j, "", "dkim", "lookup", "none", "example.org")
	if j.Records == nil || len(j.Records) != 0 {
		t.Errorf("lookup of none: %+v", j)
	}
}

// signingConfig makes a configuration whose domain example.org signs, and returns its path and a resolver
// with the records of the keys.
func signingConfig(t *testing.T) (path string, r *dns.MemResolver) {
	t.Helper()
	path = localserveDirectory(t)
	dir := filepath.Dir(path)
	r = &dns.MemResolver{TXT: map[string][]string{}}
	selectors := map[string]config.DynamicSelector{}
	for selector, args := range map[string][]string{"rsa": {"genrsa"}, "ed": {"gened25519"}} {
		text, _ := generateKey(t, args...)
		name := selector + ".pem"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		selectors[selector] = config.DynamicSelector{PrivateKeyFile: name}
		var record struct{ Name, Text, Zone string }
		lookupJSON(t, r, exitOK, &record, text, "dkim", "txt", "--selector", selector, "--domain", "example.org")
		r.TXT[strings.TrimSuffix(record.Name, ".")] = []string{record.Text}
	}
	var d config.Dynamic
	domains := filepath.Join(dir, "domains.conf")
	if err := sconf.ParseFile(domains, &d); err != nil {
		t.Fatal(err)
	}
	d.Domains["example.org"] = config.DynamicDomain{DKIM: &config.DynamicDKIM{Selectors: selectors}}
	d.Domains["plain.example"] = config.DynamicDomain{}
	if err := writeConfig(domains, &d); err != nil {
		t.Fatal(err)
	}
	return path, r
}

// What is signed by the command verifies by the other, with line ends of both kinds, from files and standard input.
func TestDKIMSignAndVerify(t *testing.T) {
	t.Parallel()
	path, r := signingConfig(t)
	r.TXT["_dmarc.example.org"] = []string{"v=DMARC1; p=reject"}
	message := "From: Ann <ann@example.org>\nTo: bob@remote.example\nSubject: x\n\nhello\n\n" + strings.Repeat("more  \n", 1000)
	for _, text := range []string{message, strings.ReplaceAll(message, "\n", "\r\n")} {
		var signed, errs bytes.Buffer
		if code := runWith(t.Context(), r, []string{"--config", path, "dkim", "sign"}, strings.NewReader(text), &signed, &errs); code != exitOK {
			t.Fatalf("sign: exit code %d, %s", code, errs.String())
		}
		fields, ok := strings.CutSuffix(signed.String(), text)
		if !ok || strings.Count(fields, "DKIM-Signature: ") != 2 || strings.Contains(fields, "\r") != strings.Contains(text, "\r") {
			t.Fatalf("signed message: %q", fields)
		}
		file := filepath.Join(t.TempDir(), "signed.eml")
		if err := os.WriteFile(file, signed.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(signed.String(), "hello", "hullo", 1)
		runLookups(t, r, []lookupTest{
			{args: []string{"dkim", "verify", file}, out: []string{"Result:         pass\nDomain:         example.org\nSelector:       ed\n", "Selector:       rsa\n", "Algorithm:      ed25519-sha256, relaxed/relaxed\n"}},
			{args: []string{"dkim", "verify", "-"}, stdin: signed.String(), out: []string{"Result:         pass\n"}},
			{args: []string{"dmarc", "verify", "192.0.2.1", "", ""}, stdin: signed.String(), out: []string{"Result:      pass", "Aligned:    SPF no, DKIM yes", "DKIM:    pass"}},
			{args: []string{"dkim", "verify"}, stdin: changed, code: exitFailure, out: []string{"Result:         fail\nReason:         body hash did not verify", "the message was changed after it was signed"}, err: "no signature passes"},
			{args: []string{"dmarc", "verify", "192.0.2.1", "", ""}, stdin: changed, code: exitFailure, out: []string{"fail: example.org asks for reject", "DKIM:    fail"}, err: "fails DMARC"},
		})
		var j struct{ Signatures []dkimResultJSON }
		lookupJSON(t, r, exitOK, &j, signed.String(), "dkim", "verify")
		if len(j.Signatures) != 2 || j.Signatures[0].Status != dkim.StatusPass || j.Signatures[0].Domain != "example.org" || j.Signatures[0].Record == nil || j.Signatures[0].Time == nil {
			t.Errorf("verify: %+v", j)
		}
		// A domain that tests DKIM has not signed (RFC 6376 §3.6.1).
		testing := &dns.MemResolver{TXT: map[string][]string{"_dmarc.example.org": {"v=DMARC1; p=reject"}}}
		for _, name := range []string{"rsa._domainkey.example.org", "ed._domainkey.example.org"} {
			testing.TXT[name] = []string{r.TXT[name][0] + "; t=y"}
		}
		runLookups(t, testing, []lookupTest{
			{args: []string{"dkim", "verify"}, stdin: signed.String(), code: exitFailure, out: []string{"the domain tests DKIM"}, err: "no signature passes"},
			{args: []string{"dmarc", "verify", "192.0.2.1", "", ""}, stdin: signed.String(), code: exitFailure, out: []string{"the domain tests DKIM"}, err: "fails DMARC"},
		})
	}
}

func TestDKIMSignRefuses(t *testing.T) {
	t.Parallel()
	path, r := signingConfig(t)
	sign := []string{"--config", path, "dkim", "sign"}
	broken := filepath.Join(t.TempDir(), "mox.conf")
	if err := os.WriteFile(broken, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	keyless, _ := signingConfig(t)
	if err := os.Remove(filepath.Join(filepath.Dir(keyless), "ed.pem")); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []lookupTest{
		{args: sign, stdin: "From: ann@plain.example\n\nx\n", code: exitFailure, err: "mail from plain.example is not signed; add DKIM with a selector to the domain in domains.conf"},
		{args: sign, stdin: "From: ann@stranger.example\n\nx\n", code: exitFailure, err: "mail from stranger.example is not signed"},
		{args: sign, stdin: "Subject: x\n\nx\n", code: exitFailure, err: "give the message one From field with an address"},
		{args: sign, stdin: "From: a@example.org\nFrom: b@example.org\n\nx\n", code: exitFailure, err: "give the message one From field with an address"},
		{args: sign, stdin: "From: a@example.org\nno field\n\nx\n", code: exitFailure, err: "malformed"},
		// RFC 6376 §5.3: what is changed on the way cannot be signed.
		{args: sign, stdin: "From: a@example.org\r\n\r\nx\n", code: exitFailure, err: "give all lines the same end, CRLF or LF"},
		{args: sign, stdin: "From: a@example.org\n\nx\ry\n", code: exitFailure, err: "give all lines the same end"},
		{args: sign, stdin: "From: a@example.org\n\nx\r\ry\n", code: exitFailure, err: "give all lines the same end"},
		{args: sign, stdin: "From: a@example.org\r\n\r\nx\r", code: exitFailure, err: "give all lines the same end"},
		{args: []string{"--config", keyless, "dkim", "sign"}, stdin: "From: a@example.org\n\nx\n", code: exitFailure, err: "config test\" tells what to correct"},
		{args: sign, code: exitFailure, err: "give the message one From field with an address"},
		{args: append(sign, filepath.Join(t.TempDir(), "absent")), code: exitFailure, err: "no such file"},
		{args: append(sign, "a", "b"), code: exitUsage, err: "unexpected argument"},
		{args: []string{"--config", broken, "dkim", "sign"}, stdin: "From: a@example.org\n\nx\n", code: exitFailure, err: "config test\" tells what to correct"},
	} {
		runLookups(t, r, []lookupTest{tc})
		var out, errs bytes.Buffer
		if runWith(t.Context(), r, tc.args, strings.NewReader(tc.stdin), &out, &errs); out.Len() > 0 {
			t.Errorf("%q: a message that is not signed is printed: %q", tc.stdin, out.String())
		}
	}
}

func TestDKIMVerifyRefuses(t *testing.T) {
	t.Parallel()
	r := &dns.MemResolver{Fail: []string{"fail._domainkey.example.org"}}
	signed := func(selector string) string {
		return "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=" + selector + "; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\nFrom: a@example.org\r\n\r\n"
	}
	verify := []string{"dkim", "verify"}
	runLookups(t, r, []lookupTest{
		{args: verify, stdin: "From: a@example.org\n\nx\n", code: exitFailure, err: "the message has no DKIM signature"},
		{args: verify, stdin: signed("none"), code: exitFailure, out: []string{"Result:         permerror\n", "no key for signature"}, err: "no signature passes"},
		{args: verify, stdin: signed("fail"), code: exitFailure, out: []string{"Result:         temperror\n", "Advice:         try again later"}, err: "try again later, and if it stays so"},
		{args: verify, stdin: "DKIM-Signature: v=1; \x1b[31m\r\nFrom: a@example.org\r\n\r\n", code: exitFailure, out: []string{"Result:  neutral\n"}, err: "no signature passes"},
		{args: []string{"dkim", "verify", filepath.Join(t.TempDir(), "absent")}, code: exitFailure, err: "no such file"},
		{args: []string{"dkim", "verify", t.TempDir()}, code: exitFailure, err: "reading the message"},
		{args: []string{"dkim", "verify", "a", "b"}, code: exitUsage, err: "unexpected argument"},
	})
	var j struct{ Signatures []dkimResultJSON }
	lookupJSON(t, r, exitFailure, &j, "From: a@example.org\n\nx\n", "dkim", "verify")
	if j.Signatures == nil {
		t.Error("signatures are null, not an empty list")
	}
}
