package browser

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// elsewhere is a host that is not the server: it counts who asks it for images.
type elsewhere struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func startElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	e := &elsewhere{}
	data := picture(60, 40, color.RGBA{0x12, 0x57, 0xb0, 0xff})
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		e.asked = append(e.asked, r.URL.Path)
		e.mu.Unlock()
		w.Header().Set("Content-Type", "image/png")
		w.Write(data)
	}))
	t.Cleanup(e.Close)
	return e
}

// take returns what was asked for since the last call.
func (e *elsewhere) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.asked
	e.asked = nil
	return l
}

// picture is an image in one colour, in PNG.
func picture(width, height int, c color.Color) []byte {
	m := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{c})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// inText is an expression about the document of the message that is open last, once all of it is there.
func inText(expression string) string {
	return `(d => ` + expression + `)([...document.querySelectorAll('.message.open iframe')].slice(-1).find(f => !f.classList.contains('waiting'))?.contentDocument ?? document.createElement('p'))`
}

const words = `d.body?.innerText.trim().replace(/\s+/g, ' ')`

// images tells which images of a text are shown, by their alternative texts.
const images = `[...d.querySelectorAll('img')].filter(i => i.complete && i.naturalWidth > 0).map(i => i.alt).join()`

// more chooses from the menu of the message that is open.
func (p *mailPage) more(item string) {
	p.t.Helper()
	p.menu(".message.open >> nth=-1 >> "+buttonOf("More for this message"), item)
}

// Conversations and messages: what is open and folded, HTML and text, images, headers, source, hints, printing.
func testMailReading(t *testing.T, m *mailSite, u *mailUser) {
	far := startElsewhere(t)
	blue := picture(20, 20, color.RGBA{0, 0, 0xff, 0xff})
	u.put(t, "Sent", letter{subject: "Re: Boat trip", from: u.address, to: "ana@example.org", id: "b2@localhost", inReplyTo: "b1@example.org", text: "I come along.\n", flags: `\Seen`, at: letterTime.Add(time.Minute)})
	u.put(t, "Inbox",
		letter{subject: "Boat trip", id: "b1@example.org", text: "Who comes along?\n", flags: `\Seen`},
		letter{subject: "Re: Boat trip", from: "Ben Okafor <ben@example.net>", id: "b3@example.net", inReplyTo: "b1@example.org", text: "Me too!\n\nOn Friday, Ana wrote:\n> Who comes along?\n", at: letterTime.Add(2 * time.Minute)},
		letter{subject: "News of the week", from: "Weekly <weekly@news.example>", at: letterTime.Add(time.Hour), flags: `\Seen`,
			header: "List-Id: News <weekly.news.example>\nList-Unsubscribe: <mailto:leave@news.example>\nList-Post: <mailto:weekly@news.example>\n",
			text:   "The news as text.\n",
			html: `<h1>The news</h1><p><img alt="inline" src="cid:pic@x"><img alt="far" width="60" height="40" src="` + far.URL + `/far.png">` +
				`<a href="http://evil.example/">http://bank.example/</a> <a href="mailto:ana@example.org?subject=Hi">Write</a></p>` +
				`<style>.a .b span{color:#fff!important;background:#fff!important;display:none!important;text-decoration:none!important}</style><div class="a"><p class="b">p` + "\u0430" + `ypal</p></div>`,
			files: []letterFile{{name: "pic.png", typ: "image/png", cid: "pic@x", data: blue}}},
		letter{subject: "Second issue", from: "Weekly <weekly@news.example>", at: letterTime.Add(2 * time.Hour), flags: `\Seen`,
			html: `<p>Another one <img alt="far" width="60" height="40" src="` + far.URL + `/second.png"></p>`},
		letter{subject: "pаypal", from: "\"ana@example.org\" <thief@evil.example>", text: "Log in at pаypal now.\n", at: letterTime.Add(3 * time.Hour), flags: `\Seen`})
	p := m.browser.mail(t, u, desktop, nil)
	p.see(rowOf("Boat trip"))

	// A conversation is stacked, with what was sent; what is read is folded, what is new and the last one is open, and is read then.
	p.see(rowOf("Boat trip") + ".unread")
	p.click(rowOf("Boat trip"))
	p.count(".reader .message", 3)
	p.count(".reader .message.open", 1)
	p.see(".message.open >> text=Ben Okafor")
	p.shows(inText(words), "Me too! On Friday, Ana wrote: Who comes along?")
	p.gone(rowOf("Boat trip") + ".unread")
	p.click(".message:nth-child(1) .message-fold")
	p.count(".reader .message.open", 2)
	p.press(":")
	p.count(".reader .message.open", 0)
	p.press(";")
	p.count(".reader .message.open", 3)
	p.see(".message:nth-child(2) >> text=me")

	// HTML in its frame; nothing is loaded from elsewhere until that is asked for. What is marked stays so, whatever the message says.
	p.click(rowOf("News of the week"))
	p.shows(inText(`d.querySelector('h1')?.textContent`), "The news")
	p.shows(inText(`(s => [s?.color, s?.backgroundColor, s?.display, s?.textDecorationLine].join(' '))(d.querySelector('.mox-mixed') && getComputedStyle(d.querySelector('.mox-mixed')))`),
		"rgb(168, 33, 27) rgb(253, 232, 230) inline underline")
	p.shows(inText(images), "inline")
	if l := far.take(); len(l) > 0 {
		t.Errorf("without being asked, %q was loaded", l)
	}
	p.see(".banners >> text=/Images from .* are not loaded/")
	p.click(".banners >> " + buttonOf("Show once"))
	p.shows(inText(images), "inline,far")
	if l := far.take(); !slices.Equal(l, []string{"/far.png"}) {
		t.Errorf("%q was loaded, expected the image", l)
	}
	p.click(rowOf("Second issue"))
	p.shows(inText(words), "Another one")
	p.shows(inText(images), "")
	p.click(".banners >> " + buttonOf("Always for this sender"))
	p.shows(inText(images), "far")
	p.saved("RemoteSenders", []string{"weekly@news.example"})
	p.click(rowOf("News of the week"))
	p.shows(inText(images), "inline,far")
	p.gone(".banners >> text=/Images from/")
	p.more("Load no images of this sender")
	p.saved("RemoteSenders", []string{})
	p.see(".banners >> text=/Images from .* are not loaded/")

	// As text, and as HTML again; it is remembered for the sender.
	p.more("Show as text")
	p.shows(inText(words), "The news as text.")
	p.soon(`performance.getEntriesByType('resource').some(e => e.name.endsWith('/ShowBody') && e.responseEnd > 0)`)
	p.must(nil, "", "reload")
	p.shows(inText(words), "The news as text.")
	p.focus(".reader .message.open")
	p.keys("T")
	p.shows(inText(`d.querySelector('h1')?.textContent`), "The news")

	// A link that says another address than it has is told; mailto links open the composer.
	p.see(".banners >> text=/bank.example/")
	p.soon(inText(`(a => a && (a.click(), true))(d.querySelector('a[href^="mailto:"]'))`))
	p.see(".composer >> text=ana@example.org")
	p.shows(`document.querySelector('.composer-subject').value`, "Hi")
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")

	// Details, headers, source, parts, each giving the focus back.
	p.click(".message.open .message-to")
	p.see(".message-details >> text=weekly@news.example >> nth=0", ".message-details >> text=Message-ID")
	for _, c := range []struct{ item, want string }{{"All headers", "List-Unsubscribe"}, {"Source", "Content-Type: multipart"}, {"Parts", "multipart/related"}} {
		p.more(c.item)
		p.see(fmt.Sprintf("dialog >> text=/%s/ >> nth=0", c.want))
		p.press("Escape")
		p.gone("dialog")
		p.shows(`document.activeElement.getAttribute('aria-label')`, "More for this message")
	}
	p.click(".banners >> " + buttonOf("Unsubscribe"))
	p.see("dialog >> text=Leave this list?")
	p.click("dialog >> " + buttonOf("Write a message"))
	p.see(".composer >> text=leave@news.example")
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")
	p.hush()

	// Who sent it, in words; what looks like somebody else is told.
	p.click(".message.open .message-second .chip")
	p.see(".message-details >> text=Who sent it")
	p.click(rowOf("thief") + ", " + rowOf("ypal"))
	p.see(".banners >> text=/thief@evil.example/ >> nth=0")
	p.see(".banners >> text=/Cyrillic|script/i >> nth=0")

	// The message as a file, and with an address of its own.
	p.click(rowOf("News of the week"))
	p.see(".message.open >> " + buttonOf("More for this message"))
	p.click(".message.open >> " + buttonOf("More for this message"))
	name, eml := p.download(".menu-item >> text=Download the message")
	if !strings.HasSuffix(name, ".eml") || !bytes.Contains(eml, []byte("List-Unsubscribe")) {
		t.Errorf("got the file %q with %.60q", name, eml)
	}
	alone := p.opened(func() { p.more("Open in a new tab") })
	alone.see(".reader-subject:text-is('News of the week')")
	alone.must(nil, "", "reload")
	alone.shows(inText(`d.querySelector('h1')?.textContent`), "The news")
	if got := alone.text("location.hash"); !strings.HasPrefix(got, "#message/") {
		t.Errorf("the message has the address %s", got)
	}
	alone.calm()
	alone.lose()

	// On paper there is the message and nothing else.
	p.must(nil, "", "emulateMedia", map[string]string{"media": "print"})
	p.see(".reader-subject", ".message.open iframe")
	p.gone(".sidebar", ".list", ".top", ".reader-tools")
	p.must(nil, "", "emulateMedia", map[string]string{"media": "screen"})
}

// Attachments: looked at one after the other, downloaded, all at once; messages within messages.
func testMailAttachments(t *testing.T, m *mailSite, u *mailUser) {
	inner := letter{subject: "Within", from: "Cy <cy@example.net>", text: "The inner text.\n"}
	csv := []byte("a,b\n1,2\n")
	u.put(t, "Inbox", letter{subject: "Files", flags: `\Seen`, files: []letterFile{
		{name: "red.png", typ: "image/png", data: picture(300, 200, color.RGBA{0xff, 0, 0, 0xff})},
		{name: "notes.txt", typ: "text/plain; charset=utf-8", data: []byte("Notes with ü.\n")},
		{name: "inner.eml", typ: "message/rfc822", data: []byte(inner.String())},
		{name: "page.html", typ: "text/html", data: []byte("<script>top.document.title = 'ran'</script>")},
		{name: "table.csv", typ: "application/octet-stream", data: csv},
	}})
	p := m.browser.mail(t, u, desktop, nil)
	p.click(rowOf("Files"))
	p.count(".attachment", 5)
	p.see(".attachments >> text=5 attachments")

	name, data := p.download(buttonOf("Download table.csv"))
	if name != "table.csv" || !bytes.Equal(data, csv) {
		t.Errorf("got the file %q with %q", name, data)
	}
	name, data = p.download(".attachments >> text=Download all")
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if !slices.Equal(names, []string{"red.png", "notes.txt", "inner.eml", "page.html", "table.csv"}) {
		t.Errorf("the archive has %q", names)
	}

	p.focus(".reader .message.open")
	p.press("v")
	p.see("dialog.viewer img")
	p.shows(`String(document.querySelector('dialog.viewer img').naturalWidth)`, "300")
	p.see("dialog.viewer >> text=/1 of 5/")
	p.press("ArrowRight")
	p.see("dialog.viewer >> text=Notes with ü.")
	p.press("l")
	p.see("dialog.viewer .reader-subject:text-is('Within')")
	p.shows(inText(words), "The inner text.")
	p.accessible("viewer")
	p.press("End")
	p.see("dialog.viewer >> text=There is no view of this kind of file.")
	p.press("Home")
	p.see("dialog.viewer img")
	p.press("Escape")
	p.gone("dialog.viewer")
	p.shows(`String(document.activeElement.closest('.message') !== null)`, "true")
	if got := p.text("document.title"); strings.Contains(got, "ran") {
		t.Error("a script of an attachment ran")
	}
}
