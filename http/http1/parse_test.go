package http1

import (
	"bufio"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// heads are requests that are simple, and others.
var heads = []struct {
	name, head string
	simple     bool
}{
	{"GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
	{"HEAD", "HEAD /x?y=%20#z HTTP/1.1\r\nhost: a:80\r\nConnection: Keep-Alive\r\n\r\n", true},
	{"fields", "GET //a/../b;c HTTP/1.1\r\nHost:a\r\nX:\r\nx: \t1, 2 \t\r\nX: \xff\r\nAccept-encoding: gzip\r\nCookie: a=b; c=d\r\n\r\n", true},
	{"followed by another", "GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST", true},

	{"POST", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false},
	{"HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", false},
	{"HTTP/0.9", "GET /\r\n\r\n", false},
	{"another version", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", false},
	{"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"target that is not ASCII", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"bad escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"absolute form", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"no host", "GET / HTTP/1.1\r\nX: a\r\n\r\n", false},
	{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", false},
	{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", false},
	{"bad host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", false},
	{"content", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", false},
	{"no content", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", false},
	{"chunks", "GET / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", false},
	{"upgrade", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", false},
	{"upgrade alone", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n", false},
	{"close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
	{"close too", "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false},
	{"expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", false},
	{"Pragma", "GET / HTTP/1.1\r\nHost: a\r\nPragma: no-cache\r\n\r\n", false},
	{"lone LF", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", false},
	{"lone LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n\r\n\r\n", false},
	{"lone CR", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: z\r\n\r\n", false},
	{"folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", false},
	{"space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", false},
	{"no name", "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", false},
	{"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", false},
	{"NUL", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00\r\n\r\n", false},
	{"DEL", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n", false},
	{"vertical tab", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x0b\r\n\r\n", false},
	{"half", "GET / HTTP/1.1\r\nHost: a\r\n", false},
	{"nothing", "", false},
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range heads {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checkParse(t, tt.head, &tt.simple)
		})
	}
}

// checkParse parses a head, and wants what net/http makes of it if it is simple.
func checkParse(t *testing.T, head string, simple *bool) {
	t.Helper()
	got := &http.Request{}
	n := parse(got, []byte(head))
	if simple != nil && *simple != (n != 0) {
		t.Fatalf("simple: %v, want %v", n != 0, *simple)
	}
	if n == 0 {
		return
	}
	if want := strings.Index(head, "\r\n\r\n") + 4; n != want {
		t.Errorf("%d bytes, want %d", n, want)
	}
	want, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head[:n])))
	if err != nil {
		t.Fatalf("simple, but net/http refuses it: %v", err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%#v, want %#v", got, want)
	}
	if want.Close || want.ContentLength != 0 || want.Body != http.NoBody {
		t.Error("not simple")
	}
}

// FuzzParse wants all that is simple to be for net/http what it is here.
func FuzzParse(f *testing.F) {
	for _, tt := range heads {
		f.Add(tt.head)
	}
	f.Fuzz(func(t *testing.T, head string) { checkParse(t, head, nil) })
}
