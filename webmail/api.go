package webmail

// API is what pages ask of the server. Errors have codes that begin with "user:" for what a user can do
// something about, and "server:" for others.
type API struct {
	s *Server
}
