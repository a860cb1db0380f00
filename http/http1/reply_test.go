package http1_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/http/http1"
	"mox/internal/memnet"
)

// hangTimeout ends what hangs. A machine that is busy with other things takes long, and is not wrong.
const hangTimeout = 2 * time.Minute

func newServer(h http.Handler) *http1.Server {
	return &http1.Server{Handler: h, StartTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, Log: slog.New(slog.DiscardHandler)}
}

// dial connects to a server, which serves one connection.
func dial(t *testing.T, serve func(net.Conn)) net.Conn {
	t.Helper()
	l := memnet.Listen("192.0.2.1:80")
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		serve(nc)
	}()
	c, err := l.DialFrom(t.Context(), "198.51.100.1:1000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		<-done
		l.Close()
	})
	return c
}

// simple serves a connection that may not be left.
func simple(t *testing.T, s *http1.Server) func(net.Conn) {
	return func(nc net.Conn) {
		if rest, left := s.Serve(context.Background(), nc); left {
			t.Errorf("left with %q", rest)
			nc.Close()
		}
	}
}

// full serves a connection by net/http.
func full(h http.Handler) func(net.Conn) {
	return func(nc net.Conn) {
		l := &single{conns: make(chan net.Conn, 1)}
		l.conns <- nc
		s := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(l.conns)
			}
		}}
		s.Serve(l)
	}
}

// single is a listener of one connection.
type single struct{ conns chan net.Conn }

func (l *single) Accept() (net.Conn, error) {
	if nc := <-l.conns; nc != nil {
		return nc, nil
	}
	return nil, net.ErrClosed
}
func (*single) Close() error   { return nil }
func (*single) Addr() net.Addr { return &net.TCPAddr{} }

// answers returns what a client gets for two requests, one line for each thing that matters.
func answers(t *testing.T, c net.Conn, method string) []string {
	t.Helper()
	request := method + " / HTTP/1.1\r\nHost: a\r\n\r\n"
	go io.WriteString(c, request+request)
	c.SetReadDeadline(time.Now().Add(hangTimeout))
	br := bufio.NewReader(c)
	var got []string
	for range 2 {
		if _, err := br.Peek(1); err != nil {
			return append(got, "end")
		}
		for {
			resp, err := http.ReadResponse(br, &http.Request{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, resp.Proto+" "+resp.Status, fmt.Sprint("length ", resp.ContentLength, resp.TransferEncoding, " close ", resp.Close))
			var fields []string
			for name, values := range resp.Header {
				for _, v := range values {
					if name == "Date" && v != "then" {
						if _, err := http.ParseTime(v); err != nil {
							t.Error(err)
						}
						v = "now"
					}
					fields = append(fields, name+": "+v)
				}
			}
			slices.Sort(fields)
			got = append(got, fields...)
			if resp.StatusCode >= 200 {
				body, err := io.ReadAll(resp.Body)
				got = append(got, fmt.Sprintf("%d bytes %.40q %v", len(body), body, err), fmt.Sprint("trailer ", resp.Trailer))
				if err != nil {
					return got
				}
				break
			}
		}
	}
	return got
}

// Responses are those of net/http.
func TestReplies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(strings.Repeat("0123456789", 10000)), 0o600); err != nil {
		t.Fatal(err)
	}
	much := strings.Repeat("abcdefghi\n", 20000)
	for _, tt := range []struct {
		name    string
		handler func(w http.ResponseWriter)
	}{
		{"nothing", func(w http.ResponseWriter) {}},
		{"a little", func(w http.ResponseWriter) { io.WriteString(w, "<html>") }},
		{"in two pieces", func(w http.ResponseWriter) { io.WriteString(w, "<ht"); io.WriteString(w, "ml>") }},
		{"with a type", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/x")
			io.WriteString(w, "<html>")
		}},
		{"without a type", func(w http.ResponseWriter) { w.Header()["Content-Type"] = nil; io.WriteString(w, "<html>") }},
		{"encoded", func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "br"); io.WriteString(w, "<html>") }},
		{"much", func(w http.ResponseWriter) { io.WriteString(w, much) }},
		{"much of known length", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", fmt.Sprint(len(much)))
			io.WriteString(w, much)
		}},
		{"much in pieces", func(w http.ResponseWriter) {
			for i := 0; i < len(much); i += 1000 {
				io.WriteString(w, much[i:i+1000])
			}
		}},
		{"pieces of known length", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", fmt.Sprint(len(much)))
			for i := 0; i < len(much); i += 5000 {
				io.WriteString(w, much[i:i+5000])
			}
		}},
		{"flushed", func(w http.ResponseWriter) {
			io.WriteString(w, "a")
			w.(http.Flusher).Flush()
			io.WriteString(w, "b")
			w.(http.Flusher).Flush()
			w.(http.Flusher).Flush()
		}},
		{"flushed first", func(w http.ResponseWriter) { w.(http.Flusher).Flush(); io.WriteString(w, "<html>") }},
		{"a flush alone", func(w http.ResponseWriter) { w.(http.Flusher).Flush() }},
		{"a flushed length", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "6")
			w.(http.Flusher).Flush()
			io.WriteString(w, "<html>")
		}},
		{"longer than said", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "3")
			io.WriteString(w, "abc")
			if _, err := io.WriteString(w, "d"); err != http.ErrContentLength {
				panic("no error")
			}
		}},
		{"shorter than said", func(w http.ResponseWriter) { w.Header().Set("Content-Length", "3"); io.WriteString(w, "ab") }},
		{"length zero", func(w http.ResponseWriter) { w.Header().Set("Content-Length", "0") }},
		{"codings", func(w http.ResponseWriter) { w.Header().Set("Transfer-Encoding", "chunked"); io.WriteString(w, much) }},
		{"file", func(w http.ResponseWriter) { sendFile(w, path, 100000, "text/plain") }},
		{"part of a file", func(w http.ResponseWriter) { sendFile(w, path, 5, "text/plain") }},
		{"file shorter than said", func(w http.ResponseWriter) { sendFile(w, path, 100001, "text/plain") }},
		{"file of unknown length", func(w http.ResponseWriter) { sendFile(w, path, -1, "text/plain") }},
		{"file without type", func(w http.ResponseWriter) { sendFile(w, path, 100000, "") }},
		{"204", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "3")
			w.WriteHeader(204)
			if _, err := io.WriteString(w, "abc"); err != http.ErrBodyNotAllowed {
				panic("no error")
			}
		}},
		{"304", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "3")
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Etag", `"x"`)
			w.WriteHeader(304)
			w.(http.Flusher).Flush()
		}},
		{"404", func(w http.ResponseWriter) { http.Error(w, "no", 404) }},
		{"a code without name", func(w http.ResponseWriter) { w.WriteHeader(599); w.WriteHeader(200) }},
		{"no code", func(w http.ResponseWriter) { w.WriteHeader(99) }},
		{"early hints", func(w http.ResponseWriter) {
			w.Header().Set("Link", "</a>")
			w.Header().Set("Content-Length", "6")
			w.WriteHeader(103)
			w.WriteHeader(102)
			w.Header().Del("Link")
			io.WriteString(w, "<html>")
		}},
		{"header after it was sent", func(w http.ResponseWriter) {
			w.WriteHeader(200)
			w.Header().Set("X", "y")
			io.WriteString(w, "a")
		}},
		{"values that would be several", func(w http.ResponseWriter) {
			w.Header()["X"] = []string{" a\r\nB: c ", "d"}
			w.Header()["No Name"] = []string{"a"}
			w.Header()["X:y"] = []string{"a"}
		}},
		{"date", func(w http.ResponseWriter) { w.Header().Set("Date", "then") }},
		{"no date", func(w http.ResponseWriter) { w.Header()["Date"] = nil }},
		{"close", func(w http.ResponseWriter) { w.Header().Set("Connection", "close"); io.WriteString(w, "a") }},
		{"another option", func(w http.ResponseWriter) { w.Header().Set("Connection", "X"); w.Header().Set("X", "y") }},
		{"trailer", func(w http.ResponseWriter) {
			w.Header().Set("Trailer", "X, y")
			io.WriteString(w, "abc")
			w.Header().Set("X", "1")
			w.Header().Set("Y", "2")
			w.Header().Set("Z", "3")
		}},
		{"trailer that was not announced", func(w http.ResponseWriter) {
			io.WriteString(w, much)
			w.Header().Set(http.TrailerPrefix+"X", "1")
		}},
		{"trailer early", func(w http.ResponseWriter) {
			w.Header().Set(http.TrailerPrefix+"X", "1")
			io.WriteString(w, "abc")
		}},
		{"abort", func(w http.ResponseWriter) { io.WriteString(w, "abc"); panic(http.ErrAbortHandler) }},
		{"abort in the middle", func(w http.ResponseWriter) {
			io.WriteString(w, "abc")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}},
		{"panic", func(w http.ResponseWriter) { panic("x") }},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(tt.name+" "+method, func(t *testing.T) {
				t.Parallel()
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tt.handler(w) })
				got := answers(t, dial(t, simple(t, newServer(h))), method)
				want := answers(t, dial(t, full(h)), method)
				if !slices.Equal(got, want) {
					t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			})
		}
	}
}

// A length that is none is not sent.
func TestBadLength(t *testing.T) {
	t.Parallel()
	for _, length := range []string{"x", "-1", ""} {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", length)
			io.WriteString(w, "ab")
		})
		got := answers(t, dial(t, simple(t, newServer(h))), "GET")
		if got[1] != "length 2 [] close false" {
			t.Errorf("%q: %s", length, got[1])
		}
	}
}

// sendFile sends a file with a length as said, -1 for none.
func sendFile(w http.ResponseWriter, path string, length int64, typ string) {
	f, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	var src io.Reader = f
	if length >= 0 {
		w.Header().Set("Content-Length", fmt.Sprint(length))
		src = io.LimitReader(f, length)
	}
	if typ != "" {
		w.Header().Set("Content-Type", typ)
	}
	w.(io.ReaderFrom).ReadFrom(src)
}
