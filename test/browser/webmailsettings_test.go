package browser

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// settingsPage goes to a section of the settings.
func (p *mailPage) settingsPage(section string) {
	p.t.Helper()
	p.eval(nil, "location.hash = '#settings/"+section+"'; null")
	p.see(".settings [role=tabpanel]:not([hidden])")
}

// Each setting is kept on the server, and is there after loading the page anew and in another browser.
func testMailSettings(t *testing.T, m *mailSite, u *mailUser) {
	p := m.browser.mail(t, u, desktop, nil)
	p.click(buttonOf("Account " + u.name))
	p.choose("Settings")
	p.see(".settings h1")
	type change struct {
		control string // A selector; an option of a list is chosen, and text typed, if value is not empty.
		value   string
		setting string
		want    any
	}
	in := ".settings [role=tabpanel]:not([hidden]) >> "
	sections := []struct {
		name    string
		changes []change
	}{
		{"general", []change{
			{"role=radio[name='Dark']", "", "Theme", "dark"},
			{"role=radio[name='Cosy, with more of the text']", "", "Density", "cosy"},
			{"role=radio[name='Below the list']", "", "Pane", "below"},
			{"role=textbox[name='Time zone']", "Asia/Tokyo", "TimeZone", "Asia/Tokyo"},
			{"role=switch[name='Show conversations']", "", "Threads", false},
			{"role=switch[name='Newest message of a conversation on top']", "", "NewestFirst", true},
			{"role=combobox[name='Mark messages as read']", "3", "MarkSeenAfter", 3},
			{"role=radio[name='Go back to the list']", "", "AfterAction", "list"},
			{"role=switch[name='With a sound']", "", "NotifySound", true},
			{"role=combobox[name='To the right']", "flag", "SwipeRight", "flag"},
			{"role=combobox[name='To the left']", "archive", "SwipeLeft", "archive"},
		}},
		{"writing", []change{
			{"role=combobox[name='Time to take a message back']", "30", "UndoSeconds", 30},
			{"role=switch[name='Archive what I answer']", "", "SendAndArchive", true},
			{"role=spinbutton[name='Ask before sending to so many recipients']", "7", "ManyRecipients", 7},
			{"role=switch[name=/Require encryption/]", "", "RequireTLSAuto", true},
			{"role=switch[name='Write plain text']", "", "ComposeText", true},
			{"role=switch[name='Write below what I quote']", "", "QuoteBelow", true},
		}},
		{"privacy", []change{
			{"role=radio[name='Never']", "", "Remote", "never"},
			{"role=switch[name='Show plain text where a message has it']", "", "PreferText", true},
		}},
		{"keys", []change{{"role=radio[name='As Gmail and Fastmail']", "", "Keys", "gmail"}}},
	}
	before := p.settings()
	for _, s := range sections {
		p.click("role=tab[name=/" + map[string]string{"general": "General", "writing": "Writing", "privacy": "Privacy", "keys": "Keys"}[s.name] + "/]")
		for _, c := range s.changes {
			switch {
			case c.value == "":
				p.click(in + c.control)
			case strings.Contains(c.control, "combobox"):
				p.must(nil, in+c.control, "selectOption", c.value)
			default:
				p.fill(in+c.control, c.value)
				p.press("Tab")
			}
		}
		for _, c := range s.changes {
			if before[c.setting] == c.want {
				t.Errorf("%s is %v from the beginning", c.setting, c.want)
			}
			p.saved(c.setting, c.want)
		}
	}
	p.shows("document.documentElement.dataset.theme", "dark")
	p.shows("getComputedStyle(document.body).colorScheme === 'dark' || getComputedStyle(document.documentElement).colorScheme === 'dark'", "true")

	// What is no time zone is told and not kept.
	p.settingsPage("general")
	p.fill(in+"role=textbox[name='Time zone']", "Nowhere/At all")
	p.press("Tab")
	p.see(in + "text=This is not a time zone")
	p.fill(in+"role=textbox[name='Time zone']", "")
	p.press("Tab")
	p.saved("TimeZone", "")

	p.must(nil, "", "reload")
	p.see(".settings [role=tabpanel]")
	other := m.browser.mail(t, u, desktop, nil)
	other.shows("document.documentElement.dataset.theme", "dark")
	for _, page := range []*mailPage{p, other} {
		page.settingsPage("general")
		page.see(in+"role=radio[name='Dark'][checked]", in+"role=radio[name='Below the list'][checked]")
		page.settingsPage("writing")
		page.shows(`document.querySelector('[role=tabpanel]:not([hidden]) input[type=number]').value`, "7")
		page.settingsPage("keys")
		page.see(in + "role=radio[name='As Gmail and Fastmail'][checked]")
	}

	// Changes made in two browsers at once are both kept.
	p.settingsPage("general")
	other.settingsPage("privacy")
	p.click(in + "role=radio[name='Light']")
	other.click(in + "role=radio[name='For people I have written to']")
	p.saved("Theme", "light")
	p.saved("Remote", "contacts")
	other.shows("document.documentElement.dataset.theme", "light")

	// Labels, by their own section.
	p.settingsPage("labels")
	p.fill(in+"role=textbox[name='New label']", "Holiday")
	p.press("Enter")
	p.must(nil, in+"role=combobox[name='Colour of Holiday']", "selectOption", "6")
	p.fill(in+"role=textbox[name='Name of Holiday']", "Holidays")
	p.see(treeItem("Holidays"))
	p.saved("Labels", []map[string]any{{"Keyword": "Holiday", "Name": "Holidays", "Color": 6}})
	p.click(in + buttonOf("Forget name and colour of Holiday"))
	p.gone(treeItem("Holidays"))
}

// Sessions are listed and ended; a session that is over asks for the password, and nothing is lost.
func testMailSessions(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox", letter{subject: "First"}, letter{subject: "Second"})
	p := m.browser.mailOut(t, u, desktop, nil)
	p.visit(u.s.webmail())
	p.fill("#username", u.address)
	p.fill("#password", "wrong-password")
	p.click("button")
	p.see("#message")
	p.logIn("")
	p.problems() // Of the refused login.
	other := m.browser.mail(t, u, desktop, nil)
	other.see(rowOf("First"))

	p.click(buttonOf("Account " + u.name))
	p.choose("Where you are logged in")
	list := ".settings-card:has(h2:text-is('Where you are logged in')) .settings-row"
	p.count(list, 2)
	p.see(list+":has-text('this one')", ".settings-row:has-text('Wrong password')", ".settings-row:has-text('Logged in')")
	p.click(list + " >> " + buttonOf("Log out"))
	p.count(list, 1)

	// The other page is told at once.
	other.askedAgain()
	other.logInAgain()
	other.focus(rowOf("First"))
	other.press("d")
	other.told("Moved to Trash.")
	other.list("Second")
	other.problems() // Of the calls without a session.
	u.put(t, "Inbox", letter{subject: "Third"})
	other.see(rowOf("Third"))

	p.must(nil, "", "reload")
	p.count(list, 2)
	p.click(buttonOf("Log out everywhere else"))
	p.count(list, 1)
	other.must(nil, "dialog >> text=You were logged out.", "waitFor")
	other.problems()

	// Logging out.
	p.click(buttonOf("Account " + u.name))
	p.choose("Log out")
	p.see("#password")
	p.visit(u.s.webmail() + "#mailbox/1")
	p.see("#password")

	// With TLS, the cookie is one that others cannot set.
	p.visit("https://" + u.s.addr(1443) + "/webmail/")
	p.fill("#username", u.address)
	p.fill("#password", mailPassword)
	p.click("button")
	p.see(rowOf("Third"))
	var state struct {
		Cookies []struct {
			Name             string
			Secure, HTTPOnly bool
			SameSite         string
		}
	}
	p.must(&state, "", "context.storageState")
	host := 0
	for _, c := range state.Cookies {
		if strings.HasPrefix(c.Name, "__Host-") && c.Secure && c.HTTPOnly && c.SameSite == "Strict" {
			host++
		}
	}
	if host != 1 {
		t.Errorf("cookies are %+v", state.Cookies)
	}
}

// New mail is told: in the title, to screen readers, and on the desktop for pages that are not seen.
func testMailNotices(t *testing.T, m *mailSite, u *mailUser) {
	p := m.browser.mailOut(t, u, desktop, map[string]any{"permissions": []string{"notifications"}})
	p.must(nil, "", "addInitScript", map[string]string{"content": `
		window.told = []
		class Told {
			static permission = 'granted'
			constructor(title, options) { told.push(title + ': ' + options.body) }
			close() {}
		}
		window.Notification = Told
		Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' })`})
	p.logIn("")
	p.shows("document.title", "Inbox - mox")
	u.arrive(t, letter{subject: "Quiet", text: "Nothing rings.\n"})
	p.see(rowOf("Quiet"))
	p.shows("document.title", "(1) Inbox - mox")
	p.see("[role=status]:has-text('1 new message')")
	p.settingsPage("general")
	p.click("role=switch[name='Show new mail on the desktop']")
	p.saved("NotifyDesktop", true)
	u.arrive(t, letter{subject: "Loud", text: "It rings.\n", at: letterTime.Add(time.Hour)})
	p.shows("document.title.slice(0, 3)", "(2)")
	p.shows("told.join()", "Ana Silva: Loud\nIt rings.")
}

// Mail goes out as files, and comes in.
func testMailTransfer(t *testing.T, m *mailSite, u *mailUser) {
	letters := realLetters(t, 5)
	u.put(t, "Inbox", letters...)
	p := m.browser.mail(t, u, desktop, nil)
	p.settingsPage("transfer")
	in := ".settings [role=tabpanel]:not([hidden]) >> "
	mailbox, format := in+"role=combobox[name='Mailbox']", in+"role=combobox[name='Format']"
	p.must(nil, mailbox, "selectOption", map[string]string{"label": "Inbox"})
	name, mbox := p.download(in + buttonOf("Download"))
	if n := bytes.Count(append([]byte("\n"), mbox...), []byte("\nFrom ")); n != 5 {
		t.Errorf("%s has %d messages, expected 5", name, n)
	}
	p.must(nil, mailbox, "selectOption", "")
	for _, f := range []string{"maildir", "eml"} {
		p.must(nil, format, "selectOption", f)
		name, data := p.download(in + buttonOf("Download"))
		if n := filesIn(t, name, data); n < 5 {
			t.Errorf("%s has %d files, expected the messages", name, n)
		}
	}

	dir := t.TempDir()
	eml, box := filepath.Join(dir, "one.eml"), filepath.Join(dir, "all.mbox")
	if err := os.WriteFile(eml, []byte(letter{subject: "From a file"}.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(box, mbox, 0o600); err != nil {
		t.Fatal(err)
	}
	p.must(nil, in+"role=combobox[name='Into mailbox']", "selectOption", map[string]string{"label": "Archive"})
	p.must(nil, in+"input[type=file]", "setInputFiles", []string{eml, box})
	p.click(in + buttonOf("Import"))
	p.see(in + "text=/all.mbox: 5 messages added/")
	p.mailbox("Archive")
	p.see(rowOf("From a file"), rowOf(letters[4].subject))
}

// filesIn returns how many files that are not empty an archive has.
func filesIn(t *testing.T, name string, data []byte) int {
	t.Helper()
	n := 0
	if strings.HasSuffix(name, ".zip") {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, f := range z.File {
			if f.UncompressedSize64 > 0 {
				n++
			}
		}
		return n
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return n
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if h.Size > 0 {
			n++
		}
	}
}
