package arc_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mox/arc"
	"mox/authres"
	"mox/dkim"
	"mox/dns"
	"mox/message"
)

// now is when all is signed and validated.
var now = time.Unix(1_700_000_000, 0)

func clock() time.Time { return now }

func domain(t testing.TB, s string) dns.Domain {
	t.Helper()
	d, err := dns.ParseDomainLax(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// world has domains hop1.example to hop50.example and others, whose keys are found in DNS.
type world struct {
	t        testing.TB
	resolver *dns.MemResolver
	keys     map[string]crypto.Signer // By key name.
}

func newWorld(t testing.TB) *world {
	return &world{t, &dns.MemResolver{TXT: map[string][]string{}}, map[string]crypto.Signer{}}
}

// key returns the key of a selector, made and published when it is first asked for.
func (w *world) key(selector, domain string) crypto.Signer {
	w.t.Helper()
	name := selector + "._domainkey." + domain
	if k := w.keys[name]; k != nil {
		return k
	}
	seed := sha256.Sum256([]byte(name))
	k := ed25519.NewKeyFromSeed(seed[:])
	w.publish(selector, domain, k)
	return k
}

func (w *world) publish(selector, domain string, k crypto.Signer) {
	w.t.Helper()
	r, err := dkim.NewRecord(k.Public())
	if err != nil {
		w.t.Fatal(err)
	}
	name := selector + "._domainkey." + domain
	w.keys[name] = k
	w.resolver.Update(func(m *dns.MemResolver) { m.TXT[name] = []string{r.String()} })
}

// mail is a message with a chain, taken apart.
type mail struct {
	sets   [][3]string // By instance, in the order AAR, AMS, AS.
	header string      // Of the message without chain.
	body   string
}

func newMail() *mail {
	return &mail{
		header: "From: a@sender.example\r\nTo: b@receiver.example\r\nSubject: hello\r\nMessage-ID: <1@sender.example>\r\n",
		body:   "Hello  there,\r\n\r\nthis is mail. \r\n\r\n",
	}
}

func (m *mail) clone() *mail {
	c := *m
	c.sets = append([][3]string{}, m.sets...)
	return &c
}

func (m *mail) String() string {
	var b strings.Builder
	for i := len(m.sets) - 1; i >= 0; i-- {
		for k := 2; k >= 0; k-- {
			b.WriteString(m.sets[i][k])
		}
	}
	b.WriteString(m.header + "\r\n" + m.body)
	return b.String()
}

// hop says how a set made by hand differs from a normal one. The functions change the fields
// before they are signed; those of signatures end in "b=".
type hop struct {
	instance      int    // Default: the next.
	cv            string // Default: as it should be.
	domain        string // Default: hopN.example.
	aar, ams, as  func(string) string
	onlyOwnSigned bool // The seal covers only this set.
}

func replace(old, new string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, old) {
			panic("nothing to replace in " + s)
		}
		return strings.Replace(s, old, new, 1)
	}
}

// seal adds a set made by hand, independent of the code that is tested but for canonicalization.
func (w *world) seal(m *mail, h hop) {
	w.t.Helper()
	change := func(f func(string) string, s string) string {
		if f == nil {
			return s
		}
		return f(s)
	}
	if h.instance == 0 {
		h.instance = len(m.sets) + 1
	}
	if h.cv == "" {
		h.cv = "pass"
		if h.instance == 1 {
			h.cv = "none"
		}
	}
	if h.domain == "" {
		h.domain = fmt.Sprintf("hop%d.example", h.instance)
	}
	aar := change(h.aar, fmt.Sprintf("ARC-Authentication-Results: i=%d; %s; spf=pass smtp.mailfrom=sender.example\r\n", h.instance, h.domain))

	ams := fmt.Sprintf("ARC-Message-Signature: i=%d; a=ed25519-sha256; c=relaxed/relaxed; d=%s;\r\n\ts=ams; t=%d; h=from:to:subject:message-id;\r\n\tbh=BH; b=", h.instance, h.domain, now.Unix())
	ams = change(h.ams, ams)
	tags := func(s string) dkim.TagList {
		_, value, _ := strings.Cut(s, ":")
		l, err := dkim.ParseTagList([]byte(value))
		if err != nil {
			return nil // As wanted by the test.
		}
		return l
	}
	tag := func(l dkim.TagList, name, def string) string {
		if t, ok := l.Get(name); ok {
			return t.Value
		}
		return def
	}
	l := tags(ams)
	hc, bc, _ := strings.Cut(strings.ToLower(tag(l, "c", "simple/simple")), "/")
	if bc == "" {
		bc = "simple"
	}
	length := int64(dkim.WholeBody)
	fmt.Sscan(tag(l, "l", "-1"), &length)
	bodies := dkim.NewBodyHasher(dkim.Canonicalization(bc), length)
	bodies.Write([]byte(m.body))
	sum, err := bodies.Sum(length)
	if err != nil {
		w.t.Fatal(err)
	}
	ams = strings.Replace(ams, "bh=BH", "bh="+base64.StdEncoding.EncodeToString(sum[:]), 1)
	var covered []string
	fields := dkim.ParseHeader([]byte(m.header))
	for f := range fields.Select(strings.Split(strings.Join(strings.Fields(tag(l, "h", "")), ""), ":"), -1) {
		covered = append(covered, string(f.Raw))
	}
	ams = w.sign(w.key("ams", h.domain), dkim.Canonicalization(hc), covered, ams)

	as := change(h.as, fmt.Sprintf("ARC-Seal: i=%d; a=ed25519-sha256; cv=%s; d=%s; s=as; t=%d;\r\n\tb=", h.instance, h.cv, h.domain, now.Unix()))
	covered = nil
	if !h.onlyOwnSigned {
		for _, s := range m.sets {
			covered = append(covered, s[:]...)
		}
	}
	as = w.sign(w.key("as", h.domain), dkim.Relaxed, append(covered, aar, ams), as)
	m.sets = append(m.sets, [3]string{aar, ams, as})
}

// sign completes a field that ends in "b=".
func (w *world) sign(k crypto.Signer, c dkim.Canonicalization, covered []string, field string) string {
	w.t.Helper()
	h := sha256.New()
	for _, f := range covered {
		h.Write(dkim.AppendHeaderField(nil, []byte(f), c))
	}
	h.Write(bytes.TrimSuffix(dkim.AppendHeaderField(nil, []byte(field), c), []byte("\r\n")))
	sig, err := dkim.SignHash(k, [32]byte(h.Sum(nil)))
	if err != nil {
		w.t.Fatal(err)
	}
	return field + base64.StdEncoding.EncodeToString(sig) + "\r\n"
}

// chain returns a message with n sets made by hand.
func (w *world) chain(n int) *mail {
	w.t.Helper()
	m := newMail()
	for range n {
		w.seal(m, hop{})
	}
	return m
}

// sealer returns a Sealer for a domain.
func (w *world) sealer(domainName string) *arc.Sealer {
	w.t.Helper()
	s, err := arc.NewSealer(arc.SealerOptions{
		Domain: domain(w.t, domainName), Selector: domain(w.t, "s"), Key: w.key("s", domainName), Now: clock,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// sealed returns the fields that a Sealer gives.
func sealed(s *arc.Sealer, msg string, status arc.Status, results ...authres.Result) (string, error) {
	m := s.NewMessage()
	writePieces(m.Write, msg)
	b, err := m.Fields(status, authres.Results{AuthservID: "mx.example", Methods: results})
	return string(b), err
}

// writePieces writes s in pieces of random sizes.
func writePieces(write func([]byte) (int, error), s string) {
	for b := []byte(s); len(b) > 0; {
		n := min(len(b), 1+rand.IntN(100))
		piece := bytes.Clone(b[:n])
		write(piece)
		clear(piece) // Nothing may be kept of it.
		b = b[n:]
	}
}

func (w *world) verify(msg string) arc.Result { return w.verifyWith(msg, arc.Options{}) }

func (w *world) verifyWith(msg string, opts arc.Options) arc.Result {
	w.t.Helper()
	if opts.Now == nil {
		opts.Now = clock
	}
	v := arc.NewVerifier(context.Background(), w.resolver, opts)
	defer v.Close()
	writePieces(v.Write, msg)
	return v.Results(context.Background())
}

// fieldsOf returns the fields of a message with a name, without their line end.
func fieldsOf(msg, name string) []string {
	var l []string
	for f := range message.Fields([]byte(msg)) {
		if f.Is(name) {
			l = append(l, strings.TrimSuffix(string(f.Raw), "\r\n"))
		}
	}
	return l
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(nil, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
