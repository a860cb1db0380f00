package webmail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/microcosm-cc/bluemonday"
	"github.com/prometheus/client_golang/prometheus"

	"mox/config"
	"mox/dns"
	"mox/internal/jsoncall"
	"mox/pipeline"
	"mox/queue"
	"mox/rcptsecurity"
	"mox/store"
	"mox/webassets"
	"mox/websession"
)

// maxCall is how long the body of a call may be, in bytes. The text of a draft is in it, attachments are not.
const maxCall = 16 << 20

// Options for New. Fields without a default are required.
type Options struct {
	Accounts    *store.Store
	Config      func() *config.Config // As it is now.
	Sessions    *websession.Service   // Of the name "webmail".
	Submissions *queue.Submissions
	Checks      []pipeline.Use // Of messages that are sent, as on ports for submission.
	SpoolDir    string         // For uploads, and messages while they are made.

	// Security finds out about the ways to recipients. Default: nothing is known of them.
	Security interface {
		Lookup(ctx context.Context, domain dns.Domain) rcptsecurity.Security
	}

	// Client makes the requests by which lists are left. It does not reach this machine and private networks.
	// Default: lists are not left by the server.
	Client *http.Client

	Version    string                // Of the server, told to pages.
	Now        func() time.Time      // Default: time.Now.
	Log        *slog.Logger          // Default: discard.
	Registerer prometheus.Registerer // Default: metrics are not shown.
}

// Server is the webmail. It is safe for concurrent use.
type Server struct {
	opts    Options
	log     *slog.Logger
	now     func() time.Time
	streams *streams
	reader  *reader
	uploads *uploads
	sent    *sentDrafts
	policy  *bluemonday.Policy // Of the text of messages that are sent.
	bundle  *webassets.Bundle
	ahead   readAhead
	api     http.Handler

	firstTime time.Duration // How long earlier mail of a sender is looked for.
}

// New returns a webmail.
func New(opts Options) (*Server, error) {
	if opts.Accounts == nil || opts.Config == nil || opts.Sessions == nil || opts.Submissions == nil || opts.SpoolDir == "" {
		return nil, errors.New("webmail: Accounts, Config, Sessions, Submissions and SpoolDir are required")
	}
	s := &Server{opts: opts, log: opts.Log, now: opts.Now, firstTime: firstTimeLimit}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.streams = newStreams(s)
	s.reader = newReader()
	s.uploads = newUploads(opts.SpoolDir, s.now)
	s.sent = newSentDrafts(s.now)
	s.policy = draftPolicy()
	var err error
	if s.bundle, err = newBundle(); err != nil {
		return nil, err
	}
	api, err := jsoncall.New(functions(API{s}), jsoncall.Options{MaxSize: maxCall, Observe: newCalls(opts.Registerer), Log: s.log})
	if err != nil {
		return nil, fmt.Errorf("webmail: %w", err)
	}
	s.api = http.StripPrefix("/api", api)
	return s, nil
}

// Handler returns what answers at a place, with the path of that taken off. Path begins and ends with a slash.
func (s *Server) Handler(path string) http.Handler {
	require := func(h http.HandlerFunc) http.Handler { return s.opts.Sessions.Require(h) }
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", s.opts.Sessions.Page("session/", s.page(path)))
	mux.Handle("GET /assets/", http.StripPrefix("/assets", s.bundle))
	mux.Handle("/session/", http.StripPrefix("/session", s.opts.Sessions.Handler()))
	mux.Handle("POST /api/", require(s.call))
	mux.Handle("GET /events", require(s.serveEvents))
	mux.Handle("GET /message/", require(s.serveMessage))
	mux.Handle("POST /upload", require(s.serveUpload))
	mux.Handle("GET /upload/", require(s.serveUploaded))
	mux.Handle("GET /export", require(s.serveExport))
	mux.Handle("POST /import", require(s.serveImport))
	return mux
}

// Shutdown ends what lasts, and returns when that is done or the context ends, whose error it then returns.
func (s *Server) Shutdown(ctx context.Context) error {
	return errors.Join(s.streams.shutdown(ctx), s.ahead.shutdown(ctx), s.uploads.close())
}

// call answers a call of the API. Only pages can make one: others have no X-Mox-Csrf.
func (s *Server) call(w http.ResponseWriter, r *http.Request) {
	s.api.ServeHTTP(w, r.WithContext(withTimeZone(r.Context(), r.Header.Get(zoneField))))
}

// session returns that of a call, which has one: nobody else gets here.
func session(ctx context.Context) *websession.Session { return websession.FromContext(ctx) }

// open opens the account of a call. The caller must Close it.
func (s *Server) open(ctx context.Context) (*store.Account, store.Actor, error) {
	ses := session(ctx)
	acc, err := s.opts.Accounts.Open(ctx, ses.Account)
	return acc, ses.Actor(), err
}

// openMailbox opens the account of a call with one of its mailboxes. The caller must Close the account.
func (s *Server) openMailbox(ctx context.Context, id int64) (*store.Account, store.Actor, store.Mailbox, error) {
	acc, actor, err := s.open(ctx)
	if err != nil {
		return nil, actor, store.Mailbox{}, err
	}
	mb, err := acc.MailboxByID(ctx, actor, store.MailboxID(id))
	if err != nil {
		acc.Close()
		return nil, actor, store.Mailbox{}, err
	}
	return acc, actor, mb, nil
}
