package webmail

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mox/imap"
	"mox/store"
)

// contents returns the subjects and flags of the messages of a mailbox.
func (e *env) contents(name string) string {
	e.t.Helper()
	mb, err := e.acc.MailboxByName(e.t.Context(), store.System, name)
	if err != nil {
		return ""
	}
	sel, err := e.acc.Select(e.t.Context(), store.System, mb.ID)
	if err != nil {
		e.t.Fatal(err)
	}
	defer sel.Close()
	var l []string
	for _, m := range sel.View().All(1) {
		err := e.acc.Emails(e.t.Context(), store.System, []store.EmailID{m.Email}, func(_ int, email *store.Email) error {
			s := email.ParseEnvelope().Subject
			for _, f := range strings.Fields(m.Flags.String()) {
				s += f
			}
			for _, k := range e.acc.KeywordNames(m.Keywords) {
				s += "+" + k
			}
			l = append(l, s)
			return nil
		})
		if err != nil {
			e.t.Fatal(err)
		}
	}
	slices.Sort(l)
	return strings.Join(l, " ")
}

// Each action does what it says, and its undo leads back to what was before, and no further.
func TestActions(t *testing.T) {
	t.Parallel()
	// Messages a and b in Inbox, b is read, flagged and has label x; j in Junk has $Junk; t is in Trash.
	for _, c := range []struct {
		action   Action
		mailbox  string // Of the selection: all of it.
		count    int64
		in       string // Where to look.
		want     string
		noUndo   bool
		leftover string // In the mailbox of the selection; "=" for what was there.
	}{
		{Action{Kind: ActRead}, "Inbox", 1, "Inbox", `a\Seen b\Seen\Flagged+x`, false, ""},
		{Action{Kind: ActUnread}, "Inbox", 1, "Inbox", `a b\Flagged+x`, false, ""},
		{Action{Kind: ActFlag}, "Inbox", 1, "Inbox", `a\Flagged b\Seen\Flagged+x`, false, ""},
		{Action{Kind: ActUnflag}, "Inbox", 1, "Inbox", `a b\Seen+x`, false, ""},
		{Action{Kind: ActLabel, Labels: []string{"x", "y"}}, "Inbox", 2, "Inbox", `a+x+y b\Seen\Flagged+x+y`, false, ""},
		{Action{Kind: ActUnlabel, Labels: []string{"x", "nosuch"}}, "Inbox", 1, "Inbox", `a b\Seen\Flagged`, false, ""},
		{Action{Kind: ActAnswered}, "Inbox", 2, "Inbox", `a\Answered b\Seen\Answered\Flagged+x`, false, ""},
		{Action{Kind: ActForwarded}, "Inbox", 2, "Inbox", `a+$Forwarded b\Seen\Flagged+$Forwarded+x`, false, ""},
		{Action{Kind: ActArchive}, "Inbox", 2, "Archive", `a b\Seen\Flagged+x`, false, ""},
		{Action{Kind: ActTrash}, "Inbox", 2, "Trash", `a b\Seen\Flagged+x t`, false, ""},
		{Action{Kind: ActTrash}, "Trash", 0, "Trash", `t`, true, "="},
		{Action{Kind: ActTrash}, "Junk", 1, "Trash", `j+$Junk t`, false, ""},
		{Action{Kind: ActJunk}, "Inbox", 2, "Junk", `a+$Junk b\Seen\Flagged+$Junk+x j+$Junk`, false, ""},
		{Action{Kind: ActNotJunk}, "Junk", 1, "Inbox", `a b\Seen\Flagged+x j+$NotJunk`, false, ""},
		{Action{Kind: ActNotJunk}, "Inbox", 2, "Inbox", `a+$NotJunk b\Seen\Flagged+$NotJunk+x`, false, ""},
		{Action{Kind: ActExpunge}, "Trash", 1, "Trash", ``, true, ""},
	} {
		t.Run(string(c.action.Kind)+c.mailbox, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.deliver("", simple("b@example.com", "a", "x"))
			e.deliver("", simple("b@example.com", "b", "x"), func(d *store.Delivery) { d.Flags = imap.FlagSeen | imap.FlagFlagged; d.Keywords = []string{"x"} })
			e.deliver("Junk", simple("b@example.com", "j", "x"), func(d *store.Delivery) { d.Keywords = []string{"$Junk"} })
			e.deliver("Trash", simple("b@example.com", "t", "x"))
			before := map[string]string{}
			for _, name := range []string{"Inbox", "Junk", "Trash", "Archive"} {
				before[name] = e.contents(name)
			}
			all := Selection{All: true, Query: &Query{Scope: ScopeMailbox, Mailbox: int64(e.mailbox(c.mailbox).ID)}}
			acted, err := e.api.Act(e.ctx, all, c.action)
			if err != nil {
				t.Fatal(err)
			}
			if acted.Count != c.count {
				t.Errorf("%d messages, want %d", acted.Count, c.count)
			}
			if got := e.contents(c.in); got != c.want {
				t.Errorf("%s has %s, want %s", c.in, got, c.want)
			}
			if c.in != c.mailbox {
				if got := e.contents(c.mailbox); got != c.leftover {
					t.Errorf("%s has %s still", c.mailbox, got)
				}
			}
			if (acted.Undo == "") != c.noUndo {
				t.Errorf("undo %q", acted.Undo)
			}
			if acted.Undo == "" {
				return
			}
			undone, err := e.api.Undo(e.ctx, acted.Undo)
			if err != nil {
				t.Fatal(err)
			}
			if undone.Count != c.count {
				t.Errorf("undid %d messages, want %d", undone.Count, c.count)
			}
			for name, want := range before {
				if got := e.contents(name); got != want {
					t.Errorf("after undo %s has %s, want %s", name, got, want)
				}
			}
			_, err = e.api.Undo(e.ctx, acted.Undo)
			wantCode(t, err, codeNotFound)
		})
	}
}

func TestActionRefusals(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", simple("b@example.com", "a", "x"))
	one := Selection{Messages: []Place{{int64(added.Mailbox), int64(added.UID)}}}
	for _, c := range []struct {
		name      string
		selection Selection
		action    Action
		code      string
	}{
		{"no kind", one, Action{}, codeBad},
		{"unknown kind", one, Action{Kind: "burn"}, codeBad},
		{"move nowhere", one, Action{Kind: ActMove}, codeBad},
		{"move to a mailbox that is not there", one, Action{Kind: ActMove, Mailbox: 4711}, codeNotFound},
		{"copy to a mailbox that is not there", one, Action{Kind: ActCopy, Mailbox: 4711}, codeNotFound},
		{"no label", one, Action{Kind: ActLabel}, codeBad},
		{"bad label", one, Action{Kind: ActLabel, Labels: []string{"a b"}}, codeBad},
		{"bad thread", Selection{Threads: []string{"x"}}, Action{Kind: ActRead}, codeBad},
		{"all of nothing", Selection{All: true}, Action{Kind: ActRead}, codeBad},
		{"all of a mailbox that is not there", Selection{All: true, Query: &Query{Scope: ScopeMailbox, Mailbox: 4711}}, Action{Kind: ActRead}, codeNotFound},
	} {
		_, err := e.api.Act(e.ctx, c.selection, c.action)
		t.Log(c.name)
		wantCode(t, err, c.code)
	}
	if got := e.contents("Inbox"); got != "a" {
		t.Errorf("Inbox has %s", got)
	}
	// What was done before something failed is taken back.
	_, err := e.api.Act(e.ctx, one, Action{Kind: ActLabel, Labels: []string{"good", "b c"}})
	wantCode(t, err, codeBad)
	if got := e.contents("Inbox"); got != "a" {
		t.Errorf("after an action that failed halfway Inbox has %s", got)
	}
	// Messages that are gone are none.
	acted, err := e.api.Act(e.ctx, Selection{Messages: []Place{{int64(added.Mailbox), 99}, {4711, 1}, {1, -1}}}, Action{Kind: ActRead})
	if err != nil || acted.Count != 0 || acted.Undo != "" {
		t.Errorf("%+v %v", acted, err)
	}
	// Nobody undoes what another did.
	acted, err = e.api.Act(e.ctx, one, Action{Kind: ActRead})
	if err != nil {
		t.Fatal(err)
	}
	bob, _, _ := e.logIn("bob")
	_, err = e.api.Undo(bob, acted.Undo)
	wantCode(t, err, codeNotFound)
}

func TestActionsOnThreads(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	first := e.deliver("", simple("Bob <bob@example.com>", "plan", "x"))
	e.deliver("", reply("Cas <cas@example.com>", "Bob <bob@example.com>", "plan", "y"))
	e.deliver("Sent", reply("Ann <ann@example.org>", "Bob <bob@example.com>", "plan", "zz"))
	other := e.deliver("", simple("Bob <bob@example.com>", "other", "x"))
	threads := Selection{Threads: []string{threadText(first.Thread)}, Query: &Query{Scope: ScopeNormal, Threads: true}}
	acted, err := e.api.Act(e.ctx, threads, Action{Kind: ActArchive})
	if err != nil || acted.Count != 2 {
		t.Errorf("%+v %v", acted, err)
	}
	if got := e.contents("Sent"); got != "Re: plan" {
		t.Errorf("Sent has %q", got)
	}
	if got := e.contents("Archive"); got != "Re: plan plan" {
		t.Errorf("Archive has %q", got)
	}
	if _, err := e.api.Undo(e.ctx, acted.Undo); err != nil {
		t.Fatal(err)
	}
	// All conversations with an unread message, but one.
	all := Selection{All: true, Query: &Query{Scope: ScopeMailbox, Mailbox: int64(e.mailbox("Inbox").ID), Threads: true, Filters: []string{FilterUnread}}, Except: []Place{{int64(other.Mailbox), int64(other.UID)}}}
	if acted, err = e.api.Act(e.ctx, all, Action{Kind: ActRead}); err != nil || acted.Count != 2 {
		t.Errorf("%+v %v", acted, err)
	}
	if got := e.contents("Inbox"); got != `Re: plan\Seen other plan\Seen` {
		t.Errorf("Inbox has %q", got)
	}

	acted, err = e.api.Act(e.ctx, threads, Action{Kind: ActMute})
	if err != nil || !e.acc.Muted(first.Thread) {
		t.Errorf("not muted: %v", err)
	}
	if again, err := e.api.Act(e.ctx, threads, Action{Kind: ActMute}); err != nil || again.Undo != "" {
		t.Errorf("muted twice: %+v %v", again, err)
	}
	if _, err := e.api.Undo(e.ctx, acted.Undo); err != nil || e.acc.Muted(first.Thread) {
		t.Errorf("muted still: %v", err)
	}
}

// A large selection is done in batches, of which the page hears, and undone at once.
func TestActionLarge(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.append("Inbox", 3*actionBatch+7)
	b := e.browse("s1")
	v := b.open("v", e.inbox(false))
	inbox := int64(e.mailbox("Inbox").ID)
	all := Selection{All: true, Query: &Query{Scope: ScopeMailbox, Mailbox: inbox}, Stream: "s1", Action: "x", Except: []Place{{inbox, 1}}}
	acted, err := e.api.Act(e.ctx, all, Action{Kind: ActTrash})
	if err != nil || acted.Count != 3*actionBatch+6 {
		t.Fatalf("%+v %v", acted, err)
	}
	b.until("progress", func() bool { return len(b.progress) > 0 && b.progress[len(b.progress)-1].Done == acted.Count })
	b.until("nearly empty", func() bool { return len(v.rows) == 1 })
	undone, err := e.api.Undo(e.ctx, acted.Undo)
	if err != nil || undone.Count != acted.Count {
		t.Fatalf("%+v %v", undone, err)
	}
	b.until("all back", func() bool { return len(v.rows) == 3*actionBatch+7 })
}

// Names of mailboxes, and mailboxes without messages, come back.
func TestUndoMailboxes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	names := func(want string) {
		t.Helper()
		l, err := mailboxes(t.Context(), e.acc, store.System)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range l[6:] {
			got = append(got, m.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("mailboxes %v, want %s", got, want)
		}
	}
	subscribed := func(name string, want bool) {
		t.Helper()
		l, err := e.acc.Subscriptions(t.Context(), store.System)
		if err != nil || slices.Contains(l, name) != want {
			t.Errorf("subscribed %v %v, %s should be %v", l, err, name, want)
		}
	}
	undo := func(token string, err error) {
		t.Helper()
		if err != nil || token == "" {
			t.Fatalf("%q %v", token, err)
		}
		if acted, err := e.api.Undo(e.ctx, token); err != nil || acted.Count != 1 {
			t.Fatalf("%+v %v", acted, err)
		}
		_, err = e.api.Undo(e.ctx, token)
		wantCode(t, err, codeNotFound)
	}
	plans, err := e.api.MailboxCreate(e.ctx, "Work/Plans")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.api.MailboxCreate(e.ctx, "Work/Plans/Old"); err != nil {
		t.Fatal(err)
	}
	e.deliver("Work/Plans", simple("b@example.com", "w", "x"))

	token, err := e.api.MailboxRename(e.ctx, plans.ID, "Home/2026/Done")
	names("Home Home/2026 Home/2026/Done Home/2026/Done/Old Work")
	undo(token, err)
	names("Work Work/Plans Work/Plans/Old")
	names("Work Work/Plans Work/Plans/Old") // Nothing stays of what was made for the new name.
	subscribed("Work/Plans/Old", true)
	subscribed("Home/2026/Done", false)
	if e.contents("Work/Plans") != "w" {
		t.Errorf("Work/Plans has %s", e.contents("Work/Plans"))
	}

	// What is used by now stays.
	token, err = e.api.MailboxRename(e.ctx, plans.ID, "Home/Done")
	e.deliver("Home", simple("b@example.com", "h", "x"))
	undo(token, err)
	names("Home Work Work/Plans Work/Plans/Old")

	// The name is another's by now; later it is not.
	token, err = e.api.MailboxRename(e.ctx, plans.ID, "Done")
	if err != nil {
		t.Fatal(err)
	}
	taken, err := e.api.MailboxCreate(e.ctx, "Work/Plans")
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.api.Undo(e.ctx, token)
	wantCode(t, err, codeExists)
	if _, err := e.api.MailboxDelete(e.ctx, taken.ID, false); err != nil {
		t.Fatal(err)
	}
	undo(token, nil)
	names("Home Work Work/Plans Work/Plans/Old")
	if token, err := e.api.MailboxRename(e.ctx, plans.ID, "Work/Plans"); err != nil || token != "" {
		t.Errorf("same name: %q %v", token, err)
	}

	old := e.mailbox("Work/Plans/Old")
	st, err := e.api.Settings(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	st.CollapsedMailboxes, st.MailboxColors = []int64{plans.ID, int64(old.ID)}, []MailboxColor{{int64(old.ID), 3}, {plans.ID, 4}}
	if _, err := e.api.SettingsSave(e.ctx, st); err != nil {
		t.Fatal(err)
	}
	token, err = e.api.MailboxDelete(e.ctx, int64(old.ID), false)
	names("Home Work Work/Plans")
	subscribed(old.Name, false)
	undo(token, err)
	names("Home Work Work/Plans Work/Plans/Old")
	subscribed(old.Name, true)

	// It looks as it did.
	again := int64(e.mailbox("Work/Plans/Old").ID)
	st, err = e.api.Settings(e.ctx)
	if got, want := fmt.Sprint(st.CollapsedMailboxes, st.MailboxColors), fmt.Sprintf("[%d %d] [{%d 3} {%d 4}]", plans.ID, again, again, plans.ID); err != nil || got != want {
		t.Errorf("settings say %s %v, want %s", got, err, want)
	}

	// With its role, unless another mailbox has that by now.
	archive := e.mailbox("Archive")
	undo(e.api.MailboxDelete(e.ctx, int64(archive.ID), false))
	if archive = e.mailbox("Archive"); roleOf(&archive) != RoleArchive {
		t.Errorf("the archive has the role %q", roleOf(&archive))
	}
	token, err = e.api.MailboxDelete(e.ctx, int64(archive.ID), false)
	if err := e.api.MailboxRole(e.ctx, plans.ID, RoleArchive); err != nil {
		t.Fatal(err)
	}
	undo(token, err)
	if archive = e.mailbox("Archive"); roleOf(&archive) != RoleNone {
		t.Errorf("the archive has the role %q", roleOf(&archive))
	}

	// Messages are removed for good, by who knows of them.
	_, err = e.api.MailboxDelete(e.ctx, plans.ID, false)
	wantCode(t, err, codeBad)
	if token, err := e.api.MailboxDelete(e.ctx, plans.ID, true); err != nil || token != "" {
		t.Errorf("%q %v", token, err)
	}
}

func TestMailboxes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := e.browse("s1")
	b.open("v", e.inbox(true))
	b.wantAccount("mailboxes", func(a *AccountEvent) bool { return a.Mailboxes != nil })
	if got := strings.Join(b.mailboxNames(), " "); got != "Inbox Drafts Sent Archive Junk Trash" {
		t.Errorf("mailboxes %s", got)
	}
	mb, err := e.api.MailboxCreate(e.ctx, " Work/Plans ")
	if err != nil || mb.Name != "Work/Plans" {
		t.Fatalf("%+v %v", mb, err)
	}
	b.wantAccount("new ones", func(a *AccountEvent) bool {
		return strings.Join(b.mailboxNames(), " ") == "Inbox Drafts Sent Archive Junk Trash Work Work/Plans"
	})
	e.deliver("Work/Plans", simple("b@example.com", "w", "x"))
	b.wantAccount("counts", func(a *AccountEvent) bool { return a.Mailboxes[7].Unread == 1 && a.Usage.Messages == 1 })
	if _, err := e.api.MailboxRename(e.ctx, mb.ID, "Done"); err != nil {
		t.Fatal(err)
	}
	b.wantAccount("another name", func(a *AccountEvent) bool { return strings.Contains(strings.Join(b.mailboxNames(), " "), "Done") })
	subscribed, err := e.acc.Subscriptions(t.Context(), store.System)
	if err != nil || !slices.Contains(subscribed, "Done") || slices.Contains(subscribed, "Work/Plans") {
		t.Errorf("subscribed %v %v", subscribed, err)
	}
	if err := e.api.MailboxRole(e.ctx, mb.ID, RoleArchive); err != nil {
		t.Fatal(err)
	}
	b.wantAccount("role", func(a *AccountEvent) bool { return a.Mailboxes[3].Name == "Done" && a.Mailboxes[3].Role == RoleArchive })
	all, err := e.api.MailboxEmpty(e.ctx, mb.ID)
	if err != nil || all.Count != 1 || all.Undo == "" || e.contents("Trash") != "w" {
		t.Errorf("%+v %v, Trash has %s", all, err, e.contents("Trash"))
	}
	all, err = e.api.MailboxEmpty(e.ctx, int64(e.mailbox("Trash").ID))
	if err != nil || all.Count != 1 || all.Undo != "" || e.contents("Trash") != "" {
		t.Errorf("%+v %v", all, err)
	}
	q := e.inbox(true)
	q.Mailbox = mb.ID
	v := b.open("w", q)
	if undo, err := e.api.MailboxDelete(e.ctx, mb.ID, false); err != nil || undo == "" {
		t.Fatalf("%q %v", undo, err)
	}
	b.until("gone", func() bool { return v.gone })

	inbox := int64(e.mailbox("Inbox").ID)
	_, err = e.api.MailboxCreate(e.ctx, "Sent")
	wantCode(t, err, codeExists)
	_, err = e.api.MailboxCreate(e.ctx, "a//b")
	wantCode(t, err, codeBad)
	_, err = e.api.MailboxRename(e.ctx, inbox, "x")
	wantCode(t, err, codeBad)
	_, err = e.api.MailboxRename(e.ctx, 4711, "x")
	wantCode(t, err, codeNotFound)
	_, err = e.api.MailboxRename(e.ctx, int64(e.mailbox("Sent").ID), "Trash")
	wantCode(t, err, codeExists)
	_, err = e.api.MailboxDelete(e.ctx, inbox, false)
	wantCode(t, err, codeBad)
	_, err = e.api.MailboxDelete(e.ctx, 4711, false)
	wantCode(t, err, codeNotFound)
	wantCode(t, e.api.MailboxRole(e.ctx, inbox, RoleSent), codeBad)
	wantCode(t, e.api.MailboxRole(e.ctx, int64(e.mailbox("Sent").ID), RoleRejects), codeBad)
	_, err = e.api.MailboxEmpty(e.ctx, 4711)
	wantCode(t, err, codeNotFound)
}

// A mailbox that an action needs is made if there is none.
func TestActionMakesMailbox(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.deliver("", simple("b@example.com", "a", "x"))
	if err := e.acc.DeleteMailbox(t.Context(), store.System, "Archive"); err != nil {
		t.Fatal(err)
	}
	all := Selection{All: true, Query: &Query{Scope: ScopeMailbox, Mailbox: int64(e.mailbox("Inbox").ID)}}
	acted, err := e.api.Act(e.ctx, all, Action{Kind: ActArchive})
	if mb := e.mailbox("Archive"); err != nil || mb.SpecialUse != store.Archive || acted.Mailbox != int64(mb.ID) || mb.Counts.Total != 1 {
		t.Errorf("%+v %+v %v", acted, mb, err)
	}
}

// append adds n messages to a mailbox, a minute apart.
func (e *env) append(mailbox string, n int) {
	e.t.Helper()
	id := e.mailbox(mailbox).ID
	for first := 0; first < n; first += 1000 {
		var l []store.NewMessage
		for i := first; i < min(first+1000, n); i++ {
			d := store.Delivery{NewMessage: storeMessage(simple(fmt.Sprintf("Sender %d <s%d@example.com>", i%100, i%100), fmt.Sprintf("m%d", i), fmt.Sprintf("text number%d of it", i)))}
			minute(i)(&d)
			l = append(l, d.NewMessage)
		}
		if _, err := e.acc.Append(e.t.Context(), store.System, id, l, nil); err != nil {
			e.t.Fatal(err)
		}
	}
}
