package webmail

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"

	"mox/message/htmlmail"
	"mox/store"
	"mox/websession"
)

// content is the email that a request below message/ is for.
type content struct {
	*opened
	io   *store.Content
	acc  *store.Account
	path string // Of the message within the email, by the parameter path.
}

// serveMessage answers below message/: an id of an email, and then
//
//	html, text      its text, as a document for a frame
//	part/PATH       a part
//	remote          an image from elsewhere that the text shows
//	zip             all attachments
//	eml             the message, for downloading
//	raw, headers    its source, and the header alone, as text
//
// The parameter path of all but part is that of a message within the email.
func (s *Server) serveMessage(w http.ResponseWriter, r *http.Request) {
	id, resource, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/message/"), "/")
	email, ok := parseEmailID(id)
	if !ok {
		s.refuseContent(w, r, store.ErrExpunged)
		return
	}
	ses := session(r.Context())
	acc, err := s.opts.Accounts.Open(r.Context(), ses.Account)
	if err != nil {
		s.refuseContent(w, r, err)
		return
	}
	defer acc.Close()
	o, err := s.reader.open(r.Context(), acc, ses.Actor(), email)
	if err != nil {
		s.refuseContent(w, r, err)
		return
	}
	bytes, err := acc.Open(r.Context(), ses.Actor(), email)
	if err != nil {
		s.refuseContent(w, r, err)
		return
	}
	defer bytes.Close()
	c := &content{opened: o, io: bytes, acc: acc, path: r.URL.Query().Get("path")}
	if err := s.serveContent(w, r, c, resource); err != nil {
		s.refuseContent(w, r, err)
	}
}

// serveContent answers with what is asked for of an email. Errors are returned before anything is written.
func (s *Server) serveContent(w http.ResponseWriter, r *http.Request, c *content, resource string) error {
	if path, ok := strings.CutPrefix(resource, "part/"); ok {
		return s.servePart(w, r, c, path)
	}
	if resource == "remote" {
		return s.serveRemote(w, r, c)
	}
	l, err := c.letterAt(c.io, c.path)
	if err != nil {
		return err
	}
	switch resource {
	case "html", "text":
		return s.serveFrame(w, r, c, l, resource)
	case "zip":
		return s.serveZip(w, r, c, l)
	case "raw", "headers", "eml":
		return s.serveSource(w, r, c, l, resource)
	}
	return errNoPart
}

// refuseContent answers a request that cannot be answered otherwise.
func (s *Server) refuseContent(w http.ResponseWriter, r *http.Request, err error) {
	h := w.Header()
	for name := range h {
		if strings.HasPrefix(name, "Content-") || name == "Etag" {
			h.Del(name)
		}
	}
	h.Set("Cache-Control", "no-store")
	switch {
	case errors.Is(err, store.ErrExpunged) || errors.Is(err, errNoPart):
		http.Error(w, "There is no such message, or no such part of it.", http.StatusNotFound)
		return
	case errors.Is(err, store.ErrNoMailbox):
		http.Error(w, "There is no such mailbox.", http.StatusNotFound)
		return
	}
	if r.Context().Err() == nil {
		s.log.Error("message cannot be read", "path", r.URL.Path, "err", err)
	}
	h.Set("Retry-After", "10")
	http.Error(w, "The message cannot be read now. Try again later.", http.StatusServiceUnavailable)
}

// contentHeader sets the fields that all content of messages is served with. It comes from strangers: no other site is to
// learn of it or use it, and no browser is to take it for another type.
func contentHeader(h http.Header, mediaType, policy string) {
	h.Set("Content-Type", mediaType)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-DNS-Prefetch-Control", "off") // A look-up of the name of a link would tell that the message is read.
	// It can be kept, but not shown without asking whether there is a session still.
	h.Set("Cache-Control", "private, no-cache")
}

// remoteToken returns the parameter with which remote images of an email are loaded, for a session: a link from elsewhere
// cannot have it.
func remoteToken(ses *websession.Session, email store.EmailID) string {
	sum := sha256.Sum256([]byte("remote images\x00" + email.String() + "\x00" + ses.CSRF()))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// serveFrame answers with the text of a message. Parameters are
//
//	view=text   plain text, also of a message that is in HTML
//	theme=dark  for dark pages: HTML, which is mostly written for light ones, gets its lightness turned round
//	remote=...  shows remote images too, if it is Remote.Token; with none to hide those that settings allow
//	all=1       more than the beginning of a long message
func (s *Server) serveFrame(w http.ResponseWriter, r *http.Request, c *content, l *letter, resource string) error {
	q := r.URL.Query()
	lay := layoutOf(l)
	key := docKey{path: l.path, kind: BodyHTML, whole: q.Get("all") == "1"}
	if resource == "text" || q.Get("view") == string(BodyText) || !lay.isHTML {
		key.kind = BodyText
	}
	if key.kind == BodyHTML {
		may, err := s.mayLoadRemote(r, c, l)
		switch {
		case err != nil:
			return err
		case may && s.opts.Client != nil:
			key.remote = remoteProxy
		case may:
			key.remote = remoteDirect
		}
	}
	doc, err := s.reader.document(c.io, l, lay, key)
	if err != nil {
		return err
	}
	markup := withStyle(doc.HTML, frameStyle(key.kind, q.Get("theme") == "dark"))
	policy := htmlmail.ContentSecurityPolicy(htmlmail.FramePolicy{Images: []string{"'self'"}, AllowRemote: key.remote == remoteDirect, SameOrigin: true})
	contentHeader(w.Header(), "text/html; charset=utf-8", policy)
	sum := sha256.Sum256([]byte(markup + policy))
	w.Header().Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:15])+`"`)
	serveBytes(w, r, markup)
	return nil
}

// mayLoadRemote tells whether the document that is asked for has remote images.
func (s *Server) mayLoadRemote(r *http.Request, c *content, l *letter) (bool, error) {
	ses := session(r.Context())
	switch r.URL.Query().Get("remote") {
	case "none":
		return false, nil
	case remoteToken(ses, c.key.email):
		return true, nil
	}
	return s.remoteAllowed(r.Context(), c.acc, c.opened, l)
}

// serveBytes answers with a text that is all there.
func serveBytes(w http.ResponseWriter, r *http.Request, text string) {
	http.ServeContent(w, r, "", noTime, strings.NewReader(text))
}

// withStyle puts a style sheet before all others of a document. Its head element is the first one in it: before
// stand at most attributes of html, in which brackets are escaped.
func withStyle(markup, style string) string {
	before, after, ok := strings.Cut(markup, "<head>")
	if !ok {
		return markup
	}
	return before + "<head><style>" + style + "</style>" + after
}

// frameStyle returns the style of what messages do not say themselves.
func frameStyle(kind BodyKind, dark bool) string {
	switch {
	case kind == BodyText && dark:
		return frameText + frameTextDark
	case kind == BodyText:
		return frameText
	case dark:
		return frameHTML + frameHTMLDark
	}
	return frameHTML
}

// The colours are those of the page; see web/styles.
const (
	frameText = `html{color-scheme:light;background:#fff;color:#1b2229}` +
		`body{margin:0;font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;tab-size:4}a{color:#1257b0}`
	frameTextDark = `html{color-scheme:dark;background:#161a1f;color:#e7ebef}a{color:#7ab2ff}` +
		`details.mox-quote>summary{color:#b3bec9!important}@layer dark{.mox-mixed{color:#ff9b93!important;background:#3a1715!important}}` // The first layer wins.
	frameHTML = `html{color-scheme:light;background:#fff;color:#1b2229}` +
		`body{margin:0;font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:break-word}` +
		`@media(max-width:480px){img{max-width:100%!important;height:auto!important}}`
	frameHTMLDark = `html{filter:invert(.9) hue-rotate(180deg)}img,[background],[style*="url("]{filter:invert(1) hue-rotate(180deg)}`
)

// errContent is wrapped by errors of reading content after the response has begun.
var errContent = errors.New("content cannot be read")

// abort ends a response that has begun and cannot go on, so that its receiver does not take what it has for all.
func (s *Server) abort(r *http.Request, err error) {
	if r.Context().Err() == nil && errors.Is(err, errContent) {
		s.log.Error("message cannot be read", "path", r.URL.Path, "err", err)
	}
	panic(http.ErrAbortHandler)
}

// contentReader marks errors of reading as such, to tell them from those of writing to the client.
type contentReader struct{ io.Reader }

// Read implements io.Reader.
func (c contentReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = errors.Join(errContent, err)
	}
	return n, err
}
