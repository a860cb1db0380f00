package browser

import (
	"slices"
	"strings"
	"testing"
)

// deaf has the page hear nothing of its stream while window.deaf is set.
const deaf = `window.EventSource = class extends EventSource {
	addEventListener(kind, f) { super.addEventListener(kind, e => window.deaf || f(e)) }
	set onerror(f) { super.onerror = e => window.deaf || f(e) }
}`

// What is done in a page that does not know yet that its session is over waits for the password, and is done then.
func testMailWaiting(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox", letter{subject: "First", flags: `\Seen`}, letter{subject: "Second", flags: `\Seen`})
	p := m.browser.mailOut(t, u, desktop, nil)
	p.must(nil, "", "addInitScript", map[string]string{"content": deaf})
	p.logIn("")
	p.see(rowOf("First"), rowOf("Second"))
	p.eval(nil, "window.deaf = true; null")
	other := m.browser.mail(t, u, desktop, nil)
	other.click(buttonOf("Account " + u.name))
	other.choose("Where you are logged in")
	list := ".settings-card:has(h2:text-is('Where you are logged in')) .settings-row"
	other.count(list, 2)
	other.click(buttonOf("Log out everywhere else"))
	other.count(list, 1)
	p.count("dialog", 0)

	p.focus(rowOf("First"))
	p.press("d")
	p.askedAgain()
	c := u.imap(t)
	c.do("SELECT Trash")
	if l := c.do("SEARCH SUBJECT First"); slices.ContainsFunc(l, func(s string) bool { return strings.HasPrefix(s, "* SEARCH ") }) {
		t.Errorf("without a session the message was deleted: %q", l)
	}
	p.logInAgain()
	p.told("Moved to Trash.")
	p.list("Second")
	u.message(t, "Trash", "First")
	p.undo()
	p.see(rowOf("First"))
	p.problems() // Of the calls without a session.
}
