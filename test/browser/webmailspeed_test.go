package browser

import (
	"bufio"
	"fmt"
	"io"
	"net/textproto"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// speedMessages is how many messages the mailbox has.
	speedMessages = 100_000

	// mostRows is how many rows of a list may be there, wherever one is in it.
	mostRows = 120

	// burst is how many messages arrive at once.
	burst = 500
)

// speedScript defines in a page what measures it, with the page's own clock.
const speedScript = `(() => {
	const frame = () => new Promise(done => requestAnimationFrame(done))
	const painted = async () => { await frame(); await new Promise(done => setTimeout(done)) }
	const until = async seen => {
		const end = performance.now() + 20000
		for (let v; performance.now() < end; await frame()) if ((v = seen())) { await painted(); return performance.now() }
		throw new Error('not in time: ' + seen)
	}
	const shown = () => [...document.querySelectorAll('.list [role=row]')].filter(r => r.checkVisibility() && r.querySelector('.row-date:not(:empty)'))
	const m = window.measured = {
		longest: 0, long: 0, shift: 0, keys: [], first: 0,
		until, shown, frame, painted,
		reset() { m.longest = m.long = m.shift = 0; m.keys.length = 0 },
		rows: () => document.querySelectorAll('.list [role=row]').length,
		async since(act, seen) { const begin = performance.now(); act(); return await until(seen) - begin },
	}
	new PerformanceObserver(l => { for (const e of l.getEntries()) { m.long++; m.longest = Math.max(m.longest, e.duration) } }).observe({ type: 'longtask', buffered: true })
	new PerformanceObserver(l => { for (const e of l.getEntries()) if (!e.hadRecentInput) m.shift += e.value }).observe({ type: 'layout-shift', buffered: true })
	new PerformanceObserver(l => { for (const e of l.getEntries()) if (e.name === 'keydown') m.keys.push(e.duration) }).observe({ type: 'event', durationThreshold: 16, buffered: true })
	until(() => shown().length > 5).then(at => { m.first = at }, () => {})
	return null
})()`

// BenchmarkWebmail measures the webmail in a browser, with a mailbox of 100,000 messages. Times are in milliseconds, of what one
// sees: up to the picture in which it is. It asserts how many rows there are at a time, and nothing of speed.
func BenchmarkWebmail(b *testing.B) {
	s := startMail(b)
	begin := time.Now()
	s.importMany("Inbox", speedMessages)
	s.deliver("Archive", mails(300)...)
	b.Logf("%d messages imported in %.0f s", speedMessages, time.Since(begin).Seconds())
	br := launchBrowser(b, "--no-proxy-server", "--enable-precise-memory-info")
	p := br.openWatched(b, desktop)
	defer p.shut()
	p.must(nil, "", "addInitScript", map[string]string{"content": "if (self === top && document.contentType === 'text/html') " + speedScript})
	report := func(name string, times []float64) {
		slices.Sort(times)
		if len(times) == 0 {
			b.Errorf("%s was not measured", name)
			return
		}
		median, p95 := times[len(times)/2], times[len(times)*95/100]
		b.Logf("%-28s %3d times: median %6.1f, 95%% %6.1f, longest %6.1f ms", name, len(times), median, p95, times[len(times)-1])
		b.ReportMetric(p95, strings.ReplaceAll(name, " ", "-")+"-ms")
	}
	first := func() float64 {
		p.soon("measured.first > 0")
		var at float64
		p.eval(&at, "measured.first")
		return at
	}

	p.logIn(s.webmail())
	report("first list of a start", []float64{first()})
	var cold, warm []float64
	for range 5 {
		p.visit("about:blank")
		p.must(nil, "", "devtools", "Network.clearBrowserCache", map[string]any{})
		p.visit(s.webmail())
		cold = append(cold, first())
	}
	for range 10 {
		p.must(nil, "", "reload")
		warm = append(warm, first())
	}
	report("list cold", cold)
	report("list warm", warm)

	var times []float64
	measure := func(name, expression string) {
		times = nil
		p.eval(&times, expression)
		report(name, times)
	}
	id := p.text(`JSON.parse(document.getElementById("data").textContent).Mailboxes.find(m => m.Name === "Archive").ID`)
	inbox := p.text(`JSON.parse(document.getElementById("data").textContent).Mailboxes.find(m => m.Name === "Inbox").ID`)
	measure("mailbox switch", `(async () => {
		const times = []
		const of = text => () => measured.shown().length > 5 && measured.shown().every(r => r.querySelector(".row-subject").textContent.startsWith(text))
		for (let i = 0; i < 10; i++) {
			times.push(await measured.since(() => { location.hash = "#mailbox/`+id+`" }, of("Message ")))
			times.push(await measured.since(() => { location.hash = "#mailbox/`+inbox+`" }, of("About ")))
		}
		return times
	})()`)
	open := `(async from => {
		const times = []
		for (let i = from; i < from + 8; i++) {
			const row = measured.shown().sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)[i]
			const before = document.querySelector(".reader iframe")
			const n = row.querySelector(".row-subject").textContent.match(/\d+/)[0]
			times.push(await measured.since(() => row.querySelector(".row-subject").click(), () => {
				const f = document.querySelector(".reader iframe")
				return f && f !== before && !f.classList.contains("waiting") && f.contentDocument?.body?.textContent.includes("number " + n + ".")
			}))
			await new Promise(done => setTimeout(done, 150))
		}
		return times
	})(%d)`
	measure("open a message", fmt.Sprintf(open, 0))
	measure("open it again", fmt.Sprintf(open, 0))

	// From one end to the other.
	p.eval(nil, `document.querySelector(".list .row-subject").click(), null`)
	measure("jump to the end and back", `(async () => {
		const times = []
		const at = n => () => measured.shown().some(r => r.getAttribute("aria-rowindex") === String(n))
		for (let i = 0; i < 5; i++) for (const [key, n] of [["End", `+fmt.Sprint(speedMessages)+`], ["Home", 1]]) {
			times.push(await measured.since(() => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, code: key, bubbles: true, cancelable: true })), at(n)))
		}
		return times
	})()`)
	p.eval(nil, "measured.reset(), null")
	var scroll struct {
		Rows, Long           int
		Longest, Shift, Heap float64
		Empty                int
	}
	p.eval(&scroll, `(async () => {
		const box = [...document.querySelectorAll(".list *")].find(e => e.scrollHeight > 100000 && getComputedStyle(e).overflowY !== "visible")
		let rows = 0
		let empty = 0
		for (let i = 0; i <= 600; i++) {
			box.scrollTop = (box.scrollHeight - box.clientHeight) * i / 600
			await measured.frame()
			rows = Math.max(rows, measured.rows())
			if (measured.rows() < 5) empty++
		}
		await new Promise(done => setTimeout(done, 500))
		return { Rows: rows, Empty: empty, Long: measured.long, Longest: measured.longest, Shift: measured.shift }
	})()`)
	p.must(nil, "", "devtools", "HeapProfiler.collectGarbage", map[string]any{})
	var heap struct{ UsedSize float64 }
	p.must(&heap, "", "devtools", "Runtime.getHeapUsage", map[string]any{})
	b.Logf("scrolled from end to end: at most %d rows, %d pictures without any, %d tasks over 50 ms (longest %.0f ms), layout shift %.3f, heap %.1f MB",
		scroll.Rows, scroll.Empty, scroll.Long, scroll.Longest, scroll.Shift, heap.UsedSize/1e6)
	b.ReportMetric(heap.UsedSize/1e6, "heap-MB")
	b.ReportMetric(scroll.Longest, "longest-task-ms")
	b.ReportMetric(scroll.Shift, "layout-shift")
	if scroll.Rows > mostRows {
		b.Errorf("%d rows, want %d at most", scroll.Rows, mostRows)
	}

	measure("search", `(async () => {
		const times = []
		for (const word of ["number 99990", "about something", "person42", "subject:About", "text that goes"]) {
			times.push(await measured.since(() => { location.hash = "#search/normal/0?q=" + encodeURIComponent(word) },
				() => measured.shown().length > 0 && document.querySelector(".search-entry").value === word))
			location.hash = "#mailbox/`+inbox+`"
			await measured.until(() => measured.shown().length > 5)
		}
		return times
	})()`)

	keys := func(name string, n int) {
		p.eval(nil, "measured.reset(), null")
		for i := range n {
			p.press([]string{"Control+ArrowDown", "Control+ArrowUp"}[i/20%2])
		}
		times = nil
		p.eval(&times, "new Promise(done => setTimeout(() => done(measured.keys), 300))")
		for len(times) < n {
			times = append(times, 16) // Shorter ones are not told.
		}
		report(name, times)
	}
	p.press("Home")
	keys("key", 100)
	done := make(chan error, 1)
	go func() { done <- s.sendMany(burst) }()
	keys("key while mail arrives", 200)
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	p.soon(fmt.Sprintf(`Number(document.querySelector(".list [aria-rowcount]").getAttribute("aria-rowcount")) >= %d`, speedMessages+burst))
	var long struct{ Long, Longest, Shift float64 }
	p.eval(&long, "({ Long: measured.long, Longest: measured.longest, Shift: measured.shift })")
	b.Logf("while %d messages arrive: %.0f tasks over 50 ms, longest %.0f ms, layout shift %.3f", burst, long.Long, long.Longest, long.Shift)
	for _, problem := range p.problems() {
		if !strings.Contains(problem, "/events?") { // Streams end with their page.
			b.Errorf("problem in the page: %s", problem)
		}
	}
}

// importMany puts many messages into a mailbox.
func (s *server) importMany(mailbox string, n int) {
	s.t.Helper()
	r, w := io.Pipe()
	go func() {
		bw := bufio.NewWriterSize(w, 1<<20)
		day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range n {
			at := day.Add(time.Duration(i) * 30 * time.Minute)
			fmt.Fprintf(bw, "From ana@example.org %s\nFrom: Person %d <person%d@example.org>\nTo: mox@localhost\nSubject: About something, %d\nMessage-ID: <%d@many.example>\nDate: %s\nStatus: RO\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<p>Words of a message, number %d. <b>More</b> of them, with a <a href=\"https://example.org/%d\">link</a>.</p>\n%s\n\n",
				at.Format(time.ANSIC), i%500, i%500, i, i, at.Format(time.RFC1123Z), i, i, strings.Repeat("<p>And some text that goes on for a while.</p>\n", i%20))
		}
		w.CloseWithError(bw.Flush())
	}()
	cmd := exec.Command(moxBinary, "--config", filepath.Join(s.dir, "mox.conf"), "import", "mbox", "--account", "mox", "--mailbox", mailbox, "-")
	cmd.Stdin = r
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
}

// sendMany delivers messages over one connection.
func (s *server) sendMany(n int) error {
	c, err := textproto.Dial("tcp", s.addr(1025))
	if err != nil {
		return err
	}
	defer c.Close()
	if _, _, err := c.ReadResponse(220); err != nil {
		return err
	}
	steps := func(i int) [][2]string {
		return [][2]string{
			{"MAIL FROM:<ana@example.org>", "250"}, {"RCPT TO:<mox@localhost>", "250"}, {"DATA", "354"},
			{fmt.Sprintf("From: Ana <ana@example.org>\r\nTo: mox@localhost\r\nSubject: Burst %d\r\nMessage-ID: <burst%d@example.org>\r\n\r\nSome words.\r\n.", i, i), "250"},
		}
	}
	if err := c.PrintfLine("EHLO localhost"); err != nil {
		return err
	}
	if _, _, err := c.ReadResponse(250); err != nil {
		return err
	}
	for i := range n {
		for _, step := range steps(i) {
			if err := c.PrintfLine("%s", step[0]); err != nil {
				return err
			}
			code := 250
			if step[1] == "354" {
				code = 354
			}
			if _, _, err := c.ReadResponse(code); err != nil {
				return err
			}
		}
	}
	return nil
}
