package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mjl-/sconf"

	"mox/config"
	"mox/dkim"
	"mox/dns"
	moxsmtp "mox/smtp"
)

// mailHost is another server, which takes all mail but that for recipients that begin with "bad".
type mailHost struct{ messages chan string }

// startMailHost listens on port 25 of an address in the network.
func startMailHost(t *testing.T, n *network, ip string) *mailHost {
	t.Helper()
	l, err := n.listen("tcp", net.JoinHostPort(ip, "25"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	h := &mailHost{make(chan string, 100)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(conn)
		}
	}()
	return h
}

func (h *mailHost) serve(conn net.Conn) {
	defer conn.Close()
	br := bufio.NewReader(conn)
	io.WriteString(conn, "220 mx.remote.example ESMTP\r\n")
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return
		}
		reply := "250 ok"
		switch line = strings.ToUpper(line); {
		case strings.HasPrefix(line, "EHLO"):
			reply = "250-mx.remote.example\r\n250-SMTPUTF8\r\n250 8BITMIME"
		case strings.HasPrefix(line, "RCPT TO:<BAD"):
			reply = "550 5.1.1 no such user"
		case strings.HasPrefix(line, "DATA"):
			io.WriteString(conn, "354 go ahead\r\n")
			b, err := io.ReadAll(moxsmtp.NewDataReader(br, moxsmtp.DataOptions{}))
			if err != nil {
				return
			}
			h.messages <- string(b)
		}
		io.WriteString(conn, reply+"\r\n")
	}
}

// next returns the next message that was taken.
func (h *mailHost) next(t *testing.T) string {
	t.Helper()
	select {
	case m := <-h.messages:
		return m
	case <-time.After(patience):
		t.Fatal("no message arrives")
		return ""
	}
}

// signingServer is a server whose domain example.org signs, with another server at remote.example.
type signingServer struct {
	*running
	dir    string
	remote *mailHost
	dns    *dns.MemResolver
}

func startSigningServer(t *testing.T, change func(*config.DynamicDKIM)) *signingServer {
	t.Helper()
	s := &signingServer{dir: filepath.Dir(realConfig(t)), dns: &dns.MemResolver{
		MX:  map[string][]net.MX{"remote.example": {{Host: "mx.remote.example", Pref: 10}}},
		A:   map[string][]string{"mx.remote.example": {"198.51.100.25"}},
		TXT: map[string][]string{},
	}}
	s.newKey(t, "rsa", must(dkim.GenerateRSA(0)))
	s.newKey(t, "ed", must(dkim.GenerateEd25519()))
	s.change(t, func(d *config.Dynamic) {
		d.Routes = nil
		d.Accounts["ann"] = config.DynamicAccount{Domain: "example.org", Destinations: map[string]config.DynamicDestination{"ann@example.org": {}, "ann@plain.example": {}}}
		k := &config.DynamicDKIM{Selectors: map[string]config.DynamicSelector{
			"rsa": {PrivateKeyFile: "dkim/rsa.pem"},
			"ed":  {PrivateKeyFile: "dkim/ed.pem", BodyCanonicalization: "simple"},
		}}
		if change != nil {
			change(k)
		}
		d.Domains = map[string]config.DynamicDomain{"example.org": {DKIM: k}, "plain.example": {}}
	})
	s.running = startServerIn(t, config.Options{Path: filepath.Join(s.dir, "mox.conf")}, s.dns)
	s.remote = startMailHost(t, s.net, "198.51.100.25")
	setPassword(t, s.running, "ann", "annannann")
	return s
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newKey makes a selector of example.org: its key, in the configuration's directory, and its record in DNS.
func (s *signingServer) newKey(t *testing.T, selector string, key crypto.Signer) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(s.dir, "dkim"), 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := dkim.MarshalPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "dkim", selector+".pem"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	record, err := dkim.NewRecord(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	s.dns.Update(func(r *dns.MemResolver) { r.TXT[selector+"._domainkey.example.org"] = []string{record.String()} })
}

// change changes domains.conf.
func (s *signingServer) change(t *testing.T, change func(*config.Dynamic)) {
	t.Helper()
	path := filepath.Join(s.dir, "domains.conf")
	var d config.Dynamic
	if err := sconf.ParseFile(path, &d); err != nil {
		t.Fatal(err)
	}
	change(&d)
	if err := writeConfig(path, &d); err != nil {
		t.Fatal(err)
	}
}

// submitText submits a message of ann, and returns the error.
func (s *signingServer) submitText(text string, to ...string) error {
	c, err := s.submission("ann@example.org", "annannann")
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Mail("ann@example.org"); err != nil {
		return err
	}
	for _, r := range to {
		if err := c.Rcpt(r); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return w.Close()
}

// verified returns the selectors and domains whose signatures of a message hold, sorted, and fails for others.
func (s *signingServer) verified(text string) []string {
	s.t.Helper()
	results, err := dkim.Verify(s.t.Context(), s.dns, strings.NewReader(text), dkim.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	var l []string
	for _, r := range results {
		if r.Status != dkim.StatusPass {
			s.t.Errorf("signature: %s, %v\n%s", r.Status, r.Err, text)
			continue
		}
		l = append(l, r.Signature.Selector.ASCII+" "+r.Signature.Domain.ASCII)
	}
	slices.Sort(l)
	return l
}

var literal = regexp.MustCompile(`BODY\[\] \{([0-9]+)\}\r\n`)

// body returns the message with a number in Inbox, once it is there.
func (s *signingServer) body(n int) string {
	s.t.Helper()
	session, err := s.imap("ann@example.org", "annannann")
	if err != nil {
		s.t.Fatal(err)
	}
	session.subjects("Inbox", n)
	out := session.command(fmt.Sprintf("FETCH %d BODY.PEEK[]", n))
	m := literal.FindStringSubmatchIndex(out)
	if m == nil {
		s.t.Fatalf("no literal in %q", out)
	}
	size, _ := strconv.Atoi(out[m[2]:m[3]])
	return out[m[1] : m[1]+size]
}

func TestSubmissionIsSigned(t *testing.T) {
	t.Parallel()
	s := startSigningServer(t, nil)
	both := []string{"ed example.org", "rsa example.org"}
	for name, text := range map[string]string{
		"all fields":      "From: Ann <ann@example.org>\r\nTo: x@remote.example\r\nSubject: hello\r\nDate: Sun, 22 Nov 2026 13:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\ntext\r\n",
		"added fields":    "From: ann@example.org\r\nSubject: hello\r\n\r\n.dots\r\n..\r\n\r\n\r\n",
		"8 bits":          "From: ann@example.org\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nschön \t \r\n",
		"no body":         "From: ann@example.org\r\nSubject: x\r\n\r\n",
		"private field":   "From: ann@example.org\r\nBcc: secret@example.org\r\n\r\ntext\r\n",
		"in a large body": "From: ann@example.org\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 5000),
	} {
		if err := s.submitText(text, "x@remote.example"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := s.remote.next(t)
		if l := s.verified(got); !slices.Equal(l, both) {
			t.Errorf("%s: signed by %q", name, l)
		}
		// What the server adds is signed with the rest.
		for _, field := range []string{"date", "message-id"} {
			if changed := regexp.MustCompile(`(?im)^`+field+`: .`).ReplaceAllString(got, field+": X"); changed == got || slices.ContainsFunc(must(dkim.Verify(t.Context(), s.dns, strings.NewReader(changed), dkim.Options{})), func(r dkim.Result) bool { return r.Status == dkim.StatusPass }) {
				t.Errorf("%s: %s is not signed", name, field)
			}
		}
		// What relays add is not.
		if l := s.verified("Received: by relay.example; Sun, 22 Nov 2026 13:00:00 +0000\r\nReturn-Path: <ann@example.org>\r\n" + got); !slices.Equal(l, both) {
			t.Errorf("%s, relayed: signed by %q", name, l)
		}
	}
	if body := metrics(t, s.running); !strings.Contains(body, `mox_queue_signatures_total{result="signed"} 6`) {
		t.Error("signatures are not counted")
	}

	// Recipients here get the same message.
	if err := s.submitText("From: ann@example.org\r\nSubject: to me\r\n\r\ntext\r\n", "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	if l := s.verified(s.body(1)); !slices.Equal(l, both) {
		t.Errorf("local copy: signed by %q", l)
	}
}

// Signed is as the domain in From, not that of the envelope, and only mail of a domain that has a key (RFC 6376 §5.1).
func TestSigningDomain(t *testing.T) {
	t.Parallel()
	s := startSigningServer(t, nil)
	for from, want := range map[string]string{
		"ann@plain.example":                  "[]",
		"ann@plain.example, ann@example.org": "[ed example.org rsa example.org]",
	} {
		if err := s.submitText("From: "+from+"\r\nSender: ann@example.org\r\n\r\ntext\r\n", "x@remote.example"); err != nil {
			t.Fatal(err)
		}
		if l := fmt.Sprint(s.verified(s.remote.next(t))); l != want {
			t.Errorf("%s: signed by %s, want %s", from, l, want)
		}
	}
}

// A header that others may read otherwise is not signed, and so does not leave.
func TestMalformedHeaderIsNotSigned(t *testing.T) {
	t.Parallel()
	s := startSigningServer(t, nil)
	if err := s.submitText("From: ann@example.org\r\nno field\r\n\r\ntext\r\n", "x@remote.example"); replyCode(err) != 550 {
		t.Errorf("malformed header: %v, want 550", err)
	}
	if err := s.submitText("From: ann@plain.example\r\nno field\r\n\r\ntext\r\n", "x@remote.example"); err != nil {
		t.Errorf("malformed header of a domain that does not sign: %v", err)
	}
	if text := s.remote.next(t); !strings.Contains(text, "no field") || strings.Contains(text, "DKIM-Signature") {
		t.Errorf("sent:\n%s", text)
	}
}

func TestNotificationIsSigned(t *testing.T) {
	t.Parallel()
	s := startSigningServer(t, func(d *config.DynamicDKIM) { d.Subdomains = true })
	if err := s.submitText("From: ann@example.org\r\nSubject: hello\r\n\r\ntext\r\n", "bad@remote.example"); err != nil {
		t.Fatal(err)
	}
	// From postmaster@mail.example.org, for which example.org signs.
	text := s.body(1)
	if l := s.verified(text); !slices.Equal(l, []string{"ed example.org", "rsa example.org"}) || !strings.Contains(text, "Action: failed") {
		t.Errorf("notification signed by %q:\n%s", l, text)
	}
}

// A reload takes a new selector into use, one that is prepared is not used, and a key that is missing leaves all as it was
// (RFC 6376 §5.2).
func TestReloadOfSelectors(t *testing.T) {
	t.Parallel()
	s := startSigningServer(t, func(d *config.DynamicDKIM) { d.Sign = []string{"rsa"} })
	check := func(want ...string) {
		t.Helper()
		if err := s.submitText("From: ann@example.org\r\n\r\ntext\r\n", "x@remote.example"); err != nil {
			t.Fatal(err)
		}
		if l := s.verified(s.remote.next(t)); !slices.Equal(l, want) {
			t.Errorf("signed by %q, want %q", l, want)
		}
	}
	check("rsa example.org")

	s.newKey(t, "next", must(dkim.GenerateEd25519()))
	s.change(t, func(d *config.Dynamic) {
		k := d.Domains["example.org"].DKIM
		k.Selectors["next"] = config.DynamicSelector{PrivateKeyFile: "dkim/next.pem"}
		k.Sign = []string{"rsa", "next"}
	})
	s.command("config", "reload")
	check("next example.org", "rsa example.org")

	if err := os.Remove(filepath.Join(s.dir, "dkim/next.pem")); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := mox(t, "--config", s.path, "config", "reload"); code != exitFailure || !strings.Contains(errs, "Domains.example.org.DKIM.Selectors.next.PrivateKeyFile: ") {
		t.Errorf("reload without a key: exit code %d, %s", code, errs)
	}
	check("next example.org", "rsa example.org")
	s.newKey(t, "next", must(dkim.GenerateEd25519())) // Commands read it too.
}

// brokenKey is a key that fails, such as one in hardware.
type brokenKey struct{ crypto.Signer }

var errBroken = errors.New("no answer from the key")

func (brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errBroken }

// What cannot be signed now may be later: for the client it is a temporary error.
func TestSignerFails(t *testing.T) {
	t.Parallel()
	example, other := dns.Domain{ASCII: "example.org"}, dns.Domain{ASCII: "other.example"}
	keys := map[dns.Domain]*config.DKIM{}
	for d, key := range map[dns.Domain]crypto.Signer{example: must(dkim.GenerateEd25519()), other: brokenKey{must(dkim.GenerateEd25519())}} {
		k := &config.DKIM{Domain: d, Sign: []dkim.Selector{{Name: dns.Domain{ASCII: "a"}, Key: key}}}
		k.Signer = must(dkim.NewSigner(dkim.SignerOptions{Domain: d, Selectors: k.Sign}))
		keys[d] = k
	}
	var log bytes.Buffer
	s := signer{func(d dns.Domain) *config.DKIM { return keys[d] }, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	text := []byte("From: <ann@example.org>\r\n\r\ntext\r\n")
	sign := func(ctx context.Context, size int, from ...dns.Domain) ([]byte, error) {
		return s.Sign(ctx, from, nil, bytes.NewReader(text), int64(size))
	}

	if fields, err := sign(t.Context(), len(text), dns.Domain{ASCII: "unknown.example"}, example, example); err != nil || bytes.Count(fields, []byte("DKIM-Signature:")) != 1 {
		t.Errorf("signed %q, %v", fields, err)
	}
	if !strings.Contains(log.String(), "domain=example.org selectors=[a]") {
		t.Errorf("log %q", log.String())
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		ctx  context.Context
		size int
		from []dns.Domain
		want error
	}{
		"key":               {t.Context(), len(text), []dns.Domain{other}, errBroken},
		"one of two keys":   {t.Context(), len(text), []dns.Domain{example, other}, errBroken},
		"end of context":    {canceled, len(text), []dns.Domain{example}, context.Canceled},
		"truncated message": {t.Context(), len(text) + 1, []dns.Domain{example}, io.EOF},
	} {
		fields, err := sign(tc.ctx, tc.size, tc.from...)
		if !errors.Is(err, tc.want) || !moxsmtp.IsTemporary(err) || fields != nil {
			t.Errorf("%s: %q, %v; want a temporary %v", name, fields, err, tc.want)
		}
	}
}
