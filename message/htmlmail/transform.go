package htmlmail

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// transformer reads the attributes of a tree as what they mean, and writes them again from that.
type transformer struct {
	opts   Options
	limits Limits
	doc    *Document
	styler styler
	hosts  map[string]int // Positions in doc.Remote.
	lines  bool           // Line ends of text are kept.
}

// ownStyle is the style of what this package adds. It comes last. What a message must not take away is important and in a layer: that
// wins over what is important in the message's own rules, however specific (CSS Cascade 5 §6.1), as those are in none.
const ownStyle = `.mox-text{white-space:pre-wrap;overflow-wrap:anywhere;font-family:inherit}
.mox-text blockquote{margin:0 0 0 .25em;padding-left:.75em;border-left:2px solid #8885}
@layer mox{img.mox-blocked,img.mox-missing{outline:1px dashed #888!important;outline-offset:-1px!important}
.mox-mixed{all:unset!important;color:#a8211b!important;background:#fde8e6!important;text-decoration:underline wavy!important}
.mox-piece{all:unset!important}}
details.mox-quote>summary{cursor:pointer;color:#4d5966;width:fit-content;padding:0 .75em;font:700 16px/22px sans-serif;list-style:none;border:1px solid #7a8490;border-radius:12px}
details.mox-quote>summary::-webkit-details-marker{display:none}
details.mox-quote[open]>summary{margin-bottom:.5em}
`

// tree handles a whole document.
func (t *transformer) tree(root *html.Node, styles []styleBlock) {
	htmlNode := find(root, "html")
	head, body := find(htmlNode, "head"), find(htmlNode, "body")
	var sheet []byte
	for _, st := range styles {
		sheet = t.sheet(sheet, st)
	}
	t.attributes(htmlNode)
	t.elements(body)
	t.additions(head, body, string(sheet))
}

// additions marks what readers should notice, and adds style sheets.
func (t *transformer) additions(head, body *html.Node, sheet string) {
	t.markMixed(body)
	t.markQuotes(body)
	divide(body, t.lines)
	style := newElement("style")
	style.AppendChild(&html.Node{Type: html.TextNode, Data: sheet + ownStyle})
	head.AppendChild(style)
}

// sheet appends what is allowed of a style sheet.
func (t *transformer) sheet(b []byte, st styleBlock) []byte {
	media := strings.TrimSpace(st.media)
	begin := len(b)
	if media != "" && !strings.EqualFold(media, "all") {
		p := &cssParser{cssLexer: cssLexer{s: media}}
		l, _ := p.prelude(false)
		query, ok := appendMedia(nil, l)
		if !ok {
			return b
		}
		b = append(append(append(b, "@media "...), query...), "{\n"...)
	}
	inside := len(b)
	if b = t.styler.sheet(b, st.text); len(b) == inside {
		return b[:begin]
	}
	if inside > begin {
		b = append(b, "}\n"...)
	}
	if t.styler.rules <= 0 {
		t.doc.Exceeded |= ExceededStyle
	}
	return b
}

func newElement(name string, attrs ...html.Attribute) *html.Node {
	return &html.Node{Type: html.ElementNode, Data: name, Attr: attrs}
}

// find returns the child with a name. Parsed documents have html, head and body.
func find(n *html.Node, name string) *html.Node {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && c.Data == name {
			return c
		}
	}
	return nil
}

// elements handles an element and all within.
func (t *transformer) elements(n *html.Node) {
	switch n.Type {
	case html.ElementNode:
		t.attributes(n)
		switch n.Data {
		case "img":
			t.img(n)
		case "a", "area":
			t.link(n)
		}
	case html.TextNode:
	default: // No comments or others come out of the policy.
		n.Parent.RemoveChild(n)
		return
	}
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		t.elements(c)
		c = next
	}
}

// attributes keeps those attributes of an element whose values mean something harmless.
func (t *transformer) attributes(n *html.Node) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Namespace != "" })
	kept := n.Attr[:0]
	for _, a := range n.Attr {
		val, ok := t.value(a.Key, a.Val)
		if ok {
			kept = append(kept, html.Attribute{Key: a.Key, Val: val})
		}
	}
	n.Attr = kept
}

// value returns an attribute's value in the form that is written. Those with URLs of elements are left to img and link.
func (t *transformer) value(key, val string) (string, bool) {
	switch key {
	case "class":
		names := strings.Fields(val)
		names = slices.DeleteFunc(names, func(s string) bool { return !allowedClass(s) })
		return strings.Join(names, " "), len(names) > 0 && len(names) <= 50
	case "style":
		val = t.styler.attribute(val)
		return val, val != ""
	case "id", "name":
		return namePrefix + val, val != "" && len(val) <= 200 && !strings.ContainsAny(val, " \t\n\f")
	case "usemap":
		name, ok := strings.CutPrefix(val, "#")
		return "#" + namePrefix + name, ok
	case "href", "src":
		return val, true
	case "background":
		return t.image(val)
	case "alt", "title", "aria-label", "summary", "abbr", "axis", "face":
		return cutText(val, 1000), true
	case "colspan", "rowspan", "span":
		n, err := strconv.Atoi(strings.TrimSpace(val))
		return strconv.Itoa(min(n, 200)), err == nil && n > 0
	case "width", "height", "border", "hspace", "vspace", "cellpadding", "cellspacing", "size", "start", "value", "charoff",
		"leftmargin", "topmargin", "rightmargin", "bottommargin", "marginwidth", "marginheight":
		val = strings.TrimSpace(val)
		return val, isLength(val)
	case "bgcolor", "color", "text", "link", "alink", "vlink", "bordercolor":
		return val, len(val) <= 50 && onlyChars(val, "#(),.% ")
	case "lang":
		return val, len(val) <= 40 && onlyChars(val, "-")
	case "dir":
		val = strings.ToLower(val)
		return val, val == "ltr" || val == "rtl" || val == "auto"
	case "role":
		val = strings.ToLower(val)
		return val, val == "presentation" || val == "none"
	case "coords":
		return val, len(val) <= 1000 && onlyChars(val, "., %-")
	case "hidden", "compact", "nowrap", "noshade", "ismap", "reversed", "nohref":
		return "", true
	case "align", "valign", "clear", "type", "shape", "scope", "rules", "frame", "wrap", "char", "aria-hidden":
		return val, len(val) <= 20 && onlyChars(val, "-.,")
	}
	return "", false
}

// isLength reports whether s is a number with or without a unit, as HTML has them.
func isLength(s string) bool {
	rest := strings.TrimLeft(s, "0123456789.+-")
	if len(rest) == len(s) || len(s)-len(rest) > 10 {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(rest)) {
	case "", "%", "px", "pt", "em", "*":
		return true
	}
	return false
}

// onlyChars reports whether s has only letters and digits of ASCII and the given characters.
func onlyChars(s, more string) bool {
	for i := range len(s) {
		c := s[i]
		if !isDigit(c) && !('a' <= c|0x20 && c|0x20 <= 'z') && strings.IndexByte(more, c) < 0 {
			return false
		}
	}
	return true
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func setAttr(n *html.Node, key, val string) {
	for i, a := range n.Attr {
		if a.Key == key {
			n.Attr[i].Val = val
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: key, Val: val})
}

func removeAttr(n *html.Node, key string) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func addClass(n *html.Node, name string) {
	if class := attr(n, "class"); class != "" {
		name = class + " " + name
	}
	setAttr(n, "class", name)
}

// img gives an image the address it is loaded from, or marks it as blocked or missing.
func (t *transformer) img(n *html.Node) {
	src := attr(n, "src")
	removeAttr(n, "src")
	u, ok := parseTarget(src)
	if !ok {
		return
	}
	mapped, ok := t.imageTarget(u)
	switch {
	case ok:
		setAttr(n, "src", mapped)
		if u.isWeb() {
			setAttr(n, "referrerpolicy", "no-referrer")
		}
	case u.isWeb() && !isTiny(n):
		addClass(n, "mox-blocked")
	case u.scheme == "cid":
		addClass(n, "mox-missing")
	}
}

// isTiny reports whether an image is too small to be seen, as those that only tell of being loaded.
func isTiny(n *html.Node) bool {
	tiny := func(s string) bool { return s == "0" || s == "1" || s == "0px" || s == "1px" }
	return tiny(attr(n, "width")) || tiny(attr(n, "height"))
}

// image returns the address from which an image is loaded, if it may be.
func (t *transformer) image(s string) (string, bool) {
	u, ok := parseTarget(s)
	if !ok {
		return "", false
	}
	return t.imageTarget(u)
}

func (t *transformer) imageTarget(u target) (string, bool) {
	switch u.scheme {
	case "data":
		return u.dataImage(t.limits.DataImage)
	case "cid":
		return t.cid(u.rest)
	case "http", "https":
		t.remote(u.host)
		if !t.opts.AllowRemote {
			return "", false
		}
		if t.opts.RemoteURL != nil {
			return t.opts.RemoteURL(u.String()), true
		}
		return u.String(), true
	}
	return "", false
}

func (t *transformer) cid(escaped string) (string, bool) {
	id, err := url.PathUnescape(escaped)
	if err != nil {
		return "", false
	}
	if t.opts.CID != nil {
		if mapped, ok := t.opts.CID(id); ok {
			t.doc.CIDs = t.report(t.doc.CIDs, id)
			return mapped, true
		}
	}
	t.doc.MissingCIDs = t.report(t.doc.MissingCIDs, id)
	return "", false
}

// report adds a name to a list once, if there is room.
func (t *transformer) report(l []string, name string) []string {
	if len(l) >= t.limits.Reports || slices.Contains(l, name) {
		return l
	}
	return append(l, name)
}

func (t *transformer) remote(host string) {
	t.doc.RemoteCount++
	if t.hosts == nil {
		t.hosts = map[string]int{}
	}
	i, ok := t.hosts[host]
	if !ok {
		if len(t.doc.Remote) >= t.limits.Reports {
			return
		}
		i = len(t.doc.Remote)
		t.hosts[host] = i
		t.doc.Remote = append(t.doc.Remote, RemoteHost{Host: host})
	}
	t.doc.Remote[i].Count++
}
