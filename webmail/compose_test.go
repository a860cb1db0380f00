package webmail

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mox/store"
)

// addresses returns people in short.
func addresses(l []Person) string {
	var all []string
	for _, p := range l {
		all = append(all, p.Address)
	}
	return strings.Join(all, " ")
}

// letterWith returns a message with fields, and "hello" as text.
func letterWith(fields ...string) string {
	return "Date: Sun, 22 Nov 2026 10:00:00 +0000\nMessage-ID: <orig@example.com>\n" + strings.Join(fields, "\n") + "\n\nhello\n"
}

func TestReplyRecipients(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	const list = "List-Post: <mailto:list@lists.example>"
	for _, c := range []struct {
		name         string
		kind         ComposeKind
		fields       []string
		from, to, cc string
	}{
		{"simple", ComposeReply, []string{"From: Bob <bob@example.com>", "To: ann@example.org"}, "ann@example.org", "bob@example.com", ""},
		{"not to others", ComposeReply, []string{"From: bob@example.com", "To: ann@example.org, carl@example.com", "Cc: dora@example.com"}, "ann@example.org", "bob@example.com", ""},
		{"all", ComposeReplyAll, []string{"From: bob@example.com", "To: ann@example.org, carl@example.com", "Cc: dora@example.com"}, "ann@example.org", "bob@example.com", "carl@example.com dora@example.com"},
		{"all, each once", ComposeReplyAll, []string{"From: bob@example.com", "To: Ann@Example.org, BOB@example.com, carl@example.com", "Cc: Carl@Example.COM, ann.other@example.org"}, "Ann@example.org", "bob@example.com", "carl@example.com"},
		{"other own address", ComposeReply, []string{"From: bob@example.com", "To: ann.other@example.org"}, "ann.other@example.org", "bob@example.com", ""},
		{"catch-all", ComposeReply, []string{"From: bob@example.com", "To: shop@example.net"}, "shop@example.net", "bob@example.com", ""},
		{"own address in Cc", ComposeReply, []string{"From: bob@example.com", "To: carl@example.com", "Cc: any@example.net"}, "any@example.net", "bob@example.com", ""},
		{"not to me by name", ComposeReply, []string{"From: bob@example.com", "To: undisclosed-recipients:;"}, "ann@example.org", "bob@example.com", ""},
		{"Reply-To", ComposeReply, []string{"From: bob@example.com", "Reply-To: desk@example.com, carl@example.com", "To: ann@example.org"}, "ann@example.org", "desk@example.com carl@example.com", ""},
		{"Reply-To, all", ComposeReplyAll, []string{"From: bob@example.com", "Reply-To: desk@example.com", "To: ann@example.org, carl@example.com"}, "ann@example.org", "desk@example.com", "carl@example.com"},
		{"Reply-To that is empty", ComposeReply, []string{"From: bob@example.com", "Reply-To: nobody:;", "To: ann@example.org"}, "ann@example.org", "bob@example.com", ""},
		{"Reply-To to me and others", ComposeReplyAll, []string{"From: bob@example.com", "Reply-To: ann@example.org, list@lists.example", "To: list@lists.example"}, "ann@example.org", "list@lists.example", ""},
		{"several From", ComposeReply, []string{"From: bob@example.com, carl@example.com", "Sender: bob@example.com", "To: ann@example.org"}, "ann@example.org", "bob@example.com carl@example.com", ""},
		{"From without address", ComposeReply, []string{"From: Nobody", "To: ann@example.org"}, "ann@example.org", "", ""},
		{"From is a group", ComposeReply, []string{"From: nobody:;", "To: ann@example.org"}, "ann@example.org", "", ""},
		{"no From", ComposeReplyAll, []string{"To: ann@example.org, carl@example.com"}, "ann@example.org", "carl@example.com", ""},
		{"own", ComposeReply, []string{"From: ann.other@example.org", "To: bob@example.com, carl@example.com", "Cc: dora@example.com"}, "ann.other@example.org", "bob@example.com carl@example.com", ""},
		{"own, all", ComposeReplyAll, []string{"From: ann@example.org", "To: bob@example.com", "Cc: ann@example.org, dora@example.com"}, "ann@example.org", "bob@example.com", "dora@example.com"},
		{"own, all, to me too", ComposeReplyAll, []string{"From: ann@example.org", "To: ann@example.org, bob@example.com"}, "ann@example.org", "bob@example.com", ""},
		{"own, to me", ComposeReplyAll, []string{"From: ann@example.org", "To: ann@example.org"}, "ann@example.org", "ann@example.org", ""},
		{"own, only blind copies", ComposeReply, []string{"From: ann@example.org", "Bcc: bob@example.com"}, "ann@example.org", "bob@example.com", ""},
		{"own and another's", ComposeReply, []string{"From: ann@example.org, bob@example.com", "To: carl@example.com"}, "ann@example.org", "ann@example.org bob@example.com", ""},
		{"list", ComposeReplyList, []string{list, "From: bob@example.com", "To: list@lists.example", "Cc: any@example.net, carl@example.com"}, "any@example.net", "list@lists.example", ""},
		{"list, all", ComposeReplyAll, []string{list, "From: bob@example.com", "To: list@lists.example"}, "ann@example.org", "bob@example.com", "list@lists.example"},
		{"IDN", ComposeReplyAll, []string{"From: bob@xn--exmple-cua.org", "To: ann@example.org, carl@xn--exmple-cua.org", "Cc: =?utf-8?q?C=C3=A4rl?= <carl@exämple.org>"}, "ann@example.org", "bob@exämple.org", "carl@exämple.org"},
		{"international local part", ComposeReply, []string{"From: Bób <bób@example.com>", "To: ann@example.org"}, "ann@example.org", "bób@example.com", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			added := e.deliver("", letterWith(append(c.fields, "Subject: "+c.name)...))
			d := e.compose(ComposeRequest{Kind: c.kind, Emails: []string{added.Email.String()}})
			if d.From.Address != c.from || addresses(d.To) != c.to || addresses(d.Cc) != c.cc || len(d.Bcc) != 0 || d.From.Name != "Ann Example" {
				t.Errorf("from %v to %q cc %q bcc %v, want from %q to %q cc %q", d.From, addresses(d.To), addresses(d.Cc), d.Bcc, c.from, c.to, c.cc)
			}
			if d.InReplyTo != "orig@example.com" || !slices.Equal(d.References, []string{"orig@example.com"}) || !slices.Equal(d.Related, []string{added.Email.String()}) || d.Forward || d.Email != "" {
				t.Errorf("draft %+v", d)
			}
		})
	}
	added := e.deliver("", letterWith("From: bob@example.com", "To: ann@example.org"))
	_, err := e.api.Compose(e.ctx, ComposeRequest{Kind: ComposeReplyList, Emails: []string{added.Email.String()}})
	wantCode(t, err, codeBad)
}

// The server knows for whom a message was that names nobody.
func TestReplyFromAddressOfEnvelope(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, c := range []struct{ recipient, want string }{
		{"shop@example.net", "shop@example.net"},
		{"bob@example.org", "ann@example.org"},
	} {
		added := e.deliver("", letterWith("From: bob@example.com", "To: list@lists.example"), func(d *store.Delivery) {
			d.Prefix = []byte("Received: from a.example by mail.example.org with ESMTPS id x for <" + c.recipient + ">; Sun, 22 Nov 2026 10:00:00 +0000\r\n")
		})
		if d := e.compose(ComposeRequest{Kind: ComposeReply, Emails: []string{added.Email.String()}}); d.From.Address != c.want {
			t.Errorf("for %s: from %s, want %s", c.recipient, d.From.Address, c.want)
		}
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ subject, reply, forward string }{
		{"hello", "Re: hello", "Fwd: hello"},
		{"Re: hello", "Re: hello", "Fwd: Re: hello"},
		{"RE: re:  Re : hello", "Re: hello", "Fwd: RE: re: Re : hello"},
		{"Re[2]: hello", "Re: hello", "Fwd: Re[2]: hello"},
		{"Re^3: hello", "Re: hello", "Fwd: Re^3: hello"},
		{"AW: Antw: SV: hello", "Re: hello", "Fwd: AW: Antw: SV: hello"},
		{"回复：你好", "Re: 你好", "Fwd: 回复：你好"},
		{"Fwd: hello", "Re: Fwd: hello", "Fwd: hello"},
		{"FW: Fwd: hello", "Re: FW: Fwd: hello", "Fwd: hello"},
		{"[list] hello", "Re: [list] hello", "Fwd: [list] hello"},
		{"[list] Re: hello", "Re: [list] hello", "Fwd: [list] Re: hello"},
		{"Re: [list] Re: hello", "Re: [list] hello", "Fwd: Re: [list] Re: hello"},
		{"Report: 2026", "Re: Report: 2026", "Fwd: Report: 2026"},
		{"re hello", "Re: re hello", "Fwd: re hello"},
		{"Reference: x", "Re: Reference: x", "Fwd: Reference: x"},
		{"Re:", "Re:", "Fwd: Re:"},
		{"", "Re:", "Fwd:"},
		{"  two   spaces\t ", "Re: two spaces", "Fwd: two spaces"},
		{strings.Repeat("Re: ", 2000) + "x", "Re: x", "Fwd: " + strings.Repeat("Re: ", 2000) + "x"},
	} {
		if r, f := replySubject(c.subject), forwardSubject(c.subject); r != c.reply || f != c.forward {
			t.Errorf("%.40q: %.60q and %.60q, want %.60q and %.60q", c.subject, r, f, c.reply, c.forward)
		}
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var many []string
	for i := range 60 {
		many = append(many, fmt.Sprintf("m%d@example.com", i))
	}
	ids := func(l ...string) string { return "<" + strings.Join(l, ">\n <") + ">" }
	for _, c := range []struct {
		name      string
		fields    string
		inReplyTo string
		want      []string
	}{
		{"parent with references", "Message-ID: <c@x>\nReferences: <a@x> <b@x>\nIn-Reply-To: <b@x>", "c@x", []string{"a@x", "b@x", "c@x"}},
		{"parent with In-Reply-To alone", "Message-ID: <c@x>\nIn-Reply-To: <b@x>", "c@x", []string{"b@x", "c@x"}},
		{"parent that answers several", "Message-ID: <c@x>\nIn-Reply-To: <a@x> <b@x>", "c@x", []string{"c@x"}},
		{"parent without id", "References: <a@x>", "", []string{"a@x"}},
		{"parent without anything", "X: y", "", nil},
		{"id in its own references", "Message-ID: <c@x>\nReferences: <a@x> <c@x> <b@x>", "c@x", []string{"a@x", "b@x", "c@x"}},
		{"many", "Message-ID: <c@x>\nReferences: " + ids(many...), "c@x", append(append([]string{"m0@example.com"}, many[60-28:]...), "c@x")},
	} {
		added := e.deliver("", c.fields+"\nFrom: bob@example.com\nTo: ann@example.org\nSubject: x\n\nhello\n")
		d := e.compose(ComposeRequest{Kind: ComposeReply, Emails: []string{added.Email.String()}})
		if d.InReplyTo != c.inReplyTo || !slices.Equal(d.References, c.want) {
			t.Errorf("%s: in reply to %q, references %q", c.name, d.InReplyTo, d.References)
		}
		raw := e.raw(e.save(d).Email)
		for line := range strings.SplitSeq(raw, "\r\n") {
			if len(line) > 998 {
				t.Errorf("%s: a line of %d bytes", c.name, len(line))
			}
		}
	}
}

// What divides long text for readers is not in what is written on.
func TestEditedTextIsWhole(t *testing.T) {
	t.Parallel()
	want := "<p>" + strings.Repeat("Слова и ", 1000) + "слова</p>"
	if got := newEnv(t).server.edited(want, nil, false); got != want {
		t.Errorf("%d bytes, want %d: %.100s", len(got), len(want), got)
	}
}

func TestReplyQuotes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	plain := e.deliver("", "From: \"Bob <b>\" <bob@example.com>\nTo: ann@example.org\nSubject: x\nDate: Sun, 22 Nov 2026 10:00:00 +0100\nContent-Type: text/plain; format=flowed\n\n"+
		"one \ntwo\n> old \n> text\n>> older\n  code  x\n<script>alert(1)</script>\n")
	rich := e.deliver("", "From: bob@example.com\nTo: ann@example.org\nSubject: x\nDate: Sun, 22 Nov 2026 10:00:00 +0100\nContent-Type: text/html; charset=utf-8\n\n"+
		`<html><style>p{color:red}</style><body onload="x()"><p onclick="x()" style="color:red;width:expression(alert(1))">Hällo</p><script>alert(1)</script><img src="https://t.example/a.png?x=1&amp;y=2"><a href="javascript:alert(1)">l</a><a href="https://example.com/" title="t" class="c">m</a></body></html>`+"\n")

	for _, c := range []struct {
		name   string
		text   bool // As plain text.
		below  bool
		email  store.Added
		quote  string
		want   []string
		refuse []string
	}{
		{"plain in plain", true, false, plain, "", []string{"On 22 November 2026 at 10:00, Bob <b> wrote:\n> one two\n>> old text\n>>> older\n>  code  x\n> <script>alert(1)</script>\n"}, nil},
		{"plain in HTML", false, false, plain, "", []string{"<blockquote type=\"cite\"><div>one two<br>&gt; old text<br>&gt;&gt; older<br>&nbsp;code &nbsp;x<br>&lt;script&gt;alert(1)&lt;/script&gt;</div></blockquote>", "Bob &lt;b&gt; wrote:"}, []string{"<script"}},
		{"HTML in HTML", false, false, rich, "", []string{`<p style="color:red">Hällo</p>`, `src="` + placeholder("https://t.example/a.png?x=1&y=2") + `"`, `<a href="https://example.com/">m</a>`}, []string{"script", "onclick", "onload", "expression", "mox-mixed", "class=", "target="}},
		{"HTML in plain", true, false, rich, "", []string{"> Hällo"}, []string{"<p", "alert"}},
		{"selected in HTML", false, false, rich, "a <b>\nc", []string{`<blockquote type="cite"><div>a &lt;b&gt;<br>c</div></blockquote>`}, []string{"Hällo"}},
		{"selected in plain", true, false, rich, "a <b>\r\nc", []string{"wrote:\n> a <b>\n> c\n"}, []string{"Hällo"}},
		{"signature above", true, false, plain, "", []string{"\n\n-- \nAnn\n\n\nOn 22 November"}, nil},
		{"signature below", true, true, plain, "", []string{"> <script>alert(1)</script>\n\n\n\n-- \nAnn\n"}, nil},
		{"HTML signature above", false, false, rich, "", []string{`<p><br/></p><div data-mox-signature=""><b>Ann</b></div><p>On 22`}, []string{"SIGSCRIPT"}},
		{"HTML signature below", false, true, rich, "", []string{`</blockquote><p><br/></p><div data-mox-signature=""><b>Ann</b></div>`}, nil},
	} {
		st, err := e.api.Settings(e.ctx)
		if err != nil {
			t.Fatal(err)
		}
		st.ComposeText, st.QuoteBelow, st.TimeZone = c.text, c.below, "UTC"
		st.Signatures = []Signature{{HTML: `<b onclick="x()">Ann</b><script>SIGSCRIPT</script>`, Text: "Ann\n"}, {Address: "bob@example.com", Text: "other"}}
		if _, err := e.api.SettingsSave(e.ctx, st); err != nil {
			t.Fatal(err)
		}
		d := e.compose(ComposeRequest{Kind: ComposeReply, Emails: []string{c.email.Email.String()}, Quote: c.quote})
		if d.Rich == c.text {
			t.Errorf("%s: rich %v", c.name, d.Rich)
		}
		text := strings.ReplaceAll(strings.ReplaceAll(d.Text+d.HTML, "\u00a0", "&nbsp;"), "On 22 November 2026 at 09:00", "On 22 November 2026 at 10:00")
		for _, want := range c.want {
			want = strings.ReplaceAll(want, "\u00a0", "&nbsp;")
			if !strings.Contains(strings.ReplaceAll(text, "<br/>", "<br>"), strings.ReplaceAll(want, "<br/>", "<br>")) {
				t.Errorf("%s: no %q in\n%s", c.name, want, text)
			}
		}
		for _, refused := range c.refuse {
			if strings.Contains(text, refused) {
				t.Errorf("%s: %q in\n%s", c.name, refused, text)
			}
		}
	}
}

func TestSignatureOfSender(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	st, err := e.api.Settings(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	st.Signatures = []Signature{{Address: "Ann.Other@example.org", Name: "The Other", ReplyTo: "desk@example.org", HTML: "<i>other</i>"}, {HTML: "<i>any</i>"}}
	if _, err := e.api.SettingsSave(e.ctx, st); err != nil {
		t.Fatal(err)
	}
	added := e.deliver("", letterWith("From: bob@example.com", "To: ann.other@example.org"))
	d := e.compose(ComposeRequest{Kind: ComposeReply, Emails: []string{added.Email.String()}})
	if d.From != (Person{"The Other", "ann.other@example.org"}) || addresses(d.ReplyTo) != "desk@example.org" || !strings.Contains(d.HTML, "<i>other</i>") {
		t.Errorf("draft %+v", d)
	}
	d = e.compose(ComposeRequest{Kind: ComposeNew})
	if d.From != (Person{"Ann Example", "ann@example.org"}) || len(d.ReplyTo) != 0 || !strings.Contains(d.HTML, "<i>any</i>") {
		t.Errorf("draft %+v", d)
	}
}

func TestComposeRefuses(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", simple("bob@example.com", "x", "y"))
	for _, c := range []struct {
		request ComposeRequest
		code    string
	}{
		{ComposeRequest{Kind: ComposeReply}, codeBad},
		{ComposeRequest{Kind: "else", Emails: []string{added.Email.String()}}, codeBad},
		{ComposeRequest{Kind: ComposeReply, Emails: []string{"x"}}, codeNotFound},
		{ComposeRequest{Kind: ComposeReply, Emails: []string{strings.Repeat("1", 32)}}, codeNotFound},
		{ComposeRequest{Kind: ComposeAttach, Emails: []string{added.Email.String(), "x"}}, codeNotFound},
		{ComposeRequest{Kind: ComposeReply, Emails: make([]string, maxAttached+1)}, codeBad},
		{ComposeRequest{Kind: ComposeUnsubscribe, Emails: []string{added.Email.String()}}, codeBad},
	} {
		_, err := e.api.Compose(e.ctx, c.request)
		if err == nil {
			t.Errorf("%+v was taken", c.request)
			continue
		}
		wantCode(t, err, c.code)
	}
}

func TestUnsubscribeMessage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", letterWith("From: bob@example.com", "To: any@example.net", "List-Unsubscribe: <https://lists.example/x>,\n <mailto:leave@lists.example?subject=leave%20me&body=now%0D%0Aplease>"))
	d := e.compose(ComposeRequest{Kind: ComposeUnsubscribe, Emails: []string{added.Email.String()}})
	if d.From.Address != "any@example.net" || addresses(d.To) != "leave@lists.example" || d.Subject != "leave me" || d.Rich || d.Text != "now\nplease" {
		t.Errorf("draft %+v", d)
	}
}
