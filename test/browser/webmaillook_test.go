package browser

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every view can be read and used by everybody, in light and dark, on a desktop and on a phone.
func testMailLook(t *testing.T, m *mailSite, u *mailUser) {
	u.fill(t)
	for _, v := range []view{desktop, phone} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			testMailViews(t, m, u, v)
		})
	}
}

// look is inspect for a view of the webmail.
func (p *mailPage) look(name string) {
	p.t.Helper()
	p.fits(name + "-" + p.view.name)
	p.inspect(name)
}

func testMailViews(t *testing.T, m *mailSite, u *mailUser, v view) {
	p := m.browser.mailOut(t, u, v, nil)
	p.visit(u.s.webmail())
	p.look("login")
	p.fill("#username", u.address)
	p.fill("#password", mailPassword)
	p.click("button")
	lake := rowOf("Weekend at the lake")
	p.see(lake)
	p.look("inbox")

	if v.phone {
		p.click(".bottom-bar >> text=Mailboxes")
		p.see(".sidebar")
		p.look("mailboxes")
		p.press("Escape")
		p.gone(".sidebar")
		p.touch(lake+" .row-text", 0)
	} else {
		p.click(lake + " input")
	}
	p.see(".selecting")
	p.look("selection")
	p.click(buttonOf("Clear the selection"))
	p.gone(".selecting")

	p.click(lake + " .row-text")
	p.see(".message.open iframe")
	p.shows(inText(words+` ? 'text' : ''`), "text")
	p.look("conversation")
	p.click(".message.open >> nth=-1 >> " + buttonOf("More for this message"))
	p.see(".menu")
	p.look("menu")
	p.choose("Parts")
	p.see("dialog >> text=multipart/related >> nth=0")
	p.look("parts")
	p.press("Escape")
	p.gone("dialog")
	p.click(".message.open >> nth=-1 >> .message-to")
	p.see(".message-details dl")
	p.look("details")

	p.eval(nil, `location.hash = '#search/normal/0?q=print'; null`)
	p.see(rowOf("Invoice"))
	p.look("search")
	p.eval(nil, `location.hash = '#search/normal/0?q=nothing-like-it'; null`)
	p.see(".list-state >> text=Nothing found")
	p.look("nothing")
	p.eval(nil, `location.hash = '#mailbox/1'; null`)
	p.see(rowOf("Invoice"))
	p.click(rowOf("Invoice") + " .row-text")
	p.see(".attachment")
	p.look("attachments")
	p.press("v")
	p.see("dialog.viewer")
	p.look("viewer")
	p.click("dialog.viewer >> " + buttonOf("Close")) // The browser tells that it is no PDF, and has the keys then.
	p.gone("dialog.viewer")
	p.lookAtPages()
	p.lookAtComposer()
}

// lookAtPages looks at what stands in the place of list and reader.
func (p *mailPage) lookAtPages() {
	p.t.Helper()
	for _, section := range []string{"general", "writing", "privacy", "keys", "labels", "sessions", "transfer"} {
		p.settingsPage(section)
		if section == "sessions" {
			p.see(".settings-row:visible")
		}
		p.look("settings-" + section)
	}
	if !p.view.phone {
		p.click(buttonOf("Keys and help"))
		p.see("dialog.dialog")
		p.look("help")
		p.press("Escape")
		p.gone("dialog")
	}
	p.eval(nil, `location.hash = '#scheduled'; null`)
	p.see("h1:visible")
	p.look("scheduled")
}

func (p *mailPage) lookAtComposer() {
	p.t.Helper()
	p.eval(nil, `location.hash = '#mailbox/1'; null`)
	p.see(rowOf("Invoice"))
	if p.view.phone {
		p.click(".bottom-bar >> text=Compose")
	} else {
		p.click(buttonOf("Compose"))
	}
	p.see(richText)
	p.recipient("To", "ana@example.org")
	p.must(nil, ".composer input[type=file]", "setInputFiles", []string{"webmaillook_test.go"})
	p.see(".composer .file")
	p.see(".composer-status:has-text('Draft saved')")
	p.look("composer")
	p.click(".composer-foot >> " + buttonOf("Other ways to send"))
	p.see(".menu")
	p.look("ways-to-send")
	p.press("Escape")
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")
}

// The page fits where it is small: 320 CSS pixels, and a desktop of which everything is shown at twice its size.
func testMailReflow(t *testing.T, m *mailSite, u *mailUser) {
	u.fill(t)
	for _, v := range []view{{"narrow", 320, 640, false}, {"zoomed", 640, 400, false}, {"tablet", 900, 700, false}} {
		p := m.browser.mail(t, u, v, nil)
		p.see(rowOf("Weekend at the lake"))
		p.fits("inbox-" + v.name)
		p.click(rowOf("Weekend at the lake") + " .row-text")
		p.see(".message.open iframe")
		p.fits("message-" + v.name)
		for _, section := range []string{"general", "writing", "privacy", "keys", "labels", "sessions", "transfer"} {
			p.settingsPage(section)
			p.fits("settings-" + section + "-" + v.name)
		}
		p.eval(nil, `location.hash = '#mailbox/1'; null`)
		p.see(rowOf("Invoice"))
		p.press("c")
		p.see(richText)
		p.fits("composer-" + v.name)
		p.picture("composer-" + v.name)
		// All that is pressed can be reached, also the foot of the composer.
		for _, name := range []string{"Send", "Discard the draft"} {
			p.must(nil, ".composer-foot >> "+buttonOf(name), "click", map[string]any{"trial": true})
		}
		p.click(".composer >> " + buttonOf("Discard the draft"))
		p.gone(".composer")
	}
}

// pictureTime is now, in pictures for the documentation.
var pictureTime = time.Date(2026, 11, 20, 14, 10, 0, 0, time.UTC)

// The pictures in the documentation.
func testMailPictures(t *testing.T, m *mailSite, _ *mailUser) {
	if !*screenshots {
		t.Skip("without -screenshots")
	}
	u := m.users["nora"]
	u.fill(t)
	for _, v := range []view{desktop, phone} {
		options := map[string]any{"deviceScaleFactor": 1}
		if v.phone {
			options["deviceScaleFactor"] = 2
		}
		p := m.browser.mailOut(t, u, v, options)
		p.must(nil, "", "clock.setFixedTime", pictureTime.Format(time.RFC3339))
		shoot := func(name, scheme string) {
			t.Helper()
			p.must(nil, "", "emulateMedia", map[string]string{"colorScheme": scheme})
			p.must(nil, "", "mouse.move", 5, 5)
			p.hush()
			p.eval(nil, `document.activeElement.closest('.composer') ?? document.activeElement.blur()`)
			// The server's time is another one.
			p.eval(nil, `document.querySelectorAll('.composer-status').forEach(e => e.textContent = 'Draft saved 14:10')`)
			p.shows("String([...document.images].every(i => i.complete))", "true")
			p.must(nil, "", "screenshot", map[string]any{
				"path": filepath.Join("..", "..", "docs", "screenshots", name+"-"+v.name+"-"+scheme+".png"), "animations": "disabled", "caret": "hide",
			})
		}
		p.logIn("")
		lake := rowOf("Weekend at the lake")
		p.see(lake)
		if v.phone {
			shoot("inbox", "light")
		} else {
			colours := map[string]string{"club": "Teal", "friends": "Green", "reading": "Violet", "travel": "Orange"}
			for label, colour := range colours {
				p.context(treeItem(label), colour)
			}
			p.savedEntries("Labels", len(colours))
		}
		p.click(lake + " .row-text")
		p.shows(inText(words+` ? 'text' : ''`), "text")
		p.shows(inText(images), "The lake in the evening")
		if v.phone {
			shoot("message", "dark")
			p.must(nil, "", "emulateMedia", map[string]string{"colorScheme": "light"})
		} else {
			shoot("inbox", "light")
			shoot("inbox", "dark")
			p.must(nil, "", "emulateMedia", map[string]string{"colorScheme": "light"})
			p.eval(nil, `location.hash = '#search/normal/0?q=has%3Aattachment%20print'; null`)
			p.see(rowOf("Invoice"))
			p.click(rowOf("Invoice") + " .row-text")
			p.see(".attachment")
			shoot("search", "light")
			p.settingsPage("general")
			shoot("settings", "light")
			p.eval(nil, `location.hash = '#mailbox/1'; null`)
			p.see(lake)
			p.click(lake + " .row-text")
			p.see(".message.open iframe")
		}
		if v.phone {
			p.must(nil, "", "goBack")
			p.see(".bottom-bar")
			p.click(".bottom-bar >> text=Compose")
		} else {
			p.click(buttonOf("Compose"))
		}
		p.see(richText)
		p.recipient("To", "ana@example.org")
		p.recipient("To", "ben@example.net")
		p.fill(subjectField, "Canoes for Saturday")
		p.focus(richText)
		p.typed("Hello both,")
		p.press("Enter", "Enter")
		p.typed("I called the boat house. They keep ")
		p.press("Control+b")
		p.typed("two canoes")
		p.press("Control+b")
		p.typed(" for us until ten. What we still need:")
		p.press("Enter", "Control+Shift+8")
		p.typed("paddles for four")
		p.press("Enter")
		p.typed("something to eat at the island")
		p.see(".composer-status:has-text('Draft saved')")
		shoot("composer", "light")
		p.click(".composer >> " + buttonOf("Discard the draft"))
		p.gone(".composer")
		p.problems() // What sets the time cannot run in frames with mail.
	}
}

// fill gives the user mail as somebody could have it.
func (u *mailUser) fill(t *testing.T) {
	t.Helper()
	me := strings.ToUpper(u.name[:1]) + u.name[1:] + " Example <" + u.address + ">"
	at := func(daysAgo, hour, minute int) time.Time {
		return time.Date(2026, 11, 20-daysAgo, hour, minute, 0, 0, time.UTC)
	}
	ana, ben, chloe := "Ana Silva <ana@example.org>", "Ben Okafor <ben@example.net>", "Chloé Martin <chloe@example.org>"
	u.put(t, "Sent",
		letter{subject: "Re: Weekend at the lake", from: me, to: ana, cc: ben, id: "lake2@localhost", inReplyTo: "lake1@example.org", text: "Count me in. I can bring the big tent.\n", flags: `\Seen`, at: at(1, 19, 12)},
		letter{subject: "Poster for the market", from: me, to: "Northside Print <office@northside-print.example>", cc: chloe, text: "Here is the poster.\n", flags: `\Seen`, at: at(9, 10, 2)})
	u.put(t, "Archive", letter{subject: "Canoe club", from: ben, to: me, text: "See you there.\n", flags: `\Seen`, at: at(30, 12, 0)},
		letter{subject: "Your print proof", from: "Northside Print <office@northside-print.example>", to: me, text: "The proof is attached.\n", flags: `\Seen`, at: at(8, 15, 40),
			files: []letterFile{{name: "proof.pdf", typ: "application/pdf", data: []byte("%PDF-1.4\n%%EOF\n")}}})
	u.put(t, "Inbox",
		letter{subject: "Welcome to the allotment garden", from: "Allotment Garden West <garden@west.example>", to: me, text: "Plot 14 is yours from March. The key is at the gate.\n", flags: `\Seen`, at: at(12, 9, 5)},
		letter{subject: "Book club: what next?", from: chloe, to: me, cc: ana, text: "Three ideas for December, please vote by Sunday.\n", flags: `\Seen \Answered`, at: at(4, 20, 31)},
		letter{subject: "[cycling] Night ride on Friday", from: "Mateo Ruiz <mateo@example.com>", to: "cycling@lists.example", header: "List-Id: Cycling <cycling.lists.example>\n", text: "We start at the old station, lights are a must.\n", flags: `\Seen club`, at: at(3, 18, 2)},
		letter{subject: "Field Notes, November", from: "Field Notes <letters@fieldnotes.example>", to: me, header: "List-Id: <letters.fieldnotes.example>\nList-Unsubscribe: <mailto:leave@fieldnotes.example>\n",
			text: "What the hedges do in winter.\n", html: `<h1>What the hedges do in winter</h1><p>Four things to see on a cold walk.</p>`, flags: `\Seen reading`, at: at(2, 6, 30)},
		letter{subject: "Weekend at the lake", from: ana, to: me, cc: ben, id: "lake1@example.org", text: "The forecast is fine. Shall we go to the lake this weekend?\n\nWe could leave on Saturday at nine.\n", flags: `\Seen friends`, at: at(1, 18, 47)},
		letter{subject: "Invoice 2026-118", from: "Northside Print <office@northside-print.example>", to: me, text: "Good morning,\n\nhere is the invoice for the 200 posters that you had us print. Please pay it within 30 days.\n\nKind regards\nNorthside Print\n", flags: `\Seen \Flagged`, at: at(1, 9, 14),
			files: []letterFile{{name: "invoice-2026-118.pdf", typ: "application/pdf", data: bytes.Repeat([]byte("%PDF-1.4\n% An invoice.\n"), 4000)}}},
		letter{subject: "Tickets to Lisbon", from: "Iberia Rail <tickets@rail.example>", to: me, text: "Your seats: coach 4, 61 and 62. Have a good journey.\n", flags: `\Seen \Flagged travel`, at: at(0, 8, 3)},
		letter{subject: "Team lunch on Thursday", from: "Priya Nair <priya@example.com>", to: me, text: "The new place at the canal has a table for six at noon.\n", at: at(0, 11, 26)},
		letter{subject: "Re: Weekend at the lake", from: ben, to: ana, cc: me, id: "lake3@example.net", inReplyTo: "lake1@example.org", flags: `friends`, at: at(0, 13, 58),
			text: "I am in too. This is the bay where we stayed last year.\n",
			html: `<div style="font-family: sans-serif"><p>I am in too! This is the bay where we stayed last year:</p>` +
				`<p><img src="cid:lake@example.net" alt="The lake in the evening" width="480" height="220" style="border-radius: 8px; max-width: 100%"></p>` +
				`<p>What I have and can bring:</p><ul><li>a stove and two pots</li><li>a <b>map</b> of the islands</li></ul><p>Ben</p></div>`,
			files: []letterFile{{name: "lake.png", typ: "image/png", cid: "lake@example.net", data: lakePicture(480, 220)}}})
}

// lakePicture draws hills and a sun above water, in few colours.
func lakePicture(width, height int) []byte {
	colors := color.Palette{
		color.RGBA{0xfd, 0xe2, 0xb8, 0xff}, color.RGBA{0xf9, 0xc7, 0x8e, 0xff}, color.RGBA{0xf6, 0x8d, 0x5b, 0xff}, color.RGBA{0x8c, 0x7a, 0xa8, 0xff},
		color.RGBA{0x54, 0x5b, 0x8c, 0xff}, color.RGBA{0x2f, 0x4a, 0x6d, 0xff}, color.RGBA{0x4d, 0x7e, 0xa8, 0xff}, color.RGBA{0x3a, 0x68, 0x92, 0xff},
	}
	m := image.NewPaletted(image.Rect(0, 0, width, height), colors)
	shore := height * 6 / 10
	hill := func(x int, high, wide, shift float64) int {
		return shore - int(high*(1+math.Sin(float64(x)/wide+shift)))
	}
	for y := range height {
		for x := range width {
			c := uint8(0)
			dx, dy := x-width*2/3, y-height*4/10
			switch {
			case y >= shore && (y-shore)%14 < 3 && (x+y*7)%90 < 50:
				c = 6
			case y >= shore:
				c = 7
			case y >= hill(x, 14, 31, 2):
				c = 5
			case y >= hill(x, 26, 57, 0.5):
				c = 4
			case y >= hill(x, 40, 83, 4):
				c = 3
			case dx*dx+dy*dy < 900:
				c = 2
			case y > shore/2:
				c = 1
			}
			m.SetColorIndex(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}
