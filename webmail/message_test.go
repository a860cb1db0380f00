package webmail

import (
	"archive/zip"
	"bytes"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"mox/internal/corpus"
	"mox/store"
)

// get returns the response to a GET of a page, with its body.
func (e *env) get(path string) (*http.Response, string) {
	e.t.Helper()
	resp := e.do(e.request("GET", path, ""))
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatalf("%s: %v", path, err)
	}
	return resp, string(body)
}

// checkContent fails the test if a response with content of a message is not safe to be shown: only the frame is HTML.
func checkContent(t testing.TB, path string, resp *http.Response, frame bool) {
	t.Helper()
	h := resp.Header
	mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t.Errorf("%s: type %q", path, h.Get("Content-Type"))
	}
	if (mediaType == "text/html") != (frame && resp.StatusCode == http.StatusOK) || strings.Contains(mediaType, "svg") || strings.Contains(mediaType, "xml") || strings.Contains(mediaType, "script") {
		t.Errorf("%s: served as %s", path, mediaType)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: no nosniff", path)
	}
	if !strings.Contains(h.Get("Cache-Control"), "private") && !strings.Contains(h.Get("Cache-Control"), "no-store") {
		t.Errorf("%s: Cache-Control %q", path, h.Get("Cache-Control"))
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent {
		return
	}
	csp := h.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "allow-scripts") || !strings.Contains(csp, "sandbox") && mediaType != "application/pdf" {
		t.Errorf("%s: policy %q", path, csp)
	}
	if strings.Contains(csp, "script-src 'unsafe") || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Errorf("%s: header %v", path, h)
	}
	if d := h.Get("Content-Disposition"); d != "" {
		_, params, err := mime.ParseMediaType(d)
		if name := params["filename"]; err != nil || strings.ContainsAny(name, "/\\\r\n\x00") || name == "" || name == ".." {
			t.Errorf("%s: disposition %q: %v", path, d, err)
		}
	}
}

// eachPart calls fn for all parts of a tree.
func eachPart(p Part, fn func(Part)) {
	fn(p)
	for _, c := range p.Parts {
		eachPart(c, fn)
	}
}

// All messages of the corpus can be opened, and all that belongs to them is served in a way in which it can do no harm.
func TestCorpus(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, m := range corpus.Messages(t) {
		added := e.deliver("", string(m.CRLF()))
		e.checkEmail(m.Name, added)
	}
}

// checkEmail opens an email with all that is in it.
func (e *env) checkEmail(name string, added store.Added) {
	e.t.Helper()
	base := "/message/" + added.Email.String() + "/"
	e.checkMessage(name, added.Email.String(), "")
	resp, raw := e.get(base + "raw")
	checkContent(e.t, name+" raw", resp, false)
	resp, eml := e.get(base + "eml")
	checkContent(e.t, name+" eml", resp, false)
	if raw != eml || raw == "" {
		e.t.Errorf("%s: raw has %d bytes, eml %d", name, len(raw), len(eml))
	}
	resp, header := e.get(base + "headers")
	checkContent(e.t, name+" headers", resp, false)
	if !strings.HasPrefix(raw, header) {
		e.t.Errorf("%s: headers %q", name, header)
	}
}

// checkMessage opens the message at a path, and those in it.
func (e *env) checkMessage(name, email, path string) {
	t := e.t
	t.Helper()
	msg, err := e.api.Message(e.ctx, email, path, false)
	if err != nil {
		t.Errorf("%s %q: %v", name, path, err)
		return
	}
	if _, err := e.api.Headers(e.ctx, email, path); err != nil {
		t.Errorf("%s %q: header: %v", name, path, err)
	}
	base := "/message/" + email + "/"
	for _, view := range []string{"html", "text", "html?view=text&theme=dark", "html?theme=dark&all=1"} {
		sep := "?"
		if strings.Contains(view, "?") {
			sep = "&"
		}
		resp, body := e.get(base + view + sep + "path=" + path)
		checkContent(t, name+" "+view, resp, true)
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(body, "<!DOCTYPE html><html") || strings.Contains(body, "<script") {
			t.Errorf("%s %s: status %d, %.200s", name, view, resp.StatusCode, body)
		}
	}
	resp, archive := e.get(base + "zip?path=" + path)
	checkContent(t, name+" zip", resp, false)
	if (resp.StatusCode == http.StatusOK) != (len(msg.Attachments) > 0) {
		t.Errorf("%s: archive has status %d, with %d attachments", name, resp.StatusCode, len(msg.Attachments))
	}
	if resp.StatusCode == http.StatusOK {
		z, err := zip.NewReader(bytes.NewReader([]byte(archive)), int64(len(archive)))
		if err != nil || len(z.File) != len(msg.Attachments) {
			t.Errorf("%s: archive with %d attachments: %v", name, len(msg.Attachments), err)
		}
	}
	eachPart(msg.Tree, func(p Part) {
		if p.Path == "" || p.Path == path {
			return
		}
		for _, query := range []string{"", "?inline=1"} {
			resp, body := e.get(base + "part/" + p.Path + query)
			checkContent(t, name+" part "+p.Path+query, resp, false)
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s: part %s: status %d, %s", name, p.Path, resp.StatusCode, body)
			}
			if inline := strings.HasPrefix(resp.Header.Get("Content-Disposition"), "inline"); inline != (query != "" && p.View != ViewNone && p.View != ViewMessage) {
				t.Errorf("%s: part %s, %s, is inline: %v", name, p.Path, p.Type, inline)
			}
		}
		if p.View == ViewMessage && strings.Count(p.Path, ".") == strings.Count(path, ".")+min(len(path), 1) {
			e.checkMessage(name, email, p.Path)
		}
	})
}

// A message is opened by many requests at once: the page's, its frame's, those of images.
func TestOpenedAtOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var emails []string
	for _, m := range corpus.Real(t)[:6] {
		emails = append(emails, e.deliver("", string(m.CRLF())).Email.String())
	}
	var wg sync.WaitGroup
	for range 4 {
		for _, email := range emails {
			wg.Go(func() {
				if _, err := e.api.Message(e.ctx, email, "", true); err != nil {
					t.Errorf("%s: %v", email, err)
				}
			})
			for _, path := range []string{"html", "text?theme=dark", "part/1", "raw", "html?all=1"} {
				wg.Go(func() {
					if resp, _ := e.get("/message/" + email + "/" + path); resp.StatusCode != http.StatusOK {
						t.Errorf("%s: status %d", path, resp.StatusCode)
					}
				})
			}
		}
	}
	wg.Wait()
}

// Keywords of programs are no labels, whoever wrote them.
func TestLabels(t *testing.T) {
	t.Parallel()
	got := labelsOf([]string{"Work", "$Forwarded", "$label1", "$Label", "NonJunk", "NOTJUNK", "Junk", "JunkRecorded", "$NotJunk", "receipt-handled", "junk-mail"})
	if want := []string{"Work", "$label1", "junk-mail"}; !slices.Equal(got, want) {
		t.Errorf("labels %q, expected %q", got, want)
	}
}
