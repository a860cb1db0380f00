package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Problem is something wrong in a configuration file.
type Problem struct {
	File  string // Path as it was opened.
	Line  int    // From 1; 0 if it is about the file as a whole.
	Field string // Path of the field, e.g. Listeners.public.IPs[0]; may be empty.
	Text  string // What is wrong, and the cure.
}

// String returns the problem as one line.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Error is returned for files that cannot be used. It has all problems that were
// found, at least one.
type Error struct {
	Problems []Problem
}

var _ error = (*Error)(nil)

// Error returns one line per problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problems collects what is wrong in one file.
type problems struct {
	file  string
	lines map[string]int
	list  []Problem
}

// addf notes a problem with a field.
func (p *problems) addf(field, format string, args ...any) {
	p.list = append(p.list, Problem{File: p.file, Line: p.line(field), Field: field, Text: fmt.Sprintf(format, args...)})
}

// line returns the line of a field, or of the nearest thing around it.
func (p *problems) line(field string) int {
	for field != "" {
		if n, ok := p.lines[field]; ok {
			return n
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
	return 0
}

var syntaxError = regexp.MustCompile(`^:([0-9]+): (.*)$`)

// syntaxProblem returns the problem that sconf reports.
func syntaxProblem(file, data, describe string, err error) Problem {
	p := Problem{File: file, Text: err.Error()}
	if m := syntaxError.FindStringSubmatch(p.Text); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Text = m[2]
	}
	if m := valueError.FindStringSubmatch(p.Text); m != nil {
		p.Text = badValue(m[1], m[2], m[3])
		for field, line := range fieldLines(data) {
			if line == p.Line {
				p.Field = field
			}
		}
		return p
	}
	p.Text += fmt.Sprintf("; %q shows all fields", describe)
	return p
}

// valueError matches what sconf says of a value that is no number, or neither true nor false: what it should
// be, the value, and what is wrong.
var valueError = regexp.MustCompile(`^(?:parsing (\w+): (?:strconv\.\w+: parsing|time: .*duration) |bad boolean value )("(?:[^"\\]|\\.)*")(?:: (.*))?$`)

// badValue tells of such a value.
func badValue(kind, value, wrong string) string {
	switch {
	case kind == "":
		return fmt.Sprintf("%s is neither true nor false; write one of these", value)
	case wrong == "value out of range":
		return fmt.Sprintf("%s is too large a number, or too small; write one nearer to zero", value)
	case kind == "duration":
		return fmt.Sprintf("%s is not a time span; write one such as 90s or 1h30m", value)
	case kind == "float":
		return fmt.Sprintf("%s is not a number; write one such as 0.5", value)
	}
	return fmt.Sprintf("%s is not a whole number; write its digits only, such as 1025", value)
}

// fieldLines returns the line, from 1, of each field of an sconf file by its path,
// as in "Listeners.public.IPs[0]". The file must have been parsed by sconf before.
func fieldLines(data string) map[string]int {
	lines := map[string]int{}
	// Path of the field, and number of the last list item, per level of indent.
	var paths []string
	var items []int
	number := 0
	for line := range strings.Lines(data) {
		number++
		text := strings.TrimRight(line, "\n")
		rest := strings.TrimLeft(text, "\t")
		if rest == "" || strings.HasPrefix(strings.TrimSpace(rest), "#") {
			continue
		}
		depth := len(text) - len(rest)
		if depth > len(paths) {
			return lines // Not what sconf would accept.
		}
		parent := ""
		if depth > 0 {
			parent = paths[depth-1]
		}
		var path string
		if rest == "-" || strings.HasPrefix(rest, "- ") {
			if depth >= len(items) {
				items = append(items, -1)
			}
			items[depth]++
			path = fmt.Sprintf("%s[%d]", parent, items[depth])
		} else {
			key, _, _ := strings.Cut(rest, ":")
			path = strings.TrimPrefix(parent+"."+key, ".")
		}
		lines[path] = number
		paths = append(paths[:depth], path)
		items = items[:min(len(items), depth+1)]
		for len(items) < depth+1 {
			items = append(items, -1)
		}
	}
	return lines
}
