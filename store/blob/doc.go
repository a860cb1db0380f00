// Package blob keeps the bytes of an account's messages, behind opaque
// references, durable and apart from the database that says which of them are
// in use.
//
// # Files
//
// A store is a directory:
//
//	00000001.pack        records one after another, only ever appended to
//	files/00000007.blob  one large message
//	tmp/                 files not yet complete, emptied when the store opens
//	ledger               which numbers were used, how far packs were counted
//
// Packs and large files draw their numbers from one row of numbers that never
// repeats one, also not after files were removed or the store was closed. The
// pack with the highest number is open for appending, all others are sealed and
// are not written to again. So a backup may hard-link sealed packs and copy the
// open one up to the size that [Store.Packs] tells; it copies the ledger first, as
// that may be older than the packs but not newer.
//
// A pack begins with a header (kind, version, number, and the store's marker: a
// random value that is repeated in each record). A record is a header of fixed
// size (magic, marker, email id, lengths, encoding, CRC-32C of the data and of
// the header), the caller's description of the message (Meta), and the data.
// The marker is never shown to anybody, so that a message whose text looks like
// a record is not taken for one when a damaged pack is searched. A large file
// is such a header with a single record.
//
// Deleting from a pack appends a tombstone. It says that all records of an email
// id up to a place are gone, so that [Store.Scan] does not bring deleted mail
// back when the database is lost.
//
// # Order and crashes
//
// [Store.Put] appends a batch, calls fdatasync once, and then returns; only then
// may the database refer to the records. [Store.Start] returns before the sync, so that a transaction can be
// made ready meanwhile; it may not be committed before [Pending.Wait] has returned. Records that were durable but that the
// database did not come to know are waste: the next compaction, which asks the
// database, drops them, and [Store.SweepFiles] does so for large files. A pack that
// could not be synced is not appended to again. Behind the end of the open pack there are zeros, so that
// fdatasync finds blocks to write to; closing the pack cuts them off, or else the next Open does.
//
// Each record also says up to where the pack was durable when it was written.
// What is broken before the highest such place was whole once, so it is damage and
// gets reported; what is broken behind it is a write that a crash interrupted and
// nobody was told of. When the store opens, such an end of the open pack is cut
// off, or, if there are whole records behind it, the pack is sealed.
//
// # Compaction
//
// [Store.Compact] copies what is in use of a sealed pack to the open pack, lets
// the database switch to the new places, and removes the old pack. A reference
// read from the database before that switch then gives [ErrNotExist] from
// [Store.Open]: read it again from the database and retry. A [Reader] that is
// open stays good.
//
// # Concurrency
//
// All methods may be called concurrently. Writes (Put, Delete, Compact) take
// turns; reads wait for nobody. Exactly one process may have a store open, which
// the caller ensures.
package blob
