package webmail

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mox/store"
)

// kinds returns the hints of a message as words: kind, level and items.
func kinds(l []Hint) []string {
	var words []string
	for _, h := range l {
		words = append(words, string(h.Kind)+" "+string(h.Level)+" "+strings.Join(h.Items, ", "))
	}
	return words
}

func TestHints(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	html := func(body string) string {
		return "From: Joe <joe@example.com>\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n" + body
	}
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"harmless", html(`<p>Hello, see <a href="https://example.com/x">example.com</a></p>`), nil},
		{"own message", strings.Replace(html(`<a href="https://evil.example">bank.example</a>`), "joe@example.com", "ann@example.org", 1), nil},
		{"link", html(`<a href="https://evil.example/x">www.bank.example</a>`), []string{"links warn www.bank.example → evil.example"}},
		{"userinfo", html(`<a href="https://bank.example@evil.example/">Log in</a>`), []string{"links bad Log in → evil.example"}},
		{"scripts in the text", html(`<p>Log in to pаypal now</p>`), []string{"scripts warn pаypal"}},
		{"scripts in the subject", "From: joe@example.com\nSubject: =?utf-8?q?p=D0=B0ypal?=\n\nx\n", []string{"scripts warn pаypal"}},
		{"address as name", "From: \"ceo@bank.example\" <joe@example.com>\nSubject: x\n\nx\n", []string{"name bad ceo@bank.example, joe@example.com"}},
		{"address of the same domain as name", "From: \"office@example.com\" <joe@example.com>\nSubject: x\n\nx\n", []string{"name warn office@example.com, joe@example.com"}},
		{"own address as name", "From: \"joe@example.com\" <joe@example.com>\nSubject: x\n\nx\n", nil},
		{"own name", "From: Ann Example <joe@example.com>\nSubject: x\n\nx\n", []string{"name warn Ann Example, joe@example.com"}},
		{"own name turned round", "From: \"EXAMPLE, Ann\" <joe@example.com>\nSubject: x\n\nx\n", []string{"name warn EXAMPLE, Ann, joe@example.com"}},
		{"several authors", "From: a@example.com, b@example.com\nSubject: x\n\nx\n", []string{"name warn "}},
		{"answers elsewhere", "From: joe@example.com\nReply-To: joe@other.example\nSubject: x\n\nx\n", []string{"replyto info joe@other.example"}},
		{"answers to a free address", "From: boss@example.com\nReply-To: boss@gmail.com\nSubject: x\n\nx\n", []string{"replyto warn boss@gmail.com"}},
		{"answers to the list", "From: joe@example.com\nReply-To: list@lists.example\nList-Post: <mailto:list@lists.example>\nSubject: x\n\nx\n", nil},
		{"answers within the domain", "From: joe@mail.example.com\nReply-To: joe@example.com\nSubject: x\n\nx\n", nil},
		{"program", mixed("mixed", file("application/octet-stream", "setup.exe", "MZ")), []string{"attachment bad setup.exe"}},
		{"program by its type", mixed("mixed", file("application/x-msdownload", "notes", "MZ")), []string{"attachment bad notes"}},
		{"program that hides", mixed("mixed", file("application/octet-stream", "invoice.pdf.js", "x")), []string{"attachment bad invoice.pdf.js", "attachment bad invoice.pdf.js"}},
		{"page", mixed("mixed", file("text/html", "invoice.html", "x")), []string{"attachment warn invoice.html"}},
		{"macros", mixed("mixed", file("application/octet-stream", "a.xlsm", "x")), []string{"attachment warn a.xlsm"}},
		{"document", mixed("mixed", file("application/pdf", "a.pdf", "x"), file("application/zip", "a.tar.gz", "x"), file("image/png", "x.png", "x")), nil},
		{"long", html(strings.Repeat("<p>words and words</p>\n", 30_000)), []string{"incomplete info text"}},
	} {
		added := e.deliver("", test.text)
		m, err := e.api.Message(e.ctx, added.Email.String(), "", false)
		if err != nil {
			t.Fatal(err)
		}
		if got := kinds(m.Hints); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestFirstTime(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.server.firstTime = patience
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	deliver := func(mailbox, from string) string {
		at = at.Add(time.Hour)
		return e.deliver(mailbox, simple(from, "hello", "x"), func(d *store.Delivery) { d.Received = at }).Email.String()
	}
	deliver("Junk", "new@example.com")
	first := deliver("", "Joe Doe <joe@example.com>")
	deliver("Archive", "Ann Other <other@example.com>")
	for _, test := range []struct {
		name, email string
		want        []string
	}{
		{"first of all", first, []string{"firsttime info "}},
		{"known", deliver("", "joe@EXAMPLE.com"), nil},
		{"only in Junk", deliver("", "new@example.com"), []string{"firsttime info "}},
		{"name of another", deliver("", "Joe Doe <joe@evil.example>"), []string{"name warn joe@example.com, joe@evil.example", "firsttime info "}},
		{"another address of a domain", deliver("", "Joe Doe <joe.doe@example.com>"), []string{"firsttime info "}},
		{"own", deliver("Sent", "ann@example.org"), nil},
	} {
		l, err := e.api.Hints(e.ctx, test.email)
		if got := kinds(l); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %v, want %q", test.name, got, err, test.want)
		}
	}
	// A server that has no time to look says nothing, and that is no fault.
	e.server.firstTime = -1
	if l, err := e.api.Hints(e.ctx, first); err != nil || len(l) != 0 {
		t.Errorf("without time: %q, %v", kinds(l), err)
	}
}
