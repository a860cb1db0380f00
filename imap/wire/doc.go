// Package wire reads and writes the grammar of IMAP4rev1 (RFC 3501 §9) and IMAP4rev2
// (RFC 9051 §9), with the extensions named at each type. It knows bytes only, no
// account and no connection: a server, a test client and fuzzers share it.
//
// # Reading
//
// A [Decoder] reads one command at a time:
//
//	for {
//		if err := dec.ReadLine(); err != nil { ... }   // Waits for a command.
//		tag := dec.Tag()
//		dec.SP()
//		name := dec.Keyword()
//		...                                            // Arguments, up to dec.CRLF().
//		err := dec.Err()
//		...                                            // Carry it out.
//		if err := dec.EndCommand(); err != nil { ... } // What was not read is skipped.
//		...                                            // Answer.
//	}
//
// There is a method for each element of the grammar. The first error is kept; after it
// all methods return zero values, so it is enough to ask [Decoder.Err] once before acting
// on what was read. The commands with a grammar of some size have a type and a method of
// their own, as [Fetch] and [Decoder.Fetch], which read all arguments.
//
// An error of syntax or size is an [imap.Error], ready to be told to the client: a
// status of BYE means that the connection cannot go on, with others EndCommand finds the
// next command. Any other error is one of reading.
//
// # Leniency
//
// Clients keep to the grammar, so the Decoder does too (RFC 9051 §2.2.2, RFC 3501 §2.2.2): exactly one space where there is
// one in the grammar, and no other line end than CRLF. What is accepted beyond has a
// remark that names the client.
//
// # Writing
//
// An [Encoder] has a method for each element of responses. It puts the spaces between
// items, chooses between atom, quoted string and literal, and streams long literals.
package wire
