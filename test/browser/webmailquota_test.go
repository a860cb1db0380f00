package browser

import (
	"bytes"
	"testing"
)

// How full an account is, and what is told when nothing more goes in.
func testMailQuota(t *testing.T, _ *mailSite, _ *mailUser) {
	s := startServerWith(t, "QuotaMessageSize: 1000000\n", "", "", nil)
	u := &mailUser{s, "mox", mailAddress}
	big := func(subject string, size int) letter {
		return letter{subject: subject, flags: `\Seen`, files: []letterFile{{name: "big.bin", typ: "application/octet-stream", data: bytes.Repeat([]byte("x"), size)}}}
	}
	p := startBrowser(t, s, certificate{}).mail(t, u, desktop, nil)
	p.see(".storage:has-text('of 1 MB')")
	const share = `Number(document.querySelector('.storage-bar').style.getPropertyValue('--share'))`
	p.shows(share+" < 0.05", "true")
	p.count(".storage-bar.full", 0)

	// It grows at once, and warns when there is little left.
	u.put(t, "Inbox", big("Half", 350_000))
	p.see(rowOf("Half"))
	p.shows(share+" > 0.4 && "+share+" < 0.6", "true")
	p.count(".storage-bar.full", 0)
	u.put(t, "Inbox", big("More", 330_000))
	p.see(".storage-bar.full")
	p.shows(share+" > 0.9 && "+share+" < 1", "true")
	p.accessible("full")

	// A draft that does not go in stays in the composer, with the reason.
	p.write("", "Too much", "")
	p.focus(richText)
	p.eval(nil, `document.execCommand('insertText', false, 'Many words. '.repeat(20000)); null`)
	p.see(".composer >> text=/no space left/")
	p.shows(`document.querySelector('.composer-subject').value`, "Too much")
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")
	p.hush()

	// Deleting for good makes room.
	p.focus(rowOf("Half"))
	p.keys("Shift+Delete")
	p.see("dialog")
	p.click("dialog .button.danger, dialog .button.primary")
	p.list("More")
	p.shows(share+" < 0.6", "true")
	p.gone(".storage-bar.full")
	p.problems() // Of the draft that was refused.
}
