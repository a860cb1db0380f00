package imapserver

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"mox/internal/corpus"
	"mox/store"
)

// benchMessages is how many messages the benchmarks of FETCH have, of benchMessageSize on average.
const (
	benchMessages    = 10000
	benchMessageSize = 18900
)

// BenchmarkFetch asks for something of all messages of a mailbox, over a socket of the system.
func BenchmarkFetch(b *testing.B) {
	st := newStore(b, b.TempDir())
	fillBench(b, st)
	nc := dialBench(b, serveTCP(b, st, false))
	for _, bm := range []struct{ name, command string }{
		{"flags", "FETCH 1:* FLAGS"},
		{"uidflags", "UID FETCH 1:* (FLAGS)"},
		{"envelope", "FETCH 1:* ENVELOPE"},
		{"bodystructure", "FETCH 1:* BODYSTRUCTURE"},
		{"fields", "FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (From To Subject Date Message-ID)])"},
		{"header", "FETCH 1:* BODY.PEEK[HEADER]"},
		{"part", "FETCH 1:* BODY.PEEK[1]<0.1000>"},
		{"body", "FETCH 1:* BODY.PEEK[]"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			var n int64
			for b.Loop() {
				n += roundTrip(b, nc, bm.command)
			}
			b.SetBytes(n / int64(b.N))
		})
	}
}

// fillBench adds real messages, made longer by text.
func fillBench(b *testing.B, st *store.Store) {
	b.Helper()
	acc, err := st.Open(context.Background(), testAccount)
	if err != nil {
		b.Fatal(err)
	}
	defer acc.Close()
	mb, err := acc.MailboxByName(context.Background(), store.System, "Inbox")
	if err != nil {
		b.Fatal(err)
	}
	var real [][]byte
	for _, m := range corpus.Real(b) {
		real = append(real, m.CRLF())
	}
	line := []byte("This line makes the message as long as messages are today, more or less.\r\n")
	var total int
	var l []store.NewMessage
	for i := range benchMessages {
		msg := bytes.Clone(real[i%len(real)])
		for total+len(msg) < benchMessageSize*(i+1) {
			msg = append(msg, line...)
		}
		total += len(msg)
		l = append(l, store.NewMessage{Body: bytes.NewReader(msg), Size: int64(len(msg))})
		if len(l) == 500 || i == benchMessages-1 {
			if _, err := acc.Append(context.Background(), store.System, mb.ID, l, nil); err != nil {
				b.Fatal(err)
			}
			l = nil
		}
	}
}

// dialBench returns a connection with INBOX selected.
func dialBench(b *testing.B, addr string) net.Conn {
	b.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { nc.Close() })
	roundTrip(b, nc, "LOGIN "+testLogin+" "+testPassword)
	roundTrip(b, nc, "SELECT INBOX")
	return nc
}

// roundTrip sends a command and reads up to its tagged OK. It returns how many bytes that were.
func roundTrip(b *testing.B, nc net.Conn, command string) (n int64) {
	b.Helper()
	if _, err := fmt.Fprintf(nc, "tag7 %s\r\n", command); err != nil {
		b.Fatal(err)
	}
	name, rest, _ := strings.Cut(command, " ")
	if name == "UID" {
		rest, _, _ = strings.Cut(rest, " ")
		name += " " + rest
	}
	end := []byte(name + " done\r\n")
	buf := make([]byte, 256<<10)
	have := 0 // The end of what was read before stays in front.
	for {
		k, err := nc.Read(buf[have:])
		if err != nil {
			b.Fatalf("%s: %v", command, err)
		}
		n += int64(k)
		have += k
		if bytes.HasSuffix(buf[:have], end) {
			if i := bytes.LastIndex(buf[:have], []byte("tag7 ")); i < 0 || !bytes.HasPrefix(buf[i:], []byte("tag7 OK")) {
				b.Fatalf("%s: %q", command, buf[max(i, 0):have])
			}
			return n
		}
		have = copy(buf, buf[max(have-100, 0):have])
	}
}
