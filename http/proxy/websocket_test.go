package proxy_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"mox/http/proxy"
	"mox/internal/memnet"
)

// echo is a WebSocket server that sends back what it gets.
func echo(t testing.TB) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"echo"}, InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(32 << 20)
		for {
			kind, b, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if string(b) == "close" {
				c.Close(4321, "as you wish")
				return
			}
			if c.Write(r.Context(), kind, b) != nil {
				return
			}
		}
	})
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	up := echo(t)
	for _, secure := range []bool{false, true} {
		server, _ := startServer(t, proxy.Options{}, up)
		if secure {
			server.StartTLS()
		} else {
			server.Start()
		}
		ctx := t.Context()
		c, resp, err := websocket.Dial(ctx, strings.Replace(server.URL, "http", "ws", 1), &websocket.DialOptions{HTTPClient: server.Client(), Subprotocols: []string{"echo"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		if resp.StatusCode != 101 || c.Subprotocol() != "echo" {
			t.Errorf("got %s, subprotocol %q", resp.Status, c.Subprotocol())
		}
		c.SetReadLimit(32 << 20)
		for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20} {
			b := bytes.Repeat([]byte{byte(size), 7, 9}, size/3+1)[:size]
			sent := make(chan error, 1)
			go func() { sent <- c.Write(ctx, websocket.MessageBinary, b) }()
			kind, got, err := c.Read(ctx)
			if err != nil || kind != websocket.MessageBinary || !bytes.Equal(got, b) {
				t.Fatalf("%d bytes: %v, %v, %d bytes", size, err, kind, len(got))
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
		}
		c.Write(ctx, websocket.MessageText, []byte("close"))
		if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != 4321 || !strings.Contains(err.Error(), "as you wish") {
			t.Errorf("closed with %v", err)
		}
	}
}

// frame is a masked frame of a client (RFC 6455 §5.2), with a mask of zeros.
func frame(final bool, opcode byte, payload string) string {
	first := opcode
	if final {
		first |= 0x80
	}
	b := []byte{first, 0x80 | byte(len(payload))}
	if len(payload) > 125 {
		b = binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(len(payload)))
	}
	return string(b) + "\x00\x00\x00\x00" + payload
}

// readFrame reads a short frame of a server.
func readFrame(t testing.TB, r *bufio.Reader) (opcode byte, payload string) {
	t.Helper()
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, head[1]&0x7f)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return head[0] & 0x0f, string(b)
}

const handshake = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

func TestWebSocketFrames(t *testing.T) {
	t.Parallel()
	c, br := dial(t, start(t, proxy.Options{ResponseHeaders: http.Header{"X-Set": {"1"}}}, echo(t)))
	// The first frame comes with the handshake, before the answer.
	io.WriteString(c, handshake+frame(true, 1, "early"))
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, resp, 101)
	if resp.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || resp.Header.Get("X-Set") != "1" {
		t.Errorf("got %v", resp.Header)
	}
	want := func(opcode byte, payload string) {
		t.Helper()
		if o, p := readFrame(t, br); o != opcode || p != payload {
			t.Fatalf("got %d %q, want %d %q", o, p, opcode, payload)
		}
	}
	want(1, "early")
	// A fragmented message, with pings between its frames.
	io.WriteString(c, frame(false, 1, "a")+frame(true, 9, "p1")+frame(false, 0, "")+frame(false, 0, "b")+frame(true, 9, "p2"))
	want(10, "p1")
	want(10, "p2")
	io.WriteString(c, frame(true, 0, "c"))
	want(1, "abc")
	// Byte by byte.
	for _, b := range []byte(frame(true, 1, "slow")) {
		c.Write([]byte{b})
	}
	want(1, "slow")
	io.WriteString(c, frame(true, 8, "\x03\xe8bye"))
	want(8, "\x03\xe8bye")
	if b, err := io.ReadAll(br); len(b) > 0 || err != nil {
		t.Errorf("after the close: %q, %v", b, err)
	}
}

// tunnelUpstream changes to a protocol, then does what f does.
func tunnelUpstream(t testing.TB, protocol string, f func(c net.Conn, r *bufio.Reader)) string {
	return script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\nearly ", protocol)
			f(c, r)
		}
	})
}

func TestHalfClosedTunnels(t *testing.T) {
	t.Parallel()
	t.Run("client first", func(t *testing.T) {
		t.Parallel()
		up := tunnelUpstream(t, "other/2", func(c net.Conn, r *bufio.Reader) {
			b, _ := io.ReadAll(r)
			fmt.Fprintf(c, "got %s", b)
		})
		c, br := dial(t, start(t, proxy.Options{}, up))
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other/2, h2c\r\n\r\n")
		resp, err := http.ReadResponse(br, nil)
		if err != nil || resp.Header.Get("Upgrade") != "other/2" {
			t.Fatal(resp, err)
		}
		io.WriteString(c, "all of it")
		c.(*net.TCPConn).CloseWrite()
		if b, err := io.ReadAll(br); string(b) != "early got all of it" || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
	})
	t.Run("upstream first", func(t *testing.T) {
		t.Parallel()
		got := make(chan string, 1)
		up := tunnelUpstream(t, "other", func(c net.Conn, r *bufio.Reader) {
			c.(*net.TCPConn).CloseWrite()
			b, _ := io.ReadAll(r)
			got <- string(b)
		})
		c, br := dial(t, start(t, proxy.Options{}, up))
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
		if _, err := http.ReadResponse(br, nil); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(br); string(b) != "early " || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
		io.WriteString(c, "still here")
		c.Close()
		if s := <-got; s != "still here" {
			t.Errorf("upstream got %q", s)
		}
	})
}

func TestRefusedUpgrades(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		response string
		code     int
	}{
		"refused":        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403},
		"other protocol": {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n", 502},
		"no protocol":    {"HTTP/1.1 101 Switching Protocols\r\n\r\n", 502},
	} {
		c, br := dial(t, start(t, proxy.Options{}, answer(t, tc.response)))
		io.WriteString(c, handshake)
		resp, err := http.ReadResponse(br, nil)
		if err != nil || resp.StatusCode != tc.code {
			t.Errorf("%s: got %v, %v", name, resp, err)
		}
	}
}

func TestIdleTunnelsEnd(t *testing.T) {
	t.Parallel()
	bubble(t, proxy.Options{TunnelTimeout: time.Minute}, func(w http.ResponseWriter, _ *http.Request) {
		c, brw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
		io.Copy(c, brw)
	}, func(t *testing.T, h *proxy.Handler, _ func(string) (int, time.Duration)) {
		l := memnet.Listen("192.0.2.3:80")
		s := &http.Server{Handler: h}
		go s.Serve(l)
		client, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
		br := bufio.NewReader(client)
		if _, err := http.ReadResponse(br, nil); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for range 3 {
			time.Sleep(50 * time.Second)
			io.WriteString(client, "x")
			if b, err := br.ReadByte(); b != 'x' || err != nil {
				t.Fatalf("got %q, %v", b, err)
			}
		}
		if _, err := br.ReadByte(); err == nil || time.Since(begin) != 210*time.Second {
			t.Errorf("ended with %v after %s", err, time.Since(begin))
		}
		s.Close()
	})
}
