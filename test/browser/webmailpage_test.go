package browser

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// mailTimeout is for what the webmail should show. It only ends what hangs.
const mailTimeout = callTimeout

// mailUser is an account of a server, so that tests which share a server do not see each other's mail and settings.
type mailUser struct {
	s       *server
	name    string // Of the account, and of its address before the @.
	address string
}

// users adds accounts, which all have the password of that of localserve.
func (s *server) users(names ...string) map[string]*mailUser {
	s.t.Helper()
	l := map[string]*mailUser{}
	for _, name := range names {
		u := &mailUser{s, name, name + "@localhost"}
		s.mox("config", "account", "add", "--fullname", strings.ToUpper(name[:1])+name[1:]+" Example", name, u.address)
		cmd := exec.Command(moxBinary, "--config", filepath.Join(s.dir, "mox.conf"), "setaccountpassword", name)
		cmd.Stdin = strings.NewReader(mailPassword + "\n" + mailPassword + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			s.t.Fatalf("setting a password: %v\n%s", err, out)
		}
		l[name] = u
	}
	return l
}

// imap logs in as the user.
func (u *mailUser) imap(t *testing.T) *imapClient {
	t.Helper()
	nc, err := net.Dial("tcp", u.s.addr(1143))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	c := &imapClient{t: t, conn: textproto.NewConn(nc)}
	c.do("LOGIN " + u.address + " " + mailPassword)
	return c
}

// add puts a message into a mailbox, with flags such as "\Seen".
func (c *imapClient) add(mailbox, flags string, at time.Time, message string) {
	c.t.Helper()
	message = strings.ReplaceAll(strings.ReplaceAll(message, "\r\n", "\n"), "\n", "\r\n")
	c.tag++
	tag := fmt.Sprintf("t%d ", c.tag)
	step := func(line, want string) {
		c.t.Helper()
		err := c.conn.PrintfLine("%s", line)
		var got string
		for err == nil {
			if got, err = c.conn.ReadLine(); !strings.HasPrefix(got, "* ") {
				break
			}
		}
		if err != nil || !strings.HasPrefix(got, want) {
			c.t.Fatalf("adding a message: %v, %q", err, got)
		}
	}
	step(fmt.Sprintf(`%sAPPEND "%s" (%s) "%s" {%d}`, tag, mailbox, flags, at.Format("02-Jan-2006 15:04:05 -0700"), len(message)), "+")
	step(message, tag+"OK")
}

// create makes mailboxes.
func (u *mailUser) create(t *testing.T, names ...string) {
	t.Helper()
	c := u.imap(t)
	for _, name := range names {
		c.tag++
		tag := fmt.Sprintf("t%d ", c.tag)
		err := c.conn.PrintfLine(`%sCREATE "%s"`, tag, name)
		got := ""
		for err == nil && !strings.HasPrefix(got, tag) {
			got, err = c.conn.ReadLine()
		}
		if err != nil || !strings.HasPrefix(got, tag+"OK") {
			t.Fatalf("creating a mailbox: %v, %q", err, got)
		}
	}
}

// put puts messages into a mailbox.
func (u *mailUser) put(t *testing.T, mailbox string, letters ...letter) {
	t.Helper()
	c := u.imap(t)
	for _, l := range letters {
		c.add(mailbox, l.flags, l.when(), l.String())
	}
}

// arrive has a message delivered by SMTP.
func (u *mailUser) arrive(t *testing.T, l letter) {
	t.Helper()
	c, err := smtp.Dial(u.s.addr(1025))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = errors.Join(c.Hello("example.org"), c.Mail("ana@example.org"), c.Rcpt(u.address))
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, strings.ReplaceAll(l.String(), "\n", "\r\n"))
	if err := errors.Join(err, w.Close(), c.Quit()); err != nil {
		t.Fatal(err)
	}
}

// mailPage is a page with the webmail.
type mailPage struct {
	*page
	u    *mailUser
	lost bool // Its tab was closed.
}

// mail opens the webmail in a browser of its own, with options of Playwright's contexts beside the usual ones.
func (b *browser) mail(t *testing.T, u *mailUser, v view, options map[string]any) *mailPage {
	t.Helper()
	p := b.mailOut(t, u, v, options)
	p.logIn("")
	return p
}

// mailOut is as mail, but not logged in, and nowhere yet.
func (b *browser) mailOut(t *testing.T, u *mailUser, v view, options map[string]any) *mailPage {
	t.Helper()
	b.mu.Lock()
	b.pages++
	p := &mailPage{page: &page{t: t, b: b, number: b.pages, view: v}, u: u}
	b.mu.Unlock()
	all := map[string]any{
		"viewport": map[string]int{"width": v.width, "height": v.height}, "colorScheme": "light", "isMobile": v.phone, "hasTouch": v.phone,
		"locale": "en-GB", "timezoneId": "UTC", "reducedMotion": "reduce", "ignoreHTTPSErrors": true,
	}
	for name, value := range options {
		all[name] = value
	}
	if err := b.call(command{Page: p.number, Method: "open", Options: all}, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.lost {
			p.calm()
			p.shut()
		}
	})
	p.must(nil, "", "context.addInitScript", map[string]string{"content": noticesStay})
	p.shot()
	return p
}

// noticesStay has notices stay until they are closed, as those do that the pointer is on: a machine with much else to do may take longer than
// they would to look at them, and none has gone by itself where a test says that there is none.
const noticesStay = `if (self === top) {
	new MutationObserver(l => {
		for (const { addedNodes } of l) for (const e of addedNodes) if (e.matches?.('.toast')) e.dispatchEvent(new PointerEvent('pointerenter'))
	}).observe(document, { childList: true, subtree: true })
	for (const kind of ['pointerleave', 'focusout']) window.addEventListener(kind, e => e.target.closest?.('.toast') && e.stopImmediatePropagation(), true)
}`

// shot keeps a picture of the page if the test fails.
func (p *mailPage) shot() {
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.try(nil, "", "screenshot", map[string]any{"path": filepath.Join(p.t.ArtifactDir(), fmt.Sprintf("failed-%d.png", p.number)), "timeout": 3000})
		}
	})
}

// calm checks that the page has had no problem since the last call. Requests may be given up, as when what one types changes.
func (p *mailPage) calm() {
	p.t.Helper()
	for _, problem := range p.problems() {
		if !strings.Contains(problem, "net::ERR_ABORTED") {
			p.t.Errorf("problem in the page: %s", problem)
		}
	}
}

// logIn logs in and goes to a place in the webmail.
func (p *mailPage) logIn(hash string) {
	p.t.Helper()
	p.visit(p.u.s.webmail() + hash)
	p.fill("#username", p.u.address)
	p.fill("#password", mailPassword)
	p.click("button")
	p.see("#list")
}

// lose closes the tab, as when a browser crashes, whatever problems the page has.
func (p *mailPage) lose() {
	p.t.Helper()
	p.lost = true
	p.must(nil, "", "closeTab")
}

// another opens another tab of the same browser, at a place in the webmail.
func (p *mailPage) another(hash string) *mailPage {
	p.t.Helper()
	n := &mailPage{page: p.tab(), u: p.u}
	n.shot()
	n.visit(p.u.s.webmail() + hash)
	return n
}

// opened is the tab that the page opens by something that is done.
func (p *mailPage) opened(act func()) *mailPage {
	p.t.Helper()
	act()
	p.b.mu.Lock()
	p.b.pages++
	n := &mailPage{page: &page{t: p.t, b: p.b, number: p.b.pages, view: p.view}, u: p.u}
	p.b.mu.Unlock()
	n.must(nil, "", "opened", p.number)
	n.shot()
	return n
}

// Selectors.

func rowOf(subject string) string { return fmt.Sprintf(".list [role=row]:has-text(%q)", subject) }

func buttonOf(label string) string { return fmt.Sprintf("role=button[name=%q]", label) }

func textOf(text string) string { return fmt.Sprintf("text=%q", text) }

func (p *mailPage) click(selector string)       { p.t.Helper(); p.must(nil, selector, "click") }
func (p *mailPage) fill(selector, value string) { p.t.Helper(); p.must(nil, selector, "fill", value) }
func (p *mailPage) typed(text string)           { p.t.Helper(); p.must(nil, "", "keyboard.type", text) }
func (p *mailPage) focus(selector string)       { p.t.Helper(); p.must(nil, selector, "focus") }

// see waits until something is seen.
func (p *mailPage) see(selectors ...string) {
	p.t.Helper()
	for _, s := range selectors {
		p.must(nil, s, "first.waitFor", map[string]any{"timeout": mailTimeout.Milliseconds()})
	}
}

// gone waits until nothing of that kind is seen.
func (p *mailPage) gone(selectors ...string) {
	p.t.Helper()
	for _, s := range selectors {
		p.must(nil, s, "first.waitFor", map[string]any{"state": "hidden", "timeout": mailTimeout.Milliseconds()})
	}
}

// count waits until there are n of something.
func (p *mailPage) count(selector string, n int) {
	p.t.Helper()
	var got []string
	for range until(p.t, mailTimeout) {
		if p.must(&got, selector, "allTextContents"); len(got) == n {
			return
		}
	}
	p.t.Fatalf("%s: got %q, expected %d", selector, got, n)
}

// menu chooses from the menu of a button.
func (p *mailPage) menu(button string, item ...string) {
	p.t.Helper()
	p.click(button)
	p.choose(item...)
}

// choose chooses from the menu that is open. Where the same item is there several times, a number says which.
func (p *mailPage) choose(item ...string) {
	p.t.Helper()
	for _, i := range item {
		p.click(".menu-item >> " + textOf(i))
	}
}

// context opens the menu of something by the right button and chooses from it.
func (p *mailPage) context(selector, item string) {
	p.t.Helper()
	p.must(nil, selector, "click", map[string]any{"button": "right"})
	p.choose(item)
}

// told waits for a notice.
func (p *mailPage) told(text string) {
	p.t.Helper()
	p.see(fmt.Sprintf(".toast-text:has-text(%q)", text))
}

// undo presses Undo of the notice and waits until it is done.
func (p *mailPage) undo() {
	p.t.Helper()
	p.click(".toast >> " + buttonOf("Undo") + " >> nth=-1")
	p.told("Undone.")
	p.hush()
}

// hush closes all notices.
func (p *mailPage) hush() {
	p.t.Helper()
	p.eval(nil, `document.querySelectorAll('.toast button[aria-label=Close]').forEach(b => b.click())`)
}

// subjectsShown are those of the rows that are known and shown, from the top.
const subjectsShown = `[...document.querySelectorAll('.list [role=row]')].map(r => r.querySelector('.row-subject').textContent)`

// list waits until the list has these subjects, from the top.
func (p *mailPage) list(want ...string) {
	p.t.Helper()
	var got []string
	if ok, err := p.poll(&got, subjectsShown, func() bool { return slices.Equal(got, want) }); !ok {
		p.t.Fatalf("the list has %q, expected %q (%v)", got, want, err)
	}
}

// go goes to a mailbox by its name in the sidebar.
func (p *mailPage) mailbox(name string) {
	p.t.Helper()
	p.click(treeItem(name))
	p.see(fmt.Sprintf(".list-title:text-is(%q)", name))
}

// treeItem is a mailbox, label or search in the sidebar.
func treeItem(name string) string {
	return fmt.Sprintf(".sidebar [role=treeitem]:has(bdi:text-is(%q))", name)
}

// answer types into the dialog that opens, and presses Enter.
func (p *mailPage) answer(text string) {
	p.t.Helper()
	p.see("dialog input:focus")
	p.fill("dialog input", text)
	p.press("Enter")
}

// download runs what leads to a download by a press on something, and returns the file.
func (p *mailPage) download(selector string) (name string, data []byte) {
	p.t.Helper()
	var d struct{ Name, Path string }
	p.must(&d, selector, "download")
	data, err := os.ReadFile(d.Path)
	if err != nil {
		p.t.Fatal(err)
	}
	return d.Name, data
}

// askedAgain waits until the page asks to log in again.
func (p *mailPage) askedAgain() {
	p.t.Helper()
	p.see("dialog >> text=You were logged out.")
	if got := p.focused(); got != "Password" {
		p.t.Errorf("the focus is on %q", got)
	}
}

// logInAgain logs in where the page asks for it, after a wrong password.
func (p *mailPage) logInAgain() {
	p.t.Helper()
	p.fill("dialog input[type=password]", "not-the-password")
	p.press("Enter")
	p.see("dialog .field-error:not(:empty)")
	p.fill("dialog input[type=password]", mailPassword)
	p.press("Enter")
	p.gone("dialog")
}

// fits checks that nobody has to scroll sideways, in the page and in what scrolls in it but rows of tabs and buttons.
func (p *mailPage) fits(name string) {
	p.t.Helper()
	p.page.fits(name)
	var wide []string
	p.eval(&wide, `[...document.querySelectorAll('body *')].filter(e => e.clientWidth > 0 && e.scrollWidth > e.clientWidth && /auto|scroll/.test(getComputedStyle(e).overflowX) &&
		!e.matches('.tab-list, .composer-tools, [role=toolbar], pre, iframe, textarea')).map(e => e.className + ' ' + e.scrollWidth + '>' + e.clientWidth)`)
	for _, w := range wide {
		p.t.Errorf("%s: wider than its place: %s", name, w)
	}
	p.eval(&wide, `[...document.querySelectorAll('.top, .panes, .list, .reader, .settings, .composer, .bottom-bar, dialog, h1, .icon-button')].filter(e => e.checkVisibility() && !e.closest('.tab-list, .composer-tools'))
		.flatMap(e => (r => r.width > 0 && r.right > document.documentElement.clientWidth + 1 ? [e.className + ' up to ' + r.right] : [])(e.getBoundingClientRect()))`)
	for _, w := range wide {
		p.t.Errorf("%s: beyond the window: %s", name, w)
	}
}

// focused is the element that has the focus, in words.
func (p *mailPage) focused() string {
	p.t.Helper()
	return p.text(`(a => a.getAttribute('aria-label') || a.labels?.[0]?.textContent || a.textContent || a.className || a.localName)(document.activeElement)`)
}

// settings are those that the server has.
func (p *mailPage) settings() map[string]any {
	p.t.Helper()
	var all map[string]any
	p.eval(&all, serverSettings)
	return all
}

// serverData is what a new page starts with.
const serverData = `fetch('./').then(r => r.text()).then(s => JSON.parse(s.match(/id="data"[^>]*>([^]*?)<\/script>/)[1]))`

const serverSettings = serverData + ".then(d => d.Settings)"

// mailboxID is by what the server knows a mailbox.
func (p *mailPage) mailboxID(name string) (id int64) {
	p.t.Helper()
	p.eval(&id, fmt.Sprintf("%s.then(d => d.Mailboxes.find(m => m.Name === %q).ID)", serverData, name))
	return id
}

// keys presses keys as people do: for a capital letter with Shift.
func (p *mailPage) keys(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		if len(key) == 1 && key >= "A" && key <= "Z" {
			key = "Shift+" + key
		}
		p.press(key)
	}
}

// saved waits until the server has a setting.
func (p *mailPage) saved(name string, want any) {
	p.t.Helper()
	expected, err := json.Marshal(want)
	if err != nil {
		p.t.Fatal(err)
	}
	p.savedWhen(name, string(expected), func(value any) bool {
		got, err := json.Marshal(value)
		return err == nil && string(got) == string(expected)
	})
}

// savedEntries waits until the server has so many entries in a setting that is a list.
func (p *mailPage) savedEntries(name string, count int) {
	p.t.Helper()
	p.savedWhen(name, fmt.Sprintf("with %d entries", count), func(value any) bool {
		l, _ := value.([]any)
		return len(l) == count
	})
}

func (p *mailPage) savedWhen(name, expected string, is func(value any) bool) {
	p.t.Helper()
	var all map[string]any
	if ok, err := p.poll(&all, serverSettings, func() bool { return is(all[name]) }); !ok {
		p.t.Fatalf("setting %s is %v, expected %s (%v)", name, all[name], expected, err)
	}
}
