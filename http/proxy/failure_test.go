package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/http/proxy"
	"mox/internal/memnet"
)

func TestErrorsShowNothingOfTheInside(t *testing.T) {
	t.Parallel()
	opts := proxy.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("refused at 10.1.2.3")
	}}
	resp, body := get(t, start(t, opts, "http://inside.example"))
	wantCode(t, resp, 502)
	if body != "Bad Gateway\n" {
		t.Errorf("got %q", body)
	}
}

func TestDeadUpstreamsAreLeftOut(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	up := serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	server, h := startServer(t, proxy.Options{FailAfter: 2, BackOff: time.Hour, Metrics: proxy.NewMetrics(reg)}, deadURL(t), up)
	server.Start()
	for i := range 10 {
		body := fmt.Sprint("content ", i)
		resp, got := do(t, client, request(t, "POST", server.URL, strings.NewReader(body)))
		if resp.StatusCode != 200 || got != body {
			t.Fatalf("got %s, %q", resp.Status, got)
		}
	}
	// A connection whose upstream has answered before it is known that it has all content is not kept. This has none.
	resp, _ := get(t, server.URL)
	wantCode(t, resp, 200)
	states := h.State()
	if s := states[0]; s.Healthy || s.Failures != 2 || s.Error == "" || s.OutUntil.IsZero() {
		t.Errorf("dead one: %+v", s)
	}
	if s := states[1]; !s.Healthy || s.Failures != 0 || s.Error != "" || s.Idle == 0 {
		t.Errorf("other one: %+v", s)
	}
	counts := map[string]float64{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "result" {
					counts[l.GetValue()] += m.GetCounter().GetValue()
				}
			}
		}
	}
	if counts["ok"] != 11 || counts["dial"] != 2 {
		t.Errorf("metrics: %v", counts)
	}
}

func TestAllDeadAreTriedNevertheless(t *testing.T) {
	t.Parallel()
	base := start(t, proxy.Options{FailAfter: 1, BackOff: time.Hour}, deadURL(t), deadURL(t))
	for range 3 {
		resp, _ := get(t, base)
		wantCode(t, resp, 502)
	}
}

func TestBusyUpstreamsGetFewerRequests(t *testing.T) {
	t.Parallel()
	var counts [2]atomic.Int32
	wait, begun := make(chan struct{}), make(chan struct{})
	upstream := func(i int) string {
		return serve(t, func(_ http.ResponseWriter, r *http.Request) {
			counts[i].Add(1)
			if r.URL.Path == "/wait" {
				begun <- struct{}{}
				<-wait
			}
		})
	}
	base := start(t, proxy.Options{}, upstream(0), upstream(1))
	for range 10 {
		get(t, base)
	}
	if a, b := counts[0].Load(), counts[1].Load(); a != 5 || b != 5 {
		t.Errorf("in turn: %d and %d", a, b)
	}
	var wg sync.WaitGroup
	wg.Go(func() { get(t, base+"/wait") })
	<-begun
	busy := 0
	if counts[1].Load() > counts[0].Load() {
		busy = 1
	}
	before := counts[busy].Load()
	for range 5 {
		get(t, base)
	}
	if n := counts[busy].Load(); n != before {
		t.Errorf("the busy one got %d more", n-before)
	}
	close(wait)
	wg.Wait()
}

// A kept connection that the upstream ends just when a request comes is not an error, if the
// request can be sent again.
func TestStaleConnections(t *testing.T) {
	t.Parallel()
	var conns, requests atomic.Int32
	up := script(t, func(n int, c net.Conn, r *bufio.Reader) {
		conns.Add(1)
		for i := 0; ; i++ {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			io.Copy(io.Discard, req.Body)
			requests.Add(1)
			if i == 1 {
				return // Without an answer.
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	base := start(t, proxy.Options{}, up)
	for range 4 {
		resp, _ := get(t, base)
		wantCode(t, resp, 200)
	}
	if c, n := conns.Load(), requests.Load(); c != 4 || n != 7 {
		t.Errorf("%d connections, %d requests", c, n)
	}
	// Nobody knows what became of it, so it is not sent again.
	resp, _ := do(t, client, request(t, "POST", base, strings.NewReader("x")))
	wantCode(t, resp, 502)
	if n := requests.Load(); n != 8 {
		t.Errorf("%d requests", n)
	}
}

// A connection with bytes that nobody asked for would answer the next request with them.
func TestUnaskedBytesEndAConnection(t *testing.T) {
	t.Parallel()
	up := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%sHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", len(req.URL.Path), req.URL.Path)
		}
	})
	base := start(t, proxy.Options{}, up)
	for i := range 5 {
		path := fmt.Sprintf("/%d", i)
		if _, body := get(t, base+path); body != path {
			t.Fatalf("got %q for %s", body, path)
		}
	}
}

func TestCanceledClientsCancelUpstreams(t *testing.T) {
	t.Parallel()
	begun, canceled := make(chan struct{}), make(chan struct{})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.(http.Flusher).Flush()
		}
		begun <- struct{}{}
		<-r.Context().Done()
		canceled <- struct{}{}
	})
	for _, server := range newClients(t, proxy.Options{}, up) {
		for _, path := range []string{"/head", "/body"} {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				if resp, err := server.Client().Do(request(t, "GET", server.URL+path, nil).WithContext(ctx)); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}()
			<-begun
			cancel()
			<-canceled
			<-done
		}
	}
}

// The client goes away in the middle of its content: the upstream must not take what it has for
// all.
func TestCutRequestsAreCut(t *testing.T) {
	t.Parallel()
	begun, result := make(chan struct{}), make(chan error)
	up := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		r.Body.Read(make([]byte, 5))
		begun <- struct{}{}
		_, err := io.ReadAll(r.Body)
		result <- err
	})
	base := start(t, proxy.Options{}, up)
	for _, framing := range []string{"Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"} {
		c, _ := dial(t, base)
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\n"+framing)
		<-begun
		c.Close()
		if err := <-result; err == nil {
			t.Errorf("%q: a good end", framing)
		}
	}
}

// bubble runs a proxy with an upstream in memory, for its time.
func bubble(t *testing.T, opts proxy.Options, upstream http.HandlerFunc, f func(t *testing.T, h *proxy.Handler, get func(method string) (int, time.Duration))) {
	inMemory(t, opts, upstream, func(t *testing.T, h *proxy.Handler, front *memnet.Listener) {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return front.Dial(ctx) }}}
		f(t, h, func(method string) (int, time.Duration) {
			begin := time.Now()
			resp, err := client.Do(request(t, method, "http://192.0.2.2/", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				return -1, time.Since(begin)
			}
			return resp.StatusCode, time.Since(begin)
		})
	})
}

// inMemory does as bubble, for clients that speak for themselves.
func inMemory(t *testing.T, opts proxy.Options, upstream http.HandlerFunc, f func(t *testing.T, h *proxy.Handler, front *memnet.Listener)) {
	synctest.Test(t, func(t *testing.T) {
		back, front := memnet.Listen("192.0.2.1:80"), memnet.Listen("192.0.2.2:80")
		up := &http.Server{Handler: upstream}
		go up.Serve(back)
		opts.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) { return back.Dial(ctx) }
		h := newHandler(t, opts, "http://192.0.2.1")
		server := &http.Server{Handler: h}
		go server.Serve(front)
		f(t, h, front)
		h.Close()
		server.Close()
		up.Close()
		synctest.Wait()
	})
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	opts := proxy.Options{HeaderTimeout: 30 * time.Second, BodyTimeout: 2 * time.Minute}
	slow := func(head, body time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			wait := func(d time.Duration) {
				select {
				case <-time.After(d):
				case <-r.Context().Done():
				}
			}
			wait(head)
			for range 3 {
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				wait(body)
			}
		}
	}
	for _, tc := range []struct {
		name       string
		head, body time.Duration
		code       int // -1 for a cut body.
		after      time.Duration
	}{
		{"in time", 29 * time.Second, 119 * time.Second, 200, 386 * time.Second},
		{"head too late", 31 * time.Second, 0, 504, 30 * time.Second},
		{"body too slow", time.Second, 121 * time.Second, -1, 121 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, opts, slow(tc.head, tc.body), func(t *testing.T, _ *proxy.Handler, get func(string) (int, time.Duration)) {
				if code, after := get("GET"); code != tc.code || after != tc.after {
					t.Errorf("got %d after %s, want %d after %s", code, after, tc.code, tc.after)
				}
			})
		})
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	bubble(t, proxy.Options{IdleTimeout: 10 * time.Second}, func(http.ResponseWriter, *http.Request) {},
		func(t *testing.T, h *proxy.Handler, get func(string) (int, time.Duration)) {
			get("GET")
			time.Sleep(9 * time.Second)
			synctest.Wait()
			if n := h.State()[0].Idle; n != 1 {
				t.Errorf("%d idle after 9 s", n)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if n := h.State()[0].Idle; n != 0 {
				t.Errorf("%d idle after 11 s", n)
			}
		})
}

func TestHealthChecks(t *testing.T) {
	t.Parallel()
	var sick atomic.Bool
	var asked atomic.Int32
	opts := proxy.Options{Health: proxy.Health{Path: "/healthz", Host: "health.example", Interval: 10 * time.Second, Failures: 2}}
	bubble(t, opts, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" || r.Host != "health.example" {
			t.Errorf("asked for %s%s", r.Host, r.URL)
		}
		asked.Add(1)
		if sick.Load() {
			w.WriteHeader(500)
		}
	}, func(t *testing.T, h *proxy.Handler, _ func(string) (int, time.Duration)) {
		healthy := func(want bool) {
			t.Helper()
			synctest.Wait()
			if s := h.State()[0]; s.Healthy != want {
				t.Errorf("after %d checks: %+v", asked.Load(), s)
			}
		}
		healthy(true)
		sick.Store(true)
		time.Sleep(10 * time.Second)
		healthy(true)
		time.Sleep(10 * time.Second)
		healthy(false)
		sick.Store(false)
		time.Sleep(10 * time.Second)
		healthy(true)
		h.Close()
		n := asked.Load()
		time.Sleep(time.Minute)
		if asked.Load() != n {
			t.Error("checked after Close")
		}
	})
}
