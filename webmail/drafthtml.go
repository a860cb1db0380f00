package webmail

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"mox/message/htmlmail"
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
	p.AllowAttrs("class").Matching(regexp.MustCompile("^" + signatureClass + "$")).OnElements("div")
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

// The signature has an attribute in the page, so that it can be replaced by that of another sender, and a class in messages.
const (
	signatureAttribute = "data-mox-signature"
	signatureClass     = "signature"
)

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
	fragment, err := rewritten(fragment, func(n *html.Node) {
		n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "class" })
		if n.DataAtom != atom.Img {
			if n.DataAtom == atom.Div && hasAttribute(n, signatureAttribute) {
				setAttribute(n, "class", signatureClass)
			}
			return
		}
		img := n
		src := attribute(img, "src")
		if cid := shown(img); cid != "" {
			src = "cid:" + url.PathEscape(cid) // RFC 2392 §2
		} else if rest, ok := strings.CutPrefix(src, pixel); ok {
			if address, err := url.QueryUnescape(rest); err == nil {
				src = strings.ReplaceAll(address, " ", "%20")
			}
		}
		setAttribute(img, "src", src)
	})
	if err != nil { // Of a text in memory only because of how it is nested.
		return "", errUser(codeLimit, "The text is more complicated than what can be sent. Paste it as plain text.")
	}
	return s.policy.Sanitize(fragment), nil
}

// edited returns HTML for the composer of a page: sanitised, with addresses of its images, of which remote ones are not loaded. Cid
// returns the attachment with a content id, and may be nil. With signature, what was marked as one when it was saved is again.
func (s *Server) edited(text string, cid func(id string) (Attachment, bool), signature bool) string {
	cids := map[string]string{} // By address.
	doc := s.reader.long.Sanitize(text, htmlmail.Options{
		AllowRemote: true,
		RemoteURL:   placeholder,
		CID: func(id string) (string, bool) {
			if cid == nil {
				return "", false
			}
			at, ok := cid(id)
			cids[at.Address] = at.ContentID
			return at.Address, ok
		},
	})
	fragment, err := rewritten(strings.Trim(doc.Body, "\n"), func(n *html.Node) {
		// What is for readers of messages.
		class := attribute(n, "class")
		n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool {
			switch a.Key {
			case "class", "id", "name", "target", "rel", "referrerpolicy":
				return true
			case "title":
				return n.DataAtom == atom.A || strings.Contains(class, "mox-")
			}
			return false
		})
		switch {
		case n.DataAtom == atom.Img:
			if id := cids[attribute(n, "src")]; id != "" {
				setAttribute(n, cidAttribute, id)
			}
		case signature && n.DataAtom == atom.Div && class == signatureClass:
			setAttribute(n, signatureAttribute, "")
		case class == "mox-mixed" || class == "mox-piece":
			unwrap(n)
		}
	})
	if err != nil {
		return "" // Of a reader in memory.
	}
	return fragment
}

// rewritten returns a fragment of HTML with its elements changed.
func rewritten(fragment string, change func(n *html.Node)) (string, error) {
	nodes, err := html.ParseFragment(strings.NewReader(fragment), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		return "", err
	}
	root := &html.Node{Type: html.DocumentNode}
	for _, n := range nodes {
		root.AppendChild(n)
	}
	for _, n := range slices.Collect(root.Descendants()) {
		if n.Type == html.ElementNode {
			change(n)
		}
	}
	var b strings.Builder
	for n := root.FirstChild; n != nil; n = n.NextSibling {
		if err := html.Render(&b, n); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// unwrap puts what an element holds in its place.
func unwrap(n *html.Node) {
	for c := n.FirstChild; c != nil; c = n.FirstChild {
		n.RemoveChild(c)
		n.Parent.InsertBefore(c, n)
	}
	n.Parent.RemoveChild(n)
}

func hasAttribute(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Namespace == "" && a.Key == key })
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
