package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mox/imap"
	"mox/store"
)

// searchBox is a mailbox to search in.
type searchBox struct {
	account *store.Account
	mailbox store.MailboxID
	view    *store.View
}

// newSearchBox makes a mailbox with messages, of which the one at index i gets UID i+1.
func newSearchBox(t testing.TB, msgs []store.NewMessage) searchBox {
	t.Helper()
	ctx := context.Background()
	s, err := store.New(store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing store: %v", err)
		}
	})
	if err := s.Create(ctx, "search"); err != nil {
		t.Fatal(err)
	}
	a, err := s.Open(ctx, "search")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	box, err := a.MailboxByName(ctx, store.System, "Inbox")
	if err != nil {
		t.Fatal(err)
	}
	for len(msgs) > 0 {
		n := min(len(msgs), 500)
		if _, err := a.Append(ctx, store.System, box.ID, msgs[:n], nil); err != nil {
			t.Fatal(err)
		}
		msgs = msgs[n:]
	}
	sel, err := a.Select(ctx, store.System, box.ID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sel.Close)
	return searchBox{a, box.ID, sel.View()}
}

func (b searchBox) search(t testing.TB, c store.Criteria) []imap.SeqNum {
	t.Helper()
	l, err := b.account.Search(context.Background(), store.System, b.mailbox, b.view, c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// crlf makes a message of text with line ends of this file.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func newMessage(text string) store.NewMessage {
	return store.NewMessage{Body: strings.NewReader(text), Size: int64(len(text))}
}

// The messages that TestSearch searches. Sequence numbers are as in the comments.
func searchMessages() []store.NewMessage {
	day := func(s string) time.Time {
		d, err := time.Parse(time.RFC3339, s)
		if err != nil {
			panic(err)
		}
		return d
	}
	texts := []string{
		// 1: plain.
		`From: Fred Foobar <foobar@blurdybloop.example>
To: mooch@owatagu.siam.edu.example
Subject: afternoon meeting
Date: Mon, 7 Feb 1994 21:52:25 -0800
Message-ID: <B27397-0100000@blurdybloop.example>
X-Mailer: Mudpie

Hello Joe, do you think we can meet at 3:30
tomorrow?
`,
		// 2: encoded words, folded fields, latin-1 in quoted-printable, soft line breaks.
		`From: =?iso-8859-1?q?J=F6rg_M=FCller?= <joerg@example.org>
To: a@example.org
Subject: =?utf-8?b?w5xiZXI=?=
 =?utf-8?q?raschung?= f=?utf-8?q?=C3=BC?=r
	alle
Date: Tue, 8 Feb 1994 00:30:00 +0900
X-Empty:
X-Long: one
 two
MIME-Version: 1.0
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Sch=F6ne Gr=FC=DFe aus der Stra=
=DFe.
Needle split =
by soft break.
`,
		// 3: multipart with base64 text, an attachment that is not searched, and a nested message.
		`From: sender@example.com
Subject: with parts
Date: 9 Feb 1994 10:00:00 GMT
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

preamble words
--outer
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64
X-Part: mimeheader

0L7RgtC/0YPRgdC6INC30LDQstGC0YDQsA==
--outer
Content-Type: application/octet-stream; name="secretname.bin"
Content-Disposition: attachment; filename*=utf-8''%C3%A4rgernis.bin

binaryneedle
--outer
Content-Type: message/rfc822

From: inner@example.net
Subject: =?utf-8?q?innersubj=C3=A9ct?=
Content-Type: text/html; charset=utf-8

<p>innerbody</p>
--outer--
`,
		// 4: no header fields to speak of, no Date.
		`Subject: without date

text
`,
		// 5: unreadable date, delivery status.
		`Subject: bounce
Date: yesterday
Content-Type: multipart/report; boundary=b

--b
Content-Type: message/delivery-status

Final-Recipient: rfc822;gone@example.org
--b--
`,
	}
	msgs := make([]store.NewMessage, len(texts))
	for i, text := range texts {
		msgs[i] = newMessage(crlf(text))
	}
	msgs[0].Received = day("1994-02-08T05:55:00Z")
	msgs[0].Flags = imap.FlagSeen | imap.FlagAnswered
	msgs[1].Received = day("1994-02-07T23:59:59Z")
	msgs[1].Keywords = []string{"$Forwarded", "work"}
	msgs[2].Received = day("1994-02-09T00:00:00Z")
	msgs[2].Flags = imap.FlagSeen | imap.FlagDeleted
	msgs[2].Keywords = []string{"work"}
	msgs[3].Received = day("1994-02-09T23:59:59+14:00") // 09:59:59 UTC.
	msgs[3].Prefix = []byte("Received: from prefixhost\r\nX-Prepended: prepended text\r\n")
	msgs[4].Received = day("1969-12-31T12:00:00Z")
	msgs[4].Flags = imap.FlagFlagged | imap.FlagDraft
	return msgs
}

func TestSearch(t *testing.T) {
	t.Parallel()
	box := newSearchBox(t, searchMessages())
	type C = store.Criteria
	header := func(name, value string) C { return C{Header: []store.HeaderCriterion{{Name: name, Value: value}}} }
	text := func(s ...string) C { return C{Text: s} }
	body := func(s ...string) C { return C{Body: s} }
	// Dates with an odd time and zone, which are not to matter.
	date := func(y, m, d int) time.Time {
		return time.Date(y, time.Month(m), d, 23, 30, 0, 0, time.FixedZone("", -11*3600))
	}
	sizes := map[imap.SeqNum]int64{}
	for seq, e := range box.view.All(1) {
		sizes[seq] = e.Size
	}
	email := func(seq imap.SeqNum) store.EmailID { return box.view.At(seq).Email }

	for _, tc := range []struct {
		name string
		c    C
		want []imap.SeqNum
	}{
		{"all", C{}, []imap.SeqNum{1, 2, 3, 4, 5}},
		{"none", C{None: true}, nil},
		{"not none", C{Not: []C{{None: true}}}, []imap.SeqNum{1, 2, 3, 4, 5}},
		{"seqs", C{Seqs: []imap.SeqSet{imap.SetOf[imap.SeqNum](1, 3, 4)}}, []imap.SeqNum{1, 3, 4}},
		{"seqs, all of them", C{Seqs: []imap.SeqSet{imap.SetOf[imap.SeqNum](1, 3, 4), {{First: 2, Last: 3}}}}, []imap.SeqNum{3}},
		{"seqs beyond the end", C{Seqs: []imap.SeqSet{{{First: 5, Last: 4294967295}}}}, []imap.SeqNum{5}},
		{"empty set", C{Seqs: []imap.SeqSet{{}}}, nil},
		{"uids", C{UIDs: []imap.UIDSet{imap.SetOf[imap.UID](2, 5, 6)}}, []imap.SeqNum{2, 5}},
		{"uids that do not exist", C{UIDs: []imap.UIDSet{{{First: 6, Last: 90}}}}, nil},
		{"empty uid set", C{UIDs: []imap.UIDSet{{}}}, nil},
		{"not uids", C{Not: []C{{UIDs: []imap.UIDSet{{{First: 2, Last: 90}}}}}}, []imap.SeqNum{1}},
		{"flag", C{Flags: imap.FlagSeen}, []imap.SeqNum{1, 3}},
		{"flags", C{Flags: imap.FlagSeen | imap.FlagDeleted}, []imap.SeqNum{3}},
		{"flag and not flag", C{Flags: imap.FlagSeen, NotFlags: imap.FlagDeleted}, []imap.SeqNum{1}},
		{"not flag", C{NotFlags: imap.FlagSeen | imap.FlagDraft}, []imap.SeqNum{2, 4}},
		{"keyword in another case", C{Keywords: []string{"WORK"}}, []imap.SeqNum{2, 3}},
		{"keywords", C{Keywords: []string{"work", "$forwarded"}}, []imap.SeqNum{2}},
		{"not keyword", C{NotKeywords: []string{"Work"}}, []imap.SeqNum{1, 4, 5}},
		{"unknown keyword", C{Keywords: []string{"wor"}}, nil},

		{"since", C{Since: date(1994, 2, 8)}, []imap.SeqNum{1, 3, 4}},
		{"before", C{Before: date(1994, 2, 8)}, []imap.SeqNum{2, 5}},
		{"on", C{On: date(1994, 2, 9)}, []imap.SeqNum{3, 4}},
		{"on, before 1970", C{On: date(1969, 12, 31)}, []imap.SeqNum{5}},
		{"since and before", C{Since: date(1994, 2, 8), Before: date(1994, 2, 9)}, []imap.SeqNum{1}},
		{"received since a moment", C{ReceivedSince: time.Date(1994, 2, 9, 9, 59, 59, 0, time.UTC)}, []imap.SeqNum{4}},
		{"received before a moment", C{ReceivedBefore: time.Date(1994, 2, 9, 9, 59, 59, 0, time.UTC)}, []imap.SeqNum{1, 2, 3, 5}},
		{"received within a day elsewhere", C{ReceivedSince: time.Date(1994, 2, 8, 0, 0, 0, 0, time.FixedZone("", 3600)), ReceivedBefore: time.Date(1994, 2, 9, 1, 0, 0, 0, time.FixedZone("", 3600))}, []imap.SeqNum{1, 2}},
		{"since after before", C{Since: date(1994, 2, 9), Before: date(1994, 2, 8)}, nil},
		{"sent on, zone disregarded", C{SentOn: date(1994, 2, 7)}, []imap.SeqNum{1}},
		{"sent on, zone disregarded, ahead", C{SentOn: date(1994, 2, 8)}, []imap.SeqNum{2}},
		{"sent since", C{SentSince: date(1994, 2, 8)}, []imap.SeqNum{2, 3}},
		{"sent before", C{SentBefore: date(1994, 2, 8)}, []imap.SeqNum{1}},
		{"not sent before, no date", C{Not: []C{{SentBefore: date(2100, 1, 1)}}}, []imap.SeqNum{4, 5}},

		{"larger", C{Larger: sizes[2] - 1}, []imap.SeqNum{2, 3}},
		{"larger, strictly", C{Larger: sizes[3]}, nil},
		{"smaller", C{Smaller: sizes[4] + 1}, []imap.SeqNum{4}},
		{"smaller 0", C{HasSmaller: true}, nil},
		{"emails", C{Emails: []store.EmailID{email(4), {Key: 1}, {Key: email(1).Key}, email(2)}}, []imap.SeqNum{2, 4}},
		{"no emails", C{Emails: []store.EmailID{}}, nil},

		{"listed field", header("From", "foobar@BLURDY"), []imap.SeqNum{1}},
		{"field name in another case", header("fRoM", "müller"), []imap.SeqNum{2}},
		{"decoded words joined", header("Subject", "Überraschung"), []imap.SeqNum{2}},
		{"decoded inside a word, over a fold", header("subject", "raschung für alle"), []imap.SeqNum{2}},
		{"encoded form does not match", header("Subject", "utf-8"), nil},
		{"absent listed field", header("Cc", ""), nil},
		{"listed field exists", header("Date", ""), []imap.SeqNum{1, 2, 3, 5}},
		{"other field", header("X-Mailer", "mudpie"), []imap.SeqNum{1}},
		{"other field exists", header("X-Empty", ""), []imap.SeqNum{2}},
		{"empty field contains nothing", header("X-Empty", "x"), nil},
		{"other field, unfolded", header("X-Long", "one two"), []imap.SeqNum{2}},
		{"field of a part", header("X-Part", ""), nil},
		{"text of another field", header("X-Mailer", "blurdybloop"), nil},
		{"prepended field", header("X-Prepended", "prepended"), []imap.SeqNum{4}},
		{"several fields", C{Header: []store.HeaderCriterion{{Name: "subject", Value: "MEETING"}, {Name: "X-Mailer", Value: ""}}}, []imap.SeqNum{1}},

		{"body", body("HELLO joe"), []imap.SeqNum{1}},
		{"body over line end", body("3:30 tomorrow"), []imap.SeqNum{1}},
		{"body does not look at headers", body("afternoon"), nil},
		{"body, quoted-printable, latin-1", body("schöne grüße"), []imap.SeqNum{2}},
		{"body over soft line break", body("der Straße."), []imap.SeqNum{2}},
		{"body over soft line break, with space", body("split by soft"), []imap.SeqNum{2}},
		{"body, base64, utf-8", body("ОТПУСК"), []imap.SeqNum{3}},
		{"body of nested message", body("innerbody"), []imap.SeqNum{3}},
		{"body does not look at header of nested message", body("innersubj"), nil},
		{"body does not look at header of part", body("mimeheader"), nil},
		{"body of another type", body("binaryneedle"), nil},
		{"body, delivery status", body("gone@example"), []imap.SeqNum{5}},
		{"empty body text", body(""), []imap.SeqNum{1, 2, 3, 4, 5}},
		{"several body texts", body("отпуск", "innerbody"), []imap.SeqNum{3}},
		{"several body texts, one absent", body("отпуск", "innerbodies"), nil},

		{"text in listed field", text("afternoon"), []imap.SeqNum{1}},
		{"text in other field", text("mudpie"), []imap.SeqNum{1}},
		{"text in field name", text("x-mailer: mud"), []imap.SeqNum{1}},
		{"text in prepended field", text("prefixhost"), []imap.SeqNum{4}},
		{"text in body", text("tomorrow"), []imap.SeqNum{1}},
		{"text in header of part", text("mimeheader"), []imap.SeqNum{3}},
		{"text in parameter of part", text("secretname"), []imap.SeqNum{3}},
		{"text in encoded file name", text("ärgernis"), []imap.SeqNum{3}},
		{"text in header of nested message", text("innersubjéct"), []imap.SeqNum{3}},
		{"text across header and body", text("Mudpie Hello"), nil},
		{"absent text", text("string not in mailbox"), nil},

		{"or", C{Or: [][2]C{{header("X-Mailer", ""), body("отпуск")}}}, []imap.SeqNum{1, 3}},
		{"or with a cheap side", C{Or: [][2]C{{{Flags: imap.FlagSeen}, body("schöne")}}}, []imap.SeqNum{1, 2, 3}},
		{"two ors", C{Or: [][2]C{{{Flags: imap.FlagSeen}, body("schöne")}, {text("mudpie"), text("über")}}}, []imap.SeqNum{1, 2}},
		{"not body", C{Not: []C{body("отпуск")}}, []imap.SeqNum{1, 2, 4, 5}},
		{"not of several", C{Not: []C{{Flags: imap.FlagSeen, Body: []string{"отпуск"}}}}, []imap.SeqNum{1, 2, 4, 5}},
		{"not not", C{Not: []C{{Not: []C{text("mudpie")}}}}, []imap.SeqNum{1}},
		{"not or", C{Not: []C{{Or: [][2]C{{text("mudpie"), {Flags: imap.FlagDraft}}}}}}, []imap.SeqNum{2, 3, 4}},
		{"all kinds", C{Flags: imap.FlagSeen, Since: date(1994, 2, 1), Header: []store.HeaderCriterion{{Name: "Subject", Value: "parts"}}, Body: []string{"innerbody"}, Text: []string{"sender@"}, Not: []C{body("tomorrow")}}, []imap.SeqNum{3}},
	} {
		if got := box.search(t, tc.c); fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestSearchModSeqAndThread(t *testing.T) {
	t.Parallel()
	box := newSearchBox(t, []store.NewMessage{
		newMessage("Subject: one\r\nMessage-ID: <a@x>\r\n\r\n"),
		newMessage("Subject: two\r\nMessage-ID: <b@x>\r\n\r\n"),
		newMessage("Subject: Re: one\r\nMessage-ID: <c@x>\r\nIn-Reply-To: <a@x>\r\n\r\n"),
	})
	ctx := context.Background()
	var thread store.ThreadID
	err := box.account.Emails(ctx, store.System, []store.EmailID{box.view.At(1).Email}, func(i int, e *store.Email) error {
		thread = e.Thread
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := box.search(t, store.Criteria{Threads: []store.ThreadID{thread}}); fmt.Sprint(got) != "[1 3]" {
		t.Errorf("thread has %v, want [1 3]", got)
	}
	if got := box.search(t, store.Criteria{Threads: []store.ThreadID{}}); len(got) != 0 {
		t.Errorf("no threads: got %v", got)
	}
	r, err := box.account.SetFlags(ctx, store.System, box.mailbox, store.FlagChange{UIDs: imap.SetOf[imap.UID](2), Op: store.FlagsAdd, Flags: imap.FlagSeen, UnchangedSince: -1})
	if err != nil {
		t.Fatal(err)
	}
	sel, err := box.account.Select(ctx, store.System, box.mailbox)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	box.view = sel.View()
	if got := box.search(t, store.Criteria{ModSeq: r.ModSeq}); fmt.Sprint(got) != "[2]" {
		t.Errorf("modseq: got %v, want [2]", got)
	}
	if got := box.search(t, store.Criteria{ModSeq: r.ModSeq + 1}); len(got) != 0 {
		t.Errorf("modseq above all: got %v", got)
	}
}

func TestSearchEnds(t *testing.T) {
	t.Parallel()
	box := newSearchBox(t, searchMessages())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []store.Criteria{{Body: []string{"x"}}, {Header: []store.HeaderCriterion{{Name: "From", Value: "x"}}}} {
		if l, err := box.account.Search(ctx, store.System, box.mailbox, box.view, c); !errors.Is(err, context.Canceled) {
			t.Errorf("%+v: got %v, %v, want context.Canceled", c, l, err)
		}
	}
}
