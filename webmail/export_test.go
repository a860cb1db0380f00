package webmail

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/imap"
	"mox/internal/corpus"
	"mox/mbox"
	"mox/store"
)

func TestExport(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	if _, err := e.acc.CreateMailbox(e.ctx, store.System, "Work/Ä:b", ""); err != nil {
		t.Fatal(err)
	}
	e.deliver("Work", "Subject: one\n\nFrom here\n", func(d *store.Delivery) { d.Received = at })
	e.deliver("Work/Ä:b", "Subject: ../two\n\nbody\r\r\n", func(d *store.Delivery) {
		d.Received, d.Flags, d.Keywords = at, imap.FlagSeen|imap.FlagFlagged, []string{"$Forwarded", "todo"}
	})
	e.deliver("", "Subject: three\n\nbody\n", func(d *store.Delivery) { d.Received = at })
	work := e.mailbox("Work").ID

	get := func(query string) string {
		t.Helper()
		resp, body := e.get("/export?" + query)
		checkContent(t, query, resp, false)
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") {
			t.Fatalf("%s: status %d, %s", query, resp.StatusCode, body)
		}
		return body
	}
	if got := get(fmt.Sprintf("mailbox=%d&format=mbox", work)); !strings.HasPrefix(got, "From MAILER-DAEMON Sun Nov  1 10:00:00 2026") || !strings.Contains(got, "\n>From here\n") {
		t.Errorf("mbox is %q", got)
	}
	zipNames := func(body string) (names []string) {
		z, err := zip.NewReader(bytes.NewReader([]byte(body)), int64(len(body)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			names = append(names, f.Name)
		}
		slices.Sort(names)
		return names
	}
	if got, want := zipNames(get(fmt.Sprintf("mailbox=%d&children=1&format=eml", work))), []string{"Work/2026-11-01 1000 one 1.eml", "Work/Ä_b/2026-11-01 1000 -two 1.eml"}; !slices.Equal(got, want) {
		t.Errorf("messages %q, want %q", got, want)
	}
	if got := zipNames(get("format=mbox")); !slices.Contains(got, "Inbox.mbox") || !slices.Contains(got, "Work/Ä_b.mbox") {
		t.Errorf("mailboxes %q", got)
	}

	z, err := gzip.NewReader(strings.NewReader(get("format=maildir")))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := h.Name
		if i := strings.Index(name, "/cur/"); i >= 0 {
			if _, flags, ok := strings.Cut(name, ":2,"); ok {
				name = name[:i] + " " + flags
			}
		} else if i := strings.Index(name, "/new/1"); i >= 0 {
			name = name[:i] + " new"
		}
		files[name] = string(content)
		if strings.HasPrefix(h.Name, "/") || strings.Contains(h.Name, "..") || !strings.HasPrefix(h.Name, "Maildir") {
			t.Errorf("file %q leads elsewhere", h.Name)
		}
	}
	if files["Maildir new"] != "Subject: three\n\nbody\n" || files["Maildir/.Work new"] != "Subject: one\n\nFrom here\n" || files["Maildir/.Work.&AMQ-:b FPSa"] != "Subject: ../two\n\nbody\r\n" || files["Maildir/.Work.&AMQ-:b/dovecot-keywords"] != "0 todo\n" {
		t.Errorf("files %q", files)
	}

	for _, query := range []string{"mailbox=999&format=mbox", "mailbox=x&format=mbox", "mailbox=-1&format=eml"} {
		if resp, _ := e.get("/export?" + query); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", query, resp.StatusCode)
		}
	}
	if resp, _ := e.get("/export?format=exe"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("unknown format: status %d", resp.StatusCode)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var b bytes.Buffer
	w := mbox.NewWriter(&b)
	real := corpus.Real(t)[:20]
	for _, m := range real {
		if err := w.Message("joe@example.com", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), bytes.NewReader(m.CRLF())); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	inbox := e.mailbox("Inbox").ID
	post := func(query, body string, change ...func(*http.Request)) (int, Imported) {
		t.Helper()
		r := e.request("POST", "/import?"+query, body)
		for _, f := range change {
			f(r)
		}
		resp := e.do(r)
		var i Imported
		if err := json.NewDecoder(resp.Body).Decode(&i); err != nil || (i.Error != nil) != (resp.StatusCode != http.StatusOK) {
			t.Errorf("%s: status %d, %+v, %v", query, resp.StatusCode, i, err)
		}
		return resp.StatusCode, i
	}
	at := fmt.Sprintf("mailbox=%d", inbox)
	if code, i := post(at, b.String()); code != http.StatusOK || i.Messages != int64(len(real)) || i.Error != nil {
		t.Errorf("mbox: %d, %+v", code, i)
	}
	if code, i := post(at, "Subject: single\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n\nbody\n"); code != http.StatusOK || i.Messages != 1 {
		t.Errorf("message: %d, %+v", code, i)
	}
	if n := e.mailbox("Inbox").Counts.Total; n != int64(len(real))+1 {
		t.Errorf("%d messages are in", n)
	}
	if code, i := post(at, " \n"); code != http.StatusBadRequest || i.Error == nil {
		t.Errorf("nothing: %d, %+v", code, i)
	}
	if code, _ := post("mailbox=999", "Subject: x\n\nx\n"); code != http.StatusNotFound {
		t.Errorf("no mailbox: %d", code)
	}
	if code, _ := post(at, "Subject: x\n\nx\n", func(r *http.Request) { r.ContentLength = -1 }); code != http.StatusLengthRequired {
		t.Errorf("no length: %d", code)
	}
	if code, i := post(at, "Subject: x\n\nx\n", func(r *http.Request) { r.ContentLength = 1000 }); code != http.StatusBadRequest || i.Messages != 0 {
		t.Errorf("cut off: %d, %+v", code, i)
	}
	if code, i := post(at, "Subject: x\n\nx\n", func(r *http.Request) { r.ContentLength = maxImportMessage + 1 }); code != http.StatusRequestEntityTooLarge || i.Messages != 0 {
		t.Errorf("too large: %d, %+v", code, i)
	}
	if code, _ := post(at, "Subject: x\n\nx\n", func(r *http.Request) { r.Header.Del("X-Mox-Csrf") }); code != http.StatusForbidden {
		t.Errorf("from elsewhere: %d", code)
	}
}

// All that is exported can be imported again, as it was.
func TestExportImport(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, m := range corpus.Real(t)[:30] {
		e.deliver("", string(m.CRLF()))
	}
	_, file := e.get(fmt.Sprintf("/export?mailbox=%d&format=mbox", e.mailbox("Inbox").ID))
	if _, err := e.acc.CreateMailbox(e.ctx, store.System, "Copy", ""); err != nil {
		t.Fatal(err)
	}
	resp := e.do(e.request("POST", fmt.Sprintf("/import?mailbox=%d", e.mailbox("Copy").ID), file))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
	if a, b := e.mailbox("Inbox").Counts, e.mailbox("Copy").Counts; a.Size != b.Size || a.Total != b.Total {
		t.Errorf("%+v becomes %+v", a, b)
	}
}
