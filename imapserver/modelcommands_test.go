package imapserver

import (
	"fmt"
	"slices"
	"strings"

	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// command runs a random command.
func (c *client) command() {
	c.t.Helper()
	r := c.m.r
	if c.session != nil && c.session.box.deleted {
		c.run("NOOP")
		if !c.bye {
			c.fatalf("session of a deleted mailbox goes on")
		}
		return
	}
	type choice struct {
		weight int
		run    func()
	}
	choices := []choice{
		{6, c.doAppend}, {2, c.doSelect}, {2, c.doStatus}, {1, c.doMailboxes}, {1, c.doEnable},
	}
	if c.session == nil {
		choices = append(choices, choice{20, c.doSelect})
	} else {
		choices = append(choices, choice{20, c.doStore}, choice{15, c.doFetch}, choice{14, c.doSearch}, choice{6, c.doCopy},
			choice{4, c.doMove}, choice{5, c.doExpunge}, choice{6, c.doNoop}, choice{5, c.doIdle}, choice{1, c.doClose})
	}
	total := 0
	for _, ch := range choices {
		total += ch.weight
	}
	n := r.IntN(total)
	for _, ch := range choices {
		if n -= ch.weight; n < 0 {
			ch.run()
			return
		}
	}
}

func (c *client) doNoop() {
	c.t.Helper()
	c.expectStatus("OK", []string{"NOOP", "CHECK"}[c.m.r.IntN(2)])
	c.ended(true)
}

func (c *client) doEnable() {
	c.t.Helper()
	switch c.m.r.IntN(4) {
	case 0:
		c.expectStatus("OK", "ENABLE CONDSTORE")
		c.condstore = true
		c.ended(true)
	case 1:
		c.expectStatus("OK", "ENABLE IMAP4rev2")
		c.rev2 = true
		c.ended(true)
	}
}

func (c *client) doIdle() {
	c.t.Helper()
	if r := c.run("IDLE"); r.status != "+" {
		c.fatalf("IDLE: %v", r)
	}
	c.idle = true
	c.ended(true)
	c.quiet = false
	c.catchUp()
}

// doAppend adds one message, or some (RFC 3502), or takes all back with an empty one.
func (c *client) doAppend() {
	c.t.Helper()
	name := c.m.mailbox()
	box := c.m.boxes[name]
	var bodies []string
	var flags []flagSet
	command := "APPEND " + name
	for range max(c.m.r.IntN(6)-2, 1) {
		c.m.bodies++
		body, l := fmt.Sprintf("Subject: number%d.\r\n\r\ntext of it\r\n", c.m.bodies), randomFlags(c.m.r)
		bodies, flags = append(bodies, body), append(flags, newFlagSet(l...))
		command += fmt.Sprintf(" (%s) {%d+}\r\n%s", strings.Join(l, " "), len(body), body)
	}
	back := len(bodies) > 1 && c.m.r.IntN(4) == 0
	if back {
		command += " {0+}\r\n"
	}
	if box == nil || back {
		r := c.expectStatus("NO", command)
		if box == nil && r.code != "TRYCREATE" {
			c.fatalf("APPEND without mailbox: %v", r)
		}
		c.m.checkStore()
		c.ended(false)
		return
	}
	r := c.expectStatus("OK", command)
	var uids imap.UIDSet
	for i, body := range bodies {
		uids.Add(box.add(body, flags[i]))
	}
	if !strings.HasSuffix(r.code, " "+uids.String()) {
		c.fatalf("APPEND: code %s, want UIDs %v", r.code, uids)
	}
	c.m.checkStore()
	c.ended(true)
}

func (c *client) doSelect() {
	c.t.Helper()
	name := c.m.mailbox()
	box := c.m.boxes[name]
	word := "SELECT"
	if c.m.r.IntN(4) == 0 {
		word = "EXAMINE"
	}
	param := ""
	if c.m.r.IntN(6) == 0 {
		param = " (CONDSTORE)"
	}
	c.forget()
	c.session = nil
	if box == nil {
		c.expectStatus("NO", word+" "+name+param)
		return
	}
	r := c.run(word + " " + name + param)
	if r.status != "OK" {
		c.fatalf("%s: %v", word, r)
	}
	c.condstore = c.condstore || param != ""
	c.session = &session{box: box, readOnly: word == "EXAMINE"}
	c.session.refresh(true)
}

func (c *client) doClose() {
	c.t.Helper()
	word := []string{"CLOSE", "UNSELECT"}[c.m.r.IntN(2)]
	c.expectStatus("OK", word)
	if word == "CLOSE" && !c.session.readOnly {
		c.session.box.remove(func(m *naiveMessage) bool { return m.flags[`\deleted`] })
	}
	c.session = nil
	c.forget()
}

func (c *client) doStatus() {
	c.t.Helper()
	name := c.m.mailbox()
	box := c.m.boxes[name]
	if box == nil {
		c.expectStatus("NO", "STATUS "+name+" (MESSAGES)")
		c.ended(false)
		return
	}
	c.expectStatus("OK", "STATUS "+name+" (MESSAGES UNSEEN DELETED UIDNEXT)")
	unseen, deleted := 0, 0
	for _, m := range box.msgs {
		if !m.flags[`\seen`] {
			unseen++
		}
		if m.flags[`\deleted`] {
			deleted++
		}
	}
	want := fmt.Sprintf(`STATUS "%s" (MESSAGES %d UIDNEXT %d UNSEEN %d DELETED %d)`, name, len(box.msgs), box.highest+1, unseen, deleted)
	if !slices.Contains(c.said, want) {
		c.fatalf("STATUS: want %s", want)
	}
	c.ended(true)
}

// doMailboxes creates, deletes or renames.
func (c *client) doMailboxes() {
	c.t.Helper()
	m := c.m
	work := m.boxes["work"]
	switch {
	case work == nil:
		c.expectStatus("OK", "CREATE work")
		m.addMailbox("work")
	case m.r.IntN(3) == 0:
		// All that is in INBOX moves, to where there was nothing.
		c.expectStatus("OK", "DELETE work")
		c.deleted(work)
		c.ended(true)
		c.expectStatus("OK", "RENAME INBOX work")
		m.addMailbox("work")
		inbox, work := m.boxes["INBOX"], m.boxes["work"]
		for _, msg := range inbox.msgs {
			work.add(msg.body, msg.flags)
		}
		inbox.remove(func(*naiveMessage) bool { return true })
	default:
		c.expectStatus("OK", "DELETE work")
		c.deleted(work)
	}
	m.checkStore()
	c.ended(true)
}

// deleted notes that the client deleted a mailbox.
func (c *client) deleted(box *naiveMailbox) {
	box.deleted = true
	delete(c.m.boxes, box.name)
	if c.session != nil && c.session.box == box {
		c.session = nil
		c.forget()
	}
}

// numbers returns a random set, and the positions it names.
func (c *client) numbers(uid bool) (set numbers, pos []int, ok bool) {
	most := len(c.session.shown)
	if uid {
		most = int(c.session.box.highest) + 2
	} else if c.m.r.IntN(20) == 0 {
		most++
	}
	set = randomNumbers(c.m.r, most)
	pos, ok = c.session.pick(set, uid)
	return set, pos, ok
}

// word returns the name of a command in one of its forms.
func (c *client) word(name string) (word string, uid bool) {
	if c.m.r.IntN(2) == 0 {
		return "UID " + name, true
	}
	return name, false
}

// bad runs a command that names messages that do not exist.
func (c *client) bad(command string) {
	c.t.Helper()
	c.expectStatus("BAD", command)
}

func (c *client) doStore() {
	c.t.Helper()
	r := c.m.r
	s := c.session
	word, uid := c.word("STORE")
	set, pos, ok := c.numbers(uid)
	op := []string{"", "+", "-"}[r.IntN(3)]
	silent := r.IntN(2) == 0
	flags := randomFlags(r)
	since, conditional := imap.ModSeq(0), r.IntN(5) == 0
	command := word + " " + set.String()
	if conditional {
		since = max(s.box.modseq-imap.ModSeq(r.IntN(10)), 0)
		command += fmt.Sprintf(" (UNCHANGEDSINCE %d)", since)
	}
	command += " " + op + "FLAGS"
	if silent {
		command += ".SILENT"
	}
	command += " (" + strings.Join(flags, " ") + ")"
	c.condstore = c.condstore || conditional && !s.readOnly && ok
	switch {
	case s.readOnly:
		c.condstore = c.condstore || conditional
		c.expectStatus("NO", command)
		c.ended(false)
		return
	case !ok:
		c.condstore = c.condstore || conditional
		c.bad(command)
		return
	}
	given := newFlagSet(flags...)
	var modified []string
	gone, told := false, []int{}
	type change struct {
		m     *naiveMessage
		flags flagSet
	}
	var changes []change
	for _, i := range pos {
		m := s.box.find(s.shown[i].uid)
		switch {
		case m == nil:
			gone = true
		case conditional && m.modseq > since:
			n := i + 1
			if uid {
				n = int(m.uid)
			}
			modified = append(modified, fmt.Sprint(n))
		default:
			changes = append(changes, change{m, m.flags.apply(op, given)})
			told = append(told, i)
		}
	}
	want := "OK"
	if gone && !silent && !uid {
		want = "NO"
	}
	// A client that asks for no answer works the flags out itself.
	before := slices.Clone(c.list)
	res := c.runStore(want, command, func() {
		for _, i := range pos {
			if h := &c.list[i]; silent && h.flags != nil && !s.shown[i].gone && s.box.find(s.shown[i].uid) != nil && slices.Contains(told, i) {
				h.flags = before[i].flags.apply(op, given)
			}
		}
	})
	for _, ch := range changes {
		ch.m.flags = ch.flags
	}
	c.checkModified(res, modified)
	for _, i := range told {
		if _, ok := c.fetched[imap.SeqNum(i+1)]["FLAGS"]; !ok && !silent {
			c.fatalf("flags of message %d were not told", i+1)
		}
		if _, ok := c.fetched[imap.SeqNum(i+1)]["MODSEQ"]; !ok && conditional {
			c.fatalf("modseq of message %d was not told", i+1)
		}
	}
	c.m.checkStore()
	c.ended(uid)
}

// runStore sends a command, lets the client assume what it does, and hears the answer.
func (c *client) runStore(want, command string, assume func()) response {
	c.t.Helper()
	c.begin(command)
	assume()
	for {
		r, done := c.read()
		if !done {
			continue
		}
		if r.status != want {
			c.fatalf("%s: got %v, want %s", command, r, want)
		}
		return r
	}
}

func (c *client) checkModified(r response, want []string) {
	c.t.Helper()
	rest, ok := strings.CutPrefix(r.code, "MODIFIED ")
	if !ok {
		if len(want) > 0 {
			c.fatalf("code %q, want MODIFIED %v", r.code, want)
		}
		return
	}
	set, err := imap.ParseSet(imap.SeqSet{}, []byte(rest), 1000)
	if err != nil {
		c.fatalf("code %q: %v", r.code, err)
	}
	var got []string
	for n := range set.Resolve(1 << 30).All() {
		got = append(got, fmt.Sprint(n))
	}
	if !slices.Equal(got, want) {
		c.fatalf("MODIFIED %v, want %v", got, want)
	}
}

func (c *client) doFetch() {
	c.t.Helper()
	r := c.m.r
	s := c.session
	word, uid := c.word("FETCH")
	set, pos, ok := c.numbers(uid)
	items := [][]string{{"UID", "FLAGS"}, {"UID", "FLAGS"}, {"UID", "MODSEQ"}, {"UID", "FLAGS", "MODSEQ"}, {"BODY.PEEK[]", "UID"}, {"BODY[]", "UID"}, {"BINARY[]", "UID"}, {"RFC822.SIZE", "FLAGS"}}[r.IntN(8)]
	command := fmt.Sprintf("%s %s (%s)", word, set, strings.Join(items, " "))
	since := imap.ModSeq(0)
	if r.IntN(5) == 0 {
		since = max(s.box.modseq-imap.ModSeq(r.IntN(10)), 1)
		command += fmt.Sprintf(" (CHANGEDSINCE %d)", since)
	}
	c.condstore = c.condstore || since > 0 || slices.Contains(items, "MODSEQ")
	if !ok {
		c.bad(command)
		return
	}
	pos = slices.DeleteFunc(pos, func(i int) bool { return since > 0 && s.shown[i].modseq <= since })
	if !s.readOnly && (items[0] == "BODY[]" || items[0] == "BINARY[]") {
		for _, i := range pos {
			if m := s.box.find(s.shown[i].uid); m != nil && !s.shown[i].flags[`\seen`] {
				m.flags = m.flags.apply("+", newFlagSet(`\Seen`))
			}
		}
	}
	c.expectStatus("OK", command)
	for _, i := range pos {
		got := c.fetched[imap.SeqNum(i+1)]
		for _, item := range items {
			v, ok := got[strings.Replace(item, ".PEEK", "", 1)]
			if !ok {
				c.fatalf("%s: no %s for message %d", command, item, i+1)
			}
			if v.Kind == wire.ValueString && v.Text != s.shown[i].body {
				c.fatalf("%s: message %d has body %q, want %q", command, i+1, v.Text, s.shown[i].body)
			}
		}
	}
	if since > 0 {
		// Nothing else is told, but changes by others, which tell flags.
		for seq, got := range c.fetched {
			if _, ok := got["FLAGS"]; !ok && !slices.Contains(pos, int(seq)-1) {
				c.fatalf("%s: response for message %d", command, seq)
			}
		}
	}
	c.m.checkStore()
	c.ended(uid)
}

// present returns the messages at positions that are still there.
func (c *client) present(pos []int) (l []*naiveMessage) {
	for _, i := range pos {
		if m := c.session.box.find(c.session.shown[i].uid); m != nil {
			l = append(l, m)
		}
	}
	return l
}

func (c *client) doCopy() {
	c.t.Helper()
	word, uid := c.word("COPY")
	set, pos, ok := c.numbers(uid)
	name := c.m.mailbox()
	command := fmt.Sprintf("%s %s %s", word, set, name)
	if !ok {
		c.bad(command)
		return
	}
	dest := c.m.boxes[name]
	if dest == nil {
		c.expectStatus("NO", command)
		c.ended(false)
		return
	}
	if len(dest.msgs) > 50 {
		return
	}
	r := c.expectStatus("OK", command)
	c.checkCopied(r.code, dest, c.copied(dest, pos))
	c.m.checkStore()
	c.ended(true)
}

// copied adds copies of messages to a mailbox. It returns the pairs of UIDs.
func (c *client) copied(dest *naiveMailbox, pos []int) (pairs [][2]imap.UID) {
	var l []naiveMessage
	for _, m := range c.present(pos) {
		l = append(l, *m)
	}
	for _, m := range l {
		pairs = append(pairs, [2]imap.UID{m.uid, dest.add(m.body, m.flags)})
	}
	return pairs
}

func (c *client) checkCopied(code string, dest *naiveMailbox, want [][2]imap.UID) {
	c.t.Helper()
	if len(want) == 0 {
		if code != "" {
			c.fatalf("nothing copied, but code %s", code)
		}
		return
	}
	f := strings.Fields(code)
	if len(f) != 4 || f[0] != "COPYUID" {
		c.fatalf("code %q, want COPYUID", code)
	}
	mb, err := c.m.acc.MailboxByID(c.t.Context(), store.System, dest.id)
	if err != nil || f[1] != fmt.Sprint(mb.UIDValidity) {
		c.fatalf("UIDVALIDITY %s, want %d (%v)", f[1], mb.UIDValidity, err)
	}
	var sets [2][]imap.UID
	for i := range sets {
		set, err := imap.ParseSet(imap.UIDSet{}, []byte(f[2+i]), 10000)
		if err != nil {
			c.fatalf("code %q: %v", code, err)
		}
		sets[i] = slices.Collect(set.All())
	}
	for i, p := range want {
		if len(sets[0]) != len(want) || len(sets[1]) != len(want) || sets[0][i] != p[0] || sets[1][i] != p[1] {
			c.fatalf("code %q, want pairs %v", code, want)
		}
	}
}

func (c *client) doMove() {
	c.t.Helper()
	s := c.session
	word, uid := c.word("MOVE")
	set, pos, ok := c.numbers(uid)
	name := c.m.mailbox()
	command := fmt.Sprintf("%s %s %s", word, set, name)
	dest := c.m.boxes[name]
	switch {
	case s.readOnly:
		c.expectStatus("NO", command)
		c.ended(false)
		return
	case !ok:
		c.bad(command)
		return
	case dest == nil:
		c.expectStatus("NO", command)
		c.ended(false)
		return
	}
	c.expectStatus("OK", command)
	pairs := c.copied(dest, pos)
	s.box.remove(func(m *naiveMessage) bool {
		return slices.ContainsFunc(pairs, func(p [2]imap.UID) bool { return p[0] == m.uid })
	})
	code := ""
	for _, line := range c.said {
		if rest, ok := strings.CutPrefix(line, "OK [COPYUID"); ok {
			code, _, _ = strings.Cut("COPYUID"+rest, "]")
		}
	}
	c.checkCopied(code, dest, pairs)
	c.m.checkStore()
	c.ended(true)
}

func (c *client) doExpunge() {
	c.t.Helper()
	s := c.session
	command := "EXPUNGE"
	var which []imap.UID
	uid := c.m.r.IntN(2) == 0
	if uid {
		set, pos, _ := c.numbers(true)
		command = "UID EXPUNGE " + set.String()
		for _, m := range c.present(pos) {
			which = append(which, m.uid)
		}
	}
	if s.readOnly {
		c.expectStatus("NO", command)
		c.ended(false)
		return
	}
	c.expectStatus("OK", command)
	s.box.remove(func(m *naiveMessage) bool {
		return m.flags[`\deleted`] && (!uid || slices.Contains(which, m.uid))
	})
	c.ended(true)
}
