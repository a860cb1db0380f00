// Package message reads and writes internet messages: the header of RFC 5322,
// the MIME structure of RFC 2045, 2046, 2047, 2183 and 2231, and their
// internationalised forms of RFC 6532.
//
// # Reading
//
// A [Parser] is fed the bytes of a message in pieces of any size, while they are
// received or copied, and yields the tree of its parts: byte offsets, sizes, line
// counts, media types, parameters and, for the message and each message in it,
// the [Envelope]. It buffers one header at a time, never a body. [Parse] and
// [ParseBytes] do the same for a reader and a byte slice.
//
// There is no broken message: whatever the bytes are, a tree comes out. What was
// odd about a part is told in [Part.Defects]. Limits ([Options]) bound depth, number
// of parts and memory; what lies past a limit is treated as opaque content. Lines
// may end in CRLF or in a bare LF, also mixed; offsets always count the bytes as
// they were given.
//
// Everything decoded for people (names, subjects, file names, text) is valid
// UTF-8 without control characters. What the wire formats of IMAP need verbatim is
// kept beside it in fields named Raw.
//
// # Writing
//
// A [Composer] writes header fields with folding and encoding, and MIME bodies, with
// CRLF line ends.
package message
