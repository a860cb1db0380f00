package http

import (
	"errors"
	nethttp "net/http"

	"mox/config"
	"mox/dns"
	"mox/http/static"
)

// staticHandler returns what serves files.
func (s *Server) staticHandler(h *config.WebHandler) (nethttp.Handler, func(), error) {
	opts := static.Options{
		Root:            h.Static.Root,
		StripPrefix:     h.Static.StripPrefix,
		ListFiles:       h.Static.ListFiles,
		Compress:        h.Compress,
		NoPrecompressed: !h.Compress,
		Cache:           s.files,
		ResponseHeaders: header(h.Static.ResponseHeaders),
		Error:           s.Error,
		Log:             s.log.With("handler", h.LogName),
	}
	switch h.Static.Symlinks {
	case config.WebSymlinksNone:
		opts.Symlinks = static.SymlinksNone
	case config.WebSymlinksAny:
		opts.Symlinks = static.SymlinksAny
	}
	if h.Static.ContinueNotFound {
		opts.NotFound = nethttp.HandlerFunc(continues)
	}
	handler, err := static.New(opts)
	return handler, nil, err
}

// header returns fields to set. One without a value is to be removed.
func header(fields map[string]string) nethttp.Header {
	h := nethttp.Header{}
	for name, value := range fields {
		if value == "" {
			h[nethttp.CanonicalHeaderKey(name)] = nil
			continue
		}
		h.Set(name, value)
	}
	return h
}

// internalHandler returns what serves pages of mox.
func (s *Server) internalHandler(h *config.WebHandler) (nethttp.Handler, func(), error) {
	if s.opts.Services[h.Internal.Service] == nil {
		return nil, nil, errors.New("this version of mox has no " + string(h.Internal.Service))
	}
	return s.service(h.Internal.Service, Mount{Path: h.Internal.BasePath, TLS: !h.DontRedirectPlainHTTP}), nil, nil
}

func (s *Server) redirectHandler(h *config.WebHandler) (nethttp.Handler, func(), error) {
	return nil, nil, errors.New("not yet")
}

func (s *Server) forwardHandler(h *config.WebHandler) (nethttp.Handler, func(), error) {
	return nil, nil, errors.New("not yet")
}

func (s *Server) redirectDomain(to dns.Domain) nethttp.Handler {
	return nethttp.NotFoundHandler()
}
