package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// readResponse reads a response as an exchange does.
func readResponse(r io.Reader) (h head, content []byte, trailers []field, rest []byte, err error) {
	in := reader{src: r}
	b, err := in.head(64 << 10)
	if err != nil {
		return h, nil, nil, nil, err
	}
	if err := parseHead(&h, b); err != nil {
		return h, nil, nil, nil, err
	}
	var body body
	body.start(&in, &h, "GET")
	scratch := make([]byte, 512)
	for {
		body.ready()
		p, err := body.next(scratch)
		content = append(content, p...)
		if err == io.EOF {
			return h, content, body.trailers, in.buffered(), nil
		}
		if err != nil {
			return h, content, nil, nil, err
		}
	}
}

// What this takes for a response, net/http takes for the same one. However the bytes come,
// the result is the same.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2;a=\"b\"\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\nHTTP/1.1",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello",
		"HTTP/1.1 204\r\nX : a\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X\r\nUpgrade: websocket\r\n\r\nabc",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"HTTP/1.1 200 OK\nX: y\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, content, trailers, rest, err := readResponse(bytes.NewReader(b))
		h2, content2, _, _, err2 := readResponse(iotest.OneByteReader(bytes.NewReader(b)))
		if (err == nil) != (err2 == nil) || h.code != h2.code || !bytes.Equal(content, content2) {
			t.Fatalf("at once: %d %q %v; by bytes: %d %q %v", h.code, content, err, h2.code, content2, err2)
		}
		if err != nil {
			return
		}
		for _, fd := range append(h.fields, trailers...) {
			if strings.ContainsAny(fd.value, "\r\n\x00") || !isToken(fd.name) {
				t.Fatalf("bad field %q", fd)
			}
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil {
			return // We allow a space before a colon, and some things it does not know.
		}
		if resp.StatusCode != h.code {
			t.Fatalf("code %d, net/http says %d", h.code, resp.StatusCode)
		}
		if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, content) && h.code >= 200 {
			t.Fatalf("content %q, net/http says %q, %v; rest %q", content, got, err, rest)
		}
	})
}

func TestChunkSizes(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int64{
		"0": 0, "a": 10, "FF": 255, "0005": 5, "5;x=y": 5, "5 ; x": 5, "fffffffffffffff": 1<<60 - 1,
		"": -1, " 5": -1, "+5": -1, "-5": -1, "0x5": -1, "5 6": -1, "1000000000000000": -1, "00000000000000005": -1, ";x": -1, "5\t\x00": -1,
	} {
		got, err := parseChunkSize([]byte(line))
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: got %d, want %d", line, got, want)
		}
	}
}

// A line that never ends does not fill the memory.
func TestLimits(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{
		"head":         "HTTP/1.1 200 OK\r\nX: ",
		"chunk line":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
		"trailer line": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
		"trailers":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: y\r\n", 70) + "\r\n",
	} {
		r := io.MultiReader(strings.NewReader(s), bytes.NewReader(bytes.Repeat([]byte("x"), 100<<10)))
		if _, _, _, _, err := readResponse(r); err == nil || err == io.ErrUnexpectedEOF {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
