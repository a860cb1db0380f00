package webmail

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// mixed returns a message with parts, each with its header.
func mixed(kind string, parts ...string) string {
	var b strings.Builder
	b.WriteString("From: joe@example.com\nTo: ann@example.org\nSubject: parts\nMessage-ID: <parts@example.com>\nMIME-Version: 1.0\nContent-Type: multipart/" + kind + "; boundary=xxx\n\n")
	for _, p := range parts {
		b.WriteString("--xxx\n" + p + "\n")
	}
	b.WriteString("--xxx--\n")
	return b.String()
}

// file returns a part with a file.
func file(mediaType, name, content string) string {
	return fmt.Sprintf("Content-Type: %s\nContent-Disposition: attachment; filename=\"%s\"\nContent-Transfer-Encoding: base64\n\n%s\n", mediaType, name, base64.StdEncoding.EncodeToString([]byte(content)))
}

func TestPart(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", mixed("mixed",
		"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\ncaf=E9\n",
		file("image/png", "a.png", "\x89PNG"),
		file("text/html", "page.html", "<script>alert(1)</script>"),
		file("image/svg+xml", "a.svg", "<svg onload=alert(1)>"),
		file("application/octet-stream", "photo.JPG", "jpeg"),
		file("application/pdf", "a.pdf", "%PDF"),
		file("text/html\r\n", "x.txt", "<b>"),
		file("video/mp4", "v.mp4", "0123456789"),
		file("application/xhtml+xml", "x.bin", "<html/>"),
		"Content-Type: message/rfc822\n\nSubject: inner\nContent-Type: text/html\n\n<p>inner</p>\n",
	))
	base := "/message/" + added.Email.String() + "/part/"
	for _, test := range []struct {
		path, mediaType, kind, body string
	}{
		{"1", "application/octet-stream", "attachment", "caf\xe9"},
		{"1?inline=1", "text/plain; charset=utf-8", "inline", "café"},
		{"2", "image/png", "attachment", "\x89PNG"},
		{"2?inline=1", "image/png", "inline", "\x89PNG"},
		{"3", "application/octet-stream", "attachment", "<script>alert(1)</script>"},
		{"3?inline=1", "text/plain; charset=utf-8", "inline", "<script>alert(1)</script>"},
		{"4?inline=1", "application/octet-stream", "attachment", "<svg onload=alert(1)>"},
		{"5", "application/octet-stream", "attachment", "jpeg"},
		{"5?inline=1", "image/jpeg", "inline", "jpeg"},
		{"6?inline=1", "application/pdf", "inline", "%PDF"},
		{"8?inline=1", "video/mp4", "inline", "0123456789"},
		{"9?inline=1", "application/octet-stream", "attachment", "<html/>"},
		{"10?inline=1", "application/octet-stream", "attachment", "Subject: inner"},
		{"10.1?inline=1", "text/plain; charset=utf-8", "inline", "<p>inner</p>"},
	} {
		resp, body := e.get(base + test.path)
		checkContent(t, test.path, resp, false)
		kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != test.mediaType || kind != test.kind || !strings.HasPrefix(body, test.body) {
			t.Errorf("%s: %d %s %s %q", test.path, resp.StatusCode, resp.Header.Get("Content-Type"), kind, body)
		}
	}
	for _, path := range []string{"0", "12", "1.1", "1.2", "-1", "01", "+1", "", "1.", ".1", "10.2", "10.1.1", "99999999999999999999", "1..1", "a", "%2e%2e", "1%2f..", "1/2", strings.Repeat("1.", 5000) + "1"} {
		if resp, _ := e.get(base + path); resp.StatusCode == http.StatusOK {
			t.Errorf("part %.50q is there", path)
		}
	}
	// Of a movie browsers want pieces.
	r := e.request("GET", base+"8?inline=1", "")
	r.Header.Set("Range", "bytes=3-5")
	resp := e.do(r)
	checkContent(t, "range", resp, false)
	buf := make([]byte, 20)
	n, _ := resp.Body.Read(buf)
	if resp.StatusCode != http.StatusPartialContent || string(buf[:n]) != "345" || resp.Header.Get("Content-Range") != "bytes 3-5/10" {
		t.Errorf("range: %d, %q, %v", resp.StatusCode, buf[:n], resp.Header)
	}
	r = e.request("GET", base+"8?inline=1", "")
	r.Header.Set("If-None-Match", resp.Header.Get("ETag"))
	if resp := e.do(r); resp.StatusCode != http.StatusNotModified {
		t.Errorf("unchanged: status %d", resp.StatusCode)
	}
}

// Mail of others cannot be read.
func TestOthersMail(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", simple("joe@example.com", "secret", "x"))
	ctx, session, cookie := e.logIn("bob")
	for _, path := range []string{"html", "text", "part/1", "raw", "eml", "headers", "zip"} {
		r := e.request("GET", "/message/"+added.Email.String()+"/"+path, "")
		r.Header.Del("Cookie")
		if resp := e.do(r); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without session: status %d", path, resp.StatusCode)
		}
		r.AddCookie(cookie)
		r.Header.Set("X-Mox-Csrf", session.CSRF())
		if resp := e.do(r); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s by another account: status %d", path, resp.StatusCode)
		}
	}
	_, err := e.api.Message(ctx, added.Email.String(), "", false)
	wantCode(t, err, codeNotFound)
}

func TestFileName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, want string }{
		{"report.pdf", "report.pdf"},
		{"Übersicht 2026.pdf", "Übersicht 2026.pdf"},
		{"../../etc/passwd", "passwd"},
		{`C:\Windows\system32\x.dll`, "x.dll"},
		{"..", ""},
		{".", ""},
		{"", ""},
		{".bashrc", "bashrc"},
		{"a\r\nSet-Cookie: x=1.txt", "aSet-Cookie_ x=1.txt"},
		{"a\x00b.txt", "ab.txt"},
		{"invoice\u202efdp.exe", "invoicefdp.exe"},
		{"CON", "_CON"},
		{"con.txt", "_con.txt"},
		{"LPT1", "_LPT1"},
		{"COM", "COM"},
		{"name. . ", "name"},
		{"a  \t b.txt", "a b.txt"},
		{"x:stream.txt", "x_stream.txt"},
		{"\xff\xfe.txt", "txt"},
		{strings.Repeat("é", 300) + ".docx", strings.Repeat("é", (maxFileName-5)/2) + ".docx"},
		{strings.Repeat("a", 300), strings.Repeat("a", maxFileName)},
	} {
		if got := fileName(test.name); got != test.want {
			t.Errorf("%q: %q, want %q", test.name, got, test.want)
		}
	}
}

func FuzzFileName(f *testing.F) {
	for _, s := range []string{"a.txt", "../x", "a\r\nb: c", "\u202e", "CON", "a\"b\\c%41.txt", strings.Repeat("x.", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := fileName(s)
		if fileName(name) != name {
			t.Errorf("%q becomes %q, then %q", s, name, fileName(name))
		}
		if name == "" {
			return
		}
		if name == "." || name == ".." || name[0] == '.' || strings.ContainsAny(name, "/\\\x00\r\n:*?<>|\"") || !utf8.ValidString(name) || len(name) > maxFileName+1 {
			t.Errorf("%q becomes %q", s, name)
		}
		v := contentDisposition("attachment", name)
		kind, params, err := mime.ParseMediaType(v)
		if err != nil || kind != "attachment" || params["filename"] == "" || strings.ContainsAny(v, "\r\n") {
			t.Errorf("%q: %q: %v", name, v, err)
		} else if params["filename"] != name {
			t.Errorf("%q comes back as %q from %q", name, params["filename"], v)
		}
	})
}

// FuzzPath looks whether whatever is asked for below message/ leads to a part that exists, once.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"1", "1.2.3", "0", "01", "..", "1.", "4294967297", "1.-1", strings.Repeat("1.", 200) + "1", "１"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, ok := parsePath(s)
		if !ok {
			return
		}
		path := ""
		for _, n := range l {
			path = below(path, n)
		}
		if path != s || len(l) > maxPath || slices.Min(l) < 1 {
			t.Errorf("%q is read as %v", s, l)
		}
	})
}

func FuzzMessageAddress(f *testing.F) {
	e := newEnv(f)
	added := e.deliver("", mixed("mixed", "Content-Type: text/plain\n\nx\n", "Content-Type: message/rfc822\n\nSubject: inner\n\nx\n"))
	for _, s := range []string{"html", "text?path=2", "part/1", "part/2.1?inline=1", "raw", "zip", "headers?path=2", "part/../raw", "part//1", "html?path=..", "eml?path=1", "part/1%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		path, query, _ := strings.Cut(s, "?")
		r := httptest.NewRequest("GET", "/", nil).WithContext(e.ctx)
		r.URL.Path, r.URL.RawQuery = "/message/"+added.Email.String()+"/"+path, query
		w := httptest.NewRecorder()
		e.server.serveMessage(w, r)
		resp := w.Result()
		checkContent(t, s, resp, strings.HasPrefix(path, "html") || strings.HasPrefix(path, "text"))
		if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound {
			t.Errorf("%q: status %d", s, resp.StatusCode)
		}
	})
}

func TestZip(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", mixed("mixed",
		"Content-Type: text/plain\n\nhello\n",
		file("application/octet-stream", "../../evil.sh", "1"),
		file("application/octet-stream", "a.txt", "2"),
		file("application/octet-stream", "A.TXT", "3"),
		file("application/octet-stream", "a (2).txt", "4"),
		file("application/octet-stream", "", "5"),
	))
	resp, body := e.get("/message/" + added.Email.String() + "/zip")
	checkContent(t, "zip", resp, false)
	z, err := zip.NewReader(bytes.NewReader([]byte(body)), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range z.File {
		got = append(got, f.Name)
	}
	if want := []string{"evil.sh", "a.txt", "A (2).TXT", "a (2) (2).txt", "part-6.bin"}; !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
}

// Many files of one name take no longer than others.
func TestNames(t *testing.T) {
	t.Parallel()
	n := names{}
	seen := map[string]bool{}
	for range 20000 {
		name := strings.ToLower(n.add("x.txt"))
		if seen[name] {
			t.Fatalf("%s twice", name)
		}
		seen[name] = true
	}
}
