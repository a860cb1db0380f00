package autotls

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

const day = 24 * time.Hour

// defaultLifetime is assumed of certificates where none was issued yet.
const defaultLifetime = 90 * day

// renewal returns when a certificate is to be renewed: after two thirds of its
// lifetime or, if before is set, that long before its end, but not in the first half.
// Up to a thirtieth of the lifetime earlier, by what the certificate is, so
// that certificates issued together do not all come back together.
func renewal(notBefore, notAfter time.Time, before time.Duration, der []byte) time.Time {
	lifetime := notAfter.Sub(notBefore)
	at := notBefore.Add(lifetime / 3 * 2)
	if before > 0 {
		at = notAfter.Add(-before)
	}
	digest := sha256.Sum256(der)
	spread := float64(binary.BigEndian.Uint32(digest[:])) / (1 << 32)
	at = at.Add(-time.Duration(spread * float64(lifetime) / 30))
	if half := notBefore.Add(lifetime / 2); at.Before(half) {
		return half
	}
	return at
}

// expiresSoon tells whether a certificate should have been renewed by now: it has less
// than 10 days left, or less than a third of its lifetime if that is shorter.
func expiresSoon(notBefore, notAfter, now time.Time) bool {
	return notAfter.Sub(now) < min(notAfter.Sub(notBefore)/3, 10*day)
}

// urgent returns when it is too late to wait for the CA of first choice.
func urgent(notBefore, notAfter time.Time) time.Time {
	return notAfter.Add(-notAfter.Sub(notBefore) / 6)
}

// backoff returns how long to wait after the nth failure of a kind in a row, from
// 1, for certificates with a lifetime. The time in which they are renewed, the last third, has room for several
// attempts.
func (k FailureKind) backoff(n int, lifetime time.Duration) time.Duration {
	window := lifetime / 3
	var first, most time.Duration
	factor := time.Duration(4)
	switch k {
	case FailureHost, FailureRefused:
		first, most = bounded(window/40, time.Second, 15*time.Minute), bounded(window/8, 10*time.Second, day)
	case FailureAccount:
		first, most = bounded(window/72, time.Second, 10*time.Minute), bounded(window/8, 10*time.Second, day)
	case FailureRateLimit:
		first, most = bounded(window/12, 5*time.Second, time.Hour), bounded(window/8, 10*time.Second, day)
	default: // Of the CA, of this machine.
		first, most, factor = bounded(window/720, time.Second, time.Minute), bounded(window/24, 10*time.Second, time.Hour), 2
	}
	d := first
	for i := 1; i < n && d < most; i++ {
		d *= factor
	}
	return min(d, most)
}

func bounded(d, least, most time.Duration) time.Duration { return max(least, min(d, most)) }

// waits tells whether something is put off until a time. One that is further away than anything is put
// off was noted with a clock that was wrong.
func waits(until, now time.Time) bool {
	return until.After(now) && until.Sub(now) <= jitteredMost(maxRetryAfter)
}

func jitteredMost(d time.Duration) time.Duration { return d + d/10 }

// jittered returns a time up to a tenth longer than d, never shorter.
func jittered(d time.Duration) time.Duration {
	return d + time.Duration(rand.Float64()*float64(d)/10)
}
