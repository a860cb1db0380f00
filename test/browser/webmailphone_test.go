package browser

import (
	"fmt"
	"testing"
)

// touch moves a finger over something, by CSS pixels; with 0 it holds still for long.
func (p *mailPage) touch(selector string, by int) {
	p.t.Helper()
	var box struct{ X, Y, Width, Height float64 }
	p.must(&box, selector, "boundingBox")
	type event struct {
		Type   string               `json:"type"`
		Points []map[string]float64 `json:"touchPoints"`
	}
	at := func(kind string, dx float64) event {
		return event{kind, []map[string]float64{{"x": box.X + box.Width/2 + dx, "y": box.Y + box.Height/2}}}
	}
	end := event{"touchEnd", []map[string]float64{}}
	if by == 0 {
		p.must(nil, "", "touch", []event{at("touchStart", 0)})
		p.must(nil, "", "waitForSelector", ".list.choosing")
		p.must(nil, "", "touch", []event{end})
		return
	}
	swipe := []event{at("touchStart", 0)}
	for i := range 8 {
		swipe = append(swipe, at("touchMove", float64(by*(i+1))/8))
	}
	p.eval(nil, "window.swiping = true; null")
	p.must(nil, "", "touch", append(swipe, end))
	p.eval(nil, "window.swiping = false; null")
}

// swipesAreShort has a finger not be taken for one that rests while window.swiping is set: where much else is to do, half a second may pass between two of
// its moves.
const swipesAreShort = `(begin => {
	window.setTimeout = (f, ms, ...args) => window.swiping && ms === 500 ? 0 : begin(f, ms, ...args)
})(window.setTimeout)`

// On a phone: one thing at a time, the bar at the foot, swipes, a long press.
func testMailPhone(t *testing.T, m *mailSite, u *mailUser) {
	letters := realLetters(t, 12)
	u.put(t, "Inbox", letters...)
	p := m.browser.mailOut(t, u, phone, nil)
	p.must(nil, "", "addInitScript", map[string]string{"content": swipesAreShort})
	p.logIn("")
	all := subjectsOf(letters...)
	first := rowOf(all[0])
	p.see(first, ".bottom-bar")
	p.gone(".sidebar", ".reader")
	p.shows(`String(document.querySelector('.list [role=row]').offsetHeight)`, "72")
	p.fits("inbox")

	// Reading, and going back as phones do.
	p.must(nil, first, "tap")
	p.see(".reader-subject", ".reader-bar")
	p.gone(".list", ".bottom-bar")
	p.fits("message")
	p.must(nil, "", "goBack")
	p.see(first)
	p.gone(".reader")

	// Swipes, each taken back by Undo.
	for _, c := range []struct {
		by     int
		notice string
	}{{200, "Archived."}, {-200, "Moved to Trash."}} {
		p.touch(first+" .row-text", c.by)
		p.told(c.notice)
		p.gone(first)
		p.undo()
		p.see(first)
	}
	p.touch(first+" .row-text", 40) // Not far enough.
	p.see(first)
	p.gone(".toast")

	// A long press selects, from then on each tap does.
	p.touch(first+" .row-text", 0)
	p.see(".selecting", first+"[aria-selected=true]")
	p.must(nil, rowOf(all[1])+" .row-text", "tap")
	p.shows(`document.querySelector('.selecting .select-number').textContent`, "2")
	p.fits("selection")
	p.click(".list-bar >> " + buttonOf("Archive"))
	p.told("Archived 2.")
	p.gone(first, rowOf(all[1]))
	p.undo()
	p.see(first, rowOf(all[1]))
	p.must(nil, first, "tap")
	p.see(".reader-subject")
	p.must(nil, "", "goBack")
	p.see(first)

	// The bar at the foot.
	p.click(".bottom-bar >> text=Mailboxes")
	p.see(".sidebar")
	p.fits("mailboxes")
	p.click(treeItem("Archive"))
	p.see(".list-title:text-is('Archive')")
	p.gone(".sidebar")
	p.click(".bottom-bar >> text=Inbox")
	p.see(first)
	p.click(".bottom-bar >> text=Search")
	p.shows(`document.activeElement.className`, "search-entry")
	p.typed("zzzz-nothing")
	p.press("Enter")
	p.see(".list-state >> text=Nothing found")
	p.fits("search")
	p.click(".bottom-bar >> text=Inbox")
	p.see(first)
	p.menu(".bottom-bar >> text=More", "Settings")
	p.see(".settings")
	p.fits("settings")
	p.click("role=switch[name='Show conversations']")
	p.saved("Threads", false)
	p.must(nil, "role=combobox[name='To the right']", "selectOption", "flag")
	p.saved("SwipeRight", "flag")
	p.click(".bottom-bar >> text=Inbox")
	p.see(first)
	p.touch(first+" .row-text", 200)
	p.see(first + " .row-flag")

	// All that a finger presses is large enough.
	var small []string
	p.eval(&small, `[...document.querySelectorAll('button, a[href]:not(.skip-link), input, select')].filter(e => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !e.closest('[inert]')).flatMap(e => {
		const b = e.getBoundingClientRect()
		return b.width > 0 && b.bottom > 0 && b.top < innerHeight && (b.width < 24 || b.height < 24) ? [e.outerHTML.slice(0, 80) + b.width + 'x' + b.height] : []
	})`)
	for _, s := range small {
		t.Errorf("too small: %s", s)
	}

	p.click(".bottom-bar >> text=Compose")
	p.see(".composer")
	p.fits("composer")
	p.shows(`(r => [r.left, r.top, Math.round(r.width)].join())(document.querySelector('.composer').getBoundingClientRect())`, fmt.Sprintf("0,0,%d", phone.width))
}
