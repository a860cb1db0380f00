package webmail

import (
	"context"
	"errors"
	"net/http"

	"mox/store"
)

// errMissing is returned by calls that there are not yet.
var errMissing = errors.New("not there yet")

type streams struct{}

func newStreams(s *Server) *streams { return &streams{} }

func (l *streams) shutdown(ctx context.Context) error { return nil }

func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

func (s *Server) serveMessage(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

func (s *Server) serveUploaded(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

func (s *Server) serveExport(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

func (s *Server) serveImport(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// mailboxes returns all mailboxes, in the order of ui.md.
func mailboxes(ctx context.Context, acc *store.Account, actor store.Actor) ([]Mailbox, error) {
	return nil, nil
}

// settings returns the settings of an account.
func settings(ctx context.Context, acc *store.Account) (Settings, error) { return Settings{}, nil }
