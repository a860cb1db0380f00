package dkim

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxTags is how many tags a list may have. Some fifteen are known.
const maxTags = 1000

// manyTags is from how many tags on a map is faster.
const manyTags = 16

// Tag is an element of a tag list.
type Tag struct {
	Name string

	// Value is the value without white space around it. White space in it, with line
	// ends of folding, is as written.
	Value string

	// Start and End are where the value begins and ends in what was parsed, with
	// all white space around it.
	Start, End int
}

// TagList is a list of tags (RFC 6376 §3.2), in the order of writing.
type TagList []Tag

// ParseTagList parses a tag list: the value of a header field without its last line end,
// or a key record. Errors wrap [ErrSyntax]; a tag that occurs twice is one, and so are more than
// a thousand tags.
//
// Values may have characters outside ASCII in UTF-8 (RFC 8616 §5). White space after the last
// semicolon is allowed, since many signers write it.
func ParseTagList(b []byte) (TagList, error) {
	s := string(b)
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrSyntax)
	}
	if err := checkText(s); err != nil {
		return nil, err
	}
	l := make(TagList, 0, min(strings.Count(s, ";")+1, manyTags))
	var seen map[string]bool // Once there are many.
	for start := 0; start < len(s); {
		end := len(s)
		if i := strings.IndexByte(s[start:], ';'); i >= 0 {
			end = start + i
		}
		if end == len(s) && len(l) > 0 && trimFWS(s[start:end]) == "" {
			break
		}
		name, value, ok := strings.Cut(s[start:end], "=")
		if !ok {
			return nil, fmt.Errorf("%w: tag without value", ErrSyntax)
		}
		valueStart := start + len(name) + 1
		name = trimFWS(name)
		if !isTagName(name) {
			return nil, fmt.Errorf("%w: tag name %.40q", ErrSyntax, name)
		}
		if len(l) == maxTags {
			return nil, fmt.Errorf("%w: too many tags", ErrSyntax)
		}
		twice := false
		if len(l) < manyTags {
			_, twice = l.Get(name)
		} else {
			if seen == nil {
				seen = l.names()
			}
			twice = seen[name]
			seen[name] = true
		}
		if twice {
			return nil, fmt.Errorf("%w: tag %s= occurs twice", ErrSyntax, name)
		}
		l = append(l, Tag{name, trimFWS(value), valueStart, end})
		start = end + 1
	}
	if len(l) == 0 {
		return nil, fmt.Errorf("%w: no tags", ErrSyntax)
	}
	return l, nil
}

// Get returns the tag with the given name, and false if there is none. Names are
// compared with their case.
func (l TagList) Get(name string) (Tag, bool) {
	for _, t := range l {
		if t.Name == name {
			return t, true
		}
	}
	return Tag{}, false
}

// names returns the set of names.
func (l TagList) names() map[string]bool {
	m := make(map[string]bool, 2*len(l))
	for _, t := range l {
		m[t.Name] = true
	}
	return m
}

// checkText tells whether all characters may stand in a tag list: visible ones, and FWS of
// RFC 6376 §2.8.
func checkText(s string) error {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c > ' ' && c != 0x7f, c == ' ', c == '\t':
		case c == '\r' && i+2 < len(s) && s[i+1] == '\n' && (s[i+2] == ' ' || s[i+2] == '\t'):
			i++
		default:
			return fmt.Errorf("%w: control character", ErrSyntax)
		}
	}
	return nil
}

// isTagName tells whether s is a tag-name of RFC 6376 §3.2.
func isTagName(s string) bool {
	for i := range len(s) {
		c := s[i]
		alpha := 'a' <= lower(c) && lower(c) <= 'z'
		if !alpha && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

func trimFWS(s string) string { return strings.Trim(s, " \t\r\n") }

// removeFWS returns s without any white space.
func removeFWS(s string) string {
	if strings.IndexByte(s, ' ') < 0 && strings.IndexByte(s, '\t') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			b = append(b, c)
		}
	}
	return string(b)
}

// DecodeBase64 decodes the base64string of a tag value (RFC 6376 §2.10): white space is
// ignored, padding may be missing. An empty value is no base64string. Errors wrap
// [ErrSyntax].
func DecodeBase64(value string) ([]byte, error) {
	s := removeFWS(value)
	for range 2 {
		s = strings.TrimSuffix(s, "=")
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err == nil && len(b) == 0 {
		return nil, fmt.Errorf("%w: empty base64", ErrSyntax)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	return b, nil
}

// splitList splits a colon-separated list, without the white space around its elements.
func splitList(value string) []string {
	l := strings.Split(value, ":")
	for i := range l {
		l[i] = trimFWS(l[i])
	}
	return l
}
