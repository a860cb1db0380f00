// Package pipeline holds the contracts between what receives mail, what judges it and
// where it goes, and the runner that drives them.
//
// A message walks like this:
//
//  1. A server makes a [Transaction] for each message ([Runner.Begin]) and tells it the
//     sender and each recipient as they arrive. The runner asks every [Check], in the
//     stages connection, sender, recipient, message: each stage once per message (the
//     recipient stage once per recipient), all checks of a stage at the same time.
//  2. The content goes into a [Spool] in one pass, which parses it and feeds the checks
//     that want to see bytes as they arrive. It is the [Body].
//  3. After the message stage there is a [Decision] per recipient, made by [Decide], a pure
//     function of what the checks said. Nothing has been committed yet.
//  4. [NewPlan], another pure function, says from the decisions where the message is
//     committed: nowhere, in one account, or in the queue.
//  5. [Deliver] takes it to that [Target].
//
// The package knows no check, no target, no store and no queue. Packages
// pipeline/checktest and pipeline/targettest hold the suites that every
// implementation, fakes too, must pass.
package pipeline
