// Package mbox reads and writes files with many messages in the mbox format
// (RFC 4155), in the dialect mboxrd: each message follows a "From " line, ends with
// an empty line, and lines in it that begin with "From " after any number of ">"
// have one more ">" put before.
//
// A file has lines that end in LF, a message on the wire and in the store lines
// that end in CRLF; Reader and Writer convert. Otherwise a message that is written
// and read again is the same, byte for byte, if its last line is complete.
package mbox
