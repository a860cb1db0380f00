package imapserver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mox/store"
)

// TestModelConcurrent sends random commands on several connections at once. No model can tell what comes
// of each, but what a client hears must make sense, different clients must hear the same of a message with one modseq,
// and in the end all must know what is there.
func TestModelConcurrent(t *testing.T) {
	t.Parallel()
	run := func(seed uint64, steps int) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { runConcurrent(t, seed, steps) })
	}
	switch {
	case *modelSeed != 0:
		run(*modelSeed, 500)
	case *modelTime != 0:
		for end := time.Now().Add(*modelTime); time.Now().Before(end) && !t.Failed(); {
			run(rand.Uint64(), 500)
		}
	default:
		run(1, 150)
		run(2, 150)
	}
}

func runConcurrent(t *testing.T, seed uint64, steps int) {
	st := newStore(t, t.TempDir())
	srv := newServer(t, st, func(_ *Options, lo *ListenerOptions) { lo.MaxBadCommands, lo.TLS = 1<<30, testTLS() })
	var facts sync.Map
	var clients []*crowdClient
	for i := range 6 {
		c := &crowdClient{
			modelClient: newModelClient(t, srv, strconv.Itoa(i), i%3 == 0), r: rand.New(rand.NewPCG(seed, uint64(i))), facts: &facts,
		}
		c.modelClient.told = c.remember
		clients = append(clients, c)
	}
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			for range steps {
				c.step()
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	acc, err := st.Open(t.Context(), testAccount)
	if err != nil {
		t.Fatal(err)
	}
	defer acc.Close()
	for _, c := range clients {
		c.finish(acc)
	}
}

// crowdClient is one of the clients that run at once.
type crowdClient struct {
	*modelClient
	r       *rand.Rand
	mailbox string
	facts   *sync.Map // What any client heard, by what it is about.
	bodies  int
}

// remember compares what is told of a message with what others were told.
func (c *crowdClient) remember(m *heardMessage, flags, modseq bool) {
	if flags && modseq && m.uid != 0 {
		c.fact(fmt.Sprintf("flags of %s %d with modseq %d", c.mailbox, m.uid, m.modseq), m.flags.String())
	}
}

func (c *crowdClient) fact(about, what string) {
	if was, ok := c.facts.LoadOrStore(about, what); ok && was != what {
		c.fatalf("%s: %s, and %s to others", about, what, was)
	}
}

// step runs a random command.
func (c *crowdClient) step() {
	r := c.r
	other := []string{"INBOX", "Archive"}[r.IntN(2)]
	if c.mailbox == "" || r.IntN(40) == 0 {
		c.forget()
		c.mailbox = other
		c.must("OK", "SELECT "+other)
		return
	}
	n := len(c.list)
	if n == 0 || n < 5 && r.IntN(2) == 0 || r.IntN(10) == 0 {
		c.bodies++
		body := fmt.Sprintf("Subject: %s.%d\r\n\r\n", c.name, c.bodies)
		c.must("OK", fmt.Sprintf("APPEND %s (%s) {%d+}\r\n%s", other, strings.Join(randomFlags(r), " "), len(body), body))
		return
	}
	set := randomNumbers(r, n).String()
	switch r.IntN(15) {
	case 0, 1, 2:
		op := []string{"", "+", "-"}[r.IntN(3)]
		c.must("OK NO", fmt.Sprintf("STORE %s %sFLAGS (%s)", set, op, strings.Join(randomFlags(r), " ")))
	case 3, 4:
		c.storeSilent(1 + r.IntN(n))
	case 5:
		c.must("OK NO", "FETCH "+set+" (UID FLAGS MODSEQ)")
		c.condstore = true
	case 6:
		c.must("OK NO", "FETCH "+set+" (UID BODY[])")
		for seq, items := range c.fetched {
			if v, ok := items["BODY[]"]; ok {
				c.fact(fmt.Sprintf("body of %s %d", c.mailbox, c.list[seq-1].uid), v.Text)
			}
		}
	case 7:
		c.must("OK", "UID FETCH 1:* (FLAGS)")
	case 8:
		c.must("OK", "SEARCH OR SEEN KEYWORD work")
		for _, n := range c.search {
			if int(n) > len(c.list) {
				c.fatalf("SEARCH found message %d of %d", n, len(c.list))
			}
		}
	case 9:
		c.must("OK", []string{"EXPUNGE", "NOOP", "UID EXPUNGE 1:*"}[r.IntN(3)])
	case 10:
		if n < 40 {
			c.must("OK", "COPY "+strconv.Itoa(1+r.IntN(n))+" "+other)
		}
	case 11:
		c.searchAll()
	case 12:
		c.must("OK", "MOVE "+strconv.Itoa(1+r.IntN(n))+" "+other)
	default:
		c.must("+", "IDLE")
		c.quiet = false
		for range r.IntN(3) {
			c.mayRead()
		}
		c.endIdle()
	}
}

// mayRead reads a response if one comes soon.
func (c *crowdClient) mayRead() {
	if c.r.IntN(2) == 0 {
		return
	}
	if c.modelClient.testClient.r.Buffered() > 0 {
		c.read()
	}
}

func (c *crowdClient) endIdle() {
	c.send("DONE\r\n")
	for {
		if r, done := c.read(); done {
			if r.status != "OK" {
				c.fatalf("end of IDLE: %v", r)
			}
			return
		}
	}
}

func (c *crowdClient) must(status, command string) {
	if r := c.run(command); !slices.Contains(strings.Fields(status), r.status) {
		c.fatalf("%s: got %v, want %s", command, r, status)
	}
}

// storeSilent changes a message's flags as a client does that asks for no answer.
func (c *crowdClient) storeSilent(n int) {
	op := []string{"", "+", "-"}[c.r.IntN(3)]
	flags := randomFlags(c.r)
	c.begin(fmt.Sprintf("STORE %d %sFLAGS.SILENT (%s)", n, op, strings.Join(flags, " ")))
	if h := &c.list[n-1]; h.flags != nil {
		h.flags = h.flags.apply(op, newFlagSet(flags...))
	}
	for {
		if r, done := c.read(); done {
			if r.status != "OK" {
				c.fatalf("STORE: %v", r)
			}
			return
		}
	}
}

// finish compares what the client knows with what there is, when nothing changes any more.
func (c *crowdClient) finish(acc *store.Account) {
	c.t.Helper()
	c.must("OK", "NOOP")
	mb, err := acc.MailboxByName(c.t.Context(), store.System, c.mailbox)
	if err != nil {
		c.t.Fatal(err)
	}
	sel, err := acc.Select(c.t.Context(), store.System, mb.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	defer sel.Close()
	view := sel.View()
	if view.Len() != len(c.list) {
		c.fatalf("client knows %d messages, want %d", len(c.list), view.Len())
	}
	for seq, e := range view.All(1) {
		h := c.list[seq-1]
		flags := newFlagSet(append(strings.Fields(e.Flags.String()), acc.KeywordNames(e.Keywords)...)...)
		if h.uid != 0 && h.uid != e.UID || h.flags != nil && h.flags.String() != flags.String() || h.modseq > int64(e.ModSeq) {
			c.fatalf("message %d is UID %d (%v) with modseq %d to the client, but %d (%v) with %d", seq, h.uid, h.flags, h.modseq, e.UID, flags, e.ModSeq)
		}
	}
}
