// Package queuedb stores the queue: one row and one blob per message, one row per
// recipient with its own state, next attempt and results. It decides nothing about
// delivery; package queue does.
//
// Writes queue up for one committer: what waits at the same moment shares one sync of
// the blobs and one database transaction. A write that fails is tried again alone and does not
// fail the others.
//
// # Order and crashes
//
// Bodies are durable before the transaction that refers to them begins, and a caller is
// told after it is committed. So after a crash each message that was acknowledged is there
// with all its recipients and its body. Nothing is there in part: a message and its
// recipients, and the results of an attempt with the notifications that follow from
// them, are one transaction each. A body is removed after the transaction in which its message
// lost its last open recipient; a crash in between costs disk space, of which large bodies give
// theirs back at the next Open, others when their pack is compacted.
//
// If the disk fails in the middle of a commit, it may not be known whether it took place. Then
// nothing more is written until the database was copied and opened again, see [ErrInDoubt]. Other
// writes fail meanwhile, of which it is known that they did not take place.
package queuedb
