package browser

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSites looks at websites of mox with a browser.
func TestSites(t *testing.T) {
	t.Parallel()
	s, cert := startSites(t)
	b := startBrowser(t, s, cert)
	for name, test := range map[string]func(*testing.T, *server, *browser){
		"Files":         testFiles,
		"NotAScript":    testNotAScript,
		"Range":         testRange,
		"Listing":       testListing,
		"ListingByKeys": testListingByKeys,
		"Redirects":     testRedirects,
		"Application":   testApplication,
		"Websocket":     testWebsocket,
		"Events":        testEvents,
		"ErrorPage":     testErrorPage,
		"UnknownHost":   testUnknownHost,
	} {
		t.Run(name, func(t *testing.T) { test(t, s, b) })
	}
}

// A page and what belongs to it come with their types, compressed where it helps, over HTTP/2, and once only.
func testFiles(t *testing.T, s *server, b *browser) {
	p := b.open(t, desktop)
	p.visit(secureSite + "/")
	p.eval(nil, "document.fonts.ready.then(() => null)")
	if got := p.text(`[document.documentElement.dataset.ran, getComputedStyle(document.body).backgroundColor, logo.naturalWidth, [...document.fonts].map(f => f.status)]`); got != "yes,rgb(1, 2, 3),40,loaded" {
		t.Errorf("the page is %s", got)
	}
	type file struct {
		typ        string
		compressed bool
	}
	want := map[string]file{
		"/":          {"text/html; charset=utf-8", true},
		"/style.css": {"text/css; charset=utf-8", true},
		"/page.js":   {"text/javascript; charset=utf-8", true},
		"/logo.svg":  {"image/svg+xml; charset=utf-8", true},
		"/font.woff": {"font/woff", false},
	}
	got := map[string]bool{}
	for _, r := range p.responses() {
		path := strings.TrimPrefix(r.URL, secureSite)
		w := want[path]
		got[path] = true
		if r.Status != 200 || r.Protocol != "HTTP/2.0" {
			t.Errorf("%s: %d over %s", path, r.Status, r.Protocol)
		}
		if r.Headers["content-type"] != w.typ || r.Headers["x-content-type-options"] != "nosniff" {
			t.Errorf("%s: header %v", path, r.Headers)
		}
		if e := r.Headers["content-encoding"]; w.compressed != slices.Contains([]string{"br", "zstd", "gzip"}, e) {
			t.Errorf("%s: encoding %q", path, e)
		}
	}
	if !maps.EqualFunc(got, want, func(bool, file) bool { return true }) {
		t.Errorf("got %v", got)
	}
	p.must(nil, "", "reload")
	p.eval(nil, "document.fonts.ready.then(() => null)")
	for path := range want {
		// The browser tells of what it has kept instead.
		s.waitLog(t, "handler=front ", "uri="+path+" ", "code=304 ", "sent=0 ")
	}
}

// Text is not run as a script.
func testNotAScript(t *testing.T, s *server, b *browser) {
	p := b.open(t, desktop)
	p.visit(secureSite + "/")
	got := p.text(`new Promise(done => {
		const e = document.createElement('script')
		e.src = '/script.txt'
		e.onload = () => done('loaded')
		e.onerror = () => done('refused')
		document.head.append(e)
	}).then(s => s + ' ' + document.documentElement.dataset.text)`)
	problems := p.problems()
	if got != "refused undefined" || len(problems) == 0 || !strings.Contains(fmt.Sprint(problems), "MIME type") {
		t.Errorf("%s, %q", got, problems)
	}
}

// Sound is read in parts, as it is played from somewhere.
func testRange(t *testing.T, s *server, b *browser) {
	p := b.open(t, desktop)
	p.visit(secureSite + "/")
	// Each part comes from the server: of one that the browser has and asks about, it would show the header of the 304.
	p.must(nil, "", "devtools", "Network.enable", map[string]any{})
	p.must(nil, "", "devtools", "Network.setCacheDisabled", map[string]any{"cacheDisabled": true})
	got := p.text(`new Promise((done, failed) => {
		const a = document.createElement('video')
		a.onerror = () => failed(new Error(a.error.message))
		a.onloadedmetadata = () => { a.currentTime = a.duration - 5 }
		a.onseeked = () => done([a.duration, a.currentTime])
		a.src = '/sound.wav'
	})`)
	if want := fmt.Sprintf("%d,%d", soundSeconds, soundSeconds-5); got != want {
		t.Errorf("duration and position %s, want %s", got, want)
	}
	size, late := len(makeSound(soundSeconds)), false
	for _, r := range p.responses() {
		if !strings.HasSuffix(r.URL, ".wav") {
			continue
		}
		var from, to, of int
		if _, err := fmt.Sscanf(r.Headers["content-range"], "bytes %d-%d/%d", &from, &to, &of); err != nil || r.Status != 206 || of != size || r.Headers["content-encoding"] != "" {
			t.Errorf("%d, header %v", r.Status, r.Headers)
		}
		late = late || from > size/2
	}
	if !late {
		t.Error("there was no request for the end alone")
	}
	// Leaving the page ends requests for what was not wanted any more.
	p.must(nil, "", "goto", "about:blank")
	for _, problem := range p.problems() {
		if !strings.HasSuffix(problem, "sound.wav: net::ERR_ABORTED") {
			t.Error(problem)
		}
	}
}

// listed returns the names that a listing shows.
func listed(p *page) []string {
	p.t.Helper()
	var names []string
	p.eval(&names, "[...document.querySelectorAll('tbody th')].map(e => e.textContent)")
	return names
}

// A listing can be looked at on all screens, and works by links.
func testListing(t *testing.T, s *server, b *browser) {
	byName := []string{"archive/", "photos/", "annual report 2025 (final) & appendix.pdf", "backup-2026-02-28T23-59-59-host7.example.org-full-with-a-name-that-goes-on-and-on.tar.zst", "größe.csv", "notes.txt", "README.md", "video.webm"}
	for _, v := range []view{desktop, phone} {
		p := b.open(t, v)
		if r := p.visit(secureSite + "/files/"); r.Status != 200 || r.Headers["content-type"] != "text/html; charset=utf-8" {
			t.Fatalf("%d, header %v", r.Status, r.Headers)
		}
		if got := listed(p); !slices.Equal(got, byName) {
			t.Errorf("names %q", got)
		}
		p.inspect("listing")
	}
	p := b.open(t, phone)
	p.visit(secureSite + "/files/")
	p.follow("/files/?sort=size", func() { p.must(nil, "thead a >> nth=1", "tap") })
	bySize := []string{"archive/", "photos/", "README.md", "notes.txt", "größe.csv", "video.webm", "annual report 2025 (final) & appendix.pdf", "backup-2026-02-28T23-59-59-host7.example.org-full-with-a-name-that-goes-on-and-on.tar.zst"}
	if got := listed(p); !slices.Equal(got, bySize) {
		t.Errorf("names by size %q", got)
	}
	p.follow("/files/archive/2024/", func() {
		p.follow("/files/archive/", func() { p.must(nil, "text=archive/", "tap") })
		p.must(nil, "text=2024/", "tap")
	})
	p.inspect("listing-below")
}

// A listing works without a mouse, and one always sees where one is.
func testListingByKeys(t *testing.T, s *server, b *browser) {
	p := b.open(t, desktop)
	p.visit(secureSite + "/files/")
	focus := func(want string) {
		t.Helper()
		if got := p.text("document.activeElement.textContent"); got != want {
			t.Fatalf("the focus is on %q, want %q", got, want)
		}
		if got := p.text("getComputedStyle(document.activeElement).outlineStyle"); got == "none" {
			t.Errorf("the focus on %q is not seen", want)
		}
	}
	p.press("Tab", "Tab", "Tab")
	focus("Modified, sort ascending")
	p.follow("/files/?sort=modified", func() { p.press("Enter") })
	p.press("Tab", "Tab", "Tab")
	focus("Modified, sort descending")
	p.follow("/files/?sort=modified&order=desc", func() { p.press("Enter") })
	if got := listed(p); got[0] != "photos/" || got[2] != "video.webm" || got[7] != "README.md" {
		t.Errorf("names by time, the latest first: %q", got)
	}
	if got := p.text("document.querySelector('th[aria-sort]').textContent + document.querySelector('th[aria-sort]').ariaSort"); got != "Modified, sort ascendingdescending" {
		t.Errorf("sorted by %s", got)
	}
	p.press("Tab", "Tab", "Tab", "Tab", "Tab")
	focus("archive/")
	p.picture("listing-focus")
	p.follow("/files/archive/", func() { p.press("Enter") })
	p.press("Tab")
	focus("/files/")
	p.follow("/files/", func() { p.press("Enter") })
	p.must(nil, "", "goBack")
	if got := listed(p); !slices.Equal(got, []string{"2024/", "readme.txt"}) {
		t.Errorf("back at %q", got)
	}
}

// Redirects of the domain, to TLS and of the path lead to the application.
func testRedirects(t *testing.T, s *server, b *browser) {
	p := b.open(t, desktop)
	r := p.visit("http://web.example:1080/old/page?a=b%20c")
	if r.URL != secureSite+"/app/page?a=b%20c" || r.Status != 200 {
		t.Errorf("%d at %s", r.Status, r.URL)
	}
	if got := p.text("document.body.textContent"); got != "page for a=b%20c" {
		t.Errorf("page %q", got)
	}
	var codes []int
	for _, r := range p.responses() {
		codes = append(codes, r.Status)
	}
	if len(codes) < 3 || len(codes) > 4 || codes[len(codes)-2] != 301 || slices.ContainsFunc(codes[:len(codes)-1], func(c int) bool { return c != 301 && c != 307 && c != 308 }) {
		t.Errorf("codes %v", codes)
	}
}

// An application gets and sends what it would without mox.
func testApplication(t *testing.T, s *server, b *browser) {
	p := b.open(t, desktop)
	if r := p.visit(secureSite + "/app/"); r.Status != 200 || r.Protocol != "HTTP/2.0" {
		t.Errorf("%d over %s", r.Status, r.Protocol)
	}
	if got := p.text("proto.textContent + ' ' + host.textContent"); got != "https www.web.example:1443" {
		t.Errorf("the application was told %q", got)
	}
	if got := p.text("fetch('/app/length', {method: 'POST', body: new Uint8Array(5e6)}).then(r => r.text())"); got != "5000000 <nil>" {
		t.Errorf("sent 5000000 bytes, the application got %s", got)
	}
}

// Messages of all sizes come back over a websocket, from the browser and from the application in many frames.
func testWebsocket(t *testing.T, s *server, b *browser) {
	p := b.open(t, desktop)
	p.visit(secureSite + "/app/")
	got := p.text(`new Promise((done, failed) => {
		const sizes = [0, 1, 125, 126, 65535, 65536, 1e6, 8e6]
		const messages = sizes.flatMap(n => [
			'\u00e9\n\r'.repeat(n / 4 | 0),
			Uint8Array.from({length: n}, (_, i) => i * 31 >> (i & 7)),
		])
		const same = (a, b) => typeof a === 'string' ? a === b : b.byteLength === a.length && new Uint8Array(b).every((v, i) => v === a[i])
		const ws = new WebSocket('wss://www.web.example:1443/app/echo')
		ws.binaryType = 'arraybuffer'
		let n = 0
		ws.onopen = () => messages.forEach(m => ws.send(m))
		ws.onerror = () => failed(new Error('the websocket failed after ' + n))
		ws.onmessage = m => {
			if (!same(messages[n], m.data)) failed(new Error('message ' + n + ' has changed'))
			if (++n === messages.length) ws.close(1000)
		}
		ws.onclose = c => done([n, messages.length, c.code, c.wasClean])
	})`)
	if got != "16,16,1000,true" {
		t.Errorf("messages, of, code, clean: %s", got)
	}
}

// Events arrive one by one: the application sends the next only when the page has told that it got one. The page also
// sees the end.
func testEvents(t *testing.T, s *server, b *browser) {
	p := b.open(t, desktop)
	p.visit(secureSite + "/app/")
	got := p.text(`new Promise((done, failed) => {
		const events = []
		const es = new EventSource('/app/events')
		es.onmessage = e => { events.push(e.data); fetch('/app/got?n=' + e.lastEventId, {method: 'POST'}).then(r => r.text()).catch(failed) }
		let end = false
		es.addEventListener('end', () => { end = true })
		es.onerror = () => { es.close(); end ? done(events.join()) : failed(new Error('broken after ' + events)) }
	})`)
	var want []string
	for i := range eventCount {
		want = append(want, fmt.Sprintf("event %d", i))
	}
	if got != strings.Join(want, ",") {
		t.Errorf("events %s", got)
	}
	for _, r := range p.responses() {
		if strings.HasSuffix(r.URL, "/events") && (r.Protocol != "HTTP/2.0" || r.Headers["content-encoding"] != "") {
			t.Errorf("events over %s, header %v", r.Protocol, r.Headers)
		}
	}
}

var requestID = regexp.MustCompile(`\b[a-z2-7]{8}-[0-9a-z]+\b`)

// An error page can be read by everybody, and names its request as the log does.
func testErrorPage(t *testing.T, s *server, b *browser) {
	for _, tt := range []struct {
		view  view
		path  string
		code  int
		title string
	}{
		{desktop, "/none", 404, "404 Not Found"},
		{phone, "/down/x", 502, "502 Bad Gateway"},
	} {
		p := b.open(t, tt.view)
		r := p.visit(secureSite + tt.path)
		text := p.text("document.body.innerText")
		if r.Status != tt.code || p.text("document.title") != tt.title || !strings.Contains(text, tt.title) {
			t.Errorf("%s: %d, %q", tt.path, r.Status, text)
		}
		id := requestID.FindString(text)
		if id == "" {
			t.Fatalf("%s: no id in %q", tt.path, text)
		}
		s.waitLog(t, "http request", "cid="+id+" ", "uri="+tt.path+" ", fmt.Sprintf("code=%d ", tt.code))
		p.inspect(fmt.Sprintf("error-%d", tt.code))
		if l := p.problems(); len(l) != 1 || !strings.Contains(l[0], fmt.Sprintf("status of %d", tt.code)) {
			t.Errorf("%s: problems %q", tt.path, l)
		}
	}
}

// There is nothing at names that mox does not know, and nobody's certificate for them.
func testUnknownHost(t *testing.T, s *server, b *browser) {
	p := b.open(t, desktop)
	if r := p.visit("http://other.example:1080/"); r.Status != 421 || !strings.Contains(p.text("document.body.innerText"), "421 Misdirected Request") {
		t.Errorf("status %d", r.Status)
	}
	p.problems()
	if err := p.try(nil, "", "goto", "https://other.example:1443/"); err == nil || !strings.Contains(err.Error(), "net::ERR_SSL_UNRECOGNIZED_NAME_ALERT") {
		t.Errorf("over TLS: %v", err)
	}
	p.problems()
}
