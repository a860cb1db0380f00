package websession

import (
	"bytes"
	"net/http"
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

const formTemplate = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Log in - {{.Title}}</title>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{with .Message}}<p role="alert" id="message">{{.}}</p>
{{end}}<form method="post" action="{{.Action}}">
{{if .AskName}}<p><label for="username">Email address</label><br>
<input id="username" name="username" type="text" inputmode="email" autocomplete="username" autocapitalize="none" spellcheck="false" required value="{{.Username}}"{{if not .Username}} autofocus{{end}}></p>
{{end}}<p><label for="password">Password</label><br>
<input id="password" name="password" type="password" autocomplete="current-password" required{{if .Message}} aria-describedby="message"{{end}}{{if or .Username (not .AskName)}} autofocus{{end}}></p>
<p><input id="remember" name="remember" type="checkbox" value="1"{{if .Remember}} checked{{end}}> <label for="remember">Stay logged in on this device</label></p>
<p><button>Log in</button></p>
</form>
</main>
</body>
</html>
`

// WriteForm answers with a page that has a form for logging in. It needs neither scripts nor other files.
func (s *Service) WriteForm(w http.ResponseWriter, f FormData) { s.writeForm(w, http.StatusOK, f) }

func (s *Service) writeForm(w http.ResponseWriter, status int, f FormData) {
	var b bytes.Buffer
	err := s.form.Execute(&b, struct {
		FormData
		Title   string
		AskName bool
	}{f, s.opts.Title, s.opts.User == ""})
	if err != nil {
		s.opts.Log.Error("bug: form for logging in", "err", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin") // With no-referrer the form would have no origin.
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
