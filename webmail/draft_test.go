package webmail

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"mox/imap"
	"mox/message"
	"mox/store"
)

// sameDraft checks that a draft that was read back is the one that was saved, but for what changes by that.
func sameDraft(t *testing.T, got, want Draft) {
	t.Helper()
	got.Email, want.Email = "", ""
	got.Attachments = slices.Clone(got.Attachments)
	for i := range got.Attachments {
		got.Attachments[i].ID, got.Attachments[i].Address = "", ""
	}
	want.Attachments = slices.Clone(want.Attachments)
	for i := range min(len(got.Attachments), len(want.Attachments)) {
		// The size of a part is known about.
		if d := got.Attachments[i].Size - want.Attachments[i].Size; -2 <= d && d <= 2 {
			got.Attachments[i].Size = want.Attachments[i].Size
		}
	}
	for i := range want.Attachments {
		want.Attachments[i].ID, want.Attachments[i].Address = "", ""
	}
	if !want.Rich {
		got.HTML, want.HTML = "", ""
	} else {
		got.Text, want.Text = "", ""
	}
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		a, b := g.Field(i), w.Field(i)
		if a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 {
			continue
		}
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			t.Errorf("%s is %+v, was saved as %+v", g.Type().Field(i).Name, a, b)
		}
	}
}

func TestDraftIsReadBackAsSaved(t *testing.T) {
	t.Parallel()
	ann := Person{"Ann Example", "ann@example.org"}
	id := strings.Repeat("0", 15) + "1" + strings.Repeat("0", 15) + "2"
	for _, c := range []struct {
		name  string
		draft Draft
	}{
		{"empty", Draft{From: ann}},
		{"empty in HTML", Draft{From: ann, Rich: true, HTML: "<p><br/></p>"}},
		{"recipients", Draft{From: ann, To: []Person{{"Bób, \"the\" one", "bob@example.com"}, {"", "carl@example.com"}}, Cc: []Person{{"日本語の名前", "d@例え.jp"}}, Bcc: []Person{{"Secret", "s@example.com"}}, ReplyTo: []Person{{"Desk", "desk@example.org"}}}},
		{"recipients half typed", Draft{From: ann, To: []Person{{"", "bo"}, {"", "carl@example.com"}, {"", "da@"}, {"Some Body", ""}, {"", "two words"}, {"x", "<script>"}}, Cc: []Person{{"", "@"}}, Bcc: []Person{{"", "a@b@c"}, {"", "böb"}}, ReplyTo: []Person{{"", "x, y"}}}},
		{"sender half typed", Draft{From: Person{"", "shop@exam"}}},
		{"sender of a catch-all", Draft{From: Person{"Shop", "any@example.net"}}},
		{"international", Draft{From: ann, To: []Person{{"Bób", "bób@exämple.org"}}, Bcc: []Person{{"", "ünï@example.com"}}}},
		{"many recipients", Draft{From: ann, To: slices.Repeat([]Person{{"A rather long name of somebody", "somebody.with.a.long.name@long.name.example.com"}}, 300)}},
		{"subject", Draft{From: ann, Subject: "Grüße = ?utf-8?q?x?= 日本語 =?utf-8?q?y?= " + strings.Repeat("sehr lang ä ", 60) + "."}},
		{"subject of one word", Draft{From: ann, Subject: strings.Repeat("x", 3000)}},
		{"subject in right to left", Draft{From: ann, Subject: "שלום עולם مرحبا"}},
		{"plain text", Draft{From: ann, Text: "one\n\n> quoted > text \n>> more\n  indented  \n-- \nAnn \n\nFrom here\n.\n> " + strings.Repeat("long line ", 50) + "\n" + strings.Repeat("x", 3000) + "\nöäü\ttab \n\n\n"}},
		{"plain text in no ASCII", Draft{From: ann, Text: strings.Repeat("日本語テキスト", 400) + "\nend"}},
		{"plain text that is HTML", Draft{From: ann, Text: "<p>&amp; <script>alert(1)</script>"}},
		{"HTML", Draft{From: ann, Rich: true, HTML: `<p>one <b>two</b> <i>three</i> <u>u</u> <s>s</s> <a href="https://example.com/a?b=1&amp;c=2">link</a></p><ul><li>a</li><li>b<ol><li>c</li></ol></li></ul><blockquote type="cite"><p>q</p></blockquote><pre>x  y` + "\n" + `z</pre><h1>h</h1><hr/><p style="text-align:center;color:rgb(1, 2, 3)" dir="rtl">שלום</p><table border="1"><tbody><tr><td colspan="2">x</td></tr></tbody></table>`}},
		{"HTML with a signature", Draft{From: ann, Rich: true, HTML: `<p>x</p><div data-mox-signature=""><p>Ann</p></div><div><p>y</p></div>`}},
		{"HTML with words of two scripts", Draft{From: ann, Rich: true, HTML: `<p>раypal</p>`}},
		{"HTML with a remote image", Draft{From: ann, Rich: true, HTML: `<p><img alt="a" src="` + placeholder("https://t.example/a%20b.png?x=1&y=%C3%A4+2") + `"/></p>`}},
		{"long HTML", Draft{From: ann, Rich: true, HTML: strings.Repeat("<p>"+strings.Repeat("ä text & ", 20)+"</p>", 3000)}},
		{"answer", Draft{From: ann, InReplyTo: "a@example.com", References: []string{"b@example.com", "a@example.com"}, Related: []string{id}}},
		{"forward", Draft{From: ann, Related: []string{id, id}, Forward: true}},
		{"choices", Draft{From: ann, RequireTLS: TLSRequired, Priority: "high", Receipt: true, SendAt: 1893456000}},
		{"other choices", Draft{From: ann, RequireTLS: TLSOptional, Priority: "low"}},
	} {
		c.draft.HTML = strings.ReplaceAll(c.draft.HTML, "ä text & ", "ä text &amp; ")
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			want := c.draft
			for _, at := range []struct{ name, media, content string }{
				{"Übersicht – 日本.txt", "text/plain", "no line end \xff\x00"}, {"a\"b'; x=y.bin", "application/x-thing", "\r\n"}, {strings.Repeat("lang ä ", 20) + ".pdf", "application/pdf", "%PDF"}, {"x.eml", "message/rfc822", "Subject: x\n\ny"}, {"empty", "", ""},
			} {
				a := e.upload(at.name, at.media, at.content, false)
				want.Attachments = append(want.Attachments, a)
			}
			saved := e.save(want)
			for range 2 {
				got := e.compose(ComposeRequest{Kind: ComposeDraft, Emails: []string{saved.Email}})
				if got.Email != saved.Email {
					t.Errorf("email %s, want %s", got.Email, saved.Email)
				}
				if len(got.Attachments) != len(want.Attachments) || len(saved.Attachments) != len(want.Attachments) {
					t.Fatalf("attachments %+v, saved %+v", got.Attachments, saved.Attachments)
				}
				for i := range got.Attachments {
					if got.Attachments[i].ID != saved.Attachments[i].ID || got.Attachments[i].Address != saved.Attachments[i].Address {
						t.Errorf("attachment %+v, saved %+v", got.Attachments[i], saved.Attachments[i])
					}
				}
				next := got
				next.Attachments = slices.Clone(got.Attachments)
				want.HTML, got.HTML = strings.NewReplacer("<br/>", "<br>", "; ", ";", ": ", ":").Replace(want.HTML), strings.NewReplacer("<br/>", "<br>", "; ", ";", ": ", ":").Replace(got.HTML)
				sameDraft(t, got, want)
				saved = e.save(next)
			}
			if got := e.contents("Drafts"); strings.Count(got, `\Draft`) != 1 || !strings.Contains(got, `\Seen`) {
				t.Errorf("drafts %q", got)
			}
			raw := e.raw(saved.Email)
			if p := message.ParseBytes([]byte(raw)); p.Defects&^message.DefectDate != 0 {
				t.Errorf("draft has defects %v", p.Defects)
			}
			for line := range strings.SplitSeq(raw, "\r\n") {
				if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
					t.Errorf("a line of the draft has %d bytes: %.60q", len(line), line)
				}
			}
		})
	}
}

func TestDraftOfOtherProgram(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("Drafts", "From: ann.other@example.org\nTo: bob@example.com, half\nBcc: carl@example.com\nSubject: x\nX-Priority: 2 (High)\nDisposition-Notification-To: ann@example.org\nX-Mox-Draft: not base64\n\nhello\n",
		func(d *store.Delivery) { d.Flags = imap.FlagDraft })
	d := e.compose(ComposeRequest{Kind: ComposeDraft, Emails: []string{added.Email.String()}})
	if d.From.Address != "ann.other@example.org" || addresses(d.Bcc) != "carl@example.com" || d.Priority != "high" || !d.Receipt || d.Text != "hello\n" || d.Rich {
		t.Errorf("draft %+v", d)
	}
	if saved := e.save(d); e.contents("Drafts") != `x\Seen\Draft` || saved.Email == d.Email {
		t.Errorf("drafts %q", e.contents("Drafts"))
	}
}

func TestDraftReplacesEarlierVersion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(e *env, email string)
		want   string // Subjects in Drafts then.
		trash  string
	}{
		{"nothing happened", func(*env, string) {}, `second\Seen\Draft`, ""},
		{"somebody else expunged it", func(e *env, email string) { e.draftAct(email, ActExpunge) }, `second\Seen\Draft`, ""},
		{"somebody else threw it away", func(e *env, email string) { e.draftAct(email, ActTrash) }, `second\Seen\Draft`, `first\Seen\Draft`},
		{"somebody else took the mark", func(e *env, email string) {
			mb := e.mailbox("Drafts")
			if _, err := e.acc.SetFlags(e.ctx, e.session.Actor(), mb.ID, store.FlagChange{UIDs: imap.SetOf[imap.UID](1), Op: store.FlagsRemove, Flags: imap.FlagDraft, UnchangedSince: -1}); err != nil {
				e.t.Fatal(err)
			}
		}, `first\Seen second\Seen\Draft`, ""},
		{"the mailbox is gone", func(e *env, email string) {
			if err := e.acc.DeleteMailbox(e.ctx, e.session.Actor(), "Drafts"); err != nil {
				e.t.Fatal(err)
			}
		}, `second\Seen\Draft`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			d := Draft{From: Person{"", "ann@example.org"}, Subject: "first"}
			d.Email = e.save(d).Email
			c.change(e, d.Email)
			d.Subject = "second"
			e.save(d)
			if got, trash := e.contents("Drafts"), e.contents("Trash"); got != c.want || trash != c.trash {
				t.Errorf("drafts %q, trash %q", got, trash)
			}
		})
	}
}

// draftAct does something to a draft.
func (e *env) draftAct(email string, kind ActionKind) {
	e.t.Helper()
	id, _ := parseEmailID(email)
	l, err := e.acc.Instances(e.ctx, e.session.Actor(), []store.EmailID{id})
	if err != nil || len(l) != 1 {
		e.t.Fatalf("draft is at %v, %v", l, err)
	}
	if _, err := e.api.Act(e.ctx, Selection{Messages: []Place{{int64(l[0].Mailbox), int64(l[0].UID)}}}, Action{Kind: kind}); err != nil {
		e.t.Fatal(err)
	}
}

func TestDraftDiscard(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	saved := e.save(Draft{From: Person{"", "ann@example.org"}, Subject: "x"})
	acted, err := e.api.DraftDiscard(e.ctx, saved.Email)
	if err != nil || acted.Count != 1 || e.contents("Drafts") != "" || e.contents("Trash") != `x\Seen\Draft` {
		t.Fatalf("%+v, %v; drafts %q, trash %q", acted, err, e.contents("Drafts"), e.contents("Trash"))
	}
	if _, err := e.api.Undo(e.ctx, acted.Undo); err != nil || e.contents("Drafts") != `x\Seen\Draft` {
		t.Errorf("undone: %v, drafts %q", err, e.contents("Drafts"))
	}
	for _, email := range []string{"", "x", strings.Repeat("1", 32)} {
		if acted, err := e.api.DraftDiscard(e.ctx, email); err != nil || acted.Count != 0 {
			t.Errorf("%q: %+v, %v", email, acted, err)
		}
	}
}

func TestDraftLimits(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, c := range []struct {
		name  string
		draft Draft
		code  string
	}{
		{"long text", Draft{Text: strings.Repeat("x", maxDraftText+1)}, codeLimit},
		{"long HTML", Draft{Rich: true, HTML: strings.Repeat("x", maxDraftText+1)}, codeLimit},
		{"HTML that grows", Draft{Rich: true, HTML: strings.Repeat("&", maxDraftText/2)}, codeLimit},
		{"many files", Draft{Attachments: make([]Attachment, maxAttached+1)}, codeLimit},
		{"many recipients", Draft{To: make([]Person, maxRecipients+1)}, codeLimit},
		{"unknown file", Draft{Attachments: []Attachment{{ID: "upload:x", Name: "f"}}}, codeNotFound},
		{"file of no kind", Draft{Attachments: []Attachment{{ID: "/etc/passwd"}}}, codeBad},
		{"file of a path", Draft{Attachments: []Attachment{{ID: "upload:../../etc/passwd"}}}, codeNotFound},
		{"part of no email", Draft{Attachments: []Attachment{{ID: "part:x:1"}}}, codeBad},
		{"part of an unknown email", Draft{Attachments: []Attachment{{ID: "part:" + strings.Repeat("1", 32) + ":1"}}}, codeNotFound},
		{"unknown email", Draft{Attachments: []Attachment{{ID: "email:" + strings.Repeat("1", 32)}}}, codeNotFound},
	} {
		_, err := e.api.DraftSave(e.ctx, c.draft)
		if err == nil {
			t.Errorf("%s was taken", c.name)
			continue
		}
		wantCode(t, err, c.code)
	}
	added := e.deliver("", simple("bob@example.com", "x", "y"))
	_, err := e.api.DraftSave(e.ctx, Draft{Attachments: []Attachment{{ID: partID(added.Email, "7.1"), Name: "f"}}})
	wantCode(t, err, codeNotFound)

	// Another account's.
	bob, _, _ := e.logIn("bob")
	_, err = e.api.DraftSave(bob, Draft{Attachments: []Attachment{{ID: partID(added.Email, "1"), Name: "f"}}})
	wantCode(t, err, codeNotFound)
	at := e.upload("f", "text/plain", "x", false)
	_, err = e.api.DraftSave(bob, Draft{Attachments: []Attachment{at}})
	wantCode(t, err, codeNotFound)
}

// Nothing that runs gets into a message or into the text of a composer.
func TestDraftIsHarmless(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, hostile := range []string{
		`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `<svg onload=alert(1)><script>alert(1)</script></svg>`, `<a href="javascript:alert(1)">x</a>`, `<a href=" java&#10;script:alert(1)">x</a>`,
		`<a href="data:text/html,<script>alert(1)</script>">x</a>`, `<p style="background:url(javascript:alert(1))">x</p>`, `<p style="width:expression(alert(1))">x</p>`, `<p style="-moz-binding:url(//e/x)">x</p>`,
		`<iframe src="//evil.example"></iframe>`, `<object data="x"></object>`, `<embed src="x">`, `<form action="//evil.example"><input name=a></form>`, `<meta http-equiv=refresh content="0;url=//evil.example">`, `<base href="//evil.example/">`,
		`<link rel=stylesheet href="//evil.example">`, `<style>@import "//evil.example"</style>`, `<math><mi xlink:href="javascript:alert(1)">x</mi></math>`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>`,
		`<img src="` + pixel + `javascript:alert(1)">`, `<img src="` + pixel + `data%3Atext/html,x">`, `<div data-mox-signature="" onclick="alert(1)" class="x" id="y">s</div>`, `<!--><script>alert(1)</script>-->`, `<template><script>alert(1)</script></template>`,
		`<p onclick="alert(1)" dir="rtl" data-x="1">x</p>`, `<video src="//evil.example" autoplay></video>`, `<img src="//evil.example/x">`, `<table background="//evil.example/x"><tr><td>x</table>`, `<a href="vbscript:x" ping="//evil.example">x</a>`,
	} {
		check := func(where, text string) {
			t.Helper()
			root, err := html.Parse(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			for n := range root.Descendants() {
				if n.Type == html.CommentNode || n.Type == html.ElementNode && !slices.Contains(strings.Fields("html head body p div br b a img blockquote table tbody tr td meta"), n.Data) || n.Data == "meta" && where != "message" {
					t.Errorf("%s of %s has a %s: %s", where, hostile, n.Data, text)
				}
				for _, a := range n.Attr {
					switch {
					case strings.HasPrefix(a.Val, pixel) && where != "message" && (a.Key == "src" || a.Key == "background"):
					case slices.Contains([]string{"dir", "title", "type", "class", cidAttribute, signatureAttribute, "charset"}, a.Key):
					default:
						t.Errorf("%s of %s has the attribute %s=%q: %s", where, hostile, a.Key, a.Val, text)
					}
				}
			}
		}
		saved := e.save(Draft{From: Person{"", "ann@example.org"}, Rich: true, HTML: "<p>a</p>" + hostile + "<p>b</p>"})
		raw := e.raw(saved.Email)
		_, text, _ := strings.Cut(raw, "<html>")
		text, _, _ = strings.Cut(text, "</html>")
		check("message", text)
		if !strings.Contains(text, "a</p>") || !strings.Contains(text, "b</p>") {
			t.Errorf("%s: the text around it is gone: %s", hostile, text)
		}
		added := e.deliver("", "From: bob@example.com\nTo: ann@example.org\nContent-Type: text/html\n\n<p>a</p>"+hostile+"<p>b</p>\n")
		for _, kind := range []ComposeKind{ComposeReply, ComposeForward, ComposeEditAsNew, ComposeDraft} {
			text := e.compose(ComposeRequest{Kind: kind, Emails: []string{added.Email.String()}}).HTML
			check(string(kind), text)
			if !strings.Contains(text, "a</p>") {
				t.Errorf("%s of %s: the text around it is gone: %s", kind, hostile, text)
			}
		}
		check("mailto", e.compose(ComposeRequest{Kind: ComposeNew, Mailto: "mailto:a@b?body=" + strings.NewReplacer("%", "%25", "#", "%23", "&", "%26").Replace(hostile)}).HTML)
	}
}

func TestRemoteImagesAreBackWhenSent(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", "From: bob@example.com\nTo: ann@example.org\nContent-Type: text/html\n\n<img src=\"https://t.example/a%20b.png?x=1&amp;y=%C3%A4+2\"><p style=\"background-image:url(https://t.example/bg)\">x</p>\n")
	d := e.compose(ComposeRequest{Kind: ComposeReply, Emails: []string{added.Email.String()}})
	if strings.Contains(d.HTML, "https://t.example") || !strings.Contains(d.HTML, pixel) {
		t.Errorf("the page would load %s", d.HTML)
	}
	raw := e.raw(e.save(d).Email)
	if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(raw, "=\r\n", ""), "=3D", "="), `src="https://t.example/a%20b.png?x=1&amp;y=%C3%A4+2"`) || strings.Contains(raw, "data:image") {
		t.Errorf("message %s", raw)
	}
}

func TestEditAsNew(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("Sent", "From: Shop <any@example.net>\nTo: bob@example.com\nCc: carl@example.com\nSubject: x\nMessage-ID: <a@b>\nIn-Reply-To: <c@d>\nReferences: <c@d>\nImportance: high\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; format=flowed\n\none \ntwo\n--b\nContent-Type: text/csv; charset=iso-8859-1; name=a.csv\nContent-Disposition: attachment; filename=a.csv\n\na;\xe4\n--b--\n")
	d := e.compose(ComposeRequest{Kind: ComposeEditAsNew, Emails: []string{added.Email.String()}})
	if d.From != (Person{"Shop", "any@example.net"}) || addresses(d.To) != "bob@example.com" || addresses(d.Cc) != "carl@example.com" || d.Subject != "x" || d.Text != "one two" || d.Priority != "high" {
		t.Errorf("draft %+v", d)
	}
	if d.Email != "" || d.InReplyTo != "" || len(d.References) != 0 || len(d.Related) != 0 || len(d.Attachments) != 1 {
		t.Errorf("draft %+v", d)
	}
	raw := e.raw(e.save(d).Email)
	if !strings.Contains(raw, "charset=iso-8859-1") || strings.Contains(raw, "<a@b>") || e.contents("Sent") != "x" {
		t.Errorf("message %s; sent %q", raw, e.contents("Sent"))
	}
}

func TestFlowedTextIsJoined(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		delSp bool
		want  string
	}{
		{"a \nb\n", false, "a b\n"},
		{"a \r\nb\r\n", true, "ab\n"},
		{"> a \n> b\n", false, "> a b\n"},
		{"> a \n>> b\nc\n", false, "> a \n>> b\nc\n"},
		{"a \n-- \nsig \nx\n", false, "a \n-- \nsig x\n"},
		{"> -- \n> sig\n", false, "> -- \n> sig\n"},
		{" > not quoted\n From me\n", false, "> not quoted\nFrom me\n"},
		{">\n> a\n", false, ">\n> a\n"},
		{"a ", false, "a \n"},
		{"", false, ""},
	} {
		if got := unflowed(c.text, c.delSp); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// A draft is saved while its account is used otherwise; none is lost, and there is one in the end.
func TestDraftIsSavedOverAndOver(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	d := Draft{From: Person{"", "ann@example.org"}}
	for i := range 20 {
		d.Subject = fmt.Sprint(i)
		saved, err := e.api.DraftSave(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		d.Email = saved.Email
	}
	if got := e.contents("Drafts"); got != `19\Seen\Draft` {
		t.Errorf("drafts %q", got)
	}
}
