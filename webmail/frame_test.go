package webmail

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mox/store"
)

const remoteHTML = "From: joe@example.com\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/html\n\n<html><body><p>hello</p><img src=\"https://img.example/a.png\"></body></html>\n"

// loads tells whether a document of a frame loads images from elsewhere, and fails the test if policy and document differ in
// that.
func loads(t *testing.T, resp *http.Response, body string) bool {
	t.Helper()
	checkContent(t, "frame", resp, true)
	policy := strings.Contains(resp.Header.Get("Content-Security-Policy"), "https:")
	if strings.Contains(body, "https://img.example/a.png") != policy {
		t.Errorf("policy %q for %s", resp.Header.Get("Content-Security-Policy"), body)
	}
	return policy
}

func TestRemoteImages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", remoteHTML)
	other := e.deliver("", remoteHTML)
	forged := e.deliver("", remoteHTML, func(d *store.Delivery) { d.Auth = facts("dmarc=fail", "dmarc.policy=reject") })
	base := "/message/" + added.Email.String() + "/html"
	m, err := e.api.Message(e.ctx, added.Email.String(), "", false)
	if err != nil || m.Remote.Count != 1 || len(m.Remote.Hosts) != 1 || m.Remote.Hosts[0] != "img.example" || m.Remote.Allowed || m.Remote.Token == "" {
		t.Fatalf("%+v, %v", m.Remote, err)
	}
	get := func(path string) bool {
		resp, body := e.get(path)
		return loads(t, resp, body)
	}
	o, _ := e.api.Message(e.ctx, other.Email.String(), "", false)
	for query, want := range map[string]bool{
		"": false, "?remote=1": false, "?remote=" + m.Remote.Token: true, "?remote=" + o.Remote.Token: false, "?remote=none": false, "?view=html&remote=true": false,
	} {
		if got := get(base + query); got != want {
			t.Errorf("%q: loads images: %v", query, got)
		}
	}
	// Another session cannot use it.
	r := e.request("GET", base+"?remote="+m.Remote.Token, "")
	_, _, cookie := e.logIn("ann")
	r.Header.Del("Cookie")
	r.AddCookie(cookie)
	resp := e.do(r)
	if strings.Contains(resp.Header.Get("Content-Security-Policy"), "https:") {
		t.Error("a token of another session loads images")
	}

	if _, err := changeSettings(e.ctx, e.acc, e.session.Actor(), func(st *Settings) { st.RemoteSenders = []string{"JOE@example.com"} }); err != nil {
		t.Fatal(err)
	}
	if !get(base) || get(base+"?remote=none") {
		t.Error("settings that allow a sender are not followed")
	}
	if get("/message/" + forged.Email.String() + "/html") {
		t.Error("a forged message loads images")
	}
	if m, err := e.api.Message(e.ctx, added.Email.String(), "", false); err != nil || !m.Remote.Allowed {
		t.Errorf("%+v, %v", m.Remote, err)
	}
	if _, err := changeSettings(e.ctx, e.acc, e.session.Actor(), func(st *Settings) { st.Remote = "never" }); err != nil {
		t.Fatal(err)
	}
	if get(base) {
		t.Error("images are loaded although they never should")
	}
}

func TestFrame(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	related := "From: joe@example.com\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=r\n\n" +
		"--r\nContent-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/plain\n\nplain words\n--a\nContent-Type: text/html\n\n<p>rich words</p><img src=\"cid:logo@x\"><img src=\"cid:svg@x\"><img src=\"cid:none@x\">\n--a--\n" +
		"--r\nContent-Type: image/png\nContent-ID: <logo@x>\n\nPNG\n--r\nContent-Type: image/svg+xml\nContent-ID: <svg@x>\n\n<svg/>\n--r\nContent-Type: image/png\nContent-ID: <unused@x>\nContent-Disposition: inline; filename=u.png\n\nPNG\n--r--\n"
	added := e.deliver("", related)
	base := "/message/" + added.Email.String() + "/"
	m, err := e.api.Message(e.ctx, added.Email.String(), "", false)
	if err != nil || len(m.Bodies) != 2 || m.Body != BodyHTML {
		t.Fatalf("%v, %v, %v", m.Bodies, m.Body, err)
	}
	var files []string
	for _, f := range m.Attachments {
		files = append(files, f.Path)
	}
	if got := strings.Join(files, " "); got != "3 4" {
		t.Errorf("attachments %q: want those that are not shown", got)
	}
	_, html := e.get(base + "html")
	if !strings.Contains(html, "rich words") || strings.Contains(html, "plain words") || !strings.Contains(html, `src="./part/2?inline=1"`) || strings.Contains(html, "part/3") {
		t.Errorf("html is %s", html)
	}
	_, text := e.get(base + "html?view=text")
	if strings.Contains(text, "rich words") || !strings.Contains(text, "plain words") || !strings.Contains(text, "system-ui") {
		t.Errorf("text is %s", text)
	}
	if _, dark := e.get(base + "text?theme=dark"); !strings.Contains(dark, "color-scheme:dark") {
		t.Errorf("dark text is %s", dark)
	}
	if _, err := changeSettings(e.ctx, e.acc, e.session.Actor(), func(st *Settings) { st.TextSenders = []NameValue{{"joe@example.com", "text"}} }); err != nil {
		t.Fatal(err)
	}
	if m, err := e.api.Message(e.ctx, added.Email.String(), "", false); err != nil || m.Body != BodyText {
		t.Errorf("%v, %v", m.Body, err)
	}
}

// Text that stands around HTML is shown with it, in the order of the message.
func TestFrameOfSeveralParts(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", mixed("mixed", "Content-Type: text/html\n\n<p>first <b>words</b></p>\n", file("application/pdf", "a.pdf", "x"), "Content-Type: text/plain\n\nfooter & <more>\n"))
	_, html := e.get("/message/" + added.Email.String() + "/html")
	i, j := strings.Index(html, "first"), strings.Index(html, "footer &amp; &lt;more&gt;")
	if i < 0 || j < i {
		t.Errorf("html is %s", html)
	}
	_, text := e.get("/message/" + added.Email.String() + "/text")
	i, j = strings.Index(text, "first words"), strings.Index(text, "footer &amp; &lt;more&gt;")
	if i < 0 || j < i {
		t.Errorf("text is %s", text)
	}
}

// A message in a message is opened as one.
func TestMessageWithin(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", mixed("mixed", "Content-Type: text/plain\n\nsee below\n",
		"Content-Type: message/rfc822\n\nFrom: eve@evil.example\nTo: bob@example.org\nSubject: inner\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=i\n\n--i\nContent-Type: text/html\n\n<p>inner words</p>\n--i\n"+file("application/pdf", "in.pdf", "x")+"--i--\n"))
	outer, err := e.api.Message(e.ctx, added.Email.String(), "", false)
	if err != nil || len(outer.Attachments) != 1 || outer.Attachments[0].View != ViewMessage || outer.Attachments[0].Path != "2" || outer.Attachments[0].Name != "inner.eml" {
		t.Fatalf("%+v, %v", outer.Attachments, err)
	}
	m, err := e.api.Message(e.ctx, added.Email.String(), "2", true)
	if err != nil || m.Item.Subject != "inner" || m.From[0].Address != "eve@evil.example" || len(m.Attachments) != 1 || m.Attachments[0].Path != "2.2" || m.Verdict.Summary != "Not checked" || m.Remote.Allowed {
		t.Errorf("%+v, %v", m, err)
	}
	if _, html := e.get("/message/" + added.Email.String() + "/html?path=2"); !strings.Contains(html, "inner words") {
		t.Errorf("html is %s", html)
	}
	if _, raw := e.get("/message/" + added.Email.String() + "/raw?path=2"); !strings.HasPrefix(raw, "From: eve@evil.example\r\n") {
		t.Errorf("source is %q", raw)
	}
	for _, path := range []string{"1", "3", "2.1", "2.2", "x", "2."} {
		_, err := e.api.Message(e.ctx, added.Email.String(), path, false)
		wantCode(t, err, codeNotFound)
		if resp, _ := e.get("/message/" + added.Email.String() + "/html?path=" + path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%q: status %d", path, resp.StatusCode)
		}
	}
}

// Styles are put before those of the message, whatever it says.
func TestFrameStyle(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", "From: joe@example.com\nContent-Type: text/html\n\n<html lang=\"<head>\" dir=ltr title='<head>'><style>p{color:red}</style><p>&lt;head&gt;</p>\n")
	_, html := e.get("/message/" + added.Email.String() + "/html")
	i, j := strings.Index(html, "color-scheme"), strings.Index(html, "color:red")
	if i < 0 || j < i || strings.Count(html, "color-scheme") != 1 {
		t.Errorf("html is %s", html)
	}
}

// Images from elsewhere are fetched by the server, and only those that a message names.
func TestRemoteProxy(t *testing.T) {
	t.Parallel()
	const png = "\x89PNG\r\n\x1a\n0000"
	var asked []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if r.Header.Get("Cookie")+r.Header.Get("Referer") != "" {
			t.Errorf("request with %v", r.Header)
		}
		switch r.URL.Path {
		case "/a.png":
			w.Header().Set("Content-Type", "text/html") // It is the content that counts.
			io.WriteString(w, png)
		case "/page":
			w.Header().Set("Content-Type", "image/png")
			io.WriteString(w, "<html><script>alert(1)</script>")
		case "/svg":
			w.Header().Set("Content-Type", "image/svg+xml")
			io.WriteString(w, "<svg xmlns='http://www.w3.org/2000/svg'/>")
		case "/large":
			io.WriteString(w, png)
			for range remoteImage >> 10 {
				w.Write(make([]byte, 1<<10))
			}
		case "/again":
			http.Redirect(w, r, "/again", http.StatusFound)
		case "/moved":
			http.Redirect(w, r, "/a.png", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	e := newEnv(t, func(o *Options) { o.Client = server.Client() })
	added := e.deliver("", strings.ReplaceAll(remoteHTML, "https://img.example", server.URL))
	base := "/message/" + added.Email.String() + "/"
	m, err := e.api.Message(e.ctx, added.Email.String(), "", false)
	if err != nil {
		t.Fatal(err)
	}
	resp, html := e.get(base + "html?remote=" + m.Remote.Token)
	if csp := resp.Header.Get("Content-Security-Policy"); strings.Contains(csp, "https:") || strings.Contains(html, `src="https`) || !strings.Contains(html, `src="./remote?`) {
		t.Errorf("policy %q, html %s", csp, html)
	}
	for path, code := range map[string]int{"/a.png": 200, "/moved": 200, "/page": 502, "/svg": 502, "/large": 502, "/again": 502, "/none": 502} {
		resp, body := e.get(base + strings.TrimPrefix(e.server.reader.remoteAddress(added.Email, server.URL+path), "./"))
		checkContent(t, path, resp, false)
		if resp.StatusCode != code || code == 200 && (body != png || resp.Header.Get("Content-Type") != "image/png") || code != 200 && body != "" {
			t.Errorf("%s: status %d, %s, %.100q", path, resp.StatusCode, resp.Header.Get("Content-Type"), body)
		}
	}
	other := e.deliver("", remoteHTML)
	asked = nil
	for _, address := range []string{
		"/message/" + other.Email.String() + "/" + strings.TrimPrefix(e.server.reader.remoteAddress(added.Email, server.URL+"/a.png"), "./"),
		base + "remote?u=" + server.URL + "/a.png", base + "remote", base + "remote?u=file:///etc/passwd&s=",
		base + strings.Replace(strings.TrimPrefix(e.server.reader.remoteAddress(added.Email, server.URL+"/a.png"), "./"), "a.png", "b.png", 1),
	} {
		if resp, _ := e.get(address); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", address, resp.StatusCode)
		}
	}
	if len(asked) > 0 {
		t.Errorf("asked for %q", asked)
	}
}
