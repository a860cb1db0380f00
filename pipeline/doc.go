// Package pipeline holds the contracts between what receives mail, what judges it and
// where it goes: Check, Target, Delivery, and the runner that drives checks.
//
// A server makes a Transaction for each message. The runner asks every Check in stages
// (connection, sender, recipient, message), each once per message and all of a stage
// concurrently, and merges what they say. From the merged facts a Decision per recipient
// is made by a pure function before anything is committed. Then the message is given to
// Targets.
//
// The package knows no check, no target, no store and no queue. Package
// pipeline/checktest and pipeline/targettest hold the suites that every
// implementation, fakes too, must pass.
package pipeline
