package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/http/proxy"
)

// hangTimeout ends what hangs. A machine that is busy with other things takes long, and is not wrong.
const hangTimeout = 2 * time.Minute

// start serves a proxy on a port of its own, and returns its URL.
func start(t testing.TB, opts proxy.Options, upstreams ...string) string {
	t.Helper()
	server, _ := startServer(t, opts, upstreams...)
	server.Start()
	return server.URL
}

// startServer is start before the server is started.
func startServer(t testing.TB, opts proxy.Options, upstreams ...string) (*httptest.Server, *proxy.Handler) {
	t.Helper()
	h := newHandler(t, opts, upstreams...)
	server := httptest.NewUnstartedServer(h)
	t.Cleanup(server.Close)
	return server, h
}

func newHandler(t testing.TB, opts proxy.Options, upstreams ...string) *proxy.Handler {
	t.Helper()
	for _, s := range upstreams {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		opts.Upstreams = append(opts.Upstreams, u)
	}
	h, err := proxy.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// serve starts an upstream.
func serve(t testing.TB, f http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

// script starts an upstream that does with each connection what f does. Connections are
// closed when f returns.
func script(t testing.TB, f func(n int, c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(n, c, bufio.NewReader(c))
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// answer starts an upstream that reads a head and writes bytes, once for each connection.
func answer(t testing.TB, response string) string {
	return script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			io.WriteString(c, response)
		}
	})
}

// deadURL returns the URL of a port nobody listens on, and nobody else can get: it is the client's of a connection.
func deadURL(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return "http://" + out.LocalAddr().String()
}

// dial connects to a server of a URL.
func dial(t testing.TB, base string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(hangTimeout)); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// transport is not that of package http: an httptest.Server that is closed closes the idle connections of that, also one that a
// test beside it has just dialed.
var transport = &http.Transport{}

var client = &http.Client{Transport: transport}

// do sends a request and reads the response whole.
func do(t testing.TB, client *http.Client, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func get(t testing.TB, target string) (*http.Response, string) {
	t.Helper()
	return do(t, client, request(t, "GET", target, nil))
}

func request(t testing.TB, method, target string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantCode(t testing.TB, resp *http.Response, code int) {
	t.Helper()
	if resp.StatusCode != code {
		t.Fatalf("got %s, want %d", resp.Status, code)
	}
}

// dump answers with the request as it arrived.
func dump(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s %s\nHost: %s\n", r.Method, r.RequestURI, r.Proto, r.Host)
	var lines []string
	for name, values := range r.Header {
		for _, v := range values {
			lines = append(lines, name+": "+v)
		}
	}
	slices.Sort(lines)
	fmt.Fprintln(w, strings.Join(lines, "\n"))
}

func TestRequestsArePassedOn(t *testing.T) {
	t.Parallel()
	up := serve(t, dump)
	for _, tc := range []struct {
		name     string
		opts     proxy.Options
		base     string // Path of the upstream.
		send     string // Raw, after the Host field.
		target   string
		want     string // Lines, separated by |.
		unwanted string // Parts.
	}{
		{name: "path and query", target: "/a%2Fb/c?x=%20&y", want: "GET /a%2Fb/c?x=%20&y HTTP/1.1"},
		{name: "empty query", target: "/a?", want: "GET /a? HTTP/1.1"},
		{name: "base path", base: "/base/", target: "/a", want: "GET /base/a HTTP/1.1"},
		{name: "strip", opts: proxy.Options{StripPath: "/app"}, target: "/app/a%2Fb", want: "GET /a%2Fb HTTP/1.1|X-Forwarded-Prefix: /app"},
		{name: "strip all", opts: proxy.Options{StripPath: "/app/"}, target: "/app", want: "GET / HTTP/1.1"},
		{name: "strip at a slash", opts: proxy.Options{StripPath: "/app"}, target: "/apple", want: "GET /apple HTTP/1.1"},
		{name: "double slash", target: "//evil.example/a", want: "GET //evil.example/a HTTP/1.1"},
		{name: "host kept", opts: proxy.Options{PassHost: true}, target: "/", want: "Host: site.example"},
		{name: "host replaced", target: "/", want: "Host: " + strings.TrimPrefix(up, "http://")},
		{name: "fields", send: "X-One: 1\r\nX-One: 2\r\nCookie: a=b\r\n", target: "/", want: "X-One: 1|X-One: 2|Cookie: a=b"},
		{name: "configured fields", opts: proxy.Options{RequestHeaders: http.Header{"x-set": {"1"}, "Cookie": nil}}, send: "X-Set: 0\r\nCookie: a\r\n", target: "/",
			want: "X-Set: 1", unwanted: "X-Set: 0|Cookie"},
		{name: "configured fields with underscores", opts: proxy.Options{RequestHeaders: http.Header{"X-Set": {"1"}, "Remote_User": nil}}, send: "X_Set: 2\r\nx_SET: 3\r\nRemote-User: root\r\nRemote_User: root\r\n", target: "/",
			want: "X-Set: 1", unwanted: ": 2|: 3|root"},
		{name: "via", send: "Via: 1.0 other\r\n", target: "/", want: "Via: 1.0 other, 1.1 mox"},
		{name: "te", send: "Connection: TE\r\nTE: gzip, trailers\r\n", target: "/", want: "Te: trailers|Connection: TE"},
		{name: "no user agent", target: "/", unwanted: "User-Agent|Accept-Encoding"},

		{name: "hop by hop", send: "Connection: keep-alive, X-Private\r\nX-Private: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nProxy-Authorization: secret\r\nTE: gzip\r\n",
			target: "/", unwanted: "X-Private|Keep-Alive|Proxy-Connection|Proxy-Authorization|Te:|Connection"},
		{name: "h2c", send: "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n", target: "/", unwanted: "Upgrade|Http2-Settings|Connection"},
		{name: "nominated end", send: "Connection: close, X-Forwarded-For, Forwarded, X-Real-Ip, Host\r\n", target: "/",
			want: "X-Forwarded-For: 127.0.0.1|X-Real-Ip: 127.0.0.1"},
		{name: "forged", send: "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Port: 1\r\nX-Real-IP: 192.0.2.1\r\n" +
			"Forwarded: for=192.0.2.1\r\nX_Forwarded_For: 192.0.2.1\r\nX-Forwarded-User: root\r\n", target: "/",
			want:     "X-Forwarded-For: 127.0.0.1|X-Forwarded-Proto: http|X-Forwarded-Host: site.example|X-Forwarded-Port: 80|Forwarded: for=127.0.0.1;host=site.example;proto=http",
			unwanted: "192.0.2.1|evil|root"},
		{name: "trusted", opts: proxy.Options{
			Trusted:    func(*http.Request) bool { return true },
			ClientAddr: func(*http.Request) netip.Addr { return netip.MustParseAddr("2001:db8::1") },
			Proto:      func(*http.Request) string { return "https" },
		}, send: "X-Forwarded-For: 2001:db8::1\r\nForwarded: for=\"[2001:db8::1]\"\r\nX-Forwarded-Host: front.example\r\n", target: "/",
			want: "X-Forwarded-For: 2001:db8::1, 127.0.0.1|X-Real-Ip: 2001:db8::1|X-Forwarded-Proto: https|X-Forwarded-Port: 443|X-Forwarded-Host: front.example|" +
				`Forwarded: for="[2001:db8::1]", for=127.0.0.1;host=site.example;proto=https`},
		{name: "client behind the front", opts: proxy.Options{ClientAddr: func(*http.Request) netip.Addr { return netip.MustParseAddr("2001:db8::1") }}, target: "/",
			want: `X-Forwarded-For: 2001:db8::1|Forwarded: for="[2001:db8::1]";host=site.example;proto=http`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, br := dial(t, start(t, tc.opts, up+tc.base))
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: site.example\r\n%s\r\n", tc.target, tc.send)
			resp, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(b), "\n")
			for _, want := range strings.Split(tc.want, "|") {
				if want != "" && !slices.Contains(lines, want) {
					t.Errorf("no %q in:\n%s", want, b)
				}
			}
			for _, part := range strings.Split(tc.unwanted, "|") {
				if part != "" && strings.Contains(string(b), part) {
					t.Errorf("%q in:\n%s", part, b)
				}
			}
		})
	}
}

func TestResponsesArePassedOn(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		opts     proxy.Options
		method   string
		response string
		code     int
		want     string // Fields, separated by |.
		body     string
		unwanted string // Names of fields.
	}{
		{name: "length", response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello", code: 200, want: "X-A: 1|X-A: 2|Content-Length: 5", body: "hello"},
		{name: "chunks", response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n003\r\nllo\r\n0\r\n\r\n", code: 200, body: "hello"},
		{name: "until the end", response: "HTTP/1.0 200 OK\r\n\r\nhello", code: 200, body: "hello"},
		{name: "no reason", response: "HTTP/1.1 299\r\nContent-Length: 0\r\n\r\n", code: 299},
		{name: "no content", response: "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", code: 204, unwanted: "Content-Length"},
		{name: "not modified", response: "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\nContent-Length: 5\r\n\r\n", code: 304, want: `Etag: "x"`},
		{name: "head", method: "HEAD", response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", code: 200, want: "Content-Length: 5"},
		{name: "space before the colon", response: "HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 0\r\n\r\n", code: 200, want: "X-A: 1"},
		{name: "hop by hop", response: "HTTP/1.1 200 OK\r\nConnection: X-Private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2\r\nContent-Length: 0\r\n\r\n",
			code: 200, unwanted: "X-Private|Keep-Alive|Upgrade|Connection"},
		{name: "type is not guessed", response: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", code: 200, body: "<html>", unwanted: "Content-Type"},
		{name: "upgrade required", response: "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n", code: 426, want: "Upgrade: websocket"},
		{name: "configured fields", opts: proxy.Options{ResponseHeaders: http.Header{"x-set": {"1"}, "Server": nil}},
			response: "HTTP/1.1 200 OK\r\nServer: inside\r\nX-Set: 0\r\nContent-Length: 0\r\n\r\n", code: 200, want: "X-Set: 1", unwanted: "Server"},

		{name: "no HTTP", response: "SSH-2.0-OpenSSH_9.2\r\n\r\n", code: 502},
		{name: "HTTP/2", response: "HTTP/2 200 OK\r\n\r\n", code: 502},
		{name: "bad code", response: "HTTP/1.1 20 OK\r\n\r\n", code: 502},
		{name: "code zero", response: "HTTP/1.1 000 OK\r\n\r\n", code: 502},
		{name: "lengths", response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", code: 502},
		{name: "length list", response: "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello!", code: 502},
		{name: "negative length", response: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", code: 502},
		{name: "length with sign", response: "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", code: 502},
		{name: "length and chunks", response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", code: 502},
		{name: "other coding", response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", code: 502},
		{name: "coding twice", response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", code: 502},
		{name: "chunks in 1.0", response: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", code: 502},
		{name: "bare LF", response: "HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n", code: 502},
		{name: "LF in a field", response: "HTTP/1.1 200 OK\r\nX-A: 1\nSet-Cookie: a\r\nContent-Length: 0\r\n\r\n", code: 502},
		{name: "CR in a field", response: "HTTP/1.1 200 OK\r\nX-A: 1\rSet-Cookie: a\r\nContent-Length: 0\r\n\r\n", code: 502},
		{name: "NUL in a field", response: "HTTP/1.1 200 OK\r\nX-A: 1\x00\r\nContent-Length: 0\r\n\r\n", code: 502},
		{name: "folded field", response: "HTTP/1.1 200 OK\r\nX-A: 1\r\n b\r\nContent-Length: 0\r\n\r\n", code: 502},
		{name: "no colon", response: "HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 0\r\n\r\n", code: 502},
		{name: "no name", response: "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n", code: 502},
		{name: "head too long", response: "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 70000) + "\r\nContent-Length: 0\r\n\r\n", code: 502},
		{name: "head cut", response: "HTTP/1.1 200 OK\r\nX-A: 1\r\n", code: 502},
		{name: "unasked change of protocol", response: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", code: 502},
		{name: "1xx without end", response: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 200), code: 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			base := start(t, tc.opts, answer(t, tc.response))
			method := "GET"
			if tc.method != "" {
				method = tc.method
			}
			r := request(t, method, base, nil)
			if tc.code == 0 {
				if resp, err := transport.RoundTrip(r); err == nil {
					t.Fatalf("got %s", resp.Status)
				}
				return
			}
			resp, body := do(t, client, r)
			wantCode(t, resp, tc.code)
			if tc.code == 502 {
				tc.body = "Bad Gateway\n"
			}
			if body != tc.body {
				t.Errorf("got body %q, want %q", body, tc.body)
			}
			for _, f := range strings.Split(tc.want, "|") {
				if name, value, ok := strings.Cut(f, ": "); ok && !slices.Contains(resp.Header[name], value) {
					t.Errorf("no %q in %v", f, resp.Header)
				}
			}
			for _, name := range strings.Split(tc.unwanted, "|") {
				if v, ok := resp.Header[name]; ok {
					t.Errorf("%s: %q", name, v)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	up := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("upstream got %s %s", r.Method, r.RequestURI) })
	base := start(t, proxy.Options{MaxRequestBody: 10}, up)
	for _, tc := range []struct {
		send string
		code int
	}{
		{"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
		{"CONNECT a:25 HTTP/1.1\r\nHost: a:25\r\n\r\n", 405},
		{"GET /app/../admin HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET /app/%2e%2e/admin HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET /app/.%2e/admin HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET /app/..%5cadmin HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET /app/%2e%2e%2fadmin HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 413},
		{"GET / HTTP/1.1\r\nHost: a\r\nVia: " + strings.Repeat("1.1 mox, ", 8) + "\r\n\r\n", 508},
		// The server refuses these, or closes the connection.
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 501},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n", 400},
		{"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n\r\n", 400},
	} {
		c, br := dial(t, base)
		io.WriteString(c, tc.send)
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Errorf("%q: %v", tc.send, err)
			continue
		}
		if resp.StatusCode != tc.code {
			t.Errorf("%q: got %s, want %d", tc.send, resp.Status, tc.code)
		}
	}
}

// Spaces in a query, which HTTP/2 can bring, would end the request line.
func TestTargetsThatEndTheRequestLineAreRefused(t *testing.T) {
	t.Parallel()
	h := newHandler(t, proxy.Options{}, serve(t, func(http.ResponseWriter, *http.Request) { t.Error("upstream was asked") }))
	for _, r := range []*http.Request{
		{Method: "GET", URL: &url.URL{Path: "/", RawQuery: "a HTTP/1.1\r\nX: y"}},
		{Method: "GET", URL: &url.URL{Path: "/", RawQuery: "a b"}},
		{Method: "GET /x HTTP/1.1\r\nX:", URL: &url.URL{Path: "/"}},
		{Method: "GET", URL: &url.URL{Path: "/"}, Host: "a\r\nX: y"},
		{Method: "GET", URL: &url.URL{Path: "/"}, Host: `a";for=b`},
		{Method: "GET", URL: &url.URL{Path: "/"}, Header: http.Header{"X": {"a\r\nY: b"}}},
		{Method: "POST", URL: &url.URL{Path: "/"}, TransferEncoding: []string{"gzip", "chunked"}},
		{Method: "POST", URL: &url.URL{Path: "/"}, TransferEncoding: []string{"chunked"}, Header: http.Header{"Content-Length": {"5"}}},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(t.Context()))
		if w.Code != 400 {
			t.Errorf("%+v: got %d", r, w.Code)
		}
	}
}

func TestLocations(t *testing.T) {
	t.Parallel()
	var location string
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(302)
	})
	for _, tc := range []struct{ path, strip, to, want string }{
		{"", "", up + "/a", "/a"},
		{"", "", up, "/"},
		{"", "/app", up + "/a", "/app/a"},
		{"", "/app", "/a?x", "/app/a?x"},
		{"/base", "/app", up + "/base/a", "/app/a"},
		{"/base", "", "/base/a", "/a"},
		{"/base", "/app", "/other", "/other"},
		{"", "/app", "a", "a"},
		{"", "", "https://other.example/a", "https://other.example/a"},
		{"", "", up + "0/a", up + "0/a"},
		{"", "", up + "//evil.example", up + "//evil.example"},
		{"", "/app", "//other.example/a", "//other.example/a"},
	} {
		base := start(t, proxy.Options{StripPath: tc.strip}, up+tc.path)
		resp, err := transport.RoundTrip(request(t, "GET", base+"/x?to="+url.QueryEscape(tc.to), nil))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if location = resp.Header.Get("Location"); location != tc.want {
			t.Errorf("%+v: got %q", tc, location)
		}
	}
}

func TestUpstreamKinds(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.HandlerFunc(dump))
	t.Cleanup(secure.Close)
	config := secure.Client().Transport.(*http.Transport).TLSClientConfig
	path := t.TempDir() + "/socket"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	socket := &http.Server{Handler: http.HandlerFunc(dump)}
	t.Cleanup(func() { socket.Close() })
	go socket.Serve(l)

	for range 3 { // Over kept connections.
		_, body := get(t, start(t, proxy.Options{TLS: config}, secure.URL))
		if !strings.Contains(body, "GET / HTTP/1.1") {
			t.Errorf("https: got %q", body)
		}
		_, body = get(t, start(t, proxy.Options{}, "unix:"+path))
		if !strings.Contains(body, "Host: localhost\n") {
			t.Errorf("unix: got %q", body)
		}
	}
	resp, _ := get(t, start(t, proxy.Options{TLS: &tls.Config{}}, secure.URL))
	wantCode(t, resp, 502) // Its certificate is not to be trusted.
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]proxy.Options{
		"path to strip":      {StripPath: "app"},
		"header name":        {RequestHeaders: http.Header{"a b": nil}},
		"header value":       {ResponseHeaders: http.Header{"A": {"b\r\nc"}}},
		"framing":            {RequestHeaders: http.Header{"transfer-encoding": {"chunked"}}},
		"length":             {ResponseHeaders: http.Header{"Content-Length": {"1"}}},
		"forwarded":          {RequestHeaders: http.Header{"X-Forwarded-For": {"192.0.2.1"}}},
		"health path":        {Health: proxy.Health{Path: "x"}},
		"health path spaces": {Health: proxy.Health{Path: "/ HTTP/1.1\r\n"}},
		"health host":        {Health: proxy.Health{Path: "/", Host: "a\r\n"}},
		"health interval":    {Health: proxy.Health{Path: "/", Interval: -1}},
	} {
		opts.Upstreams = []*url.URL{{Scheme: "http", Host: "localhost"}}
		if h, err := proxy.New(opts); err == nil {
			h.Close()
			t.Errorf("%s: accepted", name)
		}
	}
	for _, u := range []string{"", "ftp://a", "http:", "http:///a", "http://u:p@a", "http://a/?q", "http://a/#f", "unix:", "unix://host/path"} {
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := proxy.New(proxy.Options{Upstreams: []*url.URL{parsed}}); err == nil {
			t.Errorf("upstream %q: accepted", u)
		}
	}
	if _, err := proxy.New(proxy.Options{}); err == nil {
		t.Error("no upstream: accepted")
	}
	if _, err := proxy.New(proxy.Options{Upstreams: make([]*url.URL, 65)}); err == nil {
		t.Error("65 upstreams: accepted")
	}
}
