package browser

import (
	"fmt"
	"strings"
	"testing"
)

// replace has a mail program put another version in the place of a draft, and returns once the old one is gone.
func (u *mailUser) replace(t *testing.T, subject string, drafts ...letter) {
	t.Helper()
	c := u.imap(t)
	c.do("SELECT Drafts")
	uid := ""
	for range until(t, mailTimeout) {
		c.do("NOOP")
		for _, line := range c.do(fmt.Sprintf("UID SEARCH SUBJECT %q", subject)) {
			if f := strings.Fields(line); len(f) > 2 && f[1] == "SEARCH" {
				uid = f[len(f)-1]
			}
		}
		if uid != "" {
			break
		}
	}
	if uid == "" {
		t.Fatalf("there is no draft %q", subject)
	}
	for _, d := range drafts {
		c.add("Drafts", `\Draft \Seen`, letterTime, d.String())
	}
	c.do("UID STORE " + uid + ` +FLAGS.SILENT (\Deleted)`)
	c.do("UID EXPUNGE " + uid)
}

// A draft that is changed or removed by a mail program while it is written on: nothing of either is lost.
func testMailDrafts(t *testing.T, m *mailSite, u *mailUser) {
	p := m.browser.mail(t, u, desktop, nil)
	p.mailbox("Drafts")
	// saved waits until all that was written is saved: on a slow machine a part of it is saved before.
	saved := func(text string) {
		t.Helper()
		u.message(t, "Drafts", "Begun here", text)
		p.see(".composer-status:has-text('Draft saved')")
	}
	p.write("", "Begun here", "Words of the page")
	saved("Words of the page")
	p.list("Begun here")

	// Another version comes in its place: the list shows it, the composer keeps its own words.
	u.replace(t, "Begun here", letter{subject: "Changed there", from: u.address, text: "Words of the mail program\n"})
	p.list("Changed there")
	p.shows(`document.querySelector('.composer-subject').value`, "Begun here")
	p.focus(richText)
	p.typed(", and more")
	p.see(richText + ":has-text('Words of the page, and more')")
	p.press("Control+s")
	p.see(rowOf("Begun here"))
	p.count(".list [role=row]", 2)
	saved("Words of the page, and more")
	if got := u.message(t, "Drafts", "Changed there"); !strings.Contains(got, "V29yZHMgb2YgdGhlIG1haWwgcHJvZ3JhbQo=") {
		t.Errorf("the version of the mail program is\n%s", got)
	}

	// It is removed: what is typed next is saved anew, once.
	u.replace(t, "Begun here")
	p.list("Changed there")
	p.focus(subjectField)
	p.press("End")
	p.typed(" again")
	p.see(rowOf("Begun here again"))
	p.typed("!")
	p.see(rowOf("Begun here again!"))
	saved("Subject: Begun here again!")
	p.count(".list [role=row]", 2)

	// It is removed once more, and sent nevertheless.
	u.replace(t, "Begun here again!")
	p.recipient("To", m.users["friend"].address)
	p.menu(".composer-foot >> "+buttonOf("Other ways to send"), "Send now, without a time to undo")
	p.gone(".composer")
	m.users["friend"].message(t, "Inbox", "Begun here again!")
	p.list("Changed there")

	// The other version is a draft as any other.
	p.click(rowOf("Changed there"))
	p.see(anyText)
	p.shows(`(e => e.value || e.innerText)([...document.querySelectorAll('.composer .rich, .composer .plain')].find(e => !e.hidden)).trim()`, "Words of the mail program")
	u.replace(t, "Changed there")
	p.list()
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")
	p.list()
}
