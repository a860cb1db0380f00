package webmail

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mox/store"
)

// spooled returns how many files the webmail keeps.
func (e *env) spooled() int {
	e.t.Helper()
	l, err := os.ReadDir(e.server.opts.SpoolDir)
	if err != nil {
		e.t.Fatal(err)
	}
	return len(l)
}

func TestUploadNamesAndTypes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, c := range []struct{ name, media, wantName, wantType string }{
		{"a.txt", "text/plain", "a.txt", "text/plain"},
		{"../../etc/passwd", "text/plain; charset=utf-8", "passwd", "text/plain"},
		{`C:\x\y.doc`, "", "y.doc", "application/octet-stream"},
		{"", "image/png", "file", "image/png"},
		{"x\r\nContent-Type: text/html", "TEXT/HTML", "html", "text/html"},
		{"日本\u202egnp.exe", "a/b/c", "日本gnp.exe", "application/octet-stream"},
		{"m.eml", "message/rfc822", "m.eml", "application/octet-stream"},
		{"m", "multipart/mixed; boundary=x", "m", "application/octet-stream"},
	} {
		at := e.upload(c.name, c.media, "x", false)
		if at.Name != c.wantName || at.Type != c.wantType || at.Size != 1 || at.Inline || at.ContentID != "" || !strings.HasPrefix(at.Address, "upload/") {
			t.Errorf("%q %q: %+v", c.name, c.media, at)
		}
	}
}

func TestUploadedIsServed(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	image, page := e.upload("dot.png", "image/png", onePixel, true), e.upload("x.html", "text/html", "<script>alert(1)</script>", false)
	e.isImage(image.Address)
	w := e.do(e.request("GET", "/"+page.Address, ""))
	if h := w.Header; w.StatusCode != http.StatusOK || h.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") ||
		h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%s, %v", w.Status, h)
	}
	for _, path := range []string{"upload/", "upload/x", "upload/../upload", page.Address + "/"} {
		if w := e.do(e.request("GET", "/"+path, "")); w.StatusCode == http.StatusOK {
			t.Errorf("%s: %s", path, w.Status)
		}
	}
	_, e.session, e.cookie = e.logIn("bob")
	if w := e.do(e.request("GET", "/"+page.Address, "")); w.StatusCode != http.StatusNotFound {
		t.Errorf("another account's: %s", w.Status)
	}
	r := e.request("POST", "/upload?name=x", "x")
	r.Header.Del("X-Mox-Csrf")
	if w := e.do(r); w.StatusCode == http.StatusOK {
		t.Errorf("without a token: %s", w.Status)
	}
}

// broken fails after some bytes.
type broken struct{ n int }

func (b *broken) Read(p []byte) (int, error) {
	if b.n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := min(b.n, len(p))
	b.n -= n
	return n, nil
}

func TestUploadRefuses(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	max := maxMessageSize(e.server.opts.Config())
	for _, c := range []struct {
		name   string
		length int64
		body   io.Reader
		code   string
	}{
		{"announced too large", max + 1, strings.NewReader("x"), codeLimit},
		{"too large", -1, io.LimitReader(zeros{}, max+1), codeLimit},
		{"broken off", -1, &broken{100_000}, ""},
	} {
		r := e.request("POST", "/upload?name=x", "")
		r.Body, r.ContentLength = io.NopCloser(c.body), c.length
		w := e.do(r)
		var answer struct {
			Error struct{ Code, Message string }
		}
		if err := json.NewDecoder(w.Body).Decode(&answer); err != nil || w.StatusCode < 400 || answer.Error.Code == "" || c.code != "" && answer.Error.Code != c.code {
			t.Errorf("%s: %s, %+v, %v", c.name, w.Status, answer, err)
		}
		if e.spooled() != 0 {
			t.Errorf("%s: %d files are left", c.name, e.spooled())
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestUploadsExpire(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	u := newUploads(t.TempDir(), func() time.Time { return time.Now().Add(time.Duration(later.Load())) })
	add := func(account store.AccountID, size int) (string, error) {
		id, _, err := u.add(account, "x", "text/plain", "", strings.NewReader(strings.Repeat("x", size)), int64(size), 100)
		return id, err
	}
	first, err := add(1, 10)
	if err != nil || u.get(1, first) == nil || u.get(2, first) != nil || u.get(1, "") != nil {
		t.Fatalf("%v", err)
	}
	later.Store(int64(uploadAge + time.Second))
	if u.get(1, first) != nil {
		t.Error("it is there after its time")
	}
	if _, err := add(2, 10); err != nil {
		t.Error(err)
	}
	if l, err := os.ReadDir(u.dir); err != nil || len(l) != 1 {
		t.Errorf("files %v, %v", l, err)
	}
	// An account cannot fill the disk, and does not keep others from it.
	for range uploadTimes {
		if _, err := add(1, 100); err != nil {
			t.Error(err)
		}
	}
	_, err = add(1, 1)
	wantCode(t, err, codeLimit)
	_, err = add(3, 101)
	wantCode(t, err, codeLimit)
	for range maxUploads {
		if _, err := add(4, 0); err != nil {
			t.Fatal(err)
		}
	}
	_, err = add(4, 0)
	wantCode(t, err, codeLimit)
	if _, err := add(3, 100); err != nil {
		t.Error(err)
	}
	if err := u.close(); err != nil {
		t.Error(err)
	}
	if l, err := os.ReadDir(u.dir); err != nil || len(l) != 0 {
		t.Errorf("files %v, %v", l, err)
	}
}
