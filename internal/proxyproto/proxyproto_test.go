package proxyproto

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/internal/memnet"
)

// header returns a header with the given fields and a length that fits.
func header(command, family byte, rest string) string {
	return string(signature) + string([]byte{command, family, byte(len(rest) >> 8), byte(len(rest))}) + rest
}

const (
	addresses4 = "\xc0\x00\x02\x01" + "\xc6\x33\x64\x02" + "\x30\x39" + "\x00\x19"
	addresses6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc6\x33\x64\x02" + "\x30\x39" + "\x00\x19"
)

func TestReadHeader(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, header  string
		remote, local string // Empty for none.
		err           string // Empty for success.
	}{
		{"IPv4", header(0x21, 0x11, addresses4), "192.0.2.1:12345", "198.51.100.2:25", ""},
		{"IPv6", header(0x21, 0x21, addresses6), "[2001:db8::1]:12345", "198.51.100.2:25", ""},
		{"further information", header(0x21, 0x11, addresses4+"\x04\x00\x01x"), "192.0.2.1:12345", "198.51.100.2:25", ""},
		{"health check", header(0x20, 0x00, ""), "", "", ""},
		{"health check with addresses", header(0x20, 0x11, addresses4), "", "", ""},

		{"nothing", "", "", "", "EOF"},
		{"cut", header(0x21, 0x11, addresses4)[:20], "", "", "EOF"},
		{"cut addresses", header(0x21, 0x11, addresses4[:11]), "", "", "cut off"},
		{"version 1", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 25\r\n", "", "", "no header"},
		{"no header", "EHLO example.org\r\n", "", "", "no header"},
		{"version 3", header(0x31, 0x11, addresses4), "", "", "unknown version"},
		{"unknown command", header(0x22, 0x11, addresses4), "", "", "unknown version and command"},
		{"UDP", header(0x21, 0x12, addresses4), "", "", "not for TCP"},
		{"unix socket", header(0x21, 0x31, strings.Repeat("x", 216)), "", "", "not for TCP"},
		{"unspecified", header(0x21, 0x00, ""), "", "", "not for TCP"},
		{"too long", header(0x21, 0x11, strings.Repeat("x", maxLength+1)), "", "", "too long"},
	} {
		r := strings.NewReader(tc.header + "EHLO")
		if tc.name == "nothing" || tc.name == "cut" {
			r = strings.NewReader(tc.header)
		}
		remote, local, err := readHeader(r)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: error %v, want %q", tc.name, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		var wantRemote, wantLocal netip.AddrPort
		if tc.remote != "" {
			wantRemote, wantLocal = netip.MustParseAddrPort(tc.remote), netip.MustParseAddrPort(tc.local)
		}
		if remote != wantRemote || local != wantLocal {
			t.Errorf("%s: %v to %v, want %v to %v", tc.name, remote, local, wantRemote, wantLocal)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "EHLO" {
			t.Errorf("%s: %q is left after the header", tc.name, rest)
		}
	}
}

func FuzzReadHeader(f *testing.F) {
	f.Add([]byte(header(0x21, 0x11, addresses4)))
	f.Add([]byte(header(0x21, 0x21, addresses6)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		remote, _, err := readHeader(r)
		if err == nil && (len(data) < headerSize || remote.IsValid() && data[12] != commandProxy) {
			t.Errorf("accepted %q", data)
		}
	})
}

// In a bubble: connections, and what becomes of them by time.
func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const balancer = "10.0.0.1:1000"
		inner := memnet.Listen("10.0.0.2:25")
		dial := func(from string) net.Conn {
			conn, err := inner.DialFrom(t.Context(), from)
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}
		l := NewListener(inner, Options{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}})

		// One says nothing, one lies, one comes from elsewhere; all before the good one.
		silent := dial(balancer)
		bad := dial(balancer)
		io.WriteString(bad, "EHLO example.org\r\n")
		elsewhere := dial("10.9.0.1:1000")
		io.WriteString(elsewhere, header(0x21, 0x11, addresses4))
		good := dial(balancer)
		io.WriteString(good, header(0x21, 0x11, addresses4)+"EHLO")

		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if conn.RemoteAddr().String() != "192.0.2.1:12345" || conn.LocalAddr().String() != "198.51.100.2:25" {
			t.Errorf("connection from %v to %v", conn.RemoteAddr(), conn.LocalAddr())
		}
		// The header's deadline must not stay.
		time.Sleep(time.Hour)
		buf := make([]byte, 4)
		if _, err := io.ReadFull(conn, buf); err != nil || string(buf) != "EHLO" {
			t.Errorf("read %q, %v", buf, err)
		}
		for name, c := range map[string]net.Conn{"bad": bad, "silent": silent, "elsewhere": elsewhere} {
			if _, err := c.Read(buf); !errors.Is(err, io.EOF) {
				t.Errorf("%s connection: %v, want that it is closed", name, err)
			}
		}

		check := dial(balancer)
		io.WriteString(check, header(0x20, 0x00, ""))
		if conn, err := l.Accept(); err != nil || conn.RemoteAddr().String() != balancer {
			t.Errorf("health check from %v, %v", conn.RemoteAddr(), err)
		}

		l.Close()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after close: %v", err)
		}
	})
}
