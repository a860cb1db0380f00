package pipeline_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"mox/pipeline"
	"mox/smtp"
)

func path(t *testing.T, s string) smtp.Path {
	t.Helper()
	p, err := smtp.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func reply(code int, enhanced smtp.EnhancedCode, text string) *smtp.Error {
	return smtp.NewError(code, enhanced, text, nil)
}

func TestOutcomeTakesTheStrictest(t *testing.T) {
	t.Parallel()
	temporary, permanent, other := reply(451, "4.7.1", "later"), reply(550, "5.7.1", "no"), reply(554, "5.7.0", "never")
	res := func(v pipeline.Verdict, r *smtp.Error) pipeline.Result { return pipeline.Result{Verdict: v, Reply: r} }
	for _, tt := range []struct {
		name    string
		results []pipeline.Result
		verdict pipeline.Verdict
		reply   *smtp.Error
		check   string
	}{
		{"nothing", nil, pipeline.Neutral, nil, ""},
		{"neutral", []pipeline.Result{{}, {}}, pipeline.Neutral, nil, ""},
		{"quarantine over neutral", []pipeline.Result{{}, res(pipeline.Quarantine, nil)}, pipeline.Quarantine, nil, "b"},
		{"reject over quarantine", []pipeline.Result{res(pipeline.Quarantine, nil), res(pipeline.Reject, temporary)}, pipeline.Reject, temporary, "b"},
		{"permanent over temporary", []pipeline.Result{res(pipeline.Reject, temporary), res(pipeline.Reject, permanent)}, pipeline.Reject, permanent, "b"},
		{"temporary does not soften permanent", []pipeline.Result{res(pipeline.Reject, permanent), res(pipeline.Reject, temporary)}, pipeline.Reject, permanent, "a"},
		{"first of equals", []pipeline.Result{res(pipeline.Reject, permanent), res(pipeline.Reject, other)}, pipeline.Reject, permanent, "a"},
		{"a reply without reject is no refusal", []pipeline.Result{res(pipeline.Quarantine, permanent)}, pipeline.Quarantine, nil, "a"},
	} {
		var o, joined pipeline.Outcome
		for i, r := range tt.results {
			name := string(rune('a' + i))
			o.Add(name, r)
			var one pipeline.Outcome
			one.Add(name, r)
			joined = joined.Join(one)
		}
		for _, o := range []pipeline.Outcome{o, joined} {
			if o.Verdict != tt.verdict || o.Reply != tt.reply || o.Check != tt.check {
				t.Errorf("%s: got %v, %v by %q", tt.name, o.Verdict, o.Reply, o.Check)
			}
		}
	}
}

func TestRejectAlwaysHasAReply(t *testing.T) {
	t.Parallel()
	for _, r := range []pipeline.Result{
		{Verdict: pipeline.Reject},
		{Verdict: pipeline.Reject, Reply: &smtp.Error{Code: 250}},
		{Verdict: 77},
	} {
		var o pipeline.Outcome
		o.Add("check", r)
		if o.Verdict != pipeline.Reject || o.Reply == nil || o.Reply.Code != 550 || o.Reply.Enhanced != "5.7.1" {
			t.Errorf("%+v becomes %v, %v", r, o.Verdict, o.Reply)
		}
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	local := pipeline.Recipient{Path: path(t, "a@example.org"), Account: "a", Mailbox: "Lists"}
	remote := pipeline.Recipient{Path: path(t, "x@example.com")}
	h := pipeline.Header{Hostname: "mx.example.org", Trace: []byte("Received: x\r\n")}
	refuse := reply(550, "5.7.1", "no")

	outcome := func(results ...pipeline.Result) (o pipeline.Outcome) {
		for _, r := range results {
			o.Add("check", r)
		}
		return o
	}
	for _, tt := range []struct {
		name      string
		message   pipeline.Outcome
		recipient pipeline.Outcome
		to        pipeline.Recipient
		refuse    *smtp.Error
		mailbox   string
		prefix    string
		auth      string
	}{
		{"accepted", outcome(), outcome(), local, nil, "Lists", "Received: x\r\n", ""},
		{"quarantined", outcome(pipeline.Result{Verdict: pipeline.Quarantine, Reason: "spam words"}), outcome(), local, nil, "Junk",
			"X-Mox-Reason: spam_words\r\nReceived: x\r\n", ""},
		{"quarantined for one", outcome(), outcome(pipeline.Result{Verdict: pipeline.Quarantine, Reason: "blocked"}), local, nil, "Junk",
			"X-Mox-Reason: blocked\r\nReceived: x\r\n", ""},
		{"quarantine means nothing elsewhere", outcome(pipeline.Result{Verdict: pipeline.Quarantine}), outcome(), remote, nil, "", "Received: x\r\n", ""},
		{"refused", outcome(pipeline.Result{Verdict: pipeline.Reject, Reply: refuse}), outcome(), local, refuse, "Rejects", "Received: x\r\n", ""},
		{"refused for one", outcome(), outcome(pipeline.Result{Verdict: pipeline.Reject, Reply: refuse}), local, refuse, "Rejects", "Received: x\r\n", ""},
		{"fields of both", outcome(pipeline.Result{Prepend: []byte("A: 1\r\n"), Facts: []pipeline.Fact{{Name: "f", Value: "1"}}}),
			outcome(pipeline.Result{Prepend: []byte("B: 2\r\n"), Facts: []pipeline.Fact{{Name: "g", Value: "2"}}}), local, nil, "Lists",
			"A: 1\r\nB: 2\r\nReceived: x\r\n", `[{"Name":"f","Value":"1"},{"Name":"g","Value":"2"}]`},
		{"authentication results", outcome(pipeline.Result{AuthResults: []pipeline.AuthResult{
			{Method: "spf", Result: "fail", Reason: "a \"b\"\r\nEvil: x", Props: []pipeline.AuthProp{{Type: "smtp", Property: "mailfrom", Value: "a@b"}}},
			{Method: "dkim", Result: "none"},
		}}), outcome(), local, nil, "Lists",
			"Authentication-Results: mx.example.org;\r\n\tspf=fail reason=\"a \\\"b\\\"??Evil: x\" smtp.mailfrom=a@b;\r\n\tdkim=none\r\nReceived: x\r\n", ""},
	} {
		got := pipeline.Decide(h, tt.message, []pipeline.Judged{{Recipient: tt.to, Outcome: tt.recipient}})
		if len(got) != 1 {
			t.Fatalf("%s: %d decisions", tt.name, len(got))
		}
		d := got[0]
		if d.Refuse != tt.refuse || d.Recipient.Mailbox != tt.mailbox || string(d.Recipient.Prefix) != tt.prefix || string(d.Recipient.Auth) != tt.auth {
			t.Errorf("%s: got %v, mailbox %q, prefix %q, auth %q", tt.name, d.Refuse, d.Recipient.Mailbox, d.Recipient.Prefix, d.Recipient.Auth)
		}
		if !pipeline.ValidFields(d.Recipient.Prefix) {
			t.Errorf("%s: prefix is no header: %q", tt.name, d.Recipient.Prefix)
		}
	}
}

func TestDecideKeepsRecipientsApart(t *testing.T) {
	t.Parallel()
	var message, one pipeline.Outcome
	message.Add("check", pipeline.Result{Prepend: []byte("A: 1\r\n"), Facts: make([]pipeline.Fact, 1, 10)})
	one.Add("check", pipeline.Result{Prepend: []byte("B: 2\r\n"), Facts: []pipeline.Fact{{Name: "f"}}})
	var two pipeline.Outcome
	two.Add("check", pipeline.Result{Prepend: []byte("C: 3\r\n"), Facts: []pipeline.Fact{{Name: "g"}}})
	got := pipeline.Decide(pipeline.Header{}, message, []pipeline.Judged{{Outcome: one}, {Outcome: two}, {}})
	for i, want := range []string{"A: 1\r\nB: 2\r\n", "A: 1\r\nC: 3\r\n", "A: 1\r\n"} {
		if s := string(got[i].Recipient.Prefix); s != want {
			t.Errorf("recipient %d has prefix %q, want %q", i, s, want)
		}
	}
	if a := string(got[0].Recipient.Auth); !strings.Contains(a, `"f"`) || strings.Contains(a, `"g"`) {
		t.Errorf("facts of recipients are mixed: %s", a)
	}
}

// A copy in Rejects must not cause a notification, of whatever (no backscatter).
func TestDecideSilencesRefused(t *testing.T) {
	t.Parallel()
	var refused pipeline.Outcome
	refused.Add("check", pipeline.Result{Verdict: pipeline.Reject, Reply: reply(550, "5.7.1", "no")})
	r := pipeline.Recipient{Path: path(t, "a@example.org"), Account: "a", Notify: smtp.NotifySuccess | smtp.NotifyFailure}
	got := pipeline.Decide(pipeline.Header{}, pipeline.Outcome{}, []pipeline.Judged{{Recipient: r, Outcome: refused}, {Recipient: r}})
	if n := got[0].Recipient.Notify; n != smtp.NotifyNever {
		t.Errorf("refused recipient: NOTIFY=%s, want NEVER", n)
	}
	if n := got[1].Recipient.Notify; n != r.Notify {
		t.Errorf("accepted recipient: NOTIFY=%s, want %s", n, r.Notify)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	local := func(p, account, mailbox string) pipeline.Recipient {
		return pipeline.Recipient{Path: path(t, p), Account: account, Mailbox: mailbox}
	}
	remote := pipeline.Recipient{Path: path(t, "x@example.com")}
	a, alias, b := local("a@example.org", "a", "Inbox"), local("alias@example.org", "a", "Inbox"), local("b@example.org", "b", "Inbox")
	lists := local("a-lists@example.org", "a", "Lists")
	wants := func(r pipeline.Recipient, n smtp.Notify) pipeline.Recipient { r.Notify = n; return r }
	rejects := func(r pipeline.Recipient) pipeline.Recipient { r.Mailbox = "Rejects"; return r }
	yes := func(r pipeline.Recipient) pipeline.Decision { return pipeline.Decision{Recipient: r} }
	temporary, permanent := reply(451, "4.7.1", "later"), reply(550, "5.7.1", "no")
	no := func(r pipeline.Recipient, e *smtp.Error) pipeline.Decision {
		return pipeline.Decision{Recipient: rejects(r), Refuse: e}
	}
	for _, tt := range []struct {
		name      string
		account   string // Of the submission.
		decisions []pipeline.Decision
		place     pipeline.Place
		refuse    *smtp.Error
		want      []string // Path and mailbox.
	}{
		{"one local", "", []pipeline.Decision{yes(a)}, pipeline.OneAccount, nil, []string{"a@example.org Inbox"}},
		{"aliases of one mailbox", "", []pipeline.Decision{yes(a), yes(alias)}, pipeline.OneAccount, nil, []string{"a@example.org Inbox"}},
		{"two mailboxes of an account", "", []pipeline.Decision{yes(a), yes(lists)}, pipeline.Queue, nil, []string{"a@example.org Inbox", "a-lists@example.org Lists"}},
		{"two accounts", "", []pipeline.Decision{yes(a), yes(b)}, pipeline.Queue, nil, []string{"a@example.org Inbox", "b@example.org Inbox"}},
		{"one remote", "", []pipeline.Decision{yes(remote)}, pipeline.Queue, nil, []string{"x@example.com "}},
		{"local and remote", "", []pipeline.Decision{yes(a), yes(remote)}, pipeline.Queue, nil, []string{"a@example.org Inbox", "x@example.com "}},
		{"one local that wants to hear of success", "", []pipeline.Decision{yes(wants(a, smtp.NotifySuccess))}, pipeline.Queue, nil, []string{"a@example.org Inbox"}},
		{"one local that wants to hear of failure", "", []pipeline.Decision{yes(wants(a, smtp.NotifyFailure))}, pipeline.OneAccount, nil, []string{"a@example.org Inbox"}},
		{"submission to one local", "me", []pipeline.Decision{yes(a)}, pipeline.Queue, nil, []string{"a@example.org Inbox"}},

		{"all refused", "", []pipeline.Decision{no(a, permanent), no(b, permanent)}, pipeline.Nowhere, permanent, nil},
		{"all refused, one for now", "", []pipeline.Decision{no(a, permanent), no(b, temporary)}, pipeline.Nowhere, temporary, nil},
		{"refused one gets a copy in Rejects", "", []pipeline.Decision{no(a, permanent), yes(b)}, pipeline.Queue, nil,
			[]string{"b@example.org Inbox", "a@example.org Rejects"}},
		{"no copy in Rejects for who gets it anyway", "", []pipeline.Decision{no(alias, permanent), yes(a)}, pipeline.OneAccount, nil, []string{"a@example.org Inbox"}},
		{"one copy in Rejects per account", "", []pipeline.Decision{no(alias, permanent), no(a, temporary), yes(b)}, pipeline.Queue, nil,
			[]string{"b@example.org Inbox", "alias@example.org Rejects"}},
		{"no copy for a refused remote", "", []pipeline.Decision{no(remote, permanent), yes(a)}, pipeline.OneAccount, nil, []string{"a@example.org Inbox"}},
		{"submission refused for one is refused", "me", []pipeline.Decision{yes(a), no(remote, permanent)}, pipeline.Nowhere, permanent, nil},
	} {
		p := pipeline.NewPlan(pipeline.Envelope{Account: tt.account}, tt.decisions)
		var got []string
		for _, r := range p.Recipients {
			got = append(got, r.Path.String()+" "+r.Mailbox)
		}
		if p.Place != tt.place || p.Refuse != tt.refuse || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, %v, %q", tt.name, p.Place, p.Refuse, got)
		}
	}
}

func TestValidFields(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fields string
		ok     bool
	}{
		{"", true},
		{"A: b\r\n", true},
		{"A:\r\n", true},
		{"A: b\r\n c\r\n\td\r\nB: x\r\n", true},
		{"A: b", false},
		{"A: b\n", false},
		{"A: b\r\n\r\n", false},
		{"A: b\r\n \r\n", false},
		{" A: b\r\n", false},
		{"A b\r\n", false},
		{": b\r\n", false},
		{"A : b\r\n", false},
		{"Ä: b\r\n", false},
		{"A: b\rc\r\n", false},
		{"A: b\x00\r\n", false},
	} {
		if got := pipeline.ValidFields([]byte(tt.fields)); got != tt.ok {
			t.Errorf("ValidFields(%q) = %v", tt.fields, got)
		}
	}
}

// Facts come back as they were, whatever is in them.
func TestFacts(t *testing.T) {
	t.Parallel()
	for _, want := range [][]pipeline.Fact{
		{{Name: "a", Value: "b.example"}},
		{{Name: "a", Value: ""}, {Name: "b", Value: `"\<>&/`}, {Name: "c", Value: "\x00\r\n\t\x7f"}, {Name: "ü", Value: "\u2028é"}},
	} {
		var got []pipeline.Fact
		if err := json.Unmarshal(pipeline.AppendFacts(nil, want), &got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v, %v", pipeline.AppendFacts(nil, want), got, err)
		}
	}
	if b := pipeline.AppendFacts(nil, []pipeline.Fact{{Name: "a", Value: "\xff"}}); !json.Valid(b) || !utf8.Valid(b) {
		t.Errorf("%q", b)
	}
}
