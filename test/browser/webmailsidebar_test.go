package browser

import (
	"bytes"
	"testing"
	"time"
)

// Mailboxes: making, nesting, renaming, roles, collapsing, going to one by typing, exporting, emptying, removing.
func testMailMailboxes(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox", realLetters(t, 3)...)
	p := m.browser.mail(t, u, desktop, nil)
	create := func(name string, start func()) {
		t.Helper()
		start()
		p.answer(name)
		p.gone("dialog")
		p.see(treeItem(name))
	}
	order := func() string {
		return p.text(`[...document.querySelectorAll('.sidebar [role=treeitem] .tree-label')].map(e => e.textContent).join(' ')`)
	}
	if got, want := order(), "Inbox Drafts Sent Archive Junk Trash"; got != want {
		t.Errorf("mailboxes are %q, expected %q", got, want)
	}

	fresh := func() { p.click(".sidebar >> " + buttonOf("New")) }
	fresh()
	p.answer("")
	p.see("dialog >> text=Type a name.")
	p.press("Escape")
	p.gone("dialog")
	if got := p.focused(); got != "New" {
		t.Errorf("after the dialog the focus is on %q", got)
	}
	create("Projects", fresh)
	create("House", func() { p.context(treeItem("Projects"), "New mailbox") })
	p.shows(`document.querySelector('.sidebar [role=treeitem][aria-level="2"] .tree-label').textContent`, "House")
	fresh()
	p.answer("Projects")
	p.see(".toast.failed")
	p.hush()
	p.problems() // What was refused is on the console.

	// Messages go there, and the count of unread ones is shown.
	p.must(nil, "", "dragAndDrop", ".list [aria-rowindex='1'] .row-words", treeItem("House"))
	p.told("Moved to Projects/House.")
	p.focus(".list [aria-rowindex='1']")
	p.keys("M")
	p.see(treeItem("Inbox") + ":has(.tree-count:text-is('1'))")

	// Collapsed ones stay so, in other browsers too.
	p.click(treeItem("Projects") + " >> .tree-toggle")
	p.gone(treeItem("House"))
	p.saved("CollapsedMailboxes", []int64{p.mailboxID("Projects")})
	other := m.browser.mail(t, u, desktop, nil)
	other.see(treeItem("Projects"))
	other.gone(treeItem("House"))
	p.click(treeItem("Projects") + " >> .tree-toggle")
	p.see(treeItem("House"))

	// A colour in place of the icon, or none.
	p.context(treeItem("House"), "Colour")
	p.click(".menu-item >> text=Green")
	p.see(treeItem("House") + " >> .dot")
	p.context(treeItem("Projects"), "Colour")
	p.click(".menu-item >> text=Red")
	p.see(treeItem("Projects") + " >> .dot")
	p.context(treeItem("Projects"), "Colour")
	p.see(".menu-item[aria-checked=true] >> text=Red")
	p.click(".menu-item >> text=None")
	p.gone(treeItem("Projects") + " >> .dot")

	// Renaming takes along what is below, with its colour.
	p.context(treeItem("Projects"), "Rename")
	p.answer("Plans")
	p.see(treeItem("Plans"))
	p.see(treeItem("House") + " >> .dot")
	p.gone(treeItem("Plans") + " >> .dot")
	p.click(treeItem("House"))
	p.count(".list [role=row]", 1)
	p.shows("document.title.replace(/^\\(\\d+\\) /, '')", "Plans/House - mox")
	other.see(treeItem("Plans"))

	// It is undone, by the toast and by the key.
	p.context(treeItem("Plans"), "Rename")
	p.answer("Later/Plans")
	p.told("Renamed to Later/Plans.")
	p.see(treeItem("Later"))
	p.undo()
	p.gone(treeItem("Later"))
	p.context(treeItem("Plans"), "Rename")
	p.answer("Schemes")
	p.see(treeItem("Schemes"))
	p.told("Renamed to Schemes.")
	p.focus(".list [aria-rowindex='1']")
	p.press("z")
	p.see(treeItem("Plans"))
	p.hush()

	// Another mailbox for what is archived.
	create("Attic", fresh)
	p.context(treeItem("Attic"), "Archive")
	p.shows(`[...document.querySelectorAll('.sidebar [role=tree]:first-child .tree-label')].map(e => e.textContent).join(' ')`, "Inbox Drafts Sent Attic Junk Trash")
	p.mailbox("Inbox")
	p.focus(".list [aria-rowindex='1']")
	p.press("a")
	p.told("Archived.")
	p.mailbox("Attic")
	p.count(".list [role=row]", 1)

	// By typing, and by keys in the tree.
	p.press("g", "g")
	p.see(".picker input:focus")
	p.typed("hou")
	p.press("Enter")
	p.see(".list-title:text-is('Plans/House')")
	p.focus(treeItem("Inbox"))
	p.press("ArrowDown", "ArrowDown", "Enter")
	p.see(".list-title:text-is('Sent')")
	p.press("b")
	p.see(".menu-item >> text=Mark all as read")
	p.press("Escape")
	p.shows(`document.activeElement.querySelector('.tree-label')?.textContent`, "Sent")

	// As a file.
	p.must(nil, treeItem("House"), "click", map[string]any{"button": "right"})
	name, data := p.download(".menu-item >> text=Download as mbox")
	if !bytes.HasPrefix(data, []byte("From ")) || name == "" {
		t.Errorf("the file %q is not in mbox format: %.40q", name, data)
	}

	// A mailbox with messages is removed after asking.
	p.context(treeItem("House"), "Delete mailbox")
	p.see("dialog >> text=/House is deleted with its message/")
	p.click("dialog >> " + buttonOf("Delete mailbox"))
	p.gone(treeItem("House"), "dialog")
	p.told("Plans/House was deleted.")
	p.gone(".toast:has-text('was deleted') >> " + buttonOf("Undo"))
	p.hush()

	// An empty one is at once, and comes back.
	p.context(treeItem("Plans"), "Delete mailbox")
	p.gone(treeItem("Plans"))
	p.told("Plans was deleted.")
	p.undo()
	p.see(treeItem("Plans"))
	p.context(treeItem("Plans"), "Delete mailbox")
	p.gone(treeItem("Plans"))
	other.gone(treeItem("Plans"))

	// The sidebar can be put away.
	p.click(buttonOf("Mailboxes"))
	p.gone(".sidebar")
	p.click(buttonOf("Mailboxes"))
	p.see(".sidebar")
}

// Labels: on messages, with names and colours, as views.
func testMailLabels(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox", letter{subject: "Bills", flags: `\Seen money`}, letter{subject: "Taxes", flags: `\Seen money urgent`, at: letterTime.Add(time.Minute)}, letter{subject: "Hello", flags: `\Seen`, at: letterTime.Add(time.Hour)})
	p := m.browser.mail(t, u, desktop, nil)
	p.list("Hello", "Taxes", "Bills")
	p.see(treeItem("money"), treeItem("urgent"), rowOf("Taxes")+" .chip:has-text('money')")

	p.context(treeItem("money"), "Green")
	p.context(treeItem("money"), "Name of the label")
	p.answer("Money matters")
	p.see(treeItem("Money matters"), rowOf("Taxes")+" .chip:has-text('Money matters')")
	p.saved("Labels", []map[string]any{{"Keyword": "money", "Name": "Money matters", "Color": 4}})
	other := m.browser.mail(t, u, desktop, nil)
	other.see(treeItem("Money matters"), rowOf("Taxes")+" .chip:has-text('Money matters')")

	p.click(treeItem("Money matters"))
	p.see(".list-title:text-is('Label Money matters')")
	p.list("Taxes", "Bills")
	p.must(nil, "", "reload")
	p.list("Taxes", "Bills")
	p.click(treeItem("Inbox"))
	p.list("Hello", "Taxes", "Bills")
	p.menu(buttonOf("Filter"), "urgent")
	p.list("Taxes")
	p.click(buttonOf("Remove filter urgent"))
	p.list("Hello", "Taxes", "Bills")

	// In the reader they can be taken off.
	p.click(rowOf("Taxes"))
	p.click(".reader-labels >> " + buttonOf("Remove label urgent"))
	p.gone(rowOf("Taxes") + " .chip:has-text('urgent')")
	p.focus(rowOf("Taxes"))
	p.press("z")
	p.see(rowOf("Taxes") + " .chip:has-text('urgent')")
}
