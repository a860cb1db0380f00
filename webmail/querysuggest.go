package webmail

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// maxSuggestions is how many are returned.
const maxSuggestions = 8

// suggest completes the word that is typed last: the name of an operator, or what may follow it.
func suggest(text string, k queryKnowledge) []Suggestion {
	l := []Suggestion{}
	minus, word := lastWord(text)
	name, value, colon := strings.Cut(word, ":")
	if !colon {
		if word == "" {
			return l
		}
		operators := newOperators()
		for _, op := range slices.Sorted(maps.Keys(operators)) {
			if operators[op].help != "" && strings.HasPrefix(op, strings.ToLower(word)) {
				l = append(l, Suggestion{Text: minus + op + ":", Help: operators[op].help})
			}
		}
		return l[:min(len(l), maxSuggestions)]
	}
	add := func(values []string, help string) {
		for _, v := range values {
			if len(l) < maxSuggestions && strings.Contains(strings.ToLower(v), strings.ToLower(value)) && !strings.EqualFold(v, value) {
				if v, ok := asValue(v); ok {
					l = append(l, Suggestion{Text: minus + name + ":" + v, Help: help})
				}
			}
		}
	}
	if prefix, person := personTyped(text); person != "" {
		for _, p := range k.people[:min(len(k.people), maxSuggestions)] {
			if v, ok := asValue(p.Address); ok && !strings.EqualFold(p.Address, person) {
				l = append(l, Suggestion{Text: prefix + v, Help: p.Name})
			}
		}
		return l
	}
	switch strings.ToLower(name) {
	case "in", "mb", "submb":
		var names []string
		for _, m := range k.mailboxes {
			if !m.NoSelect {
				names = append(names, m.Name)
			}
		}
		add(append(names, "anywhere"), "mailbox")
	case "label", "l":
		var names []string
		for _, label := range k.labels {
			names = append(names, label.Name)
		}
		for _, m := range k.mailboxes {
			for _, keyword := range m.Labels {
				if !slices.Contains(names, keyword) {
					names = append(names, keyword)
				}
			}
		}
		slices.Sort(names)
		add(names, "label")
	case "is":
		add([]string{"unread", "read", "flagged", "answered", "unanswered", "forwarded", "draft", "important", "junk"}, "")
	case "has", "a", "type":
		add([]string{"attachment", "image", "pdf", "document", "spreadsheet", "presentation", "archive", "audio", "video", "message", "calendar"}, "")
	case "before", "after", "on":
		add([]string{"today", "yesterday"}, "day")
	case "older_than", "newer_than":
		if value == "" {
			add([]string{"1d", "1w", "1m", "6m", "1y"}, "")
		}
	case "larger", "smaller":
		if value == "" {
			add([]string{"100k", "1m", "5m", "10m"}, "")
		}
	}
	return l
}

// asValue returns how a value is written behind an operator. One with a quote cannot be.
func asValue(v string) (string, bool) {
	special := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("(){}", r) }
	if strings.ContainsFunc(v, special) {
		v = `"` + v + `"`
		return v, strings.Count(v, `"`) == 2
	}
	return v, !strings.Contains(v, `"`)
}

// lastWord returns the word that is typed last, and the minus before it; none within quotes.
func lastWord(text string) (minus, word string) {
	if len(text) > maxQueryText || strings.Count(text, `"`)%2 == 1 {
		return "", ""
	}
	word = text[strings.LastIndexAny(text, " \t(")+1:]
	if strings.HasPrefix(word, "-") {
		return "-", word[1:]
	}
	return "", word
}

// personTyped returns the beginning of a name or address that is typed last after an operator for people, and the operator with what is
// before it in the word.
func personTyped(text string) (prefix, person string) {
	minus, word := lastWord(text)
	name, value, colon := strings.Cut(word, ":")
	if !colon {
		return "", ""
	}
	switch strings.ToLower(name) {
	case "from", "f", "to", "t", "cc", "bcc":
		return minus + name + ":", value
	}
	return "", ""
}
