package webmail

import (
	"net/url"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// pixel is a transparent image. The text of a composer has it in the place of a remote image, whose address follows it as a
// fragment, so that a page loads nothing while an answer is written, and what is sent has the image again.
const pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7#"

// placeholder returns the image that stands for a remote one.
func placeholder(address string) string { return pixel + url.QueryEscape(address) }

// draftPolicy returns what the text of a message that is sent may hold: what an editor makes, and what messages that it
// quotes are made of.
func draftPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("a", "abbr", "b", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "figcaption", "figure", "font",
		"h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
		"table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var")
	p.AllowURLSchemes("http", "https", "mailto", "tel", "cid")
	p.RequireParseableURLs(true)
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src", "alt", "width", "height").OnElements("img")
	p.AllowAttrs("dir", "lang", "title").Globally()
	p.AllowAttrs("align", "valign", "width", "height", "bgcolor", "colspan", "rowspan", "border", "cellpadding", "cellspacing").OnElements("table", "tr", "td", "th", "tbody", "thead", "tfoot", "col", "colgroup", "div", "p")
	p.AllowAttrs("color", "face", "size").OnElements("font")
	p.AllowAttrs("start", "type").OnElements("ol", "ul", "li")
	p.AllowAttrs("type").Matching(bluemonday.SpaceSeparatedTokens).OnElements("blockquote")
	p.AllowStyles("color", "background-color", "font-size", "font-family", "font-weight", "font-style", "text-decoration", "text-align", "line-height", "white-space", "direction",
		"margin", "margin-left", "margin-right", "margin-top", "margin-bottom", "padding", "padding-left", "padding-right", "padding-top", "padding-bottom",
		"border", "border-left", "border-right", "border-top", "border-bottom", "border-collapse", "border-color", "border-style", "border-width",
		"width", "max-width", "height", "vertical-align", "list-style-type").Globally()
	return p
}

// outgoing returns the HTML of a draft as it is sent: with references to the parts that its images are in place of their
// addresses here, and nothing that is only of the page.
func (s *Server) outgoing(fragment string, attachments []Attachment) (string, error) {
	cids := map[string]string{}
	for _, at := range attachments {
		if at.Inline && at.ContentID != "" {
			cids[attachmentAddress(at)] = "cid:" + at.ContentID
		}
	}
	rewritten, err := rewriteImages(fragment, func(src string) string {
		if cid, ok := cids[src]; ok {
			return cid
		}
		if rest, ok := strings.CutPrefix(src, pixel); ok {
			if address, err := url.QueryUnescape(rest); err == nil {
				return address
			}
		}
		return src
	})
	if err != nil {
		return "", err
	}
	return s.policy.Sanitize(rewritten), nil
}

// incoming returns the HTML of a saved draft for a page, with addresses of its images.
func incoming(fragment string, attachments []Attachment) (string, error) {
	addresses := map[string]string{}
	for _, at := range attachments {
		if at.ContentID != "" {
			addresses["cid:"+at.ContentID] = attachmentAddress(at)
		}
	}
	return rewriteImages(fragment, func(src string) string {
		if a, ok := addresses[src]; ok {
			return a
		}
		return src
	})
}

// rewriteImages changes the addresses of images in a fragment of HTML.
func rewriteImages(fragment string, change func(src string) string) (string, error) {
	nodes, err := html.ParseFragment(strings.NewReader(fragment), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, n := range nodes {
		for d := range descendants(n) {
			if d.Type != html.ElementNode || d.DataAtom != atom.Img {
				continue
			}
			for i := range d.Attr {
				if d.Attr[i].Key == "src" {
					d.Attr[i].Val = change(d.Attr[i].Val)
				}
			}
		}
		if err := html.Render(&b, n); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// descendants yields a node and all below it.
func descendants(n *html.Node) func(yield func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		if !yield(n) {
			return
		}
		for d := range n.Descendants() {
			if !yield(d) {
				return
			}
		}
	}
}
