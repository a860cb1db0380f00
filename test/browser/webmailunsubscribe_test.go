package browser

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"mox/authres"
	"mox/store"
)

// listServer is the server of a mailing list, that notes what it is asked for.
type listServer struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func startList(t *testing.T) *listServer {
	t.Helper()
	l := &listServer{}
	l.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		l.asked = append(l.asked, r.Method+" "+r.URL.String()+" "+string(body)+r.Header.Get("Cookie")+r.Header.Get("Referer"))
		l.mu.Unlock()
		if r.URL.Path == "/closed" {
			w.WriteHeader(http.StatusGone)
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// take returns what was asked for since the last call.
func (l *listServer) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := l.asked
	l.asked = nil
	return asked
}

// trustIn has the server trust the certificate of another one from its next start on.
func (s *server) trustIn(other *httptest.Server) {
	file := filepath.Join(s.dir, "authority.pem")
	writeFiles(s.t, s.dir, map[string][]byte{"authority.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})})
	s.env = append(s.env, "SSL_CERT_FILE="+file)
}

// put delivers messages while the server does not run, each after a header that the server itself would have written.
func (s *server) put(prefix []byte, letters ...letter) {
	s.t.Helper()
	ctx := context.Background()
	st, err := store.New(store.Options{Dir: filepath.Join(s.dir, "data", "accounts")})
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := st.Close(); err != nil {
			s.t.Error(err)
		}
	}()
	acc, err := st.Open(ctx, "mox")
	if err != nil {
		s.t.Fatal(err)
	}
	defer acc.Close()
	for _, l := range letters {
		text := strings.ReplaceAll(l.String(), "\n", "\r\n")
		d := store.Delivery{NewMessage: store.NewMessage{Prefix: prefix, Body: strings.NewReader(text), Size: int64(len(text))}}
		if _, err := acc.Deliver(ctx, store.System, d); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A list is left by one request of the server (RFC 8058), if the message was signed for that; otherwise by a message.
func testMailUnsubscribe(t *testing.T, _ *mailSite, _ *mailUser) {
	lists := startList(t)
	s := startServerWith(t, "Outgoing:\n\tAllowNetworks:\n\t\t- 127.0.0.0/8\n", "", "", nil)
	s.trustIn(lists.Server)
	issue := func(subject, path string) letter {
		return letter{subject: subject, from: "Weekly <weekly@lists.example>", header: "List-Id: News <weekly.lists.example>\n" +
			"List-Unsubscribe: <" + lists.URL + path + ">, <mailto:leave@lists.example>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n" +
			"DKIM-Signature: v=1; a=rsa-sha256; d=lists.example; s=sel; h=from:subject:list-unsubscribe:list-unsubscribe-post; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=Zm9vYmFy\n"}
	}
	passed := authres.Results{AuthservID: "localhost", Methods: []authres.Result{{Method: "dkim", Result: "pass", Props: []authres.Prop{
		{Type: "header", Property: "d", Value: "lists.example"}, {Type: "header", Property: "s", Value: "sel"}, {Type: "header", Property: "b", Value: "Zm9vYmFy"},
	}}}}.AppendField(nil)
	s.restart(func() {
		s.put(passed, issue("Monthly issue", "/leave?who=mox"), issue("Closed list", "/closed"))
		s.put(nil, issue("Unsigned issue", "/leave?who=mox"))
	})
	p := startBrowser(t, s, certificate{}).mail(t, &mailUser{s, "mox", mailAddress}, desktop, nil)
	ask := func(subject string) {
		t.Helper()
		p.click(rowOf(subject))
		p.see(".reader-subject:text-is('" + subject + "')")
		p.click(".banners >> " + buttonOf("Unsubscribe"))
		p.see("dialog >> text=Leave this list?", "dialog >> text=weekly.lists.example")
	}

	ask("Monthly issue")
	p.see("dialog >> text=The server of the list at once takes the address off it.", "dialog >> "+buttonOf("Write a message"))
	p.accessible("leaving a list")
	p.press("Escape")
	p.gone("dialog")
	if got := lists.take(); len(got) > 0 {
		t.Errorf("before anything was chosen the list was asked for %q", got)
	}
	ask("Monthly issue")
	p.click("dialog >> " + buttonOf("Unsubscribe"))
	p.gone("dialog")
	p.told("You have left the list.")
	if got, want := lists.take(), []string{"POST /leave?who=mox List-Unsubscribe=One-Click"}; !slices.Equal(got, want) {
		t.Errorf("the list was asked for %q, expected %q", got, want)
	}
	p.hush()

	ask("Closed list")
	p.click("dialog >> " + buttonOf("Unsubscribe"))
	p.told("The list was not left.")
	p.problems() // Of the refusal.
	if got := lists.take(); len(got) != 1 {
		t.Errorf("the list was asked for %q", got)
	}
	p.hush()

	ask("Unsigned issue")
	p.count("dialog >> "+buttonOf("Unsubscribe"), 0)
	p.click("dialog >> " + buttonOf("Write a message"))
	p.see(".composer >> text=leave@lists.example")
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")
	if got := lists.take(); len(got) > 0 {
		t.Errorf("for a message that is not signed the list was asked for %q", got)
	}
}
