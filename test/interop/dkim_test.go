package interop

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mox/dkim"
	"mox/dns"
)

// dkimKind is how a signature is made.
type dkimKind struct {
	algorithm    dkim.Algorithm
	header, body dkim.Canonicalization
}

func (k dkimKind) String() string { return fmt.Sprintf("%s %s/%s", k.algorithm, k.header, k.body) }

// dkimKinds are all kinds of signatures.
func dkimKinds() []dkimKind {
	var l []dkimKind
	for _, a := range []dkim.Algorithm{dkim.RSASHA256, dkim.Ed25519SHA256} {
		for _, h := range []dkim.Canonicalization{dkim.Simple, dkim.Relaxed} {
			l = append(l, dkimKind{a, h, dkim.Simple}, dkimKind{a, h, dkim.Relaxed})
		}
	}
	return l
}

// dkimCase is a signed message that all verify.
type dkimCase struct {
	mail    string // Name of the message.
	signer  string
	change  string // Empty if the message is as it was signed.
	message []byte
	kinds   []dkimKind
	want    []bool // Whether each signature verifies. Nil if only agreement is asked for.
}

// dkimVerdicts are the results for one signature.
type dkimVerdicts struct {
	dkimCase
	dkimKind
	mox   string
	peers map[string]string
}

// dkimDifference is where a peer signs or verifies otherwise than mox, which does as RFC 6376 says.
type dkimDifference struct {
	section string
	peer    string
	name    string // What the peer does.
	applies func(v dkimVerdicts) bool
}

var (
	bareCR  = regexp.MustCompile(`\r([^\n]|$)`)
	bareLF  = regexp.MustCompile(`(^|[^\r])\n`)
	noSpace = regexp.MustCompile("[\v\f]")
)

// dkimDifferences are looked at in order. Each must explain a case.
var dkimDifferences = []dkimDifference{
	{"§3.4.3", "OpenDKIM", "does not add a CRLF to a body that does not end in one", func(v dkimVerdicts) bool {
		_, body := splitMail(v.message)
		return len(body) > 0 && !bytes.HasSuffix(body, []byte("\r\n"))
	}},
	{"§3.4.1", "OpenDKIM", "does not hash a simple header as it is if no empty line follows", func(v dkimVerdicts) bool {
		return v.mail == "no empty line" && v.header == dkim.Simple
	}},
	{"§3.4.1", "OpenDKIM", "makes Ed25519 signatures with simple headers that it does not verify itself", func(v dkimVerdicts) bool {
		return v.signer == "OpenDKIM" && v.header == dkim.Simple && v.algorithm == dkim.Ed25519SHA256 && !passes(v.peers["OpenDKIM"])
	}},
	{"§3.4.3", "OpenDKIM", "does not take bare LF in bodies as it is", func(v dkimVerdicts) bool {
		_, body := splitMail(v.message)
		return bareLF.Match(body)
	}},
	{"§3.4.4", "OpenDKIM", "does not take bare CR in relaxed bodies as it is", func(v dkimVerdicts) bool {
		_, body := splitMail(v.message)
		return v.body == dkim.Relaxed && bareCR.Match(body)
	}},
	{"§3.4.4", "dkimpy", "does not remove white space at the end of a relaxed body without a final CRLF", func(v dkimVerdicts) bool {
		_, body := splitMail(v.message)
		return v.body == dkim.Relaxed && (bytes.HasSuffix(body, []byte(" ")) || bytes.HasSuffix(body, []byte("\t")))
	}},
	{"§5.3", "dkimpy", "takes bare LF for CRLF", func(v dkimVerdicts) bool {
		return bareLF.Match(v.message)
	}},
	{"§2.8", "OpenDKIM", "takes VT and FF in headers for white space", func(v dkimVerdicts) bool {
		header, _ := splitMail(v.message)
		return v.header == dkim.Relaxed && noSpace.Match(header)
	}},
	{"§2.8", "dkimpy", "takes VT and FF in headers for white space", func(v dkimVerdicts) bool {
		header, _ := splitMail(v.message)
		return v.header == dkim.Relaxed && noSpace.Match(header)
	}},
	{"§3.4.2", "OpenDKIM", "refuses white space before the colon", func(v dkimVerdicts) bool {
		return v.mail == "white space before the colon" && v.peers["OpenDKIM"] == "message: Syntax error"
	}},
	{"§3.4.2", "dkimpy", "refuses white space before the colon", func(v dkimVerdicts) bool {
		return v.mail == "white space before the colon" && strings.Contains(v.peers["dkimpy"], "MessageFormatError")
	}},
	{"§3.6.1", "dkimpy", "does not look at the hash algorithms of a key", func(v dkimVerdicts) bool {
		return v.change == "with key sha1"
	}},
	{"§3.8", "OpenDKIM", "passes over lines in headers that are no fields", malformedHeader},
	{"§3.8", "dkimpy", "passes over lines in headers that are no fields", malformedHeader},
}

func malformedHeader(v dkimVerdicts) bool {
	return v.mox == "permerror: "+dkim.ErrHeader.Error()
}

// explain returns the number of the first difference of a peer that applies, and false if none does.
func explain(v dkimVerdicts, peer string) (int, bool) {
	i := slices.IndexFunc(dkimDifferences, func(d dkimDifference) bool { return d.peer == peer && d.applies(v) })
	return i, i >= 0
}

func passes(verdict string) bool { return verdict == "pass" }

// dkimSigning is a message with the signatures of one signer.
type dkimSigning struct {
	mail
	signer string
	fields []byte
	kinds  []dkimKind
}

// refusals are the messages of hardMail that peers do not sign.
var refusals = map[string]map[string]bool{
	"OpenDKIM": {"no final CRLF": true, "final CR": true, "white space before the colon": true},
	"dkimpy":   {"white space before the colon": true},
}

// moxSigner returns a signer with all algorithms and canonicalizations, that signs in the way of a selector.
func moxSigner(t *testing.T, keys dkimKeys, now time.Time, base dkim.Selector) *dkim.Signer {
	t.Helper()
	opts := dkim.SignerOptions{Domain: dns.Domain{ASCII: dkimDomain}, Now: func() time.Time { return now }}
	for _, k := range dkimKinds() {
		s := base
		key := keys.of(k.algorithm)
		s.Name, s.Key, s.Header, s.Body = dns.Domain{ASCII: key.selector}, key.key, k.header, k.body
		opts.Selectors = append(opts.Selectors, s)
	}
	signer, err := dkim.NewSigner(opts)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// moxSigns signs messages. Those that mox refuses to sign are left out, and counted.
func moxSigns(t *testing.T, signer *dkim.Signer, messages []mail) (signed []dkimSigning, refused int) {
	t.Helper()
	for _, m := range messages {
		fields, err := signer.Sign(bytes.NewReader(m.data))
		if err != nil {
			if strings.Contains(m.name, "/") {
				refused++
				continue
			}
			t.Errorf("mox does not sign %s: %v", m.name, err)
			continue
		}
		signed = append(signed, dkimSigning{m, "mox", fields, dkimKinds()})
	}
	return signed, refused
}

// peerSigns has a peer sign messages with all algorithms and canonicalizations. More words may follow in
// the request.
func peerSigns(t *testing.T, p *peer, keys dkimKeys, messages []mail, more ...string) (signed []dkimSigning, refused int) {
	t.Helper()
	for _, m := range messages {
		for _, k := range dkimKinds() {
			key := keys.of(k.algorithm)
			path := key.pem
			if p.name == "dkimpy" {
				path = key.dkimpy
			}
			p.ask(m.data, append([]string{"sign", path, string(k.algorithm), string(k.header), string(k.body), key.selector, dkimDomain}, more...)...)
		}
	}
	answers := p.finish(t)
	kinds := dkimKinds()
	for i, m := range messages {
		part := answers[i*len(kinds) : (i+1)*len(kinds)]
		if j := slices.IndexFunc(part, func(a []byte) bool { return bytes.HasPrefix(a, []byte("error: ")) }); j >= 0 {
			if !refusals[p.name][m.name] && !strings.Contains(m.name, "/") {
				t.Errorf("%s does not sign %s: %s", p.name, m.name, part[j])
			}
			refused++
			continue
		}
		signed = append(signed, dkimSigning{m, p.name, bytes.Join(part, nil), kinds})
	}
	return signed, refused
}

// whole returns the signed message.
func (s dkimSigning) whole() []byte { return append(s.fields[:len(s.fields):len(s.fields)], s.data...) }

// hard tells whether the message is one of hardMail.
func (s dkimSigning) hard() bool { return !strings.Contains(s.name, "/") }

// splitMail splits a message, without and with the empty line.
func splitMail(data []byte) (header, body []byte) {
	if bytes.HasPrefix(data, []byte("\r\n")) {
		return nil, data[2:]
	}
	if i := bytes.Index(data, []byte("\r\n\r\n")); i >= 0 {
		return data[:i+2], data[i+4:]
	}
	return data, nil
}

// changed returns the cases of a message after a change; false if it cannot be made.
func (s dkimSigning) changed(c change) (dkimCase, bool) {
	header, body := c.apply(splitMail(s.data))
	if header == nil {
		return dkimCase{}, false
	}
	message := slices.Concat(s.fields, header, []byte("\r\n"), body)
	var want []bool
	if s.hard() {
		survives := map[dkim.Canonicalization]bool{dkim.Simple: c.simple, dkim.Relaxed: c.relaxed}
		for _, k := range s.kinds {
			if c.header {
				want = append(want, survives[k.header])
			} else {
				want = append(want, survives[k.body])
			}
		}
	}
	return dkimCase{s.name, s.signer, c.name, message, s.kinds, want}, true
}

// constant returns a list of n equal values.
func constant(n int, value bool) []bool {
	return slices.Repeat([]bool{value}, n)
}

// checkDKIM has mox and its peers verify messages, and reports where they do not agree.
func checkDKIM(t *testing.T, resolver dns.Resolver, peers []*peer, cases []dkimCase) {
	t.Helper()
	messages := make([][]byte, len(cases))
	for i, c := range cases {
		messages[i] = c.message
	}
	mox := moxVerifies(t, resolver, messages)
	theirs := make([][][]string, len(peers))
	for i, p := range peers {
		theirs[i] = p.verifies(t, messages)
	}
	passed, failed := 0, 0
	shown := make([]int, len(dkimDifferences))
	for i, c := range cases {
		if len(mox[i]) < len(c.kinds) {
			t.Errorf("%s: %d signatures found by mox of %d", c, len(mox[i]), len(c.kinds))
			continue
		}
		for j, kind := range c.kinds {
			v := dkimVerdicts{c, kind, mox[i][j], map[string]string{}}
			for k, p := range peers {
				l := theirs[k][i]
				v.peers[p.name] = l[min(j, len(l)-1)] // A reason for the whole message may stand alone.
			}
			if passes(v.mox) {
				passed++
			} else {
				failed++
			}
			if c.want != nil && passes(v.mox) != c.want[j] {
				if d, ok := explain(v, c.signer); ok {
					shown[d]++
				} else {
					t.Errorf("%s, %s: mox says %s, want %t, others %q", c, kind, v.mox, c.want[j], v.peers)
				}
			}
			for _, p := range peers {
				if passes(v.peers[p.name]) == passes(v.mox) {
					continue
				}
				d, ok := explain(v, p.name)
				if !ok {
					d, ok = explain(v, c.signer)
				}
				if !ok {
					t.Errorf("%s, %s: mox says %s, %s %s", c, kind, v.mox, p.name, v.peers[p.name])
					continue
				}
				shown[d]++
			}
		}
	}
	t.Logf("%d messages, %d signatures verify, %d do not", len(cases), passed, failed)
	for i, d := range dkimDifferences {
		t.Logf("%d times %s %s (RFC 6376 %s)", shown[i], d.peer, d.name, d.section)
		if shown[i] == 0 {
			t.Errorf("the difference that %s %s does not show", d.peer, d.name)
		}
	}
}

func (c dkimCase) String() string {
	s := fmt.Sprintf("%s signed by %s", c.mail, c.signer)
	if c.change != "" {
		s += ", " + c.change
	}
	return s
}

// TestDKIM signs messages with mox, OpenDKIM and dkimpy, and has each of them verify them as they are
// and after changes.
func TestDKIM(t *testing.T) {
	t.Parallel()
	keys := newDKIMKeys(t)
	ip := startNSD(t, keys.zone)
	resolver := nsdResolver(ip)
	opendkim, dkimpy := newOpenDKIM(t, keys), newDKIMPy(ip)
	now := time.Now()

	hard := hardMail()
	many := append(slices.Clone(hard), corpusMail(t, 1)...)
	some := append(slices.Clone(hard), corpusMail(t, 8)...)
	var signed []dkimSigning
	l, refused := moxSigns(t, moxSigner(t, keys, now, dkim.Selector{}), many)
	t.Logf("mox signed %d of %d messages, refused %d", len(l), len(many), refused)
	signed = append(signed, l...)
	l, refused = peerSigns(t, opendkim, keys, many, "all", "default", "from:subject:to", "0", "0")
	t.Logf("OpenDKIM signed %d of %d messages, refused %d", len(l), len(many), refused)
	signed = append(signed, l...)
	l, refused = peerSigns(t, dkimpy, keys, some, "all", "default")
	t.Logf("dkimpy signed %d of %d messages, refused %d", len(l), len(some), refused)
	signed = append(signed, l...)

	var cases []dkimCase
	for _, s := range signed {
		c := dkimCase{s.name, s.signer, "", s.whole(), s.kinds, nil}
		if s.hard() {
			c.want = constant(len(s.kinds), true)
		}
		cases = append(cases, c)
	}
	all := changes()
	for i, s := range signed {
		for j, ch := range all {
			if !s.hard() && i%len(all) != j {
				continue
			}
			if c, ok := s.changed(ch); ok {
				cases = append(cases, c)
			}
		}
	}
	cases = append(cases, dkimTagCases(t, keys, opendkim, dkimpy, now)...)
	cases = append(cases, dkimKeyCases(t, keys)...)
	checkDKIM(t, resolver, []*peer{opendkim, dkimpy}, cases)
}

// dkimTagCases are about l=, x= and fields that are signed as absent.
func dkimTagCases(t *testing.T, keys dkimKeys, opendkim, dkimpy *peer, now time.Time) []dkimCase {
	t.Helper()
	messages := hardMail()[:1]
	mox := func(when time.Time, base dkim.Selector) dkimSigning {
		l, _ := moxSigns(t, moxSigner(t, keys, when, base), messages)
		return l[0]
	}
	by := func(p *peer, more ...string) dkimSigning {
		l, _ := peerSigns(t, p, keys, messages, more...)
		return l[0]
	}
	ago := now.Add(-24 * time.Hour) // dkimpy grants ten hours.
	seconds := strconv.FormatInt(ago.Unix(), 10)
	add := change{"line added", func(h, b []byte) ([]byte, []byte) { return h, append(b[:len(b):len(b)], "more\r\n"...) }, true, true, false}
	shorter := change{"last line gone", func(h, b []byte) ([]byte, []byte) { return h, b[:bytes.IndexByte(b, '\n')+1] }, false, false, false}
	another := func(text string) change {
		return change{text + " added", func(h, b []byte) ([]byte, []byte) { return append([]byte(text+": x\r\n"), h...), b }, false, false, true}
	}
	same := func(survives bool, name string) change {
		return change{name, func(h, b []byte) ([]byte, []byte) { return h, b }, survives, survives, true}
	}
	var cases []dkimCase
	for _, l := range []struct {
		signed  dkimSigning
		changes []change
	}{
		{mox(now, dkim.Selector{BodyLength: true}), []change{add, shorter, same(true, "l=")}},
		{by(opendkim, "l", "default", "from", "0", "0"), []change{add, shorter, same(true, "l=")}},
		{by(dkimpy, "l", "default"), []change{add, shorter, same(true, "l=")}},
		{mox(ago, dkim.Selector{Lifetime: time.Hour}), []change{same(false, "expired")}},
		{by(opendkim, "all", "default", "from", seconds, "3600"), []change{same(false, "expired")}},
		{mox(ago, dkim.Selector{Lifetime: 48 * time.Hour}), []change{same(true, "not expired")}},
		{by(opendkim, "all", "default", "from", seconds, "172800"), []change{same(true, "not expired")}},
		{mox(now, dkim.Selector{}), []change{another("Subject"), another("To"), another("Reply-To"), another("Cc"), another("From")}},
		{mox(now, dkim.Selector{Oversigned: []string{"From", "X-None"}}), []change{another("X-None"), another("x-none")}},
		{by(opendkim, "all", "default", "from:subject:reply-to", "0", "0"), []change{another("Subject"), another("Reply-To"), another("From")}},
		{by(dkimpy, "all", "from:from:subject:subject:reply-to"), []change{another("Subject"), another("Reply-To"), another("From")}},
	} {
		for _, ch := range l.changes {
			c, _ := l.signed.changed(ch)
			cases = append(cases, c)
		}
	}
	return cases
}

// dkimKeyCases are messages signed by mox for which there is no key, or none that may be used.
func dkimKeyCases(t *testing.T, keys dkimKeys) []dkimCase {
	t.Helper()
	var cases []dkimCase
	m := hardMail()[0]
	for _, selector := range slices.Sorted(maps.Keys(refusedKeys)) {
		signer, err := dkim.NewSigner(dkim.SignerOptions{
			Domain:    dns.Domain{ASCII: dkimDomain},
			Selectors: []dkim.Selector{{Name: dns.Domain{ASCII: selector}, Key: keys.rsa.key}},
		})
		if err != nil {
			t.Fatal(err)
		}
		fields, err := signer.Sign(bytes.NewReader(m.data))
		if err != nil {
			t.Fatal(err)
		}
		kinds := []dkimKind{{dkim.RSASHA256, dkim.Relaxed, dkim.Relaxed}}
		cases = append(cases, dkimCase{m.name, "mox", "with key " + selector, append(fields, m.data...), kinds, constant(1, false)})
	}
	return cases
}
