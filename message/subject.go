package message

import "strings"

// BaseSubject returns the base subject of a decoded subject (RFC 5256 §2.1), in the case in which
// it was written, and whether what was removed marks the message as a reply or forward. Base
// subjects are compared ignoring case.
func BaseSubject(subject string) (base string, replyOrForward bool) {
	s := collapseSpace(subject) // (1)
	for {
		s = trimSubjectTrailer(s, &replyOrForward) // (2)
		for {                                      // (5)
			before := len(s)
			s = trimSubjectLeader(s, &replyOrForward) // (3)
			// (4)
			if rest, ok := cutSubjectBlob(s); ok && rest != "" {
				s = rest
			}
			if len(s) == before {
				break
			}
		}
		// (6)
		if len(s) < len("[fwd:]") || !strings.EqualFold(s[:5], "[fwd:") || s[len(s)-1] != ']' {
			return s, replyOrForward
		}
		s = s[5 : len(s)-1]
		replyOrForward = true
	}
}

// trimSubjectTrailer removes subj-trailer as often as it occurs: "(fwd)" and white space.
func trimSubjectTrailer(s string, forward *bool) string {
	for {
		s = strings.TrimRight(s, " ")
		if n := len(s) - len("(fwd)"); n >= 0 && strings.EqualFold(s[n:], "(fwd)") {
			s = s[:n]
			*forward = true
			continue
		}
		return s
	}
}

// trimSubjectLeader removes subj-leader as often as it occurs: white space, or blobs followed by
// "re:", "fw:" or "fwd:".
func trimSubjectLeader(s string, reply *bool) string {
	for {
		s = strings.TrimLeft(s, " ")
		t := s
		for {
			rest, ok := cutSubjectBlob(t)
			if !ok {
				break
			}
			t = rest
		}
		t, ok := cutSubjectRefwd(t)
		if !ok {
			return s
		}
		s = t
		*reply = true
	}
}

// cutSubjectRefwd removes subj-refwd: "re", "fw" or "fwd", a blob or none, and a colon.
func cutSubjectRefwd(s string) (string, bool) {
	n := 0
	for _, prefix := range []string{"re", "fwd", "fw"} {
		if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
			n = len(prefix)
			break
		}
	}
	if n == 0 {
		return s, false
	}
	t := strings.TrimLeft(s[n:], " ")
	if rest, ok := cutSubjectBlob(t); ok {
		t = rest
	}
	if t == "" || t[0] != ':' {
		return s, false
	}
	return t[1:], true
}

// cutSubjectBlob removes subj-blob: "[...]" without brackets inside, and white space after it.
func cutSubjectBlob(s string) (string, bool) {
	if s == "" || s[0] != '[' {
		return s, false
	}
	i := strings.IndexAny(s[1:], "[]")
	if i < 0 || s[1+i] != ']' {
		return s, false
	}
	return strings.TrimLeft(s[i+2:], " "), true
}

// collapseSpace makes white space one space.
func collapseSpace(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }), " ")
}
