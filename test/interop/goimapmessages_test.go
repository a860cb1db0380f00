package interop

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

const goMessage = "Date: Tue, 17 Nov 2026 10:11:12 +0100\r\n" +
	"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\n" +
	"To: friends: a@example.org, \"B, C\" <b@example.org>;, c@example.org\r\n" +
	"Cc: nobody:;\r\n" +
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
	"Message-ID: <1@example.org>\r\n" +
	"In-Reply-To: <0@example.org>\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=AA\r\n" +
	"\r\n" +
	"preamble\r\n" +
	"--AA\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n" +
	"Content-Transfer-Encoding: quoted-printable\r\n" +
	"\r\n" +
	"Gr=C3=BC=C3=9Fe =\r\n" +
	"again\r\n" +
	"--AA\r\n" +
	"Content-Type: application/octet-stream; name=\"a b.bin\"\r\n" +
	"Content-Disposition: attachment; filename=\"a b.bin\"\r\n" +
	"Content-Transfer-Encoding: base64\r\n" +
	"\r\n" +
	"AAECAwQ=\r\n" +
	"--AA\r\n" +
	"Content-Type: message/rfc822\r\n" +
	"\r\n" +
	"Subject: inner\r\n" +
	"From: i@example.org\r\n" +
	"Content-Type: multipart/alternative; boundary=BB\r\n" +
	"\r\n" +
	"--BB\r\n" +
	"\r\n" +
	"text\r\n" +
	"--BB\r\n" +
	"Content-Type: text/html\r\n" +
	"\r\n" +
	"<b>html</b>\r\n" +
	"--BB--\r\n" +
	"--AA--\r\n"

// goFetch appends a message and fetches all of it but its sections.
func goFetch(t *testing.T, c *imapclient.Client) {
	sel := goMailbox(t, c, "goimap fetch")
	goEqual(t, "messages", sel.NumMessages, 0)
	goEqual(t, "UIDNEXT", sel.UIDNext, 1)
	if sel.HighestModSeq == 0 || !slices.Contains(sel.PermanentFlags, imap.FlagWildcard) {
		t.Errorf("SELECT: %+v", sel)
	}
	date := time.Date(2026, 11, 17, 9, 11, 30, 0, time.UTC)
	added := goAppend(t, c, "goimap fetch", goMessage, &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen, imap.FlagForwarded, "custom"}, Time: date})
	goEqual(t, "APPENDUID", *added, imap.AppendData{UID: 1, UIDValidity: sel.UIDValidity})
	goEqual(t, "messages", c.Mailbox().NumMessages, 1)

	all := &imap.FetchOptions{UID: true, Flags: true, Envelope: true, InternalDate: true, RFC822Size: true, ModSeq: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}
	for _, set := range []imap.NumSet{imap.SeqSetNum(1), imap.UIDSetNum(1), imap.SeqSet{{Start: 1}}, imap.UIDSet{{Start: 1}}} {
		l := goAll(t, "FETCH", c.Fetch(set, all))
		if len(l) != 1 {
			t.Fatalf("%v: %d messages", set, len(l))
		}
		m := l[0]
		if m.SeqNum != 1 || m.UID != 1 || m.RFC822Size != int64(len(goMessage)) || !m.InternalDate.Equal(date) || m.ModSeq == 0 {
			t.Errorf("%v: %+v", set, m)
		}
		flags := slices.DeleteFunc(m.Flags, func(f imap.Flag) bool { return f == `\Recent` })
		slices.Sort(flags)
		goEqual(t, "flags", flags, []imap.Flag{"$Forwarded", `\Seen`, "custom"})
		goEnvelope(t, m.Envelope)
		goStructure(t, m.BodyStructure)
	}
	l := goAll(t, "FETCH", c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodyStructure: &imap.FetchItemBodyStructure{}}))
	goEqual(t, "BODY", l[0].BodyStructure.MediaType(), "multipart/mixed")
	if l := goAll(t, "FETCH", c.Fetch(imap.UIDSet{{Start: 2, Stop: 100}}, all)); len(l) != 0 {
		t.Errorf("FETCH of no messages: %v", l)
	}
	if l := goAll(t, "FETCH", c.Fetch(imap.UIDSet{{Start: 1}}, &imap.FetchOptions{Flags: true, ChangedSince: 1 << 40})); len(l) != 0 {
		t.Errorf("FETCH CHANGEDSINCE: %v", l)
	}
}

func goEnvelope(t *testing.T, e *imap.Envelope) {
	t.Helper()
	if want := time.Date(2026, 11, 17, 9, 11, 12, 0, time.UTC); !e.Date.Equal(want) {
		t.Errorf("date %v", e.Date)
	}
	joerg := []imap.Address{{Name: "Jörg", Mailbox: "joerg", Host: "example.org"}}
	goEqual(t, "subject", e.Subject, "Grüße")
	goEqual(t, "from", e.From, joerg)
	goEqual(t, "sender", e.Sender, joerg)
	goEqual(t, "reply-to", e.ReplyTo, joerg)
	goEqual(t, "to", e.To, []imap.Address{{Mailbox: "friends"}, {Mailbox: "a", Host: "example.org"}, {Name: "B, C", Mailbox: "b", Host: "example.org"}, {}, {Mailbox: "c", Host: "example.org"}})
	goEqual(t, "cc", e.Cc, []imap.Address{{Mailbox: "nobody"}, {}})
	goEqual(t, "bcc", e.Bcc, nil)
	goEqual(t, "message-id", e.MessageID, "1@example.org")
	goEqual(t, "in-reply-to", e.InReplyTo, []string{"0@example.org"})
}

func goStructure(t *testing.T, bs imap.BodyStructure) {
	t.Helper()
	var parts []string
	bs.Walk(func(path []int, part imap.BodyStructure) bool {
		parts = append(parts, fmt.Sprintf("%v %s", path, part.MediaType()))
		return true
	})
	goEqual(t, "parts", parts, []string{"[] multipart/mixed", "[1] text/plain", "[2] application/octet-stream", "[3] message/rfc822"})
	multi := bs.(*imap.BodyStructureMultiPart)
	goEqual(t, "boundary", multi.Extended.Params["boundary"], "AA")
	text := multi.Children[0].(*imap.BodyStructureSinglePart)
	goEqual(t, "text", fmt.Sprintf("%v %s %d %d", text.Params, text.Encoding, text.Size, text.Text.NumLines), "map[charset:utf-8] QUOTED-PRINTABLE 24 1")
	file := multi.Children[1].(*imap.BodyStructureSinglePart)
	goEqual(t, "file", fmt.Sprintf("%s %s %s %d", file.Filename(), file.Disposition().Value, file.Encoding, file.Size), "a b.bin attachment BASE64 8")
	msg := multi.Children[2].(*imap.BodyStructureSinglePart).MessageRFC822
	goEqual(t, "message", fmt.Sprintf("%s %s %d", msg.Envelope.Subject, msg.BodyStructure.MediaType(), msg.NumLines), "inner multipart/alternative 11")
}

// goParts fetches sections, as they stand and decoded.
func goParts(t *testing.T, c *imapclient.Client) {
	goMailbox(t, c, "goimap parts", goMessage)
	_, body, _ := strings.Cut(goMessage, "\r\n\r\n")
	header := strings.TrimSuffix(goMessage, body)
	sections := map[*imap.FetchItemBodySection]string{
		{}:                                    goMessage,
		{Specifier: imap.PartSpecifierHeader}: header,
		{Specifier: imap.PartSpecifierText}:   body,
		{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"message-id", "None"}}:                                                                    "Message-ID: <1@example.org>\r\n\r\n",
		{Specifier: imap.PartSpecifierHeader, HeaderFieldsNot: []string{"Date", "From", "To", "Cc", "Subject", "In-Reply-To", "MIME-Version", "Content-Type"}}: "Message-ID: <1@example.org>\r\n\r\n",
		{Part: []int{1}}: "Gr=C3=BC=C3=9Fe =\r\nagain",
		{Part: []int{2}, Specifier: imap.PartSpecifierMIME}:                                      "Content-Type: application/octet-stream; name=\"a b.bin\"\r\nContent-Disposition: attachment; filename=\"a b.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		{Part: []int{3}, Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject"}}: "Subject: inner\r\n\r\n",
		{Part: []int{3, 2}}: "<b>html</b>",
		{Part: []int{9}}:    "",
		{Partial: &imap.SectionPartial{Offset: 6, Size: 5}}:      goMessage[6:11],
		{Partial: &imap.SectionPartial{Offset: 100000, Size: 5}}: "",
	}
	for section, want := range sections {
		for _, peek := range []bool{true, false} {
			section.Peek = peek
			l := goAll(t, "FETCH", c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}))
			if len(l) != 1 || string(l[0].FindBodySection(section)) != want {
				t.Errorf("%+v: got %+v, want %q", section, l, want)
			}
		}
	}
	// Ranges of decoded sections are left out: this client does not read the origin in the response.
	text, file, none, inner := &imap.FetchItemBinarySection{Part: []int{1}}, &imap.FetchItemBinarySection{Part: []int{2}}, &imap.FetchItemBinarySection{Part: []int{4}}, &imap.FetchItemBinarySection{Part: []int{3, 1}, Peek: true}
	l := goAll(t, "FETCH", c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{
		BinarySection:     []*imap.FetchItemBinarySection{text, file, none, inner},
		BinarySectionSize: []*imap.FetchItemBinarySectionSize{{Part: []int{1}}, {Part: []int{2}}},
	}))
	if len(l) != 1 {
		t.Fatalf("%d messages", len(l))
	}
	for section, want := range map[*imap.FetchItemBinarySection]string{text: "Grüße again", file: "\x00\x01\x02\x03\x04", none: "", inner: "text"} {
		if got := l[0].FindBinarySection(section); string(got) != want {
			t.Errorf("BINARY%v: got %q, want %q", section.Part, got, want)
		}
	}
	for part, want := range []uint32{13, 5} {
		if got, ok := l[0].FindBinarySectionSize([]int{part + 1}); !ok || got != want {
			t.Errorf("BINARY.SIZE[%d]: got %d, want %d", part+1, got, want)
		}
	}
	strange := "Content-Transfer-Encoding: x-strange\r\n\r\nbody\r\n"
	goAppend(t, c, "goimap parts", strange, nil)
	_, err := c.Fetch(imap.SeqSetNum(2), &imap.FetchOptions{BinarySection: []*imap.FetchItemBinarySection{text}}).Collect()
	goRefused(t, "BINARY", err, imap.ResponseCodeUnknownCTE)
	whole := &imap.FetchItemBodySection{}
	big := strings.Repeat("0123456789abcdef\r\n", 1<<17)
	goAppend(t, c, "goimap parts", "\r\n"+big, nil)
	l = goAll(t, "FETCH", c.Fetch(imap.SeqSet{{Start: 2, Stop: 3}}, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}}))
	if len(l) != 2 || string(l[0].FindBodySection(whole)) != strange || !bytes.Equal(l[1].FindBodySection(whole), []byte("\r\n"+big)) {
		t.Errorf("large message differs")
	}
}

// goSearch searches with and without RETURN.
func goSearch(t *testing.T, c *imapclient.Client) {
	date := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	goMailbox(t, c, "goimap search")
	for i := 1; i <= 6; i++ {
		msg := fmt.Sprintf("Date: Thu, %d Jan 2026 12:00:00 +0000\r\nFrom: from%d@example.org\r\nTo: to@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= %d\r\nX-Test: test%d\r\n\r\nbody %d%s\r\n",
			i, i, i, i%2, i, strings.Repeat(" long", 100*(i%3)))
		options := &imap.AppendOptions{Time: date.AddDate(0, 0, i).Add(time.Hour)}
		if i%2 == 0 {
			options.Flags = []imap.Flag{imap.FlagFlagged, "key"}
		}
		goAppend(t, c, "goimap search", msg, options)
	}
	on := func(day int) time.Time { return date.AddDate(0, 0, day) }
	header := func(key, value string) []imap.SearchCriteriaHeaderField {
		return []imap.SearchCriteriaHeaderField{{Key: key, Value: value}}
	}
	for _, tc := range []struct {
		name     string
		criteria imap.SearchCriteria
		want     []uint32
	}{
		{"all", imap.SearchCriteria{}, []uint32{1, 2, 3, 4, 5, 6}},
		{"numbers", imap.SearchCriteria{SeqNum: []imap.SeqSet{imap.SeqSetNum(2, 4, 5)}, UID: []imap.UIDSet{{{Start: 4}}}}, []uint32{4, 5}},
		{"dates", imap.SearchCriteria{Since: on(2), Before: on(4)}, []uint32{2, 3}},
		{"a date", imap.SearchCriteria{Since: on(2), Before: on(3)}, []uint32{2}},
		{"sent dates", imap.SearchCriteria{SentSince: on(1), SentBefore: on(3)}, []uint32{3, 4}},
		{"headers", imap.SearchCriteria{Header: append(header("From", "FROM3"), header("X-Test", "test1")...)}, []uint32{3}},
		{"a header that is there", imap.SearchCriteria{Header: header("X-Test", "")}, []uint32{1, 2, 3, 4, 5, 6}},
		{"encoded header", imap.SearchCriteria{Header: header("Subject", "grüße 5")}, []uint32{5}},
		{"body and text", imap.SearchCriteria{Body: []string{"body"}, Text: []string{"from6"}}, []uint32{6}},
		{"flags", imap.SearchCriteria{Flag: []imap.Flag{imap.FlagFlagged, "key"}, NotFlag: []imap.Flag{imap.FlagSeen}}, []uint32{2, 4, 6}},
		{"sizes", imap.SearchCriteria{Larger: 500, Smaller: 1000}, []uint32{1, 4}},
		{"not", imap.SearchCriteria{Not: []imap.SearchCriteria{{Flag: []imap.Flag{"key"}}}}, []uint32{1, 3, 5}},
		{"or", imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{{Header: header("From", "from1")}, {Text: []string{"body 6"}}}}}, []uint32{1, 6}},
		{"modseq", imap.SearchCriteria{ModSeq: &imap.SearchCriteriaModSeq{ModSeq: 1}}, []uint32{1, 2, 3, 4, 5, 6}},
		{"none", imap.SearchCriteria{Text: []string{"nowhere"}}, nil},
	} {
		data := goGet(t, "SEARCH "+tc.name, c.Search(&tc.criteria, nil))
		goEqual(t, tc.name, data.AllSeqNums(), tc.want)
		byUID := goGet(t, "UID SEARCH "+tc.name, c.UIDSearch(&tc.criteria, nil))
		goEqual(t, "UIDs of "+tc.name, len(byUID.AllUIDs()), len(tc.want))
		data = goGet(t, "SEARCH RETURN "+tc.name, c.Search(&tc.criteria, &imap.SearchOptions{ReturnMin: true, ReturnMax: true, ReturnCount: true, ReturnAll: true}))
		goEqual(t, tc.name+" count", data.Count, uint32(len(tc.want)))
		if len(tc.want) > 0 {
			goEqual(t, tc.name+" all", data.AllSeqNums(), tc.want)
			goEqual(t, tc.name+" min and max", []uint32{data.Min, data.Max}, []uint32{tc.want[0], tc.want[len(tc.want)-1]})
		}
		data = goGet(t, "UID SEARCH RETURN "+tc.name, c.UIDSearch(&tc.criteria, &imap.SearchOptions{ReturnCount: true}))
		goEqual(t, tc.name+" count of UIDs", data.Count, uint32(len(tc.want)))
	}
}

// goFlags changes flags.
func goFlags(t *testing.T, c *imapclient.Client) {
	sel := goMailbox(t, c, "goimap flags", goMessage, goMessage, goMessage)
	store := func(set imap.NumSet, op imap.StoreFlagsOp, silent bool, flags ...imap.Flag) []*imapclient.FetchMessageBuffer {
		t.Helper()
		return goAll(t, "STORE", c.Store(set, &imap.StoreFlags{Op: op, Silent: silent, Flags: flags}, nil))
	}
	flags := func(l []*imapclient.FetchMessageBuffer) (all []string) {
		for _, m := range l {
			flags := slices.DeleteFunc(m.Flags, func(f imap.Flag) bool { return f == `\Recent` })
			slices.Sort(flags)
			all = append(all, fmt.Sprint(m.SeqNum, flags))
		}
		return all
	}
	l := store(imap.SeqSet{{Start: 1, Stop: 2}}, imap.StoreFlagsAdd, false, imap.FlagSeen, imap.FlagFlagged, "$Work")
	goEqual(t, "+FLAGS", flags(l), []string{`1 [$Work \Flagged \Seen]`, `2 [$Work \Flagged \Seen]`})
	l = store(imap.UIDSetNum(2), imap.StoreFlagsDel, false, imap.FlagSeen)
	goEqual(t, "-FLAGS", flags(l), []string{`2 [$Work \Flagged]`})
	l = store(imap.SeqSetNum(3), imap.StoreFlagsSet, false, imap.FlagAnswered, imap.FlagDraft)
	goEqual(t, "FLAGS", flags(l), []string{`3 [\Answered \Draft]`})
	for _, m := range store(imap.UIDSetNum(3), imap.StoreFlagsSet, true, "other") {
		goEqual(t, "flags of a silent STORE", len(m.Flags), 0)
	}
	l = goAll(t, "FETCH", c.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{Flags: true, ModSeq: true}))
	goEqual(t, "flags", flags(l), []string{`1 [$Work \Flagged \Seen]`, `2 [$Work \Flagged]`, `3 [other]`})
	if !(l[2].ModSeq > l[1].ModSeq && l[1].ModSeq > l[0].ModSeq && l[0].ModSeq > sel.HighestModSeq) {
		t.Errorf("mod-sequences %d %d %d after %d", l[0].ModSeq, l[1].ModSeq, l[2].ModSeq, sel.HighestModSeq)
	}
	since := l[0].ModSeq
	l = goAll(t, "FETCH", c.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{UID: true, ChangedSince: since}))
	goEqual(t, "changed messages", len(l), 2)
	// Of those that changed meanwhile nothing is changed.
	goAll(t, "STORE", c.Store(imap.UIDSet{{Start: 1, Stop: 3}}, &imap.StoreFlags{Op: imap.StoreFlagsSet, Flags: []imap.Flag{"new"}}, &imap.StoreOptions{UnchangedSince: since}))
	l = goAll(t, "FETCH", c.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{Flags: true}))
	goEqual(t, "flags", flags(l), []string{`1 [new]`, `2 [$Work \Flagged]`, `3 [other]`})
}

// goCopy copies, moves and expunges.
func goCopy(t *testing.T, c *imapclient.Client) {
	goDo(t, "CREATE", c.Create("goimap target", nil))
	defer func() { goDo(t, "DELETE", c.Delete("goimap target")) }()
	var msgs []string
	for i := range 8 {
		msgs = append(msgs, fmt.Sprintf("Subject: %d\r\n\r\nbody\r\n", i+1))
	}
	goMailbox(t, c, "goimap copy", msgs...)
	validity := goGet(t, "STATUS", c.Status("goimap target", &imap.StatusOptions{UIDValidity: true})).UIDValidity

	copied := goGet(t, "COPY", c.Copy(imap.SeqSetNum(1, 3), "goimap target"))
	goEqual(t, "COPYUID", *copied, imap.CopyData{UIDValidity: validity, SourceUIDs: imap.UIDSetNum(1, 3), DestUIDs: imap.UIDSet{{Start: 1, Stop: 2}}})
	copied = goGet(t, "UID COPY", c.Copy(imap.UIDSetNum(2), "goimap target"))
	goEqual(t, "COPYUID", *copied, imap.CopyData{UIDValidity: validity, SourceUIDs: imap.UIDSetNum(2), DestUIDs: imap.UIDSetNum(3)})
	goRefused(t, "COPY", func() error { _, err := c.Copy(imap.SeqSetNum(1), "nothing").Wait(); return err }(), imap.ResponseCodeTryCreate)

	moved := goGet(t, "MOVE", c.Move(imap.SeqSet{{Start: 4, Stop: 5}}, "goimap target"))
	goEqual(t, "UIDs moved", fmt.Sprint(moved.SourceUIDs, moved.DestUIDs), "4:5 4:5")
	moved = goGet(t, "UID MOVE", c.Move(imap.UIDSetNum(8), "goimap target"))
	goEqual(t, "UIDs moved", fmt.Sprint(moved.SourceUIDs, moved.DestUIDs), "8 6")
	goEqual(t, "messages", c.Mailbox().NumMessages, 5)

	// 1 2 3 6 7 are left.
	goAll(t, "STORE", c.Store(imap.UIDSet{{Start: 2, Stop: 6}}, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil))
	goEqual(t, "UID EXPUNGE", goAll(t, "UID EXPUNGE", c.UIDExpunge(imap.UIDSet{{Start: 3, Stop: 5}})), []uint32{3})
	goEqual(t, "EXPUNGE", goAll(t, "EXPUNGE", c.Expunge()), []uint32{2, 2})
	goEqual(t, "EXPUNGE again", goAll(t, "EXPUNGE", c.Expunge()), nil)
	data := goGet(t, "UID SEARCH", c.UIDSearch(&imap.SearchCriteria{}, nil))
	goEqual(t, "UIDs left", data.AllUIDs(), []imap.UID{1, 7})
	goEqual(t, "messages", c.Mailbox().NumMessages, 2)

	goDo(t, "UNSELECT", c.Unselect())
	goDo(t, "NOOP", c.Noop()) // The client sets its state after Wait has returned, but before it reads on.
	goEqual(t, "state", c.State(), imap.ConnStateAuthenticated)
	sel := goGet(t, "EXAMINE", c.Select("goimap target", &imap.SelectOptions{ReadOnly: true}))
	goEqual(t, "messages", sel.NumMessages, 6)
	err := c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
	if err == nil {
		t.Error("STORE in a mailbox that is read-only")
	}
	goDo(t, "CLOSE", c.UnselectAndExpunge())
	goGet(t, "SELECT", c.Select("goimap copy", nil))
}

// goIdle waits in IDLE for what another connection does.
func goIdle(t *testing.T, s *server, rev2 bool) {
	events := make(chan string, 100)
	handler := &imapclient.UnilateralDataHandler{
		Expunge: func(n uint32) { events <- fmt.Sprintf("expunge %d", n) },
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				events <- fmt.Sprintf("exists %d", *data.NumMessages)
			}
		},
		Fetch: func(msg *imapclient.FetchMessageData) {
			m, err := msg.Collect()
			if err != nil {
				t.Errorf("unsolicited FETCH: %v", err)
			}
			events <- fmt.Sprintf("fetch %d %v", m.SeqNum, slices.Contains(m.Flags, imap.FlagFlagged))
		},
	}
	other := dialGo(t, s, rev2, nil)
	c := dialGo(t, s, rev2, handler)
	goMailbox(t, other, "goimap idle", goMessage)
	goGet(t, "SELECT", c.Select("goimap idle", nil))
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-events:
			goEqual(t, "told", got, want)
		case <-time.After(patience):
			t.Fatalf("not told of %q", want)
		}
	}
	for i := range 2 {
		idle, err := c.Idle()
		if err != nil {
			t.Fatal(err)
		}
		goAppend(t, other, "goimap idle", goMessage, nil)
		expect("exists 2")
		goAll(t, "STORE", other.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsOp(i + 1), Flags: []imap.Flag{imap.FlagFlagged}}, nil))
		expect(fmt.Sprintf("fetch 1 %v", i == 0))
		goAll(t, "STORE", other.Store(imap.SeqSetNum(2), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil))
		expect("fetch 2 false")
		goAll(t, "EXPUNGE", other.Expunge())
		expect("expunge 2")
		if err := idle.Close(); err != nil {
			t.Fatalf("IDLE: %v", err)
		}
		goDo(t, "IDLE", idle)
		goEqual(t, "messages", c.Mailbox().NumMessages, 1)
	}
	// Without IDLE other commands tell.
	goAppend(t, other, "goimap idle", goMessage, nil)
	goDo(t, "NOOP", c.Noop())
	expect("exists 2")
	goDo(t, "LOGOUT", c.Logout())
}
