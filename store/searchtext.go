package store

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// textFolder turns UTF-8 text, given in pieces, into the form in which Search compares it:
// compatibility characters and accents are decomposed as by i;unicode-casemap (RFC 5051 §2), with
// simple case folding in place of its titlecasing, and each run of white space is one space, so that it
// does not matter where lines were broken. The zero value is ready to use.
type textFolder struct {
	space   bool              // The last byte out was the space of a run.
	partial [utf8.UTFMax]byte // Start of a character whose end is in the next piece.
	n       int
	cache   *foldCache // Made on first use.
}

// foldCache holds folded characters, by the low bits of their code point.
type foldCache [256]struct {
	r    rune
	n    uint8
	text [15]byte
}

// asciiFold maps an ASCII character to lower case, and white space to a space.
func asciiFold(c byte) byte {
	switch {
	case c-'A' < 26:
		return c + 'a' - 'A'
	case c-'\t' < 5:
		return ' '
	}
	return c
}

// append appends the folded form of src to dst. What it appends is at most a small multiple
// of the length of src.
func (f *textFolder) append(dst, src []byte) []byte {
	for f.n > 0 && len(src) > 0 {
		f.partial[f.n] = src[0]
		f.n++
		src = src[1:]
		if utf8.FullRune(f.partial[:f.n]) {
			n := f.n
			f.n = 0
			// The bytes may turn out not to be one character; those that
			// follow are then fewer than a character and are taken on their own.
			dst = f.append(dst, f.partial[:n])
		}
	}
	for i := 0; i < len(src); {
		if src[i] < utf8.RuneSelf {
			var n int
			dst, n = f.appendASCII(dst, src[i:])
			i += n
			continue
		}
		if !utf8.FullRune(src[i:]) {
			f.n = copy(f.partial[:], src[i:])
			break
		}
		r, size := utf8.DecodeRune(src[i:])
		i += size
		dst = f.appendRune(dst, r)
	}
	return dst
}

// appendASCII appends the folded form of the ASCII characters that src begins with, and returns how many they are.
func (f *textFolder) appendASCII(dst, src []byte) ([]byte, int) {
	start := len(dst)
	dst = slices.Grow(dst, len(src))
	out := dst[start : start+len(src)] // No character has a longer form.
	space, n := f.space, 0
	for i, c := range src {
		if c >= utf8.RuneSelf {
			src = src[:i]
			break
		}
		c = asciiFold(c)
		if c == ' ' && space {
			continue
		}
		space = c == ' '
		out[n] = c
		n++
	}
	f.space = space
	return dst[:start+n], len(src)
}

// end ends the text: what follows is another one.
func (f *textFolder) end() { f.space, f.n = false, 0 }

func (f *textFolder) appendRune(dst []byte, r rune) []byte {
	if f.cache == nil {
		f.cache = new(foldCache)
	}
	e := &f.cache[uint8(r)]
	if e.r != r {
		text := foldRune(r)
		if len(text) > len(e.text) {
			return f.appendFolded(dst, text)
		}
		e.r, e.n = r, uint8(copy(e.text[:], text))
	}
	return f.appendFolded(dst, e.text[:e.n])
}

func (f *textFolder) appendFolded(dst, text []byte) []byte {
	for _, c := range text {
		if c == ' ' && f.space {
			continue
		}
		f.space = c == ' '
		dst = append(dst, c)
	}
	return dst
}

// foldRune returns the folded form of one character outside ASCII.
func foldRune(r rune) []byte {
	var out []byte
	for _, d := range string(norm.NFKD.AppendString(nil, string(r))) {
		// Of the characters that differ in case only, the first one stands for all. That is the upper
		// case letter, or for those that reach into ASCII, the lower case one as asciiFold has it.
		least := d
		for o := unicode.SimpleFold(d); o != d; o = unicode.SimpleFold(o) {
			least = min(least, o)
		}
		switch {
		case least < utf8.RuneSelf:
			out = append(out, asciiFold(byte(least)))
		case unicode.IsSpace(least):
			out = append(out, ' ')
		default:
			out = utf8.AppendRune(out, least)
		}
	}
	return out
}

// foldText returns the folded form of a whole text.
func foldText(text string) []byte {
	var f textFolder
	return f.append(nil, []byte(text))
}

// textScan looks for several needles at once in text that is given in pieces, in memory
// bounded by the longest needle and piece. One textScan serves many texts.
type textScan struct {
	folder  textFolder
	buf     []byte // Folded text: the end of what was searched, then what was not.
	needles []scanNeedle
	longest int
}

type scanNeedle struct {
	folded []byte
	leaf   int // For the caller.
}

// set sets the needles, and begins a new text.
func (s *textScan) set(needles []scanNeedle) {
	s.needles = needles
	s.longest = 0
	for _, n := range needles {
		s.longest = max(s.longest, len(n.folded))
	}
	s.end()
}

// remove stops looking for the needles of a leaf.
func (s *textScan) remove(leaf int) {
	kept := s.needles[:0]
	for _, n := range s.needles {
		if n.leaf != leaf {
			kept = append(kept, n)
		}
	}
	s.needles = kept
}

// write takes the next piece of the text and calls found for each leaf whose needle is in the text
// up to there; found may call remove.
func (s *textScan) write(p []byte, found func(leaf int)) {
	s.buf = s.folder.append(s.buf, p)
	for i := 0; i < len(s.needles); {
		n := s.needles[i]
		if !bytes.Contains(s.buf, n.folded) {
			i++
			continue
		}
		before := len(s.needles)
		found(n.leaf)
		if len(s.needles) == before {
			i++
		}
	}
	// A match may begin in what was searched and end in the next piece.
	if keep := max(s.longest-1, 0); len(s.buf) > keep {
		s.buf = s.buf[:copy(s.buf, s.buf[len(s.buf)-keep:])]
	}
}

// end ends the text. A needle is not found across two texts.
func (s *textScan) end() {
	s.folder.end()
	s.buf = s.buf[:0]
}
