package webmail

import (
	"io"
	"strings"
	"testing"

	"mox/message"
	"mox/store"
)

// partsOf returns the media types and names of the parts of a message without parts, in order.
func partsOf(raw string) []string {
	var l []string
	var add func(p *message.Part)
	add = func(p *message.Part) {
		if !p.IsMultipart() {
			l = append(l, strings.TrimSpace(p.MediaType()+" "+p.Filename()))
		}
		for _, part := range p.Parts {
			add(part)
		}
	}
	add(message.ParseBytes([]byte(raw)))
	return l
}

const withFiles = `From: Bob <bob@example.com>
To: ann@example.org, carl@example.com
Cc: dora@example.com
Subject: files
Date: Sun, 22 Nov 2026 10:00:00 +0000
Message-ID: <files@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html; charset=utf-8

<p>look <img src="cid:dot@x"> <img src="cid:gone@x"></p>
--r
Content-Type: image/png; name=dot.png
Content-ID: <dot@x>
Content-Transfer-Encoding: base64
Content-Disposition: inline; filename=dot.png

iVBORw0KGgo=
--r--
--m
Content-Type: text/plain; charset=iso-8859-1
Content-Disposition: attachment; filename*=utf-8''%C3%BC.txt
Content-Transfer-Encoding: quoted-printable

=E4
--m
Content-Type: message/rfc822

From: eve@example.com
Subject: within/out

inner
--m
Content-Type: text/calendar; method=REQUEST; charset=utf-8

BEGIN:VCALENDAR
--m--
`

func TestForwardInline(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", withFiles)
	d := e.compose(ComposeRequest{Kind: ComposeForward, Emails: []string{added.Email.String()}})
	if d.Subject != "Fwd: files" || !d.Forward || len(d.To) != 0 || d.InReplyTo != "" || len(d.Related) != 1 {
		t.Errorf("draft %+v", d)
	}
	for _, want := range []string{forwardLine, "From: Bob &lt;bob@example.com&gt;<br>", "Subject: files", "To: ann@example.org, carl@example.com<br>", "Cc: dora@example.com"} {
		if !strings.Contains(d.HTML, want) {
			t.Errorf("no %q in %s", want, d.HTML)
		}
	}
	if len(d.Attachments) != 4 || !d.Attachments[0].Inline || d.Attachments[0].ContentID != "dot@x" || d.Attachments[1].Name != "ü.txt" || d.Attachments[2].Name != "within-out.eml" || d.Attachments[2].Type != "message/rfc822" {
		t.Fatalf("attachments %+v", d.Attachments)
	}
	raw := e.raw(e.save(d).Email)
	if got := strings.Join(partsOf(raw), ", "); got != "text/plain, text/html, image/png dot.png, text/plain ü.txt, message/rfc822 within-out.eml, text/calendar part-4.ics" {
		t.Errorf("parts %s", got)
	}
	for _, want := range []string{"cid:dot@x", "Content-ID: <dot@x>", "charset=iso-8859-1", "method=REQUEST", "From: eve@example.com\r\nSubject: within/out\r\n\r\ninner"} {
		if !strings.Contains(raw, want) {
			t.Errorf("no %q in %s", want, raw)
		}
	}
	if strings.Contains(raw, "cid:gone") {
		t.Error("an image that is not there is referred to")
	}
	// Once more, from the draft: all is there still.
	d = e.compose(ComposeRequest{Kind: ComposeDraft, Emails: []string{e.save(d).Email}})
	if again := strings.Join(partsOf(e.raw(e.save(d).Email)), ", "); again != strings.Join(partsOf(raw), ", ") || !d.Forward || len(d.Related) != 1 {
		t.Errorf("parts %s, draft %+v", again, d)
	}
	// An answer takes the images in the text, and no files.
	if d := e.compose(ComposeRequest{Kind: ComposeReply, Emails: []string{added.Email.String()}}); len(d.Attachments) != 1 || !d.Attachments[0].Inline {
		t.Errorf("attachments of an answer %+v", d.Attachments)
	}
	// In plain text the images are files.
	st := defaultSettings()
	st.ComposeText = true
	if _, err := e.api.SettingsSave(e.ctx, st); err != nil {
		t.Fatal(err)
	}
	d = e.compose(ComposeRequest{Kind: ComposeForward, Emails: []string{added.Email.String()}})
	if len(d.Attachments) != 4 || d.Attachments[0].Inline || !strings.Contains(d.Text, forwardLine+"\nFrom: Bob <bob@example.com>\nDate: ") {
		t.Errorf("draft %+v", d)
	}
}

func TestForwardAsAttachment(t *testing.T) {
	t.Parallel()
	e, q := newSendingEnv(t)
	for _, c := range []struct {
		name, text string
		want       string // Type of the part.
		eightBit   bool
		attached   string // What the part holds; empty for the message as it is.
	}{
		{"plain", "Subject: a/b\\c\r\nFrom: x@example.com\r\n\r\nhello\r\n", "message/rfc822 a-b-c.eml", false, ""},
		{"8-bit", "Subject: x\r\n\r\nhällo\r\n", "message/rfc822 x.eml", true, ""},
		{"no line end", "Subject: x\r\n\r\nhello", "message/rfc822 x.eml", false, ""},
		{"no subject", "From: x@example.com\r\n\r\nhello\r\n", "message/rfc822 message.eml", false, ""},
		{"subject of dots", "Subject: ...\r\n\r\nhello\r\n", "message/rfc822 message.eml", false, ""},
		{"long subject", "Subject: " + strings.Repeat("word ", 100) + "\r\n\r\nhello\r\n", "message/rfc822 " + strings.Repeat("word ", 35) + "w.eml", false, ""},
		{"longest line", "Subject: x\r\n\r\n" + strings.Repeat("x", 998) + "\r\n", "message/rfc822 x.eml", false, ""},
		{"too long a line", "Subject: x\r\n\r\n" + strings.Repeat("x", 999) + "\r\n", "application/octet-stream x.eml", false, ""},
		{"bare LF", "Subject: x\n\nhello\n", "application/octet-stream x.eml", false, ""},
		{"bare CR", "Subject: x\r\n\r\nhe\rllo\r\n", "application/octet-stream x.eml", false, ""},
		{"CR at the end", "Subject: x\r\n\r\nhello\r", "application/octet-stream x.eml", false, ""},
		{"NUL", "Subject: x\r\n\r\nhe\x00llo\r\n", "application/octet-stream x.eml", false, ""},
		{"own copy", "X-Mox-Draft: e30=\r\nBcc: secret@example.com,\r\n more@example.com\r\nSubject: x\r\n\r\nBcc: text\r\n", "message/rfc822 x.eml", false, "Subject: x\r\n\r\nBcc: text\r\n"},
		{"with a boundary of its own", "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b--\r\n", "message/rfc822 x.eml", false, ""},
	} {
		l, err := e.acc.Append(e.ctx, e.session.Actor(), e.mailbox("Inbox").ID, []store.NewMessage{{Body: strings.NewReader(c.text), Size: int64(len(c.text))}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		d := e.compose(ComposeRequest{Kind: ComposeAttach, Emails: []string{l[0].Email.String()}})
		if len(d.Attachments) != 1 || d.Attachments[0].Size != int64(len(c.text)) || !d.Forward || len(d.Related) != 1 {
			t.Errorf("%s: draft %+v", c.name, d)
		}
		d.To = []Person{{"", "x@remote.example"}}
		e.send(d, SendOptions{})
		queued := q.queued()
		m := queued[len(queued)-1]
		raw := q.text(m)
		parts := partsOf(raw)
		if got := parts[len(parts)-1]; got != c.want || m.Message.EightBit != c.eightBit {
			t.Errorf("%s: %s, 8 bits %v, want %s", c.name, got, m.Message.EightBit, c.want)
		}
		attached := c.attached
		if attached == "" {
			attached = c.text
		}
		root := message.ParseBytes([]byte(raw))
		p := root.Parts[len(root.Parts)-1]
		got, err := io.ReadAll(p.DecodedReader(strings.NewReader(raw)))
		if err != nil || string(got) != attached {
			t.Errorf("%s: attached is %q, want %q, %v", c.name, got, attached, err)
		}
	}
	several := e.compose(ComposeRequest{Kind: ComposeAttach, Emails: []string{e.deliver("", simple("bob@example.com", "one", "x")).Email.String(), e.deliver("", simple("bob@example.com", "two", "x")).Email.String()}})
	if several.Subject != "" || len(several.Attachments) != 2 || several.Attachments[1].Name != "two.eml" || len(several.Related) != 2 {
		t.Errorf("draft %+v", several)
	}
	// As a draft, they are parts of it.
	if back := e.compose(ComposeRequest{Kind: ComposeDraft, Emails: []string{e.save(several).Email}}); len(back.Attachments) != 2 || back.Attachments[1].Name != "two.eml" || back.Attachments[1].Type != "message/rfc822" {
		t.Errorf("draft %+v", back)
	}
}
