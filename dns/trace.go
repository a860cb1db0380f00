package dns

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// trace watches the messages of one lookup of adns go by, for what adns does not tell: the
// TTL, and, where a lookup has several questions, which answers were authentic.
type trace struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	trustAD bool
	as      dnsmessage.Type // What the question for TLSA is turned into; zero for TLSA.

	// stand is what adns asks for, and name what that is turned into, of the same length. Mostly they are equal.
	name, stand string

	mu      sync.Mutex        // Guards what follows, adns asks concurrently.
	dialed  bool              // A server was to be asked.
	answers map[string]answer // By type.
}

// answer is what a name server answered to a question.
type answer struct {
	authentic bool
	ttl       time.Duration // As in Result.
	cname     string        // Of the name asked for, if it is an alias.
	caa       []CAA
}

// result returns the Result of an answer to questions of types. A nil trace has none.
func (t *trace) result(types ...string) Result {
	if t == nil {
		return Result{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := Result{Authentic: true}
	for _, typ := range types {
		a, ok := t.answers[typ]
		if !ok {
			return Result{} // From /etc/hosts, or no answer.
		}
		r.Authentic = r.Authentic && a.authentic
		if r.TTL == 0 || a.ttl != 0 && a.ttl < r.TTL {
			r.TTL = a.ttl
		}
	}
	return r
}

// asked tells whether a server was to be asked.
func (t *trace) asked() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dialed
}

// cname returns the target of the alias that was asked for, answered if there was an
// answer to that question.
func (t *trace) cname() (target string, answered bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.answers["CNAME"]
	return a.cname, ok
}

// caa returns the records that were asked for. A nil trace has none.
func (t *trace) caa() []CAA {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answers["CAA"].caa
}

// Dial is the Dial of adns.Resolver.
func (t *trace) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	t.mu.Lock()
	t.dialed = true
	t.mu.Unlock()
	c, err := t.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	tc := tracedConn{Conn: c, t: t}
	// adns waits for answers until its deadline whatever happens to the context.
	tc.stop = context.AfterFunc(ctx, func() { c.Close() })
	if pc, ok := c.(net.PacketConn); ok {
		return &tracedPacketConn{tc, pc}, nil
	}
	return &tracedStream{tracedConn: tc}, nil
}

// tracedConn is a connection for one question.
type tracedConn struct {
	net.Conn
	t     *trace
	stop  func() bool
	query []byte

	typeAt  int  // Where in query the type of the question was changed; zero if it was not.
	renamed bool // The name of the question was changed.
}

func (c *tracedConn) Close() error {
	c.stop()
	return c.Conn.Close()
}

const (
	headerLen = 12
	flagAD    = 0x20 // In the fourth byte of a message (RFC 4035 §3.2.3).
)

// sending notes the query and, if servers are to be trusted, asks for the AD bit (RFC 6840
// §5.7), as adns does when /etc/resolv.conf says so.
func (c *tracedConn) sending(msg []byte) {
	if len(msg) < headerLen {
		return
	}
	if c.t.trustAD {
		msg[3] |= flagAD
	}
	if at := questionType(msg); c.t.as != 0 && at > 0 && dnsmessage.Type(binary.BigEndian.Uint16(msg[at:])) == typeTLSA {
		c.typeAt = at
		binary.BigEndian.PutUint16(msg[at:], uint16(c.t.as))
	}
	if c.t.name != c.t.stand && isQuestion(msg, c.t.stand) {
		c.renamed = true
		copyName(msg, 0, c.t.name)
	}
	c.query = append([]byte(nil), msg...)
}

// isQuestion tells whether a message asks for a name.
func isQuestion(msg []byte, name string) bool {
	at := headerLen
	for label := range strings.SplitSeq(name, ".") {
		end := at + 1 + len(label)
		if end >= len(msg) || int(msg[at]) != len(label) || string(msg[at+1:end]) != label {
			return false
		}
		at = end
	}
	return msg[at] == 0
}

// copyName writes the name of a question, over one with labels of the same length, to a part of a message from an offset
// of it.
func copyName(part []byte, offset int, name string) {
	for i := range len(name) {
		// A length octet comes before the first label, and others where the name has dots.
		if at := headerLen + 1 + i - offset; name[i] != '.' && at >= 0 && at < len(part) {
			part[at] = name[i]
		}
	}
}

// questionType returns where in a message the type of its question is, zero if it has none.
func questionType(msg []byte) int {
	for at := headerLen; at < len(msg); at += 1 + int(msg[at]) {
		if msg[at] == 0 && at+3 <= len(msg) {
			return at + 1
		}
	}
	return 0
}

// restore makes the question in a part of an answer, from an offset of the message, that which adns has asked.
func (c *tracedConn) restore(part []byte, offset int) {
	if c.renamed {
		copyName(part, offset, c.t.stand)
	}
	for i, b := range [...]byte{0, byte(typeTLSA)} {
		if at := c.typeAt + i - offset; c.typeAt > 0 && at >= 0 && at < len(part) {
			part[at] = b
		}
	}
}

// received notes the answer, if it is one to the query.
func (c *tracedConn) received(msg []byte) {
	if len(c.query) < headerLen || len(msg) < headerLen || binary.BigEndian.Uint16(msg) != binary.BigEndian.Uint16(c.query) {
		return
	}
	var p, qp dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil || !h.Response || h.Truncated {
		return
	}
	qh, err := qp.Start(c.query)
	if err != nil {
		return
	}
	q, err := p.Question()
	asked, err2 := qp.Question()
	if err != nil || err2 != nil || q.Type != asked.Type || q.Class != asked.Class || !strings.EqualFold(q.Name.String(), asked.Name.String()) {
		return
	}
	if h.RCode != dnsmessage.RCodeSuccess && h.RCode != dnsmessage.RCodeNameError {
		return
	}
	a := answer{authentic: qh.AuthenticData && h.AuthenticData}
	if p.SkipAllQuestions() != nil || a.parse(&p, asked) != nil {
		return
	}
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	if c.t.answers == nil {
		c.t.answers = map[string]answer{}
	}
	c.t.answers[typeName(asked.Type)] = a
}

func typeName(t dnsmessage.Type) string {
	switch t {
	case typeTLSA:
		return "TLSA"
	case typeCAA:
		return "CAA"
	}
	return strings.TrimPrefix(t.String(), "Type")
}

// Types that the message package does not know.
const (
	typeTLSA dnsmessage.Type = 52  // RFC 6698 §7.1.
	typeCAA  dnsmessage.Type = 257 // RFC 8659 §4.1.
)

// parse takes the TTL of an answer: the lowest of its records, for an answer that there
// is nothing also that of the SOA record (RFC 2308 §5).
func (a *answer) parse(p *dnsmessage.Parser, asked dnsmessage.Question) error {
	ttl, known, found := uint32(0), false, false
	lower := func(v uint32) {
		if v >= 1<<31 {
			v = 0 // RFC 2181 §8.
		}
		if !known || v < ttl {
			ttl, known = v, true
		}
	}
	for {
		h, err := p.AnswerHeader()
		if err == dnsmessage.ErrSectionDone {
			break
		}
		if err != nil {
			return err
		}
		lower(h.TTL)
		if h.Type == asked.Type {
			found = true
		}
		if h.Type == dnsmessage.TypeCNAME && strings.EqualFold(h.Name.String(), asked.Name.String()) {
			r, err := p.CNAMEResource()
			if err != nil {
				return err
			}
			a.cname = r.CNAME.String()
		} else if h.Type == typeCAA {
			r, err := p.UnknownResource()
			if err != nil {
				return err
			}
			if caa, err := parseCAA(r.Data); err == nil {
				a.caa = append(a.caa, caa)
			}
		} else if err := p.SkipAnswer(); err != nil {
			return err
		}
	}
	if !found {
		if soa, ok := soaTTL(p); ok {
			lower(soa)
		} else {
			known = false
		}
	}
	if known {
		a.ttl = time.Duration(ttl) * time.Second
		if a.ttl == 0 {
			a.ttl = -1
		}
	}
	return nil
}

// soaTTL returns the TTL of a negative answer.
func soaTTL(p *dnsmessage.Parser) (uint32, bool) {
	for {
		h, err := p.AuthorityHeader()
		if err != nil {
			return 0, false
		}
		if h.Type != dnsmessage.TypeSOA {
			if p.SkipAuthority() != nil {
				return 0, false
			}
			continue
		}
		soa, err := p.SOAResource()
		return min(h.TTL, soa.MinTTL), err == nil
	}
}

// tracedPacketConn has a message in each datagram. That it is a net.PacketConn tells adns.
type tracedPacketConn struct {
	tracedConn
	pc net.PacketConn
}

func (c *tracedPacketConn) Write(p []byte) (int, error) {
	c.sending(p)
	return c.Conn.Write(p)
}

func (c *tracedPacketConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil {
		c.received(p[:n])
		c.restore(p[:n], 0)
	}
	return n, err
}

func (c *tracedPacketConn) ReadFrom(p []byte) (int, net.Addr, error) { return c.pc.ReadFrom(p) }

func (c *tracedPacketConn) WriteTo(p []byte, a net.Addr) (int, error) { return c.pc.WriteTo(p, a) }

// tracedStream has messages with their length before them (RFC 1035 §4.2.2).
type tracedStream struct {
	tracedConn
	in []byte
}

func (c *tracedStream) Write(p []byte) (int, error) {
	if len(p) > 2 {
		c.sending(p[2:])
	}
	return c.Conn.Write(p)
}

func (c *tracedStream) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	offset := len(c.in) - 2 // After the length.
	c.in = append(c.in, p[:n]...)
	c.restore(p[:n], offset)
	if len(c.in) >= 2 && len(c.in)-2 >= int(binary.BigEndian.Uint16(c.in)) {
		c.received(c.in[2:])
		c.in = nil
	}
	return n, err
}
