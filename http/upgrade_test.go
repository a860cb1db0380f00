package http_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// A websocket passes through all layers, with bytes that no HTTP header could have, with and without TLS and compression.
func TestWebsocketThroughServer(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		for {
			typ, data, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if err := c.Write(r.Context(), typ, data); err != nil {
				return
			}
		}
	}))
	t.Cleanup(upstream.Close)
	r := start(t, files{Certs: []string{"ws.example.org"}, Listener: webListener, Domains: `
WebHandlers:
	-
		Domain: ws.example.org
		PathRegexp: ^/
		DontRedirectPlainHTTP: true
		Compress: true
		WebForward:
			URL: ` + upstream.URL + "\n"})
	client := r.client()
	client.Transport.(*nethttp.Transport).ForceAttemptHTTP2 = false
	client.Transport.(*nethttp.Transport).TLSClientConfig.NextProtos = []string{"http/1.1"}
	for _, url := range []string{"ws://ws.example.org/", "wss://ws.example.org/"} {
		ctx, cancel := context.WithTimeout(t.Context(), hangTimeout)
		c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: client})
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		c.SetReadLimit(-1)
		for _, message := range [][]byte{[]byte("\n\r\x00 GET / HTTP/1.1\n\n"), bytes.Repeat([]byte("0\n"), 1<<20)} {
			go c.Write(ctx, websocket.MessageBinary, message)
			if _, got, err := c.Read(ctx); err != nil || !bytes.Equal(got, message) {
				t.Errorf("%s: %d bytes of %d came back, %v", url, len(got), len(message), err)
			}
		}
		c.Close(websocket.StatusNormalClosure, "")
		cancel()
	}
}

// An upstream that has said all still hears the client.
func TestHalfClosedUpgrade(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 1)
	upstream := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		c, rw, err := w.(nethttp.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nall")
		c.(*net.TCPConn).CloseWrite()
		b, _ := io.ReadAll(rw)
		heard <- string(b)
	}))
	t.Cleanup(upstream.Close)
	r := start(t, files{Certs: []string{"ws.example.org"}, Listener: webListener, Domains: `
WebHandlers:
	-
		Domain: ws.example.org
		PathRegexp: ^/
		DontRedirectPlainHTTP: true
		WebForward:
			URL: ` + upstream.URL + "\n"})
	c, err := net.Dial("tcp", r.addrs[80])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: ws.example.org\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
	br := bufio.NewReader(c)
	if resp, err := nethttp.ReadResponse(br, nil); err != nil || resp.StatusCode != nethttp.StatusSwitchingProtocols {
		t.Fatal(resp, err)
	}
	if b, err := io.ReadAll(br); string(b) != "all" || err != nil {
		t.Errorf("the client got %q, %v", b, err)
	}
	io.WriteString(c, "still here")
	c.Close()
	if got := <-heard; got != "still here" {
		t.Errorf("the upstream heard %q", got)
	}
}

// After an upgrade that was refused the connection ends: what follows was not looked at.
func TestRefusedUpgradeEndsTheConnection(t *testing.T) {
	t.Parallel()
	r := start(t, files{Listener: metricsListener})
	conn, err := net.Dial("tcp", r.addrs[8010])
	if err != nil {
		t.Fatal(err)
	}
	codes := exchangeRaw(t, conn, "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nGET /metrics HTTP/1.1\nHost: localhost\n\n")
	if len(codes) != 1 || codes[0] != 404 {
		t.Errorf("codes %v", codes)
	}
}

// Events arrive as they are sent, over HTTP/1.1 and HTTP/2, and not compressed.
func TestEventStream(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	upstream := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			nethttp.NewResponseController(w).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(upstream.Close)
	r := start(t, files{Certs: []string{"sse.example.org"}, Listener: webListener, Domains: `
WebHandlers:
	-
		Domain: sse.example.org
		PathRegexp: ^/
		DontRedirectPlainHTTP: true
		Compress: true
		WebForward:
			URL: ` + upstream.URL + "\n"})
	for _, url := range []string{"http://sse.example.org/", "https://sse.example.org/"} {
		req, err := nethttp.NewRequestWithContext(t.Context(), "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip, br, zstd")
		resp, err := r.client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if e := resp.Header.Get("Content-Encoding"); e != "" {
			t.Errorf("%s: encoding %s", url, e)
		}
		br := bufio.NewReader(resp.Body)
		for i := range 3 {
			line, err := br.ReadString('\n')
			if err != nil || strings.TrimSpace(line) != fmt.Sprintf("data: %d", i) {
				t.Errorf("%s: event %q, %v", url, line, err)
			}
			br.ReadString('\n')
			next <- struct{}{}
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// A handler that fails in the middle of a response leaves no doubt that something is missing, and one that fails before is
// answered with a page.
func TestPanics(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		io.WriteString(w, "begin")
		nethttp.NewResponseController(w).Flush()
		panic(nethttp.ErrAbortHandler)
	}))
	t.Cleanup(upstream.Close)
	r := start(t, files{Certs: []string{"www.example.org"}, Listener: webListener, Domains: `
WebHandlers:
	-
		Domain: www.example.org
		PathRegexp: ^/
		DontRedirectPlainHTTP: true
		WebForward:
			URL: ` + upstream.URL + "\n"})
	for _, url := range []string{"http://www.example.org/", "https://www.example.org/"} {
		resp, err := r.client().Get(url)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%s: a response that is cut off looks whole: %q", url, body)
		}
		resp.Body.Close()
	}
}
