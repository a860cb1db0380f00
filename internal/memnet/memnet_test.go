package memnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

func TestConn(t *testing.T) {
	t.Parallel()
	nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
		a, b = Pipe()
		return a, b, func() { a.Close(); b.Close() }, nil
	})
}

func TestWriteDoesNotWaitForReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe()
		data := bytes.Repeat([]byte("0123456789"), bufferSize/5) // Twice the buffer.
		if n, err := a.Write(data[:bufferSize]); n != bufferSize || err != nil {
			t.Fatal(n, err)
		}
		done := make(chan error)
		go func() {
			_, err := a.Write(data[bufferSize:])
			a.Close()
			done <- err
		}()
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("write into a full buffer did not wait")
		default:
		}
		var got []byte
		p := make([]byte, 1000) // Does not divide the ring.
		for {
			n, err := b.Read(p)
			got = append(got, p[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(got) == 5000 {
				synctest.Wait()
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, data) {
			t.Fatal("read other bytes than were written")
		}
	})
}

func TestDeadlinesFollowTheClockOfTheBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe()
		defer a.Close()
		defer b.Close()
		start := time.Now()
		a.SetReadDeadline(start.Add(5 * time.Minute))
		_, err := a.Read(make([]byte, 1))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 5*time.Minute {
			t.Fatalf("read ended with %v after %v", err, time.Since(start))
		}
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() {
			t.Fatalf("%v is no timeout", err)
		}
		// A deadline moved later lets reads go on.
		a.SetReadDeadline(time.Now().Add(time.Minute))
		go b.Write([]byte("x"))
		if _, err := a.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	a, b := Pipe()
	a.Write([]byte("last words"))
	a.Close()
	if got, err := io.ReadAll(b); string(got) != "last words" || err != nil {
		t.Fatalf("read %q, %v after the other end closed", got, err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("write to closed peer: %v", err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("read after close: %v", err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("write after close: %v", err)
	}
	if err := a.Close(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("second close: %v", err)
	}

	a, b = Pipe()
	a.(*Conn).CloseWrite()
	b.Write([]byte("answer"))
	b.Close()
	if got, err := io.ReadAll(a); string(got) != "answer" || err != nil {
		t.Fatalf("read %q, %v after half-close", got, err)
	}
}

// Who reads that a connection was closed at this end cannot write to it any more.
func TestCloseEndsBothDirectionsAtOnce(t *testing.T) {
	t.Parallel()
	for range 1000 {
		a, _ := Pipe()
		written := make(chan error)
		go func() {
			a.Read(make([]byte, 1))
			_, err := a.Write([]byte("late"))
			written <- err
		}()
		a.Close()
		if err := <-written; !errors.Is(err, net.ErrClosed) {
			t.Fatalf("write after a read that failed: %v", err)
		}
	}
}

func TestListener(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	l := Listen("192.0.2.1:25")
	c, err := l.DialFrom(ctx, "198.51.100.7:1234")
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if s.RemoteAddr().(*net.TCPAddr).String() != "198.51.100.7:1234" || c.RemoteAddr().String() != l.Addr().String() || s.LocalAddr().String() != "192.0.2.1:25" {
		t.Fatal("addresses", s.RemoteAddr(), c.RemoteAddr(), s.LocalAddr())
	}
	c1, err1 := l.Dial(ctx)
	c2, err2 := l.Dial(ctx)
	if err1 != nil || err2 != nil || c1.LocalAddr().String() == c2.LocalAddr().String() {
		t.Fatal("dialers without an address of their own", err1, err2)
	}
	l.Close()
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("accept after close: %v", err)
	}
	if _, err := l.Dial(ctx); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("dial after close: %v", err)
	}
	if _, err := c1.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("connection that was never accepted: %v", err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatalf("accepted connection after close of the listener: %v", err)
	}

	full := Listen("mem")
	if full.Addr().String() != "mem" {
		t.Fatal(full.Addr())
	}
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	for {
		if _, err = full.Dial(ctx); err != nil {
			break
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("dial with a full backlog: %v", err)
	}
}
