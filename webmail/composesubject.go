package webmail

import (
	"regexp"
	"strings"
)

// What mail programs put before the subject of an answer or of a message that is passed on, in the languages where it is
// translated.
var (
	replyMark   = regexp.MustCompile(`^(?i:re|aw|antw|antwort|sv|odp|ynt|res|回复|答复|回覆)\s*([\[(^]\d+[\])]?)?\s*[:：]\s*`)
	forwardMark = regexp.MustCompile(`^(?i:fwd?|wg|tr|rv|vl|vb|enc|转发|轉寄)\s*([\[(]\d+[\])])?\s*[:：]\s*`)
	subjectTag  = regexp.MustCompile(`^\[[^\[\]]*\]\s*`)
)

// replySubject returns the subject of an answer: marked as one once (RFC 5322 §3.6.5), also behind the name of a list. The name stays.
func replySubject(subject string) string { return marked("Re:", subject, replyMark) }

// forwardSubject returns the subject of a message that is passed on.
func forwardSubject(subject string) string { return marked("Fwd:", subject, forwardMark) }

// marked returns a subject with a mark, and without those that it had.
func marked(mark, subject string, had *regexp.Regexp) string {
	without := func(s string) string {
		for had.MatchString(s) {
			s = had.ReplaceAllString(s, "")
		}
		return s
	}
	subject = without(strings.Join(strings.Fields(subject), " "))
	if tag := subjectTag.FindString(subject); tag != "" {
		subject = tag + without(subject[len(tag):])
	}
	return strings.TrimSpace(mark + " " + subject)
}
