package ratelimit

import (
	"sync"
	"time"
)

// Rate is the number of events allowed within any stretch of Period.
type Rate struct {
	Period time.Duration // Positive.
	Max    int64         // Zero or less means no limit.
}

// DefaultMaxKeys is how many keys are remembered when Options do not say.
const DefaultMaxKeys = 100_000

// Options for New.
type Options struct {
	Rates []Rate // All of them hold. None means no limit.

	// MaxKeys bounds the number of keys remembered, and with it the memory. When it is
	// reached, the least busy of a few keys taken at random is forgotten: busy keys, the
	// ones that matter, stay. Zero means DefaultMaxKeys.
	MaxKeys int

	Now func() time.Time // Default: time.Now.
}

// Limiter counts events per key in sliding windows. It is safe for concurrent use.
type Limiter[K comparable] struct {
	rates   []Rate
	maxKeys int
	now     func() time.Time

	mu   sync.Mutex // Guards what follows.
	keys map[K][]window
}

// window counts for one rate. A stretch of Period that ends now overlaps the current
// window and a part of the one before; events of the latter are taken to be spread evenly.
type window struct {
	start     time.Time // Of the current window.
	cur, prev int64
}

// New returns a limiter.
func New[K comparable](opts Options) *Limiter[K] {
	l := &Limiter[K]{maxKeys: opts.MaxKeys, now: opts.Now, keys: map[K][]window{}}
	if l.maxKeys <= 0 {
		l.maxKeys = DefaultMaxKeys
	}
	if l.now == nil {
		l.now = time.Now
	}
	for _, r := range opts.Rates {
		if r.Max > 0 && r.Period > 0 {
			l.rates = append(l.rates, r)
		}
	}
	return l
}

// Allow counts n events of key if they stay within all rates, and reports whether they do.
// Refused events are not counted.
func (l *Limiter[K]) Allow(key K, n int64) bool {
	if len(l.rates) == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	ws := l.keys[key]
	for i, r := range l.rates {
		if ws == nil && n > r.Max || ws != nil && ws[i].estimate(r, now)+n > r.Max {
			return false
		}
	}
	l.add(key, n, now)
	return true
}

// Add counts n events of key, also when that exceeds a rate.
func (l *Limiter[K]) Add(key K, n int64) {
	if len(l.rates) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(key, n, l.now())
}

// Exceeded reports whether Allow would refuse one more event of key.
func (l *Limiter[K]) Exceeded(key K) bool {
	if len(l.rates) == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	ws := l.keys[key]
	for i, r := range l.rates {
		if ws != nil && ws[i].estimate(r, now)+1 > r.Max {
			return true
		}
	}
	return false
}

// Forget drops what was counted for key.
func (l *Limiter[K]) Forget(key K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, key)
}

func (l *Limiter[K]) add(key K, n int64, now time.Time) {
	ws := l.keys[key]
	if ws == nil {
		if len(l.keys) >= l.maxKeys {
			l.evict(now)
		}
		ws = make([]window, len(l.rates))
		for i := range ws {
			ws[i].start = now
		}
		l.keys[key] = ws
	}
	for i, r := range l.rates {
		ws[i].advance(r, now)
		ws[i].cur += n
	}
}

// evict forgets one key. Map iteration starts at a random place.
func (l *Limiter[K]) evict(now time.Time) {
	const sample = 8
	var victim K
	best := int64(-1)
	i := 0
	for k, ws := range l.keys {
		busy := int64(0)
		for j, r := range l.rates {
			busy = max(busy, ws[j].estimate(r, now))
		}
		if best < 0 || busy < best {
			victim, best = k, busy
		}
		if i++; i == sample || best == 0 {
			break
		}
	}
	delete(l.keys, victim)
}

// advance makes the window that now falls into the current one.
func (w *window) advance(r Rate, now time.Time) {
	d := now.Sub(w.start)
	switch {
	case d < r.Period:
	case d < 2*r.Period:
		w.start = w.start.Add(r.Period)
		w.prev, w.cur = w.cur, 0
	default:
		w.start = now
		w.prev, w.cur = 0, 0
	}
}

// estimate advances and returns the events within the last Period, rounded up.
func (w *window) estimate(r Rate, now time.Time) int64 {
	w.advance(r, now)
	left := r.Period - now.Sub(w.start)
	// In floating point: counts may be bytes, and the product would overflow.
	f := float64(w.prev) * (float64(left) / float64(r.Period))
	n := int64(f)
	if float64(n) < f {
		n++
	}
	return n + w.cur
}
