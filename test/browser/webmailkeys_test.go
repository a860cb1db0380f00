package browser

import (
	"strings"
	"testing"
)

// keysWait has a sequence of keys wait for its next key as long as it takes, not for 3 seconds.
const keysWait = `(begin => { window.setTimeout = (f, ms, ...args) => ms === 3000 ? 0 : begin(f, ms, ...args) })(window.setTimeout)`

// Keys: those of both sets, changed ones, none; the help tells all.
func testMailKeys(t *testing.T, m *mailSite, u *mailUser) {
	letters := realLetters(t, 6)
	u.put(t, "Inbox", letters...)
	p := m.browser.mailOut(t, u, desktop, nil)
	p.must(nil, "", "context.addInitScript", map[string]string{"content": keysWait})
	p.logIn("")
	all := subjectsOf(letters...)
	p.list(all...)
	row := func(n string) string { return ".list [aria-rowindex='" + n + "']" }
	at := `document.activeElement.getAttribute('aria-rowindex')`

	// The help has a line for each command with keys, and gives the focus back.
	p.focus(row("1"))
	p.press("?")
	p.see("dialog >> text=Keys")
	var help []string
	p.eval(&help, `[...document.querySelectorAll('dialog tr')].map(r => r.innerText.replace(/\s+/g, ' ').trim())`)
	for _, want := range []string{"Write a message c", "Search /", "Undo z", "Next message j", "Archive a", "Delete D Del", "Reply r", "Send Ctrl ↵", "Go to Inbox I G then I", "Close Esc"} {
		if !strings.Contains(strings.ToLower(strings.Join(help, "\n")), strings.ToLower(want)) {
			t.Errorf("the help lacks %q", want)
		}
	}
	if len(help) < 90 {
		t.Errorf("the help has %d keys", len(help))
	}
	p.press("Escape")
	p.gone("dialog")
	p.shows(at, "1")

	// mox.
	for _, s := range []struct{ key, want string }{{"j", "2"}, {"ArrowDown", "3"}, {"k", "2"}, {"End", "6"}, {"Home", "1"}, {".", "6"}, {",", "1"}} {
		p.keys(s.key)
		p.shows(at, s.want)
	}
	p.see(".reader-subject")
	p.keys("a")
	p.told("Archived.")
	p.list(all[1:]...)
	p.keys("z")
	p.list(all...)
	p.count(".key-hint", 0)
	p.press("g") // What may follow is shown to who hesitates.
	p.see(".key-hint li:has-text('Go to Sent')")
	p.press("t")
	p.gone(".key-hint")
	p.see(".list-title:text-is('Sent')")
	p.keys("g", "t")
	p.see(".list-title:text-is('Sent')")
	p.keys("i")
	p.see(".list-title:text-is('Inbox')")
	p.keys("g", "s")
	p.see(".list-title:text-is('Flagged')")
	p.keys("Control+!")
	p.see(".settings")

	// Gmail and Fastmail.
	p.settingsPage("keys")
	p.click("role=radio[name='As Gmail and Fastmail']")
	p.mailbox("Inbox")
	p.list(all...)
	p.focus(row("1"))
	p.keys("e")
	p.list(all[1:]...)
	p.keys("z")
	p.list(all...)
	p.focus(row("1"))
	p.keys("#")
	p.told("Moved to Trash.")
	p.list(all[1:]...)
	p.keys("z")
	p.list(all...)
	p.focus(row("2"))
	p.keys("x")
	p.see(row("2") + "[aria-selected=true]")
	p.keys("*", "n")
	p.gone(row("2") + "[aria-selected=true]")
	p.keys("U")
	p.see(row("2") + ".unread")
	p.keys("I")
	p.gone(row("2") + ".unread")

	// Own keys: what clashes is refused.
	p.settingsPage("keys")
	p.click(buttonOf("Change keys of: Archive"))
	p.answer("l")
	p.see("dialog >> text=l is for: Label")
	p.answer("Nokey+x")
	p.see("dialog >> text=This is not a key.")
	p.answer("g x or Ctrl+e")
	p.gone("dialog")
	p.saved("Remapped", []map[string]any{{"Command": "archive", "Keys": []string{"g x", "Ctrl+e"}}})
	p.mailbox("Inbox")
	for _, keys := range [][]string{{"g", "x"}, {"Control+e"}} {
		p.list(all...)
		p.focus(row("1"))
		p.keys("e") // Not any more.
		p.keys(keys...)
		p.told("Archived.")
		p.list(all[1:]...)
		p.keys("z")
		p.list(all...)
	}
	p.settingsPage("keys")
	p.click(buttonOf("Own keys again for: Archive"))
	p.saved("Remapped", []string{})

	// None without Ctrl or Alt.
	p.click("role=radio[name='No keys without Ctrl or Alt']")
	p.saved("Keys", "off")
	p.mailbox("Inbox")
	p.focus(row("1"))
	p.keys("a", "d", "c", "/")
	p.list(all...)
	p.gone("dialog", ".composer")
	p.click(buttonOf("Keys and help"))
	p.see("dialog >> text=Keys without Ctrl are switched off")
	p.press("Escape")
	p.shows(`document.activeElement.getAttribute('aria-label')`, "Keys and help")

	// Keys that are typed into fields are text.
	p.settingsPage("keys")
	p.click("role=radio[name='mox']")
	p.saved("Keys", "mox")
	p.mailbox("Inbox")
	p.keys("/")
	p.typed("adq")
	p.shows(`document.querySelector('.search-entry').value`, "adq")
	p.keys("Escape", "Escape", "Escape")
	p.list(all...)
}
