package browser

import "testing"

// Who wants no motion sees none.
func testMailMotion(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox", letter{subject: "Still", flags: `\Seen`}, letter{subject: "Quiet", flags: `\Seen`})
	p := m.browser.mail(t, u, desktop, nil)
	p.see(rowOf("Still"))
	// moving are the elements that move or fade for more than a moment; a bar for the time that is left does so in steps.
	const moving = `[...document.querySelectorAll('*')].flatMap(e => [e, '::before', '::after'].map(x => x === e ? getComputedStyle(e) : getComputedStyle(e, x))
		.filter(s => [...s.transitionDuration.split(','), ...s.animationName === 'none' ? [] : s.animationDuration.split(',')].some(d => parseFloat(d) > (d.includes('ms') ? 10 : 0.01)) && !/steps/.test(s.animationTimingFunction))
		.map(() => e.className || e.localName)).join()`
	still := func(what string) {
		t.Helper()
		if got := p.text(moving); got != "" {
			t.Errorf("%s: there is motion in %s", what, got)
		}
	}
	still("list")
	p.click(rowOf("Still"))
	p.see(".reader-subject")
	still("reader")
	p.focus(rowOf("Still"))
	p.press("a")
	p.see(".toast")
	still("notice")
	p.press("z")
	p.press("?")
	p.see("dialog")
	still("dialog")
	p.press("Escape")
	p.press("c")
	p.see(richText)
	still("composer")
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")
	p.settingsPage("general")
	still("settings")
	// Otherwise there is some.
	p.must(nil, "", "emulateMedia", map[string]string{"reducedMotion": "no-preference"})
	if got := p.text(moving); got == "" {
		t.Error("there is never motion")
	}
}
