package http_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"testing"
	"time"
)

// exchangeRaw sends bytes on a connection of its own and returns the codes of the responses, until the server closes it or
// one is not a response.
func exchangeRaw(t *testing.T, conn net.Conn, text string) []int {
	t.Helper()
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(hangTimeout))
	io.WriteString(conn, text) // The server may have refused it before all of it is sent.
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite() // What the server says is looked at.
	}
	var codes []int
	br := bufio.NewReader(conn)
	for {
		resp, err := nethttp.ReadResponse(br, nil)
		if err != nil {
			return codes
		}
		io.Copy(io.Discard, resp.Body)
		codes = append(codes, resp.StatusCode)
	}
}

// Requests that two servers could understand differently are refused, with and without TLS, and what follows is not answered.
func TestRequestSmuggling(t *testing.T) {
	t.Parallel()
	r := start(t, files{Certs: []string{"mail.example.org"}, Listener: `
		MetricsHTTP:
			Enabled: true
		MetricsHTTPS:
			Enabled: true
`})
	const next = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	for _, tt := range []struct {
		name, text string
		first      int // Code of the first response.
		all        int // Responses.
	}{
		{"two requests", "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n" + next, 404, 2},
		{"with a length", "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc" + next, 404, 2},
		{"chunked", "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n" + next, 404, 2},

		{"absolute form", "GET http://localhost/x HTTP/1.1\r\nHost: other\r\n\r\n" + next, 404, 2},
		{"another scheme", "GET ftp://localhost/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" + next, 400, 1},
		{"lone LF after CONNECT", "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n" + strings.ReplaceAll(next, "\r\n", "\n"), 405, 2}, // The second is 400.

		{"lengths that differ", "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc" + next, 400, 1},
		{"a list of lengths", "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3, 4\r\n\r\nabc" + next, 400, 1},
		{"length and coding", "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, 400, 1},
		{"coding in HTTP/1.0", "POST /x HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, 400, 1},
		{"unknown coding", "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + next, 501, 1},
		{"coding with a vertical tab", "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + next, 400, 1},
		{"two codings", "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, 400, 1},
		{"lone LF", "GET /x HTTP/1.1\nHost: localhost\n\n" + next, 400, 1},
		{"lone LF at the end", "GET /x HTTP/1.1\r\nHost: localhost\r\n\n" + next, 400, 1},
		{"lone CR", "GET /x HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n" + next, 400, 1},
		{"folded line", "GET /x HTTP/1.1\r\nHost: localhost\r\nX: y\r\n z\r\n\r\n" + next, 400, 1},
		{"folded coding", "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + next, 400, 1},
		{"space before the colon", "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length : 3\r\n\r\nabc" + next, 400, 1},
		{"name with a control character", "POST /x HTTP/1.1\r\nHost: localhost\r\nContent\x01Length: 3\r\n\r\nabc" + next, 400, 1},
		{"field without colon", "GET /x HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n" + next, 400, 1},
		{"two hosts", "GET /x HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n" + next, 400, 1},
		{"no host", "GET /x HTTP/1.1\r\n\r\n" + next, 400, 1},
		{"malformed host", "GET /x HTTP/1.1\r\nHost: local host\r\n\r\n" + next, 400, 1},
		{"no version", "GET /x\r\nHost: localhost\r\n\r\n" + next, 400, 1},
		{"unknown version", "GET /x HTTP/1.2.3\r\nHost: localhost\r\n\r\n" + next, 400, 1},
		{"NUL in a field", "GET /x HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n" + next, 400, 1},
		{"header too large", "GET /x HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 100<<10) + "\r\n\r\n" + next, 431, 1},
	} {
		plain, err := net.Dial("tcp", r.addrs[8010])
		if err != nil {
			t.Fatal(err)
		}
		secure, err := tls.Dial("tcp", r.addrs[8013], &tls.Config{InsecureSkipVerify: true, ServerName: "mail.example.org"})
		if err != nil {
			t.Fatal(err)
		}
		for name, conn := range map[string]net.Conn{"plain": plain, "TLS": secure} {
			text := tt.text
			if name == "TLS" {
				text = strings.ReplaceAll(text, "localhost", "mail.example.org")
			}
			if codes := exchangeRaw(t, conn, text); len(codes) != tt.all || codes[0] != tt.first {
				t.Errorf("%s, %s: codes %v, want %d responses, the first %d", name, tt.name, codes, tt.all, tt.first)
			}
		}
	}
	// In a body the response may have been made already; what follows must not be answered.
	for name, body := range map[string]string{
		"lone LF after a size":    "3\nabc\r\n0\r\n\r\n",
		"lone LF in an extension": "3;x\nabc\r\n0\r\n\r\n",
		"lone CR in an extension": "3;x\rabc\r\nabc\r\n0\r\n\r\n",
		"longer than said":        "3\r\nabcd\r\n0\r\n\r\n",
		"negative":                "-3\r\nabc\r\n0\r\n\r\n",
		"in hexadecimal":          "0x3\r\nabc\r\n0\r\n\r\n",
		"space after the size":    "3 \r\nabc\r\n0\r\n\r\n",
		"too large":               "ffffffffffffffff3\r\nabc\r\n0\r\n\r\n",
		"request in the trailer":  "0\r\nGET /metrics HTTP/1.1\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", r.addrs[8010])
		if err != nil {
			t.Fatal(err)
		}
		if codes := exchangeRaw(t, conn, "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"+body+next); len(codes) > 1 || len(codes) == 1 && codes[0] < 400 {
			t.Errorf("chunks, %s: codes %v", name, codes)
		}
	}
}
