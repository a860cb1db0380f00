package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"mox/config"
)

// Behind a load balancer websites see the client that it tells of: in the log, and in what is told to the server that a request is
// passed on to. What the client says itself does not count, and others than the load balancer cannot connect.
func TestProxyProtocolHTTP(t *testing.T) {
	t.Parallel()
	const app = "192.0.2.81:8081"
	r := startServer(t, config.Options{Path: behindProxy(t, app)})
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s, %s, %s", r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Real-Ip"), r.Header.Get("Forwarded"))
	}))
	upstream.Listener.Close()
	var err error
	if upstream.Listener, err = r.net.listen("tcp", app); err != nil {
		t.Fatal(err)
	}
	upstream.Start()
	t.Cleanup(upstream.Close)
	r.net.mu.Lock()
	l := r.net.listeners[r.addrs["WebserverHTTP"]]
	r.net.mu.Unlock()
	if l == nil {
		t.Fatalf("no WebserverHTTP in %v", r.addrs)
	}
	dial := func(from string) net.Conn {
		c, err := l.DialFrom(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	const header = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + "\xc6\x33\x64\x07" + "\xc0\x00\x02\x50" + "\x30\x39\x00\x50" // 198.51.100.7 to 192.0.2.80.
	const fields = " / HTTP/1.1\r\nHost: www.example.org\r\nX-Forwarded-For: 192.0.2.99\r\n"

	c := dial("10.1.2.3:4000")
	br := bufio.NewReader(c)
	// The second is answered by net/http, see package http1.
	for _, request := range []string{"GET" + fields + "\r\n", "POST" + fields + "Content-Length: 1\r\n\r\nx"} {
		first := ""
		if strings.HasPrefix(request, "GET") {
			first = header
		}
		io.WriteString(c, first+request)
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if want := "198.51.100.7, 198.51.100.7, for=198.51.100.7;host=www.example.org;proto=http"; err != nil || string(b) != want {
			t.Errorf("%.4s: %q, %v, want %q", request, b, err, want)
		}
	}
	for _, tt := range []struct{ name, from, text string }{
		{"from elsewhere", "10.1.3.3:4000", header + "GET" + fields + "\r\n"},
		{"without header", "10.1.2.3:4001", "GET" + fields + "\r\n"},
	} {
		c := dial(tt.from)
		io.WriteString(c, tt.text) // It may be refused already.
		if b, _ := io.ReadAll(c); len(b) > 0 {
			t.Errorf("%s: the server said %q", tt.name, b)
		}
	}
	const line = "handler=app remote=198.51.100.7 "
	r.log.await(line, 2) // A request is logged once it is answered.
	// There is no more to come once the server has stopped.
	c.Close()
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	log := r.log.String()
	if n := strings.Count(log, line); n != 2 {
		t.Errorf("%d requests of the client in the log, want 2:\n%s", n, log)
	}
	if strings.Contains(log, "remote=10.1.2.3 ") || strings.Contains(log, "remote=192.0.2.99") {
		t.Error("the log has another address for the client")
	}
}

// behindProxy writes files with a website behind a load balancer, which passes requests on to app.
func behindProxy(t *testing.T, app string) string {
	t.Helper()
	path := realConfig(t)
	domains := strings.TrimSuffix(path, "mox.conf") + "domains.conf"
	for file, edit := range map[string]func(string) string{
		path: func(s string) string {
			return strings.Replace(s, "\tpublic:\n", "\tpublic:\n\t\tProxyProtocol:\n\t\t\tNetworks:\n\t\t\t\t- 10.1.2.0/24\n\t\tWebserverHTTP:\n\t\t\tEnabled: true\n", 1)
		},
		domains: func(s string) string {
			return s + "WebHandlers:\n\t-\n\t\tLogName: app\n\t\tDomain: www.example.org\n\t\tPathRegexp: ^/\n\t\tDontRedirectPlainHTTP: true\n\t\tAccessLog: all\n\t\tWebForward:\n\t\t\tURL: http://" + app + "\n"
		},
	} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(edit(string(b))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}
