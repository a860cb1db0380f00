package http1_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var ok = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header()["Date"] = nil
	io.WriteString(w, r.URL.Path)
})

const get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"

// readAnswer reads a response and returns its content.
func readAnswer(t *testing.T, br *bufio.Reader) string {
	t.Helper()
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What is not simple is left to somebody else, to the byte, when what comes before it is answered.
func TestLeaves(t *testing.T) {
	t.Parallel()
	const post = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
	for _, tt := range []struct {
		name   string
		pieces []string
		rest   string
	}{
		{"at once", []string{post}, post},
		{"after requests", []string{get + get, get + post}, post},
		{"the beginning of one", []string{get + get[:20]}, get[:20]},
		{"too large", []string{get, strings.Replace(get, "\r\n\r\n", "\r\nX: "+strings.Repeat("x", 5000), 1)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(ok)
			want := tt.rest
			if want == "" {
				want = tt.pieces[len(tt.pieces)-1]
			}
			rest := make(chan string, 1)
			c := dial(t, func(nc net.Conn) {
				b, left := s.Serve(context.Background(), nc)
				if !left {
					t.Error("not left")
				}
				more := make([]byte, max(len(want)-len(b), 0)) // What was not read yet.
				nc.SetReadDeadline(time.Now().Add(hangTimeout))
				n, _ := io.ReadFull(nc, more)
				rest <- string(b) + string(more[:n])
			})
			br := bufio.NewReader(c)
			for _, p := range tt.pieces {
				io.WriteString(c, p)
				for range strings.Count(p, get) {
					if got := readAnswer(t, br); got != "/a" {
						t.Errorf("answer %q", got)
					}
				}
			}
			if got := <-rest; got != want {
				t.Errorf("rest %q, want %q", got, want)
			}
		})
	}
}

// The context of a request ends when the client goes away, and not when it sends more.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(c net.Conn)
		want bool
	}{
		{"nothing", func(net.Conn) {}, false},
		{"another request", func(c net.Conn) { io.WriteString(c, get) }, false},
		{"the client closes", func(c net.Conn) { c.Close() }, true},
		{"half of it", func(c net.Conn) { c.(interface{ CloseWrite() error }).CloseWrite() }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan bool, 2)
				after := make(chan context.Context, 2)
				s := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					select {
					case <-r.Context().Done():
						ended <- errors.Is(r.Context().Err(), context.Canceled)
					case <-time.After(time.Hour):
						ended <- r.Context().Err() != nil
					}
					after <- r.Context()
				}))
				c := dial(t, simple(t, s))
				io.WriteString(c, get)
				synctest.Wait()
				tt.do(c)
				if got := <-ended; got != tt.want {
					t.Errorf("context ended: %v", got)
				}
				if tt.want {
					return
				}
				br := bufio.NewReader(c)
				readAnswer(t, br)
				if ctx := <-after; ctx.Err() == nil {
					t.Error("context goes on after the response")
				} else {
					<-ctx.Done()
				}
				// The watch has left nothing behind.
				if tt.name == "nothing" {
					io.WriteString(c, get)
				}
				<-ended
				readAnswer(t, br)
			})
		})
	}
}

// A context derived from that of a request, as those who dial do, ends too.
func TestDerivedContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := make(chan error, 1)
		s := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), time.Hour)
			defer cancel()
			<-ctx.Done()
			got <- ctx.Err()
		}))
		c := dial(t, simple(t, s))
		io.WriteString(c, get)
		synctest.Wait()
		c.Close()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

// Connections that do nothing are closed, those that do something are not.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	closedAfter := func(t *testing.T, c net.Conn) time.Duration {
		start := time.Now()
		io.Copy(io.Discard, c)
		return time.Since(start)
	}
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, simple(t, newServer(ok)))
		if d := closedAfter(t, c); d != 30*time.Second {
			t.Errorf("closed after %s without a request", d)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, simple(t, newServer(ok)))
		br := bufio.NewReader(c)
		for range 20 {
			io.WriteString(c, get)
			readAnswer(t, br)
			time.Sleep(100 * time.Second)
		}
		io.WriteString(c, get)
		readAnswer(t, br)
		if d := closedAfter(t, c); d < 105*time.Second || d > 2*time.Minute {
			t.Errorf("closed after %s idle", d)
		}
	})
	// A handler may take longer than that.
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, simple(t, newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(time.Hour):
				io.WriteString(w, "late")
			}
		}))))
		io.WriteString(c, get)
		if got := readAnswer(t, bufio.NewReader(c)); got != "late" {
			t.Errorf("answer %q", got)
		}
	})
}

// Deadlines for writes that a handler sets hold for its response.
func TestWriteDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan error, 2)
		c := dial(t, simple(t, newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/a" {
				http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second))
				return
			}
			time.Sleep(time.Minute)
			_, err := w.Write(make([]byte, 20000))
			failed <- err
		}))))
		br := bufio.NewReader(c)
		io.WriteString(c, get+strings.Replace(get, "/a", "/b", 1))
		readAnswer(t, br)
		if got := readAnswer(t, br); len(got) != 20000 {
			t.Errorf("%d bytes", len(got))
		}
		if err := <-failed; err != nil {
			t.Error(err)
		}
	})
}

// Shutdown closes what is idle, and waits for what is not as long as it may.
func TestShutdown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		takes   time.Duration // Of the request.
		patient time.Duration
		whole   bool
	}{
		{"in time", time.Minute, time.Hour, true},
		{"too late", time.Hour, time.Minute, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/slow" {
						select {
						case <-time.After(tt.takes):
						case <-r.Context().Done():
						}
					}
					io.WriteString(w, r.URL.Path)
				}))
				fresh, used, busy := dial(t, simple(t, s)), dial(t, simple(t, s)), dial(t, simple(t, s))
				io.WriteString(used, get)
				readAnswer(t, bufio.NewReader(used))
				io.WriteString(busy, strings.Replace(get, "/a", "/slow", 1))
				synctest.Wait()
				done := make(chan error, 1)
				ctx, cancel := context.WithTimeout(t.Context(), tt.patient)
				defer cancel()
				go func() { done <- s.Shutdown(ctx) }()
				for _, c := range []net.Conn{fresh, used} {
					if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
						t.Errorf("%q, %v on an idle connection", b, err)
					}
				}
				b, _ := io.ReadAll(busy)
				if whole := strings.HasSuffix(string(b), "/slow") && strings.Contains(string(b), "\r\nConnection: close\r\n"); whole != tt.whole {
					t.Errorf("answer %q", b)
				}
				if err := <-done; (err == nil) != tt.whole {
					t.Errorf("error %v", err)
				}
				c := dial(t, simple(t, s))
				if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
					t.Errorf("%q, %v after it", b, err)
				}
			})
		})
	}
}

// What a handler does after it has returned reaches nobody.
func TestWritesTooLate(t *testing.T) {
	t.Parallel()
	kept := make(chan http.ResponseWriter, 1)
	c := dial(t, simple(t, newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(kept) == 0 {
			kept <- w
		}
		io.WriteString(w, "a")
	}))))
	br := bufio.NewReader(c)
	io.WriteString(c, get)
	readAnswer(t, br)
	io.WriteString(c, get)
	readAnswer(t, br)
	w := <-kept
	if n, err := io.WriteString(w, "b"); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := http.NewResponseController(w).Flush(); err == nil {
		t.Error("flushed")
	}
}
