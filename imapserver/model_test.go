package imapserver

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"mox/store"
)

var (
	modelSeed = flag.Uint64("model.seed", 0, "seed of one run of TestModel, as told by a failure")
	modelTime = flag.Duration("model.time", 0, "run TestModel with new seeds for so long")
)

// TestModel sends random commands on several connections, some of which are in IDLE, one command at a time, and
// keeps a naive model of the mailboxes and of what each session should see. What each
// client was told always equals what the model shows it.
func TestModel(t *testing.T) {
	t.Parallel()
	run := func(seed uint64, steps int) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			m := newModel(t, seed)
			for range steps {
				m.step()
			}
		})
	}
	switch {
	case *modelSeed != 0:
		run(*modelSeed, 2000)
	case *modelTime != 0:
		for end := time.Now().Add(*modelTime); time.Now().Before(end) && !t.Failed(); {
			run(rand.Uint64(), 2000)
		}
	default:
		for seed := range uint64(4) {
			run(seed+1, 400)
		}
	}
}

// model has the mailboxes and clients.
type model struct {
	t       *testing.T
	r       *rand.Rand
	srv     *testServer
	acc     *store.Account
	boxes   map[string]*naiveMailbox
	clients []*client
	bodies  int
	states  map[string]string // Flags by mailbox, UID and modseq.
	nextID  int
}

// client is a connection with what the model knows of it.
type client struct {
	*modelClient
	m       *model
	session *session // Nil unless a mailbox is selected.
	idle    bool
	rev2    bool // Enabled.
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, r: rand.New(rand.NewPCG(seed, 0)), boxes: map[string]*naiveMailbox{}, states: map[string]string{}}
	st := newStore(t, t.TempDir())
	m.srv = newServer(t, st, func(_ *Options, lo *ListenerOptions) { lo.MaxBadCommands, lo.TLS = 1<<30, testTLS() })
	acc, err := st.Open(t.Context(), testAccount)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { acc.Close() })
	m.acc = acc
	for _, name := range []string{"INBOX", "Archive"} {
		m.addMailbox(name)
	}
	for range 5 {
		m.clients = append(m.clients, m.connect())
	}
	return m
}

func (m *model) connect() *client {
	m.nextID++
	return &client{modelClient: newModelClient(m.t, m.srv, strconv.Itoa(m.nextID), m.nextID%3 == 0), m: m}
}

func (m *model) addMailbox(name string) {
	mb, err := m.acc.MailboxByName(m.t.Context(), store.System, name)
	if err != nil {
		m.t.Fatal(err)
	}
	m.boxes[name] = &naiveMailbox{id: mb.ID, name: name}
}

// mailbox returns a mailbox that exists, mostly.
func (m *model) mailbox() string {
	return []string{"INBOX", "INBOX", "INBOX", "Archive", "Archive", "work"}[m.r.IntN(6)]
}

// step runs one command and checks what came of it.
func (m *model) step() {
	m.t.Helper()
	i := m.r.IntN(len(m.clients))
	c := m.clients[i]
	if c.idle {
		if m.r.IntN(3) > 0 {
			return
		}
		c.endIdle()
	} else {
		c.command()
	}
	m.checkStore()
	for _, o := range m.clients {
		if o.idle {
			o.catchUp()
		}
	}
	c.check()
	for i, o := range m.clients {
		if o.bye {
			m.clients[i] = m.connect()
		}
	}
}

// checkStore compares the mailboxes with those of the store, and takes over their modseqs.
func (m *model) checkStore() {
	m.t.Helper()
	for _, b := range m.boxes {
		sel, err := m.acc.Select(m.t.Context(), store.System, b.id)
		if err != nil {
			m.t.Fatalf("mailbox %s: %v", b.name, err)
		}
		view := sel.View()
		sel.Close()
		if view.Len() != len(b.msgs) || view.UIDNext() <= b.highest {
			m.t.Fatalf("mailbox %s has %d messages and UIDNEXT %d, want %d messages, last UID %d", b.name, view.Len(), view.UIDNext(), len(b.msgs), b.highest)
		}
		highest := b.modseq
		for seq, e := range view.All(1) {
			msg := &b.msgs[seq-1]
			flags := newFlagSet(append(strings.Fields(e.Flags.String()), m.acc.KeywordNames(e.Keywords)...)...)
			if e.UID != msg.uid || flags.String() != msg.flags.String() {
				m.t.Fatalf("mailbox %s, message %d: UID %d (%v), want UID %d (%v)", b.name, seq, e.UID, flags, msg.uid, msg.flags)
			}
			if e.ModSeq != msg.modseq && e.ModSeq <= b.modseq {
				m.t.Fatalf("mailbox %s, UID %d: modseq goes from %d to %d, the highest was %d", b.name, e.UID, msg.modseq, e.ModSeq, b.modseq)
			}
			key := fmt.Sprint(b.id, e.UID, e.ModSeq)
			if was, ok := m.states[key]; ok && was != flags.String() {
				m.t.Fatalf("mailbox %s, UID %d: flags %s and %s with modseq %d", b.name, e.UID, was, flags, e.ModSeq)
			}
			m.states[key] = flags.String()
			msg.modseq = e.ModSeq
			highest = max(highest, e.ModSeq)
		}
		b.modseq = max(highest, view.ModSeq())
	}
}

// check compares what the client heard with what the model shows it.
func (c *client) check() {
	c.t.Helper()
	if diff := c.diff(); diff != "" {
		c.fatalf("%s", diff)
	}
}

// diff tells how what the client heard differs from what it should know.
func (c *client) diff() string {
	if c.session == nil {
		return ""
	}
	shown := c.session.shown
	if len(c.list) != len(shown) {
		return fmt.Sprintf("client knows %d messages, want %d", len(c.list), len(shown))
	}
	for i, h := range c.list {
		s := &shown[i]
		switch {
		case h.uid != 0 && h.uid != s.uid:
			return fmt.Sprintf("message %d has UID %d, want %d", i+1, h.uid, s.uid)
		case s.gone:
		case h.flags != nil && h.flags.String() != s.flags.String():
			return fmt.Sprintf("message %d has flags %v, want %v", i+1, h.flags, s.flags)
		case h.modseq != 0 && c.condstore && h.modseq != int64(s.modseq):
			return fmt.Sprintf("message %d has modseq %d, want %d", i+1, h.modseq, s.modseq)
		}
	}
	return ""
}

// catchUp reads, in IDLE, until the client knows what it should.
func (c *client) catchUp() {
	c.t.Helper()
	if c.session == nil {
		return
	}
	if c.session.box.deleted {
		for !c.bye {
			c.read()
		}
		return
	}
	c.session.refresh(true)
	for c.diff() != "" {
		// A response that does not come is an error.
		c.read()
	}
}

func (c *client) endIdle() {
	c.t.Helper()
	c.idle = false
	c.send("DONE\r\n")
	for {
		r, done := c.read()
		if !done {
			continue
		}
		if r.status != "OK" {
			c.fatalf("end of IDLE: %v", r)
		}
		return
	}
}

// expectStatus runs a command that must end with a status.
func (c *client) expectStatus(want, command string) response {
	c.t.Helper()
	r := c.run(command)
	if r.status != want {
		c.fatalf("%s: got %v, want %s", command, r, want)
	}
	return r
}

// ended brings what the model shows up to date after a command.
func (c *client) ended(expunge bool) {
	if c.session != nil && !c.bye {
		c.session.refresh(expunge)
	}
}
