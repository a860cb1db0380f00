package webmail

import (
	"maps"
	"slices"
	"strings"
)

// maxSuggestions is how many are returned.
const maxSuggestions = 8

// suggest completes the word that is typed last: the name of an operator, or what may follow it.
func suggest(text string, k queryKnowledge) []Suggestion {
	l := []Suggestion{}
	if len(text) > maxQueryText || strings.Count(text, `"`)%2 == 1 {
		return l
	}
	word := text[strings.LastIndexAny(text, " \t(")+1:]
	minus := ""
	if strings.HasPrefix(word, "-") {
		minus, word = "-", word[1:]
	}
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
				if strings.ContainsAny(v, " \t") {
					v = `"` + v + `"`
				}
				l = append(l, Suggestion{Text: minus + name + ":" + v, Help: help})
			}
		}
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
