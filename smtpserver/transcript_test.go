package smtpserver

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mox/internal/ratelimit"
	"mox/pipeline/checks"
	"mox/pipeline/targettest"
	"mox/sasl"
	"mox/smtp"
)

var update = flag.Bool("update", false, "write what the server did into the transcripts")

// TestTranscripts plays the dialogues of testdata/*.txt, each with a server of its own.
//
// A line "C: text" is sent, lines that follow each other in one piece, and "S: text" is
// expected, where "..." stands for any text. `C= "text"` sends a string in Go syntax, without
// line end. "C2:", "S2:" and so on are a second connection; "C*100:" and "S*100:" are as many lines. "@" lines are
// for the test:
//
//	@clock                         Time is that of the test, and passes when all wait.
//	@shutdown                      The server is told to stop.
//	@kind submission|submissions   Kind of the listener, MX otherwise.
//	@option name                   An option of the listener, see transcriptOptions.
//	@starttls                      The client makes a TLS handshake.
//	@closed                        The server has closed the connection.
//	@messages                      What targets have got since: lines "M: target from to mailbox",
//	                               and the message in lines that begin with "| ".
//
// With -update a line "S?" becomes all replies that come. "@starttls2" is for the second connection. Lines that begin with "#" and empty ones are for
// the reader.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(data), "\n@clock\n") {
				synctest.Test(t, func(t *testing.T) { playTranscript(t, file, data) })
			} else {
				playTranscript(t, file, data)
			}
		})
	}
}

var transcriptOptions = map[string]func(*Options, *ListenerOptions){
	"notls":      func(_ *Options, lo *ListenerOptions) { lo.TLSConfig = nil },
	"requiretls": func(_ *Options, lo *ListenerOptions) { lo.RequireTLS = true },
	"plainauth":  func(_ *Options, lo *ListenerOptions) { lo.AuthWithoutTLS = true },
	"normalize":  func(_ *Options, lo *ListenerOptions) { lo.NormalizeLineEnds = true },
	"hideclient": func(_ *Options, lo *ListenerOptions) { lo.HideClient = true },
	"small":      func(_ *Options, lo *ListenerOptions) { lo.MaxMessageSize = 1000 },
	"testaddress": func(_ *Options, lo *ListenerOptions) {
		lo.Checks = using(checks.TestAddress{Timeout: time.Millisecond})
	},
	// Each account has room for 10,000 bytes, of which alice has used almost all.
	"quota": func(_ *Options, lo *ListenerOptions) {
		lo.Checks = using(checks.Quota{Usage: func(_ context.Context, account string) (used, limit int64, err error) {
			return map[string]int64{"alice": 9_990, "bob": 0}[account], 10_000, nil
		}})
	},
	"sendlimit": func(_ *Options, lo *ListenerOptions) {
		lo.Checks = using(checks.NewSendLimit(func(string) checks.SendLimits {
			return checks.SendLimits{MessagesPerHour: 2, RecipientsPerDay: 1}
		}, nil))
	},
	"limits": func(_ *Options, lo *ListenerOptions) {
		lo.Unlimited = nil
		lo.Limits = NewLimits(LimitOptions{
			Connections:           ratelimit.ConnLimits{Client: 3},
			ConnectionsPerAccount: 1,
			Connects:              ratelimit.NetworkOptions{Client: []ratelimit.Rate{{Period: time.Hour, Max: 4}}},
			Messages:              ratelimit.NetworkOptions{Client: []ratelimit.Rate{{Period: time.Hour, Max: 1}}},
			BadCommands:           3,
			Recipients:            100,
		})
	},
	"scramonly": func(_ *Options, lo *ListenerOptions) { lo.Mechanisms = []string{sasl.SCRAMSHA256} },
	"loginonly": func(_ *Options, lo *ListenerOptions) { lo.Mechanisms = []string{sasl.Login} },
	"fault": func(o *Options, _ *ListenerOptions) {
		o.Local = &targettest.Memory{CommitErr: func(smtp.Path) error { return errors.New("database /data/x is broken") }}
	},
	"fulldisk": func(o *Options, _ *ListenerOptions) {
		o.Local = &targettest.Memory{CommitErr: func(smtp.Path) error { return fmt.Errorf("write /data/x: %w", syscall.ENOSPC) }}
	},
}

type transcript struct {
	t       *testing.T
	ts      *testServer
	clients map[string]*testClient
	pending map[string]string // Sent with the next expectation.
	seen    map[*targettest.Memory]int
	out     []string
}

func playTranscript(t *testing.T, file string, data []byte) {
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	tr := &transcript{t: t, clients: map[string]*testClient{}, pending: map[string]string{}, seen: map[*targettest.Memory]int{}}
	tr.ts = newServer(t, func(o *Options, lo *ListenerOptions) {
		lo.TLSConfig = testTLS()
		lo.Unlimited = append(lo.Unlimited, loopback)
		for _, line := range lines {
			switch word, arg, _ := strings.Cut(line, " "); word {
			case "@kind":
				lo.Kind = map[string]Kind{"submission": Submission, "submissions": Submissions}[arg]
			case "@option":
				transcriptOptions[arg](o, lo)
			}
		}
	})
	for i, line := range lines {
		tr.line(i+1, line)
	}
	for name := range tr.clients {
		tr.sendPending(name)
	}
	got := strings.Join(tr.out, "\n") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(data) {
		t.Fatalf("messages differ, the transcript would be:\n%s", got)
	}
}

func (tr *transcript) client(name string) *testClient {
	c := tr.clients[name]
	if c == nil {
		c = tr.ts.dialFrom("127.0.0.1:4000" + strconv.Itoa(len(tr.clients)))
		tr.clients[name] = c
	}
	return c
}

func (tr *transcript) sendPending(name string) {
	if s := tr.pending[name]; s != "" {
		tr.pending[name] = ""
		tr.client(name).write(s)
	}
}

var directive = regexp.MustCompile(`^([CS])([0-9]*)(?:\*([0-9]+))?([:=]) ?(.*)$`)

func (tr *transcript) line(n int, line string) {
	t := tr.t
	t.Helper()
	if strings.HasPrefix(line, "M: ") || strings.HasPrefix(line, "|") {
		return // Compared by @messages.
	}
	tr.out = append(tr.out, line)
	if line == "" || line[0] == '#' {
		return
	}
	if line[0] == '@' {
		tr.directive(n, line)
		return
	}
	if name, ok := strings.CutPrefix(line, "S?"); ok && *update {
		tr.sendPending(name)
		tr.out = append(tr.out[:len(tr.out)-1], tr.client(name).available(name)...)
		return
	}
	m := directive.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("line %d: %q", n, line)
	}
	name, text, times := m[2], m[5], 1
	if m[3] != "" {
		times, _ = strconv.Atoi(m[3])
	}
	if m[1] == "C" {
		tr.client(name)
		s := text + "\r\n"
		if m[4] == "=" {
			var err error
			if s, err = strconv.Unquote(text); err != nil {
				t.Fatalf("line %d: %v", n, err)
			}
		}
		tr.pending[name] += strings.Repeat(s, times)
		return
	}
	tr.sendPending(name)
	for range times {
		tr.expect(n, name, text)
	}
}

// expect reads a line of the server, which line n of the transcript tells.
func (tr *transcript) expect(n int, name, text string) {
	t := tr.t
	t.Helper()
	got, err := tr.client(name).line()
	if err != nil {
		t.Fatalf("line %d: want %q, got %v", n, text, err)
	}
	if matches(text, got) {
		return
	}
	tr.out[len(tr.out)-1] = "S" + name + ": " + got
	if !*update {
		t.Fatalf("line %d:\n got %q\nwant %q", n, got, text)
	}
}

// available returns what the server says within a short while.
func (c *testClient) available(name string) (l []string) {
	for {
		c.nc.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		s, err := c.br.ReadString('\n')
		if err != nil {
			return l
		}
		l = append(l, "S"+name+": "+strings.TrimSuffix(s, "\r\n"))
	}
}

// matches tells whether s is pattern, in which "..." stands for anything.
func matches(pattern, s string) bool {
	parts := strings.Split(pattern, "...")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	ok, err := regexp.MatchString("^"+strings.Join(parts, ".*")+"$", s)
	return err == nil && ok
}

func (tr *transcript) directive(n int, line string) {
	t := tr.t
	t.Helper()
	word, name := line, ""
	if i := strings.IndexAny(line, "0123456789"); i > 0 {
		word, name = line[:i], line[i:]
	}
	switch {
	case strings.HasPrefix(line, "@kind "), strings.HasPrefix(line, "@option "):
	case word == "@starttls":
		tr.sendPending(name)
		tr.client(name).startTLS()
	case word == "@closed":
		tr.sendPending(name)
		tr.client(name).wantClosed()
	case line == "@clock":
	case line == "@shutdown":
		for name := range tr.clients {
			tr.sendPending(name)
		}
		go tr.ts.srv.Shutdown(t.Context())
	case word == "@messages":
		tr.messages(n)
	default:
		t.Fatalf("line %d: %q", n, line)
	}
}

// messages compares what targets have got with the lines after line n.
func (tr *transcript) messages(n int) {
	for _, target := range []struct {
		name string
		m    *targettest.Memory
	}{{"local", tr.ts.local}, {"queue", tr.ts.queue}, {"submit", tr.ts.submit}} {
		l := target.m.Messages()
		for _, msg := range l[tr.seen[target.m]:] {
			tr.out = append(tr.out, strings.TrimRight(fmt.Sprintf("M: %s %s %s %s", target.name, msg.Envelope.MailFrom.Pack(true), msg.Recipient.Path.Pack(true), msg.Recipient.Mailbox), " "))
			for s := range strings.SplitSeq(strings.TrimSuffix(msg.Content, "\r\n"), "\r\n") {
				s = cipher.ReplaceAllString(s, "${1}CIPHER")
				tr.out = append(tr.out, strings.TrimRight("| "+printable(s), " "))
			}
		}
		tr.seen[target.m] = len(l)
	}
}

// cipher is the cipher suite in a Received field, which depends on the machine.
var cipher = regexp.MustCompile(`(\ttls )TLS_[A-Z0-9_]+`)

// printable shows controls and invalid UTF-8 in Go syntax.
func printable(s string) string {
	q := strconv.Quote(s)
	return strings.ReplaceAll(strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`), `\t`, "\t")
}
