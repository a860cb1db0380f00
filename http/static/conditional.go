package static

import (
	"net/http"
	"strings"
	"time"
)

// outcome is what the preconditions of a request say.
type outcome uint8

const (
	proceed            outcome = iota
	notModified                // 304
	preconditionFailed         // 412
)

// precondition evaluates the conditional fields of a GET or HEAD request in the order of
// RFC 9110 §13.2.2. The zero modified tells that no date is known; conditions on dates
// then do not count (§13.1.3, §13.1.4), nor do dates that are not well-formed.
func precondition(h http.Header, etag string, modified time.Time) outcome {
	if v := h["If-Match"]; v != nil {
		if !matchTags(v, etag, false) {
			return preconditionFailed
		}
	} else if since, ok := parseDate(h["If-Unmodified-Since"]); ok && !modified.IsZero() && wholeSecond(modified).After(since) {
		return preconditionFailed
	}
	if v := h["If-None-Match"]; v != nil {
		if matchTags(v, etag, true) {
			return notModified
		}
	} else if since, ok := parseDate(h["If-Modified-Since"]); ok && !modified.IsZero() && !wholeSecond(modified).After(since) {
		return notModified
	}
	return proceed
}

// rangeApplies evaluates If-Range (RFC 9110 §13.1.5): false tells that the client has parts
// of another content, and needs it whole.
func rangeApplies(h http.Header, etag string, modified, now time.Time) bool {
	v := h["If-Range"]
	if v == nil {
		return true
	}
	if len(v) != 1 {
		return false
	}
	if strings.HasPrefix(v[0], `"`) || strings.HasPrefix(v[0], "W/") {
		return matchTags(v, etag, false) && v[0] != "*"
	}
	date, ok := parseDate(v)
	// Within the second of the last change there may be another one, so that its date does
	// not tell two versions apart (§8.8.2.2).
	return ok && !modified.IsZero() && wholeSecond(modified).Equal(date) && !now.Before(wholeSecond(modified).Add(time.Second))
}

func wholeSecond(t time.Time) time.Time { return t.Truncate(time.Second) }

// parseDate parses a field that holds one HTTP-date (RFC 9110 §5.6.7).
func parseDate(values []string) (time.Time, bool) {
	if len(values) != 1 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(values[0])
	return t, err == nil
}

// matchTags tells whether a list of entity tags (RFC 9110 §8.8.3) has etag in it, or is
// "*". With weak, W/ makes no difference (§8.8.3.2); else weak tags never match. What
// follows an element that is not well-formed is not looked at.
func matchTags(values []string, etag string, weak bool) bool {
	opaque, isWeak := strings.CutPrefix(etag, "W/")
	for _, v := range values {
		v = strings.Trim(v, " \t")
		if v == "*" {
			return true
		}
		for {
			v = strings.TrimLeft(v, " \t,")
			rest, elemWeak := strings.CutPrefix(v, "W/")
			end := tagEnd(rest)
			if end == 0 {
				break
			}
			if rest[:end] == opaque && (weak || !isWeak && !elemWeak) {
				return true
			}
			v = strings.TrimLeft(rest[end:], " \t")
			if v != "" && v[0] != ',' {
				break
			}
		}
	}
	return false
}

// tagEnd returns the length of the quoted tag that s begins with, or 0.
func tagEnd(s string) int {
	if s == "" || s[0] != '"' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c < 0x21 || c == 0x7f:
			return 0
		}
	}
	return 0
}
