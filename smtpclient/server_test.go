package smtpclient

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"mox/dns"
	"mox/internal/memnet"
	"mox/smtp"
)

// script runs a server that follows a script and returns the client's connection to it. The
// lines are:
//
//	S: text    the server sends the line
//	C: text    the client must send the line
//	S- text    the server sends the text without line end, with \r and \n in it
//	TLS        the server makes a TLS handshake with cert
//	FAILTLS    the server answers the handshake with garbage
//	BODY text  the client must send the message, "|" is CRLF, without the final dot
//	RAW text   the client must send these bytes, in Go syntax
//	EOF        the client must close the connection
//
// At the end the server closes the connection. The test waits for that.
func script(t *testing.T, cert *tls.Certificate, lines string) net.Conn {
	t.Helper()
	client, server := memnet.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		s := scripted{t: t, conn: server, br: bufio.NewReader(server), cert: cert}
		for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
			if line = strings.TrimSpace(line); line != "" && !s.step(line) {
				return
			}
		}
	}()
	t.Cleanup(func() { client.Close(); <-done })
	return client
}

type scripted struct {
	t    *testing.T
	conn net.Conn
	br   *bufio.Reader
	cert *tls.Certificate
}

func (s *scripted) step(line string) bool {
	op, arg, _ := strings.Cut(line, " ")
	switch op {
	case "S:":
		_, err := io.WriteString(s.conn, arg+"\r\n")
		return s.ok(line, err)
	case "S-":
		_, err := io.WriteString(s.conn, strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(arg))
		return s.ok(line, err)
	case "C:":
		got, err := s.br.ReadString('\n')
		if err == nil && got != arg+"\r\n" {
			s.t.Errorf("client sent %q, want %q", got, arg)
			return false
		}
		return s.ok(line, err)
	case "BODY":
		got, err := io.ReadAll(smtp.NewDataReader(s.br, smtp.DataOptions{}))
		if want := strings.ReplaceAll(arg, "|", "\r\n"); err == nil && string(got) != want {
			s.t.Errorf("client sent message %q, want %q", got, want)
		}
		return s.ok(line, err)
	case "RAW":
		want, err := strconv.Unquote(`"` + arg + `"`)
		if err != nil {
			return s.ok(line, err)
		}
		got := make([]byte, len(want))
		if _, err = io.ReadFull(s.br, got); err == nil && string(got) != want {
			s.t.Errorf("client sent %q, want %q", got, want)
		}
		return s.ok(line, err)
	case "EOF":
		if b, err := io.ReadAll(s.br); len(b) > 0 || err != nil {
			s.t.Errorf("client sent %q at the end, %v", b, err)
		}
		return true
	case "TLS":
		conn := tls.Server(s.conn, &tls.Config{Certificates: []tls.Certificate{*s.cert}})
		if err := conn.Handshake(); err != nil {
			return false // The client says what it wants to see.
		}
		s.conn, s.br = conn, bufio.NewReader(conn)
		return true
	case "FAILTLS":
		s.br.Peek(1)
		_, err := io.WriteString(s.conn, "this is not TLS\r\n")
		return s.ok(line, err)
	}
	s.t.Errorf("bad line %q in script", line)
	return false
}

func (s *scripted) ok(line string, err error) bool {
	if err != nil {
		s.t.Errorf("at %q of script: %v", line, err)
	}
	return err == nil
}

// newCert returns a certificate for a name and the pool that trusts it.
func newCert(t *testing.T, name string) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * 365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func mustDomain(s string) dns.Domain {
	d, err := dns.ParseDomain(s)
	if err != nil {
		panic(err)
	}
	return d
}

func mustPath(s string) smtp.Path {
	p, err := smtp.ParsePath(s)
	if err != nil {
		panic(err)
	}
	return p
}

func options() Options {
	return Options{LocalName: dns.IPDomain{Domain: mustDomain("client.example")}, RemoteName: mustDomain("mx.example")}
}

func rcpts(l ...string) []Recipient {
	var r []Recipient
	for _, s := range l {
		r = append(r, Recipient{To: mustPath(s)})
	}
	return r
}

// newClient returns a client of a scripted server, which must get that far.
func newClient(t *testing.T, opts Options, lines string) *Client {
	t.Helper()
	c, err := New(t.Context(), script(t, nil, lines), opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantError checks an error and returns it.
func wantError(t *testing.T, err error, command string, permanent bool, code int, enhanced smtp.EnhancedCode, cause error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error %v is no *Error", err)
	}
	if e.Command != command || e.Permanent != permanent || e.Code != code || e.Enhanced != enhanced || cause != nil && !errors.Is(err, cause) {
		t.Fatalf("error %v: %+v; want %s, permanent %v, %d %s, cause %v", err, e, command, permanent, code, enhanced, cause)
	}
	if smtp.IsTemporary(err) == permanent {
		t.Fatalf("smtp.IsTemporary of %v is %v", err, permanent)
	}
	return e
}
