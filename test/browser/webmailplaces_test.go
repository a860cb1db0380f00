package browser

import (
	"testing"
	"time"
)

// Where one searches, and how one comes back from there.
func testMailScopes(t *testing.T, m *mailSite, u *mailUser) {
	at := letterTime
	one := func(subject string) letter {
		at = at.Add(-time.Hour)
		return letter{subject: subject, text: "Quarterly figures.\n", at: at}
	}
	u.create(t, "Work", "Work/Plans")
	u.put(t, "Inbox", one("In the inbox"))
	u.put(t, "Work", one("At work"))
	u.put(t, "Work/Plans", one("In the plans"))
	u.put(t, "Junk", one("Among junk"))
	p := m.browser.mail(t, u, desktop, nil)
	p.see(rowOf("In the inbox"))
	search := func() {
		t.Helper()
		p.fill(".search-entry", "quarterly")
		p.keys("Enter")
		p.see(".list-title:text-is('Search: quarterly')")
	}
	// From a mailbox one searches everywhere but in junk, or in it, or in it and those below.
	p.mailbox("Work")
	p.see(rowOf("At work"))
	search()
	p.list("In the inbox", "At work", "In the plans")
	p.click(".chip:has-text('In Work and below')")
	p.list("At work", "In the plans")
	p.click(".chip:has(:text-is('In Work'))")
	p.list("At work")
	p.must(nil, "", "reload")
	p.list("At work")

	// A search that finds nothing there offers to look further.
	p.fill(".search-entry", "subject:inbox")
	p.see(".list-state >> text=Nothing found")
	p.click(".list-state >> " + buttonOf("Search all mail"))
	p.list("In the inbox")

	// Leaving it leads back to where it began.
	p.click(buttonOf("Clear the search"))
	p.see(".list-title:text-is('Work')", rowOf("At work"))
	p.shows("document.activeElement.className", "search-entry")

	// Who looks at junk means that.
	p.mailbox("Junk")
	p.see(rowOf("Among junk"))
	search()
	p.list("Among junk")
	p.click(".chip:has-text('Everywhere')")
	p.list("In the inbox", "At work", "In the plans", "Among junk")
	p.click(buttonOf("Clear the search"))
	p.see(".list-title:text-is('Junk')")
}

// On a phone: the search box, and what has the whole page.
func testMailPhoneSearch(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox",
		letter{subject: "Harbour walk", text: "Along the quay.\n", at: letterTime},
		letter{subject: "Harbour tax", text: "Due in May.\n", at: letterTime.Add(time.Minute)},
		letter{subject: "Nothing else", text: "No.\n", at: letterTime.Add(2 * time.Minute)})
	p := m.browser.mail(t, u, phone, nil)
	p.see(rowOf("Nothing else"))
	p.click(".bottom-bar >> text=Search")
	p.typed("harbour")
	p.list("Harbour tax", "Harbour walk")
	p.fits("found")

	// The box stays while one reads what was found, and comes back with it.
	p.must(nil, rowOf("Harbour walk"), "tap")
	p.see(".reader-subject", ".reader-bar")
	p.gone(".top", ".bottom-bar")
	p.shows("document.querySelector('.reader').getBoundingClientRect().top", "0")
	p.must(nil, "", "goBack")
	p.see(".search-entry", rowOf("Harbour tax"))
	p.shows("document.querySelector('.search-entry').value", "harbour")

	// The cross empties it, the arrow leaves it.
	p.must(nil, buttonOf("Clear the search"), "tap")
	p.list("Nothing else", "Harbour tax", "Harbour walk")
	p.see(".search-entry")
	p.shows("document.activeElement.className", "search-entry")
	p.typed("tax")
	p.list("Harbour tax")
	p.must(nil, buttonOf("Leave the search"), "tap")
	p.list("Nothing else", "Harbour tax", "Harbour walk")
	p.gone(".search-entry")
	p.see(".product")

	// The drawer is filled by what is in it.
	p.click(".bottom-bar >> text=Mailboxes")
	p.see(".sidebar")
	p.shows("document.querySelector('.sidebar').offsetWidth === document.querySelector('.drawer-panel').clientWidth", "true")
}

// The list says where another month begins; a row has a menu of its own; labels are found by typing; keywords of programs are no labels.
func testMailRows(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox",
		letter{subject: "Recent", text: "1\n", at: time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)},
		letter{subject: "Earlier", text: "2\n", at: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)},
		letter{subject: "Oldest", text: "3\n", at: time.Date(2025, 12, 24, 12, 0, 0, 0, time.UTC), flags: `NonJunk NotJunk Bills`})
	p := m.browser.mail(t, u, desktop, nil)
	p.list("Recent", "Earlier", "Oldest")
	p.shows(`[...document.querySelectorAll('.list [role=row]')].map(r => r.dataset.group).join('|')`, "||December 2025")
	p.menu(buttonOf("Sort"), "By subject")
	p.shows(`[...document.querySelectorAll('.list [role=row]')].map(r => r.dataset.group).join('|')`, "||")
	p.menu(buttonOf("Sort"), "By date")
	p.see(treeItem("Bills"))
	p.gone(treeItem("NonJunk"), treeItem("NotJunk"))

	// Rows have one line where they are compact, and three where they are cosy.
	lines := `[...document.querySelectorAll('.row:has(.row-subject) :is(.row-people, .row-words, .row-date)')].slice(0, 3).map(e => { const r = e.getBoundingClientRect(); return Math.round(r.top + r.height / 2) })`
	p.menu(buttonOf("Density and layout"), "Compact")
	p.shows(`document.querySelector('.list [role=row]').offsetHeight`, "40")
	p.shows(`(l => l.every(y => Math.abs(y - l[0]) <= 2) && l.length)(`+lines+`)`, "3")
	p.fits("compact")
	p.menu(buttonOf("Density and layout"), "Cosy")
	p.shows(`document.querySelector('.list [role=row]').offsetHeight`, "88")
	p.shows(`getComputedStyle(document.querySelector('.row-words')).webkitLineClamp`, "2")
	p.menu(buttonOf("Density and layout"), "Comfortable")
	p.shows(`document.querySelector('.list [role=row]').offsetHeight`, "64")

	// The menu of a row is for it, and for all that is selected if it is of that.
	p.context(rowOf("Earlier"), "Flag")
	p.see(rowOf("Earlier") + " .row-flag")
	p.must(nil, rowOf("Earlier"), "click", map[string]any{"button": "right"})
	p.see("role=menuitem[name=/Take the flag off/]")
	p.press("Escape")
	p.keys("Escape")
	p.gone(".selecting")

	// Typing finds labels, and makes one where there is none.
	label := func(typed string) {
		t.Helper()
		p.context(rowOf("Recent"), "Label")
		p.see("dialog")
		p.shows("document.activeElement.matches('dialog input[type=text], dialog input:not([type])')", "true")
		p.typed(typed)
	}
	label("urgent")
	p.see("dialog >> text=“urgent” becomes a new label")
	p.gone("dialog >> text=Bills")
	p.press("Enter")
	p.see(rowOf("Recent")+" .chip:has-text('urgent')", treeItem("urgent"))
	label("bIlls")
	p.see("dialog >> text=Bills")
	p.gone("dialog >> text=becomes a new label")
	p.press("Enter")
	p.see(rowOf("Recent") + " .chip:has-text('Bills')")
	p.gone(treeItem("bIlls"))

	// A part of a name is the best that fits; a new label of that name stands at the end, to be chosen.
	label("ur")
	p.see("dialog >> text=Enter takes “urgent”.", ".pick-list > :last-child:has-text('New label “ur”')")
	p.press("Escape")
	p.context(rowOf("Earlier"), "Label")
	p.see("dialog")
	p.typed("ur")
	p.press("Enter")
	p.gone("dialog")
	p.see(rowOf("Earlier") + " .chip:has-text('urgent')")
	p.gone(treeItem("ur"))
	label("ur")
	p.click(".pick-list >> text=New label “ur”")
	p.click("dialog >> " + buttonOf("Apply"))
	p.see(treeItem("ur"))
	// Who presses a box means that one, not what fits best.
	p.context(rowOf("Earlier"), "Label")
	p.see("dialog")
	p.typed("u")
	p.see(".pick-list > :first-child:has-text('ur')")
	p.click(".pick-list >> text=urgent")
	p.click("dialog >> " + buttonOf("Apply"))
	p.gone("dialog", rowOf("Earlier")+" .chip")
}

// Settings are found by words; the colours are chosen in the row on top too.
func testMailFound(t *testing.T, m *mailSite, u *mailUser) {
	p := m.browser.mail(t, u, desktop, nil)
	p.settingsPage("general")
	card := func(title string) string { return ".settings-card:has(h2:text-is('" + title + "'))" }
	p.fill("role=searchbox[name='Search settings']", "swip")
	p.see(card("Swiping"))
	p.gone(card("Look"), card("Sending"), "role=tab[name='General']")
	p.fill("role=searchbox[name='Search settings']", "take a message back")
	p.see(card("Sending"))
	p.gone(card("Swiping"))
	p.must(nil, card("Sending")+" >> role=combobox", "selectOption", "20")
	p.saved("UndoSeconds", 20.0)
	p.fill("role=searchbox[name='Search settings']", "archive and go")
	p.see("role=row[name=/Archive and go to the next/]")
	p.gone("role=row[name=/Write a message/]")
	p.look("settings found")

	// A section that one goes to is all there.
	p.settingsPage("writing")
	p.see(card("Sending"), "role=tab[name='General']")
	p.gone(card("Swiping"), "role=row[name=/Archive and go to the next/]")
	p.shows("document.querySelector('.settings input[type=search]').value", "")
	p.settingsPage("keys")
	p.see("role=row[name=/Write a message/]")
	p.settingsPage("general")
	p.fill("role=searchbox[name='Search settings']", "zzzz")
	p.see(".settings >> text=No setting fits.")
	p.fill("role=searchbox[name='Search settings']", "")
	p.see("role=tab[name='General']", card("Look"), card("Swiping"))
	p.gone(card("Sending"))

	p.menu(buttonOf("Light or dark"), "Dark")
	p.saved("Theme", "dark")
	p.shows("document.documentElement.dataset.theme", "dark")
	p.menu(buttonOf("Light or dark"), "Colours of the system")
	p.saved("Theme", "")
	p.shows("'theme' in document.documentElement.dataset", "false")
}

// From the recipients one goes on to the subject.
func testMailTab(t *testing.T, m *mailSite, u *mailUser) {
	p := m.browser.mail(t, u, desktop, nil)
	p.see(".list-state >> text=All done.")
	p.keys("c")
	p.see(".composer [data-field=To] input:focus")
	p.typed("ana@example.org")
	p.press("Tab")
	if got := p.focused(); got != "Subject" {
		t.Errorf("after the recipients comes %q", got)
	}
	p.see(".composer .chip:has-text('ana@example.org')")
	p.press("Shift+Tab")
	p.see(".composer [data-field=To] input:focus")
}

// Drafts that one comes by are shown; who opens one goes on with it, wherever it is.
func testMailPassing(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox",
		letter{subject: "Below", text: "1\n", at: letterTime},
		letter{subject: "Unfinished", text: "2\n", at: letterTime.Add(time.Minute), flags: `\Seen \Draft`},
		letter{subject: "Above", text: "3\n", at: letterTime.Add(2 * time.Minute)})
	p := m.browser.mail(t, u, desktop, nil)
	p.list("Above", "Unfinished", "Below")
	p.click(rowOf("Above"))
	for _, step := range [][2]string{{"j", "Unfinished"}, {"j", "Below"}, {"k", "Unfinished"}, {"n", "Below"}, {"p", "Unfinished"}, {"k", "Above"}} {
		p.press(step[0])
		p.see(".reader-subject:text-is('" + step[1] + "')")
		p.count(".composer", 0)
	}
	p.press("a") // What comes next is not opened to be written either.
	p.told("Archived.")
	p.see(".reader-subject:text-is('Unfinished')")
	p.count(".composer", 0)
	p.press("Enter")
	p.see(".composer")
	p.shows(`document.querySelector('.composer-subject').value`, "Unfinished")
}
