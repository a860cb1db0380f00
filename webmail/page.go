package webmail

import "net/http"

// page returns what answers with the page, which needs a session.
func (s *Server) page(path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, err := s.start(r.Context(), path)
		if err != nil {
			s.log.Error("page", "err", err)
			w.Header().Set("Retry-After", "10")
			http.Error(w, "The mail of this account cannot be read now. Try again later.", http.StatusServiceUnavailable)
			return
		}
		_ = start
		http.Error(w, "no page yet", http.StatusNotImplemented)
	})
}

// assets returns what answers with scripts and styles.
func (s *Server) assets() http.Handler { return http.NotFoundHandler() }
