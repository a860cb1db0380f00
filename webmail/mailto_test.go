package webmail

import (
	"strings"
	"testing"
)

func TestMailto(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url                   string
		to, cc, subject, text string
	}{
		// Of RFC 6068 §6.
		{"mailto:chris@example.com", "chris@example.com", "", "", ""},
		{"mailto:infobot@example.com?subject=current-issue", "infobot@example.com", "", "current-issue", ""},
		{"mailto:infobot@example.com?body=send%20current-issue", "infobot@example.com", "", "", "send current-issue"},
		{"mailto:infobot@example.com?body=send%20current-issue%0D%0Asend%20index", "infobot@example.com", "", "", "send current-issue\nsend index"},
		{"mailto:list@example.org?In-Reply-To=%3C3469A91.D10AF4C@example.com%3E", "list@example.org", "", "", ""},
		{"mailto:majordomo@example.com?body=subscribe%20bamboo-l", "majordomo@example.com", "", "", "subscribe bamboo-l"},
		{"mailto:joe@example.com?cc=bob@example.com&body=hello", "joe@example.com", "bob@example.com", "", "hello"},
		{"mailto:?to=joe@example.com&cc=bob@example.com&body=hello", "joe@example.com", "bob@example.com", "", "hello"},
		{"mailto:addr1@an.example,addr2@an.example", "addr1@an.example addr2@an.example", "", "", ""},
		{"mailto:addr1@an.example?to=addr2@an.example", "addr1@an.example addr2@an.example", "", "", ""},
		{"mailto:gorby%25kremvax@example.com", "gorby%kremvax@example.com", "", "", ""},
		{"mailto:unlikely%3Faddress@example.com?blat=foop", "unlikely?address@example.com", "", "", ""},
		{"mailto:Mike%26family@example.org", "Mike&family@example.org", "", "", ""},
		{"mailto:%22not%40me%22@example.org", `"not@me"@example.org`, "", "", ""},
		{"mailto:%22oh%5C%5Cno%22@example.org", `"oh\\no"@example.org`, "", "", ""},
		{"mailto:%22%5C%5C%5C%22it's%5C%20ugly%5C%5C%5C%22%22@example.org", `"\\\"it's ugly\\\""@example.org`, "", "", ""},
		{"mailto:user@example.org?subject=caf%C3%A9", "user@example.org", "", "café", ""},
		{"mailto:user@example.org?subject=%3D%3Futf-8%3FQ%3Fcaf%3DC3%3DA9%3F%3D", "user@example.org", "", "=?utf-8?Q?caf=C3=A9?=", ""},
		{"mailto:user@example.org?subject=caf%C3%A9&body=caf%C3%A9", "user@example.org", "", "café", "café"},
		{"mailto:user@%E7%B4%8D%E8%B1%86.example.org?subject=Test&body=NATTO", "user@納豆.example.org", "", "Test", "NATTO"},
		// Others.
		{"", "", "", "", ""},
		{"MAILTO:a@b.example?SUBJECT=x+y", "a@b.example", "", "x+y", ""},
		{"mailto:a@b.example#frag?subject=no", "a@b.example", "", "", ""},
		{"mailto:a@b.example?subject=50%", "a@b.example", "", "50%", ""},
		{"mailto:Joe%20Doe%20%3Cjoe@b.example%3E", "joe@b.example", "", "", ""},
		// Hostile ones.
		{"mailto:a@b.example?subject=x%0D%0ABcc:%20evil@example.com", "a@b.example", "", "x Bcc: evil@example.com", ""},
		{"mailto:a@b.example%0D%0ABcc:%20evil@example.com", "", "", "", ""},
		{"mailto:a@b.example?attach=/etc/passwd&attachment=x&from=evil@example.com&reply-to=evil@example.com&x-mox-draft=eyJ9", "a@b.example", "", "", ""},
		{"mailto:a@b.example?body=%00%1b%5B31mx", "a@b.example", "", "", "[31mx"},
		{"mailto:a@b.example?subject=%ff%fe", "a@b.example", "", "\uFFFD", ""},
		{"mailto:?&&=&==", "", "", "", ""},
	} {
		d := Draft{}
		if err := mailto(c.url, &d); err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if addresses(d.To) != c.to || addresses(d.Cc) != c.cc || d.Subject != c.subject || d.Text != c.text || len(d.Attachments) != 0 || len(d.ReplyTo) != 0 || d.From != (Person{}) {
			t.Errorf("%s: %+v", c.url, d)
		}
		if want := strings.Contains(c.url, "3469A91"); want != (d.InReplyTo == "3469A91.D10AF4C@example.com") {
			t.Errorf("%s: in reply to %q", c.url, d.InReplyTo)
		}
	}
	for _, u := range []string{"x", "http://example.com", "javascript:alert(1)", "mailto", "mailto:" + strings.Repeat("x", 64<<10), "mailto:" + strings.Repeat("a@b,", maxRecipients+1)} {
		if err := mailto(u, &Draft{}); err == nil {
			t.Errorf("%.40s was taken", u)
		}
	}
	d := Draft{Rich: true}
	if err := mailto("mailto:a@b?body=%3Cscript%3Ealert(1)%3C/script%3E%0D%0A%20x", &d); err != nil || d.HTML != "<p>&lt;script&gt;alert(1)&lt;/script&gt;<br>&nbsp;x</p>" {
		t.Errorf("HTML %s, %v", d.HTML, err)
	}
}

// A composer opens with what a link says, and the signature below it.
func TestComposeMailto(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	d := e.compose(ComposeRequest{Kind: ComposeNew, Mailto: "mailto:bob@example.com?subject=x&body=one%0D%0Atwo&bcc=c@example.com"})
	if addresses(d.To) != "bob@example.com" || addresses(d.Bcc) != "c@example.com" || d.HTML != "<p>one<br>two</p>" || d.From.Address != "ann@example.org" {
		t.Errorf("draft %+v", d)
	}
	_, err := e.api.Compose(e.ctx, ComposeRequest{Kind: ComposeNew, Mailto: "https://example.com/"})
	wantCode(t, err, codeBad)
}
