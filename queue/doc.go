// Package queue delivers messages to other hosts, and hands local messages that go to
// several places to their accounts, with retries, delay and failure notifications.
//
// A message is one row and one blob (package queuedb), each recipient a row with its own
// state, next attempt and results. Workers claim recipients that are due by an index on
// destination and next attempt; recipients of one message and destination share a
// connection and a transaction. States are written in groups, one database transaction
// for all results that wait.
//
// What happens at an attempt: route (configuration) -> transport -> smtpclient, or local
// delivery -> result: done, retry with back-off, or failed with a DSN to the
// reverse-path. An unknown error is temporary; only a permanent one, or the end of the
// message's lifetime, fails a recipient. A message with the null reverse-path never
// causes a DSN.
//
// A crash between an attempt and the write of its result makes the attempt happen again:
// a remote recipient may get the message twice, never zero times; a local account
// recognises the delivery id.
package queue
