package browser

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What the list shows and how: rows, conversations, filters, sorting, density, panes.
func testMailList(t *testing.T, m *mailSite, u *mailUser) {
	first := letter{subject: "Garden plans", from: "Ben Okafor <ben@example.net>", id: "g1@example.net", text: "Shall we plant on Sunday?\n", flags: `\Seen`}
	letters := []letter{
		{subject: "Invoice 1047", from: "Zoe Books <zoe@example.com>", text: "See the file.\n", files: []letterFile{{name: "invoice.pdf", typ: "application/pdf", data: []byte("%PDF-1.4\n")}}, flags: `\Seen \Flagged`},
		first,
		{subject: "Re: Garden plans", from: "Chloé Martin <chloe@example.org>", id: "g2@example.org", inReplyTo: "g1@example.net", text: "Sunday is fine.\n", flags: ""},
		{subject: "Weekly digest", from: "Digest <digest@example.org>", to: "digest-readers@example.org", text: strings.Repeat("Long words of a digest. ", 400), flags: `\Seen`},
		{subject: "Answered", from: "ana@example.org", flags: `\Seen \Answered`},
	}
	for i := range letters {
		letters[i].at = letterTime.Add(time.Duration(i) * time.Hour)
	}
	u.put(t, "Inbox", letters...)
	p := m.browser.mail(t, u, desktop, map[string]any{"reducedMotion": "reduce"})

	// A conversation is one row, with all who wrote, bold as long as something is unread.
	p.list("Answered", "Weekly digest", "Re: Garden plans", "Invoice 1047")
	p.see(rowOf("Garden plans") + `.unread >> text=/Ben Okafor.*Chloé Martin/`)
	p.shows(`document.querySelector('.list [role=row]:nth-child(3)').getAttribute('aria-label').replace(/,? Fri,? 20 Nov.*/, '')`, "Unread, Ben Okafor, Chloé Martin, 2 messages, Re: Garden plans")
	p.see(rowOf("Invoice") + " .row-flag")
	p.shows(`document.querySelector('.list-count').textContent`, "4 conversations, 1 unread")
	p.menu(buttonOf("Sort"), "Conversations")
	p.list("Answered", "Weekly digest", "Re: Garden plans", "Garden plans", "Invoice 1047")
	p.shows(`document.querySelector('.list-count').textContent`, "5 messages, 1 unread")

	for _, c := range []struct {
		by    string
		first string
	}{{"By sender", "Answered"}, {"By subject", "Answered"}, {"By size", "Weekly digest"}, {"By date", "Answered"}} {
		p.menu(buttonOf("Sort"), c.by)
		p.shows(`document.querySelector('.list [role=row] .row-subject')?.textContent`, c.first)
		if c.by == "By size" {
			p.see(rowOf("Weekly digest") + " .row-date:text-matches('kB')")
		}
	}
	p.menu(buttonOf("Sort"), "The other way round")
	p.list("Invoice 1047", "Garden plans", "Re: Garden plans", "Weekly digest", "Answered")
	p.menu(buttonOf("Sort"), "The other way round")

	// Filters are chips that can be taken off, also by the address of the page.
	for _, c := range []struct {
		filter string
		want   []string
	}{
		{"Unread", []string{"Re: Garden plans"}},
		{"Read", []string{"Answered", "Weekly digest", "Garden plans", "Invoice 1047"}},
		{"Flagged", []string{"Invoice 1047"}},
		{"With attachment", []string{"Invoice 1047"}},
	} {
		p.menu(buttonOf("Filter"), c.filter)
		p.list(c.want...)
		p.see(fmt.Sprintf(".list-chips .chip:has-text(%q)", c.filter))
		p.click(buttonOf("Remove filter " + c.filter))
		p.list("Answered", "Weekly digest", "Re: Garden plans", "Garden plans", "Invoice 1047")
	}
	p.menu(buttonOf("Filter"), "Unread")
	p.menu(buttonOf("Filter"), "Flagged")
	p.see(".list-state >> text=Nothing found")
	p.click(buttonOf("Clear filters"))
	p.list("Answered", "Weekly digest", "Re: Garden plans", "Garden plans", "Invoice 1047")

	// Density and panes are kept on the server.
	height := `String(document.querySelector('.list [role=row]')?.offsetHeight)`
	p.menu(buttonOf("Density and layout"), "Compact")
	p.shows(height, "40")
	p.menu(buttonOf("Density and layout"), "Cosy")
	p.shows(height, "88")
	p.see(".reader")
	p.menu(buttonOf("Density and layout"), "Message below")
	p.shows(`String(document.querySelector('.reader').getBoundingClientRect().top > document.querySelector('.list').getBoundingClientRect().bottom - 1)`, "true")
	p.menu(buttonOf("Density and layout"), "Message in place of the list")
	p.gone(".reader")
	p.click(rowOf("Weekly digest"))
	p.see(".reader-subject:text-is('Weekly digest')")
	p.gone(".list")
	p.click(buttonOf("Back to the list"))
	p.see(".list")
	p.saved("Pane", "none")
	p.saved("Density", "cosy")
	other := m.browser.mail(t, u, desktop, nil)
	other.gone(".reader")
	other.shows(height, "88")
	p.menu(buttonOf("Density and layout"), "Message at the right")
	other.see(".reader")

	// What is moved by the splitter stays, by pointer and by keys.
	width := `String(Math.round(document.querySelector('.list').offsetWidth))`
	before := p.text(width)
	p.focus(".splitter")
	p.keys("ArrowRight", "ArrowRight", "ArrowRight")
	if after := p.text(width); after <= before {
		t.Errorf("the list is %s wide after the splitter was moved, %s before", after, before)
	}
	p.must(nil, "", "dragAndDrop", ".splitter", ".reader", map[string]any{"targetPosition": map[string]int{"x": 100, "y": 200}})
	moved := p.text(width)
	var share float64
	p.eval(&share, `Math.round(document.querySelector('.list').offsetWidth / document.querySelector('.panes').offsetWidth * 1000)`)
	p.saved("ListWidth", share)
	p.must(nil, "", "reload")
	p.see(rowOf("Answered"))
	p.shows(width, moved)

	// Mail that arrives is there by itself; what is read by a mail client, too.
	p.see(".list [role=row]")
	u.put(t, "Inbox", letter{subject: "Just now", at: letterTime.Add(24 * time.Hour)})
	p.see(rowOf("Just now") + ".unread")
	other.see(rowOf("Just now") + ".unread")
	c := u.imap(t)
	c.do("SELECT Inbox")
	c.do(`STORE 6 +FLAGS (\Seen)`)
	p.gone(rowOf("Just now") + ".unread")
	c.do(`STORE 6 +FLAGS (\Deleted)`)
	c.do("EXPUNGE")
	p.gone(rowOf("Just now"))

	// Each view has an address, that works in another tab and after loading anew.
	p.menu(buttonOf("Filter"), "Flagged")
	p.list("Invoice 1047")
	p.click(rowOf("Invoice 1047"))
	p.see(".reader-subject:text-is('Invoice 1047')")
	hash := p.text("location.hash")
	next := p.another(hash)
	next.list("Invoice 1047")
	next.see(".reader-subject:text-is('Invoice 1047')", ".list-chips .chip:has-text('Flagged')", rowOf("Invoice")+".open")
	next.must(nil, "", "reload")
	next.see(".reader-subject:text-is('Invoice 1047')")
	next.calm()
	p.eval(nil, "history.back()")
	p.see(".reader >> text=Choose a message")
	p.list("Invoice 1047")
	if got := p.text("location.hash"); got == hash {
		t.Errorf("going back leads to %q", got)
	}
}

// Selecting: by box, keys, Shift and Ctrl, all that are loaded, all there are.
func testMailSelection(t *testing.T, m *mailSite, u *mailUser) {
	letters := realLetters(t, 70)
	u.put(t, "Inbox", letters...)
	p := m.browser.mail(t, u, desktop, nil)
	p.see(rowOf(letters[69].subject))
	p.menu(buttonOf("Sort"), "Conversations")
	p.shows(`document.querySelector('.list-count').textContent`, "70 messages")
	selected := func(want int) {
		t.Helper()
		p.shows(`document.querySelector('.selecting .select-number')?.textContent ?? '0'`, fmt.Sprint(want))
	}
	row := func(n int) string { return fmt.Sprintf(".list [aria-rowindex='%d']", n) }
	with := func(key string) map[string]any { return map[string]any{"modifiers": []string{key}} }

	p.must(nil, row(2)+" input", "click")
	selected(1)
	p.must(nil, row(4)+" .row-text", "click", with("Control"))
	selected(2)
	p.must(nil, row(7)+" .row-text", "click", with("Shift"))
	selected(4) // From where the last one was selected.
	p.click(buttonOf("Clear the selection"))
	selected(0)

	p.click(row(1) + " .row-text")
	p.see(".reader-subject")
	p.focus(row(1))
	p.keys("x", "J", "J")
	selected(3)
	p.keys("K")
	selected(2)
	p.keys("Escape")
	selected(0)
	p.keys("Control+ArrowDown", "Control+ArrowDown", "x")
	selected(1)
	p.keys("Escape")
	selected(0)

	// All there are, also those that are not loaded.
	p.click(".list-head input[type=checkbox]")
	p.see(".list-more >> text=loaded are selected")
	p.click(".list-more button")
	selected(70)
	p.see(".list-more >> text=All 70 are selected.")
	p.click(row(3) + " input")
	selected(69)
	p.click(buttonOf("Clear the selection"))
	selected(0)

	// By what they are.
	p.focus(row(5))
	p.keys("m", "s") // It is read already.
	p.see(row(5) + " .row-flag")
	p.keys("*", "s")
	selected(1)
	p.keys("*", "n")
	selected(0)
}

// Everything that can be done to messages shows at once, and can be taken back.
func testMailActions(t *testing.T, m *mailSite, u *mailUser) {
	letters := realLetters(t, 6)
	u.put(t, "Inbox", letters...)
	p := m.browser.mail(t, u, desktop, nil)
	all := subjectsOf(letters...)
	p.list(all...)
	top, rest := all[0], all[1:]
	first := rowOf(top)

	pick := func() {
		t.Helper()
		p.must(nil, first, "hover")
		p.click(first + " input")
		p.see(".selecting")
	}
	for _, c := range []struct {
		button, notice, mailbox string
	}{
		{"Archive", "Archived.", "Archive"},
		{"Delete", "Moved to Trash.", "Trash"},
		{"Junk", "Moved to Junk.", "Junk"},
	} {
		pick()
		p.click(".list-bar >> " + buttonOf(c.button))
		p.told(c.notice)
		p.list(rest...)
		p.mailbox(c.mailbox)
		p.list(top)
		p.undo()
		p.see(".list-state >> text=Nothing here")
		p.mailbox("Inbox")
		p.list(all...)
	}

	// By the buttons of a row.
	p.must(nil, first, "hover")
	p.click(first + " >> " + buttonOf("Mark as unread"))
	p.see(first + ".unread")
	p.must(nil, first, "hover")
	p.click(first + " >> " + buttonOf("Mark as read"))
	p.gone(first + ".unread")
	p.must(nil, first, "hover")
	p.click(first + " >> " + buttonOf("Archive"))
	p.told("Archived.")
	p.list(rest...)
	p.undo()
	p.list(all...)

	// To another mailbox, chosen by typing.
	pick()
	p.click(".list-bar >> " + buttonOf("Move"))
	p.see(".picker input:focus")
	p.typed("tra")
	p.keys("Enter")
	p.told("Moved to Trash.")
	p.list(rest...)
	p.undo()
	p.list(all...)

	// A copy stays where it is.
	pick()
	p.menu(".list-bar >> "+buttonOf("More"), "Copy")
	p.see(".picker input:focus")
	p.typed("arch")
	p.keys("Enter")
	p.told("Copied to Archive.")
	p.list(all...)
	p.mailbox("Archive")
	p.list(top)
	p.undo()
	p.see(".list-state >> text=Nothing here")
	p.mailbox("Inbox")

	// Labels.
	pick()
	p.click(".list-bar >> " + buttonOf("Label"))
	p.fill("dialog input[type=text]", "Home work")
	p.keys("Enter")
	p.see(first + " .chip:has-text('Home work')")
	p.see(treeItem("Home work"))
	p.click(buttonOf("Clear the selection"))
	pick()
	p.click(".list-bar >> " + buttonOf("Label"))
	p.see("dialog >> role=checkbox[name='Home work'][checked]")
	p.click("dialog >> role=checkbox[name='Home work']")
	p.click("dialog >> " + buttonOf("Apply"))
	p.gone(first + " .chip:has-text('Home work')")
	p.click(buttonOf("Clear the selection"))
	p.focus(".list [aria-rowindex='1']")
	p.keys("z")
	p.see(first + " .chip:has-text('Home work')")

	// By keys, each of them undone by one.
	for _, c := range []struct{ key, notice string }{{"a", "Archived."}, {"d", "Moved to Trash."}, {"q", "Moved to Junk."}} {
		p.hush()
		p.focus(first)
		p.keys(c.key)
		p.told(c.notice)
		p.list(rest...)
		p.keys("z")
		p.told("Undone.")
		p.list(all...)
	}
	p.focus(first)
	p.keys("s")
	p.see(first + " .row-flag")
	p.keys("s")
	p.gone(first + " .row-flag")
	p.keys("M")
	p.see(first + ".unread")
	p.keys("m")
	p.gone(first + ".unread")
	p.keys("X")
	p.told("Muted")
	p.keys("X")
	p.told("Not muted")
	p.hush()

	// What nothing brings back is asked first, and Cancel has the focus.
	p.focus(first)
	p.keys("D")
	p.see("dialog >> text=Delete for ever?")
	if got := p.focused(); got != "Cancel" {
		t.Errorf("the focus is on %q", got)
	}
	p.keys("Enter")
	p.gone("dialog")
	p.list(all...)
	if got := p.text(`String(document.activeElement.matches('.list [role=row]'))`); got != "true" {
		t.Errorf("the focus is on %q after the dialog", p.focused())
	}
	p.keys("D")
	p.click("dialog >> " + buttonOf("Delete for ever"))
	p.told("Deleted for ever.")
	p.list(rest...)

	// By dragging onto a mailbox or a label.
	second := rowOf(rest[0])
	p.must(nil, "", "dragAndDrop", second+" .row-words", treeItem("Archive"))
	p.told("Moved to Archive.")
	p.list(rest[1:]...)
	p.undo()
	p.list(rest...)
	p.must(nil, "", "dragAndDrop", second+" .row-words", treeItem("Home work"))
	p.see(second + " .chip:has-text('Home work')")
}

// Actions on a whole mailbox and on all that a search finds, with more messages than are loaded.
func testMailWhole(t *testing.T, m *mailSite, u *mailUser) {
	letters := realLetters(t, 80)
	for i := range letters {
		letters[i].flags = ""
	}
	u.put(t, "Inbox", letters...)
	p := m.browser.mail(t, u, desktop, nil)
	p.see(rowOf(letters[79].subject))
	p.focus(".list [aria-rowindex='1']")
	p.must(nil, "", "goto", u.s.webmail()+"#settings/general")
	p.click("role=switch[name=/conversations/]")
	p.saved("Threads", false)
	p.mailbox("Inbox")
	p.see(treeItem("Inbox") + ":has(.tree-count:text-is('80'))")

	// A row that comes on top takes an element from below, and the others stay where they are in the document.
	p.see(rowOf(letters[79].subject))
	p.eval(nil, `(() => {
		window.rowsAdded = 0
		new MutationObserver(l => { for (const r of l) window.rowsAdded += r.addedNodes.length }).observe(document.querySelector(".virtuallist-body"), { childList: true })
	})()`)
	u.arrive(t, letter{subject: "One more", text: "It comes while one looks.\n"})
	p.shows(`document.querySelector('.list [role=row] .row-subject').textContent + ' ' + window.rowsAdded`, "One more 1")
	c := u.imap(t)
	for _, command := range []string{"SELECT INBOX", `STORE 81 +FLAGS.SILENT (\Deleted)`, "EXPUNGE"} {
		c.do(command)
	}
	p.shows(`document.querySelector('.list-count').textContent.split(',')[0]`, "80 messages")

	p.context(treeItem("Inbox"), "Mark all as read")
	p.gone(treeItem("Inbox") + ":has(.tree-count)")
	p.undo()
	p.see(treeItem("Inbox") + ":has(.tree-count:text-is('80'))")

	p.click(".list-head input[type=checkbox]")
	p.click(".list-more button")
	p.click(".list-bar >> " + buttonOf("Archive"))
	p.told("Archived 80.")
	p.see(".list-state >> text=All done.")
	p.mailbox("Archive")
	p.shows(`document.querySelector('.list-count').textContent.split(',')[0]`, "80 messages")
	p.undo()
	p.see(".list-state >> text=Nothing here")
	p.mailbox("Inbox")
	p.see(rowOf(letters[79].subject))

	// All of a search, but one.
	p.fill(".search-entry", "is:unread smaller:100M")
	p.keys("Enter")
	p.see(".list-title:text-matches('Search')")
	p.see(rowOf(letters[79].subject))
	p.click(".list-head input[type=checkbox]")
	p.click(".list-more button")
	p.must(nil, rowOf(letters[79].subject), "hover")
	p.click(rowOf(letters[79].subject) + " input")
	p.click(".list-bar >> " + buttonOf("Delete"))
	p.told("Moved 79 to Trash.")
	p.list(letters[79].subject)
	p.mailbox("Trash")
	p.undo()
	p.see(".list-state >> text=Nothing here")

	// Trash is emptied after asking.
	p.mailbox("Inbox")
	p.see(rowOf(letters[79].subject))
	p.context(treeItem("Inbox"), "Delete all messages")
	p.told("Removed 80 messages.")
	p.see(".list-state >> text=All done.")
	p.mailbox("Trash")
	p.see(".list [role=row]")
	p.context(treeItem("Trash"), "Delete all messages")
	p.see("dialog >> text=for ever")
	p.click("dialog >> " + buttonOf("Cancel") + " >> nth=-1")
	p.see(".list [role=row]")
	p.context(treeItem("Trash"), "Delete all messages")
	p.click("dialog >> " + buttonOf("Delete all messages"))
	p.see(".list-state >> text=Nothing here")
}

// Searching, by what stands in messages and by operators, while one types.
func testMailSearch(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox", append(realLetters(t, 40),
		letter{subject: "Ticket to Lisbon", from: "Ana Silva <ana@example.org>", text: "The platform is zweiundvierzig.\n", at: letterTime.Add(2 * time.Hour), files: []letterFile{{name: "ticket.pdf", typ: "application/pdf", data: []byte("%PDF-1.4\n")}}},
		letter{subject: "Lunch", from: "Ben Okafor <ben@example.net>", text: "At noon?\n", at: letterTime.Add(3 * time.Hour), flags: `\Seen \Flagged`})...)
	u.put(t, "Junk", letter{subject: "Win zweiundvierzig", text: "Now.\n"})
	p := m.browser.mail(t, u, desktop, nil)
	p.see(rowOf("Lunch"))

	// It answers while one types, without Enter; what was found is marked.
	p.keys("/")
	if got := p.focused(); got != "Search mail" {
		t.Fatalf("the focus is on %q", got)
	}
	p.typed("zweiund")
	p.list("Ticket to Lisbon")
	p.see(rowOf("Ticket") + " mark:text-is('zweiund')")
	p.click(".chip:has-text('Everywhere')")
	p.list("Ticket to Lisbon", "Win zweiundvierzig")
	p.click(".chip:has-text('All but Junk and Trash')")
	p.list("Ticket to Lisbon")

	search := func(text string, want ...string) {
		t.Helper()
		p.fill(".search-entry", text)
		p.keys("Enter")
		p.see(fmt.Sprintf(".list-title:text-is(%q)", "Search: "+text))
		if len(want) > 0 {
			p.list(want...)
		} else {
			p.see(".list-state >> text=Nothing found")
		}
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{"from:okafor", []string{"Lunch"}},
		{"subject:lisbon", []string{"Ticket to Lisbon"}},
		{"is:flagged", []string{"Lunch"}},
		{"has:attachment filename:ticket", []string{"Ticket to Lisbon"}},
		{"is:unread", []string{"Ticket to Lisbon"}},
		{"after:2026-11-01 from:silva -lunch", []string{"Ticket to Lisbon"}},
		{`"platform is"`, []string{"Ticket to Lisbon"}},
		{"in:junk win", []string{"Win zweiundvierzig"}},
		{"from:nobody-at-all", nil},
	} {
		search(c.text, c.want...)
	}
	p.click(buttonOf("Search Junk and Trash too"))
	p.see(".list-state >> text=Nothing found")
	p.fill(".search-entry", "before:notaday")
	p.see(".list-search .problem")

	// A search is kept: it has an address, and a name in the sidebar, also in other browsers.
	search("from:okafor", "Lunch")
	p.must(nil, "", "reload")
	p.list("Lunch")
	p.shows(`document.querySelector('.search-entry').value`, "from:okafor")
	p.click(".chip:has-text('Save this search')")
	p.answer("From Ben")
	p.see(treeItem("From Ben"))
	p.click(buttonOf("Clear the search"))
	p.see(".list-title:text-is('Inbox')")
	p.savedEntries("SavedSearches", 1)
	other := m.browser.mail(t, u, desktop, nil)
	other.see(rowOf("Lunch"))
	other.click(treeItem("From Ben"))
	other.list("Lunch")
	other.context(treeItem("From Ben"), "Forget this search")
	other.gone(treeItem("From Ben"))
	p.gone(treeItem("From Ben"))

	// Operators are suggested.
	p.fill(".search-entry", "fro")
	p.see(".search [role=option]:has-text('from:'), [role=listbox] [role=option]:has-text('from:')")
	p.keys("Escape", "Escape")
	p.see(rowOf("Lunch"))
}
