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
		fragment, inline, err := c.fragment(o)
		if err != nil {
			return err
		}
		d.Attachments = append(d.Attachments, inline...)
		c.finish(d, c.quoted(true, line, fragment, "", reply))
		return nil
	}
	text, err := c.plain(o)
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

// lines returns text as HTML, line by line.
func lines(text string) string { return strings.ReplaceAll(html.EscapeString(text), "\n", "<br>") }

// fragment returns the text of a message as HTML for an editor, and the images it shows.
func (c *composing) fragment(o *original) (string, []Attachment, error) {
	if !o.layout.isHTML {
		text, err := c.plain(o)
		return `<div>` + lines(strings.TrimRight(text, "\n")) + `</div>`, nil, err
	}
	var b strings.Builder
	for _, f := range o.layout.html {
		s, err := readText(o.content, f.part, maxQuoted-b.Len())
		if err != nil {
			return "", nil, err
		}
		if f.part.Subtype != "html" {
			s = "<div>" + lines(s) + "</div>"
		}
		b.WriteString(s)
		if b.Len() > maxQuoted {
			break
		}
	}
	var inline []Attachment
	doc := c.s.reader.short.Sanitize(b.String(), htmlmail.Options{
		AllowRemote: true,
		RemoteURL:   placeholder,
		CID: func(id string) (string, bool) {
			f, ok := o.layout.byCID[id]
			if !ok || !strings.HasPrefix(inlineType(f.part), "image/") {
				return "", false
			}
			at := c.attachment(o, f, true)
			if !slices.ContainsFunc(inline, func(x Attachment) bool { return x.ID == at.ID }) {
				inline = append(inline, at)
			}
			return at.Address, true
		},
	})
	body, err := named(doc.Body, inline)
	return body, inline, err
}

// plain returns the text of a message.
func (c *composing) plain(o *original) (string, error) {
	var b strings.Builder
	for _, f := range o.layout.text {
		s, err := readText(o.content, f.part, maxQuoted-b.Len())
		if err != nil {
			return "", err
		}
		if f.part.Subtype == "html" {
			s = c.s.reader.short.ToText(s)
		} else if isFlowed(f.part) {
			s = unflowed(s)
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(s)
		if b.Len() > maxQuoted {
			break
		}
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n"), nil
}

// unflowed joins the lines of paragraphs (RFC 3676 §4.1), but for those of quoted text.
func unflowed(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, ">") {
			line = strings.TrimPrefix(line, " ")
			if strings.HasSuffix(line, " ") && line != "-- " {
				b.WriteString(line)
				continue
			}
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
