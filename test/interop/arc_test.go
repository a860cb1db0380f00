package interop

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mox/arc"
	"mox/authres"
	"mox/dkim"
	"mox/dns"
)

// arcChain is a message on its way through servers that seal it.
type arcChain struct {
	mail    string
	hops    string // For each server "m" for mox or "d" for dkimpy.
	message []byte
}

func (c arcChain) String() string { return fmt.Sprintf("%s by %s", c.mail, c.hops) }

// arcChange is what happens to a sealed message.
type arcChange struct {
	name   string
	apply  func(message []byte) []byte // Nil if it cannot be made.
	status string                      // What becomes of the chain.
}

// arcDifference is where dkimpy does not agree, and mox does as RFC 8617 says.
type arcDifference struct {
	section string
	name    string // What dkimpy does.
	applies func(change, dkimpy string) bool
}

// arcDifferences are looked at in order. Each must explain a case.
var arcDifferences = []arcDifference{
	{"§5.1.1", "takes the fields of a chain in the order of the header instead of that of instances", func(change, dkimpy string) bool {
		return strings.Contains(change, " moved ")
	}},
	{"§4.1.2", "wants a space before i= of an ARC-Message-Signature", func(change, dkimpy string) bool {
		return strings.HasSuffix(change, "folded otherwise") && strings.Contains(dkimpy, "IndexError")
	}},
}

// arcField finds a field of a set: its name, and in it i= with the instance.
func arcField(message []byte, name string, instance int) (start, end int) {
	header, _ := splitMail(message)
	for at := 0; ; at = end {
		start, end = field(header[at:], name)
		if start < 0 {
			return -1, -1
		}
		start, end = at+start, at+end
		tags := bytes.Fields(header[start+len(name)+1 : end])
		if len(tags) > 0 && bytes.HasPrefix(tags[0], fmt.Appendf(nil, "i=%d;", instance)) {
			return start, end
		}
	}
}

// arcChanges are made to messages with a chain of n sets.
func arcChanges(n int) []arcChange {
	replace := func(old, with string) func(m []byte) []byte {
		return func(m []byte) []byte {
			i := bytes.Index(m, []byte(old))
			if i < 0 {
				return nil
			}
			return splice(m, i, i+len(old), with)
		}
	}
	of := func(name string, instance int, f func(m []byte, start, end int) []byte) func(m []byte) []byte {
		return func(m []byte) []byte {
			start, end := arcField(m, name, instance)
			if start < 0 {
				return nil
			}
			return f(m, start, end)
		}
	}
	// The signature is at the end of what all signers write.
	signature := func(m []byte, start, end int) []byte {
		i := bytes.LastIndexByte(m[:end-6], ' ') + 1
		i = max(i, bytes.LastIndexByte(m[:end-6], '\t')+1, end-30)
		if m[i] == 'A' {
			return splice(m, i, i+1, "B")
		}
		return splice(m, i, i+1, "A")
	}
	remove := func(m []byte, start, end int) []byte { return splice(m, start, end, "") }
	twice := func(m []byte, start, end int) []byte { return append(slices.Clone(m[start:end]), m...) }
	down := func(m []byte, start, end int) []byte {
		moved := slices.Clone(m[start:end])
		from, _ := field(m[end:], "From")
		if from < 0 {
			return nil
		}
		return slices.Concat(m[:start], m[end:end+from], moved, m[end+from:])
	}
	last := func(m []byte, start, end int) []byte {
		moved := slices.Clone(m[start:end])
		header, _ := splitMail(m)
		return slices.Concat(m[:start], header[end:], moved, m[len(header):])
	}
	l := []arcChange{
		{"body changed", func(m []byte) []byte { return append(slices.Clone(m), "x\r\n"...) }, "fail"},
		{"fields added", func(m []byte) []byte { return append([]byte("Received: by x\r\nX-Spam: no\r\n"), m...) }, "pass"},
		{"From added", func(m []byte) []byte { return append([]byte("From: x@example.org\r\n"), m...) }, "fail"},
		{"status changed", replace("cv=pass", "cv=none"), "fail"},
		{"first status changed", replace("cv=none", "cv=pass"), "fail"},
	}
	for i := 1; i <= n; i++ {
		for _, name := range []string{arc.ResultsField, arc.SignatureField, arc.SealField} {
			add := func(what string, f func(m []byte, start, end int) []byte, status string) {
				l = append(l, arcChange{fmt.Sprintf("%s %d %s", name, i, what), of(name, i, f), status})
			}
			add("gone", remove, "fail")
			add("there twice", twice, "fail")
			add("moved down", down, "pass")
			add("moved to the end", last, "pass")
			add("folded otherwise", func(m []byte, start, end int) []byte {
				j := start + bytes.IndexByte(m[start:end], ' ')
				return splice(m, j, j+1, "\r\n \t")
			}, "pass")
			add("with another instance", func(m []byte, start, end int) []byte {
				j := start + bytes.Index(m[start:end], []byte("i="))
				return splice(m, j+2, j+3, "7")
			}, "fail")
			if name == arc.ResultsField {
				add("changed", func(m []byte, start, end int) []byte { return splice(m, end-2, end-2, "x") }, "fail")
			} else {
				// Seals sign the whole of message signatures.
				add("changed", signature, "fail")
			}
		}
	}
	return l
}

// arcStatuses has both verify messages.
func arcStatuses(t *testing.T, resolver dns.Resolver, dkimpy *peer, messages [][]byte) (mox []arc.Result, theirs []string) {
	t.Helper()
	for _, m := range messages {
		r, err := arc.Verify(t.Context(), resolver, bytes.NewReader(m), arc.Options{})
		if err != nil {
			t.Fatal(err)
		}
		mox = append(mox, r)
		dkimpy.ask(m, "arcverify")
	}
	for _, answer := range dkimpy.finish(t) {
		theirs = append(theirs, string(bytes.TrimSpace(answer)))
	}
	return mox, theirs
}

// sealByMox has mox seal a message of which it found a status.
func sealByMox(t *testing.T, sealer *arc.Sealer, server string, message []byte, found arc.Result) []byte {
	t.Helper()
	m := sealer.NewMessage()
	if _, err := m.Write(message); err != nil {
		t.Fatal(err)
	}
	fields, err := m.Fields(found.Status, authres.Results{AuthservID: server, Methods: []authres.Result{
		found.AuthResult(netip.MustParseAddr("192.0.2.1")),
		{Method: "spf", Result: "pass", Props: []authres.Prop{{Type: "smtp", Property: "mailfrom", Value: "a@" + dkimDomain}}},
	}})
	if err != nil {
		t.Fatalf("sealing: %v\n%s", err, message)
	}
	return append(fields, message...)
}

// hop has all chains that go on pass one more server.
func hop(t *testing.T, n int, chains []*arcChain, sealer *arc.Sealer, keys dkimKeys, resolver dns.Resolver, dkimpy *peer) {
	t.Helper()
	var messages [][]byte
	for _, c := range chains {
		messages = append(messages, c.message)
	}
	mox, theirs := arcStatuses(t, resolver, dkimpy, messages)
	server := fmt.Sprintf("hop%d.test", n+1)
	var asked []*arcChain
	for i, c := range chains {
		status, _, _ := strings.Cut(theirs[i], " ")
		if status != string(mox[i].Status) {
			t.Errorf("%s at hop %d: mox says %s %v, dkimpy %s", c, n, mox[i].Status, mox[i].Err, theirs[i])
		}
		if n == len(c.hops) {
			continue
		}
		if c.hops[n] == 'm' {
			c.message = sealByMox(t, sealer, server, c.message, mox[i])
			continue
		}
		found := fmt.Sprintf("Authentication-Results: %s; arc=%s; spf=pass smtp.mailfrom=a@%s\r\n", server, status, dkimDomain)
		c.message = append([]byte(found), c.message...)
		dkimpy.ask(c.message, "arcsign", keys.rsa.pem, keys.rsa.selector, dkimDomain, server)
		asked = append(asked, c)
	}
	for i, answer := range dkimpy.finish(t) {
		if bytes.HasPrefix(answer, []byte("error: ")) {
			t.Errorf("%s: dkimpy does not seal at hop %d: %s", asked[i], n, answer)
			continue
		}
		asked[i].message = append(answer, asked[i].message...)
	}
}

// TestARC has messages sealed by mox and dkimpy in turn, in chains of one to three servers, and has both
// validate the chains, as they are and after changes.
func TestARC(t *testing.T) {
	t.Parallel()
	keys := newDKIMKeys(t)
	ip := startNSD(t, keys.zone)
	resolver, dkimpy := nsdResolver(ip), newDKIMPy(ip)
	sealer, err := arc.NewSealer(arc.SealerOptions{
		Domain: dns.Domain{ASCII: dkimDomain}, Selector: dns.Domain{ASCII: keys.rsa.selector}, Key: keys.rsa.key,
	})
	if err != nil {
		t.Fatal(err)
	}

	all := []string{"m", "d", "mm", "md", "dm", "dd", "mmm", "mmd", "mdm", "mdd", "dmm", "dmd", "ddm", "ddd"}
	var chains []*arcChain
	for i, m := range append(hardMail(), corpusMail(t, 6)...) {
		// Where dkimpy hashes a message otherwise is said in dkimDifferences.
		_, body := splitMail(m.data)
		other := bareLF.Match(m.data) || noSpace.Match(m.data) || bytes.HasSuffix(body, []byte(" ")) || bytes.HasSuffix(body, []byte("\t"))
		if other || m.name == "white space before the colon" || !canSign(t, keys, m) {
			continue
		}
		chains = append(chains,
			&arcChain{mail: m.name, hops: all[i%len(all)], message: m.data},
			&arcChain{mail: m.name, hops: all[(i*5+8)%len(all)], message: m.data})
	}
	for n := range 3 {
		var going []*arcChain
		for _, c := range chains {
			if len(c.hops) > n {
				going = append(going, c)
			}
		}
		hop(t, n, going, sealer, keys, resolver, dkimpy)
	}

	type tampered struct {
		*arcChain
		change arcChange
	}
	var cases []tampered
	var messages [][]byte
	for i, c := range chains {
		cases = append(cases, tampered{c, arcChange{"", nil, "pass"}})
		messages = append(messages, c.message)
		for j, ch := range arcChanges(len(c.hops)) {
			if i >= 2*len(all) && i%10 != j%10 {
				continue
			}
			if m := ch.apply(c.message); m != nil {
				cases = append(cases, tampered{c, ch})
				messages = append(messages, m)
			}
		}
	}
	mox, theirs := arcStatuses(t, resolver, dkimpy, messages)
	shown := make([]int, len(arcDifferences))
	statuses := map[arc.Status]int{}
	for i, c := range cases {
		statuses[mox[i].Status]++
		if string(mox[i].Status) != c.change.status {
			t.Errorf("%s, %s: mox says %s %v, want %s", c, c.change.name, mox[i].Status, mox[i].Err, c.change.status)
		}
		status, _, _ := strings.Cut(theirs[i], " ")
		if status == "error:" {
			status = "fail"
		}
		if status == string(mox[i].Status) {
			continue
		}
		d := slices.IndexFunc(arcDifferences, func(d arcDifference) bool { return d.applies(c.change.name, theirs[i]) })
		if d < 0 {
			t.Errorf("%s, %s: mox says %s %v, dkimpy %s", c, c.change.name, mox[i].Status, mox[i].Err, theirs[i])
			continue
		}
		shown[d]++
	}
	t.Logf("%d chains, %d messages with one: %v", len(chains), len(cases), statuses)
	for i, d := range arcDifferences {
		t.Logf("%d times dkimpy %s (RFC 8617 %s)", shown[i], d.name, d.section)
		if shown[i] == 0 {
			t.Errorf("the difference that dkimpy %s does not show", d.name)
		}
	}
}

// canSign tells whether mox signs a message, whose header it must be able to read.
func canSign(t *testing.T, keys dkimKeys, m mail) bool {
	t.Helper()
	signer, err := dkim.NewSigner(dkim.SignerOptions{
		Domain:    dns.Domain{ASCII: dkimDomain},
		Selectors: []dkim.Selector{{Name: dns.Domain{ASCII: keys.ed25519.selector}, Key: keys.ed25519.key}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = signer.Sign(bytes.NewReader(m.data))
	return err == nil
}
