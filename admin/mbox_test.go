package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"mox/imap"
	"mox/internal/corpus"
	"mox/mbox"
	"mox/store"
)

// newAccount returns an account in a store that is checked at the end of the test.
func newAccount(t *testing.T, quota int64) *store.Account {
	t.Helper()
	s, err := store.New(store.Options{Dir: t.TempDir(), Quota: func(string) int64 { return quota }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	a, err := s.Open(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if err := s.Verify(ctx, "ann", true, func(p store.Problem) { t.Errorf("account: %s", p.What) }); err != nil {
			t.Error(err)
		}
		a.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// mboxFile returns a file with messages.
func mboxFile(t *testing.T, messages ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := mbox.NewWriter(&b)
	for i, m := range messages {
		if err := w.Message("ann@example.org", time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC), bytes.NewReader(m)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func export(t *testing.T, ex *MboxExport) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := ex.Run(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// numbered returns n small messages.
func numbered(n int) [][]byte {
	var l [][]byte
	for i := range n {
		l = append(l, fmt.Appendf(nil, "Return-Path: <ann@example.org>\r\nSubject: %d\r\n\r\nFrom %d\r\n", i, i))
	}
	return l
}

// Real and broken messages come back byte for byte.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	a := newAccount(t, 0)
	var messages [][]byte
	for _, m := range corpus.Messages(t) {
		// A file has whole lines, and no bare CR before the end of one.
		data := bytes.ReplaceAll(m.CRLF(), []byte("\r\r\n"), []byte("\r\n"))
		if !bytes.HasSuffix(data, []byte("\r\n")) {
			data = append(data, "\r\n"...)
		}
		messages = append(messages, data)
	}
	file := mboxFile(t, messages...)
	im := MboxImport{Account: a, Mailbox: "Old/mail"}
	p, err := im.Run(t.Context(), bytes.NewReader(file))
	if err != nil || p.Messages != int64(len(messages)) || p.Offset != int64(len(file)) {
		t.Fatalf("imported %+v, %v; want %d messages, %d bytes", p, err, len(messages), len(file))
	}

	got := mbox.NewReader(bytes.NewReader(export(t, &MboxExport{Account: a, Mailbox: "Old/mail"})), 0)
	for i, want := range messages {
		var b bytes.Buffer
		sep, err := got.Next(&b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("message %d is %q, want %q", i, b.Bytes(), want)
		}
		if want := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC); !sep.Time.Equal(want) {
			t.Errorf("message %d was received at %v, want %v", i, sep.Time, want)
		}
	}
	if _, err := got.Next(io.Discard); !errors.Is(err, io.EOF) {
		t.Errorf("after the last message: %v", err)
	}
}

// An import that was cut off goes on where it stopped: no message is lost, none is
// there twice.
func TestImportResumes(t *testing.T) {
	t.Parallel()
	a := newAccount(t, 0)
	file := mboxFile(t, numbered(3*importBatchMessages+17)...)
	broken := errors.New("cable pulled")
	runs := 0
	for cut := len(file) / 4; ; cut += len(file) / 5 {
		im := MboxImport{Account: a, Mailbox: "Archive", Source: "file"}
		offset, err := im.Resume(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		im.Offset = offset
		var told ImportProgress
		im.Progress = func(p ImportProgress) { told = p }
		rest := io.Reader(bytes.NewReader(file[offset:]))
		if cut < len(file) {
			rest = io.MultiReader(bytes.NewReader(file[offset:max(int(offset), cut)]), iotest.ErrReader(broken))
		}
		p, err := im.Run(t.Context(), rest)
		runs++
		if p != told && told != (ImportProgress{}) {
			t.Errorf("returned %+v, told %+v", p, told)
		}
		if cut >= len(file) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if !errors.Is(err, broken) {
			t.Fatalf("cut off at %d: %v", cut, err)
		}
	}
	if runs < 4 {
		t.Fatalf("only %d runs", runs)
	}
	if got := export(t, &MboxExport{Account: a, Mailbox: "Archive"}); !bytes.Equal(got, file) {
		t.Errorf("the mailbox has %d bytes as a file, want the %d imported", len(got), len(file))
	}

	// Once more: all is there.
	im := MboxImport{Account: a, Mailbox: "Archive", Source: "file"}
	if offset, err := im.Resume(t.Context()); err != nil || offset != int64(len(file)) {
		t.Errorf("offset %d, %v, want the end of the file", offset, err)
	}
	// Another mailbox, or one made again, starts from the beginning.
	for _, mailbox := range []string{"Other", "Archive"} {
		if mailbox == "Archive" {
			if err := a.DeleteMailbox(t.Context(), store.System, mailbox); err != nil {
				t.Fatal(err)
			}
		}
		im := MboxImport{Account: a, Mailbox: mailbox, Source: "file"}
		if offset, err := im.Resume(t.Context()); err != nil || offset != 0 {
			t.Errorf("%s: offset %d, %v", mailbox, offset, err)
		}
	}
}

func TestImportFails(t *testing.T) {
	t.Parallel()
	full := newAccount(t, 2000)
	big := []byte("Subject: big\r\n\r\n" + strings.Repeat("x", 5000) + "\r\n")
	_, err := (&MboxImport{Account: full, Mailbox: "Inbox"}).Run(t.Context(), bytes.NewReader(mboxFile(t, big)))
	if !errors.Is(err, store.ErrQuota) {
		t.Errorf("import into a full account: %v", err)
	}

	a := newAccount(t, 0)
	_, err = (&MboxImport{Account: a, Mailbox: "Inbox"}).Run(t.Context(), strings.NewReader("Subject: no mbox\n\n"))
	if !errors.Is(err, mbox.ErrFormat) {
		t.Errorf("import of something else: %v", err)
	}
	_, err = (&MboxImport{Account: a, Mailbox: "a//b"}).Run(t.Context(), strings.NewReader(""))
	if !errors.Is(err, store.ErrBadName) {
		t.Errorf("import into a mailbox that cannot be: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = (&MboxImport{Account: a, Mailbox: "Inbox"}).Run(ctx, bytes.NewReader(mboxFile(t, big)))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("import that is cancelled: %v", err)
	}
	if mb, err := a.MailboxByName(t.Context(), store.System, "Inbox"); err != nil || mb.Counts.Total != 0 {
		t.Errorf("failed imports left %d messages, %v", mb.Counts.Total, err)
	}
}

func TestImportFlags(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		header   string
		flags    imap.Flags
		keywords []string
	}{
		{"Subject: x\r\n\r\n", 0, nil},
		{"Status: RO\r\n\r\n", imap.FlagSeen, nil},
		{"Status: O\r\nX-Status: AF\r\n\r\n", imap.FlagAnswered | imap.FlagFlagged, nil},
		{"X-Status: TD\r\nstatus: R\r\n\r\n", imap.FlagDraft | imap.FlagDeleted | imap.FlagSeen, nil},
		{"X-Mozilla-Status: 0005\r\n\r\n", imap.FlagSeen | imap.FlagFlagged, nil},
		{"X-Mozilla-Status: zzzz\r\n\r\n", 0, nil},
		{"X-Keywords: work $Forwarded WORK bad(one \\Seen\r\n\r\n", 0, []string{"work", "$Forwarded"}},
		{"Subject: x\r\n\r\nStatus: R\r\n", 0, nil},
	} {
		flags, keywords := mboxFlags([]byte(tc.header))
		if flags != tc.flags || !slices.Equal(keywords, tc.keywords) {
			t.Errorf("%q: %v %q, want %v %q", tc.header, flags, keywords, tc.flags, tc.keywords)
		}
	}
}

func TestImportDates(t *testing.T) {
	t.Parallel()
	a := newAccount(t, 0)
	file := "From x Thu Aug 22 12:36:23 2002\nDate: Fri, 1 Jan 1999 00:00:00 +0000\n\n\nFrom y\nDate: Fri, 1 Jan 1999 00:00:00 +0000\n\n\nFrom z\nSubject: none\n\n\n"
	before := time.Now().Add(-time.Minute)
	if _, err := (&MboxImport{Account: a, Mailbox: "Inbox"}).Run(t.Context(), strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	mb, err := a.MailboxByName(t.Context(), store.System, "Inbox")
	if err != nil {
		t.Fatal(err)
	}
	sel, err := a.Select(t.Context(), store.System, mb.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	if sel.View().Len() != 3 {
		t.Fatalf("%d messages", sel.View().Len())
	}
	for seq, want := range map[imap.SeqNum]time.Time{1: time.Date(2002, 8, 22, 12, 36, 23, 0, time.UTC), 2: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if got := sel.View().At(seq).ReceivedTime(); !got.Equal(want) {
			t.Errorf("message %d received at %v, want %v", seq, got, want)
		}
	}
	if got := sel.View().At(3).ReceivedTime(); got.Before(before) {
		t.Errorf("message without date received at %v, want now", got)
	}
}

// An export that was cut off goes on after the last message that is complete.
func TestExportResumes(t *testing.T) {
	t.Parallel()
	a := newAccount(t, 0)
	const n = 50
	file := mboxFile(t, numbered(n)...)
	if _, err := (&MboxImport{Account: a, Mailbox: "Archive"}).Run(t.Context(), bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	for _, after := range []int64{1, n / 2, n} {
		var first bytes.Buffer
		var last ExportProgress
		ex := MboxExport{Account: a, Mailbox: "Archive", Progress: func(p ExportProgress) error {
			last = p
			if p.Messages == after {
				return stop
			}
			return nil
		}}
		if _, err := ex.Run(t.Context(), &first); !errors.Is(err, stop) {
			t.Fatal(err)
		}
		if last.Bytes != int64(first.Len()) || last.Total != n {
			t.Errorf("progress %+v after %d bytes of %d messages", last, first.Len(), n)
		}
		rest := export(t, &MboxExport{Account: a, Mailbox: "Archive", UIDValidity: last.UIDValidity, After: last.UID})
		if got := append(first.Bytes(), rest...); !bytes.Equal(got, file) {
			t.Errorf("resumed after %d messages: %d bytes, want %d", after, len(got), len(file))
		}
	}

	ex := MboxExport{Account: a, Mailbox: "Archive", UIDValidity: 1, After: 1}
	if _, err := ex.Run(t.Context(), io.Discard); !errors.Is(err, ErrUIDValidity) {
		t.Errorf("another mailbox: %v", err)
	}
	if _, err := (&MboxExport{Account: a, Mailbox: "None"}).Run(t.Context(), io.Discard); !errors.Is(err, store.ErrNoMailbox) {
		t.Errorf("no mailbox: %v", err)
	}
}

// Messages that go away during an export do not disturb it.
func TestExportWhileExpunging(t *testing.T) {
	t.Parallel()
	a := newAccount(t, 0)
	file := mboxFile(t, numbered(10)...)
	if _, err := (&MboxImport{Account: a, Mailbox: "Archive"}).Run(t.Context(), bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	mb, err := a.MailboxByName(t.Context(), store.System, "Archive")
	if err != nil {
		t.Fatal(err)
	}
	ex := MboxExport{Account: a, Mailbox: "Archive", Progress: func(p ExportProgress) error {
		if p.Messages == 3 {
			_, _, err := a.Expunge(t.Context(), store.System, mb.ID, nil, false)
			return err
		}
		return nil
	}}
	var b bytes.Buffer
	p, err := ex.Run(t.Context(), &b)
	if err != nil || p.Messages < 3 || !bytes.HasPrefix(file, b.Bytes()) {
		t.Errorf("exported %+v, %v", p, err)
	}
}
