package webmail

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"

	"mox/webassets"
)

// dist has what the pages are built of, see web/build.mjs.
//
//go:embed dist
var dist embed.FS

// newBundle returns the scripts and styles of the page.
func newBundle() (*webassets.Bundle, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	b, err := webassets.New(files)
	if err != nil {
		return nil, fmt.Errorf("webmail: built files: %w", err)
	}
	return b, nil
}

// page returns what answers with the page, which needs a session. Path is that of the service.
func (s *Server) page(path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, err := s.start(r.Context(), path)
		if err == nil {
			s.ahead.read(s.opts.Accounts, session(r.Context()), start.Mailboxes)
			err = s.bundle.WritePage(w, webassets.Page{
				Title: "Webmail", Theme: webassets.Theme(start.Settings.Theme), Data: start,
				NoScript: "The webmail needs JavaScript. Mail programs can read this mail without it, by IMAP.",
			})
		}
		if err != nil {
			s.log.Error("page", "err", err)
			w.Header().Set("Retry-After", "10")
			http.Error(w, "The mail of this account cannot be read now. Try again later.", http.StatusServiceUnavailable)
		}
	})
}
