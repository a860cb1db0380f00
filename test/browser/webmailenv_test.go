package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httputil"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The account of localserve.
const (
	mailAddress  = "mox@localhost"
	mailPassword = "moxmoxmox"
)

// startMail starts a server that has no more than its account.
func startMail(t testing.TB) *server {
	t.Helper()
	return startServer(t, "", "", nil)
}

// webmail returns the address of the webmail.
func (s *server) webmail() string { return "http://" + s.addr(1080) + "/webmail/" }

// mox runs a command of mox for the server.
func (s *server) mox(args ...string) {
	s.t.Helper()
	args = append([]string{"--config", filepath.Join(s.dir, "mox.conf")}, args...)
	if out, err := exec.Command(moxBinary, args...).CombinedOutput(); err != nil {
		s.t.Fatalf("mox %q: %v\n%s", args, err, out)
	}
}

// deliver puts messages into a mailbox, as they are and read already.
func (s *server) deliver(mailbox string, messages ...string) {
	s.t.Helper()
	dir := s.t.TempDir()
	files := map[string][]byte{}
	for i, m := range messages {
		files[fmt.Sprintf("cur/%010d.M%dP1.host:2,S", 1_700_000_000+i, i)] = []byte(m)
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
	writeFiles(s.t, dir, files)
	s.mox("import", "maildir", "--account", "mox", "--mailbox", mailbox, dir)
}

// logIn opens the webmail in a page.
func (p *page) logIn(address string) {
	p.t.Helper()
	p.visit(address)
	p.must(nil, "#username", "fill", mailAddress)
	p.must(nil, "#password", "fill", mailPassword)
	p.must(nil, "button", "click")
	p.must(nil, "#list", "waitFor")
}

// soon waits until an expression is true in the page.
func (p *page) soon(expression string) {
	p.t.Helper()
	var is bool
	if ok, err := p.poll(&is, "Boolean("+expression+")", func() bool { return is }); !ok {
		p.t.Fatalf("not in time: %s (%v)", expression, err)
	}
}

// mailClient uses the API of the webmail without a browser.
type mailClient struct {
	t       testing.TB
	address string
	csrf    string
	http    http.Client
}

// client logs in.
func (s *server) client(t testing.TB) *mailClient {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &mailClient{t: t, address: s.webmail(), http: http.Client{Jar: jar}}
	var state struct{ CSRF string }
	c.post("session/", map[string]any{"Username": mailAddress, "Password": mailPassword}, &state)
	c.csrf = state.CSRF
	return c
}

func (c *mailClient) post(path string, body, into any) {
	c.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	req, err := http.NewRequest("POST", c.address+path, bytes.NewReader(data))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Mox-Csrf", c.csrf)
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode == http.StatusOK {
		err = json.Unmarshal(answer, into)
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %s, %v\n%s", path, resp.Status, err, answer)
	}
}

// call calls a method of the API.
func (c *mailClient) call(into any, method string, params ...any) {
	c.t.Helper()
	var answer struct {
		Result json.RawMessage
		Error  *struct{ Code, Message string }
	}
	c.post("api/"+method, map[string]any{"params": params}, &answer)
	if answer.Error != nil {
		c.t.Fatalf("%s: %v", method, *answer.Error)
	}
	if into != nil {
		if err := json.Unmarshal(answer.Result, into); err != nil {
			c.t.Fatal(err)
		}
	}
}

// mailRow is a message in a list.
type mailRow struct {
	Email, Subject string
	UID            int
}

// list returns the first messages of a mailbox, by their UIDs.
func (c *mailClient) list(mailbox string, n int) map[int]mailRow {
	c.t.Helper()
	var boxes []struct {
		ID   int
		Name string
	}
	id := 0
	c.start(&struct{ Mailboxes any }{&boxes})
	for _, m := range boxes {
		if m.Name == mailbox {
			id = m.ID
		}
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), lostTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", c.address+"events?stream=list0123456789abcdef", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	query := map[string]any{"Scope": "mailbox", "Mailbox": id, "Text": "", "Filters": []string{}, "Sort": "date", "Oldest": false, "Threads": false}
	rows, asked, kind := map[int]mailRow{}, 0, ""
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		if v, ok := strings.CutPrefix(sc.Text(), "event: "); ok {
			kind = v
		}
		data, ok := strings.CutPrefix(sc.Text(), "data: ")
		switch {
		case ok && kind == "hello":
			c.call(nil, "ViewOpen", map[string]any{"Stream": "list0123456789abcdef", "View": "v", "Query": query, "First": 0, "Count": 200, "Email": "", "ModSeq": 0})
			asked = 200
		case ok && kind == "view":
			var e struct{ Rows []struct{ Rows []mailRow } }
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				c.t.Fatal(err)
			}
			for _, run := range e.Rows {
				for _, r := range run.Rows {
					rows[r.UID] = r
				}
			}
			if len(rows) >= n {
				return rows
			}
			if len(rows) >= asked {
				c.call(nil, "ViewRange", "list0123456789abcdef", "v", asked, 200)
				asked += 200
			}
		}
	}
	c.t.Fatalf("the list has %d of %d messages: %v", len(rows), n, sc.Err())
	return nil
}

// start reads what the page begins with.
func (c *mailClient) start(into any) {
	c.t.Helper()
	resp, err := c.http.Get(c.address)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	_, data, _ := strings.Cut(string(page), `id="data"`)
	_, data, _ = strings.Cut(data, ">")
	data, _, _ = strings.Cut(data, "</script>")
	if err := json.Unmarshal([]byte(data), into); err != nil {
		c.t.Fatalf("%v in %q", err, data)
	}
}

// imapClient speaks IMAP.
type imapClient struct {
	t    testing.TB
	conn *textproto.Conn
	tag  int
}

// imap logs in and selects a mailbox.
func (s *server) imap(t testing.TB, mailbox string) *imapClient {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr(1143))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	c := &imapClient{t: t, conn: textproto.NewConn(nc)}
	c.do("LOGIN " + mailAddress + " " + mailPassword)
	c.do("SELECT " + mailbox)
	return c
}

// do runs a command and returns the untagged responses.
func (c *imapClient) do(command string) []string {
	c.t.Helper()
	c.tag++
	tag := fmt.Sprintf("t%d ", c.tag)
	if err := c.conn.PrintfLine("%s%s", tag, command); err != nil {
		c.t.Fatal(err)
	}
	var l []string
	for {
		line, err := c.conn.ReadLine()
		if err != nil {
			c.t.Fatalf("%s: %v", command, err)
		}
		if after, ok := strings.CutPrefix(line, tag); ok {
			if !strings.HasPrefix(after, "OK") {
				c.t.Fatalf("%s: %s", command, line)
			}
			return l
		}
		l = append(l, line)
	}
}

// browserHosts are those that chromium itself wants to reach: about forms that it could fill in, and updates. Some it asks for only where it runs for long,
// as on a slow machine.
var browserHosts = []string{
	"content-autofill.googleapis.com", "update.googleapis.com", "optimizationguide-pa.googleapis.com", "accounts.google.com", "clients2.google.com",
	"clientservices.googleapis.com", "android.clients.google.com", "mtalk.google.com", "safebrowsing.googleapis.com", "redirector.gvt1.com", "edgedl.me.gvt1.com",
}

// countingProxy is an HTTP proxy that reaches allowed addresses only, and tells of requests to others.
type countingProxy struct {
	address   string
	allowed   map[string]bool // Hosts with ports.
	transport *http.Transport

	mu      sync.Mutex
	through int
	refused []string
}

func startProxy(t testing.TB, allowed ...string) *countingProxy {
	t.Helper()
	p := &countingProxy{allowed: map[string]bool{}, transport: &http.Transport{}}
	for _, a := range allowed {
		p.allowed[a] = true
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = l.Addr().String()
	srv := &http.Server{Handler: p}
	go srv.Serve(l)
	t.Cleanup(func() {
		srv.Close()
		p.transport.CloseIdleConnections()
	})
	return p
}

// ServeHTTP implements http.Handler.
func (p *countingProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	ok := p.allowed[r.URL.Host] || p.allowed[r.Host]
	if ok {
		p.through++
	} else if host, _, _ := strings.Cut(r.Host, ":"); !slices.Contains(browserHosts, host) {
		p.refused = append(p.refused, r.Method+" "+r.URL.String()+" "+r.Host)
	}
	p.mu.Unlock()
	if !ok || r.Method == http.MethodConnect {
		http.Error(w, "No.", http.StatusForbidden)
		return
	}
	rp := &httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {}, Transport: p.transport, FlushInterval: -1,
		ErrorLog: log.New(os.Stderr, fmt.Sprintf("proxy: %s %s: ", r.Method, r.URL), log.LstdFlags),
	}
	passOn(rp, w, r)
}

// passOn answers a request with what a proxy gets for it. Without full duplex net/http's server closes the request's body as soon as the response
// begins. Its client may still look for the end of that body then, takes the close for a failure, and breaks the response off.
func passOn(rp *httputil.ReverseProxy, w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 always has it.
	rp.ServeHTTP(w, r)
}

// take returns how many requests were let through, and those that were not, since the last call.
func (p *countingProxy) take() (int, []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, l := p.through, p.refused
	p.through, p.refused = 0, nil
	return n, l
}
