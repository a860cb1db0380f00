// Package ctl is the control socket: how a command reaches the running server.
//
// The socket is the file "ctl" in the data directory, for its owner only. One
// connection carries one call. The server greets with a line of JSON that has the
// version of the protocol, the client answers with a line that names the call and
// its parameters. Then frames go both ways until the server sends a result or an
// error: a frame is a line of JSON, for data followed by the number of bytes it
// says. A client sends data frames and an end frame (input); a server sends data
// frames (output) and progress frames.
//
// A client cancels by closing the connection, which ends the context of the call.
//
// When no server runs, a command serves itself: it opens the data directory, and
// calls the same handlers over a pair of connected pipes (see Local).
package ctl
