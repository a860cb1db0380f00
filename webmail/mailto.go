package webmail

import (
	"net/url"
	"strings"

	"mox/message"
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
	to, query, _ := strings.Cut(u[7:], "?")
	query, _, _ = strings.Cut(query, "#")
	unescape := func(s string) (string, error) {
		// A plus sign is one here: these are no forms.
		t, err := url.PathUnescape(s)
		if err != nil {
			return "", errUser(codeBad, "The link for writing a message has a mistake.")
		}
		return strings.ToValidUTF8(t, "\uFFFD"), nil
	}
	add := func(list *[]Person, s string) error {
		// Commas between addresses are not encoded, those within are.
		for part := range strings.SplitSeq(s, ",") {
			t, err := unescape(part)
			if err != nil {
				return err
			}
			if l, ok := message.ParseAddresses([]byte(t)); ok {
				*list = append(*list, people(l)...)
			}
		}
		return nil
	}
	if err := add(&d.To, to); err != nil {
		return err
	}
	for field := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(field, "=")
		var err error
		switch strings.ToLower(name) {
		case "to":
			err = add(&d.To, value)
		case "cc":
			err = add(&d.Cc, value)
		case "bcc":
			err = add(&d.Bcc, value)
		case "subject":
			d.Subject, err = unescape(value)
		case "body":
			if d.Text, err = unescape(value); err == nil && d.Rich {
				d.HTML, d.Text = "<p>"+lines(strings.ReplaceAll(d.Text, "\r\n", "\n"))+"</p>", ""
			}
		case "in-reply-to":
			var id string
			if id, err = unescape(value); err == nil {
				if ids := message.ParseMessageIDs([]byte(id)); len(ids) == 1 {
					d.InReplyTo, d.References = ids[0], ids
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
