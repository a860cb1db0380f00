package sasl

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"mox/internal/memnet"
)

// tlsPair makes connections between the same client and server.
type tlsPair struct{ client, server *tls.Config }

func newTLSPair(t *testing.T, version uint16) tlsPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tlsPair{
		client: &tls.Config{InsecureSkipVerify: true, ServerName: "mail.example", MinVersion: version, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1)},
		server: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
	}
}

// connect returns what both ends know of a new connection.
func (p tlsPair) connect(t *testing.T) (client, server *tls.ConnectionState) {
	t.Helper()
	ln := memnet.Listen("192.0.2.1:993")
	defer ln.Close()
	type result struct {
		cs  tls.ConnectionState
		err error
	}
	served := make(chan result, 1)
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			served <- result{err: err}
			return
		}
		defer nc.Close()
		tc := tls.Server(nc, p.server)
		_, err = tc.Write([]byte("x")) // Makes the handshake.
		served <- result{tc.ConnectionState(), err}
	}()
	nc, err := ln.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	tc := tls.Client(nc, p.client)
	if _, err := tc.Read(make([]byte, 1)); err != nil && !errors.Is(err, net.ErrClosed) { // Also takes session tickets.
		t.Fatal(err)
	}
	r := <-served
	if r.err != nil {
		t.Fatal(r.err)
	}
	cs := tc.ConnectionState()
	return &cs, &r.cs
}

func types(l []ChannelBinding) (s []string) {
	for _, b := range l {
		s = append(s, b.Type)
	}
	return s
}

func TestChannelBindings(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		version uint16
		want    []string
	}{
		// crypto/tls has the extended master secret, so resumed sessions are safe too.
		{"TLS 1.2", tls.VersionTLS12, []string{TLSUnique, TLSExporter}},
		{"TLS 1.3", tls.VersionTLS13, []string{TLSExporter}},
		{"TLS 1.1", tls.VersionTLS11, nil},
	} {
		p := newTLSPair(t, tc.version)
		p.server.MinVersion = tls.VersionTLS10
		seen := map[string]bool{}
		for i := range 3 {
			client, server := p.connect(t)
			c, s := ChannelBindings(client), ChannelBindings(server)
			if len(c) != len(tc.want) || len(s) != len(tc.want) {
				t.Fatalf("%s: client has %q, server %q, want %q", tc.name, types(c), types(s), tc.want)
			}
			if i > 0 && !client.DidResume && tc.want != nil {
				t.Errorf("%s: session %d was not resumed", tc.name, i)
			}
			for j, typ := range tc.want {
				if c[j].Type != typ || s[j].Type != typ || len(c[j].Data) < 12 || !bytes.Equal(c[j].Data, s[j].Data) {
					t.Errorf("%s: client has %+v, server %+v, want type %s", tc.name, c[j], s[j], typ)
				}
				if seen[string(c[j].Data)] {
					t.Errorf("%s: two connections have the same %s", tc.name, typ)
				}
				seen[string(c[j].Data)] = true
			}
		}
	}
	if l := ChannelBindings(nil); l != nil {
		t.Errorf("without TLS: %q", types(l))
	}
	if l := ChannelBindings(&tls.ConnectionState{}); l != nil {
		t.Errorf("before the handshake: %q", types(l))
	}
}

// A client that may renegotiate has no tls-exporter (RFC 9266 §4.2).
func TestNoExporterWithRenegotiation(t *testing.T) {
	t.Parallel()
	p := newTLSPair(t, tls.VersionTLS12)
	p.client.Renegotiation = tls.RenegotiateOnceAsClient
	client, _ := p.connect(t)
	for _, b := range ChannelBindings(client) {
		if b.Type == TLSExporter {
			t.Error("it has one")
		}
	}
}

// The exchange works over one connection, and not from one to another.
func TestSCRAMPlusOverTLS(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		p := newTLSPair(t, version)
		client, server := p.connect(t)
		_, other := p.connect(t)
		for _, mechanism := range []string{SCRAMSHA1Plus, SCRAMSHA256Plus} {
			for _, tc := range []struct {
				name   string
				server *tls.ConnectionState
				want   string
			}{
				{"same connection", server, ""},
				{"another connection", other, "channel-bindings-dont-match"},
			} {
				creds := Credentials{Username: "user", Password: NewSecret("pencil")}
				s := newSCRAMServer(t, mechanism, &users{names: []string{"user"}}, ChannelBindings(tc.server), "server")
				c := newSCRAMClient(t, mechanism, creds, ChannelBindings(client), "nonce")
				if err := dialogue(s, c, true); scramValue(err) != tc.want || (err == nil) != (tc.want == "") {
					t.Errorf("%s, %s, %s: %v", tls.VersionName(version), mechanism, tc.name, err)
				}
			}
		}
	}
}

func TestWithPlus(t *testing.T) {
	t.Parallel()
	in := []string{SCRAMSHA256, SCRAMSHA1, CRAMMD5, Plain}
	for _, tc := range []struct {
		bindings []ChannelBinding
		want     string
	}{
		{nil, "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN"},
		{[]ChannelBinding{exporter}, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 PLAIN"},
	} {
		if got := strings.Join(WithPlus(in, tc.bindings), " "); got != tc.want {
			t.Errorf("with %d bindings: %s", len(tc.bindings), got)
		}
	}
}

func TestClientKey(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		p := newTLSPair(t, version)
		p.server.ClientAuth = tls.RequestClientCert
		if _, server := p.connect(t); len(server.PeerCertificates) > 0 {
			t.Fatal("certificate from nowhere")
		} else if _, ok := ClientKey(server); ok {
			t.Error("key without certificate")
		}
		other := newTLSPair(t, version)
		p.client.Certificates = other.server.Certificates
		p.client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		cert, err := x509.ParseCertificate(other.server.Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // The second time from a session.
			_, server := p.connect(t)
			if key, ok := ClientKey(server); !ok || key != sha256.Sum256(cert.RawSubjectPublicKeyInfo) {
				t.Errorf("key %x, %v", key, ok)
			}
		}
	}
	for _, cs := range []*tls.ConnectionState{nil, {}} {
		if _, ok := ClientKey(cs); ok {
			t.Error("key without TLS")
		}
	}
}

func TestNewClient(t *testing.T) {
	t.Parallel()
	tls13, _ := newTLSPair(t, tls.VersionTLS13).connect(t)
	all := []string{"LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "GSSAPI"}
	for _, tc := range []struct {
		name    string
		offered []string
		authzID string
		cs      *tls.ConnectionState
		want    string // Empty for ErrNoMechanism.
		header  string // Of SCRAM.
	}{
		{name: "all with TLS", offered: all, cs: tls13, want: SCRAMSHA256Plus, header: "p=tls-exporter,"},
		{name: "all without TLS", offered: all, want: SCRAMSHA256, header: "n,"},
		{name: "SHA-1 with binding", offered: []string{SCRAMSHA256, SCRAMSHA1Plus, SCRAMSHA1}, cs: tls13, want: SCRAMSHA1Plus, header: "p=tls-exporter,"},
		{name: "no binding offered", offered: []string{Plain, SCRAMSHA1, SCRAMSHA256}, cs: tls13, want: SCRAMSHA256, header: "y,"},
		{name: "unknown one with binding", offered: []string{"SCRAM-SHA-512-PLUS", SCRAMSHA1}, cs: tls13, want: SCRAMSHA1, header: "n,"},
		{name: "no SCRAM with TLS", offered: []string{Login, CRAMMD5, Plain}, cs: tls13, want: Plain},
		{name: "no SCRAM without TLS", offered: []string{Login, CRAMMD5, Plain}, want: CRAMMD5},
		{name: "old ones with TLS", offered: []string{CRAMMD5, Login}, cs: tls13, want: Login},
		{name: "CRAM-MD5 only", offered: []string{CRAMMD5}, cs: tls13, want: CRAMMD5},
		{name: "another identity", offered: []string{Login, CRAMMD5, Plain}, authzID: "alice", want: Plain},

		{name: "another identity, old ones only", offered: []string{Login, CRAMMD5}, authzID: "alice"},
		{name: "binding without TLS", offered: []string{SCRAMSHA256Plus}},
		{name: "none", cs: tls13},
		{name: "none known", offered: []string{"GSSAPI", "NTLM", External}, cs: tls13},
	} {
		c, err := NewClient(tc.offered, Credentials{Username: "user", AuthzID: tc.authzID, Password: NewSecret("x")}, tc.cs)
		if tc.want == "" {
			if c != nil || !errors.Is(err, ErrNoMechanism) {
				t.Errorf("%s: %v, %v", tc.name, c, err)
			}
			continue
		}
		if err != nil || c.Mechanism() != tc.want {
			t.Errorf("%s: %v, %v, want %s", tc.name, c, err, tc.want)
			continue
		}
		if first, err := c.Start(); err != nil || !bytes.HasPrefix(first, []byte(tc.header)) {
			t.Errorf("%s: begins with %q, %v", tc.name, first, err)
		}
	}
}
