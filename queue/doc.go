// Package queue delivers messages to other hosts, and hands local messages that go to
// several places to their accounts, with retries, and notifications of delay, failure and, where
// asked for, success.
//
// A message is one row and one blob (package queuedb), each recipient a row with its own
// state, next attempt and results. States are written in groups, one database transaction
// for all results that wait.
//
// # Scheduling
//
// One goroutine knows for each destination when it next has something to do, and how many attempts
// run; it holds no recipients. For a destination that is due it asks the database, by an index on
// destination and next attempt, for the recipient that waits longest and those of the same
// message behind it; they share a connection and a transaction. Destinations take turns,
// however much is due for one of them. Those on this host have a lane of their own, and those
// that no connection could be made to are left alone for some minutes.
//
// Which recipients are being tried is in memory only. A recipient is noted there first and then
// read, so that an attempt never begins on what an attempt before it, or an operator, has changed.
//
// # Attempts
//
// Route (configuration) -> transport -> smtpclient, or local delivery -> result: done, retry with
// back-off, or failed. An unknown error is temporary; only a permanent one, or the end of the
// message's lifetime, fails a recipient. The result and the notification to the reverse-path are
// one transaction. What is told follows RFC 3461 §5.2. A message with the null reverse-path never
// causes a notification.
//
// Results that cannot be written are kept, and their recipients stay claimed, until they can: a
// full disk must not make a message be sent over and over.
//
// A crash between an attempt and the write of its result makes the attempt happen again:
// a remote recipient may get the message twice, never zero times; a local account
// recognises the delivery id.
//
// # Sending later
//
// To undo sending and to schedule it are the same: a message with SendAt waits until then, and its sender cancels it or sets
// another time, in one comparison with what the queue knows (Submissions). From that time on its delays and its lifetime
// count. The account keeps a copy meanwhile, where its owner sees that it waits, and has it moved when the first attempt
// begins: Options.Begun is told before each attempt, and Options.Done once more, so that a crash between is made good.
//
// # Signing
//
// What begins here is signed by the Signer before it is queued, once for all its recipients: a
// submission before its sender hears that it was taken, and not at all if signing fails, so that
// nothing leaves unsigned that its domain says it signs; what is to be sent later is signed again for each attempt, with the
// keys of then; a notification when it is composed. Transports do not convert messages, which would break signatures: a next hop that
// cannot take one as it is makes it fail (package smtpclient).
package queue
