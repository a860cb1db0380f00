package websession

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"strings"
)

// FormData is what a form for logging in shows.
type FormData struct {
	// Action is where the form is sent to: the Handler, relative to the page, such as "session/". Empty for the place of
	// the form itself.
	Action string

	Username string // Filled in already.
	Remember bool   // Likewise.
	Message  string // What went wrong; empty for nothing.
}

// formStyle is of the form, which loads nothing. Its hash is in the policy of the page.
const formStyle = `:root{color-scheme:light dark;--bg:light-dark(#f4f6f8,#161a1f);--card:light-dark(#fff,#1c2127);--fg:light-dark(#1b2229,#e7ebef);` +
	`--dim:light-dark(#4d5966,#b3bec9);--line:light-dark(#d5dbe1,#333c46);--edge:light-dark(#7a8490,#7d8894);--accent:light-dark(#1257b0,#7ab2ff);` +
	`--on:light-dark(#fff,#0b1a2e);--bad:light-dark(#a8211b,#ff9b93);--badbg:light-dark(#fde8e6,#3a1715)}` +
	`*{box-sizing:border-box}body{margin:0;min-height:100dvh;display:grid;place-items:center;padding:16px;background:var(--bg);color:var(--fg);` +
	`font:400 1rem/1.5rem system-ui,sans-serif}main{width:100%;max-width:22.5rem;padding:32px;background:var(--card);border:1px solid var(--line);border-radius:12px}` +
	`h1{margin:0 0 24px;font:600 1.5rem/2rem system-ui,sans-serif}p{margin:0 0 16px}label{font-size:.875rem}.f label{display:block;margin-bottom:4px;color:var(--dim)}` +
	`.f input{width:100%;min-height:44px;padding:8px 12px;font:inherit;color:inherit;background:transparent;border:1px solid var(--edge);border-radius:6px}` +
	`.c{display:flex;align-items:center;gap:8px;min-height:32px}.c input{width:20px;height:20px;margin:0;accent-color:var(--accent)}` +
	`button{width:100%;min-height:44px;font:600 1rem/1.5rem system-ui,sans-serif;color:var(--on);background:var(--accent);border:0;border-radius:6px;cursor:pointer}` +
	`:focus-visible{outline:2px solid var(--accent);outline-offset:2px}#message{padding:8px 12px;color:var(--bad);background:var(--badbg);border-radius:6px}` +
	`form p:last-child{margin:24px 0 0}`

// WriteForm answers with a page that has a form for logging in. It needs neither scripts nor other files.
func (s *Service) WriteForm(w http.ResponseWriter, f FormData) { s.writeForm(w, http.StatusOK, f) }

func (s *Service) writeForm(w http.ResponseWriter, status int, f FormData) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	hash := sha256.Sum256([]byte(formStyle))
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin") // With no-referrer the form would have no origin.
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	io.WriteString(w, s.formPage(f))
}

// writeAgain answers with a page that loads its own address again.
func (s *Service) writeAgain(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	io.WriteString(w, `<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>One moment</title>`)
}

// formPage returns the page with the form.
func (s *Service) formPage(f FormData) string {
	e := html.EscapeString
	var b strings.Builder
	title := e(s.opts.Title)
	b.WriteString(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Log in - ` + title + `</title>
<link rel="icon" href="data:,">
<style>` + formStyle + `</style>
</head>
<body>
<main>
<h1>` + title + "</h1>\n")
	var described, checked string
	if f.Message != "" {
		b.WriteString(`<p role="alert" id="message">` + e(f.Message) + "</p>\n")
		described = ` aria-describedby="message"`
	}
	if f.Remember {
		checked = " checked"
	}
	// What is to be filled in first has the focus.
	nameFocus, passwordFocus := " autofocus", ""
	if f.Username != "" || s.opts.User != "" {
		nameFocus, passwordFocus = "", " autofocus"
	}
	b.WriteString(`<form method="post" action="` + e(f.Action) + "\">\n")
	if s.opts.User == "" {
		b.WriteString(`<p class="f"><label for="username">Email address</label>
<input id="username" name="username" type="text" inputmode="email" autocomplete="username" autocapitalize="none" spellcheck="false" required value="` + e(f.Username) + `"` + nameFocus + "></p>\n")
	}
	b.WriteString(`<p class="f"><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required` + described + passwordFocus + `></p>
<p class="c"><input id="remember" name="remember" type="checkbox" value="1"` + checked + `> <label for="remember">Stay logged in on this device</label></p>
<p><button>Log in</button></p>
</form>
</main>
</body>
</html>
`)
	return b.String()
}
