package crash

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// messageID is the number of a message, by which its content can be made again.
type messageID string

// body makes the content of a message, different for each id. Most are small, those whose number ends in
// 3 are large enough for a file of their own.
func (id messageID) body() []byte {
	if id == "" {
		return nil
	}
	h := fnv.New64a()
	h.Write([]byte(id))
	r := rand.New(rand.NewPCG(h.Sum64(), 0))
	size := 50 + r.IntN(4000)
	switch id[len(id)-1] {
	case '3':
		size = 300_000 + r.IntN(50_000)
	case '7':
		size = 30_000 + r.IntN(30_000)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "Message-ID: <%s@crash.example>\r\nFrom: <sender@crash.example>\r\nSubject: %s\r\n\r\n", id, id)
	for b.Len() < size {
		fmt.Fprintf(&b, "%016x %016x %016x %016x\r\n", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
	}
	return b.Bytes()
}

// idOf returns the id of a message with such content, whole or not.
func idOf(content []byte) (messageID, bool) {
	_, rest, ok := strings.Cut(string(content[:min(len(content), 4096)]), "Message-ID: <")
	id, _, ok2 := strings.Cut(rest, "@crash.example>")
	return messageID(id), ok && ok2
}
