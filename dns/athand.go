package dns

import (
	"errors"
	"sync/atomic"
)

// ErrNotAtHand is the cause of the error of an [AtHand] that does not know the answer.
var ErrNotAtHand = errors.New("answer is not at hand")

// Rememberer is a Resolver that knows some answers for which it need not wait, such as a [Cache].
type Rememberer interface {
	Resolver

	// AtHand returns a Resolver that never waits.
	AtHand() *AtHand
}

// AtHand is a Resolver that has the answers which a [Cache] keeps, and waits for nothing. To any other question its
// answer is a temporary error that wraps [ErrNotAtHand]. So an evaluation of many lookups can be tried in place, and
// only if one has Missed begun again with the Cache, in a goroutine of its own: one whose answers are at hand,
// as most are on a busy server, costs less than that goroutine.
type AtHand struct {
	lookups
	some atomic.Bool
}

// AtHand implements [Rememberer].
func (c *Cache) AtHand() *AtHand {
	a := &AtHand{}
	a.lookups = lookups{c, &a.some}
	return a
}

// Missed tells whether any answer was not at hand, so that what came of the answers is void.
func (a *AtHand) Missed() bool { return a.some.Load() }

// lookups are the methods of Resolver, for a Cache and for what it has at hand.
type lookups struct {
	cache  *Cache
	missed *atomic.Bool // If not nil, nobody is asked, and this is set where somebody would have been.
}
