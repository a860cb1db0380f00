package imapserver

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the server answered into the transcripts")

// TestTranscripts plays the dialogues of testdata/*.txt, each with a server of its own.
//
// A line "C: text" is sent, "S: text" is expected, where "..." stands for any text. "C1:", "S1:" and
// so on are other connections. "<<" ends a C line that is sent without CRLF, and a line
// "C:| text" is sent with a bare LF. "@" lines say what the test does: @login, @login1, @starttls, @eof,
// and the options of the server on top: @tls, @noplain. Lines that begin with "#" and empty ones are
// for the reader.
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
	tr.srv = newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) {
		if strings.Contains(text, "\n@tls\n") {
			lo.TLS = testTLS()
		}
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

func (tr *transcript) client(name string) *testClient {
	c := tr.clients[name]
	if c == nil {
		c = tr.srv.dial()
		tr.clients[name] = c
	}
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
	if who[0] == 'C' {
		if t, ok := strings.CutSuffix(text, "<<"); ok {
			c.send(t)
		} else {
			c.send(text + "\r\n")
		}
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

func (tr *transcript) directive(n int, d string) {
	tr.t.Helper()
	switch name := strings.TrimRight(d, "0123456789"); name {
	case "login":
		id := d[len(name):]
		c := tr.client(id)
		c.expect("* OK ...")
		c.cmd("LOGIN "+testLogin+" "+testPassword, "OK ...")
	case "starttls":
		tr.client(d[len(name):]).startTLS()
	case "eof":
		tr.client(d[len(name):]).expectEOF()
	case "tls", "noplain":
	default:
		tr.t.Fatalf("line %d: unknown directive %q", n, d)
	}
}
