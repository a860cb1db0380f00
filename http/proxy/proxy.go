package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxUpstreams is as many as choose has bits for.
const maxUpstreams = 64

// Handler passes requests on to upstreams. It is safe for concurrent use.
type Handler struct {
	opts          Options
	upstreams     []*upstream
	next          atomic.Uint32   // Where the search for an upstream begins.
	requestFields []byte          // Configured ones, as they are sent.
	ownFields     map[string]bool // Their names, and those of fields to be removed, with hyphens.

	stop   context.CancelFunc // Ends health checks.
	checks sync.WaitGroup
}

var _ http.Handler = (*Handler)(nil)

// New returns a handler, and begins health checks when the options have some. The error
// says which option cannot be.
func New(opts Options) (*Handler, error) {
	opts, err := opts.check()
	if err != nil {
		return nil, err
	}
	if len(opts.Upstreams) > maxUpstreams {
		return nil, fmt.Errorf("proxy: more than %d upstreams", maxUpstreams)
	}
	h := &Handler{opts: opts, ownFields: map[string]bool{}}
	for _, u := range opts.Upstreams {
		up, err := newUpstream(u, &h.opts)
		if err != nil {
			return nil, err
		}
		h.upstreams = append(h.upstreams, up)
	}
	for name, values := range opts.RequestHeaders {
		h.ownFields[hyphenated(name)] = true
		for _, v := range values {
			h.requestFields = fmt.Appendf(h.requestFields, "%s: %s\r\n", name, v)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	for _, up := range h.upstreams {
		up.metrics = opts.Metrics.upstream(up.name)
		if opts.Health.Path != "" {
			h.checks.Go(func() { h.watchHealth(ctx, up) })
		}
	}
	return h, nil
}

// Close ends health checks and idle connections. Requests and tunnels that run go on, and
// requests that still come are answered, each over a connection of its own. It can
// be called more than once.
func (h *Handler) Close() error {
	h.stop()
	h.checks.Wait()
	for _, up := range h.upstreams {
		up.close()
	}
	return nil
}

// State returns what is known of the upstreams, in the order of the options.
func (h *Handler) State() []UpstreamState {
	states := make([]UpstreamState, len(h.upstreams))
	for i, up := range h.upstreams {
		states[i] = up.state()
	}
	return states
}

// ServeHTTP passes a request on. It panics with http.ErrAbortHandler when a response has
// begun and cannot be ended, so that the server cuts the connection, and when the client is gone.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(h, w, r)
	defer x.free()
	code := h.refuse(r)
	if !x.prepare() && code == 0 {
		code = http.StatusNotImplemented
	}
	if code != 0 {
		x.closeClient(w.Header())
		h.opts.Error(w, r, code)
		return
	}
	err := x.run()
	if err == nil {
		return
	}
	if x.answered || x.gone {
		panic(http.ErrAbortHandler)
	}
	x.closeClient(w.Header())
	h.opts.Error(w, r, x.errorCode(err))
}

// errorCode returns what the client is told about an error.
func (x *exchange) errorCode(err error) int {
	switch {
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errBadRequest), errors.Is(err, errClient):
		return http.StatusBadRequest
	case isTimeout(err):
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// choose returns the upstream for a request: of those that are well and were not tried, one
// with the fewest requests; when none is, one that is not well. It returns nil when all were tried.
func (h *Handler) choose(now time.Time, tried uint64) *upstream {
	if len(h.upstreams) == 1 {
		if tried != 0 {
			return nil
		}
		return h.upstreams[0]
	}
	begin := int(h.next.Add(1))
	for _, anyway := range [2]bool{false, true} {
		var best *upstream
		for i := range h.upstreams {
			i = (begin + i) % len(h.upstreams)
			up := h.upstreams[i]
			if tried&(1<<i) != 0 || best != nil && up.active.Load() >= best.active.Load() {
				continue
			}
			if anyway || up.available(now) {
				best = up
			}
		}
		if best != nil {
			best.claim(now)
			return best
		}
	}
	return nil
}

// bit returns the bit of an upstream in a set of those that were tried.
func (h *Handler) bit(up *upstream) uint64 {
	for i := range h.upstreams {
		if h.upstreams[i] == up {
			return 1 << i
		}
	}
	return 0
}
