package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// These only end what hangs: a machine with much else to do may stand still for many seconds.
const (
	callTimeout = time.Minute     // For what is done in a page.
	lostTimeout = 4 * time.Minute // After which the runner is not waited for any more. Scripts may open many frames.
)

// browser is a running chromium with a profile of its own. Pages of it may be used by several tests at once.
type browser struct {
	ended chan struct{} // Closed when the runner does not answer any more.

	writing sync.Mutex // Guards stdin. Answers are taken meanwhile: the runner may wait for that before it reads on.
	stdin   io.WriteCloser

	mu      sync.Mutex
	lastID  int
	pages   int
	waiting map[int]chan answer
}

type command struct {
	ID       int            `json:"id"`
	Page     int            `json:"page"`
	Selector string         `json:"selector,omitempty"`
	Method   string         `json:"method"`
	Args     []any          `json:"args"`
	Options  map[string]any `json:"options,omitempty"`
}

type answer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
}

// startBrowser starts a browser that ends with the test. All names lead to the address of the server, and nowhere else;
// the certificate is trusted.
func startBrowser(t testing.TB, s *server, cert certificate) *browser {
	t.Helper()
	return launchBrowser(t, "--no-proxy-server", "--host-resolver-rules=MAP * "+s.ip, "--ignore-certificate-errors-spki-list="+cert.spki)
}

// launchBrowser starts a browser with flags of chromium that ends with the test.
func launchBrowser(t testing.TB, flags ...string) *browser {
	t.Helper()
	config, err := json.Marshal(map[string]any{
		"path":    chromium,
		"timeout": callTimeout.Milliseconds(),
		"args": append([]string{
			"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--mute-audio",
		}, flags...),
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "runner.mjs", string(config))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr syncBuffer
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan answer, 1)
	b := &browser{stdin: stdin, ended: make(chan struct{}), waiting: map[int]chan answer{0: ready}}
	go b.read(stdout)
	t.Cleanup(func() {
		stdin.Close()
		kill := time.AfterFunc(lostTimeout, func() { cmd.Process.Kill() })
		defer kill.Stop()
		<-b.ended // Wait closes what is read from.
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("the browser ended: %v\n%s", err, stderr.String())
		}
	})
	select {
	case <-ready:
	case <-b.ended:
		t.Fatalf("the browser does not start:\n%s", stderr.String())
	case <-time.After(lostTimeout):
		t.Fatalf("the browser does not start in time:\n%s", stderr.String())
	}
	return b
}

// read hands answers to those who wait for them.
func (b *browser) read(stdout io.Reader) {
	defer close(b.ended)
	br := bufio.NewReader(stdout)
	for {
		line, err := br.ReadBytes('\n')
		if err != nil {
			return
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			return
		}
		b.mu.Lock()
		c := b.waiting[a.ID]
		delete(b.waiting, a.ID)
		b.mu.Unlock()
		if c != nil {
			c <- a
		}
	}
}

// call runs a command and decodes its result, unless into is nil.
func (b *browser) call(cmd command, into any) error {
	if cmd.Args == nil {
		cmd.Args = []any{}
	}
	c := make(chan answer, 1)
	b.mu.Lock()
	b.lastID++
	cmd.ID = b.lastID
	b.waiting[cmd.ID] = c
	b.mu.Unlock()
	line, err := json.Marshal(cmd)
	if err != nil {
		return err
	}
	b.writing.Lock()
	_, err = b.stdin.Write(append(line, '\n'))
	b.writing.Unlock()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lostTimeout)
	defer cancel()
	select {
	case a := <-c:
		if a.Error != "" {
			return fmt.Errorf("%s: %s", cmd.Method, a.Error)
		}
		if into == nil {
			return nil
		}
		return json.Unmarshal(a.Result, into)
	case <-b.ended:
		return fmt.Errorf("%s: the browser has ended", cmd.Method)
	case <-ctx.Done():
		return fmt.Errorf("%s: no answer", cmd.Method)
	}
}

// view is what a page is looked at with.
type view struct {
	name          string
	width, height int
	phone         bool // A touch screen of two device pixels for one of CSS.
}

var (
	desktop = view{"desktop", 1280, 800, false}
	phone   = view{"phone", 375, 667, true}
)

// page is a tab. When the test ends, it must not have had a problem that nobody asked for.
type page struct {
	t      testing.TB
	b      *browser
	number int
	view   view
}

// open opens a tab that shares nothing with others.
func (b *browser) open(t testing.TB, v view) *page {
	t.Helper()
	p := b.openWatched(t, v)
	t.Cleanup(func() {
		for _, problem := range p.problems() {
			t.Errorf("problem in the page: %s", problem)
		}
		p.shut()
	})
	return p
}

// openWatched is as open, for a page whose problems the test looks at, and that it shuts.
func (b *browser) openWatched(t testing.TB, v view) *page {
	t.Helper()
	scale := 1
	if v.phone {
		scale = 2
	}
	b.mu.Lock()
	b.pages++
	p := &page{t: t, b: b, number: b.pages, view: v}
	b.mu.Unlock()
	err := b.call(command{Page: p.number, Method: "open", Options: map[string]any{
		"viewport": map[string]int{"width": v.width, "height": v.height}, "colorScheme": "light",
		"deviceScaleFactor": scale, "isMobile": v.phone, "hasTouch": v.phone, "locale": "en-GB", "reducedMotion": "reduce",
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tab opens another tab beside the page, that shares all with it and ends with it.
func (p *page) tab() *page {
	p.t.Helper()
	p.b.mu.Lock()
	p.b.pages++
	n := &page{t: p.t, b: p.b, number: p.b.pages, view: p.view}
	p.b.mu.Unlock()
	n.must(nil, "", "tab", p.number)
	return n
}

// shut closes the page and all its tabs.
func (p *page) shut() {
	if err := p.try(nil, "", "shut"); err != nil {
		p.t.Error(err)
	}
}

// try calls a method of the page, or of what a selector selects in it, and decodes the result unless into is nil.
func (p *page) try(into any, selector, method string, args ...any) error {
	return p.b.call(command{Page: p.number, Selector: selector, Method: method, Args: args}, into)
}

func (p *page) must(into any, selector, method string, args ...any) {
	p.t.Helper()
	if err := p.try(into, selector, method, args...); err != nil {
		p.t.Fatal(err)
	}
}

// response is of a request that the page made.
type response struct {
	URL      string            `json:"url"`
	Method   string            `json:"method"`
	Status   int               `json:"status"`
	Headers  map[string]string `json:"headers"` // Names are in lower case.
	Protocol string            `json:"protocol"`
	Type     string            `json:"type"` // As "document", "script", "image".
}

// visit opens an address and returns the response, after redirects.
func (p *page) visit(url string) response {
	p.t.Helper()
	var r response
	p.must(&r, "", "goto", url)
	return r
}

// eval evaluates an expression in the page, waits if it is a promise, and decodes its value unless into is nil.
func (p *page) eval(into any, expression string) {
	p.t.Helper()
	p.must(into, "", "evaluate", expression)
}

// poll evaluates an expression again and again until it has come to what is good, or time is up, and returns whether it has. An expression that
// fails, as of an element that is not there yet, or no more as the page is drawn anew, has not.
func (p *page) poll(into any, expression string, good func() bool) (bool, error) {
	var err error
	for range until(p.t, callTimeout) {
		if err = p.try(into, "", "evaluate", expression); err == nil && good() {
			return true, nil
		}
		select {
		case <-p.b.ended:
			return false, err
		default:
		}
	}
	return false, err
}

// shows waits until an expression has come to a string.
func (p *page) shows(expression, want string) {
	p.t.Helper()
	var got string
	if ok, err := p.poll(&got, asText(expression), func() bool { return got == want }); !ok {
		p.t.Fatalf("%s: got %q, expected %q (%v)", expression, got, want, err)
	}
}

// asText is an expression that makes a string of the value of another.
func asText(expression string) string { return "Promise.resolve(" + expression + ").then(String)" }

// text evaluates an expression to a string, as eval.
func (p *page) text(expression string) string {
	p.t.Helper()
	var s string
	p.eval(&s, asText(expression))
	return s
}

// press presses keys, one after the other, as "Tab" or "Shift+Tab".
func (p *page) press(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.must(nil, "", "keyboard.press", key)
	}
}

// follow runs something that leads to another page, which is waited for.
func (p *page) follow(path string, act func()) {
	p.t.Helper()
	act()
	p.must(nil, "", "waitForURL", "**"+path)
}

// responses returns the responses since the last call.
func (p *page) responses() []response {
	p.t.Helper()
	var l []response
	if err := p.try(&l, "", "responses"); err != nil {
		p.t.Error(err)
	}
	return l
}

// problems returns messages on the console, errors in scripts, and requests that failed, since the last call.
func (p *page) problems() []string {
	p.t.Helper()
	var l []string
	if err := p.try(&l, "", "problems"); err != nil {
		p.t.Error(err)
	}
	return l
}

// inspect checks that the page can be read by everybody, in light and dark, and keeps pictures of it among the artifacts
// of the test.
func (p *page) inspect(name string) {
	p.t.Helper()
	name += "-" + p.view.name
	p.fits(name)
	for _, scheme := range []string{"dark", "light"} {
		p.must(nil, "", "emulateMedia", map[string]string{"colorScheme": scheme})
		p.accessible(name + "-" + scheme)
		p.picture(name + "-" + scheme)
	}
}

// picture keeps a picture of the page among the artifacts of the test.
func (p *page) picture(name string) {
	p.t.Helper()
	p.must(nil, "", "screenshot", map[string]any{"path": filepath.Join(p.t.ArtifactDir(), name+".png"), "fullPage": true})
}

// accessible checks the page against WCAG 2.2, levels A and AA, as far as a program can.
func (p *page) accessible(name string) {
	p.t.Helper()
	if p.text("typeof axe") == "undefined" {
		axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
		if err != nil {
			p.t.Fatal(err)
		}
		p.eval(nil, string(axe)+"; null")
	}
	var result struct {
		Passes     int
		Violations []struct {
			ID, Help string
			Nodes    []struct{ HTML, FailureSummary string }
		}
	}
	p.eval(&result, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], rules: {'target-size': {enabled: true}}, iframes: false, resultTypes: ['violations']})
		.then(r => ({passes: r.passes.length, violations: r.violations}))`)
	if result.Passes == 0 {
		p.t.Errorf("%s: nothing was checked", name)
	}
	for _, v := range result.Violations {
		for _, n := range v.Nodes {
			p.t.Errorf("%s: %s: %s: %s: %s", name, v.ID, v.Help, n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", " "))
		}
	}
}

// fits checks that nobody has to scroll sideways.
func (p *page) fits(name string) {
	p.t.Helper()
	var over int
	p.eval(&over, "document.documentElement.scrollWidth - document.documentElement.clientWidth")
	if over > 0 {
		p.t.Errorf("%s: the page is %d pixels wider than the window", name, over)
	}
}
