package htmlmail

import (
	"regexp"
	"strings"
	"sync"

	"golang.org/x/net/html"
)

// attribution is a line that introduces quoted text, in the words of common mail programs. It is large, and made when the first
// message is looked at.
var attribution = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?is)^\W*(on|am|le|el|il|op|em|den|w dniu|dnia|в|vào)\b.{4,300}\b(wrote|schrieb|a écrit|escribió|ha scritto|scrisse|schreef|escreveu|skrev|napisał\(?a?\)?|пишет|написал\(?а?\)?)\s*.{0,80}:\W*$|^.{3,300}\b(wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev|napisał|пишет|написала?)\s*:\W*$`)
})

// outlookHeader is the beginning of the header that Outlook puts above quoted text, or the line of older programs. Likewise.
var outlookHeader = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?is)^\W*(-{3,}\s*(original message|original appointment|ursprüngliche nachricht|message d'origine|mensaje original|oorspronkelijk bericht|messaggio originale|forwarded message)\s*-{3,}|(from|von|de|van|da|från|fra|od|от)\s?:.{1,300}\b(sent|gesendet|envoyé|enviado|verzonden|inviato|skickat|sendt|wysłano|отправлено|date|datum|fecha|data|datum|to|an)\s?:)`)
})

// isQuote reports whether an element holds quoted text, and nothing else.
func isQuote(n *html.Node) bool {
	if n.Data == "blockquote" {
		// Some programs indent with it, and with a style for that.
		return !strings.Contains(attr(n, "class"), "indent")
	}
	for class := range strings.FieldsSeq(attr(n, "class")) {
		switch class {
		case "gmail_quote", "gmail_quote_container", "yahoo_quoted", "protonmail_quote", "zmail_extra", "moz-forward-container", "tutanota_quote":
			return true
		}
	}
	switch strings.TrimPrefix(attr(n, "id"), namePrefix) {
	case "isForwardContent", "isReplyContent", "mailcontent", "OLK_SRC_BODY_SECTION", "reply-intro":
		return true
	}
	return false
}

// beginsQuote reports whether all that follows an element within its parent is quoted.
func beginsQuote(n *html.Node) bool {
	switch strings.TrimPrefix(attr(n, "id"), namePrefix) {
	case "appendonsend", "divRplyFwdMsg", "stopSpelling", "x_divRplyFwdMsg":
		return true
	}
	switch n.Data {
	case "div", "p":
		return outlookHeader().MatchString(textOf(n, 400))
	}
	return false
}

// quoter finds quoted text in the order of the text.
type quoter struct {
	found []quoted
	own   bool // Own text was seen,
	after bool // also after the last quote.
	work  int  // Elements whose text may still be looked at.
}

// quoted is quoted text: sibling nodes from first to last.
type quoted struct{ first, last *html.Node }

// markQuotes finds quoted text, and folds that which ends the message.
func (t *transformer) markQuotes(body *html.Node) {
	q := quoter{work: 2000}
	q.children(body)
	t.doc.Quotes = len(q.found)
	if !t.opts.FoldQuotes || !q.own || q.after || len(q.found) == 0 {
		return
	}
	// A quote before that one has own text after it, which answers it.
	quote := q.found[len(q.found)-1]
	details, summary := newElement("details", html.Attribute{Key: "class", Val: "mox-quote"}), newElement("summary")
	summary.AppendChild(&html.Node{Type: html.TextNode, Data: "…"})
	details.AppendChild(summary)
	parent := quote.first.Parent
	parent.InsertBefore(details, quote.first)
	for n := quote.first; n != nil; {
		next := n.NextSibling
		parent.RemoveChild(n)
		details.AppendChild(n)
		if n == quote.last {
			break
		}
		n = next
	}
	t.doc.Folded = true
}

// children looks for quotes in what an element holds.
func (q *quoter) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch {
		case c.Type == html.TextNode:
			if strings.TrimSpace(c.Data) != "" && !q.introduces(c) {
				q.own, q.after = true, true
			}
		case c.Type != html.ElementNode:
		case isQuote(c):
			q.add(c, c)
		case q.begins(c):
			q.add(c, n.LastChild)
			return
		case c.Data == "img" && !isTiny(c):
			q.own, q.after = true, true
		case q.introduces(c):
			// Goes with the quote behind it.
		default:
			q.children(c)
		}
	}
}

func (q *quoter) begins(n *html.Node) bool {
	q.work--
	// In tables and lists the rest of the parent would be a row or an item.
	return q.work > 0 && beginsQuote(n)
}

// introduces reports whether an element or text is a line that introduces the quote which follows it.
func (q *quoter) introduces(n *html.Node) bool {
	next := nextElement(n)
	if next == nil || !isQuote(next) || q.work <= 0 {
		return false
	}
	q.work--
	return strings.Contains(attr(n, "class"), "moz-cite-prefix") || attribution().MatchString(textOf(n, 500))
}

// nextElement returns the next sibling besides white space and line breaks.
func nextElement(n *html.Node) *html.Node {
	for n = n.NextSibling; n != nil; n = n.NextSibling {
		if n.Type == html.ElementNode && n.Data != "br" || n.Type == html.TextNode && strings.TrimSpace(n.Data) != "" {
			return n
		}
	}
	return nil
}

// add records a quote, together with the line that introduces it.
func (q *quoter) add(first, last *html.Node) {
	p := first.PrevSibling
	for p != nil && (p.Type == html.TextNode && strings.TrimSpace(p.Data) == "" || p.Type == html.ElementNode && p.Data == "br") {
		p = p.PrevSibling
	}
	if p != nil {
		if strings.Contains(attr(p, "class"), "moz-cite-prefix") || attribution().MatchString(textOf(p, 500)) {
			first = p
		}
	}
	q.found = append(q.found, quoted{first, last})
	q.after = false
}
