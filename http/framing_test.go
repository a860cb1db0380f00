package http

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
)

// framed are requests as a client sends them.
var framed = []struct {
	name, input string
	bad         bool
}{
	{"GET", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", false},
	{"pipelined", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n", false},
	{"with a body", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab\ncdGET / HTTP/1.1\r\n\r\n", false},
	{"equal lengths", "POST / HTTP/1.1\r\nContent-Length: 2\r\ncontent-length:2 \r\n\r\nabGET / HTTP/1.1\r\n\r\n", false},
	{"chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", false},
	{"chunk extensions", "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n1;a;b=c;d=\"e\\\"\"\r\na\r\n0;x\r\nT: 1\r\n\r\n", false},
	{"upgrade", "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x05\n\x00\r", false},
	{"empty line between requests", "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\na\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", false},
	{"long coding", "POST / HTTP/1.1\r\nTransfer-Encoding:" + strings.Repeat(" ", 600) + "chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", false},
	{"unknown coding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n\n\n", false},

	{"lone LF after the request line", "GET / HTTP/1.1\nHost: x\r\n\r\n", true},
	{"lone LF after a field", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", true},
	{"lone LF at the end", "GET / HTTP/1.1\r\nHost: x\r\n\n", true},
	{"lone CR", "GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", true},
	{"NUL", "GET / HTTP/1.1\r\nHost: x\x00\r\n\r\n", true},
	{"folded line", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", true},
	{"folded line with a tab", "GET / HTTP/1.1\r\nA: b\r\n\tTransfer-Encoding: chunked\r\n\r\n", true},
	{"folded first line", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", true},
	{"lengths that differ", "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", true},
	{"a list of lengths", "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", true},
	{"negative length", "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", true},
	{"length with a sign", "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", true},
	{"length in hexadecimal", "POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n", true},
	{"no length", "POST / HTTP/1.1\r\nContent-Length: \r\n\r\n", true},
	{"length too large", "POST / HTTP/1.1\r\nContent-Length: 9999999999999999999\r\n\r\n", true},
	{"length and coding", "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true},
	{"coding and length", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", true},
	{"two codings", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", true},
	{"coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true},
	{"coding in HTTP/1.0 after an empty line", "\r\nPOST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true},
	{"coding in HTTP/1.0 after a long target", "POST /" + strings.Repeat("x", 1200) + " HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true},
	{"bad chunk after a long coding", "POST / HTTP/1.1\r\nTransfer-Encoding:" + strings.Repeat(" ", 600) + "chunked\r\n\r\n1\na\r\n0\r\n\r\n", true},
	{"lone LF after CONNECT", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\nGET / HTTP/1.1\nHost: x\r\n\r\n", true},
	{"chunk size with lone LF", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", true},
	{"chunk size with a sign", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n", true},
	{"chunk size after space", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n 1\r\na\r\n0\r\n\r\n", true},
	{"no chunk size", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\na\r\n0\r\n\r\n", true},
	{"chunk size too large", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na", true},
	{"extension without name", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;\r\na\r\n0\r\n\r\n", true},
	{"extension with a lone CR", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a\rb\r\na\r\n", true},
	{"extension with a lone LF", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nxx\r\n4c\r\n0\r\n\r\n", true},
	{"extension without end of quotes", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\"b\r\na\r\n", true},
	{"chunk longer than said", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", true},
	{"lone LF after a chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n", true},
	{"trailer without colon", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET\r\n\r\n", true},
	{"folded trailer", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n", true},
	{"endless chunk line", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("a", 300) + "\r\n", true},
}

// goodBytes feeds the input in pieces and returns how many bytes were good.
func goodBytes(input string, pieces []int) int {
	var f framing
	good := 0
	for len(input) > 0 {
		n := len(input)
		if len(pieces) > 0 {
			n, pieces = min(n, pieces[0]), pieces[1:]
		}
		k := f.scan([]byte(input[:n]))
		if good += k; k < n {
			return good
		}
		input = input[n:]
	}
	return good
}

func TestFraming(t *testing.T) {
	t.Parallel()
	for _, tt := range framed {
		good := goodBytes(tt.input, nil)
		if (good < len(tt.input)) != tt.bad {
			t.Errorf("%s: %d bytes of %d are good, refused must be %v", tt.name, good, len(tt.input), tt.bad)
		}
		// However it comes in, nothing after a mistake gets through, and nothing good is refused.
		for cut := 1; cut < len(tt.input); cut++ {
			if n := goodBytes(tt.input, []int{cut}); (n == len(tt.input)) != (good == len(tt.input)) || n > good+2 {
				t.Errorf("%s: cut at %d %d bytes are good, else %d", tt.name, cut, n, good)
			}
		}
		if n := goodBytes(tt.input, slices.Repeat([]int{1}, len(tt.input))); (n == len(tt.input)) != (good == len(tt.input)) || n > good+2 {
			t.Errorf("%s: byte by byte %d are good, else %d", tt.name, n, good)
		}
	}
}

// What is read in place of a mistake is no request.
func TestStrictReaderEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range framed {
		if !tt.bad {
			continue
		}
		var s strictReader
		from := strings.NewReader(tt.input + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
		data, err := io.ReadAll(readerFunc(func(p []byte) (int, error) { return s.read(p, from.Read) }))
		if bytes.Contains(data, []byte("smuggled")) {
			t.Errorf("%s: what follows is read: %q", tt.name, data)
		}
		if s.inHeaders() != (err == nil && bytes.HasSuffix(data, []byte(badHeader))) {
			t.Errorf("%s: ends with %v after %q", tt.name, err, data)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// How the bytes are cut into pieces changes nothing that matters.
func FuzzFraming(f *testing.F) {
	for _, tt := range framed {
		f.Add(tt.input, 7)
	}
	f.Fuzz(func(t *testing.T, input string, size int) {
		if size < 1 || size > 1000 {
			return
		}
		whole := goodBytes(input, nil)
		cut := goodBytes(input, slices.Repeat([]int{size}, len(input)/size+1))
		if (whole == len(input)) != (cut == len(input)) {
			t.Errorf("%q: %d bytes are good, in pieces of %d %d", input, whole, size, cut)
		}
	})
}
