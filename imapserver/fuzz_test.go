package imapserver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mox/imap/wire"
	"mox/store"
)

// The fuzz targets send their input in one of the states of a connection. Whatever it is, the server
// does not panic or fail in a way of its own, what it writes are responses, and the connection ends once the client
// has closed its side.

func FuzzNotAuthenticated(f *testing.F) { fuzzState(f, "") }

func FuzzAuthenticated(f *testing.F) { fuzzState(f, "l LOGIN "+testLogin+" "+testPassword+"\r\n") }

func FuzzSelected(f *testing.F) {
	fuzzState(f, "l LOGIN "+testLogin+" "+testPassword+"\r\ns SELECT INBOX\r\n")
}

func fuzzState(f *testing.F, before string) {
	for _, seed := range transcriptInputs(f, before == "") {
		f.Add([]byte(seed))
	}
	s := &fuzzServer{}
	f.Cleanup(func() { s.stop(f) })
	f.Fuzz(func(t *testing.T, input []byte) {
		srv := s.start(t)
		nc, err := srv.ln.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(hangTimeout))
		go func() {
			io.WriteString(nc, before)
			nc.Write(input)
			nc.(interface{ CloseWrite() error }).CloseWrite()
		}()
		out, err := io.ReadAll(nc)
		if err != nil {
			t.Fatalf("connection does not end: %v, after %q", err, out)
		}
		// A message may have NUL in it, which is sent as it is, though the grammar has no place for it.
		// Sections repeat the names of fields, which may be literals, or have brackets in quotes: these the decoder does
		// not read.
		if err := checkResponses(bytes.ReplaceAll(out, []byte{0}, []byte{1})); err != nil && !bytes.Contains(bytes.ToUpper(input), []byte("FIELDS")) {
			t.Errorf("%v in what the server wrote: %q", err, out)
		}
		s.log.check(t)
	})
}

// transcriptInputs returns what clients send in the transcripts, whole and in lines. Logins are left
// out unless login is set.
func transcriptInputs(tb testing.TB, login bool) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no transcripts: %v", err)
	}
	var l []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		whole := map[string]string{}
		for line := range strings.Lines(string(data)) {
			who, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			if !ok || who == "" || who[0] != 'C' || !login && strings.Contains(text, " LOGIN ") {
				continue
			}
			text = strings.TrimSuffix(text, "<<") + "\r\n"
			whole[who] += text
			l = append(l, text)
		}
		for _, text := range whole {
			l = append(l, text)
		}
	}
	return l
}

// fuzzServer is a server that is used for some inputs, and then replaced, so that it does not
// fill up. The store is verified each time.
type fuzzServer struct {
	mu   sync.Mutex
	srv  *testServer
	log  *errorLog
	used int
	dir  string
	done chan error
	st   *store.Store
}

const fuzzInputsPerServer = 300

func (f *fuzzServer) start(t testing.TB) *testServer {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used++; f.srv != nil && f.used < fuzzInputsPerServer {
		return f.srv
	}
	f.stopLocked(t)
	f.used = 0
	dir, err := os.MkdirTemp("", "imapfuzz")
	if err != nil {
		t.Fatal(err)
	}
	f.dir, f.log = dir, &errorLog{}
	if f.st, err = store.New(store.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if err := f.st.Create(context.Background(), testAccount); err != nil {
		t.Fatal(err)
	}
	f.srv, f.done = startServer(t, f.st, func(o *Options, lo *ListenerOptions) {
		o.Log = slog.New(f.log)
		lo.MaxMessageSize = 64 << 10
		lo.TLS = testTLS()
	})
	f.fill(t)
	return f.srv
}

// fill adds messages.
func (f *fuzzServer) fill(t testing.TB) {
	acc, err := f.st.Open(context.Background(), testAccount)
	if err != nil {
		t.Fatal(err)
	}
	defer acc.Close()
	for _, text := range []string{
		"Subject: one\r\nFrom: a@example.org\r\n\r\nbody\r\n",
		"Subject: =?utf-8?q?caf=C3=A9?=\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ntext\r\n--x\r\nContent-Type: text/html\r\n\r\n<b>hi</b>\r\n--x--\r\n",
		"",
		"\xff\x00 no header\n\n\n",
		"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC=x\r\n--x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3D=\r\n=00=\r\n--x\r\nContent-Transfer-Encoding: x\r\n\r\ny\r\n--x--\r\n",
	} {
		d := store.Delivery{NewMessage: store.NewMessage{Body: strings.NewReader(text), Size: int64(len(text)), Keywords: []string{"work"}}}
		if _, err := acc.Deliver(context.Background(), store.System, d); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *fuzzServer) stop(t testing.TB) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopLocked(t)
}

func (f *fuzzServer) stopLocked(t testing.TB) {
	t.Helper()
	if f.srv == nil {
		return
	}
	stopServer(t, f.srv.Server, f.done)
	f.srv = nil
	verify(t, f.st)
	if err := f.st.Close(); err != nil {
		t.Errorf("closing store: %v", err)
	}
	os.RemoveAll(f.dir)
}

// checkResponses reports whether text is a sequence of responses.
func checkResponses(text []byte) error {
	d := wire.NewDecoder(bufio.NewReader(bytes.NewReader(text)), wire.Limits{Line: 1 << 24, Literal: 1 << 24, Items: 1 << 20}, nil)
	for {
		if err := d.ReadLine(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		switch {
		case d.Take('+'):
			d.SP()
			d.Rest()
		case d.Take('*'):
			d.SP()
			checkUntagged(d)
		default:
			d.Tag()
			d.SP()
			checkStatus(d, string(d.Keyword()))
		}
		if d.CRLF(); d.Err() != nil {
			return d.Err()
		}
	}
}

func checkUntagged(d *wire.Decoder) {
	if c := d.Peek(); '0' <= c && c <= '9' {
		d.Number()
		d.SP()
		if string(d.Keyword()) == "FETCH" {
			d.SP()
			d.Value()
		}
		return
	}
	switch word := string(d.Keyword()); word {
	case "OK", "NO", "BAD", "BYE":
		checkStatus(d, word)
	case "CAPABILITY", "SEARCH", "ENABLED":
		d.Rest()
	default:
		for d.Take(' ') {
			d.Value()
		}
	}
}

func checkStatus(d *wire.Decoder, word string) {
	d.SP()
	switch word {
	case "OK", "NO", "BAD", "BYE":
		d.Rest()
	}
}

// errorLog is a log that keeps the first error.
type errorLog struct {
	mu    sync.Mutex
	first string
}

func (l *errorLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

func (l *errorLog) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == "" {
		l.first = r.Message
		r.Attrs(func(a slog.Attr) bool {
			l.first += " " + a.String()
			return true
		})
	}
	return nil
}

func (l *errorLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *errorLog) WithGroup(string) slog.Handler      { return l }

func (l *errorLog) check(t testing.TB) {
	t.Helper()
	if text := l.take(); text != "" {
		t.Errorf("logged: %s", text)
	}
}

// take returns the first error since it was called before.
func (l *errorLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.first
	l.first = ""
	return text
}
