package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mox/http/proxy"
	"mox/internal/memnet"
)

// newClients starts a proxy for HTTP/1.1 and HTTP/2, and returns its URLs with clients.
func newClients(t *testing.T, opts proxy.Options, upstream string) map[string]*httptest.Server {
	t.Helper()
	servers := map[string]*httptest.Server{}
	for _, name := range []string{"HTTP/1.1", "HTTP/2.0"} {
		server, _ := startServer(t, opts, upstream)
		if name == "HTTP/2.0" {
			server.EnableHTTP2 = true
			server.StartTLS()
		} else {
			server.Start()
		}
		servers[name] = server
	}
	return servers
}

// The second event is made only when the client has the first.
func TestEventsArriveBeforeTheNextIsMade(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "24")
		}
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n", i)
			w.(http.Flusher).Flush()
			<-next
		}
	})
	for name, server := range newClients(t, proxy.Options{}, up) {
		for _, path := range []string{"/chunks", "/length"} {
			resp, err := server.Client().Do(request(t, "GET", server.URL+path, nil))
			if err != nil {
				t.Fatal(err)
			}
			if resp.Proto != name {
				t.Fatalf("got %s, want %s", resp.Proto, name)
			}
			br := bufio.NewReader(resp.Body)
			for i := range 3 {
				if line, err := br.ReadString('\n'); line != fmt.Sprintf("data: %d\n", i) {
					t.Fatalf("%s: got %q, %v", name, line, err)
				}
				next <- struct{}{}
			}
			resp.Body.Close()
		}
	}
}

// The upstream writes the frame and the data of a chunk apart.
func TestDataIsNotHeldBackForItsFrame(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	up := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		for _, piece := range []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n1\r\n", "b", "\r\n1", "\r\nc\r\n0\r\n"} {
			io.WriteString(c, piece)
			<-next
		}
		io.WriteString(c, "\r\n")
	})
	resp, err := client.Do(request(t, "GET", start(t, proxy.Options{}, up), nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, want := range []string{"", "a", "b", "", "c"} {
		b := make([]byte, len(want))
		if _, err := io.ReadFull(resp.Body, b); string(b) != want || err != nil {
			t.Fatalf("got %q, %v, want %q", b, err, want)
		}
		next <- struct{}{}
	}
	if b, err := io.ReadAll(resp.Body); len(b) > 0 || err != nil {
		t.Fatalf("got %q, %v", b, err)
	}
}

// Both bodies run at once: the upstream answers each piece before the client sends the next.
func TestBothWaysAtOnce(t *testing.T) {
	t.Parallel()
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		rc.EnableFullDuplex()
		rc.Flush()
		br := bufio.NewReader(r.Body)
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(w, strings.ToUpper(line))
			rc.Flush()
		}
	})
	for name, server := range newClients(t, proxy.Options{}, up) {
		pr, pw := io.Pipe()
		resp, err := server.Client().Do(request(t, "POST", server.URL, pr))
		if err != nil {
			t.Fatal(err)
		}
		br := bufio.NewReader(resp.Body)
		for range 3 {
			io.WriteString(pw, "ping\n")
			if line, err := br.ReadString('\n'); line != "PING\n" {
				t.Fatalf("%s: got %q, %v", name, line, err)
			}
		}
		pw.Close()
		if b, err := io.ReadAll(br); len(b) > 0 || err != nil {
			t.Fatalf("%s: got %q, %v at the end", name, b, err)
		}
		resp.Body.Close()
	}
}

func TestTrailers(t *testing.T) {
	t.Parallel()
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		b, _ := io.ReadAll(r.Body)
		w.Write(b)
		w.Header().Set("X-Sum", "got "+r.Trailer.Get("X-Sum"))
		w.Header().Set(http.TrailerPrefix+"X-Late", "1")
	})
	for name, server := range newClients(t, proxy.Options{}, up) {
		r := request(t, "POST", server.URL, io.MultiReader(strings.NewReader("content")))
		r.Trailer = http.Header{"X-Sum": {"5"}}
		resp, body := do(t, server.Client(), r)
		if body != "content" || resp.Trailer.Get("X-Sum") != "got 5" || resp.Trailer.Get("X-Late") != "1" {
			t.Errorf("%s: got %q, trailers %v", name, body, resp.Trailer)
		}
	}
}

// A trailer says nothing that is for the configuration or the proxy to say.
func TestTrailersOfOurs(t *testing.T) {
	t.Parallel()
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		announced := r.Header.Get("Trailer")
		for name := range r.Trailer {
			announced += " " + name
		}
		io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%s, %v", announced, r.Trailer)
	})
	for name, server := range newClients(t, proxy.Options{RequestHeaders: http.Header{"X-User": {"ann"}}}, up) {
		r := request(t, "POST", server.URL, io.MultiReader(strings.NewReader("content")))
		r.Trailer = http.Header{"X-Sum": {"5"}, "X-User": {"root"}, "X_user": {"root"}, "X-Forwarded-For": {"192.0.2.1"}}
		if _, body := do(t, server.Client(), r); strings.Contains(strings.ToLower(body), "user") || strings.Contains(body, "Forwarded") || !strings.Contains(body, "X-Sum:[5]") {
			t.Errorf("%s: the upstream got %q", name, body)
		}
	}
}

func TestInformationalResponses(t *testing.T) {
	t.Parallel()
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		io.WriteString(w, "done")
	})
	for name, server := range newClients(t, proxy.Options{}, up) {
		var hints atomic.Int32
		r := request(t, "GET", server.URL, nil)
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code == 103 && h.Get("Link") != "" && h.Get("Content-Length") == "" {
				hints.Add(1)
			}
			return nil
		}}))
		resp, body := do(t, server.Client(), r)
		if hints.Load() != 1 || body != "done" || resp.Header.Get("Link") != "" {
			t.Errorf("%s: %d hints, %q, %v", name, hints.Load(), body, resp.Header)
		}
	}
	c, br := dial(t, start(t, proxy.Options{}, up))
	io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	if line, _ := br.ReadString('\n'); !strings.Contains(line, "200") {
		t.Errorf("HTTP/1.0: got %q", line)
	}
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	// In a bubble: an upstream that says nothing for a second is taken for one that does not know Expect.
	inMemory(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "100-continue" {
			t.Errorf("Expect: %q", r.Header.Get("Expect"))
		}
		if r.URL.Path == "/no" {
			w.Header().Set("Connection", "close")
			w.WriteHeader(403)
			return
		}
		io.Copy(w, r.Body)
	}, func(t *testing.T, _ *proxy.Handler, front *memnet.Listener) {
		dial := func() (net.Conn, *bufio.Reader) {
			c, err := front.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return c, bufio.NewReader(c)
		}
		c, br := dial()
		defer c.Close()
		io.WriteString(c, "POST /yes HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		if line, _ := br.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("got %q", line)
		}
		br.ReadString('\n')
		io.WriteString(c, "hello")
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(resp.Body); string(b) != "hello" {
			t.Errorf("got %q", b)
		}

		c, br = dial()
		defer c.Close()
		io.WriteString(c, "POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		if resp, err = http.ReadResponse(br, nil); err != nil {
			t.Fatal(err)
		}
		wantCode(t, resp, 403)
		if !resp.Close {
			t.Error("the connection stays open, and what the client sends next is content or a request")
		}
	})
}

// An upstream that answers before it has the content, and closes.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	up := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
		}
	})
	for name, server := range newClients(t, proxy.Options{}, up) {
		pr, pw := io.Pipe()
		resp, body := do(t, server.Client(), request(t, "POST", server.URL, pr))
		if resp.StatusCode != 413 || body != "big" {
			t.Errorf("%s: got %s, %q", name, resp.Status, body)
		}
		pw.Close()
	}
}

func TestBodiesLargerThanAllowed(t *testing.T) {
	t.Parallel()
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err == nil {
			fmt.Fprintf(w, "%d", len(b))
		}
	})
	for name, server := range newClients(t, proxy.Options{MaxRequestBody: 1000}, up) {
		for size, code := range map[int]int{1000: 200, 1001: 413, 100000: 413} {
			resp, _ := do(t, server.Client(), request(t, "POST", server.URL, io.MultiReader(strings.NewReader(strings.Repeat("a", size)))))
			if resp.StatusCode != code {
				t.Errorf("%s, %d bytes: got %s", name, size, resp.Status)
			}
		}
	}
}

// A client that reads nothing before it has sent everything gets the answer, although nobody wanted what it sent (RFC 9112
// §9.6).
func TestAnswerIsNotLostBySending(t *testing.T) {
	t.Parallel()
	early := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
		}
	})
	all := serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	for _, tc := range []struct {
		name, upstream string
		max            int64
	}{{"answered early", early, 0}, {"larger than allowed", all, 1000}} {
		server, _ := startServer(t, proxy.Options{MaxRequestBody: tc.max, LingerTimeout: time.Minute}, tc.upstream)
		server.Start()
		for range 20 {
			c, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
			for range 200 {
				if _, err := fmt.Fprintf(c, "400\r\n%01024d\r\n", 0); err != nil {
					t.Fatalf("%s: sending: %v", tc.name, err)
				}
			}
			io.WriteString(c, "0\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("%s: %v", tc.name, err)
			}
			wantCode(t, resp, 413)
			c.Close()
		}
	}
}

// A response that is cut off after an informational one has no code.
func TestNoCodeAfterInformational(t *testing.T) {
	t.Parallel()
	up := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
		}
	})
	servers := newClients(t, proxy.Options{}, up)
	c, err := net.Dial("tcp", servers["HTTP/1.1"].Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
	if got, err := io.ReadAll(c); !strings.HasPrefix(string(got), "HTTP/1.1 103 ") || strings.Count(string(got), "HTTP/1.1 ") != 1 {
		t.Errorf("HTTP/1.1: got %q, %v", got, err)
	}
	server := servers["HTTP/2.0"]
	pr, pw := io.Pipe()
	defer pw.Close()
	if resp, err := server.Client().Do(request(t, "POST", server.URL, pr)); err == nil {
		t.Errorf("HTTP/2: got %s", resp.Status)
		resp.Body.Close()
	}
}

// zeros is n bytes of content.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { return len(p), nil }

// peak reads r to its end in large pieces, and returns how long it was and the most heap seen.
func peak(t *testing.T, r io.Reader) (n int64, most uint64) {
	t.Helper()
	buf := make([]byte, 256<<10)
	var stats runtime.MemStats
	for step := int64(0); ; {
		m, err := r.Read(buf)
		n += int64(m)
		if n >= step || err != nil {
			step += 128 << 20
			runtime.ReadMemStats(&stats)
			most = max(most, stats.HeapInuse)
		}
		if err == io.EOF {
			return n, most
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
}

// The test runs alone, since it measures the heap of the process.
func TestLargeBodiesInConstantMemory(t *testing.T) {
	size := int64(5 << 30)
	if testing.Short() {
		size = 256 << 20
	}
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	allowed := before.HeapInuse + 32<<20
	type result struct {
		n    int64
		heap uint64
	}
	uploads := make(chan result, 1)
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			n, heap := peak(t, r.Body)
			uploads <- result{n, heap}
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(size))
		io.CopyBuffer(struct{ io.Writer }{w}, zeros(size), make([]byte, 256<<10))
	})
	base := start(t, proxy.Options{}, up)
	resp, err := client.Do(request(t, "GET", base, nil))
	if err != nil {
		t.Fatal(err)
	}
	n, heap := peak(t, resp.Body)
	resp.Body.Close()
	if n != size || heap > allowed {
		t.Errorf("download: %d bytes with %d bytes of heap", n, heap)
	}
	r := request(t, "POST", base, struct{ io.Reader }{zeros(size)})
	r.ContentLength = size
	client := &http.Client{Transport: &http.Transport{WriteBufferSize: 256 << 10}}
	resp, _ = do(t, client, r)
	wantCode(t, resp, 200)
	if u := <-uploads; u.n != size || u.heap > allowed {
		t.Errorf("upload: %d bytes with %d bytes of heap", u.n, u.heap)
	}
}

// What is left of a request must never be taken for the next one.
func TestUnreadContentIsNoRequest(t *testing.T) {
	t.Parallel()
	var smuggled atomic.Bool
	up := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if req.URL.Path == "/smuggled" {
				smuggled.Store(true)
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	c, br := dial(t, start(t, proxy.Options{}, up))
	inner := "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", len(inner)+10)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	io.WriteString(c, inner)
	if b, _ := io.ReadAll(br); len(b) > 0 {
		t.Errorf("got %q", b)
	}
	if smuggled.Load() {
		t.Error("content was taken for a request")
	}
}

// The end of a half response must not look like the end of a whole one, on any protocol.
func TestCutResponsesAreCut(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]string{
		"length":    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
		"chunks":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
		"trailers":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n",
		"bad size":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n",
		"bare LF":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\n\n",
		"too large": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nffffffffffffffffff\r\n",
		"overlong":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n0\r\n\r\n",
	} {
		for proto, server := range newClients(t, proxy.Options{}, answer(t, response)) {
			resp, err := server.Client().Do(request(t, "GET", server.URL, nil))
			if err != nil {
				continue // Cut before the head went out.
			}
			if b, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("%s, %s: a good end after %q", name, proto, b)
			}
			resp.Body.Close()
		}
	}
}

// The server reads content as it is asked for it, so its errors come to the proxy.
func TestMalformedContentIsRefused(t *testing.T) {
	t.Parallel()
	up := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err == nil {
			t.Errorf("upstream took %q for whole", b)
		}
	})
	base := start(t, proxy.Options{}, up)
	for _, content := range []string{"x\r\n", "5\r\nhelloo\r\n0\r\n\r\n", "-1\r\n", "5\nhello\n0\n\n", "ffffffffffffffffff\r\n"} {
		c, br := dial(t, base)
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+content+"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
		resp, err := http.ReadResponse(br, nil)
		if err != nil || resp.StatusCode != 400 {
			t.Errorf("%q: got %v, %v", content, resp, err)
			continue
		}
		io.Copy(io.Discard, resp.Body)
		if b, _ := io.ReadAll(br); len(b) > 0 {
			t.Errorf("%q: then got %q", content, b)
		}
	}
}

// A writer that panics, as of a server that gives up, leaves no connection behind.
func TestPanicsOfWriters(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	up := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
		}
		r.ReadByte()
		close(closed)
	})
	h := newHandler(t, proxy.Options{}, up)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		<-closed
		if n := h.State()[0].Active; n != 0 {
			t.Errorf("%d active", n)
		}
	}()
	h.ServeHTTP(panicWriter{httptest.NewRecorder()}, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
}

type panicWriter struct{ *httptest.ResponseRecorder }

func (panicWriter) Write([]byte) (int, error) { panic(http.ErrAbortHandler) }
