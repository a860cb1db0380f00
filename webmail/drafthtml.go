package webmail

import (
	"net/url"
	"slices"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"mox/store"
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

// cidAttribute is the attribute of an image in the text of a composer that names the attachment it shows, by its content id. The
// addresses of attachments change each time the draft is saved, content ids do not.
const cidAttribute = "data-cid"

// outgoing returns the HTML of a draft as it is sent: with references to the parts that its images are in place of their
// addresses here, and nothing that is only of the page. Uploads are those of the account.
func (s *Server) outgoing(fragment string, attachments []Attachment, account store.AccountID) (string, error) {
	cids, known := map[string]string{}, map[string]bool{}
	for _, at := range attachments {
		if at.inText() {
			cids[attachmentAddress(at)] = at.ContentID
			known[at.ContentID] = true
		}
	}
	shown := func(img *html.Node) string {
		src := attribute(img, "src")
		if cid, ok := cids[src]; ok {
			return cid
		}
		if cid := attribute(img, cidAttribute); known[cid] {
			return cid
		}
		if id, ok := strings.CutPrefix(src, "upload/"); ok {
			if u := s.uploads.get(account, id); u != nil && known[u.contentID] {
				return u.contentID // The draft has been saved since.
			}
		}
		return ""
	}
	rewritten, err := rewriteImages(fragment, func(img *html.Node) {
		src := attribute(img, "src")
		if cid := shown(img); cid != "" {
			src = "cid:" + url.PathEscape(cid) // RFC 2392 §2
		} else if rest, ok := strings.CutPrefix(src, pixel); ok {
			if address, err := url.QueryUnescape(rest); err == nil {
				src = address
			}
		}
		setAttribute(img, "src", src)
	})
	if err != nil {
		return "", err
	}
	return s.policy.Sanitize(rewritten), nil
}

// named returns HTML for a page with the content ids of its images at them.
func named(fragment string, inline []Attachment) (string, error) {
	if len(inline) == 0 {
		return fragment, nil
	}
	return rewriteImages(fragment, func(img *html.Node) {
		src := attribute(img, "src")
		if i := slices.IndexFunc(inline, func(at Attachment) bool { return at.Address == src }); i >= 0 && inline[i].ContentID != "" {
			setAttribute(img, cidAttribute, inline[i].ContentID)
		}
	})
}

// rewriteImages changes the images in a fragment of HTML.
func rewriteImages(fragment string, change func(img *html.Node)) (string, error) {
	nodes, err := html.ParseFragment(strings.NewReader(fragment), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, n := range nodes {
		for d := range descendants(n) {
			if d.Type == html.ElementNode && d.DataAtom == atom.Img {
				change(d)
			}
		}
		if err := html.Render(&b, n); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == key {
			return a.Val
		}
	}
	return ""
}

func setAttribute(n *html.Node, key, value string) {
	for i, a := range n.Attr {
		if a.Namespace == "" && a.Key == key {
			n.Attr[i].Val = value
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: key, Val: value})
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
