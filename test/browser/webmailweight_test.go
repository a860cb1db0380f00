package browser

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"mox/internal/corpus"
)

// What loading the webmail may take, in bytes on the wire with their heads, compressed by brotli. Rows of the list, which
// are as long as people's names and subjects, count apart.
const (
	mostRequests      = 5
	mostFirstBytes    = 70_000
	mostWithRows      = 80_000
	mostComposerBytes = 45_000
	mostBytes         = 120_000
)

// notYet has a page never load what it does when it has nothing to do, some seconds after it began: on a slow machine that would be before all else is
// there.
const notYet = `(begin => {
	window.setTimeout = (f, ms, ...args) => ms === 3000 ? 0 : begin(f, ms, ...args)
	window.requestIdleCallback = () => 0
})(window.setTimeout)`

// requested is a request that a page made, with what it took.
type requested struct {
	URL, Method, Protocol string
	Bytes                 int
	Done                  bool
}

// traffic returns all requests since the page began to count.
func (p *page) traffic() []requested {
	p.t.Helper()
	var l []requested
	p.must(&l, "", "traffic")
	return l
}

// TestWebmailWeight loads the webmail for the first time, over TLS.
func TestWebmailWeight(t *testing.T) {
	t.Parallel()
	s := startMail(t)
	var messages []string
	for _, m := range corpus.Real(t)[:60] {
		messages = append(messages, string(m.Data))
	}
	s.deliver("Inbox", messages...)
	b := launchBrowser(t, "--no-proxy-server", "--ignore-certificate-errors")
	p := b.open(t, desktop)
	wire := startWire(t, s.addr(1443))
	address := "https://" + wire.address + "/webmail/"
	p.must(nil, "", "addInitScript", map[string]string{"content": notYet})
	p.logIn(address)
	p.visit("about:blank")
	p.must(nil, "", "devtools", "Network.clearBrowserCache", map[string]any{})
	p.problems() // The stream has ended.
	p.must(nil, "", "count")
	wire.down.Store(0)
	p.visit(address)
	p.soon(`document.querySelectorAll(".row-date:not(:empty)").length >= 8`)
	begin := p.traffic()
	total := weigh(t, "first list", address, begin)
	withRows := int(wire.down.Load())
	t.Logf("first list: %d bytes on the wire, with rows and TLS", withRows)
	if withRows > mostWithRows {
		t.Errorf("%d bytes on the wire until the first list, want %d at most", withRows, mostWithRows)
	}
	if len(begin) > mostRequests {
		t.Errorf("%d requests until the first list, want %d at most", len(begin), mostRequests)
	}
	if total > mostFirstBytes {
		t.Errorf("%d bytes until the first list, want %d at most", total, mostFirstBytes)
	}

	p.press("c")
	p.must(nil, ".composer", "waitFor")
	p.soon(`document.querySelector(".composer :is(input, textarea, [contenteditable])") !== null`)
	var later []requested
	done := false
	for range until(t, callTimeout) {
		later = files(p.traffic()[len(begin):])
		if done = !slices.ContainsFunc(later, func(r requested) bool { return !r.Done }); done {
			break
		}
	}
	if !done {
		t.Fatalf("requests for the composer are not done: %v", later)
	}
	composer := weigh(t, "composer", address, later)
	if composer > mostComposerBytes {
		t.Errorf("%d bytes for the composer, want %d at most", composer, mostComposerBytes)
	}

	// What else there is, whatever it is for.
	known := map[string]bool{}
	for _, r := range p.traffic() {
		known[r.URL] = true
	}
	names, err := filepath.Glob(filepath.Join("..", "..", "webmail", "dist", "*.br"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	before := len(p.traffic())
	for _, name := range names {
		asset := "assets/" + strings.TrimSuffix(filepath.Base(name), ".br")
		if known[address+asset] {
			continue
		}
		if _, err := os.Stat(name); err != nil {
			continue // The files have been built again since.
		}
		p.eval(nil, fmt.Sprintf("fetch(%q).then(r => { if (!r.ok) throw r.status; return r.text() }).then(() => null)", asset))
	}
	all := total + composer + weigh(t, "everything else", address, p.traffic()[before:])
	t.Logf("all together: %d bytes", all)
	if all > mostBytes {
		t.Errorf("%d bytes for all of it, want %d at most", all, mostBytes)
	}
}

// wire passes connections on and counts what comes down.
type wire struct {
	address string
	down    atomic.Int64 // Bytes.
}

func startWire(t *testing.T, target string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w := &wire{address: l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go w.pass(client, target)
		}
	}()
	return w
}

// pass connects a client with the target until one of them ends.
func (w *wire) pass(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer server.Close()
		io.Copy(server, client)
	}()
	io.Copy(io.MultiWriter(client, w), server)
}

// Write implements io.Writer, for what has come.
func (w *wire) Write(b []byte) (int, error) {
	w.down.Add(int64(len(b)))
	return len(b), nil
}

// files returns the requests that are for files of the page.
func files(l []requested) []requested {
	var files []requested
	for _, r := range l {
		if strings.Contains(r.URL, "/assets/") {
			files = append(files, r)
		}
	}
	return files
}

// weigh prints what requests took and returns how many bytes they are together, without the stream.
func weigh(t *testing.T, what, address string, l []requested) int {
	t.Helper()
	own, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, r := range l {
		if strings.HasPrefix(r.URL, "data:") {
			continue // The icon, which is in the page.
		}
		u, err := url.Parse(r.URL)
		if err != nil || u.Host != own.Host {
			t.Errorf("%s: request for %s", what, r.URL)
			continue
		}
		if r.Bytes == 0 && strings.Contains(r.URL, "/assets/") {
			t.Errorf("%s: %s has no size", what, r.URL)
		}
		if !strings.HasSuffix(u.Path, "/events") {
			total += r.Bytes
		}
		t.Logf("%s: %-5s %-28s %6d", what, r.Method, strings.TrimPrefix(u.Path, "/webmail/"), r.Bytes)
	}
	t.Logf("%s: %d requests, %d bytes", what, len(l), total)
	return total
}
