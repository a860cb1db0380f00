package webmail

import (
	"html"
	"slices"
	"strings"

	"mox/message/htmlmail"
)

// quote adds the text of a message, and the signature.
func (c *composing) quote(d *Draft, o *original, line string, reply bool) error {
	if d.Rich {
		fragment, inline, err := c.fragment(o, quoting)
		if err != nil {
			return err
		}
		d.Attachments = append(d.Attachments, inline...)
		c.finish(d, c.quoted(true, line, fragment, "", reply))
		return nil
	}
	text, err := c.plain(o, maxQuoted)
	if err != nil {
		return err
	}
	c.finish(d, c.quoted(false, line, "", text, reply))
	return nil
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

// fragment returns the text of a message as HTML for an editor, and the images it shows.
func (c *composing) fragment(o *original, why purpose) (string, []Attachment, error) {
	limit := maxQuoted
	if why == editing {
		limit = maxDraftText
	}
	if !o.layout.isHTML {
		text, err := c.plain(o, limit)
		return `<div>` + lines(strings.TrimRight(text, "\n")) + `</div>`, nil, err
	}
	var b strings.Builder
	for _, f := range o.layout.html {
		s, err := readText(o.content, f.part, limit-b.Len())
		if err != nil {
			return "", nil, err
		}
		if f.part.Subtype != "html" {
			s = "<div>" + lines(s) + "</div>"
		}
		b.WriteString(s)
		if b.Len() > limit {
			break
		}
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
	return fragment, inline, nil
}

// plain returns the text of a message, at most about so many bytes of it.
func (c *composing) plain(o *original, limit int) (string, error) {
	var b strings.Builder
	for _, f := range o.layout.text {
		s, err := readText(o.content, f.part, limit-b.Len())
		if err != nil {
			return "", err
		}
		if f.part.Subtype == "html" {
			s = c.s.reader.long.ToText(s)
		} else if isFlowed(f.part) {
			s = unflowed(s, strings.EqualFold(f.part.Param("delsp"), "yes"))
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(s)
		if b.Len() > limit {
			break
		}
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n"), nil
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
