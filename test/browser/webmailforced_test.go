package browser

import (
	"fmt"
	"testing"
)

// With colours that the system forces upon pages, what has the focus and what is selected is still told apart.
func testMailForced(t *testing.T, m *mailSite, u *mailUser) {
	letters := realLetters(t, 6)
	u.put(t, "Inbox", letters...)
	all := subjectsOf(letters...)
	p := m.browser.mail(t, u, desktop, nil)
	p.must(nil, "", "emulateMedia", map[string]string{"forcedColors": "active"})
	p.list(all...)
	row := func(i int) string {
		return `[...document.querySelectorAll('.list [role=row]')].find(r => r.querySelector('.row-subject').textContent === ` + fmt.Sprintf("%q", all[i]) + `)`
	}
	// ring tells whether the element with the focus has a ring of two pixels that differs from what is behind it.
	ring := func(what string) {
		t.Helper()
		const seen = `(() => {
			const a = document.activeElement
			const row = a.closest('.composer-row')
			// Texts show their caret; the fields above have a line below them too.
			if (a.isContentEditable || row && a.matches('input')) return !row || getComputedStyle(row).borderBlockEndColor !== getComputedStyle(document.querySelector('.composer-row:not(:focus-within)')).borderBlockEndColor ? 'ring' : row.outerHTML.slice(0, 200)
			const around = [a, a.closest('label, [class*=search]') ?? a, a.parentElement]
			return around.some(e => { const s = getComputedStyle(e); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 && s.outlineColor !== getComputedStyle(document.body).backgroundColor }) ? 'ring' : a.outerHTML.slice(0, 200)
		})()`
		if got := p.text(seen); got != "ring" {
			t.Errorf("%s: the focus cannot be seen: %s", what, got)
		}
	}
	background := func(i int) string { return "getComputedStyle(" + row(i) + ").backgroundColor" }

	p.press("Tab", "Tab")
	for range 25 {
		if p.text("document.activeElement.localName") != "body" { // Beyond the last one is the browser's own bar.
			ring("by Tab")
		}
		p.press("Tab")
	}
	p.focus(rowOf(all[1]))
	p.press("j")
	ring("row")
	p.shows(background(2)+" !== "+background(4), "true")
	p.press("x")
	p.see(".row.selected")
	p.focus(rowOf(all[4]))
	p.shows(background(2)+" !== "+background(4), "true")
	// Words on what is selected have the colour that belongs to it, nothing of the page's is behind them.
	readable := func(what, selector string) {
		t.Helper()
		p.see(selector)
		if got := p.text(`[...document.querySelectorAll(` + fmt.Sprintf("%q", selector) + `)].flatMap(e => [e, ...e.querySelectorAll(':not(input, mark, svg, svg *)')]).map(e => getComputedStyle(e))
			.filter(s => s.forcedColorAdjust !== 'none' || s.color === s.backgroundColor || s.color === getComputedStyle(document.body).color).length`); got != "0" {
			t.Errorf("%s: %s elements cannot be read", what, got)
		}
	}
	readable("row", ".row.selected")
	readable("head of the list", ".list-head.selecting .list-row")
	readable("button", ".button.primary")
	// The mailbox one is in differs from the others.
	p.shows(`(([a, b]) => ['backgroundColor', 'borderInlineStart', 'outline', 'color'].some(n => getComputedStyle(a)[n] !== getComputedStyle(b)[n]))(['[aria-selected=true]', '[aria-selected=false]'].map(s => document.querySelector('.sidebar [role=treeitem]' + s).firstElementChild))`, "true")
	p.picture("forced")

	p.press("c")
	p.see(richText)
	readable("composer", ".composer .button.primary")
	for range 12 {
		if p.text("document.activeElement.localName") != "body" {
			ring("composer")
		}
		p.press("Tab")
	}
	p.picture("forced-composer")
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")
	p.settingsPage("general")
	p.focus("role=radio[name='Dark']")
	p.press("ArrowDown", "ArrowUp")
	ring("settings")
	p.picture("forced-settings")
}
