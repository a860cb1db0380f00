package webmail

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"mox/message"
)

// edit makes a message like another one: a draft to go on with, or a new one.
func (c *composing) edit(d *Draft, o *original, draft bool) error {
	env := o.envelope
	_, saved := message.FirstField(o.header, draftField)
	if from := people(env.From); len(from) > 0 && (draft && saved || c.mine(from[0])) {
		d.From = from[0]
	}
	d.To, d.Cc, d.Bcc, d.ReplyTo = people(env.To), people(env.CC), people(env.BCC), people(env.ReplyTo)
	d.Subject = env.Subject
	d.Priority = priorityOf(o.header)
	d.Rich = o.layout.isHTML
	if draft {
		d.Email = o.id.String()
		d.References = env.References
		if len(env.InReplyTo) > 0 {
			d.InReplyTo = env.InReplyTo[0]
		}
		_, d.Receipt = message.FirstField(o.header, "Disposition-Notification-To")
		if f, ok := message.FirstField(o.header, "TLS-Required"); ok && strings.EqualFold(f.Text(), "no") {
			d.RequireTLS = TLSOptional
		}
		c.extra(d, o)
	}
	if err := c.editText(d, o); err != nil {
		return err
	}
	c.files(d, o)
	return nil
}

// editText sets the text of a draft to that of a message, and the images in it.
func (c *composing) editText(d *Draft, o *original) (err error) {
	var whole bool
	if d.Rich {
		d.HTML, d.Attachments, whole, err = c.fragment(o, editing)
	} else {
		d.Text, whole, err = c.plain(o, maxDraftText)
	}
	if err != nil {
		return err
	}
	if !whole {
		return errTooLong() // What is not here would be lost when it is saved.
	}
	if !d.Rich && slices.ContainsFunc(o.layout.text, func(f leaf) bool { return isFlowed(f.part) }) {
		d.Text = strings.TrimSuffix(d.Text, "\n") // Of the last line.
	}
	return nil
}

// extra reads what a draft has besides its message. Only that of this server counts: a draft of another program has none.
func (c *composing) extra(d *Draft, o *original) {
	f, ok := message.FirstField(o.header, draftField)
	if !ok {
		return
	}
	var x draftExtra
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(f.Value)), ""))
	if err != nil || json.Unmarshal(b, &x) != nil {
		return
	}
	d.Related, d.Forward, d.SendAt = x.Related, x.Forward, x.SendAt
	if x.RequireTLS == TLSRequired {
		d.RequireTLS = TLSRequired
	}
	for _, t := range x.Typed {
		if t.Field == "From" {
			d.From = t.Person
			continue
		}
		for _, l := range d.recipients() {
			if l.field == t.Field {
				*l.people = slices.Insert(*l.people, min(max(t.At, 0), len(*l.people)), t.Person)
			}
		}
	}
}

// priorityOf returns the priority that a header gives its message, as Draft has it.
func priorityOf(header []byte) string {
	if f, ok := message.FirstField(header, "Importance"); ok { // RFC 2156 §5.3.4
		switch v := strings.ToLower(f.Text()); v {
		case "high", "low":
			return v
		}
		return ""
	}
	f, _ := message.FirstField(header, "X-Priority")
	if v := f.Text(); v != "" {
		switch v[0] {
		case '1', '2':
			return "high"
		case '4', '5':
			return "low"
		}
	}
	return ""
}
