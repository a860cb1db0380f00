package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/smtp"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tabCount is how many tabs a browser has, more than it makes connections to a server over HTTP/1.1.
const tabCount = 8

// front is a reverse proxy before the webmail, that keeps what comes over streams.
type front struct {
	*httptest.Server
	target, path string // The webmail, and the path of the proxy that leads there.

	mu      sync.Mutex
	open    int // Streams.
	opened  int
	streams bytes.Buffer // All that came.
	loads   []string     // Requests of what a page begins with.
}

// startFront starts a proxy at a path. With TLS it tells the server of it.
func startFront(t *testing.T, s *server, path string, secure bool) *front {
	t.Helper()
	f := &front{target: "http://" + s.addr(1080), path: path}
	target, err := url.Parse(f.target)
	if err != nil {
		t.Fatal(err)
	}
	rp := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
		r.Out.Header.Del("Accept-Encoding") // So that streams can be read.
		r.Out.URL.Path = "/webmail/" + strings.TrimPrefix(r.In.URL.Path, path)
	}, ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch rest := strings.TrimPrefix(r.URL.Path, path); {
		case !strings.HasPrefix(r.URL.Path, path):
			http.NotFound(w, r)
			return
		case rest == "events":
			f.count(1)
			defer f.count(-1)
			w = streamKeeper{w, f}
		case rest == "" || strings.HasPrefix(rest, "assets/"):
			f.mu.Lock()
			f.loads = append(f.loads, rest)
			f.mu.Unlock()
		}
		passOn(rp, w, r)
	})
	f.Server = httptest.NewUnstartedServer(h)
	if secure {
		f.StartTLS()
	} else {
		f.Start()
	}
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

func (f *front) count(by int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open += by
	f.opened += max(by, 0)
}

// take returns how many streams are open, how many were opened, and what came over them, since the last call.
func (f *front) take() (open, opened int, events string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	open, opened, events = f.open, f.opened, f.streams.String()
	f.opened, f.loads = 0, nil
	f.streams.Reset()
	return open, opened, events
}

// streamKeeper keeps what is written.
type streamKeeper struct {
	http.ResponseWriter
	f *front
}

// Write implements http.ResponseWriter.
func (k streamKeeper) Write(b []byte) (int, error) {
	k.f.mu.Lock()
	k.f.streams.Write(b)
	k.f.mu.Unlock()
	return k.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (k streamKeeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// send delivers a message by SMTP.
func (s *server) send(subject string) {
	s.t.Helper()
	text := "From: Ana <ana@example.org>\r\nTo: mox@localhost\r\nSubject: " + subject + "\r\nMessage-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@example.org>\r\n\r\nSome words.\r\n"
	c, err := smtp.Dial(s.addr(1025))
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	var w io.WriteCloser
	if err = c.Mail("ana@example.org"); err == nil {
		err = c.Rcpt(mailAddress)
	}
	if err == nil {
		w, err = c.Data()
	}
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// restart ends the server and starts it again.
func (s *server) restart(between func()) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatalf("localserve ended with %v", err)
	}
	between()
	args := s.cmd.Args[1:]
	s.cmd = exec.Command(moxBinary, args...)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.waitPort(1080)
	s.waitPort(1025)
}

// has is an expression for whether the list has a row with a subject.
func has(subject string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(".row-subject")].some(e => e.textContent === %q && e.closest("[role=row]").checkVisibility())`, subject)
}

// mails returns n messages, each with a subject of its own.
func mails(n int) []string {
	var l []string
	for i := range n {
		l = append(l, mailHead+fmt.Sprintf("Subject: Message %d\r\nMessage-ID: <%d@x.example>\r\n\r\nSome words.\r\n", i, i))
	}
	return l
}

// TestWebmailTabs uses the webmail in several tabs, with a mail program beside.
func TestWebmailTabs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *server, *browser){
		"many":     testManyTabs,
		"in step":  testInStep,
		"network":  testLostNetwork,
		"restart":  testServerRestart,
		"session":  testSessionOver,
		"sub-path": testSubPath,
		"own":      testOwnRequests,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startMail(t)
			s.deliver("Inbox", mails(30)...)
			test(t, s, launchBrowser(t, "--no-proxy-server", "--ignore-certificate-errors"))
		})
	}
}

// openAt opens the webmail through a proxy.
func openAt(t *testing.T, b *browser, f *front) *page {
	t.Helper()
	p := b.openWatched(t, desktop)
	t.Cleanup(p.shut)
	p.logIn(f.URL + f.path)
	p.soon(has("Message 29"))
	return p
}

// Tabs share one stream, whichever of them go.
func testManyTabs(t *testing.T, s *server, b *browser) {
	f := startFront(t, s, "/webmail/", false)
	tabs := []*page{openAt(t, b, f)}
	for len(tabs) < tabCount {
		p := tabs[0].tab()
		p.visit(f.URL + "/webmail/")
		tabs = append(tabs, p)
	}
	for _, p := range tabs {
		p.soon(has("Message 29"))
	}
	f.mu.Lock()
	if f.open != 1 || f.opened != 1 {
		t.Errorf("%d streams for %d tabs, %d were opened", f.open, len(tabs), f.opened)
	}
	f.mu.Unlock()
	s.send("For all tabs")
	for _, p := range tabs {
		p.soon(has("For all tabs"))
	}
	// The first tab has the stream. Then the next one, and so on.
	for len(tabs) > 2 {
		subject := fmt.Sprintf("For %d tabs", len(tabs)-1)
		tabs[0].must(nil, "", "closeTab")
		tabs = tabs[1:]
		s.send(subject)
		for _, p := range tabs {
			p.soon(has(subject))
		}
		for range until(t, callTimeout) {
			if open, _, _ := f.take(); open == 1 {
				break
			}
		}
		if open, _, _ := f.take(); open != 1 {
			t.Errorf("%d streams for %d tabs", open, len(tabs))
		}
	}
	// All can still make requests: none of the connections is lost to streams.
	for _, p := range tabs {
		p.eval(nil, `fetch("session/").then(r => r.json()).then(() => null)`)
	}
}

// What one does, in a tab or elsewhere, is seen everywhere.
func testInStep(t *testing.T, s *server, b *browser) {
	f := startFront(t, s, "/webmail/", false)
	one := openAt(t, b, f)
	two := one.tab()
	two.visit(f.URL + "/webmail/")
	two.soon(has("Message 29"))
	m := s.imap(t, "Inbox")

	flag := `[...document.querySelectorAll("[role=row]")].some(r => r.checkVisibility() && r.querySelector(".row-subject")?.textContent === "Message 25" && r.querySelector(".row-flag"))`
	m.do(`UID STORE 26 +FLAGS (\Flagged)`)
	one.soon(flag)
	two.soon(flag)
	m.do(`UID STORE 26 -FLAGS (\Flagged)`)
	two.soon("!" + flag)

	// Unread, and read again.
	m.do(`UID STORE 28 -FLAGS (\Seen)`)
	two.soon(`document.querySelector(".list .row.unread") !== null`)
	m.do(`UID STORE 28 +FLAGS (\Seen)`)
	two.soon(`document.querySelector(".list .row.unread") === null`)

	// Archived in one tab it goes from the other, and for the program.
	one.must(nil, `.list [role=row]:has-text("Message 29")`, "click")
	one.press("a")
	one.soon("!" + has("Message 29"))
	two.soon("!" + has("Message 29"))
	for range until(t, callTimeout) {
		if strings.Contains(strings.Join(m.do("NOOP"), "\n"), "EXPUNGE") {
			break
		}
	}
	if got := strings.Join(m.do("SEARCH ALL"), ""); strings.Contains(got, " 30") {
		t.Errorf("the message is still there: %s", got)
	}
	if got := strings.Join(m.do("STATUS Archive (MESSAGES)"), ""); !strings.Contains(got, "MESSAGES 1)") {
		t.Errorf("Archive has %s", got)
	}
	// Undone, it is back.
	one.press("z")
	one.soon(has("Message 29"))
	two.soon(has("Message 29"))

	m.do(`UID STORE 5 +FLAGS (\Deleted)`)
	m.do(`EXPUNGE`)
	one.soon("!" + has("Message 4"))
	two.soon("!" + has("Message 4"))
}

// markRows marks what the list shows, and sameRows tells whether it is still the same elements.
const (
	markRows = `(document.documentElement.marked = 1, [...document.querySelectorAll(".list .row")].forEach(r => { r.marked = 1 }), null)`
	sameRows = `document.documentElement.marked === 1 && [...document.querySelectorAll(".list .row")].filter(r => r.marked).length >= 8`
)

// onlyChanges checks what came over the streams after a connection was lost: no new list, and of rows those in sight.
func onlyChanges(t *testing.T, events string) {
	t.Helper()
	views := 0
	kind := ""
	events = events[:strings.LastIndex(events, "\n")+1] // Of the last line there may be half.
	for line := range strings.Lines(events) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			kind = v
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok || kind != "view" {
			continue
		}
		views++
		var e struct {
			Reset bool
			Rows  []struct{ Rows []mailRow }
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Errorf("%v in %.200q", err, data)
			continue
		}
		n := 0
		for _, run := range e.Rows {
			n += len(run.Rows)
		}
		if e.Reset || n > 40 {
			t.Errorf("the list comes anew: reset %v, %d rows", e.Reset, n)
		}
	}
	if views == 0 {
		t.Error("nothing came")
	}
}

// Without network the list stays; then comes what has changed.
func testLostNetwork(t *testing.T, s *server, b *browser) {
	f := startFront(t, s, "/webmail/", false)
	p := openAt(t, b, f)
	p.eval(nil, markRows)
	p.must(nil, "", "context.setOffline", true)
	f.CloseClientConnections()
	p.soon(`document.querySelector(".connection.shown")`)
	s.send("While away")
	f.take()
	p.must(nil, "", "context.setOffline", false)
	p.soon(has("While away"))
	p.soon(`!document.querySelector(".connection.shown")`)
	if same := p.text(sameRows); same != "true" {
		t.Error("the list was made again")
	}
	_, _, events := f.take()
	onlyChanges(t, events)
}

// The server may go and come again.
func testServerRestart(t *testing.T, s *server, b *browser) {
	f := startFront(t, s, "/webmail/", false)
	p := openAt(t, b, f)
	p.eval(nil, markRows)
	var before, again []string
	s.restart(func() {
		f.mu.Lock()
		before = f.loads
		f.mu.Unlock()
		f.take()
	})
	s.send("After the restart")
	p.soon(has("After the restart"))
	if same := p.text(sameRows); same != "true" {
		t.Error("the list was made again")
	}
	f.mu.Lock()
	for _, l := range f.loads {
		if slices.Contains(before, l) { // Parts of the page that are loaded for later come when they come.
			again = append(again, l)
		}
	}
	f.mu.Unlock()
	if len(again) > 0 {
		t.Errorf("loaded again: %q", again)
	}
}

// When the session is over one logs in over the page, and goes on.
func testSessionOver(t *testing.T, s *server, b *browser) {
	f := startFront(t, s, "/webmail/", false)
	p := openAt(t, b, f)
	p.eval(nil, markRows)
	p.eval(nil, `(() => {
		const bar = document.querySelector(".connection")
		window.told = []
		new MutationObserver(() => told.push(bar.textContent)).observe(bar, {childList: true, characterData: true, subtree: true})
	})()`)
	f.take()
	c := s.client(t)
	req, err := http.NewRequest("DELETE", c.address+"session/all", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Mox-Csrf", c.csrf)
	resp, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", resp.Status, body)
	}
	resp.Body.Close()
	p.must(nil, "dialog input[name=password]", "waitFor")
	// The stream itself has told it: the page does not take the server for lost.
	if _, opened, events := f.take(); opened != 0 || !strings.Contains(events, "event: over") {
		t.Errorf("%d streams were opened, and there came\n%s", opened, events)
	}
	if told := p.text("told.join()"); told != "" {
		t.Errorf("the page said %q", told)
	}
	p.must(nil, "dialog input[name=password]", "fill", "not the password")
	p.press("Enter")
	p.soon(`document.querySelector("dialog .field-error")?.textContent`)
	p.must(nil, "dialog input[name=password]", "fill", mailPassword)
	p.press("Enter")
	p.soon(`!document.querySelector("dialog")`)
	s.send("In a new session")
	p.soon(has("In a new session"))
	// What is sent without the API has the token of the new session.
	p.press("c")
	p.must(nil, ".composer", "waitFor")
	p.eval(nil, `(() => {
		const data = new DataTransfer()
		data.items.add(new File(["Dropped."], "dropped.txt", {type: "text/plain"}))
		for (const type of ["dragenter", "dragover", "drop"]) document.querySelector(".composer").dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}))
	})()`)
	p.soon(`document.querySelector(".composer .file")?.textContent.includes("8 B")`)
	for _, r := range p.responses() {
		if strings.Contains(r.URL, "/upload?") && r.Status != http.StatusOK {
			t.Errorf("%s: %d", r.URL, r.Status)
		}
	}
	if same := p.text(sameRows); same != "true" {
		t.Error("the list was made again")
	}
}

// Behind a proxy that is trusted, below another path and with its TLS, everything works the same.
func testSubPath(t *testing.T, s *server, b *browser) {
	s.restart(func() {
		conf := filepath.Join(s.dir, "mox.conf")
		change(t, conf, "\n\t\tSMTP:\n", "\n\t\tForwardedNetworks:\n\t\t\t- 127.0.0.0/8\n\t\tSMTP:\n")
		change(t, conf, "\n\t\tWebmailHTTP:\n", "\n\t\tWebmailHTTP:\n\t\t\tForwarded: true\n")
	})
	for _, secure := range []bool{false, true} {
		f := startFront(t, s, "/some/where/", secure)
		p := openAt(t, b, f)
		p.must(nil, "", "spy")
		p.must(nil, `.list [role=row]:has-text("Message 29")`, "click")
		p.soon(`document.querySelector(".reader iframe")?.contentDocument?.body?.textContent.includes("Some words.")`)
		if at := p.text(`document.querySelector(".reader iframe").contentDocument.URL`); !strings.HasPrefix(at, f.URL+"/some/where/message/") {
			t.Errorf("the message is at %s", at)
		}
		s.send(fmt.Sprintf("Through the proxy, TLS %v", secure))
		p.soon(has(fmt.Sprintf("Through the proxy, TLS %v", secure)))
		p.press("c")
		p.must(nil, ".composer", "waitFor")
		p.must(nil, "", "reload")
		p.soon(has("Message 28"))
		checkOwn(t, p, f.URL+"/some/where/")
		var kept []struct {
			Name             string
			Secure, HTTPOnly bool
		}
		p.must(&kept, "", "context.cookies")
		if len(kept) != 1 || !kept[0].HTTPOnly || kept[0].Secure != secure || strings.HasPrefix(kept[0].Name, "__Host-") != secure {
			t.Errorf("TLS %v: cookies %+v", secure, kept)
		}
		if cookies := p.text("document.cookie"); cookies != "" {
			t.Errorf("scripts can read cookies: %s", cookies)
		}
	}
}

// checkOwn checks that a page asked for nothing but what is below an address.
func checkOwn(t *testing.T, p *page, address string) {
	t.Helper()
	var events []string
	p.must(&events, "", "events")
	for _, e := range events {
		if url, ok := strings.CutPrefix(e, "request "); ok && !strings.HasPrefix(url, address) && !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "blob:") {
			t.Errorf("request of %s", url)
		}
		if strings.HasPrefix(e, "dialog ") && !strings.HasPrefix(e, "dialog beforeunload") || strings.HasPrefix(e, "console ") && !strings.Contains(e, "net::ERR_") {
			t.Error(e)
		}
	}
}

// Used as people do, the page asks nobody else for anything.
func testOwnRequests(t *testing.T, s *server, _ *browser) {
	f := startFront(t, s, "/webmail/", false)
	proxy := startProxy(t, f.Listener.Addr().String())
	b := launchBrowser(t, "--proxy-server=http://"+proxy.address, "--proxy-bypass-list=<-loopback>")
	p := openAt(t, b, f)
	p.must(nil, "", "spy")
	p.must(nil, `.list [role=row]:has-text("Message 29")`, "click")
	p.soon(`document.querySelector(".reader iframe")?.contentDocument?.body?.textContent.includes("Some words.")`)
	p.press("r")
	p.must(nil, ".composer", "waitFor")
	p.press("Escape")
	p.must(nil, "body", "click", map[string]any{"position": map[string]int{"x": 5, "y": 400}, "force": true})
	p.visit(f.URL + "/webmail/#settings/")
	p.must(nil, "", "reload")
	p.soon(`document.querySelector(".page-pane:not([hidden])")?.textContent.length > 50`)
	p.visit(f.URL + "/webmail/#search/normal/0?q=words")
	p.soon(has("Message 12"))
	checkOwn(t, p, f.URL+"/webmail/")
	through, refused := proxy.take()
	if through < 8 || len(refused) > 0 {
		t.Errorf("%d requests, and others: %q", through, refused)
	}
}
