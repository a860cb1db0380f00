package queue

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mox/internal/memnet"
	"mox/smtp"
)

// network is hosts that follow scripts, one for each connection to an address. The lines of a
// script are:
//
//	S: text    the server sends the line
//	C: text    the client must send the line
//	TLS        the server makes a TLS handshake, with a certificate for the name that follows, if there is one
//	NOTLS      the server makes a TLS handshake, which the client breaks off
//	FAILTLS    the server answers the handshake with garbage
//	BODY text  the client must send the message, "|" is CRLF, without the final dot
//	HANG       the server waits until the client gives up
//
// At the end the server closes the connection. Addresses without a script left refuse connections.
type network struct {
	t *testing.T

	mu      sync.Mutex
	scripts map[string][]string // By IP address.
	roots   *x509.CertPool      // Has the certificates for names.
	dialed  []string
	running sync.WaitGroup
}

func newNetwork(t *testing.T, scripts map[string][]string) *network {
	n := &network{t: t, scripts: map[string][]string{}, roots: x509.NewCertPool()}
	for ip, l := range scripts {
		n.scripts[ip] = slices.Clone(l)
	}
	t.Cleanup(func() {
		n.running.Wait()
		for ip, l := range n.scripts {
			if len(l) > 0 {
				t.Errorf("%d connections to %s did not come", len(l), ip)
			}
		}
	})
	return n
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ap := netip.MustParseAddrPort(address)
	ip := ap.Addr().String()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dialed = append(n.dialed, ip)
	if len(n.scripts[ip]) == 0 {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(ap), Err: syscall.ECONNREFUSED}
	}
	lines := n.scripts[ip][0]
	n.scripts[ip] = n.scripts[ip][1:]
	client, server := memnet.PipeAddr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 49152}, net.TCPAddrFromAddrPort(ap))
	n.running.Go(func() {
		defer server.Close()
		s := scripted{t: n.t, network: n, ip: ip, conn: server, br: bufio.NewReader(server)}
		for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
			if line = strings.TrimSpace(line); line != "" && !s.step(line) {
				return
			}
		}
	})
	return client, nil
}

func (n *network) dials() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.dialed)
}

type scripted struct {
	t       *testing.T
	network *network
	ip      string
	conn    net.Conn
	br      *bufio.Reader
}

func (s *scripted) step(line string) bool {
	op, arg, _ := strings.Cut(line, " ")
	var err error
	switch op {
	case "S:":
		_, err = io.WriteString(s.conn, arg+"\r\n")
	case "C:":
		var got string
		if got, err = s.br.ReadString('\n'); err == nil && got != arg+"\r\n" {
			s.t.Errorf("%s: client sent %q, want %q", s.ip, got, arg)
			return false
		}
	case "BODY":
		var got []byte
		got, err = io.ReadAll(smtp.NewDataReader(s.br, smtp.DataOptions{}))
		if want := strings.ReplaceAll(arg, "|", "\r\n"); err == nil && string(got) != want {
			s.t.Errorf("%s: client sent message %q, want %q", s.ip, got, want)
		}
	case "TLS":
		conn := tls.Server(s.conn, &tls.Config{Certificates: []tls.Certificate{newCert(s.t, s.network.roots, arg)}})
		err = conn.Handshake()
		s.conn, s.br = conn, bufio.NewReader(conn)
	case "NOTLS":
		conn := tls.Server(s.conn, &tls.Config{Certificates: []tls.Certificate{newCert(s.t, s.network.roots, arg)}})
		conn.Handshake()
		if _, rerr := conn.Read(make([]byte, 1)); rerr == nil {
			s.t.Errorf("%s: client goes on within TLS", s.ip)
		}
		return false
	case "FAILTLS":
		s.br.Peek(1)
		_, err = io.WriteString(s.conn, "this is not TLS\r\n")
	case "HANG":
		io.Copy(io.Discard, s.br)
		return false
	default:
		s.t.Errorf("bad line %q in script", line)
		return false
	}
	if err != nil {
		s.t.Errorf("%s: at %q of script: %v", s.ip, line, err)
	}
	return err == nil
}

// newCert returns a certificate, for a name if there is one; it is added to roots then.
func newCert(t *testing.T, roots *x509.CertPool, name string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Error(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	if name != "" {
		tmpl.DNSNames = []string{name}
		tmpl.IsCA, tmpl.BasicConstraintsValid = true, true
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Error(err)
	}
	if name != "" {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Error(err)
		}
		roots.AddCert(cert)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tlsConfig returns a configuration that trusts the certificates for names.
func (n *network) tlsConfig() *tls.Config { return &tls.Config{RootCAs: n.roots} }

// dialAt dials an address, whichever is asked for.
func (n *network) dialAt(ip string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return n.dial(ctx, network, net.JoinHostPort(ip, "25"))
	}
}
