package webmail

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mox/imap"
	"mox/store"
)

func TestThread(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	deliver := func(mailbox, text string, change ...func(*store.Delivery)) store.Added {
		at = at.Add(time.Hour)
		return e.deliver(mailbox, text, append(change, func(d *store.Delivery) { d.Received = at })...)
	}
	first := deliver("", simple("Joe <joe@example.com>", "Plan", "first"))
	second := deliver("Sent", reply("ann@example.org", "Joe <joe@example.com>", "Plan", "second"), func(d *store.Delivery) { d.Flags = imap.FlagSeen })
	third := deliver("Trash", reply("joe@example.com", "Joe <joe@example.com>", "Plan", "third one"))
	fourth := deliver("Junk", reply("eve@example.com", "Joe <joe@example.com>", "Plan", "fourth"))
	deliver("", simple("joe@example.com", "Other", "x"))
	var uids imap.UIDSet
	uids.Add(first.UID)
	if _, err := e.acc.Copy(e.ctx, store.System, first.Mailbox, uids, e.mailbox("Archive").ID); err != nil {
		t.Fatal(err)
	}
	if _, err := e.acc.SetFlags(e.ctx, store.System, first.Mailbox, store.FlagChange{UIDs: uids, Op: store.FlagsAdd, Flags: imap.FlagFlagged, Keywords: []string{"$Forwarded", "todo", "$MDNSent"}, UnchangedSince: -1}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		mailbox string
		want    []store.Added
	}{
		{"Inbox", []store.Added{first, second}},
		{"", []store.Added{first, second}},
		{"Trash", []store.Added{first, second, third}},
		{"Junk", []store.Added{first, second, fourth}},
	} {
		id := int64(0)
		if test.mailbox != "" {
			id = int64(e.mailbox(test.mailbox).ID)
		}
		c, err := e.api.Thread(e.ctx, "", "v", threadText(first.Thread), id)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for _, it := range c.Items {
			got = append(got, it.Email)
		}
		for _, a := range test.want {
			want = append(want, a.Email.String())
		}
		if !slices.Equal(got, want) || c.Subject != "Plan" || c.Muted {
			t.Errorf("%s: %q %v, want %v", test.mailbox, c.Subject, got, want)
		}
	}
	c, err := e.api.Thread(e.ctx, "", "v", threadText(first.Thread), int64(e.mailbox("Archive").ID))
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Items[0].Places; len(p) != 2 || p[0].Mailbox != int64(e.mailbox("Archive").ID) {
		t.Errorf("places %v", p)
	}
	it, err := e.api.Find(e.ctx, first.Email.String())
	if err != nil {
		t.Fatal(err)
	}
	if !it.Flagged || !it.Forwarded || it.Seen || it.Mine || !slices.Equal(it.Labels, []string{"todo"}) || it.From != (Person{"Joe", "joe@example.com"}) || it.Snippet != "first" || len(it.To) != 1 {
		t.Errorf("item %+v", it)
	}
	if it, err := e.api.Find(e.ctx, second.Email.String()); err != nil || !it.Mine || !it.Seen {
		t.Errorf("own item %+v, %v", it, err)
	}
	if it, err := e.api.Find(e.ctx, fourth.Email.String()); err != nil || !it.Junk {
		t.Errorf("junk %+v, %v", it, err)
	}
	for _, id := range []string{"", "x", "0000000000000001", threadText(first.Thread) + "0"} {
		_, err := e.api.Thread(e.ctx, "", "v", id, 0)
		wantCode(t, err, codeNotFound)
	}
	for _, id := range []string{"", "x", "00000000000000000000000000000000", "000000000000000100000000000000ff"} {
		_, err := e.api.Find(e.ctx, id)
		wantCode(t, err, codeNotFound)
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", "Received: x\nFrom: Joe <joe@b\u00fccher.example>\nSender: office@example.com\nReply-To: joe@b\u00fccher.example\nTo: A <a@example.com>, ann.other@example.org\nCc: anything@example.net\n"+
		"Disposition-Notification-To: joe@example.com\nMessage-ID: <m@example.com>\nDate: Sun, 22 Nov 2026 10:00:00 +0100\nSubject: =?utf-8?q?caf=C3=A9?=\nContent-Type: multipart/alternative; boundary=b\n\n"+
		"--b\nContent-Type: text/plain\n\nx\n--b\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\n--b--\n",
		func(d *store.Delivery) {
			d.Prefix = []byte("Received: from x by mail.example.org with ESMTP id 1\r\n\tfor <hidden@example.net>; Sun, 22 Nov 2026 10:00:00 +0000\r\n")
		})
	m, err := e.api.Message(e.ctx, added.Email.String(), "", false)
	if err != nil {
		t.Fatal(err)
	}
	if m.From[0] != (Person{"Joe", "joe@bücher.example"}) || len(m.Sender) != 1 || m.ReplyTo != nil || len(m.To) != 2 || m.ReplyAddress != "ann.other@example.org" || m.Date != 1795338000 ||
		m.MessageID != "m@example.com" || !m.Invitation || len(m.Receipt) != 1 || m.Item.Seen || m.Item.Subject != "café" || m.SignedOrEncrypted != "" || m.Submission != nil {
		t.Errorf("message %+v", m)
	}
	if m, err = e.api.Message(e.ctx, added.Email.String(), "", true); err != nil || !m.Item.Seen {
		t.Errorf("seen is %v, %v", m.Item.Seen, err)
	}
	if it, err := e.api.Find(e.ctx, added.Email.String()); err != nil || !it.Seen {
		t.Errorf("seen is %v, %v", it.Seen, err)
	}
	l, err := e.api.Headers(e.ctx, added.Email.String(), "")
	if err != nil || !slices.Contains(l, Header{"Subject", "café"}) || l[0].Name != "Received" {
		t.Errorf("header %+v, %v", l, err)
	}

	// Where only the server knows for whom it came.
	blind := e.deliver("", "From: joe@example.com\nTo: list@example.com\nSubject: blind\n\nx\n", func(d *store.Delivery) {
		d.Prefix = []byte("Received: from x by mail.example.org with ESMTP id 1\r\n\tfor <shop@example.net>; Sun, 22 Nov 2026 10:00:00 +0000\r\n")
	})
	if m, err := e.api.Message(e.ctx, blind.Email.String(), "", false); err != nil || m.ReplyAddress != "shop@example.net" {
		t.Errorf("answers are from %q, %v", m.ReplyAddress, err)
	}

	// It is gone for who asks again.
	var uids imap.UIDSet
	uids.Add(added.UID)
	if _, _, err := e.acc.Expunge(e.ctx, store.System, added.Mailbox, uids, false); err != nil {
		t.Fatal(err)
	}
	_, err = e.api.Message(e.ctx, added.Email.String(), "", true)
	wantCode(t, err, codeNotFound)
}

func TestProtection(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, test := range []struct{ text, want string }{
		{"Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n--b\n\nx\n--b\nContent-Type: application/pgp-signature\n\ny\n--b--\n", "OpenPGP signed"},
		{"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\n\n--b\n\nx\n--b\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\ny\n--b--\n", "S/MIME signed"},
		{"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream\n\ny\n--b--\n", "OpenPGP encrypted"},
		{"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nx\n", "S/MIME encrypted"},
		{"Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nx\n", "S/MIME signed"},
		{"Content-Type: multipart/signed; protocol=x; boundary=b\n\n--b\n\nx\n--b--\n", ""},
		{"\nx\n", ""},
	} {
		added := e.deliver("", "From: joe@example.com\nMIME-Version: 1.0\n"+test.text)
		m, err := e.api.Message(e.ctx, added.Email.String(), "", false)
		if err != nil || m.SignedOrEncrypted != test.want {
			t.Errorf("%q, want %q, %v", m.SignedOrEncrypted, test.want, err)
		}
		if slices.ContainsFunc(m.Attachments, func(p Part) bool { return strings.HasSuffix(p.Type, "-signature") }) {
			t.Errorf("a signature is listed for people: %+v", m.Attachments)
		}
	}
}
