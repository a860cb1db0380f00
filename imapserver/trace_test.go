package imapserver

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"mox/internal/logging"
)

// lockedBuffer takes the log of several connections.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestTraceHidesSecretsAndMessages(t *testing.T) {
	t.Parallel()
	const (
		plain    = "AG1veEBleGFtcGxlLm9yZwB0ZXN0dGVzdA=="
		incoming = "Subject: incoming\r\n\r\nsecret body\r\n"
	)
	// What is sent at once is read at once, also where one part is secret and the next is not.
	dialogue := func(c *testClient) {
		c.expect("* OK ...")
		c.send("a NOOP\r\nb LOGIN " + testLogin + " wrongpass\r\nc CAPABILITY\r\nd LOGN me mistyped\r\n")
		c.expect("a OK ...")
		c.expect("b NO ...")
		c.expect("* CAPABILITY ...")
		c.expect("c OK ...")
		c.expect("d BAD ...")
		c.send("e LOGIN {15+}\r\n" + testLogin + " {9+}\r\nliteralpw\r\n")
		c.expect("e NO ...")
		c.send("f AUTHENTICATE PLAIN\r\n")
		c.expect("+ ")
		c.send(plain + "\r\n")
		c.expect("f OK ...")
		c.send("g LOGIN " + testLogin + " lateagain\r\n")
		c.expect("g BAD ...")
		c.append("INBOX", "", incoming)
		c.cmd("APPEND nowhere {11+}\r\nsecret lost", "NO ...")
		c.cmd("SELECT INBOX", "OK ...")
		c.send("h FETCH 1 (UID BODY[])\r\n")
		got, rest := c.literal(c.readLine())
		if got != incoming || rest != ` FLAGS (\Seen \Recent))` {
			t.Errorf("got %q %q", got, rest)
		}
		c.expect("h OK ...")
		c.cmd("SEARCH SUBJECT incom", "OK ...")
		c.send("i IDLE\r\n")
		c.expect("+ Idling")
		c.send("DONE\r\n")
		c.expect("i OK ...")
		c.cmd("LOGOUT", "OK ...")
		c.expectEOF()
	}
	secrets := []string{"wrongpass", "mistyped", "literalpw", plain, "lateagain"}
	messages := []string{"secret body", "secret lost"}
	shown := []string{
		`data="a NOOP\r\n"`, `data="b LOGIN"`, `data="c CAPABILITY\r\n"`, `data="f AUTHENTICATE"`,
		"SELECT INBOX", "SEARCH SUBJECT incom", "i IDLE", "DONE", "h FETCH 1 (UID BODY[])", "h OK FETCH done",
		"APPEND INBOX ()", "LOGOUT",
	}
	for level, want := range map[slog.Level]struct{ has, hasNot []string }{
		slog.LevelDebug:        {nil, append([]string{"protocol", "NOOP"}, secrets...)},
		logging.LevelTrace:     {shown, append(secrets, messages...)},
		logging.LevelTraceauth: {append(shown, secrets...), messages},
		logging.LevelTracedata: {append(append(shown, secrets...), messages...), nil},
	} {
		t.Run(logging.LevelName(level), func(t *testing.T) {
			t.Parallel()
			var out lockedBuffer
			var levels logging.Levels
			levels.Set(level, nil)
			s := newServer(t, newStore(t, t.TempDir()), func(o *Options, _ *ListenerOptions) {
				o.Log = logging.New(&out, &levels)
			})
			dialogue(s.dial())
			got := out.String()
			for _, text := range want.has {
				if !strings.Contains(got, text) {
					t.Errorf("%q is missing", text)
				}
			}
			for _, text := range want.hasNot {
				if strings.Contains(got, text) {
					t.Errorf("%q is shown", text)
				}
			}
			if t.Failed() {
				t.Logf("trace:\n%s", got)
			}
		})
	}
}

// A message of any size is traced in pieces.
func TestTraceOfLargeMessage(t *testing.T) {
	t.Parallel()
	var out lockedBuffer
	var levels logging.Levels
	levels.Set(logging.LevelTracedata, nil)
	s := newServer(t, newStore(t, t.TempDir()), func(o *Options, _ *ListenerOptions) {
		o.Log = logging.New(&out, &levels)
	})
	c := s.login()
	c.append("INBOX", "", "Subject: large\r\n\r\n"+strings.Repeat("0123456789", 50000)+"\r\n")
	c.cmd("NOOP", "OK ...")
	if n := strings.Count(out.String(), "0123456789"); n < 49000 {
		t.Errorf("%d tens of bytes of the message are in the trace, want nearly 50000", n)
	}
	for line := range strings.Lines(out.String()) {
		if len(line) > 300<<10 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}
