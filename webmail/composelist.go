package webmail

import (
	"strings"

	"mox/message"
)

// unsubscribe makes the message by which a list is left (RFC 2369 §3.2).
func (c *composing) unsubscribe(d *Draft, o *original) error {
	address := ""
	if f, ok := message.FirstField(o.header, "List-Unsubscribe"); ok {
		for _, u := range listURLs(f.Value) {
			if strings.EqualFold(u.Scheme, "mailto") {
				address = u.String()
				break
			}
		}
	}
	if address == "" {
		return errUser(codeBad, "The message does not say where to write to leave its list.")
	}
	d.From = c.answerer(o)
	d.Rich = false
	if err := mailto(address, d); err != nil {
		return err
	}
	if d.Subject == "" {
		d.Subject = "unsubscribe"
	}
	return nil
}
