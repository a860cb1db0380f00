package queue

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"mox/smtpclient"
)

// suspensions are the destinations that no connection could be made to lately. Other messages
// for them share that result instead of waiting for the same timeouts again (RFC 5321
// §4.5.4.1), so that a large backlog for hosts that are gone does not keep attempts from
// others. Replies are never remembered.
type suspensions struct {
	d time.Duration // How long.

	mu sync.Mutex // Guards m.
	m  map[suspensionKey]suspension
}

type suspensionKey struct{ destination, transport string }

type suspension struct {
	since, until time.Time
	err          error
}

// check returns the outcome of what need not be tried now.
func (s *suspensions) check(k suspensionKey, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.m[k]
	if !ok || !now.Before(p.until) {
		return nil
	}
	return fmt.Errorf("not tried, as %s ago: %w", now.Sub(p.since).Round(time.Second), p.err)
}

// note takes what an attempt gave.
func (s *suspensions) note(k suspensionKey, outcomes []Outcome, now time.Time) {
	err := unreachable(outcomes)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil || s.d <= 0 {
		delete(s.m, k)
		return
	}
	s.m[k] = suspension{now, now.Add(s.d), err}
}

// lift ends the suspensions of a destination.
func (s *suspensions) lift(destination string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.m, func(k suspensionKey, _ suspension) bool { return k.destination == destination })
}

// sweep forgets suspensions that have ended.
func (s *suspensions) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.m, func(_ suspensionKey, p suspension) bool { return !now.Before(p.until) })
}

// unreachable returns the error if no host was found or connected to, for now.
func unreachable(outcomes []Outcome) error {
	for _, o := range outcomes {
		e, ok := errors.AsType[*smtpclient.Error](o.Err)
		if !ok || o.Remote != "" || e.Code != 0 || e.Permanent {
			return nil
		}
	}
	return outcomes[0].Err
}
