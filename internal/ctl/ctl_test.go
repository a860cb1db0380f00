package ctl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// calls are handlers that tests use.
func calls() map[string]Handler {
	return map[string]Handler{
		"add": func(ctx context.Context, c *Call) (any, error) {
			var l []int
			if err := c.Params(&l); err != nil {
				return nil, err
			}
			sum := 0
			for _, n := range l {
				sum += n
			}
			return sum, nil
		},
		// upper returns its input in upper case, and tells progress for each read.
		"upper": func(ctx context.Context, c *Call) (any, error) {
			buf := make([]byte, 1000)
			total := 0
			for {
				n, err := c.Input().Read(buf)
				total += n
				c.Output().Write(bytes.ToUpper(buf[:n]))
				if perr := c.Progress(total); perr != nil {
					return nil, perr
				}
				if errors.Is(err, io.EOF) {
					return total, nil
				} else if err != nil {
					return nil, err
				}
			}
		},
		"refuse": func(context.Context, *Call) (any, error) { return nil, errors.New("no such account") },
		"panic":  func(context.Context, *Call) (any, error) { panic("bug") },
		"wait": func(ctx context.Context, c *Call) (any, error) {
			if err := c.Progress("waiting"); err != nil {
				return nil, err
			}
			<-ctx.Done()
			return nil, fmt.Errorf("stopped: %w", ctx.Err())
		},
	}
}

// start serves on a socket in a new directory.
func start(t *testing.T, handlers map[string]Handler) (dir string, s *Server) {
	t.Helper()
	dir = t.TempDir()
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	s = New(Options{Handlers: handlers, Version: "test"})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return dir, s
}

func client(t *testing.T, dir string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCalls(t *testing.T) {
	t.Parallel()
	dir, s := start(t, calls())
	for name, c := range map[string]*Client{"socket": client(t, dir), "local": Local(s)} {
		t.Run(name, func(t *testing.T) {
			var sum int
			if err := c.Call(t.Context(), "add", []int{1, 2, 3}, Streams{}, &sum); err != nil || sum != 6 {
				t.Errorf("add: %d, %v", sum, err)
			}
			if err := c.Call(t.Context(), "add", nil, Streams{}, nil); err != nil {
				t.Errorf("add without parameters and result: %v", err)
			}

			// More than fits into any buffer.
			input := strings.Repeat("some text\n", 300_000)
			var output strings.Builder
			var last, total int
			err := c.Call(t.Context(), "upper", nil, Streams{
				Input:  strings.NewReader(input),
				Output: &output,
				Progress: func(value json.RawMessage) {
					if err := json.Unmarshal(value, &last); err != nil {
						t.Error(err)
					}
				},
			}, &total)
			if err != nil || output.String() != strings.ToUpper(input) || total != len(input) || last != total {
				t.Errorf("upper: %v, %d bytes of output, result %d, last progress %d, want %d", err, output.Len(), total, last, len(input))
			}

			var remote *RemoteError
			err = c.Call(t.Context(), "refuse", nil, Streams{}, nil)
			if !errors.As(err, &remote) || remote.Text != "no such account" {
				t.Errorf("refuse: %v", err)
			}
			// The error must be told also when the client is still sending.
			err = c.Call(t.Context(), "refuse", nil, Streams{Input: endless{}}, nil)
			if !errors.As(err, &remote) || remote.Text != "no such account" {
				t.Errorf("refuse with input: %v", err)
			}
			if err := c.Call(t.Context(), "panic", nil, Streams{}, nil); !errors.As(err, &remote) {
				t.Errorf("panic: %v", err)
			}
			if err := c.Call(t.Context(), "add", "text", Streams{}, nil); !errors.As(err, &remote) {
				t.Errorf("bad parameters: %v", err)
			}
			if err := c.Call(t.Context(), "none", nil, Streams{}, nil); !errors.As(err, &remote) || !strings.Contains(remote.Text, `does not know "none"`) {
				t.Errorf("unknown call: %v", err)
			}
		})
	}
}

// endless is input without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestBrokenInputIsTheClientsError(t *testing.T) {
	t.Parallel()
	dir, _ := start(t, calls())
	broken := errors.New("disk on fire")
	err := client(t, dir).Call(t.Context(), "upper", nil, Streams{Input: io.MultiReader(strings.NewReader("x"), failing{broken})}, nil)
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// When the command is interrupted, the server's work for it ends, and input that is
// cut off is not taken for complete.
func TestCancel(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	handlers := calls()
	wait := handlers["wait"]
	handlers["wait"] = func(ctx context.Context, c *Call) (any, error) {
		r, err := wait(ctx, c)
		ended <- err
		return r, err
	}
	handlers["all"] = func(ctx context.Context, c *Call) (any, error) {
		if err := c.Progress(0); err != nil {
			return nil, err
		}
		_, err := io.Copy(io.Discard, c.Input())
		ended <- err
		return nil, err
	}
	dir, _ := start(t, handlers)
	for _, name := range []string{"wait", "all"} {
		ctx, cancel := context.WithCancel(t.Context())
		pr, pw := io.Pipe()
		err := client(t, dir).Call(ctx, name, nil, Streams{Input: pr, Progress: func(json.RawMessage) { cancel() }}, nil)
		pw.Close()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: client got %v", name, err)
		}
		if err := <-ended; err == nil {
			t.Errorf("%s: handler took the end of the connection for success", name)
		}
	}
}

func TestShutdownEndsCalls(t *testing.T) {
	t.Parallel()
	dir, s := start(t, calls())
	c := client(t, dir)
	waiting := make(chan struct{})
	result := make(chan error, 1)
	go func() {
		result <- c.Call(context.Background(), "wait", nil, Streams{Progress: func(json.RawMessage) { close(waiting) }}, nil)
	}()
	<-waiting
	// A client that says nothing must not delay the end.
	silent, err := net.Dial("unix", filepath.Join(dir, Name))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var remote *RemoteError
	if err := <-result; !errors.As(err, &remote) || !strings.HasPrefix(remote.Text, "stopped") {
		t.Errorf("client got %v, want the handler's error", err)
	}
	if err := c.Call(t.Context(), "add", nil, Streams{}, nil); err == nil {
		t.Error("call after shutdown succeeded")
	}
	if _, err := Dial(t.Context(), dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("dial after shutdown: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, Name)); err == nil {
		t.Error("the socket is still there")
	}
}

func TestSocket(t *testing.T) {
	t.Parallel()
	if _, err := Dial(t.Context(), t.TempDir()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("dial without server: %v", err)
	}

	dir, _ := start(t, calls())
	fi, err := os.Stat(filepath.Join(dir, Name))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("socket has mode %v, %v; want only the owner to have access", fi.Mode(), err)
	}
	if _, err := Listen(dir); !errors.Is(err, ErrRunning) {
		t.Errorf("second server: %v", err)
	}

	// What a killed server leaves.
	stale := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(stale, Name), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(t.Context(), stale); !errors.Is(err, ErrNotRunning) {
		t.Errorf("dial to a stale socket: %v", err)
	}
	l2, err := Listen(stale)
	if err != nil {
		t.Errorf("stale socket is in the way: %v", err)
	} else {
		l2.Close()
	}
}

func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Handlers: calls()})
	go s.Serve(l)
	defer s.Shutdown(context.Background())
	var sum int
	if err := client(t, dir).Call(t.Context(), "add", []int{4}, Streams{}, &sum); err != nil || sum != 4 {
		t.Errorf("%d, %v", sum, err)
	}
}

// Who does not speak the protocol gets no further than that.
func TestBadClients(t *testing.T) {
	t.Parallel()
	dir, _ := start(t, calls())
	for _, tc := range []struct{ name, send, want string }{
		{"not JSON", "GET / HTTP/1.1\r\n\r\n", ""},
		{"other version", `{"version":99,"call":"add"}` + "\n", "speaks version 1"},
		{"nothing", "", ""},
		{"cut line", `{"version":1`, ""},
		{"huge line", strings.Repeat("x", maxLine+1), ""},
		{"bad size", `{"version":1,"call":"upper"}` + "\n" + `{"kind":"data","size":-1}` + "\n", "not the protocol"},
		{"huge data", `{"version":1,"call":"upper"}` + "\n" + `{"kind":"data","size":2000000000}` + "\n", "not the protocol"},
		{"cut data", `{"version":1,"call":"upper"}` + "\n" + `{"kind":"data","size":5}` + "\nab", "unexpected EOF"},
		{"kind of a server", `{"version":1,"call":"upper"}` + "\n" + `{"kind":"result"}` + "\n", "not the protocol"},
	} {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: filepath.Join(dir, Name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		// Errors show in what is read.
		io.WriteString(conn, tc.send)
		conn.CloseWrite()
		answer, _ := io.ReadAll(conn)
		conn.Close()
		_, after, _ := strings.Cut(string(answer), "\n")
		if tc.want == "" && strings.Contains(after, `"kind":"result"`) || !strings.Contains(after, tc.want) {
			t.Errorf("%s: answer %q, want %q", tc.name, after, tc.want)
		}
	}
}

func FuzzServer(f *testing.F) {
	f.Add([]byte(`{"version":1,"call":"upper","params":null}` + "\n" + `{"kind":"data","size":3}` + "\nabc" + `{"kind":"end"}` + "\n"))
	f.Add([]byte(`{"version":1,"call":"add","params":[1,2]}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		handlers := calls()
		delete(handlers, "panic")
		delete(handlers, "wait")
		s := New(Options{Handlers: handlers})
		client, server := net.Pipe()
		s.serveConn(server)
		go func() {
			client.Write(data)
			// The far side of a pipe sees the end only when all is closed.
			client.Close()
		}()
		io.Copy(io.Discard, client)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// exhausted is a listener for which the process lacks file descriptors at first.
type exhausted struct {
	net.Listener
	failures int
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// A lack of file descriptors passes; it does not end the server.
func TestServeOutlivesAcceptErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Handlers: calls()})
	served := make(chan error, 1)
	go func() { served <- s.Serve(&exhausted{l, 3}) }()
	c, err := Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var sum int
	if err := c.Call(t.Context(), "add", []int{1, 2}, Streams{}, &sum); err != nil || sum != 3 {
		t.Errorf("add: %d, %v", sum, err)
	}
	l.Close() // By somebody else: that is an error.
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Errorf("serve: %v, want net.ErrClosed", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}
