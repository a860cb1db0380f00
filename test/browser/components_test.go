package browser

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"mox/webassets"
)

// startComponents builds the page that shows all shared components and serves it with the headers of real pages. It
// returns its address.
func startComponents(t *testing.T) string {
	t.Helper()
	if out, err := exec.Command("node", "../../web/build.mjs", "web/demo").CombinedOutput(); err != nil {
		t.Fatalf("building the page, is what test/setup.sh installs there? %v\n%s", err, out)
	}
	bundle, err := webassets.New(os.DirFS("../../web/demo/dist"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/below/assets/", http.StripPrefix("/below/assets/", bundle))
	mux.HandleFunc("/below/{$}", func(w http.ResponseWriter, r *http.Request) {
		if err := bundle.WritePage(w, webassets.Page{Title: "Components"}); err != nil {
			t.Error(err)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: mux}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return "http://" + l.Addr().String() + "/below/"
}

// step is something done in a page, in the order of the fields, and what is seen then.
type step struct {
	focus, click, menu, typed string // A selector, but for the last one. A menu is opened by the right button.
	press                     []string
	see                       string // An expression.
	want                      string
}

const (
	focused = `(a => a.getAttribute("aria-label") ?? [...a.childNodes].filter(n => !n.matches?.(".visually-hidden, .key-caps, .tree-count, svg")).map(n => n.textContent).join(""))(document.activeElement)`
	stops   = `document.querySelectorAll('[role=treeitem][tabindex="0"], [role=toolbar] [tabindex="0"]').length`
	chips   = `[...document.querySelectorAll(".chip-input .chip-body > .truncate")].map(e => e.textContent)`
)

func valueNow(selector string) string {
	return `document.querySelector("` + selector + `").getAttribute("aria-valuenow")`
}

func TestComponents(t *testing.T) {
	t.Parallel()
	address := startComponents(t)
	b := startBrowser(t, &server{ip: "127.0.0.1"}, certificate{})
	for name, test := range map[string]func(*testing.T, *browser, string){"by keyboard": testByKeyboard, "look": testLook, "notices": testNotices} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, b, address)
		})
	}
}

// The keys are those of the ARIA Authoring Practices; whoever cannot use a mouse has nothing else.
func testByKeyboard(t *testing.T, b *browser, address string) {
	for name, steps := range map[string][]step{
		"tree": {
			{focus: `[role=treeitem][tabindex="0"]`, press: []string{"ArrowDown", "End"}, see: focused, want: "Travel"},
			{press: []string{"ArrowUp", "ArrowRight"}, see: `document.querySelector("[data-id=imap]").ariaExpanded`, want: "true"},
			{press: []string{"ArrowRight"}, see: focused, want: "drafts"},
			{press: []string{"ArrowLeft", "ArrowLeft"}, see: `document.querySelector("[data-id=imap]").ariaExpanded`, want: "false"},
			{press: []string{"t", "t"}, see: focused, want: "Trash"},
			{press: []string{"Enter"}, see: `document.querySelector("[role=tree] [aria-selected=true]").dataset.id`, want: "trash"},
			{click: "[data-id=lists] .tree-toggle", see: `document.querySelectorAll("[role=treeitem]").length`, want: "8"},
			{see: stops, want: "2"}, // One in the tree, one in the toolbar.
		},
		"splitter": {
			{focus: ".splitter", press: []string{"ArrowRight"}, see: valueNow(".splitter"), want: "256"},
			{press: []string{"End", "ArrowRight"}, see: valueNow(".splitter"), want: "320"},
			{press: []string{"Home", "ArrowLeft"}, see: valueNow(".splitter"), want: "200"},
			{press: []string{"Enter"}, see: valueNow(".splitter"), want: "240"},
		},
		"menu": {
			{focus: "button:has-text('More') >> nth=0", press: []string{"ArrowUp"}, see: focused, want: "Delete for ever"},
			{press: []string{"ArrowDown"}, see: focused, want: "Reply"},
			{press: []string{"f"}, see: focused, want: "Forward"},
			{press: []string{"Escape"}, see: focused + `+ document.querySelectorAll(".menu").length`, want: "More0"},
			{press: []string{"Enter", "Tab"}, see: `document.querySelectorAll(".menu").length`, want: "0"},
			{click: "button:has-text('More') >> nth=0", see: `document.querySelectorAll(".menu").length`, want: "1"},
			{click: "button:has-text('More') >> nth=0", see: `document.querySelectorAll(".menu").length`, want: "0"},
			{click: "button:has-text('More') >> nth=0", see: `document.querySelectorAll(".menu").length`, want: "1"},
			{click: "h1", see: `document.querySelectorAll(".menu").length`, want: "0"},
		},
		"context menu": {
			{menu: "[data-id=sent]", see: focused, want: "Rename"},
			{press: []string{"Escape"}, see: `document.querySelectorAll(".menu").length`, want: "0"},
			{focus: `[role=treeitem][tabindex="0"]`, press: []string{"ArrowDown", "Shift+F10"}, see: focused, want: "Rename"},
			{press: []string{"Enter"}, see: focused + ` + document.querySelector(".toast-text").textContent`, want: "ArchiveRenamed archive."},
		},
		"toolbar": {
			{focus: "[role=toolbar] button >> nth=0", press: []string{"ArrowRight"}, see: focused, want: "Delete"},
			{press: []string{"End"}, see: focused, want: "Move to"},
			{press: []string{"ArrowRight"}, see: focused, want: "Archive"},
			{see: stops, want: "2"},
		},
		"picker": {
			{focus: "[role=toolbar] button >> nth=-1", press: []string{"Enter"}, see: focused, want: "Move to"},
			{typed: "imap", see: `document.querySelectorAll(".picker [role=option]").length`, want: "1"},
			{press: []string{"Enter"}, see: `document.querySelector(".toast-text").textContent + " " + ` + focused, want: "Moved to Lists/imap5. Move to"},
			{press: []string{"Enter", "Escape"}, see: `document.querySelectorAll(".picker").length + ` + focused, want: "0Move to"},
		},
		"chips": {
			{focus: ".chip-entry", typed: "x@example.org,", see: chips, want: "Ana Silva,ben@example.net,old@plain.example,x@example.org"},
			{typed: "x@example.org,", see: chips + ".length", want: "4"}, // The same one.
			{typed: "nobody", press: []string{"Enter"}, see: `document.activeElement.value + document.activeElement.ariaInvalid`, want: "nobodytrue"},
			{press: []string{"Control+a", "Delete", "Backspace"}, see: focused, want: "x@example.org"},
			{press: []string{"ArrowLeft", "Delete"}, see: chips, want: "Ana Silva,ben@example.net,x@example.org"},
			{press: []string{"Backspace"}, see: focused, want: "ben@example.net"},
			{typed: "chlo", see: `document.activeElement.value`, want: "chlo"},
		},
		"dialog": {
			{click: "button:has-text('Prompt')", press: []string{"Enter"}, see: `document.querySelector(".dialog .field-error").textContent`, want: "A mailbox needs a name."},
			{typed: "New", press: []string{"Enter"}, see: `document.querySelectorAll("dialog").length + ` + focused, want: "0Prompt"},
			{click: "button:has-text('Confirm')", see: focused, want: "Cancel"},
			{press: []string{"Escape"}, see: `document.querySelectorAll("dialog").length + ` + focused, want: "0Confirm"},
		},
		"toast": {
			{click: "button:has-text('Archived')", see: `document.querySelector(".toasts [role=status]").textContent`, want: "3 messages archived."},
			{click: ".toast button:has-text('Undo')", see: `document.querySelector(".toast-text").textContent`, want: "They are back."},
		},
		"tabs": {
			{focus: "[role=tab] >> nth=0", press: []string{"ArrowRight"}, see: focused, want: "Headers"},
			{press: []string{"ArrowLeft", "ArrowLeft"}, see: `document.querySelector("[role=tabpanel]:not([hidden])").textContent`, want: "From: ana@example.org"},
		},
		"search": {
			{focus: ".search-entry", typed: "an", press: []string{"ArrowDown", "ArrowDown", "Enter"}, see: `document.activeElement.value`, want: "from:ana@example.org "},
			{press: []string{"Escape"}, see: `document.activeElement.value`, want: ""},
			{typed: "f", press: []string{"Escape"}, see: `document.activeElement.value + document.activeElement.ariaExpanded`, want: "ffalse"},
		},
		"loaded later": {
			{click: "button:has-text('Compose') >> nth=0", see: `new Promise(done => setInterval(() => document.querySelector("dialog h2") && done(document.querySelector("dialog h2").textContent), 10))`, want: "New message"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := b.open(t, desktop)
			p.visit(address)
			for i, s := range steps {
				if s.focus != "" {
					p.must(nil, s.focus, "focus")
				}
				if s.click != "" {
					p.must(nil, s.click, "click")
				}
				if s.menu != "" {
					p.must(nil, s.menu, "click", map[string]any{"button": "right"})
				}
				if s.typed != "" {
					p.must(nil, "", "keyboard.type", s.typed)
				}
				p.press(s.press...)
				t.Logf("step %d", i)
				p.shows(s.see, s.want)
			}
		})
	}
}

// A notice goes by itself when its time is over, which stands still while the pointer or the focus is on it.
func testNotices(t *testing.T, b *browser, address string) {
	const seconds = 10 // As the page has it.
	p := b.open(t, desktop)
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p.must(nil, "", "clock.install", map[string]any{"time": begin.UnixMilli()})
	p.visit(address)
	p.must(nil, "", "clock.pauseAt", begin.Add(24*time.Hour).UnixMilli())
	const notices = `document.querySelectorAll(".toast").length`
	wait := func(d time.Duration, want string) {
		t.Helper()
		p.must(nil, "", "clock.runFor", d.Milliseconds())
		if got := p.text(notices); got != want {
			t.Fatalf("%s notices, want %s", got, want)
		}
	}
	show := func(label string) {
		t.Helper()
		p.must(nil, "button:has-text('"+label+"')", "focus")
		p.press("Enter")
		p.shows(notices, "1")
	}
	const moment = 100 * time.Millisecond

	show("Archived")
	wait(seconds*time.Second-moment, "1")
	wait(2*moment, "0")

	// What is left when it is paused is left when it goes on.
	show("Archived")
	wait(4*time.Second, "1")
	p.must(nil, ".toast", "hover")
	wait(10*seconds*time.Second, "1")
	p.must(nil, ".toast .icon-button", "focus")
	p.must(nil, "", "mouse.move", 0, 0)
	wait(10*seconds*time.Second, "1")
	p.must(nil, "button:has-text('Archived')", "focus")
	wait((seconds-4)*time.Second-moment, "1")
	wait(2*moment, "0")

	show("Archived")
	wait(seconds*time.Second-moment, "1")
	p.must(nil, ".toast", "hover")
	wait(10*seconds*time.Second, "1")
	p.must(nil, "", "mouse.move", 0, 0)
	wait(2*moment, "0")

	// A failure stays until it is closed.
	show("Failed")
	wait(time.Hour, "1")
	p.must(nil, ".toast .icon-button", "click")
	p.shows(notices, "0")
}

func testLook(t *testing.T, b *browser, address string) {
	for _, v := range []view{desktop, phone} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			p := b.open(t, v)
			p.visit(address)
			p.inspect("components")
			p.eval(nil, `document.documentElement.dir = "rtl"; null`)
			p.fits("components-rtl")
			p.picture("components-rtl")
			// The page, one script, one style.
			if l := p.responses(); len(l) != 3 {
				t.Errorf("got %d requests, expected 3: %v", len(l), l)
			}
		})
	}
}
