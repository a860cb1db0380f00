//go:build !linux

package tcp

import "net"

// Wrap returns the connection; only Linux has one for less.
func Wrap(nc net.Conn) net.Conn { return nc }
