// Package queuedb stores the queue: one row and one blob per message, one row per
// recipient with its own state, next attempt and results. It decides nothing about
// delivery; package queue does.
//
// Writes queue up for one committer: what waits at the same moment shares one sync of
// the blobs and one database transaction. A write that fails is tried again alone and does not
// fail the others.
package queuedb
