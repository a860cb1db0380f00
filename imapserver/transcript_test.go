package imapserver

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mox/store"
)

var update = flag.Bool("update", false, "write what the server answered into the transcripts")

// TestTranscripts plays the dialogues of testdata/*.txt, each with a server of its own.
//
// A line "C: text" is sent, "S: text" is expected, where "..." stands for any text. "C1:", "S1:" and
// so on are other connections. "<<" ends a C line that is sent without CRLF. Lines that begin with "#"
// and empty ones are for the reader. "@" lines say what the test does, for the connection whose
// number they end with:
//
//	@login
//	@select INBOX
//	@append INBOX (\Seen) "Subject: one\r\n\r\nbody\r\n"
//	@starttls
//	@eof
//
// and on top which options the server has: @tls, @noplain, @quota 1000. A line "S: ??" is replaced by
// the whole answer to the last command by -update.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			playTranscript(t, file)
		})
	}
}

type transcript struct {
	t       *testing.T
	srv     *testServer
	clients map[string]*testClient
	out     []string
}

func playTranscript(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	tr := &transcript{t: t, clients: map[string]*testClient{}}
	tr.srv = newServer(t, newStore(t, t.TempDir(), transcriptQuota(t, text)), func(_ *Options, lo *ListenerOptions) {
		if strings.Contains(text, "\n@tls\n") {
			lo.TLS = testTLS()
		}
		lo.MaxBadCommands = 1000
		lo.PlaintextAuth = !strings.Contains(text, "\n@noplain\n")
	})
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		tr.line(i+1, line)
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(tr.out, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// transcriptQuota returns what @quota sets.
func transcriptQuota(t *testing.T, text string) func(*store.Options) {
	_, arg, ok := strings.Cut(text, "\n@quota ")
	if !ok {
		return func(*store.Options) {}
	}
	arg, _, _ = strings.Cut(arg, "\n")
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *store.Options) { o.Quota = func(string) int64 { return n } }
}

func (tr *transcript) client(name string) *testClient {
	c := tr.clients[name]
	if c == nil {
		c = tr.srv.dial()
		tr.clients[name] = c
	}
	c.nc.SetDeadline(time.Now().Add(hangTimeout)) // A line that never comes is an error, too.
	return c
}

func (tr *transcript) line(n int, line string) {
	tr.t.Helper()
	out := line
	defer func() { tr.out = append(tr.out, out) }()
	if line == "" || line[0] == '#' {
		return
	}
	if line[0] == '@' {
		tr.directive(n, line[1:])
		return
	}
	who, text, ok := strings.Cut(line, ": ")
	if !ok || len(who) == 0 || who[0] != 'C' && who[0] != 'S' {
		if who, ok = strings.CutSuffix(line, ":"); !ok {
			tr.t.Fatalf("line %d: not understood: %q", n, line)
		}
	}
	c := tr.client(who[1:])
	sending := who[0] == 'C'
	defer func() { c.sending = sending }()
	if sending {
		if t, ok := strings.CutSuffix(text, "<<"); ok {
			c.send(t)
		} else {
			if !c.sending {
				c.sent = text
			}
			c.send(text + "\r\n")
		}
		return
	}
	if *update && text == "??" {
		out = tr.answer(who, c)
		return
	}
	got := c.readLine()
	if match(text, got) {
		return
	}
	if *update {
		out = who + ": " + got
		return
	}
	tr.t.Fatalf("line %d: got %q, want %q", n, got, text)
}

// answer reads up to the tagged response of the last command, for a "??" that is to be replaced.
func (tr *transcript) answer(who string, c *testClient) string {
	tag, _, _ := strings.Cut(c.sent, " ")
	var l []string
	for {
		line := c.readLine()
		l = append(l, who+": "+line)
		if strings.HasPrefix(line, tag+" ") {
			return strings.Join(l, "\n")
		}
	}
}

func (tr *transcript) directive(n int, d string) {
	tr.t.Helper()
	word, arg, _ := strings.Cut(d, " ")
	name := strings.TrimRight(word, "0123456789")
	if name == "tls" || name == "noplain" || name == "quota" {
		return
	}
	c := tr.client(word[len(name):])
	switch name {
	case "login":
		c.expect("* OK ...")
		c.cmd("LOGIN "+testLogin+" "+testPassword, "OK ...")
	case "select":
		c.cmd("SELECT "+arg, "OK ...")
	case "append":
		mailbox, rest, _ := strings.Cut(arg, " (")
		flags, quoted, _ := strings.Cut(rest, ") ")
		msg, err := strconv.Unquote(quoted)
		if err != nil {
			tr.t.Fatalf("line %d: %q: %v", n, quoted, err)
		}
		c.append(mailbox, flags, msg)
	case "starttls":
		c.startTLS()
	case "eof":
		c.expectEOF()
	default:
		tr.t.Fatalf("line %d: unknown directive %q", n, d)
	}
}
