package main

import (
	"fmt"
	"io"
)

// progressLine shows on a terminal, in one line that is written over, how far a
// command is. On anything else it shows nothing.
type progressLine struct {
	w     io.Writer // Nil if not a terminal.
	shown bool
}

func newProgressLine(w io.Writer) *progressLine {
	return &progressLine{w: terminalOf(w)}
}

func (p *progressLine) printf(format string, args ...any) {
	if p.w == nil {
		return
	}
	// Back to the start, and clear what is left of the line before.
	fmt.Fprintf(p.w, "\r%s\x1b[K", printableText(fmt.Sprintf(format, args...)))
	p.shown = true
}

// end goes to a new line, for what follows.
func (p *progressLine) end() {
	if p.shown {
		fmt.Fprintln(p.w)
		p.shown = false
	}
}

// percent returns how much of total n is.
func percent(n, total int64) int64 {
	if total <= 0 {
		return 100
	}
	return n * 100 / total
}
