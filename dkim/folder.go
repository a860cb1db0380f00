package dkim

// lineWidth is the length of lines that a folded field keeps to (RFC 5322 §2.1.1).
const lineWidth = 78

// folder writes a field of tags, and folds it.
type folder struct {
	b   []byte
	col int
}

// raw adds text without folding.
func (f *folder) raw(s string) {
	f.b = append(f.b, s...)
	f.col += len(s)
}

// tag adds a whole tag and its semicolon.
func (f *folder) tag(s string) { f.word(" " + s + ";") }

// word adds text that stays in one piece, on the next line if it would not fit. Space at its
// beginning becomes the folding then.
func (f *folder) word(s string) {
	if f.col+len(s) > lineWidth && f.col > 1 {
		f.fold()
		if s[0] == ' ' {
			s = s[1:]
		}
	}
	f.raw(s)
}

// long adds text that may be broken anywhere.
func (f *folder) long(s string) {
	for s != "" {
		if f.col >= lineWidth {
			f.fold()
		}
		n := min(len(s), lineWidth-f.col)
		f.raw(s[:n])
		s = s[n:]
	}
}

func (f *folder) fold() {
	f.b = append(f.b, "\r\n\t"...)
	f.col = 1
}
