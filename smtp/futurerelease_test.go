package smtp

import (
	"testing"
	"time"
)

func TestParseHold(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"1": time.Second, "86400": 24 * time.Hour, "999999999": 999999999 * time.Second,
		"": 0, "0": 0, "01": 0, "-1": 0, "+1": 0, "1.5": 0, "1000000000": 0, "x": 0,
	} {
		got, err := ParseHoldFor(value)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("HOLDFOR=%s: %v, %v, want %v", value, got, err, want)
		}
	}
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for value, ok := range map[string]bool{
		"2026-11-23T09:00:00Z":      true,
		"2026-11-23T10:00:00+01:00": false,
		"2026-11-23":                false,
		"2026-11-31T09:00:00Z":      false,
		"":                          false,
	} {
		got, err := ParseHoldUntil(value)
		if (err == nil) != ok || ok && !got.Equal(at) {
			t.Errorf("HOLDUNTIL=%s: %v, %v", value, got, err)
		}
	}
}
