// Package checks has the checks that mox brings along, each an implementation of
// pipeline.Check. A listener's configuration lists which run.
package checks
