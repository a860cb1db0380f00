package imapserver

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mox/internal/corpus"
	"mox/message"
)

// fetchBinary fetches a decoded section of message 1 with its size, and reports whether it came as literal8. It is
// nil if the message does not have it.
func (c *testClient) fetchBinary(section, partial string) (data []byte, literal8 bool, size int64) {
	c.t.Helper()
	c.send(fmt.Sprintf("b FETCH 1 (BINARY.SIZE[%s] BINARY.PEEK[%s]%s)\r\n", section, section, partial))
	line := strings.TrimPrefix(c.readLine(), "* 1 FETCH (BINARY.SIZE["+section+"] ")
	num, line, _ := strings.Cut(line, " BINARY["+section+"]")
	size, err := strconv.ParseInt(num, 10, 64)
	if err != nil {
		c.t.Fatalf("%s%s: got %q", section, partial, c.last)
	}
	_, value, _ := strings.Cut(line, " ")
	if value == "NIL)" {
		c.expect("b OK ...")
		return nil, false, size
	}
	value, literal8 = strings.CutPrefix(value, "~")
	n, err := strconv.Atoi(strings.Trim(value, "{}"))
	if err != nil {
		c.t.Fatalf("%s%s: got %q", section, partial, c.last)
	}
	data = make([]byte, n)
	if _, err := io.ReadFull(c.r, data); err != nil {
		c.t.Fatal(err)
	}
	c.expect(")")
	c.expect("b OK ...")
	return data, literal8, size
}

// Parts larger than what is kept decoded, with NUL here and there.
func TestFetchBinaryOfLargeParts(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{binaryKeep - 1, binaryKeep, binaryKeep + 1, 3<<20 + 5} {
		text := bytes.Repeat([]byte("some text "), size/10+1)[:size]
		text[size/2] = 0
		var b bytes.Buffer
		for _, encoding := range []string{"base64", "binary"} {
			b.WriteString("--x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n")
			if encoding == "base64" {
				for line := range slices.Chunk(text, 57) {
					b.WriteString(base64.StdEncoding.EncodeToString(line) + "\r\n")
				}
			} else {
				b.Write(text)
				b.WriteString("\r\n")
			}
		}
		c := newServer(t, newStore(t, t.TempDir()), nil).login()
		c.append("INBOX", "", "Content-Type: multipart/mixed; boundary=x\r\n\r\n"+b.String()+"--x--\r\n")
		c.cmd("SELECT INBOX", "OK ...")
		for _, section := range []string{"1", "2"} {
			data, literal8, n := c.fetchBinary(section, "")
			if !bytes.Equal(data, text) || !literal8 || n != int64(size) {
				t.Errorf("%d octets, part %s: got %d octets, literal8 %v, size %d", size, section, len(data), literal8, n)
			}
			for range 10 {
				off, count := rnd.IntN(size+100), 1+rnd.IntN(size)
				data, literal8, n := c.fetchBinary(section, fmt.Sprintf("<%d.%d>", off, count))
				want := text[min(off, size):min(off+count, size)]
				if !bytes.Equal(data, want) || literal8 != bytes.Contains(want, []byte{0}) || n != int64(size) {
					t.Errorf("%d octets, part %s<%d.%d>: got %d octets, literal8 %v, size %d", size, section, off, count, len(data), literal8, n)
				}
			}
		}
	}
}

// Each leaf part of many messages has the size that is told, and is what the message package decodes.
func TestFetchBinaryOfRealMessages(t *testing.T) {
	t.Parallel()
	c := newServer(t, newStore(t, t.TempDir()), nil).login()
	for _, m := range corpus.Messages(t) {
		msg := m.CRLF()
		if len(msg) == 0 || len(msg) > 1<<20 {
			continue
		}
		c.append("INBOX", "", string(msg))
		c.cmd("SELECT INBOX", "OK ...")
		root := message.ParseBytes(msg)
		leaves(root, nil, 50, func(path string, p *message.Part) {
			if !p.EncodingKnown() {
				c.cmd("FETCH 1 BINARY.SIZE["+path+"]", "NO [UNKNOWN-CTE] ...")
				return
			}
			want, err := io.ReadAll(p.DecodedReader(bytes.NewReader(msg)))
			if err != nil {
				t.Fatal(err)
			}
			data, literal8, n := c.fetchBinary(path, "")
			if !bytes.Equal(data, want) || n != int64(len(want)) || literal8 != bytes.Contains(want, []byte{0}) {
				t.Errorf("%s: part %s: got %d octets of %d, literal8 %v, size %d", m.Name, path, len(data), len(want), literal8, n)
			}
		})
		c.cmd(`STORE 1 +FLAGS.SILENT (\Deleted)`, "OK ...")
		c.cmd("CLOSE", "OK ...")
	}
}

// leaves calls fn for the leaf parts of a message with their part numbers.
func leaves(p *message.Part, path []int, most int, fn func(string, *message.Part)) {
	if p.IsMultipart() {
		for i, q := range p.Parts[:min(most, len(p.Parts))] {
			leaves(q, append(path[:len(path):len(path)], i+1), most, fn)
		}
		return
	}
	if len(path) == 0 {
		path = []int{1}
	}
	if len(path) > 50 {
		return
	}
	if p.Message != nil {
		if p.Message.IsMultipart() {
			leaves(p.Message, path, most, fn)
		} else {
			leaves(p.Message, append(path[:len(path):len(path)], 1), most, fn)
		}
		return
	}
	fn(strings.Trim(strings.ReplaceAll(fmt.Sprint(path), " ", "."), "[]"), p)
}
