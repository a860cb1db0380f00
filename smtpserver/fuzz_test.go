package smtpserver

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"mox/internal/memnet"
)

// replyLine is what every line of the server looks like.
var replyLine = regexp.MustCompile(`^[2-5][0-9][0-9]([ -][^\x00-\x08\x0a-\x1f\x7f]*)?\r$`)

// FuzzServer sends bytes in each state of a connection. Whatever they are, the server answers
// in well-formed lines and ends the connection after the client did.
func FuzzServer(f *testing.F) {
	states := []string{
		"",
		"EHLO b.example\r\n",
		"EHLO b.example\r\nMAIL FROM:<a@b.example> SMTPUTF8\r\n",
		"EHLO b.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\n",
		"EHLO b.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n",
		"EHLO b.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\nBDAT 3\r\nab\r",
		"EHLO b.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\nBDAT 20\r\n",
		"EHLO b.example\r\nMAIL FROM:<a@b.example> BODY=BINARYMIME\r\nRCPT TO:<alice@example.org>\r\nBDAT 2\r\n\r\n",
		"EHLO b.example\r\nAUTH PLAIN\r\n",
		"EHLO b.example\r\nAUTH LOGIN\r\nYWxpY2U=\r\n",
		"EHLO b.example\r\nAUTH PLAIN AGFsaWNlAHMzY3JldA==\r\n",
		"EHLO b.example\r\nAUTH PLAIN AGFsaWNlAHMzY3JldA==\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<x@remote.example>\r\nDATA\r\n",
		"EHLO b.example\r\nSTARTTLS\r\n",
	}
	for i := range states {
		for _, s := range []string{
			"NOOP\r\n",
			"EHLO [IPv6:2001:db8::1]\r\nHELP\r\nVRFY x\r\nEXPN x\r\nRSET\r\nQUIT\r\n",
			"MAIL FROM:<\"a b\"@b.example> SIZE=100 BODY=8BITMIME SMTPUTF8 AUTH=<>\r\nRCPT TO:<postmaster>\r\nDATA\r\n",
			simple + ".\r\nMAIL FROM:<>\r\n",
			"From: alice@example.org\r\nBcc: x\r\n y\r\n\r\n..\r\n.\n.\r\n.\r\n",
			"BDAT 3\r\n\n\r\nBDAT 0 LAST\r\nBDAT 5 LAST\r\n12345BDAT\r\nBDAT x\r\nBDAT 9223372036854775807\r\n",
			"\r\n.\r\n", "\n", "\r", "\x00", ".\r\n", "*\r\n", "=\r\n",
			"AGFsaWNlAHMzY3JldA==\r\n",
			"GET / HTTP/1.1\r\n\r\n",
			"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
			strings.Repeat("x", 5000) + "\r\n",
		} {
			f.Add(uint8(i), []byte(s))
		}
	}
	mx := newServer(f, func(_ *Options, lo *ListenerOptions) { lo.TLSConfig = testTLS(); lo.Unlimited = everyone })
	users := newServer(f, func(o *Options, lo *ListenerOptions) { submission(o, lo); lo.Unlimited = everyone })
	f.Fuzz(func(t *testing.T, state uint8, data []byte) {
		for _, ts := range []*testServer{mx, users} {
			nc, err := ts.ln.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(hangTimeout))
			go func() {
				fmt.Fprintf(nc, "%s%s", states[int(state)%len(states)], data)
				nc.(*memnet.Conn).CloseWrite()
			}()
			out, err := io.ReadAll(nc)
			if err != nil && !strings.Contains(err.Error(), "reset") {
				t.Fatalf("the connection does not end: %v", err)
			}
			lines := strings.SplitAfter(string(out), "\n")
			if last := lines[len(lines)-1]; last != "" && !strings.HasPrefix(last, "\x15") {
				t.Fatalf("the last line has no end: %q", last)
			}
			for _, line := range lines[:len(lines)-1] {
				if strings.HasPrefix(line, "\x15") {
					break // A TLS alert.
				}
				if !replyLine.MatchString(strings.TrimSuffix(line, "\n")) {
					t.Fatalf("reply %q", line)
				}
			}
		}
	})
}
