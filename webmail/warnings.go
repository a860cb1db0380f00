package webmail

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/html"

	"mox/smtp"
)

// attachmentWords are how people speak of files that they mean to attach.
var attachmentWords = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|[^\pL])(attach(ed|ment|ments|ing)?|enclosed|enclosure|angehängt|anhang|anhänge|anbei|beigefügt|bijlage|bijgevoegd|pi[eè]ces? jointes?|ci-joint|adjunt[oa]s?|allegat[oi]|in allegato|anexos?|bifogad|vedlagt|vedhæftet|liitteenä|załącznik\pL*|přílo[hz]\pL*)(?:[^\pL]|$)`)
})

// warnings returns what a sender should look at.
func (c *composing) warnings(d Draft) []Warning {
	var l []Warning
	warn := func(kind, format string, args ...any) { l = append(l, Warning{kind, fmt.Sprintf(format, args...)}) }
	text := d.Text
	if d.Rich {
		text = c.s.reader.long.ToText(unsigned(d.HTML))
	}
	own := ownWords(text)
	if strings.TrimSpace(d.Subject) == "" {
		warn("subject", "The message has no subject.")
	}
	if !slices.ContainsFunc(d.Attachments, func(at Attachment) bool { return !at.Inline }) && (attachmentWords().MatchString(own) || !d.Forward && d.InReplyTo == "" && attachmentWords().MatchString(d.Subject)) {
		warn("attachment", "You wrote of an attachment, but nothing is attached.")
	}
	if strings.TrimSpace(own) == "" && len(d.Attachments) == 0 && !d.Forward {
		warn("text", "You have written nothing.")
	}
	seen, all := len(d.To)+len(d.Cc), len(d.To)+len(d.Cc)+len(d.Bcc)
	switch many := c.st.ManyRecipients; {
	case many > 0 && seen >= many:
		warn("recipients", "The message has %d recipients, and each sees the addresses of %d.", all, seen)
	case many > 0 && all >= many:
		warn("recipients", "The message has %d recipients.", all)
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
	all := strings.Split(text, "\n")
	for i, line := range all {
		switch {
		case strings.HasPrefix(line, ">"), strings.HasSuffix(line, " wrote:") && quoteFollows(all[i+1:]):
		case strings.TrimSpace(line) == "--", strings.HasPrefix(line, forwardLine):
			return b.String()
		default:
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// quoteFollows tells whether the first line with text is quoted.
func quoteFollows(lines []string) bool {
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			return strings.HasPrefix(line, ">")
		}
	}
	return false
}

// unsigned returns the HTML of a draft without its signature.
func unsigned(fragment string) string {
	text, err := rewritten(fragment, func(n *html.Node) {
		if hasAttribute(n, signatureAttribute) && n.Parent != nil {
			n.Parent.RemoveChild(n)
		}
	})
	if err != nil {
		return fragment
	}
	return text
}
