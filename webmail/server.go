package webmail

import (
	"errors"
	"log/slog"
	"net/http"
)

// errMissing is returned by calls that there are not yet.
var errMissing = errors.New("not there yet")

// Options for New.
type Options struct {
	Log *slog.Logger // Default: discard.
}

// Server is the webmail. It is safe for concurrent use.
type Server struct {
	opts Options
}

// New returns a webmail.
func New(opts Options) (*Server, error) { return &Server{opts: opts}, nil }

// Handler returns what answers at a place, whose path begins and ends with a slash.
func (s *Server) Handler(path string, tls bool) http.Handler { return http.NotFoundHandler() }
