package browser

import (
	"strings"
	"testing"
	"time"
)

// slowCompose has the drafts that the page asks for come when it says so.
const slowCompose = `(f => window.fetch = async (...args) => {
	if (window.slow && String(args[0]).endsWith('api/Compose')) {
		window.asked = (window.asked ?? 0) + 1
		await new Promise((done, gone) => {
			(window.waiting ??= []).push(done)
			args[1]?.signal?.addEventListener('abort', () => gone(args[1].signal.reason))
		})
	}
	return f(...args)
})(window.fetch)`

// Keys that are pressed while the server makes a draft are meant for it: nothing is opened twice, no key is a command of the list, and what is typed is there.
func testMailOpening(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox",
		letter{subject: "Behind", from: "Ben <ben@example.net>", flags: `\Seen`},
		letter{subject: "Question", from: "Ana Silva <ana@example.org>", to: u.address, flags: `\Seen`, at: letterTime.Add(time.Hour)})
	p := m.browser.mailOut(t, u, desktop, nil)
	p.must(nil, "", "addInitScript", map[string]string{"content": slowCompose})
	p.logIn("")
	p.list("Question", "Behind")
	p.press("c") // All that composers need is loaded from now on.
	p.see(richText)
	p.press("Control+Shift+d")
	p.gone(".composer")
	p.eval(nil, "window.slow = true; null")
	let := func() { p.eval(nil, "(waiting ?? []).splice(0).forEach(done => done()); null") }
	read := func() {
		t.Helper()
		p.click(rowOf("Question"))
		p.see(".reader-subject:text-is('Question')")
		p.shows(inText(words+` ? 'text' : ''`), "text")
		p.eval(nil, "asked = 0; null")
	}
	discard := func() {
		t.Helper()
		p.click(".composer >> " + buttonOf("Discard the draft"))
		p.gone(".composer")
		p.hush()
	}
	text := `document.querySelector('.composer .rich').innerText.trim().split('\n')[0]`

	// What one begins to write, with what would archive, delete and answer; from the list, the reader, and the text of the message in its frame.
	for _, at := range []string{rowOf("Question"), ".reader .message.open", ".reader iframe"} {
		read()
		p.focus(at)
		p.press("r")
		p.typed("rad, dear")
		p.press("Backspace", "Control+j", "Delete", "ArrowDown")
		p.count(".composer", 0)
		let()
		p.see(richText + ":focus")
		p.shows(text, "rad, dea")
		p.typed("r!")
		p.shows(text, "rad, dear!")
		p.count(".composer", 1)
		p.shows("String(asked)", "1")
		p.see(".reader-subject:text-is('Question')")
		p.list("Question", "Behind")
		p.count(".toast", 0)
		discard()
	}

	// A key that is held down opens one, and makes no text however late it is let go.
	for _, key := range []string{"r", "f", "c"} {
		read()
		p.focus(rowOf("Question"))
		for range 4 {
			p.must(nil, "", "keyboard.down", key)
		}
		let()
		p.see(richText)
		p.soon("document.activeElement.closest('.composer')")
		before := p.text(text)
		for range 3 {
			p.must(nil, "", "keyboard.down", key)
		}
		p.must(nil, "", "keyboard.up", key)
		p.count(".composer", 1)
		p.shows("String(asked)", "1")
		if got := p.text(text); got != before || p.text(`[...document.querySelectorAll('.composer input')].map(e => e.value).join()`+`.includes('`+strings.Repeat(key, 2)+`')`) != "false" {
			t.Errorf("%s held down: the text begins with %q", key, got)
		}
		discard()
	}

	// Pressed twice by the pointer it is one still; a new message is written from field to field.
	read()
	p.click(".reply-field")
	p.click(".reply-field")
	let()
	p.see(richText + ":focus")
	p.count(".composer", 1)
	p.shows("String(asked)", "1")
	discard()
	p.focus(rowOf("Question"))
	p.press("c")
	p.typed("ana@example.org")
	p.press("Enter")
	p.typed("ben@example.net")
	p.press("Tab")
	p.typed("For all")
	p.press("Tab")
	p.typed("First")
	p.press("Enter")
	p.typed("Second")
	let()
	p.see(".composer [data-field=To] .chip:has-text('ana@example.org')", ".composer [data-field=To] .chip:has-text('ben@example.net')")
	p.shows(`document.querySelector('.composer-subject').value`, "For all")
	p.shows(`document.querySelector('.composer .rich').innerText.trim()`, "First\nSecond")
	discard()

	// Escape gives it up; keys are those of the list again.
	read()
	p.focus(rowOf("Question"))
	p.press("r", "x", "Escape", "j")
	p.see(".reader-subject:text-is('Behind')")
	let()
	p.count(".composer", 0)
	p.count(".toast", 0)

	// Who goes on to search is not interrupted.
	read()
	p.focus(rowOf("Question"))
	p.press("f")
	p.click(".search-entry")
	p.typed("rea")
	let()
	p.see(".composer")
	p.typed("der")
	p.shows(`document.querySelector('.search-entry').value`, "reader")
	p.eval(nil, "window.slow = false; null")
}
