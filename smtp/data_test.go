package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// slowRead is the obvious reader: the message goes to the first CRLF.CRLF, seen from the
// CRLF of the DATA command.
func slowRead(in string) (msg, rest string, cause error, ok bool) {
	in = "\r\n" + in
	end := strings.Index(in, "\r\n.\r\n")
	if end < 0 {
		return "", "", nil, false
	}
	msg, rest = in[:end+2], in[end+5:]
	var b strings.Builder
	for i := 2; i < len(msg); i++ {
		switch {
		case msg[i] == '.' && msg[i-2:i] == "\r\n":
			// Put in for transparency.
		case msg[i] == '\r' && (i+1 == len(msg) || msg[i+1] != '\n'):
			if cause == nil {
				cause = ErrBareCR
			}
			b.WriteString("\r\n")
		case msg[i] == '\n' && (i == 2 || msg[i-1] != '\r'):
			if cause == nil {
				cause = ErrBareLF
			}
			b.WriteString("\r\n")
		case msg[i] == 0:
			if cause == nil {
				cause = ErrNUL
			}
		default:
			b.WriteByte(msg[i])
		}
	}
	return b.String(), rest, cause, true
}

// arrangements yields all strings of up to n bytes of the alphabet.
func arrangements(alphabet string, n int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		b := make([]byte, 0, n)
		var rec func() bool
		rec = func() bool {
			if !yield(string(b)) {
				return false
			}
			if len(b) == n {
				return true
			}
			for i := range len(alphabet) {
				b = append(b, alphabet[i])
				ok := rec()
				b = b[:len(b)-1]
				if !ok {
					return false
				}
			}
			return true
		}
		rec()
	}
}

// readers are ways to read a message, with what else is in the stream after it.
var readers = []struct {
	name   string
	source func(string) io.Reader
	read   func(*DataReader) ([]byte, error)
}{
	{"Read", func(s string) io.Reader { return strings.NewReader(s) },
		func(r *DataReader) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{r}) }},
	{"WriteTo", func(s string) io.Reader { return strings.NewReader(s) }, readByWriteTo},
	{"Read, a byte at a time", func(s string) io.Reader { return iotest.OneByteReader(strings.NewReader(s)) },
		func(r *DataReader) ([]byte, error) { return io.ReadAll(iotest.OneByteReader(struct{ io.Reader }{r})) }},
	{"WriteTo, a byte at a time", func(s string) io.Reader { return iotest.OneByteReader(strings.NewReader(s)) }, readByWriteTo},
}

func readByWriteTo(r *DataReader) ([]byte, error) {
	var b bytes.Buffer
	n, err := r.WriteTo(&b)
	if n != int64(b.Len()) {
		return nil, errors.New("WriteTo returned another count than it wrote")
	}
	return b.Bytes(), err
}

// checkDataReader compares reading of in, in all ways, with the obvious reader.
func checkDataReader(t *testing.T, in string, normalize bool) {
	t.Helper()
	msg, rest, cause, ok := slowRead(in)
	for _, way := range readers {
		br := bufio.NewReaderSize(way.source(in), 16)
		r := NewDataReader(br, DataOptions{NormalizeLineEnds: normalize})
		got, err := way.read(r)
		switch {
		case !ok:
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s of %q: %q, %v, but it has no end", way.name, in, got, err)
			}
			continue
		case cause != nil && !normalize:
			var e *Error
			if !errors.Is(err, cause) || !errors.As(err, &e) || e.Code != 550 || e.Enhanced != "5.6.0" {
				t.Fatalf("%s of %q: error %v, want %v", way.name, in, err, cause)
			}
		default:
			if err != nil || string(got) != msg {
				t.Fatalf("%s of %q: %q, %v, want %q", way.name, in, got, err, msg)
			}
		}
		if left, _ := io.ReadAll(br); string(left) != rest {
			t.Fatalf("%s of %q leaves %q, want %q", way.name, in, left, rest)
		}
	}
}

func TestDataReaderAllArrangements(t *testing.T) {
	t.Parallel()
	n := 7
	if testing.Short() {
		n = 5
	}
	for s := range arrangements("a.\r\n", n) {
		for _, normalize := range []bool{false, true} {
			checkDataReader(t, s+"\r\n.\r\nQUIT\r\n", normalize)
		}
	}
}

func TestDataReaderNUL(t *testing.T) {
	t.Parallel()
	for s := range arrangements("\x00.\r\n", 5) {
		for _, normalize := range []bool{false, true} {
			checkDataReader(t, s+"\r\n.\r\nQUIT\r\n", normalize)
		}
	}
}

func TestDataReaderWithoutEnd(t *testing.T) {
	t.Parallel()
	for s := range arrangements("a.\r\n", 5) {
		checkDataReader(t, s, false)
		checkDataReader(t, s, true)
	}
}

// Each of these has ended the message for some server in use.
func TestDataReaderNotSmuggled(t *testing.T) {
	t.Parallel()
	const rest = "MAIL FROM:<evil@example.org>\r\n"
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n.\r", "\r.\n", "\n\n.\r\n", "\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\n.\r\x00\n"} {
		in := "Subject: x\r\n\r\nhi" + end + rest + "\r\n.\r\nNOOP\r\n"
		br := bufio.NewReader(strings.NewReader(in))
		got, _ := io.ReadAll(NewDataReader(br, DataOptions{NormalizeLineEnds: true}))
		if !strings.Contains(string(got), "MAIL FROM:<evil") {
			t.Errorf("%q ended the message", end)
		}
		if left, _ := io.ReadAll(br); string(left) != "NOOP\r\n" {
			t.Errorf("after %q commands go on with %q", end, left)
		}
	}
}

func TestDataReaderMaxSize(t *testing.T) {
	t.Parallel()
	const msg = "12345678\r\n"
	for _, tc := range []struct {
		in  string
		max int64
		ok  bool
	}{
		{msg, 10, true},
		{msg, 9, false},
		{msg, 1, false},
		{msg, 0, true},
		{"..345678\r\n", 9, true}, // The dot for transparency is not of the message (RFC 1870 §5).
		{"..345678\r\n", 8, false},
		{strings.Repeat(msg, 10000), 100000, true},
		{strings.Repeat(msg, 10000), 99999, false},
	} {
		br := bufio.NewReader(strings.NewReader(tc.in + ".\r\nQUIT\r\n"))
		got, err := io.ReadAll(NewDataReader(br, DataOptions{MaxSize: tc.max}))
		var e *Error
		if tc.ok && err != nil {
			t.Errorf("%.20q with limit %d: %v", tc.in, tc.max, err)
		} else if !tc.ok && (!errors.Is(err, ErrMessageSize) || !errors.As(err, &e) || e.Code != 552 || e.Enhanced != "5.3.4") {
			t.Errorf("%.20q with limit %d: error %v", tc.in, tc.max, err)
		}
		if tc.max > 0 && int64(len(got)) > tc.max {
			t.Errorf("%d bytes delivered with limit %d", len(got), tc.max)
		}
		if left, _ := io.ReadAll(br); string(left) != "QUIT\r\n" {
			t.Errorf("%.20q with limit %d leaves %q", tc.in, tc.max, left)
		}
	}
}

func TestDataReaderErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection broke")
	r := NewDataReader(bufio.NewReader(io.MultiReader(strings.NewReader("a\nb\r\n"), iotest.ErrReader(broken))), DataOptions{})
	for range 2 {
		if _, err := io.ReadAll(r); err != broken {
			t.Fatalf("error %v; that of the connection must win, nothing can be replied", err)
		}
	}

	// After an error of the sink the end can still be found.
	br := bufio.NewReader(strings.NewReader("one\r\n..two\r\nthree\r\n.\r\nQUIT\r\n"))
	r = NewDataReader(br, DataOptions{})
	if _, err := io.Copy(&fullWriter{}, r); err == nil {
		t.Fatal("error of the sink is lost")
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if left, _ := io.ReadAll(br); string(left) != "QUIT\r\n" {
		t.Fatalf("left %q", left)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("read at the end: %d, %v", n, err)
	}
}

type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func FuzzDataReader(f *testing.F) {
	for _, s := range []string{"", ".\r\n", "Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n", "a\n.\r\nb\r\n.\r\n", "..\r\n.\r.\r\n.\r\n", "0123456789abcde\r\n.\r\n", "\r\r\n.\r\n", "a\x00b\r\n.\x00\r\n.\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkDataReader(t, s, false)
		checkDataReader(t, s, true)
	})
}

// obviousNormalize makes all line ends CRLF, and one at the end.
func obviousNormalize(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return strings.ReplaceAll(s, "\n", "\r\n")
}

// checkDataWriter writes s, cut in two at each place, and looks at what is written.
func checkDataWriter(t *testing.T, s string, cuts []int) {
	t.Helper()
	want := obviousNormalize(s)
	wire := strings.TrimPrefix(strings.ReplaceAll("\r\n"+want, "\r\n.", "\r\n.."), "\r\n") + ".\r\n"
	for _, cut := range cuts {
		var b bytes.Buffer
		w := NewDataWriter(bufio.NewWriterSize(&b, 16))
		for _, part := range []string{s[:cut], s[cut:]} {
			if n, err := io.WriteString(w, part); n != len(part) || err != nil {
				t.Fatalf("writing %q: %d, %v", part, n, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if b.String() != wire {
			t.Fatalf("%q cut at %d is written as %q, want %q", s, cut, b.String(), wire)
		}
		// What is written reads back, and refuses nothing.
		b.WriteString("QUIT\r\n")
		br := bufio.NewReader(&b)
		got, err := io.ReadAll(NewDataReader(br, DataOptions{}))
		if strings.Contains(s, "\x00") {
			// It is sent as it is: the message was taken as a binary one, or made here.
			if !errors.Is(err, ErrNUL) {
				t.Fatalf("%q reads back as %q, %v; want %v", s, got, err, ErrNUL)
			}
		} else if err != nil || string(got) != want {
			t.Fatalf("%q reads back as %q, %v", s, got, err)
		}
		if left, _ := io.ReadAll(br); string(left) != "QUIT\r\n" {
			t.Fatalf("%q ends the message early: left %q", s, left)
		}
	}
}

func TestDataWriterAllArrangements(t *testing.T) {
	t.Parallel()
	n := 7
	if testing.Short() {
		n = 5
	}
	for s := range arrangements("a.\r\n", n) {
		cuts := make([]int, len(s)+1)
		for i := range cuts {
			cuts[i] = i
		}
		checkDataWriter(t, s, cuts)
	}
}

func TestDataWriterErrors(t *testing.T) {
	t.Parallel()
	w := NewDataWriter(bufio.NewWriterSize(fullWriter{}, 16))
	var err error
	for range 10 {
		if _, err = io.WriteString(w, "a line that is long enough\r\n"); err != nil {
			break
		}
	}
	if err == nil || w.Close() != err {
		t.Fatalf("errors %v and %v, want that of the connection twice", err, w.Close())
	}
}

func FuzzDataWriter(f *testing.F) {
	for _, s := range []string{"", ".", "a\r\n.b\r\n", "\r\n.\r\n", "\r", "a\r\r\n\n.c"} {
		f.Add(s, uint(1))
	}
	f.Fuzz(func(t *testing.T, s string, cut uint) {
		checkDataWriter(t, s, []int{int(cut % uint(len(s)+1))})
	})
}

func benchmarkMessage() string {
	return strings.Repeat("A line of a message is about as long as this one, some seventy bytes.\r\n", 15000)
}

func BenchmarkDataReader(b *testing.B) {
	in := benchmarkMessage() + ".\r\n"
	src := strings.NewReader(in)
	br := bufio.NewReaderSize(src, 16<<10)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(in)
		br.Reset(src)
		if _, err := NewDataReader(br, DataOptions{MaxSize: 1 << 30}).WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDataWriter(b *testing.B) {
	in := []byte(benchmarkMessage())
	bw := bufio.NewWriterSize(io.Discard, 16<<10)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		w := NewDataWriter(bw)
		for p := in; len(p) > 0; {
			n := min(len(p), 32<<10)
			w.Write(p[:n])
			p = p[n:]
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
