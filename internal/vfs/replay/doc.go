// Package replay finds out what a disk may hold after a power cut.
//
// A Log is the file operations of a program below one directory, in order. It
// comes from a Recorder, a vfs.FS that passes operations on, or from Trace, which
// runs a whole program under strace and so also sees what does not go through a
// vfs.FS: the pages and syncs of a database. Marks in it say what the program had
// promised by then.
//
// A Disk takes the operations of a log one after another and keeps apart what is
// durable and what is not. Crash picks one of the states that may be left of it.
// Log.Crashes goes through all prefixes of a log, or some, with several seeds each,
// so that a test can open the result and look for what was promised.
//
// # What a crash leaves
//
// Data: of the writes and truncations of a file since its last sync any may be
// missing, each on its own, and a write may be there in part, by sectors of 512
// bytes, with the size of the file grown or not. A write that was not complete
// when a sync began is not covered by that. What was written before a sync that
// failed may be missing even after a later sync that succeeded.
//
// Names: creating, renaming and removing are durable once the directory was synced
// (for a rename between directories, either of the two); syncing a file does
// not make its name durable. Those that were not synced are kept up to a random
// one in the order they were made, as journaling file systems do (ext4, XFS), or,
// as POSIX allows, any of them may be missing. Renaming is always atomic.
//
// Sectors are written whole or not at all, and no durable byte changes by itself.
package replay
