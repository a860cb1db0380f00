package webassets

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"slices"
)

// Theme is how a page looks.
type Theme string

// The themes there are.
const (
	ThemeAuto  Theme = "" // As the system of the reader says.
	ThemeLight Theme = "light"
	ThemeDark  Theme = "dark"
)

// Colours of the upper edge of a page, which browsers on phones go on with: the tokens of web/styles/tokens.css.
const (
	edgeLight = "#f4f6f8"
	edgeDark  = "#1c2127"
)

// Policy is the content security policy of pages: nothing but their own files, requests and frames, and no script or
// markup from strings (Trusted Types). The one policy by which web/lib/inert.ts parses HTML is named.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; frame-src 'self'; media-src 'self'; manifest-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types mox-inert"

// Page is what one page says, besides its scripts.
type Page struct {
	// Title is that of the window until the script sets another one.
	Title string

	// Lang is the language (BCP 47); empty for "en". RightToLeft is its direction of writing.
	Lang        string
	RightToLeft bool

	// Theme is the reader's choice, kept on the server, so that the first paint has it.
	Theme Theme

	// Root leads from the page to the place that has "assets/": empty, or "../" for each level the page is below it.
	Root string

	// Styles are addresses of more style sheets, after that of the bundle: what the operator sets of colours and
	// logo. They are of the same origin, the policy refuses others.
	Styles []string

	// Data goes to the script, as the JSON in the element with id "data". nil is none.
	Data any

	// NoScript is what people read whose browser runs no scripts.
	NoScript string
}

// WritePage writes a page with the headers that belong to it, among them Policy, and status 200. It is not kept by
// caches. An error is of Data, which cannot be JSON; nothing is written then.
func (b *Bundle) WritePage(w http.ResponseWriter, p Page) error {
	body, err := b.appendPage(make([]byte, 0, 4096), p)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", Policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin") // Links tell others nothing; with no-referrer the page's own requests would have no origin.
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	w.Write(body) // An error is the client's going away.
	return nil
}

// appendPage appends the HTML of a page.
func (b *Bundle) appendPage(buf []byte, p Page) ([]byte, error) {
	add := func(parts ...string) {
		for _, s := range parts {
			buf = append(buf, s...)
		}
	}
	attribute := func(name, value string) { add(" ", name, `="`, html.EscapeString(value), `"`) }
	if p.Lang == "" {
		p.Lang = "en"
	}

	add("<!doctype html>\n<html")
	attribute("lang", p.Lang)
	if p.RightToLeft {
		attribute("dir", "rtl")
	}
	scheme := "light dark"
	if p.Theme == ThemeLight || p.Theme == ThemeDark {
		scheme = string(p.Theme)
		attribute("data-theme", scheme)
	}
	add(">\n<head>\n<meta charset=\"utf-8\">\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content\">\n",
		`<meta name="color-scheme" content="`, scheme, "\">\n")
	switch p.Theme {
	case ThemeLight:
		add(`<meta name="theme-color" content="`, edgeLight, "\">\n")
	case ThemeDark:
		add(`<meta name="theme-color" content="`, edgeDark, "\">\n")
	default:
		add(`<meta name="theme-color" content="`, edgeLight, "\" media=\"(prefers-color-scheme: light)\">\n",
			`<meta name="theme-color" content="`, edgeDark, "\" media=\"(prefers-color-scheme: dark)\">\n")
	}
	add("<title>", html.EscapeString(p.Title), "</title>\n")
	if b.manifest.Icon != "" {
		add("<link rel=\"icon\"")
		attribute("href", b.manifest.Icon)
		add(">\n")
	}
	for _, style := range slices.Concat([]string{p.Root + "assets/" + b.manifest.Style}, p.Styles) {
		add(`<link rel="stylesheet"`)
		attribute("href", style)
		add(">\n")
	}
	for _, name := range b.manifest.Preload {
		add(`<link rel="modulepreload"`)
		attribute("href", p.Root+"assets/"+name)
		add(">\n")
	}
	add(`<script type="module"`)
	attribute("src", p.Root+"assets/"+b.manifest.Script)
	add("></script>\n</head>\n<body>\n")
	if p.Data != nil {
		data, err := json.Marshal(p.Data) // With < as \u003c, so the element cannot end early.
		if err != nil {
			return nil, fmt.Errorf("data of a page: %w", err)
		}
		add(`<script type="application/json" id="data">`, string(data), "</script>\n")
	}
	if p.NoScript != "" {
		add("<noscript><p>", html.EscapeString(p.NoScript), "</p></noscript>\n")
	}
	add("</body>\n</html>\n")
	return buf, nil
}
