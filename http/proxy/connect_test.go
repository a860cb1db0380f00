package proxy_test

//lint:file-ignore SA1019 The transport of net/http has no extended CONNECT.

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"mox/http/proxy"
)

// net/http knows extended CONNECT only with this in the environment.
const extendedConnect = "http2xconnect=1"

// A WebSocket over a stream of HTTP/2 reaches an upstream that speaks HTTP/1.1 (RFC 8441 §5).
func TestExtendedConnect(t *testing.T) {
	t.Parallel()
	if !strings.Contains(os.Getenv("GODEBUG"), extendedConnect) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestExtendedConnect$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG="+extendedConnect)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS: TestExtendedConnect") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	server, _ := startServer(t, proxy.Options{}, echo(t))
	server.EnableHTTP2 = true
	server.StartTLS()
	client := &http2.Transport{TLSClientConfig: server.Client().Transport.(*http.Transport).TLSClientConfig}
	t.Cleanup(client.CloseIdleConnections)
	open := func(protocol string) (*http.Response, io.WriteCloser) {
		pr, pw := io.Pipe()
		r := request(t, "CONNECT", server.URL+"/chat", pr)
		r.Header[":protocol"] = []string{protocol}
		r.Header.Set("Sec-WebSocket-Version", "13")
		resp, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		return resp, pw
	}
	resp, pw := open("websocket")
	wantCode(t, resp, 200)
	if resp.Header.Get("Sec-Websocket-Accept") != "" || resp.Header.Get("Upgrade") != "" {
		t.Errorf("got %v", resp.Header)
	}
	want := func(wanted string) {
		t.Helper()
		b := make([]byte, len(wanted))
		if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != wanted {
			t.Fatalf("got %q, %v", b, err)
		}
	}
	for range 3 {
		io.WriteString(pw, frame(true, 1, "hello"))
		want("\x81\x05hello")
	}
	io.WriteString(pw, frame(true, 8, ""))
	want("\x88\x00")
	if b, err := io.ReadAll(resp.Body); len(b) > 0 || err != nil {
		t.Errorf("after the close: %q, %v", b, err)
	}
	pw.Close()

	resp, pw = open("other")
	wantCode(t, resp, 501)
	pw.Close()
}
