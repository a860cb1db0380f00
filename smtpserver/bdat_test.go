package smtpserver

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mox/smtp"
)

// A message that cannot be kept is refused after its chunk was read, and so is what follows it.
func TestBDATFullDisk(t *testing.T) {
	t.Parallel()
	ts := newServer(t, func(o *Options, _ *ListenerOptions) {
		o.SpoolMemory = 1000
		o.SpoolDir += "/missing"
	})
	c := ts.dial()
	c.hello()
	large := simple + strings.Repeat("RSET\r\n", 20_000)
	c.write("MAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\n")
	for range 3 {
		c.write(fmt.Sprintf("BDAT %d\r\n%s", len(large), large))
	}
	c.write("BDAT 0 LAST\r\nNOOP\r\n")
	c.want("250 ")
	c.want("250 ")
	for range 4 {
		c.want("452 4.3.1")
	}
	c.want("250 ")
	c.cmd("MAIL FROM:<a@b.example>", "250 ")
	c.cmd("RCPT TO:<alice@example.org>", "250 ")
	c.write(fmt.Sprintf("BDAT %d LAST\r\n%s", len(simple), simple))
	c.want("250 ")
	if l := ts.local.Messages(); len(l) != 1 {
		t.Fatalf("%d messages, want the small one", len(l))
	}
}

// A client that goes away within a message leaves nothing behind.
func TestBDATAborted(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"BDAT 5000\r\n" + strings.Repeat("x", 4000), "BDAT 3000\r\n" + strings.Repeat("x", 3000), "BDAT 9 LAST\r\nx"} {
		var dir string
		ts := newServer(t, func(o *Options, _ *ListenerOptions) { o.SpoolMemory, dir = 1000, o.SpoolDir })
		c := ts.dial()
		c.hello()
		c.cmd("MAIL FROM:<a@b.example>", "250 ")
		c.cmd("RCPT TO:<alice@example.org>", "250 ")
		c.write(s)
		c.nc.Close()
		ts.srv.wg.Wait()
		if l, err := os.ReadDir(dir); len(l) > 0 || err != nil {
			t.Errorf("after %.20q: %v, %v", s, l, err)
		}
		if l := ts.local.Messages(); len(l) > 0 {
			t.Errorf("after %.20q: %d messages", s, len(l))
		}
	}
}

// The client reads what came of its commands while the chunk is still on its way.
func TestBDATAnswersBefore(t *testing.T) {
	t.Parallel()
	c := newServer(t, nil).dial()
	c.hello()
	c.write("MAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\nBDAT 4 LAST\r\nx")
	c.want("250 2.1.0")
	c.want("250 2.1.5")
	c.write("y\r\n")
	c.want("250 2.0.0")
}

// lineEnds gives the same as the reader of DATA, wherever chunks end.
func TestLineEnds(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	all := []string{""}
	for range 5 {
		for _, s := range all {
			for _, c := range "a\x00\r\n" {
				all = append(all, s+string(c))
			}
		}
	}
	seen := map[string]bool{}
	for _, s := range all {
		if seen[s] {
			continue
		}
		seen[s] = true
		good := strings.ReplaceAll(s, "\r\n", "")
		bad := strings.ContainsAny(good, "\x00\r\n")
		want := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n", "\x00", "").Replace(s)
		for cut := range len(s) + 1 {
			for _, normalize := range []bool{false, true} {
				b.Reset()
				l := &lineEnds{w: &b, normalize: normalize}
				_, err := l.Write([]byte(s[:cut]))
				if err == nil {
					_, err = l.Write([]byte(s[cut:]))
				}
				if err == nil {
					err = l.Close()
				}
				switch {
				case bad && !normalize:
					if e, ok := err.(*smtp.Error); !ok || e.Code != 550 {
						t.Fatalf("%q cut at %d: error %v", s, cut, err)
					}
				case err != nil || b.String() != want:
					t.Fatalf("%q cut at %d: %q, %v, want %q", s, cut, b.String(), err, want)
				}
			}
		}
	}
}

// A binary message comes through as it is, wherever chunks end, if its header is text.
func TestBinaryChunks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		header, body string
		ok           bool
	}{
		{"X: y\r\nZ: z\r\n\r\n", "\r\n.\r\n\x00\n\r\r\n\n", true},
		{"\r\n", "\n\r\x00", true},
		{"X: y\r\n\r\n", "", true},
		{"X: y\r\n", "", true},
		{"X: y", "", true},
		{"", "", true},
		{"X: y\nZ: z\r\n\r\n", "a", false},
		{"X: y\r\n\n", "a", false},
		{"X: y\r\n\r\r\n", "a", false},
		{"X: \ry\r\n\r\n", "a", false},
		{"X: \x00y\r\n\r\n", "a", false},
		{"X: y\r", "", false},
	} {
		in := tt.header + tt.body
		for cut := range len(in) + 1 {
			var b strings.Builder
			l := &lineEnds{w: &b, binary: true}
			_, err := l.Write([]byte(in[:cut]))
			if err == nil {
				_, err = l.Write([]byte(in[cut:]))
			}
			if err == nil {
				err = l.Close()
			}
			if e, ok := err.(*smtp.Error); tt.ok && (err != nil || b.String() != in) || !tt.ok && (!ok || e.Code != 550) {
				t.Fatalf("%q cut at %d: %q, %v", in, cut, b.String(), err)
			}
		}
	}
}

// BenchmarkChunks receives a message in chunks, on one connection.
func BenchmarkChunks(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := benchServer(b).dial()
			c.hello()
			c.nc.SetDeadline(time.Time{})
			content := simple + strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72)
			in := fmt.Sprintf("MAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\nBDAT %d LAST\r\n%s", len(content), content)
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				c.write(in)
				for range 3 {
					c.want("250 ")
				}
			}
		})
	}
}
