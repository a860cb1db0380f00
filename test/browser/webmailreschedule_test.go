package browser

import (
	"fmt"
	"testing"
	"time"
)

// A message that is to leave later: its time is changed, and it is taken back, where it is read.
func testMailReschedule(t *testing.T, m *mailSite, u *mailUser) {
	friend := m.users["friend"]
	p := m.browser.mail(t, u, desktop, nil)
	p.write(friend.address, "In some days", "Wait for it.")
	p.click(".composer-foot >> " + buttonOf("Other ways to send"))
	p.click(".menu-item:has-text('Tomorrow')")
	p.gone(".composer")
	p.hush()
	p.see(treeItem("Scheduled"))
	leaves := `fetch('./').then(r => r.text()).then(s => JSON.parse(s.match(/id="data"[^>]*>([^]*?)<\/script>/)[1]).Mailboxes.find(m => m.Role === 'scheduled').ID)`
	var mailbox int
	p.eval(&mailbox, leaves)
	p.eval(nil, fmt.Sprintf("location.hash = '#mailbox/%d'; null", mailbox))
	p.click(rowOf("In some days"))
	line := ".message .delivery"
	p.see(line + ":has-text('Leaves')")
	at := `(document.querySelector('.message .delivery .banner-text')?.textContent ?? '')`
	before := p.text(at)

	// A time of one's own, which is to come.
	pick := "dialog input[type=datetime-local]"
	p.menu(line+" >> "+buttonOf("Change"), "Another time…")
	p.fill(pick, "2020-01-01T10:00")
	p.click("dialog >> " + buttonOf("Set"))
	p.see("dialog >> text=Choose a time to come.")
	p.accessible("another time")
	p.fill(pick, time.Now().UTC().AddDate(0, 0, 9).Format("2006-01-02")+"T10:07")
	p.click("dialog >> " + buttonOf("Set"))
	p.gone("dialog")
	p.see(line + " >> text=/10:07/")
	if p.text(at) == before {
		t.Errorf("it still %q", before)
	}
	p.must(nil, "", "reload")
	p.see(line + " >> text=/10:07/")

	// One of the usual times. On Sundays the last of them is the one that it had.
	before = p.text(at)
	p.click(line + " >> " + buttonOf("Change"))
	p.click(".menu-item >> nth=-2")
	p.shows(fmt.Sprintf("!['', %q].includes(%s)", before, at), "true")

	// Taken back it is a draft, and open to be changed.
	p.click(line + " >> " + buttonOf("Cancel sending"))
	p.shows(`document.querySelector('.composer-subject')?.value`, "In some days")
	u.message(t, "Drafts", "In some days")
	p.gone(treeItem("Scheduled")) // Nothing waits any more.

	// It can leave at once after all.
	p.click(".composer-foot >> " + buttonOf("Other ways to send"))
	p.click(".menu-item:has-text('Tomorrow')")
	p.gone(".composer")
	p.hush()
	p.eval(&mailbox, leaves)
	p.eval(nil, fmt.Sprintf("location.hash = '#mailbox/%d'; null", mailbox))
	p.click(rowOf("In some days"))
	p.click(line + " >> " + buttonOf("Send now"))
	friend.message(t, "Inbox", "In some days")
}
