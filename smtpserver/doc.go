// Package smtpserver receives mail: from other servers (RFC 5321), and from users who
// submit it (RFC 6409, RFC 8314).
//
// # The room and its rules
//
//   - A connection is one goroutine (conn.go): read a command, look it up in the table
//     (command.go), run its handler, flush when no further command has arrived. The table says in
//     which states (state.go) a command is allowed, so handlers need not check.
//   - Each command has a file. A handler either replies itself or returns an error. An
//     *smtp.Error is the reply; anything else is logged and becomes 451 4.3.0. The one place that
//     writes error replies is conn.fail in reply.go.
//   - What lives for one message is a transaction (transaction.go) and, once DATA or BDAT has come, a
//     delivery (delivery.go) that tells its steps in order. The connection keeps only what
//     outlives a message.
//   - Nothing is committed before all recipients are decided on, and "250" is written after
//     the commit (package pipeline).
//   - A commit does not end with the connection: its context is the server's.
//   - While a connection waits for a command it holds no buffers (wire.go).
//
// What a client sends reaches the log as attributes only, and with credentials and message
// data left out unless their trace level is on.
package smtpserver
