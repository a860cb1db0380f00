package browser

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	subjectField = ".composer .composer-subject"
	richText     = ".composer .rich"
	anyText      = ".composer .rich:not([hidden]), .composer .plain:not([hidden])"
)

// field is where recipients are typed: To, Cc, Bcc, ReplyTo.
func recipientsField(name string) string {
	return fmt.Sprintf(".composer [data-field=%s] .chip-entry", name)
}

// write opens a composer and fills in what is not empty.
func (p *mailPage) write(to, subject, text string) {
	p.t.Helper()
	p.click(buttonOf("Compose"))
	p.see(anyText)
	p.recipient("To", to)
	p.fill(subjectField, subject)
	if text != "" {
		p.focus(anyText)
		p.typed(text)
	}
}

// recipient types an address into a field.
func (p *mailPage) recipient(field, address string) {
	p.t.Helper()
	if address != "" {
		p.focus(recipientsField(field))
		p.typed(address + ",")
		p.see(fmt.Sprintf(".composer [data-field=%s] .chip:has-text(%q)", field, address))
	}
}

// holdLong has the server hold what the user sends for a minute: a machine with much else to do may take long to take it back.
func (p *mailPage) holdLong() {
	p.t.Helper()
	p.settingsPage("writing")
	p.must(nil, "role=combobox[name='Time to take a message back']", "selectOption", "60")
	p.saved("UndoSeconds", 60)
	p.mailbox("Inbox")
}

// message waits for a message of a mailbox by its subject, until its source has all of the texts, and returns that. A draft that is saved again is another
// message: what was found may be gone when it is asked for.
func (u *mailUser) message(t *testing.T, mailbox, subject string, texts ...string) string {
	t.Helper()
	c := u.imap(t)
	c.do(`SELECT "` + mailbox + `"`)
	source := ""
	for range until(t, 2*mailTimeout) {
		c.do("NOOP")
		for _, line := range c.do(fmt.Sprintf(`UID SEARCH SUBJECT %q`, subject)) { // There may be news of the mailbox too.
			found, _ := strings.CutPrefix(line, "* SEARCH")
			uids := strings.Fields(found)
			if found == line || len(uids) == 0 {
				continue
			}
			source = strings.Join(c.do("UID FETCH "+uids[len(uids)-1]+" BODY.PEEK[]"), "\n")
			lacks := func(text string) bool { return !strings.Contains(source, text) }
			if strings.Contains(source, "BODY[] {") && !slices.ContainsFunc(texts, lacks) {
				return source
			}
		}
	}
	t.Fatalf("there is no %q with %q in %s, but\n%s", subject, texts, mailbox, source)
	return ""
}

// Writing: formats, plain text, drafts, files, sending and taking it back.
func testMailComposing(t *testing.T, m *mailSite, u *mailUser) {
	friend := m.users["friend"]
	p := m.browser.mail(t, u, desktop, nil)
	p.must(nil, "", "context.grantPermissions", []string{"clipboard-read", "clipboard-write"})
	p.holdLong()

	// With formats, to somebody who has mail at once; the text has a plain form.
	p.write(friend.address, "Formats", "A plain word and ")
	p.press("Control+b")
	p.typed("a bold one")
	p.press("Control+b")
	p.typed(".")
	p.press("Enter")
	p.click(".composer-tools >> " + buttonOf("List"))
	p.typed("first")
	p.press("Enter")
	p.typed("second")
	p.see(richText+" b:text-is('a bold one'), "+richText+" strong:text-is('a bold one')", richText+" li:text-is('second')")
	p.see(".composer-status:has-text('Draft saved')")
	p.click(".composer-foot >> " + buttonOf("Send"))
	p.gone(".composer")
	p.told("Sent.")
	// It is held for some seconds, in which it can be taken back as it was.
	p.click(".toast >> " + buttonOf("Undo"))
	p.see(richText + " li:text-is('second')")
	p.shows(`document.querySelector('.composer-subject').value`, "Formats")
	p.menu(".composer-foot >> "+buttonOf("Other ways to send"), "Send now, without a time to undo")
	p.gone(".composer")
	source := friend.message(t, "Inbox", "Formats")
	for _, want := range []string{"multipart/alternative", "text/plain", "text/html", "A plain word and", "From: Composing Example <composing@localhost>"} {
		if !strings.Contains(source, want) {
			t.Errorf("the message lacks %q:\n%s", want, source)
		}
	}
	p.mailbox("Sent")
	p.see(rowOf("Formats"))
	p.hush()

	// As plain text.
	p.write(friend.address, "Just text", "No formats")
	p.click(".composer-tools >> " + buttonOf("Plain text"))
	p.see(".composer .plain:focus")
	p.menu(".composer-foot >> "+buttonOf("Other ways to send"), "Send now, without a time to undo")
	p.gone(".composer")
	if source := friend.message(t, "Inbox", "Just text"); strings.Contains(source, "text/html") || !strings.Contains(source, "No formats") {
		t.Errorf("the message is not plain:\n%s", source)
	}
	p.hush()

	// What is wrong is told, and nothing is sent.
	p.click(buttonOf("Compose"))
	p.see(richText)
	p.click(".composer-foot >> " + buttonOf("Send"))
	p.see(".composer >> text=The message needs a recipient.")
	p.focus(recipientsField("To"))
	p.typed("nobody,")
	p.click(".composer-foot >> " + buttonOf("Send"))
	p.see(".composer >> text=/“nobody” is not an address/")
	p.press("Escape", "Backspace", "Backspace")
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")
	p.hush()

	// Warnings: a file that is spoken of and missing; no subject; many recipients.
	p.write(friend.address, "Report", "I attached the report.")
	p.click(".composer-foot >> " + buttonOf("Send"))
	p.see(".dialog >> text=/attach|file/i")
	p.click(".dialog-foot >> " + buttonOf("Back"))
	p.gone(".dialog")
	p.see(".composer")

	// Files by choosing, dropping and pasting.
	dir := t.TempDir()
	file := filepath.Join(dir, "report.txt")
	if err := os.WriteFile(file, []byte("The report.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.must(nil, ".composer input[type=file]", "setInputFiles", []string{file})
	p.see(".composer .file:has-text('report.txt')")
	p.eval(nil, `(() => {
		const data = new DataTransfer()
		data.items.add(new File(['Dropped.'], 'dropped.txt', { type: 'text/plain' }))
		const at = document.querySelector('.composer')
		for (const type of ['dragenter', 'dragover', 'drop']) at.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }))
	})()`)
	p.see(".composer .file:has-text('dropped.txt')")
	p.focus(richText)
	p.eval(nil, fmt.Sprintf(`(() => {
		const data = new DataTransfer()
		data.items.add(new File([new Uint8Array(%s)], 'pasted.png', { type: 'image/png' }))
		document.querySelector('.composer .rich').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
	})()`, strings.ReplaceAll(fmt.Sprint(picture(30, 20, color.Black)), " ", ",")))
	p.see(richText + " img")
	p.shows(`String(document.querySelector('.composer .rich img').naturalWidth)`, "30")
	p.click(".composer >> " + buttonOf("Remove dropped.txt"))
	p.gone(".composer .file:has-text('dropped.txt')")
	p.menu(".composer-foot >> "+buttonOf("Other ways to send"), "Send now, without a time to undo")
	p.gone(".composer")
	source = friend.message(t, "Inbox", "Report")
	for _, want := range []string{"multipart/mixed", "multipart/related", "report.txt", "image/png", "Content-ID"} {
		if !strings.Contains(strings.ToLower(source), strings.ToLower(want)) {
			t.Errorf("the message lacks %q:\n%s", want, source)
		}
	}
	if strings.Contains(source, "dropped.txt") {
		t.Error("a file that was removed was sent")
	}
	p.hush()

	// Pasted HTML is cleaned.
	p.write("", "Pasted", "")
	p.focus(richText)
	p.eval(nil, `(() => {
		const data = new DataTransfer()
		data.setData('text/html', '<p onclick="document.title=1">Pasted <b style="position:fixed">text</b><script>document.title = 2<\/script><img src="http://elsewhere.example/x.png"></p>')
		data.setData('text/plain', 'Pasted text')
		document.querySelector('.composer .rich').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
	})()`)
	p.see(richText + " b:text-is('text'), " + richText + " strong:text-is('text')")
	p.shows(`String(document.querySelector('.composer .rich').querySelectorAll('script, [onclick], [style*=fixed], img[src^="http://elsewhere"]').length)`, "0")

	// A draft is saved by itself, is in Drafts, and is there after the tab was lost.
	p.see(".composer-status:has-text('Draft saved')")
	// What the server could not be told comes back from the browser.
	next := p.another("")
	next.see("#list")
	p.must(nil, "", "context.setOffline", true)
	p.fill(subjectField, "Kept after all")
	p.shows(`String(Object.values(localStorage).some(v => v.includes('Kept after all')))`, "true")
	p.lose()
	next.must(nil, "", "context.setOffline", false)
	next.must(nil, "", "reload")
	next.see(".composer >> text=/This message was not saved/")
	next.shows(`document.querySelector('.composer-subject').value`, "Kept after all")
	next.see(".composer-status:has-text('Draft saved')")
	next.click(".composer >> " + buttonOf("Close and keep the draft"))
	next.gone(".composer")

	again := m.browser.mail(t, u, desktop, nil)
	again.mailbox("Drafts")
	again.list("Kept after all")
	again.click(".list [role=row] >> nth=0")
	again.see(richText + ":has-text('Pasted text')")
	again.click(".composer >> " + buttonOf("Close and keep the draft"))
	again.gone(".composer")
	again.click(".list [role=row] >> nth=0")
	again.see(".composer")
	again.press("Control+Shift+d")
	again.gone(".composer")
	again.told("Draft discarded.")
	again.see(".list-state >> text=Nothing here")
	again.click(".toast >> " + buttonOf("Undo"))
	again.see(richText + ":has-text('Pasted text')")
	again.click(".composer >> " + buttonOf("Close and keep the draft"))
	again.gone(".composer")
	again.see(".list [role=row]")

	// One goes on with a draft wherever it is, but reads one that was deleted.
	u.put(t, "Archive", letter{subject: "Kept elsewhere", from: u.address, flags: `\Draft \Seen`})
	u.put(t, "Trash", letter{subject: "Deleted draft", from: u.address, flags: `\Draft \Seen`})
	again.mailbox("Archive")
	again.click(rowOf("Kept elsewhere"))
	again.shows(`document.querySelector('.composer-subject')?.value`, "Kept elsewhere")
	again.click(".composer >> " + buttonOf("Close and keep the draft"))
	again.gone(".composer")
	again.mailbox("Trash")
	again.click(rowOf("Deleted draft"))
	again.see(".reader .message")
	again.count(".composer", 0)
}

// Answering and forwarding: who gets it, what is quoted, what goes along.
func testMailAnswers(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox",
		letter{subject: "Question", from: "Ana Silva <ana@example.org>", to: u.address + ", ben@example.net", cc: "cy@example.org", id: "q@example.org", text: "What do you think?\nI think so.\n", flags: `\Seen`,
			files: []letterFile{{name: "plan.txt", typ: "text/plain", data: []byte("The plan.\n")}}},
		letter{subject: "On the list", from: "Dan <dan@example.net>", to: "talk@lists.example", header: "List-Id: <talk.lists.example>\nList-Post: <mailto:talk@lists.example>\n", text: "Hello all.\n", flags: `\Seen`, at: letterTime.Add(time.Hour)})
	p := m.browser.mail(t, u, desktop, nil)
	p.list("On the list", "Question")
	untouched := func(key string) {
		t.Helper()
		p.keys(key)
		p.see(anyText)
		p.click(".composer >> " + buttonOf("Close and keep the draft"))
		p.gone(".composer")
	}
	untouched("c") // It is blank.
	p.settingsPage("writing")
	own := ".settings-card:has(h2:text-is('Signature of " + u.address + "'))"
	p.fill(own+" textarea", "Best regards\nAnna")
	p.shows(`fetch('./').then(r => r.text()).then(s => String(s.includes('Best regards')))`, "true")
	p.fill(".settings input[type=number]", "2")
	p.saved("ManyRecipients", 2)
	p.write("ana@example.org", "To many", "Hello.")
	p.recipient("To", "ben@example.net")
	p.recipient("To", "cy@example.org")
	p.click(".composer-foot >> " + buttonOf("Send"))
	p.see(".dialog >> text=/recipients|people/i")
	p.click(".dialog-foot >> " + buttonOf("Back"))
	p.gone(".dialog")
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")
	p.hush()
	p.mailbox("Inbox")

	chips := func(field string) string {
		return p.text(fmt.Sprintf(`[...document.querySelectorAll('.composer [data-field=%s] .chip-body > .truncate')].map(e => e.textContent).join()`, field))
	}
	for _, c := range []struct {
		row, key, to, cc, subject string
		text, notText             []string
		file                      bool
	}{
		{"Question", "r", "Ana Silva", "", "Re: Question", []string{"What do you think?", "Best regards"}, nil, false},
		{"Question", "R", "Ana Silva", "ben@example.net,cy@example.org", "Re: Question", []string{"I think so."}, nil, false},
		{"On the list", "Alt+r", "talk@lists.example", "", "Re: On the list", []string{"Hello all."}, nil, false},
		{"Question", "f", "", "", "Fwd: Question", []string{"What do you think?"}, nil, true},
		{"Question", "F", "", "", "Fwd: Question", nil, []string{"What do you think?"}, true},
		{"Question", "e", u.address + ",ben@example.net", "cy@example.org", "Question", []string{"What do you think?"}, nil, true},
	} {
		p.click(rowOf(c.row))
		p.see(".reader-subject:text-is('" + c.row + "')")
		p.shows(inText(words+` !== '' ? 'text' : ''`), "text")
		p.focus(".reader .message.open")
		p.keys(c.key)
		p.see(anyText)
		if to, cc := chips("To"), chips("Cc"); to != c.to && !(c.key == "e" && strings.Contains(to, "ben@example.net")) || cc != c.cc && !(c.key == "R" && strings.Contains(to+cc, "ben@example.net") && strings.Contains(to+cc, "cy@example.org")) {
			t.Errorf("%s on %q: to %q, cc %q, expected %q, %q", c.key, c.row, to, cc, c.to, c.cc)
		}
		p.shows(`document.querySelector('.composer-subject').value`, c.subject)
		text := p.text(`(e => e.value || e.innerText)([...document.querySelectorAll('.composer .rich, .composer .plain')].find(e => !e.hidden))`)
		for _, want := range c.text {
			if !strings.Contains(text, want) {
				t.Errorf("%s on %q: the text lacks %q: %q", c.key, c.row, want, text)
			}
		}
		for _, not := range c.notText {
			if strings.Contains(text, not) {
				t.Errorf("%s on %q: the text has %q", c.key, c.row, not)
			}
		}
		if c.file {
			p.see(".composer .file")
		}
		p.click(".composer >> " + buttonOf("Close and keep the draft"))
		p.gone(".composer")
	}

	// Nor did anybody write in plain text: there is nothing to keep.
	plain := func(on bool) {
		t.Helper()
		p.settingsPage("writing")
		p.click("role=switch[name='Write plain text']")
		p.saved("ComposeText", on)
		p.mailbox("Inbox")
	}
	plain(true)
	p.click(rowOf("Question"))
	p.see(".reader-subject:text-is('Question')")
	untouched("c")
	untouched("r")
	p.mailbox("Drafts")
	p.see(".list-state >> text=Nothing here")
	p.count(".list [role=row]", 0)
	plain(false)

	// Sent and archived in one; the answer is in the conversation, and the message is marked as answered.
	p.click(rowOf("Question"))
	p.click(".reply-field")
	p.see(anyText)
	p.focus(anyText)
	p.typed("Me too.")
	p.press("Control+Shift+Enter")
	p.gone(".composer")
	p.told("Sent and archived.")
	p.list("On the list")
	p.mailbox("Archive")
	p.see(rowOf("Question"))
	p.click(rowOf("Question"))
	p.count(".reader .message", 2)
	sent := u.message(t, "Sent", "Re: Question")
	if !strings.Contains(sent, "In-Reply-To: <q@example.org>") || !strings.Contains(sent, "Best regards") {
		t.Errorf("the answer is\n%s", sent)
	}

	// People that were written to are completed.
	p.hush()
	p.click(buttonOf("Compose"))
	p.focus(recipientsField("To"))
	p.typed("ana")
	p.see("[role=option]:has-text('ana@example.org')")
	p.accessible("completion")
	p.press("Enter")
	p.see(".composer [data-field=To] .chip:has-text('Ana')")
	// Each has what is known of the way to it.
	p.click(".composer [data-field=To] .chip .chip-body")
	p.see(".menu-item >> text=/./ >> nth=0")
	p.press("Escape")
	p.menu(".composer-foot >> "+buttonOf("More"), "Required")
	p.see(".composer .chip:has-text('Encryption required')")
	p.click(buttonOf("Take back: Encryption required"))
	p.gone(".composer .chip:has-text('Encryption required')")
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")
}

// Sending later; several messages at once; a window of its own.
func testMailLater(t *testing.T, m *mailSite, u *mailUser) {
	friend := m.users["friend"]
	p := m.browser.mail(t, u, desktop, nil)
	p.holdLong()
	p.write(friend.address, "For tomorrow", "Later.")
	p.click(".composer-foot >> " + buttonOf("Other ways to send"))
	p.click(".menu-item:has-text('Tomorrow')")
	p.gone(".composer")
	p.told("It is sent")
	p.hush()
	p.see(treeItem("Scheduled"))
	p.eval(nil, `location.hash = '#scheduled'; null`)
	p.see("text=For tomorrow >> nth=0")
	if p.text(`String(document.querySelector('.scheduled-page') !== null)`) == "true" {
		p.click(buttonOf("Change the time: For tomorrow"))
		p.see("dialog input[type=datetime-local]")
		p.fill("dialog input[type=datetime-local]", "2020-01-01T10:00")
		p.press("Enter")
		p.see("dialog >> text=Pick a time in the future.")
		p.fill("dialog input[type=datetime-local]", time.Now().AddDate(0, 0, 5).Format("2006-01-02T15:04"))
		p.press("Enter")
		p.gone("dialog")
		p.told("It is sent")
		p.click(buttonOf("Take back: For tomorrow"))
		p.told("Taken back")
		p.see("text=Nothing waits to be sent.")
	}
	p.hush()

	// Two at once, one of them minimised; list keys work meanwhile.
	u.put(t, "Inbox", letter{subject: "Behind", flags: `\Seen`})
	p.mailbox("Inbox")
	p.see(rowOf("Behind"))
	p.write(friend.address, "One", "1")
	p.click(".composer >> " + buttonOf("Minimise"))
	p.see(".composer[data-shape=minimised]")
	p.click(buttonOf("Compose"))
	p.count(".composer", 2)
	p.focus(rowOf("Behind"))
	p.press("s")
	p.see(rowOf("Behind") + " .row-flag")
	p.click(".composer:not([data-shape=minimised]) >> " + buttonOf("Close and keep the draft"))
	p.count(".composer", 1)
	p.click(".composer >> " + buttonOf("Show again"))
	p.see(subjectField)
	p.click(".composer >> " + buttonOf("Larger"))
	p.see(".composer[data-shape=grown]")
	p.click(".composer >> " + buttonOf("Smaller"))

	// In a window of its own it goes on.
	w := p.opened(func() { p.click(".composer >> " + buttonOf("In a window of its own")) })
	p.gone(".composer")
	w.must(nil, "", "waitForURL", "**#compose/draft**")
	w.see(subjectField)
	w.shows(`document.querySelector('.composer-subject').value`, "One")
	w.click(".composer-foot >> " + buttonOf("Send"))
	p.told("Sent.")
	p.click(".toast >> " + buttonOf("Undo"))
	p.see(subjectField)
	p.shows(`document.querySelector('.composer-subject').value`, "One")
	p.click(".composer >> " + buttonOf("Discard the draft"))
	p.gone(".composer")

	// A link to an address, as the browser hands it over.
	l := p.another("#compose/new?mailto=" + "mailto%3Ada%40example.org%3Fsubject%3DAsked")
	l.see(".composer >> text=da@example.org")
	l.shows(`document.querySelector('.composer-subject').value`, "Asked")
	l.calm()
	if !bytes.Contains([]byte(l.text("location.hash")), []byte("compose")) {
		t.Errorf("the composer alone has the address %s", l.text("location.hash"))
	}
}

// From logging in to a message that was sent, without a pointer.
func testMailKeyboard(t *testing.T, m *mailSite, u *mailUser) {
	letters := realLetters(t, 4)
	u.put(t, "Inbox", letters...)
	all := subjectsOf(letters...)
	p := m.browser.mailOut(t, u, desktop, nil)
	p.visit(u.s.webmail())
	p.see("#username:focus")
	p.typed(u.address)
	p.press("Tab")
	p.typed(mailPassword)
	p.press("Enter")
	p.see("#list")
	p.list(all...)

	// By the skip link to the list, reading, archiving, undoing.
	p.press("Tab")
	if got := p.focused(); got != "Go to the list" {
		t.Fatalf("Tab leads to %q first", got)
	}
	p.press("Enter")
	p.shows(`document.activeElement.getAttribute('aria-rowindex')`, "1")
	p.press("Enter")
	p.see(".reader-subject")
	p.shows(inText(words+` ? 'text' : ''`), "text")
	p.press("ArrowDown")
	p.shows(`document.querySelector('.reader-subject').textContent`, all[1])
	p.press("a")
	p.told("Archived.")
	p.list(all[0], all[2], all[3])
	p.press("z")
	p.list(all...)
	p.press("Control+m")
	p.shows(`String(document.activeElement.closest('.reader') !== null)`, "true")

	// Searching.
	p.press("/")
	p.typed("subject:" + strings.Fields(strings.Trim(all[2], "[]"))[0])
	p.press("Enter")
	p.see(".list-title:text-matches('Search')")
	p.press("Escape", "Escape")
	p.press("g", "i")
	p.list(all...)

	// A menu and a dialog.
	p.press("Tab")
	for i := 0; p.focused() != "Filter" && i < 40; i++ {
		p.press("Shift+Tab")
	}
	p.press("Enter")
	p.see(".menu")
	p.press("ArrowDown", "Escape")
	p.gone(".menu")
	if got := p.focused(); got != "Filter" {
		t.Errorf("after the menu the focus is on %q", got)
	}

	// Writing.
	p.press("c")
	p.see(richText)
	p.shows(`document.activeElement.className`, "chip-entry")
	p.typed(m.users["friend"].address)
	p.press("Enter", "Control+Shift+c")
	p.typed(u.address + ",")
	for i := 0; !strings.Contains(p.text("document.activeElement.className"), "composer-subject") && i < 20; i++ {
		p.press("Tab")
	}
	p.typed("By keys alone")
	p.press("Tab")
	p.shows(`document.activeElement.className.split(' ')[0]`, "rich")
	p.typed("No pointer was used.")
	p.press("Control+Enter")
	p.gone(".composer")
	p.told("Sent.")
	if source := m.users["friend"].message(t, "Inbox", "By keys alone"); !strings.Contains(source, "No pointer was used.") {
		t.Errorf("the message is\n%s", source)
	}
}
