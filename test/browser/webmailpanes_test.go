package browser

import (
	"testing"
)

// The place of the message: below the list, or instead of it.
func testMailPanes(t *testing.T, m *mailSite, u *mailUser) {
	letters := realLetters(t, 12)
	u.put(t, "Inbox", letters...)
	all := subjectsOf(letters...)
	p := m.browser.mail(t, u, desktop, nil)
	p.list(all...)
	pane := func(label, value string) {
		t.Helper()
		p.settingsPage("general")
		p.click("role=radio[name='" + label + "']")
		p.saved("Pane", value)
		p.mailbox("Inbox")
	}
	open := func(subject string) {
		t.Helper()
		p.click(rowOf(subject) + " .row-text")
		p.shows(`document.querySelector('.reader-subject')?.textContent`, subject)
		p.shows(inText(words+` ? 'text' : ''`), "text")
	}
	row := `document.activeElement.getAttribute('aria-rowindex')`

	// Below: both are seen, with all the width; the line between is moved by keys too, which is kept.
	pane("Below the list", "below")
	open(all[1])
	const below = `(([l, r]) => l.bottom <= r.top + 1 && l.width === r.width && l.height >= 120 && r.height >= 160 ? 'below' : JSON.stringify([l, r]))(['.list', '.reader'].map(s => document.querySelector(s).getBoundingClientRect()))`
	p.shows(below, "below")
	p.fits("reader below")
	p.accessible("reader below")
	const height = `Math.round(document.querySelector('.list').getBoundingClientRect().height)`
	before := p.text(height)
	p.focus("[role=separator]")
	p.shows(`document.activeElement.getAttribute('aria-orientation')`, "horizontal")
	p.press("ArrowDown", "ArrowDown", "ArrowDown")
	p.shows(height+" > "+before, "true")
	moved := p.text(height)
	p.shows(`fetch('./').then(r => r.text()).then(s => Math.abs(JSON.parse(s.match(/id="data"[^>]*>([^]*?)<\/script>/)[1]).Settings.ListHeight - 1000 * `+height+` / document.querySelector('.panes').clientHeight) < 5)`, "true")
	p.must(nil, "", "reload")
	p.shows(`document.querySelector('.reader-subject')?.textContent`, all[1])
	p.shows(below, "below")
	p.shows("Math.abs("+height+" - "+moved+") < 3", "true")
	p.focus(rowOf(all[1]))
	p.press("j")
	p.shows(`document.querySelector('.reader-subject').textContent`, all[2])
	p.shows(below, "below")

	// None: the message takes the place of the list, and going back leads to its row.
	pane("In place of the list", "none")
	p.gone(".reader", "[role=separator]")
	open(all[3])
	p.gone(".list")
	p.fits("no pane")
	p.accessible("no pane")
	p.click(buttonOf("Back to the list"))
	p.gone(".reader")
	p.shows(row, "4")
	open(all[4])
	p.must(nil, "", "goBack")
	p.gone(".reader")
	p.see(".list")
	open(all[4])
	p.must(nil, "", "reload")
	p.shows(`document.querySelector('.reader-subject')?.textContent`, all[4])
	p.gone(".list")
	p.focus(".reader .message.open")
	p.press("a")
	p.told("Archived.")
	p.press("z")
	p.told("Undone.")
	p.mailbox("Inbox")
	p.list(all...)
}
