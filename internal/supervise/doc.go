// Package supervise keeps a server process running below a parent that holds its
// listening sockets.
//
// The parent opens sockets, starts the child, as another user if it is root, and
// from then on only waits: it forwards signals, starts a new child when one dies, and
// can replace itself by a newer binary without closing a socket. Connections that are
// made while no child runs wait in the backlog of the sockets.
//
// A child asks its parent for things over a pair of connected sockets, one request
// at a time. There are three, and none has parameters: that it serves now, that
// all be restarted, and the content of the files that the parent was told to
// read for it. So a child that was taken over can ask for nothing else. When the
// parent is gone, reading from the pair ends, and the child stops.
package supervise
