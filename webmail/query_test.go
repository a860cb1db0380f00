package webmail

import (
	"strings"
	"testing"
	"time"

	"mox/imap"
	"mox/store"
)

func testKnowledge() queryKnowledge {
	return queryKnowledge{
		mailboxes: []Mailbox{
			{ID: 1, Name: "Inbox", Role: RoleInbox}, {ID: 2, Name: "Gelöscht", Role: RoleTrash}, {ID: 3, Name: "Work", Labels: []string{"todo"}},
			{ID: 4, Name: "Work/Plans"}, {ID: 5, Name: "Spam", Role: RoleJunk},
		},
		me:     []Identity{{Address: "ann@example.org"}, {Address: "@example.net"}},
		labels: []Label{{Keyword: "$label1", Name: "Urgent"}},
		now:    time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC),
	}
}

// show writes an expr for people.
func (x *expr) show() string {
	var kids []string
	for _, k := range x.kids {
		kids = append(kids, k.show())
	}
	switch x.op {
	case exprAnd:
		return "(" + strings.Join(kids, " & ") + ")"
	case exprOr:
		return "(" + strings.Join(kids, " | ") + ")"
	case exprNot:
		return "!" + kids[0]
	case exprMailbox:
		s := "in"
		for id := store.MailboxID(1); id < 10; id++ {
			if x.mailboxes[id] {
				s += string(rune('0' + id))
			}
		}
		return s
	case exprParts:
		return "parts"
	}
	return showCriteria(x.criteria)
}

func showCriteria(c store.Criteria) string {
	var l []string
	add := func(s ...string) { l = append(l, s...) }
	for _, s := range c.Text {
		add("text=" + s)
	}
	for _, s := range c.Body {
		add("body=" + s)
	}
	for _, h := range c.Header {
		add(h.Name + "=" + h.Value)
	}
	if c.Flags != 0 {
		add(c.Flags.String())
	}
	if c.NotFlags != 0 {
		add("!" + c.NotFlags.String())
	}
	add(c.Keywords...)
	if !c.ReceivedSince.IsZero() {
		add(">=" + showDay(c.ReceivedSince))
	}
	if !c.ReceivedBefore.IsZero() {
		add("<" + showDay(c.ReceivedBefore))
	}
	if c.Larger > 0 {
		add("larger")
	}
	if c.HasSmaller {
		add("smaller")
	}
	for _, o := range c.Or {
		add("[" + showCriteria(o[0]) + "|" + showCriteria(o[1]) + "]")
	}
	return strings.Join(l, ",")
}

// showDay writes when a day begins, with the time of day in UTC if that is not midnight there.
func showDay(at time.Time) string {
	return strings.TrimSuffix(at.UTC().Format("2006-01-02T15:04"), "T00:00")
}

// Days are those of the user.
func TestParseQueryZones(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, text, want string }{
		{"", "on:today", ">=2026-11-22,<2026-11-23"},
		{"Nowhere/Else", "on:today", ">=2026-11-22,<2026-11-23"},
		{"Local", "on:today", ">=2026-11-22,<2026-11-23"},
		{"Europe/Berlin", "on:today", ">=2026-11-21T23:00,<2026-11-22T23:00"},
		{"Asia/Tokyo", "on:today", ">=2026-11-22T15:00,<2026-11-23T15:00"}, // Where it is the 23rd.
		{"America/New_York", "before:2026-07-01", "<2026-07-01T04:00"},
		{"America/New_York", "after:2026-11-01", ">=2026-11-01T04:00"},
		{"America/New_York", "on:2026-11-01", ">=2026-11-01T04:00,<2026-11-02T05:00"}, // Of 25 hours.
		{"Asia/Tokyo", "older_than:1d", "<2026-11-21T15:00"},
		{"Asia/Tokyo", "on:2026", ">=2025-12-31T15:00,<2026-12-31T15:00"},
	} {
		k := testKnowledge()
		k.now = k.now.In(timeZone(withTimeZone(t.Context(), c.zone)))
		if got := parseQuery(Query{Text: c.text}, k).expr.show(); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.zone, c.text, got, c.want)
		}
	}
}

func TestParseQuery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", "()"},
		{"hello", "text=hello"},
		{"hello world", "(text=hello & text=world)"},
		{`"hello world"`, "text=hello world"},
		{`"open end`, "text=open end"},
		{"-hello", "!text=hello"},
		{`-"a b" c`, "(!text=a b & text=c)"},
		{"a OR b", "(text=a | text=b)"},
		{"a OR b c", "((text=a | text=b) & text=c)"},
		{"a | b", "(text=a | text=b)"},
		{"a AND b", "(text=a & text=b)"},
		{"OR a", "text=a"},
		{"a OR", "text=a"},
		{"(a b) OR c", "((text=a & text=b) | text=c)"},
		{"-(a b)", "!(text=a & text=b)"},
		{"{a b}", "(text=a | text=b)"},
		{"(a", "text=a"},
		{"a) b", "(text=a & text=b)"},
		{"f(x)", "text=f(x)"},
		{"from:bob", "[From=bob|Sender=bob]"},
		{"f:bob", "[From=bob|Sender=bob]"},
		{"FROM:bob", "[From=bob|Sender=bob]"},
		{`from:"Bob B"`, "[From=Bob B|Sender=Bob B]"},
		{"from:(a OR b)", "([From=a|Sender=a] | [From=b|Sender=b])"},
		{"subject:(a b)", "(Subject=a & Subject=b)"},
		{"t:x", "[[To=x|Cc=x]|Bcc=x]"},
		{"-s:news", "!Subject=news"},
		{"h:x-y:z", "x-y=z"},
		{`header:subject:"a b"`, "subject=a b"},
		{"label:todo", "todo"},
		{"l:urgent", "$label1"},
		{"in:inbox", "in1"},
		{"mb:Work", "in3"},
		{"submb:work", "in34"},
		{"in:plans", "in4"},
		{"in:trash", "in2"},
		{"in:spam", "in5"},
		{"in:anywhere x", "text=x"},
		{"is:unread", `!\Seen`},
		{"is:starred", `\Flagged`},
		{"-is:read", `!\Seen`},
		{"has:attachment", "parts"},
		{"a:image", "parts"},
		{"filename:x.pdf", "parts"},
		{"type:application/pdf", "parts"},
		{"before:2026-03-01", "<2026-03-01"},
		{"end:2026/3/1", "<2026-03-01"},
		{"after:2025", ">=2025-01-01"},
		{"start:2025-07", ">=2025-07-01"},
		{"on:2025-07", ">=2025-07-01,<2025-08-01"},
		{"on:yesterday", ">=2026-11-21,<2026-11-22"},
		{"older_than:2w", "<2026-11-08"},
		{"newer_than:1y", ">=2025-11-22"},
		{"larger:5m", "larger"},
		{"minsize:10", "larger"},
		{"maxsize:1.5kb", "smaller"},
		{"smaller:0", "smaller"},
		{"re: hello", "(text=re: & text=hello)"},
		{"http://example.org/", "text=http://example.org/"},
		{"12:30", "text=12:30"},
	} {
		k := testKnowledge()
		p := parseQuery(Query{Text: c.text}, k)
		got := p.expr.show()
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
		for _, term := range p.terms {
			if term.Problem != "" || term.Meaning == "" {
				t.Errorf("%q: %+v", c.text, term)
			}
		}
	}
}

// What makes no sense is said, and the rest of the query holds.
func TestParseQueryProblems(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"nosuch:x", "from:", `from:""`, "before:someday", "before:2026-13-01", "older_than:3", "older_than:xy", "larger:big", "larger:-1", "larger:NaN",
		"is:purple", "has:fleas", "in:nowhere", "label:é(", `h:"a b"`, "-is:purple", `""`,
	} {
		p := parseQuery(Query{Text: text + " rest"}, testKnowledge())
		if p.expr.show() != "text=rest" {
			t.Errorf("%q: %s", text, p.expr.show())
		}
		if len(p.terms) != 2 || p.terms[0].Problem == "" || p.terms[0].Meaning != "" {
			t.Errorf("%q: %+v", text, p.terms)
		}
	}
}

func TestQueryMarks(t *testing.T) {
	t.Parallel()
	p := parseQuery(Query{Text: `hello -bad from:bob -(x -y) is:unread filename:z`}, testKnowledge())
	if got := strings.Join(p.mark, " "); got != "hello bob y z" {
		t.Errorf("marked %q", got)
	}
}

func TestQueryScope(t *testing.T) {
	t.Parallel()
	k := testKnowledge()
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{Scope: ScopeMailbox, Mailbox: 3}, "3"},
		{Query{Scope: ScopeChildren, Mailbox: 3}, "34"},
		{Query{Scope: ScopeNormal}, "134"},
		{Query{Scope: ScopeAll}, "12345"},
		{Query{Scope: ScopeNormal, Text: "in:trash x"}, "2"},
		{Query{Scope: ScopeMailbox, Mailbox: 1, Text: "in:anywhere"}, "12345"},
		{Query{Scope: ScopeNormal, Text: "-in:work"}, "14"},
		{Query{Scope: ScopeMailbox, Mailbox: 99}, ""},
	} {
		p := parseQuery(c.q, k)
		ids, err := scopeOf(c.q, p.wide, k.mailboxes)
		got := ""
		for _, id := range ids {
			if !p.expr.in(id).isNothing() {
				got += string(rune('0' + id))
			}
		}
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%+v: mailboxes %q %v, want %q", c.q, got, err, c.want)
		}
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"fr", "from:"},
		{"x -su", "-subject:"},
		{"in:pl", "in:Work/Plans"},
		{"l:ur", "l:Urgent"},
		{"is:unr", "is:unread"},
		{`"in:pl`, ""},
		{"", ""},
		{"zzz", ""},
		{"from:bo", "from:bob@example.com"},
		{"x -T:bo", "-T:bob@example.com"},
		{"from:bob@example.com", ""},
		{"from:", ""},
		{"subject:bo", ""},
		{"from:quo", `from:"quo) OR te@example.com"`},
	} {
		k := testKnowledge()
		k.people = []Correspondent{{Name: "Bob B", Address: "bob@example.com"}}
		if c.text == "from:quo" { // Whatever strangers have in their addresses, it is searched for.
			k.people = []Correspondent{{Address: `"quo"te@example.com`}, {Address: "quo) OR te@example.com"}}
		}
		l := suggest(c.text, k)
		got := ""
		if len(l) > 0 {
			got = l[0].Text
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{`from:ana (budget OR "annual plan") -is:read older_than:2w`, "((((", "a:b:c", "-", "--x", "{a OR b}", "from:(a OR", `"`, "in:work -submb:x | y", "!x", "f(x)(y)"} {
		f.Add(s)
	}
	k := testKnowledge()
	f.Fuzz(func(t *testing.T, text string) {
		p := parseQuery(Query{Text: text}, k)
		for id := store.MailboxID(1); id < 6; id++ {
			x := p.expr.in(id)
			if x.pure() {
				x.toCriteria()
			}
		}
		suggest(text, k)
		if len(p.terms) > maxQueryTerms {
			t.Errorf("%d terms", len(p.terms))
		}
	})
}

// Searches find what they say.
func TestSearch(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.deliver("", simple("Bob <bob@example.com>", "alpha", "the budget is here"), minute(0))
	e.deliver("", simple("Cas <cas@example.com>", "beta", "nothing"), minute(1), func(d *store.Delivery) { d.Flags = imap.FlagSeen; d.Keywords = []string{"todo"} })
	e.deliver("Archive", simple("Bob <bob@example.com>", "gamma", "old budget"), minute(2))
	e.deliver("Trash", simple("Bob <bob@example.com>", "delta", "thrown budget"), minute(3))
	e.deliver("", "From: d@example.com\nTo: x@example.com\nCc: ann@example.org\nSubject: file\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee file\n--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=\"Report 7.pdf\"\n\nx\n--b--\n", minute(4))
	b := e.browse("s1")
	for _, c := range []struct {
		scope   Scope
		text    string
		filters []string
		want    string
	}{
		{ScopeNormal, "budget", nil, "gamma alpha"},
		{ScopeAll, "budget", nil, "delta gamma alpha"},
		{ScopeMailbox, "budget", nil, "alpha"},
		{ScopeMailbox, "budget in:trash", nil, "delta"},
		{ScopeNormal, "-budget", nil, "file beta"},
		{ScopeNormal, "budget OR is:read", nil, "gamma beta alpha"},
		{ScopeNormal, "from:bob", nil, "gamma alpha"},
		{ScopeNormal, "from:bob -in:archive", nil, "alpha"},
		{ScopeNormal, "has:attachment", nil, "file"},
		{ScopeNormal, "-has:attachment -from:bob", nil, "beta"},
		{ScopeNormal, "filename:report OR label:todo", nil, "file beta"},
		{ScopeNormal, "type:pdf", nil, "file"},
		{ScopeNormal, "type:image", nil, ""},
		{ScopeNormal, "a:message", nil, ""},
		{ScopeMailbox, "", []string{FilterAttachment}, "file"},
		{ScopeMailbox, "", []string{FilterToMe}, "file beta alpha"},
		{ScopeMailbox, "", []string{FilterUnread}, "file alpha"},
		{ScopeMailbox, "", []string{FilterLabel + "TODO"}, "beta"},
		{ScopeMailbox, "budget", []string{FilterRead}, ""},
		{ScopeNormal, "before:2023-01-01", nil, ""},
		{ScopeNormal, "nosuchword", nil, ""},
	} {
		q := Query{Scope: c.scope, Mailbox: int64(e.mailbox("Inbox").ID), Text: c.text, Filters: c.filters, Sort: SortDate}
		v := b.open("v", q)
		if got := v.subjects(); got != c.want {
			t.Errorf("%s %q %v: %q, want %q", c.scope, c.text, c.filters, got, c.want)
		}
		if c.text != "" && len(v.terms) == 0 {
			t.Errorf("%q: no terms", c.text)
		}
	}
	v := b.open("v", Query{Scope: ScopeNormal, Text: "budget", Sort: SortDate, Threads: true})
	if v.subjects() != "gamma alpha" || len(v.mark) != 1 {
		t.Errorf("%s %v", v.subjects(), v.mark)
	}
	// The view is live afterwards.
	e.deliver("", simple("Eve <eve@example.com>", "eps", "no"), minute(9))
	e.deliver("", simple("Eve <eve@example.com>", "zeta", strings.Repeat("more ", 100)+"the BUDGET of others"), minute(10))
	b.want("v", "zeta gamma alpha")
	if f := v.rows[0].Found; !strings.Contains(f, "the BUDGET of others") || len(f) > 200 {
		t.Errorf("found %q", f)
	}
	if v.rows[1].Found != "" {
		t.Errorf("found %q", v.rows[1].Found)
	}
}

func TestSortByText(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.deliver("", simple("cas <z@example.com>", "Re: beta", "x"), minute(0))
	e.deliver("", simple("Ana <y@example.com>", "alpha", "x"), minute(1))
	e.deliver("", simple("Bob <x@example.com>", "Gamma", "x"), minute(2))
	b := e.browse("s1")
	q := e.inbox(false)
	q.Oldest = true
	q.Sort = SortFrom
	b.open("v", q)
	b.want("v", "alpha Gamma Re: beta")
	e.deliver("", simple("Anna <x@example.com>", "delta", "x"), minute(3))
	b.want("v", "alpha delta Gamma Re: beta")
	q.Sort = SortSubject
	q.Threads = true
	b.open("v", q)
	b.want("v", "alpha Re: beta delta Gamma")
	q.Oldest = false
	q.Sort = SortSize
	b.open("v", q)
	b.want("v", "Re: beta delta Gamma alpha")
}
