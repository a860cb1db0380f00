package replay

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// line is a line of strace's output: a system call that begins, that ends, or
// both.
type line struct {
	pid         int
	name        string
	args        string // As far as known.
	enter, exit bool
	ret         int64
	failed      bool // It returned an error, or did not return.
}

// parseLine reads a line. It keeps in pending, by thread, what the first line of a
// call said that takes two. ok is false for lines that tell of no call.
func parseLine(text string, pending map[int]string) (l line, ok bool, err error) {
	num, rest, found := strings.Cut(text, " ")
	pid, err := strconv.Atoi(num)
	if !found || err != nil {
		return l, false, fmt.Errorf("replay: not a line of strace -f: %q", abbreviate(text))
	}
	l.pid = pid
	rest = strings.TrimLeft(rest, " ")
	switch {
	case strings.HasPrefix(rest, "+++"), strings.HasPrefix(rest, "---"):
		return l, false, nil
	case strings.HasPrefix(rest, "<... "):
		_, end, found := strings.Cut(rest, " resumed>")
		begin, known := pending[pid]
		if !found || !known {
			return l, false, fmt.Errorf("replay: end of no call: %q", abbreviate(text))
		}
		delete(pending, pid)
		rest = begin + end
		l.exit = true
	default:
		l.enter, l.exit = true, true
		if begin, cut := strings.CutSuffix(rest, "<unfinished ...>"); cut {
			l.exit = false
			rest = strings.TrimRight(begin, " ")
			pending[pid] = rest
		}
	}
	// A thread that is gone before its call was seen to end, or even which one it is. That happens when the process ends.
	if begin, gone := strings.CutSuffix(rest, "<detached ...>"); gone {
		l.exit = false
		rest = begin
	}
	l.name, l.args, found = strings.Cut(rest, "(")
	if !found {
		return l, false, fmt.Errorf("replay: not a call: %q", abbreviate(text))
	}
	if !l.exit {
		return l, true, nil
	}
	// Strings are in hexadecimal, so there is no other parenthesis.
	args, result, found := strings.Cut(l.args, ")")
	result = strings.TrimLeft(result, " ")
	result, equals := strings.CutPrefix(result, "= ")
	if !found || !equals {
		return l, false, fmt.Errorf("replay: call without result: %q", abbreviate(text))
	}
	l.args = args
	result, _, _ = strings.Cut(result, " ")
	l.ret, err = strconv.ParseInt(result, 0, 64)
	l.failed = err != nil || l.ret < 0
	return l, true, nil
}

// arguments splits the arguments of a call.
func (l *line) arguments() []string {
	var args []string
	depth, start, quoted := 0, 0, false
	for i := 0; i < len(l.args); i++ {
		switch c := l.args[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == ',' && depth == 0:
			args = append(args, strings.TrimSpace(l.args[start:i]))
			start = i + 1
		}
	}
	return append(args, strings.TrimSpace(l.args[start:]))
}

var errArgument = errors.New("argument not understood")

// unquote returns the bytes of a string argument as strace -xx prints it.
func unquote(arg string) ([]byte, error) {
	s, ok := strings.CutPrefix(arg, `"`)
	s, ok2 := strings.CutSuffix(s, `"`)
	if !ok || !ok2 {
		return nil, errArgument
	}
	return hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
}

// vectors returns the bytes of an argument of writev.
func vectors(arg string) ([]byte, error) {
	var data []byte
	for {
		_, rest, ok := strings.Cut(arg, "iov_base=")
		if !ok {
			return data, nil
		}
		base, rest, ok := strings.Cut(rest, ",")
		if !ok {
			return nil, errArgument
		}
		b, err := unquote(base)
		if err != nil {
			return nil, err
		}
		data = append(data, b...)
		arg = rest
	}
}
