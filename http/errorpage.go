package http

import (
	"fmt"
	"html"
	nethttp "net/http"
	"strconv"
	"strings"
)

// Error answers a request with a page about a status code. The page names the request by an id that the
// log has too. W may be wrapped by others, as long as they have Unwrap. It does nothing if the
// response has begun.
func (s *Server) Error(w nethttp.ResponseWriter, r *nethttp.Request, code int) {
	q := exchangeOf(w)
	if q != nil {
		if q.status != 0 {
			return
		}
		q.errorPage = true
	}
	h := w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Length", "Etag", "Last-Modified", "Cache-Control", "Expires"} {
		h.Del(name)
	}
	if code != nethttp.StatusRequestedRangeNotSatisfiable { // There it tells the length (RFC 9110 §15.5.17).
		h.Del("Content-Range")
	}
	text := nethttp.StatusText(code)
	if text == "" {
		text = "Error"
	}
	var id string
	if q != nil {
		id = q.cid()
	}
	var body string
	if wantsHTML(r) {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		body = fmt.Sprintf(errorHTML, code, html.EscapeString(text), errorAdvice(code), id)
	} else {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		body = fmt.Sprintf("%d %s\n%s\nrequest %s\n", code, text, errorAdvice(code), id)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	if r.Method != nethttp.MethodHead {
		w.Write([]byte(body)) // A client that is gone sees nothing.
	}
}

func wantsHTML(r *nethttp.Request) bool {
	for _, v := range r.Header["Accept"] {
		if strings.Contains(v, "text/html") {
			return true
		}
	}
	return false
}

// errorAdvice tells people in a sentence what happened.
func errorAdvice(code int) string {
	switch code {
	case nethttp.StatusBadRequest:
		return "The request was malformed."
	case nethttp.StatusForbidden:
		return "This is not for you."
	case nethttp.StatusNotFound:
		return "There is nothing at this address."
	case nethttp.StatusMethodNotAllowed:
		return "This can not be done here."
	case nethttp.StatusRequestEntityTooLarge:
		return "What was sent is too large."
	case nethttp.StatusMisdirectedRequest:
		return "This server does not answer for that host name."
	case nethttp.StatusTooManyRequests:
		return "There were too many requests. Try again in a minute."
	case nethttp.StatusBadGateway, nethttp.StatusServiceUnavailable, nethttp.StatusGatewayTimeout:
		return "The server behind this one does not answer. Try again later."
	}
	if code >= 500 {
		return "Something is wrong with this server."
	}
	return "The request was refused."
}

const errorHTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%[1]d %[2]s</title>
<style>
:root { color-scheme: light dark; --fg: #1b1f24; --dim: #57606a; --bg: #ffffff }
@media (prefers-color-scheme: dark) { :root { --fg: #e6e9ed; --dim: #a3adb8; --bg: #15181c } }
body { margin: 0; background: var(--bg); color: var(--fg); font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 40rem; margin: 15vh auto; padding: 0 1.25rem }
h1 { font-size: 1.6rem; line-height: 1.3; margin: 0 0 .5rem }
p { margin: 0 0 1.5rem }
.request { color: var(--dim); font-size: .875rem }
code { font: inherit; font-family: ui-monospace, monospace; user-select: all }
</style>
</head>
<body>
<main>
<h1>%[1]d %[2]s</h1>
<p>%[3]s</p>
<p class="request">Request <code>%[4]s</code></p>
</main>
</body>
</html>
`
