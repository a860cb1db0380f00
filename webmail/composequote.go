package webmail

import (
	"html"
	"slices"
	"strings"

	"mox/message/htmlmail"
)

// What stands below text of which not all is in a draft.
const (
	notQuoted   = "[The rest of the message is not quoted.]"
	notInserted = "[The message is attached as it was: here it is not whole.]"
)

// quote adds the text of a message, and the signature. Where that is not all of its text an answer says so, and a message that is passed on goes along.
func (c *composing) quote(d *Draft, o *original, line string, reply bool) error {
	var fragment, text string
	var whole bool
	var err error
	if d.Rich {
		fragment, d.Attachments, whole, err = c.fragment(o, quoting)
	} else {
		text, whole, err = c.quotable(o)
	}
	if err != nil {
		return err
	}
	if !whole {
		note := notQuoted
		if !reply {
			note = notInserted
			d.Attachments = append(d.Attachments, emailAttachment(o))
		}
		fragment += "<div>" + note + "</div>"
		text = strings.TrimRight(text, "\n") + "\n" + note + "\n"
	}
	c.finish(d, c.quoted(d.Rich, line, fragment, text, reply))
	return nil
}

// quotable returns the text of a message to be quoted, with lines that an editor can lay out, and whether it is all of it.
func (c *composing) quotable(o *original) (text string, whole bool, err error) {
	text, whole, err = c.plain(o, maxQuoted)
	if !whole {
		text = cutLine(text)
	}
	return breakLines(text), whole, err
}

// cutLine returns text without its last line, or word, of which a part may be missing.
func cutLine(text string) string {
	const near = 1 << 10
	for _, ends := range []string{"\n", " \t\n"} {
		if i := strings.LastIndexAny(text, ends); i > 0 && i >= len(text)-near {
			return text[:i]
		}
	}
	return strings.ToValidUTF8(text, "")
}

// maxQuotedLine is how long a line that is quoted may be, in bytes. An editor lays a line out as a whole with each key that is pressed in it.
const maxQuotedLine = 8 << 10

// breakLines breaks lines that are too long, where there is white space if possible.
func breakLines(text string) string {
	var b strings.Builder
	done := 0 // What is before has its place.
	for at := 0; len(text)-at > maxQuotedLine; {
		line := text[at : at+maxQuotedLine]
		if i := strings.LastIndexByte(line, '\n'); i >= 0 {
			at += i + 1
			continue
		}
		if i := strings.LastIndexAny(line, " \t"); i >= maxQuotedLine/2 {
			line = line[:i+1]
		} else {
			line = cutText(text[at:], maxQuotedLine)
		}
		at += len(line)
		if at < len(text) && text[at] != '\n' {
			b.WriteString(text[done:at])
			b.WriteByte('\n')
			done = at
		}
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// quoted returns what is quoted, with the line above it. In an answer it is marked as quoted.
func (c *composing) quoted(rich bool, line, fragment, text string, reply bool) string {
	switch {
	case rich && reply:
		return `<p>` + lines(line) + `</p><blockquote type="cite">` + fragment + `</blockquote>`
	case rich:
		return `<div>` + lines(line) + `</div><br><div>` + fragment + `</div>`
	case reply:
		return line + "\n" + htmlmail.Quote(strings.TrimRight(text, "\n")) + "\n"
	}
	return line + "\n\n" + text
}

// Bounds of a piece of text, in lines and bytes.
const (
	maxPieceLines = 32
	maxPieceBytes = 4 << 10
)

// pieces returns text as HTML in elements of some lines each, of which an editor lays out one with each key that is pressed, rather than all of a long text.
func pieces(text string) string {
	var b strings.Builder
	begin, n := 0, 0
	for at := 0; at < len(text); {
		line := text[at:]
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
		}
		at += len(line) + 1
		n++
		// A line end at the end of an element is none that is seen: an empty line is not the last one.
		if (n >= maxPieceLines || at-begin >= maxPieceBytes) && strings.Trim(line, "\r ") != "" {
			b.WriteString("<div>" + lines(text[begin:at-1]) + "</div>")
			begin, n = at, 0
		}
	}
	if begin < len(text) || begin == 0 {
		b.WriteString("<div>" + lines(text[begin:]) + "</div>")
	}
	return b.String()
}

// lines returns text as HTML, line by line, with its spaces.
func lines(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteString("<br>")
		}
		indent := len(line) - len(strings.TrimLeft(line, " "))
		b.WriteString(strings.Repeat("&nbsp;", indent))
		b.WriteString(strings.ReplaceAll(html.EscapeString(strings.TrimRight(line[indent:], "\r ")), "  ", " &nbsp;"))
	}
	return b.String()
}

// purpose is what for the text of a message is taken.
type purpose int

const (
	quoting purpose = iota // In another one. A part of a long one is enough.
	editing                // As a draft, of which nothing may be lost.
)

// fragment returns the text of a message as HTML for an editor, the images it shows, and whether it is all of it.
func (c *composing) fragment(o *original, why purpose) (_ string, _ []Attachment, whole bool, _ error) {
	limit := maxQuoted
	if why == editing {
		limit = maxDraftText
	}
	if !o.layout.isHTML {
		text, whole, err := c.quotable(o)
		return pieces(strings.TrimRight(text, "\n")), nil, whole, err
	}
	var b strings.Builder
	whole = true
	for _, f := range o.layout.html {
		if b.Len() > limit {
			whole = false
			break
		}
		s, all, err := readSome(o, f, limit-b.Len())
		if err != nil {
			return "", nil, false, err
		}
		if f.part.Subtype != "html" {
			s = pieces(s)
		}
		b.WriteString(s)
		whole = all
	}
	var inline []Attachment
	fragment := c.s.edited(b.String(), func(id string) (Attachment, bool) {
		f, ok := o.layout.byCID[id]
		if !ok || !strings.HasPrefix(inlineType(f.part), "image/") {
			return Attachment{}, false
		}
		at := c.attachment(o, f, true)
		if !slices.ContainsFunc(inline, func(x Attachment) bool { return x.ID == at.ID }) {
			inline = append(inline, at)
		}
		return at, true
	}, why == editing)
	return fragment, inline, whole, nil
}

// readSome reads text of a part, at most about so many bytes of it, and tells whether that is all.
func readSome(o *original, f leaf, limit int) (text string, all bool, err error) {
	text, err = readText(o.content, f.part, limit)
	return text, len(text) <= limit, err
}

// plain returns the text of a message, at most about so many bytes of it, and whether that is all.
func (c *composing) plain(o *original, limit int) (_ string, whole bool, _ error) {
	var b strings.Builder
	whole = true
	for _, f := range o.layout.text {
		if b.Len() > limit {
			whole = false
			break
		}
		s, all, err := readSome(o, f, limit-b.Len())
		if err != nil {
			return "", false, err
		}
		whole = all
		if f.part.Subtype == "html" {
			s = c.s.reader.long.ToText(s)
		} else if isFlowed(f.part) {
			s = unflowed(s, strings.EqualFold(f.part.Param("delsp"), "yes"))
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(s)
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n"), whole, nil
}

// unflowed joins the lines of paragraphs (RFC 3676 §4.1), also of quoted ones, each at its depth (§4.5).
func unflowed(text string, delSp bool) string {
	var b strings.Builder
	open, depth := false, 0 // A paragraph goes on, of quotes of this depth.
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		line = strings.TrimSuffix(line, "\n")
		quotes := len(line) - len(strings.TrimLeft(line, ">"))
		line = strings.TrimPrefix(line[quotes:], " ") // §4.4
		if open && (quotes != depth || line == "-- ") {
			b.WriteByte('\n')
			open = false
		}
		if !open {
			b.WriteString(strings.Repeat(">", quotes))
			if quotes > 0 && line != "" {
				b.WriteByte(' ')
			}
		}
		open, depth = strings.HasSuffix(line, " ") && line != "-- ", quotes
		if open && delSp {
			line = line[:len(line)-1]
		}
		b.WriteString(line)
		if !open {
			b.WriteByte('\n')
		}
	}
	if open {
		b.WriteByte('\n')
	}
	return b.String()
}
