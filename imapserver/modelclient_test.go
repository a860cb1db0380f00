package imapserver

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mox/imap"
	"mox/imap/wire"
)

// flagSet is a set of flags and keywords in lower case.
type flagSet map[string]bool

func newFlagSet(flags ...string) flagSet {
	s := flagSet{}
	for _, f := range flags {
		s[strings.ToLower(f)] = true
	}
	return s
}

func (s flagSet) String() string {
	var l []string
	for f := range s {
		l = append(l, f)
	}
	slices.Sort(l)
	return strings.Join(l, " ")
}

// apply returns what STORE makes of the set.
func (s flagSet) apply(op string, flags flagSet) flagSet {
	out := flagSet{}
	if op != "" {
		for f := range s {
			out[f] = true
		}
	}
	for f := range flags {
		if op == "-" {
			delete(out, f)
		} else {
			out[f] = true
		}
	}
	return out
}

// heardMessage is what a client knows of a message. Zero fields are not known.
type heardMessage struct {
	uid    imap.UID
	flags  flagSet
	modseq int64
}

// modelClient is a client that believes what it is told. It fails the test when that cannot be
// true.
type modelClient struct {
	*testClient
	name string
	dec  *wire.Decoder
	bye  bool

	list     []heardMessage
	keywords flagSet // Of FLAGS responses.

	condstore bool
	told      func(m *heardMessage, flags, modseq bool) // Called after each FETCH response, unless nil.
	quiet     bool                                      // EXPUNGE must not come.
	search    []uint32
	esearch   *searchResult
	fetched   map[imap.SeqNum]map[string]wire.Value // By the command that runs.
	said      []string                              // Other untagged responses to it.
	exchange  []string                              // The last lines, for failures.
}

// newModelClient returns a client that is logged in, with or without TLS.
func newModelClient(t testing.TB, s *testServer, name string, withTLS bool) *modelClient {
	c := &modelClient{testClient: s.dial(), name: name}
	c.t = t
	c.expect("* OK ...")
	if withTLS {
		c.cmd("STARTTLS", "OK ...")
		c.startTLS()
	}
	c.cmd("LOGIN "+testLogin+" "+testPassword, "OK ...")
	c.dec = wire.NewDecoder(c.r, wire.Limits{}, nil)
	return c
}

func (c *modelClient) fatalf(format string, args ...any) {
	c.t.Helper()
	c.t.Fatalf("client %s: %s\nlast lines:\n%s", c.name, fmt.Sprintf(format, args...), strings.Join(c.exchange, "\n"))
}

func (c *modelClient) log(line string) {
	if len(c.exchange) == 60 {
		c.exchange = slices.Delete(c.exchange, 0, 1)
	}
	c.exchange = append(c.exchange, line)
}

// response is how a command ended.
type response struct{ status, code, text string }

// run sends a command and hears all that comes up to its tagged response.
func (c *modelClient) run(command string) response {
	c.t.Helper()
	c.begin(command)
	for {
		if r, done := c.read(); done {
			return r
		}
	}
}

// begin sends a command.
func (c *modelClient) begin(command string) {
	c.t.Helper()
	word, _, _ := strings.Cut(command, " ")
	c.quiet = word == "FETCH" || word == "STORE" || word == "SEARCH"
	c.search, c.esearch, c.fetched, c.said = nil, nil, map[imap.SeqNum]map[string]wire.Value{}, nil
	c.tag++
	c.log(fmt.Sprintf("C: t%d %s", c.tag, command))
	c.send(fmt.Sprintf("t%d %s\r\n", c.tag, command))
}

// read reads a response. It reports whether the command is answered, which BYE does, too.
func (c *modelClient) read() (r response, done bool) {
	c.t.Helper()
	c.nc.SetReadDeadline(time.Now().Add(hangTimeout))
	if err := c.dec.ReadLine(); err != nil {
		if c.bye {
			return response{status: "BYE"}, true
		}
		c.fatalf("reading: %v", err)
	}
	d := c.dec
	switch {
	case d.Take('+'):
		c.log("S: +" + d.Rest())
		return response{status: "+"}, true
	case d.Take('*'):
		d.SP()
		c.untagged()
		return response{}, false
	}
	tag := string(d.Atom())
	d.SP()
	r = status(d)
	c.log(fmt.Sprintf("S: %s %s [%s] %s", tag, r.status, r.code, r.text))
	if tag != fmt.Sprintf("t%d", c.tag) || d.Err() != nil {
		c.fatalf("bad response")
	}
	return r, true
}

// status reads a status response.
func status(d *wire.Decoder) response {
	r := response{status: string(d.Keyword())}
	d.SP()
	r.text = d.Rest()
	if rest, ok := strings.CutPrefix(r.text, "["); ok {
		r.code, r.text, _ = strings.Cut(rest, "] ")
	}
	return r
}

// untagged hears an untagged response.
func (c *modelClient) untagged() {
	c.t.Helper()
	d := c.dec
	if '0' <= d.Peek() && d.Peek() <= '9' {
		n := d.Number()
		d.SP()
		word := string(d.Keyword())
		var v wire.Value
		if word == "FETCH" {
			d.SP()
			v = d.Value()
		}
		c.log(fmt.Sprintf("S: * %d %s %s", n, word, showValue(v)))
		if d.CRLF(); d.Err() != nil {
			c.fatalf("bad response: %v", d.Err())
		}
		c.hear(imap.SeqNum(n), word, v)
		return
	}
	word := string(d.Keyword())
	rest := d.Rest()
	c.said = append(c.said, word+rest)
	c.log("S: * " + word + rest)
	switch word {
	case "BYE":
		c.bye = true
	case "FLAGS":
		c.keywords = newFlagSet(strings.Fields(strings.Trim(rest, " ()"))...)
	case "ESEARCH":
		c.hearESearch(rest)
	case "SEARCH":
		c.search = []uint32{}
		if i := strings.IndexByte(rest, '('); i >= 0 {
			rest = rest[:i]
		}
		for _, s := range strings.Fields(rest) {
			n, err := strconv.ParseUint(s, 10, 32)
			if err != nil {
				c.fatalf("bad SEARCH response")
			}
			c.search = append(c.search, uint32(n))
		}
	}
}

// hear believes what is said of a message or the mailbox.
func (c *modelClient) hear(n imap.SeqNum, word string, v wire.Value) {
	c.t.Helper()
	switch word {
	case "EXISTS":
		if int(n) < len(c.list) {
			c.fatalf("EXISTS %d, but %d messages are known", n, len(c.list))
		}
		for len(c.list) < int(n) {
			c.list = append(c.list, heardMessage{})
		}
	case "EXPUNGE":
		if c.quiet {
			c.fatalf("EXPUNGE in a command that forbids it")
		}
		if n == 0 || int(n) > len(c.list) {
			c.fatalf("EXPUNGE of a message that is not known")
		}
		c.list = slices.Delete(c.list, int(n)-1, int(n))
	case "FETCH":
		if n == 0 || int(n) > len(c.list) {
			c.fatalf("FETCH of a message that is not known")
		}
		c.hearFetch(n, v)
	case "RECENT":
	default:
		c.fatalf("unknown response %s", word)
	}
}

func (c *modelClient) hearFetch(n imap.SeqNum, v wire.Value) {
	c.t.Helper()
	m := &c.list[n-1]
	items := c.fetched[n]
	if items == nil {
		items = map[string]wire.Value{}
		c.fetched[n] = items
	}
	_, tellsModSeq := value(v, "MODSEQ")
	for i := 0; i+1 < len(v.List); i += 2 {
		name, val := v.List[i].Text, v.List[i+1]
		items[name] = val
		switch name {
		case "UID":
			uid, err := strconv.ParseUint(val.Text, 10, 32)
			if err != nil || m.uid != 0 && m.uid != imap.UID(uid) {
				c.fatalf("message %d has UID %s, which was %d", n, val.Text, m.uid)
			}
			m.uid = imap.UID(uid)
			if n > 1 && c.list[n-2].uid >= m.uid || int(n) < len(c.list) && c.list[n].uid != 0 && c.list[n].uid <= m.uid {
				c.fatalf("UIDs do not ascend at message %d", n)
			}
		case "FLAGS":
			m.flags = flagSet{}
			for _, f := range val.List {
				if f.Text == `\Recent` {
					continue // Not announced by FLAGS, and no flag of the message.
				}
				if !c.keywords[strings.ToLower(f.Text)] {
					c.fatalf("message %d has %s, which was not announced", n, f.Text)
				}
				m.flags[strings.ToLower(f.Text)] = true
			}
			if c.condstore && !tellsModSeq {
				c.fatalf("FLAGS of message %d without MODSEQ", n)
			}
		case "MODSEQ":
			modseq, err := strconv.ParseInt(val.List[0].Text, 10, 64)
			if err != nil || modseq < m.modseq || modseq == 0 {
				c.fatalf("modseq of message %d goes from %d to %s", n, m.modseq, val.List[0].Text)
			}
			m.modseq = modseq
		}
	}
	if c.told != nil {
		_, flags := value(v, "FLAGS")
		c.told(m, flags, tellsModSeq)
	}
}

// value returns the value of an item of a FETCH response.
func value(v wire.Value, name string) (wire.Value, bool) {
	for i := 0; i+1 < len(v.List); i += 2 {
		if v.List[i].Text == name {
			return v.List[i+1], true
		}
	}
	return wire.Value{}, false
}

func showValue(v wire.Value) string {
	switch v.Kind {
	case wire.ValueList:
		l := make([]string, len(v.List))
		for i := range v.List {
			l[i] = showValue(v.List[i])
		}
		return "(" + strings.Join(l, " ") + ")"
	case wire.ValueString:
		return strconv.Quote(v.Text)
	case wire.ValueNil:
		return "NIL"
	}
	return v.Text
}

// forget makes the client know nothing of a mailbox.
func (c *modelClient) forget() { c.list, c.keywords = nil, nil }
