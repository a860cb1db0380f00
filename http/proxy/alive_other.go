//go:build !unix

package proxy

// alive tells whether an idle connection can have a request, as far as that is known
// without asking the socket.
func (c *conn) alive() bool { return len(c.in.buffered()) == 0 }
