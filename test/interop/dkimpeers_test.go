package interop

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mox/dkim"
	"mox/dns"
)

// dkimDomain signs.
const dkimDomain = "dkim.test"

// dkimKey is a private key, in the forms in which it is needed.
type dkimKey struct {
	algorithm dkim.Algorithm
	selector  string
	key       crypto.Signer
	pem       string // Path of the key in PKCS #8.
	dkimpy    string // Path of the key in the form that dkimpy has for it.
}

// dkimKeys are keys that are published.
type dkimKeys struct {
	rsa, ed25519 dkimKey
	zone         string // Records for nsd.
	file         string // Path of a file with the records for OpenDKIM's library.
}

// refusedKeys are selectors with records that signatures must not be verified with, made of that of the RSA key.
var refusedKeys = map[string]func(r *dkim.Record){
	"revoked": func(r *dkim.Record) { r.Data, r.Key = nil, nil },
	"sha1":    func(r *dkim.Record) { r.Hashes = []string{"sha1"} },
	"service": func(r *dkim.Record) { r.Services = []string{"other"} },
	"type":    func(r *dkim.Record) { r.KeyType = "other" },
	"broken":  func(r *dkim.Record) { r.Data = r.Data[:100] },
	"missing": func(r *dkim.Record) {}, // Not published.
}

// of returns the key for an algorithm.
func (k dkimKeys) of(a dkim.Algorithm) dkimKey {
	if a == dkim.RSASHA256 {
		return k.rsa
	}
	return k.ed25519
}

// newDKIMKeys makes keys.
func newDKIMKeys(t *testing.T) dkimKeys {
	t.Helper()
	dir := t.TempDir()
	r, err := dkim.GenerateRSA(0)
	if err != nil {
		t.Fatal(err)
	}
	e, err := dkim.GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	var keys dkimKeys
	var zone, file strings.Builder
	publish := func(selector string, record *dkim.Record) {
		name := selector + "._domainkey." + dkimDomain
		fmt.Fprintf(&zone, "%s. TXT %s\n", name, record.ZoneStrings())
		fmt.Fprintf(&file, "%s %s\n", name, record)
	}
	add := func(selector string, key crypto.Signer) dkimKey {
		text, err := dkim.MarshalPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		record, err := dkim.NewRecord(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		publish(selector, record)
		algorithm, err := dkim.AlgorithmOf(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		path := writeFile(t, dir, selector+".pem", string(text))
		return dkimKey{algorithm, selector, key, path, path}
	}
	keys.rsa = add("rsa", r)
	keys.ed25519 = add("ed", e)
	keys.ed25519.dkimpy = writeFile(t, dir, "ed.seed", base64.StdEncoding.EncodeToString(ed25519.PrivateKey(e).Seed()))
	for selector, change := range refusedKeys {
		record, err := dkim.NewRecord(r.Public())
		if err != nil {
			t.Fatal(err)
		}
		change(record)
		if selector != "missing" {
			publish(selector, record)
		}
	}
	keys.zone = zone.String()
	keys.file = writeFile(t, dir, "keys", file.String())
	return keys
}

// peer is a program that signs and verifies, with other software than ours.
type peer struct {
	name    string
	command []string
	in      bytes.Buffer
	n       int // Requests in it.
}

// ask adds a request, for finish.
func (p *peer) ask(message []byte, words ...string) {
	fmt.Fprintf(&p.in, "%s %d\n", strings.Join(words, " "), len(message))
	p.in.Write(message)
	p.n++
}

// finish runs the program and returns its answers.
func (p *peer) finish(t *testing.T) [][]byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.command[0], p.command[1:]...)
	cmd.Stdin = &p.in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", p.name, err, stderr.String())
	}
	r := bufio.NewReader(bytes.NewReader(out))
	answers := make([][]byte, p.n)
	for i := range answers {
		var size int
		if _, err := fmt.Fscanf(r, "%d\n", &size); err != nil {
			t.Fatalf("answer %d of %s: %v\n%s", i, p.name, err, stderr.String())
		}
		answers[i] = make([]byte, size)
		if _, err := io.ReadFull(r, answers[i]); err != nil {
			t.Fatalf("answer %d of %s: %v\n%s", i, p.name, err, stderr.String())
		}
	}
	p.in.Reset()
	p.n = 0
	return answers
}

// verifies asks for the results of the signatures of messages, each "pass" or a reason.
func (p *peer) verifies(t *testing.T, messages [][]byte) [][]string {
	t.Helper()
	for _, m := range messages {
		p.ask(m, "verify")
	}
	results := make([][]string, len(messages))
	for i, answer := range p.finish(t) {
		results[i] = strings.Split(strings.TrimSuffix(string(answer), "\n"), "\n")
	}
	return results
}

// newOpenDKIM builds a program with OpenDKIM's library, which has keys from a file.
func newOpenDKIM(t *testing.T, keys dkimKeys) *peer {
	t.Helper()
	program := filepath.Join(t.TempDir(), "opendkim")
	command(t, "gcc", "-O1", "-Wall", "-o", program, "testdata/opendkim.c", "-lopendkim")
	return &peer{name: "OpenDKIM", command: []string{program, keys.file}}
}

// newDKIMPy returns a program with dkimpy, which asks an nsd for keys.
func newDKIMPy(ip string) *peer {
	// The Python of Debian, whatever python3 is.
	return &peer{name: "dkimpy", command: []string{"/usr/bin/python3", "testdata/dkimpy.py", ip, nsdPort}}
}

// moxVerifies is peer.verifies of mox.
func moxVerifies(t *testing.T, resolver dns.Resolver, messages [][]byte) [][]string {
	t.Helper()
	all := make([][]string, len(messages))
	for i, m := range messages {
		results, err := dkim.Verify(t.Context(), resolver, bytes.NewReader(m), dkim.Options{MaxSignatures: 20})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			s := string(r.Status)
			if r.Err != nil {
				s += ": " + r.Err.Error()
			}
			all[i] = append(all[i], s)
		}
	}
	return all
}
