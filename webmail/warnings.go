package webmail

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mox/smtp"
)

// attachmentWords are how people speak of files that they mean to attach.
var attachmentWords = regexp.MustCompile(`(?i)\b(attach(ed|ment|ments|ing)?|enclosed|enclosure|angehängt|anhang|anhänge|anbei|beigefügt|bijlage|bijgevoegd|pi[eè]ces? jointes?|ci-joint|adjunt[oa]s?|allegat[oi]|in allegato|anexos?|bifogad|vedlagt|vedhæftet|liitteenä|załącznik\w*|przíloh\w*|přílo[hz]\w*)\b`)

// warnings returns what a sender should look at.
func (c *composing) warnings(d Draft) []Warning {
	var l []Warning
	warn := func(kind, format string, args ...any) { l = append(l, Warning{kind, fmt.Sprintf(format, args...)}) }
	text := d.Text
	if d.Rich {
		text = c.s.reader.short.ToText(d.HTML)
	}
	own := ownWords(text)
	if strings.TrimSpace(d.Subject) == "" {
		warn("subject", "The message has no subject.")
	}
	if !slices.ContainsFunc(d.Attachments, func(at Attachment) bool { return !at.Inline }) && (attachmentWords.MatchString(own) || !d.Forward && d.InReplyTo == "" && attachmentWords.MatchString(d.Subject)) {
		warn("attachment", "You wrote of an attachment, but nothing is attached.")
	}
	if strings.TrimSpace(own) == "" && len(d.Attachments) == 0 && !d.Forward {
		warn("text", "You have written nothing.")
	}
	seen := d.To
	seen = append(slices.Clone(seen), d.Cc...)
	if n := len(seen) + len(d.Bcc); c.st.ManyRecipients > 0 && n >= c.st.ManyRecipients {
		if len(d.Bcc) == 0 {
			warn("recipients", "The message has %d recipients, who all see each other's addresses.", n)
		} else {
			warn("recipients", "The message has %d recipients.", n)
		}
	}
	size := int64(0)
	for _, at := range d.Attachments {
		size += at.Size
	}
	if size > 20<<20 {
		warn("size", "The files are %d MB together. Many servers take no more than 25 MB.", size>>20)
	}
	for _, p := range slices.Concat(d.To, d.Cc, d.Bcc) {
		if _, err := smtp.ParseAddress(p.Address); err != nil {
			warn("recipients", "%q is not an address.", p.Address)
		}
	}
	return l
}

// ownWords returns what is written above, between and below quoted text.
func ownWords(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, ">"):
		case strings.TrimSpace(line) == "--", strings.HasPrefix(line, "---------- Forwarded message"):
			return b.String()
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}
