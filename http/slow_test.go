package http_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/config"
	"mox/http"
	"mox/internal/memnet"
)

// inBubble serves a plain port with a service in a synctest bubble, with the listener to dial.
func inBubble(t *testing.T, service http.Service) *memnet.Listener {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "mox.conf"), "DataDir: data\nHostname: mail.example.org\nPostmaster:\n\tAccount: ann\nListeners:\n\tlocal:\n\t\tIPs:\n\t\t\t- 192.0.2.1\n\t\tAdminHTTP:\n\t\t\tEnabled: true\n\t\tLimits:\n\t\t\tConnectionsPerIP: 3\n\t\t\tHTTPRequestsPerMinutePerIP: 5\n")
	writeFile(t, filepath.Join(dir, "domains.conf"), domainsConf)
	live, err := config.Open(config.Options{Path: filepath.Join(dir, "mox.conf")})
	if err != nil {
		t.Fatal(err)
	}
	s, err := http.New(http.Options{Config: live, Log: slog.New(slog.DiscardHandler), Services: map[config.WebKind]http.Service{config.WebAdmin: service}})
	if err != nil {
		t.Fatal(err)
	}
	l := memnet.Listen("192.0.2.1:80")
	done := make(chan error, 1)
	listener := live.Current().Listeners[0]
	go func() { done <- s.Serve(l, listener, listener.WebPorts()[0]) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		s.Shutdown(ctx)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l
}

func dial(t *testing.T, l *memnet.Listener, from string) net.Conn {
	t.Helper()
	c, err := l.DialFrom(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// closedAfter writes pieces of a request, with a pause between them, and returns when the server closed the connection, or 0
// if it did not before all were written.
func closedAfter(c net.Conn, pause time.Duration, pieces ...string) time.Duration {
	start := time.Now()
	ended := make(chan time.Duration, 1)
	go func() {
		io.Copy(io.Discard, c)
		ended <- time.Since(start)
	}()
	for _, p := range pieces {
		io.WriteString(c, p)
		select {
		case d := <-ended:
			return d
		case <-time.After(pause):
		}
	}
	c.Close()
	<-ended
	return 0
}

func discard(http.Mount) nethttp.Handler {
	return nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { io.Copy(io.Discard, r.Body) })
}

// Clients that send next to nothing do not stay.
func TestSlowRequests(t *testing.T) {
	t.Parallel()
	const head = "POST /admin/ HTTP/1.1\r\nHost: mail.example.org\r\nContent-Length: 1000000\r\n\r\n"
	many := func(s string, n int) []string {
		l := make([]string, n)
		for i := range l {
			l[i] = s
		}
		return l
	}
	for _, tt := range []struct {
		name        string
		pause       time.Duration
		pieces      []string
		least, most time.Duration // When it is closed; zero for never.
	}{
		{"nothing", time.Minute, many("", 3), 30 * time.Second, 31 * time.Second},
		{"a header byte by byte", 5 * time.Second, append([]string{"GET /admin/ HTTP/1.1\r\nX: "}, many("x", 20)...), 30 * time.Second, 31 * time.Second},
		{"no body", time.Minute, append([]string{head}, many("", 3)...), time.Minute, 66 * time.Second},
		{"a body byte by byte", 30 * time.Second, append([]string{head}, many("x", 20)...), 2 * time.Minute, 3 * time.Minute},
		{"a slow body that comes", 30 * time.Second, append([]string{head}, many(strings.Repeat("x", 10000), 40)...), 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := inBubble(t, discard)
				if d := closedAfter(dial(t, l, "198.51.100.1:1000"), tt.pause, tt.pieces...); d < tt.least || d > tt.most {
					t.Errorf("closed after %s, want %s to %s", d, tt.least, tt.most)
				}
			})
		})
	}
}

// A client that takes nothing is cut off; one that takes a little all the time is not, however long it takes.
func TestSlowResponses(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	big := func(http.Mount) nethttp.Handler {
		return nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Write(make([]byte, size))
		})
	}
	for _, takes := range []bool{false, true} {
		t.Run(fmt.Sprint(takes), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := dial(t, inBubble(t, big), "198.51.100.1:1000")
				io.WriteString(c, "GET /admin/ HTTP/1.1\r\nHost: mail.example.org\r\nConnection: close\r\n\r\n")
				got := 0
				buf := make([]byte, 32<<10)
				for {
					if takes {
						time.Sleep(50 * time.Second)
					} else if got == 0 {
						time.Sleep(10 * time.Minute)
					}
					n, err := c.Read(buf)
					got += n
					if err != nil {
						break
					}
				}
				if (got >= size) != takes {
					t.Errorf("got %d bytes of %d", got, size)
				}
			})
		})
	}
}

// Connections and requests of a network are limited.
func TestLimitsOfNetworks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := inBubble(t, discard)
		const request = "GET /admin/ HTTP/1.1\r\nHost: mail.example.org\r\n\r\n"
		status := func(c net.Conn) string {
			io.WriteString(c, request)
			buf := make([]byte, 4096)
			n, _ := c.Read(buf)
			code, _, _ := strings.Cut(strings.TrimPrefix(string(buf[:n]), "HTTP/1.1 "), " ")
			return code
		}
		var conns []net.Conn
		for range 3 {
			c := dial(t, l, "198.51.100.1:1000")
			if got := status(c); got != "200" {
				t.Errorf("a connection within the limit: %q", got)
			}
			conns = append(conns, c)
		}
		if got := status(dial(t, l, "198.51.100.1:1001")); got != "" {
			t.Errorf("a connection beyond the limit: %q", got)
		}
		if got := status(dial(t, l, "203.0.113.1:1001")); got != "200" {
			t.Errorf("a connection from elsewhere: %q", got)
		}
		for i, want := range []string{"200", "200", "429"} {
			if got := status(conns[0]); got != want {
				t.Errorf("request %d: %q, want %s", i, got, want)
			}
		}
		conns[1].Close()
		synctest.Wait()
		if got := status(dial(t, l, "198.51.100.1:1002")); got != "429" {
			t.Errorf("after one was closed: %q", got)
		}
		time.Sleep(2 * time.Minute)
		if got := status(conns[0]); got != "" && got != "200" {
			t.Errorf("after a while: %q", got)
		}
	})
}

// A thousand clients that send headers and bodies slowly, or read nothing, cost a fast one nothing but a little time.
func TestManySlowClients(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{})
	writeFile(t, filepath.Join(r.dir, "www", "large.bin"), strings.Repeat("x", 8<<20))
	const clients = 1000
	var wg sync.WaitGroup
	conns := make([]net.Conn, clients)
	for i := range conns {
		wg.Go(func() {
			c, err := net.Dial("tcp", r.addrs[80])
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = c
			io.WriteString(c, []string{
				"GET / HTTP/1.1\r\nHost: plain.exam",
				"POST / HTTP/1.1\r\nHost: plain.example.org\r\nContent-Length: 1000\r\n\r\nx",
				"GET /large.bin HTTP/1.1\r\nHost: plain.example.org\r\n\r\n",
				"",
			}[i%4])
		})
	}
	wg.Wait()
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	c := r.client()
	c.Timeout = 30 * time.Second
	for range 100 {
		if resp := r.do(c, "GET", "http://plain.example.org/a.txt"); resp.StatusCode != 200 || len(resp.body) != 4000 {
			t.Fatalf("status %d, %d bytes", resp.StatusCode, len(resp.body))
		}
	}
}

// The access log is in the combined format, one line per request whatever a client says, and is opened anew on a reload.
func TestAccessLogFile(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{General: "HTTPAccessLog: access.log\n"})
	path := filepath.Join(r.dir, "data", "access.log")
	// The line of a file may come after the client has it. That of an error page comes before, and on one connection all lines
	// come in turn.
	c := r.client()
	r.do(c, "GET", "http://plain.example.org/a.txt?x=%22", "User-Agent", `a"b\`, "Referer", "http://x/\xff")
	r.do(c, "GET", "http://plain.example.org/other")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.live.Reload(); err != nil {
		t.Fatal(err)
	}
	r.do(c, "GET", "http://plain.example.org/none")
	for file, want := range map[string][]string{
		path + ".1": {`"GET /a.txt?x=%22 HTTP/1.1" 200 4000 "http://x/\xff" "a\"b\\"`, `"GET /other HTTP/1.1" 404 `},
		path:        {`"GET /none HTTP/1.1" 404 `},
	} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(data), "\n")
		if len(lines) != len(want)+1 || lines[len(want)] != "" {
			t.Fatalf("%s: %q, want %q", filepath.Base(file), data, want)
		}
		for i, w := range want {
			if !strings.HasPrefix(lines[i], "127.0.0.1 - - [") || !strings.Contains(lines[i], w) {
				t.Errorf("%s: %q, want %q", filepath.Base(file), lines[i], w)
			}
		}
	}
}
