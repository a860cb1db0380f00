package webmail

import (
	"net/url"
	"strings"
	"unicode"

	"mox/message"
	"mox/smtp"
)

// mailto fills a draft from a mailto: URL (RFC 6068). Nothing is done for an empty one. Fields other than those of
// addresses, subject, text and In-Reply-To are not for a link to choose (§4).
func mailto(u string, d *Draft) error {
	if u == "" {
		return nil
	}
	if len(u) > 64<<10 || len(u) < 7 || !strings.EqualFold(u[:7], "mailto:") {
		return errUser(codeBad, "The link is not one for writing a message.")
	}
	u, _, _ = strings.Cut(u[7:], "#")
	to, query, _ := strings.Cut(u, "?")
	if err := addMailto(&d.To, to); err != nil {
		return err
	}
	for field := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(field, "=")
		var err error
		switch strings.ToLower(unescapeMailto(name)) {
		case "to":
			err = addMailto(&d.To, value)
		case "cc":
			err = addMailto(&d.Cc, value)
		case "bcc":
			err = addMailto(&d.Bcc, value)
		case "subject":
			// It is on one line, so that nothing in it can look like another field.
			d.Subject = strings.Join(strings.FieldsFunc(unescapeMailto(value), unicode.IsControl), " ")
		case "body":
			d.setText(unescapeMailto(value))
		case "in-reply-to":
			if ids := message.ParseMessageIDs([]byte(unescapeMailto(value))); len(ids) == 1 {
				d.InReplyTo, d.References = ids[0], ids
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// setText sets the text of a draft to plain text.
func (d *Draft) setText(text string) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
	if d.Rich {
		d.HTML, d.Text = "<p>"+lines(text)+"</p>", ""
	} else {
		d.HTML, d.Text = "", text
	}
}

// unescapeMailto decodes a part of a URL. A plus sign is one there, as this is no form (RFC 6068 §5); what is no encoding is
// taken as it stands.
func unescapeMailto(s string) string {
	t, err := url.PathUnescape(s)
	if err != nil {
		t = s
	}
	return strings.ToValidUTF8(t, "\uFFFD")
}

// addMailto adds addresses of a URL. Commas between them are not encoded, those within are (RFC 6068 §2).
func addMailto(list *[]Person, s string) error {
	for part := range strings.SplitSeq(s, ",") {
		text := unescapeMailto(part)
		if strings.ContainsFunc(text, unicode.IsControl) {
			continue // It is meant to look like another field.
		}
		l, _ := message.ParseAddresses([]byte(text))
		for _, p := range people(l) {
			if _, err := smtp.ParseAddress(p.Address); err == nil {
				*list = append(*list, p)
			}
		}
		if len(*list) > maxRecipients {
			return errUser(codeLimit, "The link has more than %d recipients.", maxRecipients)
		}
	}
	return nil
}
