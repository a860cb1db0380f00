package message

import (
	"bytes"
	"strings"
)

// Bounds of what is kept of a list of message ids.
const (
	maxMessageIDs   = 200
	maxMessageIDLen = 998 // RFC 5322 §2.1.1
)

// ParseMessageIDs reads the message ids of a References or In-Reply-To field (RFC 5322 §3.6.4)
// without angle brackets, white space and comments, each once. Other text, as old programs
// write in In-Reply-To, is skipped; without any angle brackets, words with an "@" are taken
// for ids. Ids over 998 bytes are dropped. Of more than 200, the first and
// the last 199 are kept: that is where a conversation begins and what is answered.
func ParseMessageIDs(value []byte) []string { return appendMessageIDs(nil, value, false) }

// NormalizeMessageID returns the value of a Message-ID field in the form of
// [ParseMessageIDs], or "" if there is none. A value that is one word is taken for an id even
// without angle brackets and "@".
func NormalizeMessageID(value []byte) string {
	if l := appendMessageIDs(nil, value, true); len(l) > 0 {
		return l[0]
	}
	return ""
}

func appendMessageIDs(l []string, value []byte, single bool) []string {
	if bytes.IndexByte(value, '<') < 0 {
		for _, word := range bytes.Fields(value) {
			if single || bytes.IndexByte(word, '@') > 0 {
				l = addMessageID(l, word)
			}
		}
		if single && len(l) > 1 {
			return nil
		}
		return l
	}
	for {
		start := bytes.IndexByte(value, '<')
		if start < 0 {
			return l
		}
		value = value[start+1:]
		end := bytes.IndexAny(value, "<>")
		if end < 0 {
			return addMessageID(l, value)
		}
		l = addMessageID(l, value[:end])
		if value[end] == '>' {
			end++
		}
		value = value[end:]
	}
}

// addMessageID adds an id to a bounded list, if it is not in it.
func addMessageID(l []string, raw []byte) []string {
	if len(raw) > maxMessageIDLen+100 {
		return l
	}
	id := normalizeID(raw)
	if id == "" || len(id) > maxMessageIDLen {
		return l
	}
	for _, s := range l {
		if s == id {
			return l
		}
	}
	if len(l) >= maxMessageIDs {
		copy(l[1:], l[2:])
		l = l[:maxMessageIDs-1]
	}
	return append(l, id)
}

// normalizeID removes what does not distinguish ids: white space, comments, and the quotes of the
// obsolete form <"local"@domain> where they are not needed. Bytes that are not UTF-8 are
// decoded like other header text.
func normalizeID(raw []byte) string {
	b := removeSpace(withoutSpace(raw))
	if len(b) > 1 && b[0] == '"' {
		if i := bytes.IndexByte(b[1:], '"'); i > 0 && isDotAtom(string(b[1:1+i])) {
			b = append(b[1:1+i:1+i], b[2+i:]...)
		}
	}
	s, _ := decodeRaw(b)
	return strings.TrimSpace(cleanText(s))
}
