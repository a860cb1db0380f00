package browser

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/message/htmlmail"
)

// leastHostile is how many messages there must be.
const leastHostile = 600

// hostileCases returns all hostile messages: those of HTML that the sanitizer is tested with, and those that play with the
// rest of a message.
func hostileCases(t *testing.T) []hostileMail {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "message", "htmlmail", "testdata", "hostile.txt"))
	if err != nil {
		t.Fatal(err)
	}
	controls := strings.NewReplacer("␀", "\x00", "␊", "\n", "␍", "\r", "␉", "\t", "␌", "\f", "␛", "\x1b", "␠", "\u00a0")
	var l []hostileMail
	technique := ""
	for line := range strings.SplitSeq(string(data), "\n") {
		if name, ok := strings.CutPrefix(line, "# "); ok {
			technique, _ = strings.CutSuffix(name, ":")
		} else if line != "" {
			l = append(l, hostileMail{technique, htmlMail("hostile", controls.Replace(line))})
		}
	}
	l = append(l, hostileMails()...)
	if len(l) < leastHostile {
		t.Fatalf("%d messages", len(l))
	}
	return l
}

// hostileScript defines in a page what looks at frames with mail. Frames are opened by the page; what it finds in them
// that must not be there it returns, each with the address of the frame.
const hostileScript = `(() => {
	const patience = 180000 // Only ends what hangs: a large one took 28 seconds on a busy machine.
	const never = new Set('script iframe frame frameset object embed applet base form input button textarea select option keygen link noscript noembed noframes template slot portal video audio source track canvas dialog svg math marquee plaintext xmp title param isindex'.split(' '))
	const addresses = new Set('src href background poster action formaction data cite longdesc ping srcset lowsrc dynsrc xlink:href manifest codebase classid profile usemap icon'.split(' '))
	const own = new URL('.', location.href).href
	const loads = new Set(['src', 'background'])
	const inspect = doc => {
		const bad = []
		let title = 0
		for (const e of doc.querySelectorAll('*')) {
			const name = e.localName
			if (never.has(name) && !(name === 'title' && e.parentNode === doc.head && title++ === 0)) bad.push('<' + name + '>')
			if (name === 'meta' && !e.hasAttribute('charset') && !/^(viewport|color-scheme|referrer)$/.test(e.name)) bad.push(e.outerHTML)
			if (e.namespaceURI !== 'http://www.w3.org/1999/xhtml') bad.push(e.namespaceURI)
			if (e.shadowRoot) bad.push('shadow root')
			if (name === 'style') sheet(e.textContent, bad)
			for (const { name: a, value } of e.attributes) {
				if (/^on/i.test(a)) bad.push(a)
				if (a === 'style') sheet(value, bad)
				if (!addresses.has(a)) continue
				let url
				try { url = new URL(value, doc.baseURI) } catch { continue }
				if (/^(javascript|vbscript|file|blob|filesystem|about|view-source):/.test(url.protocol)) bad.push(a + '=' + value)
				if (url.protocol === 'data:' && !/^data:image\/(png|gif|jpe?g|webp|avif|bmp);/i.test(value)) bad.push(a + '=' + value.slice(0, 80))
				if (loads.has(a) && url.protocol !== 'data:' && !url.href.startsWith(own + 'message/')) bad.push(a + '=' + value)
				if (a === 'href' && name === 'a' && !value.startsWith('#') && /^https?:/.test(url.protocol) && !(e.target === '_blank' && e.relList.contains('noopener'))) bad.push(e.outerHTML.slice(0, 200))
			}
		}
		return bad
	}
	const sheet = (text, bad) => {
		const plain = text.replace(/\/\*[^]*?\*\//g, '')
		for (const [, url] of plain.matchAll(/url\(\s*["']?([^"')\]]+)/gi)) {
			if (!/^data:image\/(png|gif|jpe?g|webp);/i.test(url) && !/^(\.\/)?part\//.test(url)) bad.push('url(' + url)
		}
		const words = plain.replace(/"(\\[^]|[^"\\])*"|'(\\[^]|[^'\\])*'/g, '""')
		if (/@import|@font-face|expression\(|behavior:|-moz-binding|image-set\(|javascript:/i.test(words)) bad.push(plain.slice(0, 200))
	}
	const loaded = frame => new Promise(done => {
		const late = setTimeout(() => done(false), patience)
		frame.addEventListener('load', () => { clearTimeout(late); done(true) }, { once: true })
	})
	window.hostile = {
		inspect,
		// Opens many at once.
		async frames(urls, sandbox, look = true) {
			const box = document.createElement('div')
			box.style.cssText = 'position: fixed; inset: 0; overflow: auto; visibility: visible'
			const frames = urls.map(url => {
				const f = document.createElement('iframe')
				if (sandbox !== null) f.setAttribute('sandbox', sandbox)
				f.width = 60; f.height = 40
				f.src = url
				box.append(f)
				return f
			})
			const all = Promise.all(frames.map(loaded))
			document.body.append(box)
			const bad = []
			for (const [i, ok] of (await all).entries()) {
				if (!look) continue
				const url = urls[i]
				if (!ok) bad.push(url + ': not loaded')
				if (frames[i].contentWindow.length > 0) bad.push(url + ': has frames')
				const doc = frames[i].contentDocument
				if (!doc) continue
				if (doc.URL !== new URL(url, location.href).href) bad.push(url + ': went to ' + doc.URL)
				if (!doc.body) bad.push(url + ': has no body')
				doc.body?.getBoundingClientRect() // It has been laid out, whether or not there was time for it.
				for (const b of inspect(doc)) bad.push(url + ': ' + b)
			}
			box.remove()
			return bad
		},
		// Opens one after the other in the reader.
		async read(emails) {
			const bad = []
			let slowest = 0
			for (const email of emails) {
				const begin = performance.now()
				location.hash = '#message/' + email
				let frame, doc
				for (const end = performance.now() + patience; performance.now() < end;) {
					frame = document.querySelector('.reader iframe')
					doc = frame?.contentDocument
					if (doc?.URL.includes('/message/' + email + '/') && doc.readyState === 'complete' && !frame.classList.contains('waiting')) break
					doc = null
					await new Promise(done => setTimeout(done, 4))
				}
				if (!doc) {
					bad.push(email + ': not shown: ' + document.querySelector('.reader')?.textContent.slice(0, 200))
					break
				}
				slowest = Math.max(slowest, performance.now() - begin)
				for (const b of inspect(doc)) bad.push(email + ': ' + b)
				if (document.querySelectorAll('iframe').length !== 1) bad.push(email + ': there are other frames')
				if (!/allow-scripts/.test(frame.sandbox) && frame.hasAttribute('sandbox')) {} else bad.push(email + ': no sandbox')
				for (const e of document.querySelectorAll('.reader *, .list *')) {
					if (/^(script|object|embed|base|meta|link|form|style)$/.test(e.localName)) bad.push(email + ': page has <' + e.localName + '>')
					for (const { name, value } of e.attributes) {
						if (/^on/i.test(name) || /^(src|href)$/.test(name) && /^\s*(javascript|vbscript|data:text)/i.test(value)) bad.push(email + ': page has ' + name + '=' + value)
						if (name === 'src' && new URL(value, location.href).origin !== location.origin && !/^(data|blob):/.test(value)) bad.push(email + ': page has ' + name + '=' + value)
					}
				}
				const box = document.querySelector('.reader').getBoundingClientRect()
				const at = frame.getBoundingClientRect()
				if (at.left < box.left - 1 || at.right > box.right + 1) bad.push(email + ': the frame leaves the reader')
			}
			return { bad, slowest: Math.round(slowest) }
		},
		// What mail must not change: the page around.
		around() {
			const names = Object.getOwnPropertyNames(window).filter(n => !/^\d+$/.test(n)).sort().join()
			const parts = ['head', '.top', '.sidebar'].map(s => document.querySelector(s)?.outerHTML)
			return JSON.stringify([names, document.title.replace(/\(\d+\) /, ''), document.cookie, document.documentElement.attributes.length, document.body.attributes.length, ...parts])
		},
	}
	window.addEventListener('message', e => console.log('message to the page: ' + e.data))
	return null
})()`

// hostileServer is a server with all hostile messages.
type hostileServer struct {
	*server
	cases  []hostileMail
	emails []string // Of the cases.
}

func startHostile(t *testing.T) *hostileServer {
	t.Helper()
	h := &hostileServer{server: startMail(t), cases: hostileCases(t)}
	var messages []string
	for _, c := range h.cases {
		messages = append(messages, c.message)
	}
	h.deliver("Inbox", messages...)
	rows := h.client(t).list("Inbox", len(messages))
	for i := range messages {
		if rows[i+1].Email == "" {
			t.Fatalf("message %d is not in the list", i)
		}
		h.emails = append(h.emails, rows[i+1].Email)
	}
	return h
}

// huge returns where messages begin that take much.
func (h *hostileServer) huge() int {
	return slices.IndexFunc(h.cases, func(c hostileMail) bool { return strings.HasPrefix(c.technique, "huge") })
}

// technique tells what the message of an address tries.
func (h *hostileServer) technique(text string) string {
	for i, e := range h.emails {
		if strings.Contains(text, e) {
			m := h.cases[i].message
			return fmt.Sprintf("%s: %.300q", h.cases[i].technique, m[len(mailHead):])
		}
	}
	return "?"
}

// TestHostileMail opens hostile messages in the browser: nothing of them runs, no request leaves, and the page goes on.
func TestHostileMail(t *testing.T) {
	t.Parallel()
	h := startHostile(t)
	raw := startRaw(t, h.cases)
	for name, test := range map[string]func(*testing.T, *hostileServer, *browser, *countingProxy, string){
		"trap":     testTrap,
		"policy":   testPolicyAlone,
		"frames":   testHostileFrames,
		"parts":    testHostileParts,
		"huge":     testHostileHuge,
		"reader":   testHostileReader,
		"directly": testHostileDirectly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := startProxy(t, h.addr(1080), raw)
			b := launchBrowser(t, "--proxy-server=http://"+proxy.address, "--proxy-bypass-list=<-loopback>")
			test(t, h, b, proxy, raw)
		})
	}
}

// startRaw serves the HTML of messages as it is, below raw/, and with the policy of frames alone, below policy/.
func startRaw(t *testing.T, cases []hostileMail) string {
	t.Helper()
	policy := htmlmail.ContentSecurityPolicy(htmlmail.FramePolicy{Images: []string{"'self'"}, SameOrigin: true})
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Frames</title><body>")
	})
	mux.HandleFunc("/{how}/{number}", func(w http.ResponseWriter, r *http.Request) {
		var i int
		if _, err := fmt.Sscan(r.PathValue("number"), &i); err != nil || i >= len(cases) {
			http.NotFound(w, r)
			return
		}
		if r.PathValue("how") == "policy" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(bodyOf(cases[i].message)))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: mux}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return l.Addr().String()
}

// htmlCases returns how many of the cases, the first ones, are of HTML in base64 alone.
func htmlCases(cases []hostileMail) int {
	return slices.IndexFunc(cases, func(c hostileMail) bool { return c.technique == "charset" })
}

// inBatches calls f with what may be open at once.
func inBatches(urls []string, f func(batch []string)) {
	for batch := range slices.Chunk(urls, 40) {
		f(batch)
	}
}

// ran tells of the events of a page those by which a script has run, or would have. That the server has no such part is
// none of them.
func ran(events []string) []string {
	var l []string
	for _, e := range events {
		if !strings.HasPrefix(e, "request ") && !strings.HasPrefix(e, "console Failed to load resource: the server responded with a status of 404") {
			l = append(l, e)
		}
	}
	return l
}

// Without mox the messages do what they are written for. Were it not so, the other tests would say nothing.
func testTrap(t *testing.T, h *hostileServer, b *browser, proxy *countingProxy, raw string) {
	p, events := openRaw(t, h, b, raw, "raw", `"allow-scripts"`, 4)
	defer p.shut()
	n := 0
	for _, e := range events {
		if strings.Contains(e, "alert") {
			n++
		}
	}
	_, leaks := proxy.take()
	t.Logf("without protection: %d scripts, %d requests", n, len(leaks))
	if n < 50 || len(leaks) < 10 {
		t.Errorf("the messages are harmless: %d scripts, %d requests", n, len(leaks))
	}
}

// openRaw opens the HTML of one in some messages without mox.
func openRaw(t *testing.T, h *hostileServer, b *browser, raw, how, sandbox string, one int) (*page, []string) {
	t.Helper()
	p := b.openWatched(t, desktop)
	p.visit("http://" + raw + "/")
	p.must(nil, "", "spy")
	p.eval(nil, hostileScript)
	var urls []string
	for i := 0; i < htmlCases(h.cases); i += one {
		urls = append(urls, fmt.Sprintf("%s/%d", how, i))
	}
	inBatches(urls, func(batch []string) { p.eval(nil, "hostile.frames("+toJSON(batch)+", "+sandbox+", false)") })
	var events []string
	p.must(&events, "", "events")
	return p, events
}

// Were the sanitizer to miss something, the policy would still let no script run and load nothing.
func testPolicyAlone(t *testing.T, h *hostileServer, b *browser, proxy *countingProxy, raw string) {
	p, events := openRaw(t, h, b, raw, "policy", "null", 1)
	defer p.shut()
	for _, e := range events {
		if strings.HasPrefix(e, "dialog ") || strings.HasPrefix(e, "window ") || strings.Contains(e, "'alert()'") {
			t.Error(e)
		}
	}
	// Connections that a document asks for in advance are none of a policy's business: the sanitizer takes them out.
	if _, leaks := proxy.take(); slices.ContainsFunc(leaks, func(l string) bool { return !strings.HasPrefix(l, "CONNECT ") }) {
		t.Errorf("requests left: %q", leaks)
	}
}

// watched is the webmail with hostile mail.
type watched struct {
	*page
	h     *hostileServer
	proxy *countingProxy
	state string
}

func openHostile(t *testing.T, h *hostileServer, b *browser, proxy *countingProxy) *watched {
	t.Helper()
	p := b.openWatched(t, desktop)
	t.Cleanup(p.shut)
	p.t = t
	p.logIn(h.webmail())
	p.soon(`document.querySelectorAll(".row-subject").length > 5`)
	// The page loads the style of composers by itself when it has nothing to do.
	p.soon(`document.querySelector('link[href*="/later."]')?.sheet`)
	p.eval(nil, hostileScript)
	w := &watched{page: p, h: h, proxy: proxy, state: p.text("hostile.around()")}
	p.must(nil, "", "spy")
	proxy.take()
	return w
}

// check looks at what has happened since the last check.
func (w *watched) check(bad []string, requests int) {
	w.t.Helper()
	for _, b := range bad {
		w.t.Errorf("%s\n%s", b, w.h.technique(b))
	}
	var events []string
	w.must(&events, "", "events")
	for _, e := range ran(events) {
		if !strings.HasPrefix(e, "page ") || !strings.Contains(e, "/webmail/#") {
			w.t.Errorf("%s\n%s", e, w.h.technique(e))
		}
	}
	own := "http://" + w.h.addr(1080) + "/webmail/"
	for _, e := range events {
		if url, ok := strings.CutPrefix(e, "request "); ok && !strings.HasPrefix(url, own) && !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "blob:"+own[:len(own)-len("/webmail/")]) {
			w.t.Error(e)
		}
	}
	through, leaks := w.proxy.take()
	if len(leaks) > 0 {
		w.t.Errorf("requests left: %q", leaks)
	}
	if through < requests {
		w.t.Errorf("%d requests went through the proxy, want %d at least", through, requests)
	}
	if state := w.text("hostile.around()"); state != w.state {
		at := 0
		for at < min(len(state), len(w.state)) && state[at] == w.state[at] {
			at++
		}
		w.t.Errorf("the page has changed: %.300q was %.300q", state[max(at-100, 0):], w.state[max(at-100, 0):])
		w.state = state
	}
	// It still answers.
	w.eval(nil, "new Promise(done => requestAnimationFrame(() => done(null)))")
}

// All text of messages, as the frames of the reader have it.
func testHostileFrames(t *testing.T, h *hostileServer, b *browser, proxy *countingProxy, _ string) {
	w := openHostile(t, h, b, proxy)
	var urls []string
	small := h.emails[:h.huge()]
	for _, email := range small {
		urls = append(urls, "message/"+email+"/html?remote=none")
	}
	for i, email := range small {
		if i%3 == 0 {
			urls = append(urls, "message/"+email+[]string{"/html?view=text&theme=dark", "/html?theme=dark", "/text"}[i/3%3])
		}
	}
	for i, batch := range slices.Collect(slices.Chunk(urls, 40)) {
		// The sandbox of the reader's frame, and none: the policy has one too.
		sandbox := []string{`"allow-same-origin allow-popups allow-popups-to-escape-sandbox"`, "null"}[i%2]
		var bad []string
		w.eval(&bad, "hostile.frames("+toJSON(batch)+", "+sandbox+")")
		w.check(bad, len(batch))
	}
}

// Messages that take much are shown in part, or all of them where asked for.
func testHostileHuge(t *testing.T, h *hostileServer, b *browser, proxy *countingProxy, _ string) {
	w := openHostile(t, h, b, proxy)
	for i := h.huge(); i < len(h.emails); i++ {
		for _, how := range []string{"/html?remote=none", "/html?remote=none&all=1"} {
			begin := time.Now()
			var bad []string
			w.eval(&bad, "hostile.frames("+toJSON([]string{"message/" + h.emails[i] + how})+", null)")
			w.check(bad, 1)
			t.Logf("%s%s: %d ms", h.cases[i].technique, how, time.Since(begin).Milliseconds())
		}
	}
	// Where not all is marked that should be, the page says so.
	for technique, told := range map[string]bool{"huge: text apart": true, "huge: letters apart": true, "huge: text letters": true, "huge: emoji": false} {
		i := slices.IndexFunc(h.cases, func(c hostileMail) bool { return c.technique == technique })
		w.eval(nil, "hostile.read("+toJSON(h.emails[i:i+1])+")")
		if got := w.text(`String(document.querySelector(".banners").textContent.includes("Only the first of them are marked"))`); got != fmt.Sprint(told) {
			t.Errorf("%s: told that not all is marked: %s, want %v", technique, got, told)
		}
	}
}

// Parts are downloads, or of a type that runs nothing; in a frame of their own too.
func testHostileParts(t *testing.T, h *hostileServer, b *browser, proxy *countingProxy, _ string) {
	w := openHostile(t, h, b, proxy)
	var paths []string
	for i, email := range h.emails {
		if i < htmlCases(h.cases) || i >= h.huge() || h.cases[i].technique == "fields" {
			continue
		}
		// Whatever there is of them.
		list := []string{"raw", "headers", "part/1", "part/1?inline=1"}
		if strings.Contains(h.cases[i].message, "multipart") {
			list = append(list, "zip", "part/2", "part/2?inline=1", "part/1.1?inline=1", "html?path=2")
		}
		for _, path := range list {
			paths = append(paths, "message/"+email+"/"+path)
		}
	}
	type answer struct {
		URL, Type, Disposition, Policy, Sniff string
		Status                                int
	}
	for batch := range slices.Chunk(paths, 400) {
		var answers []answer
		w.eval(&answers, `(async urls => {
			const out = []
			const next = async () => {
				for (let url; (url = urls.pop());) {
					const r = await fetch(url)
					await r.body?.cancel()
					const h = n => r.headers.get(n) ?? ''
					out.push({ URL: url, Status: r.status, Type: h('content-type'), Disposition: h('content-disposition'), Policy: h('content-security-policy'), Sniff: h('x-content-type-options') })
				}
			}
			await Promise.all([next(), next(), next(), next()])
			return out
		})(`+toJSON(batch)+`)`)
		var inline []string
		for _, a := range answers {
			if a.Status == http.StatusNotFound {
				continue
			}
			kind, _, _ := strings.Cut(a.Type, ";")
			download := strings.HasPrefix(a.Disposition, "attachment")
			document := strings.Contains(a.URL, "/html")
			if a.Status != http.StatusOK || a.Sniff != "nosniff" || a.Policy == "" || !strings.Contains(a.Policy, "default-src 'none'") {
				t.Errorf("%+v\n%s", a, h.technique(a.URL))
			}
			if !strings.Contains(a.Policy, "sandbox") && kind != "application/pdf" {
				t.Errorf("no sandbox: %+v\n%s", a, h.technique(a.URL))
			}
			harmless := kind == "text/plain" || kind == "application/pdf" || strings.HasPrefix(kind, "image/") && kind != "image/svg+xml" || strings.HasPrefix(kind, "audio/") || strings.HasPrefix(kind, "video/")
			if !download && !document && !harmless {
				t.Errorf("%+v\n%s", a, h.technique(a.URL))
			}
			if !download && (document || kind == "text/plain" || strings.HasPrefix(kind, "image/")) {
				inline = append(inline, a.URL)
			}
		}
		w.check(nil, len(batch))
		inBatches(inline, func(batch []string) {
			var bad []string
			w.eval(&bad, "hostile.frames("+toJSON(batch)+", null)")
			w.check(bad, len(batch))
		})
	}
}

// The reader shows them, head, banners, attachments and all; of those that differ in their HTML alone it shows one in four.
func testHostileReader(t *testing.T, h *hostileServer, b *browser, proxy *countingProxy, _ string) {
	w := openHostile(t, h, b, proxy)
	var got struct {
		Bad     []string
		Slowest int
	}
	w.eval(&got, "hostile.read("+toJSON(h.emails[:1])+")")
	w.state = w.text("hostile.around()") // The mailbox of the message is marked.
	var emails []string
	for i, email := range h.emails {
		if i >= htmlCases(h.cases) || i%4 == 0 {
			emails = append(emails, email)
		}
	}
	huge := slices.Index(emails, h.emails[h.huge()]) // From here on each takes long.
	for _, batch := range append(slices.Collect(slices.Chunk(emails[:huge], 20)), slices.Collect(slices.Chunk(emails[huge:], 1))...) {
		w.eval(&got, "hostile.read("+toJSON(batch)+")")
		w.check(got.Bad, len(batch))
		t.Logf("%s: opened within %d ms", h.technique(batch[0])[:20], got.Slowest)
	}
}

// The address of a frame, opened in a window of its own, has the same limits.
func testHostileDirectly(t *testing.T, h *hostileServer, b *browser, proxy *countingProxy, _ string) {
	w := openHostile(t, h, b, proxy)
	tab := w.tab()
	tab.must(nil, "", "spy")
	for i, email := range h.emails {
		// The frames have been opened all; of most techniques some are enough.
		if i%8 != 0 && h.cases[i].technique != "documents within" {
			continue
		}
		url := h.webmail() + "message/" + email + "/html?remote=none"
		if r := tab.visit(url); r.Status != http.StatusOK {
			t.Errorf("%s: %d", url, r.Status)
		}
		if at := tab.text("document.URL + ' ' + window.length"); at != url+" 0" {
			t.Errorf("%s went to %s\n%s", url, at, h.technique(url))
		}
	}
	var events []string
	tab.must(&events, "", "events")
	for _, e := range events {
		if url, ok := strings.CutPrefix(e, "request "); ok {
			if !strings.HasPrefix(url, h.webmail()) && !strings.HasPrefix(url, "data:image/") {
				t.Error(e)
			}
			continue
		}
		if len(ran([]string{e})) > 0 && !strings.HasPrefix(e, "page "+h.webmail()+"message/") {
			t.Error(e)
		}
	}
	w.check(nil, 0)
}

// bodyOf returns the content of a message of htmlMail.
func bodyOf(message string) string {
	_, body, _ := strings.Cut(message, "\r\n\r\n")
	return decoded(body)
}

func toJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(data)
}
