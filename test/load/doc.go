// Load measures a mail server from outside, over SMTP and IMAP only, so that the same command drives
// any server. It checks every answer: messages are counted where they must arrive, each FETCH must
// bring each message once, searches must find what the messages hold, and messages say themselves what
// their bytes must be.
//
// Each figure is a line of JSON on standard output; what is said to people goes to standard error.
// Run it without arguments for its modes.
//
// Figures of a run are of both the server and this program, which share the machine. It makes
// messages before the clock starts, and keeps and parses of the answers no more than the checks need.
package main
