package tcp

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// pair returns both ends of a connection, ours wrapped.
func pair(t *testing.T) (ours net.Conn, theirs *net.TCPConn) {
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
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close(); in.Close() })
	return Wrap(in), out.(*net.TCPConn)
}

// random returns as many bytes.
func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// Pieces of all sizes arrive in both directions at once.
func TestBothWays(t *testing.T) {
	t.Parallel()
	ours, theirs := pair(t)
	data := random(8 << 20)
	var wg sync.WaitGroup
	send := func(c net.Conn) {
		r := rand.New(rand.NewPCG(1, 2))
		for rest := data; len(rest) > 0; {
			p := rest[:min(len(rest), 1+r.IntN(100<<10))]
			if n, err := c.Write(p); n != len(p) || err != nil {
				t.Errorf("wrote %d of %d, %v", n, len(p), err)
				return
			}
			rest = rest[len(p):]
		}
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
	}
	receive := func(name string, c net.Conn) {
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
	}
	wg.Go(func() { send(ours) })
	wg.Go(func() { send(theirs) })
	wg.Go(func() { receive("ours", ours) })
	wg.Go(func() { receive("theirs", theirs) })
	wg.Wait()
	if n, err := ours.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
}

// Several writers at once do not get into each other's pieces.
func TestConcurrentWrites(t *testing.T) {
	t.Parallel()
	ours, theirs := pair(t)
	const writers, each, size = 8, 50, 10 << 10
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for range each {
				if _, err := ours.Write(bytes.Repeat([]byte{byte(i)}, size)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var seen [writers]int
	p := make([]byte, size)
	for range writers * each {
		if _, err := io.ReadFull(theirs, p); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p, bytes.Repeat(p[:1], size)) {
			t.Fatal("pieces are mixed")
		}
		seen[p[0]]++
	}
	for i, n := range seen {
		if n != each {
			t.Errorf("%d pieces of writer %d", n, i)
		}
	}
	wg.Wait()
}

// What more follows comes before that.
func TestWriteMore(t *testing.T) {
	t.Parallel()
	ours, theirs := pair(t)
	m, ok := ours.(interface{ WriteMore([]byte) (int, error) })
	if !ok {
		t.Skip("this system has none")
	}
	data := random(1 << 20)
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sent := make(chan error, 1)
	go func() {
		defer ours.Close()
		if n, err := m.WriteMore([]byte("head")); n != 4 || err != nil {
			sent <- err
			return
		}
		_, err := ours.(io.ReaderFrom).ReadFrom(f)
		sent <- err
	}()
	got, err := io.ReadAll(theirs)
	if serr := <-sent; err != nil || serr != nil || !bytes.Equal(got, append([]byte("head"), data...)) {
		t.Errorf("got %d bytes, %v, %v", len(got), err, serr)
	}
}

// Calls that cannot go on end with the errors of package net.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(ours net.Conn, theirs *net.TCPConn) (int, error)
		n    int
		want error
	}{
		{"read, nothing comes", func(ours net.Conn, _ *net.TCPConn) (int, error) {
			ours.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			return ours.Read(make([]byte, 1))
		}, 0, os.ErrDeadlineExceeded},
		{"read, too late for what is there", func(ours net.Conn, theirs *net.TCPConn) (int, error) {
			theirs.Write([]byte("x"))
			ours.SetReadDeadline(time.Unix(1, 0))
			return ours.Read(make([]byte, 1))
		}, 0, os.ErrDeadlineExceeded},
		{"read, closed before", func(ours net.Conn, _ *net.TCPConn) (int, error) {
			ours.Close()
			return ours.Read(make([]byte, 1))
		}, 0, net.ErrClosed},
		{"read, closed meanwhile", func(ours net.Conn, _ *net.TCPConn) (int, error) {
			time.AfterFunc(10*time.Millisecond, func() { ours.Close() })
			return ours.Read(make([]byte, 1))
		}, 0, net.ErrClosed},
		{"read of nothing", func(ours net.Conn, _ *net.TCPConn) (int, error) { return ours.Read(nil) }, 0, nil},
		{"write, closed before", func(ours net.Conn, _ *net.TCPConn) (int, error) {
			ours.Close()
			return ours.Write([]byte("x"))
		}, 0, net.ErrClosed},
		{"write, too late", func(ours net.Conn, _ *net.TCPConn) (int, error) {
			ours.SetWriteDeadline(time.Unix(1, 0))
			return ours.Write([]byte("x"))
		}, 0, os.ErrDeadlineExceeded},
		{"write of nothing", func(ours net.Conn, _ *net.TCPConn) (int, error) { return ours.Write(nil) }, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := pair(t)
			if n, err := tt.do(ours, theirs); n != tt.n || !errors.Is(err, tt.want) {
				t.Errorf("%d, %v, want %d, %v", n, err, tt.n, tt.want)
			}
		})
	}
}

// A write that the other end stops taking tells how much it took, so that it can be gone on with.
func TestPartialWrite(t *testing.T) {
	t.Parallel()
	ours, theirs := pair(t)
	// Some systems would otherwise keep as much as there is.
	if err := errors.Join(theirs.SetReadBuffer(64<<10), ours.(interface{ SetWriteBuffer(int) error }).SetWriteBuffer(64<<10)); err != nil {
		t.Fatal(err)
	}
	data := random(16 << 20)
	written := 0
	for {
		ours.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := ours.Write(data[written:min(len(data), written+30000)])
		written += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil || written == len(data) {
			t.Fatalf("wrote %d, %v", written, err)
		}
	}
	got := make([]byte, written)
	if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got, data[:written]) {
		t.Errorf("%v, or other bytes", err)
	}
}

// The end of a connection that was cut is an error of the network, of the call.
func TestReset(t *testing.T) {
	t.Parallel()
	ours, theirs := pair(t)
	if err := theirs.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	_, err := ours.Read(make([]byte, 1))
	var oe *net.OpError
	if !errors.As(err, &oe) || oe.Op != "read" || oe.Timeout() || err == io.EOF {
		t.Errorf("%v", err)
	}
	if _, err := ours.Write([]byte("x")); !errors.As(err, &oe) || oe.Op != "write" {
		t.Errorf("%v", err)
	}
}

// What comes before a write comes before its read, also for the race detector.
func TestOrder(t *testing.T) {
	t.Parallel()
	ours, theirs := pair(t)
	asked, answered := 0, 0
	go func() {
		var p [1]byte
		if _, err := ours.Read(p[:]); err == nil {
			answered = asked + 1
			ours.Write(p[:])
		}
	}()
	asked = 1
	theirs.Write([]byte("x"))
	if _, err := io.ReadFull(theirs, make([]byte, 1)); err != nil || answered != 2 {
		t.Errorf("%d, %v", answered, err)
	}
}

// Other connections stay what they are.
func TestOther(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if Wrap(a) != a {
		t.Error("a pipe was wrapped")
	}
}

// Reading and writing allocates nothing.
func TestAllocations(t *testing.T) {
	ours, theirs := pair(t)
	p, q := []byte("request"), make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() {
		theirs.Write(p)
		ours.Read(q)
		ours.Write(p)
		theirs.Read(q)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
