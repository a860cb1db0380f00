package htmlmail

import (
	"bytes"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
)

// Limits bound the time and memory that a message can take, and its size in the browser. What is
// beyond a limit is left out, see [Exceeded]. A zero field means the default.
type Limits struct {
	Input      int // Bytes of the text that are read, 4 MiB by default.
	Depth      int // Elements within each other, 160 by default, at most 400.
	Elements   int // 50,000 by default.
	Attributes int // Of one element, 50 by default.
	Style      int // Bytes of style sheets, 512 KiB by default.
	DataImage  int // Bytes of an image in a data URL, 1 MiB by default.
	Marks      int // Elements that mark words, 5,000 by default.
	Reports    int // Links, hosts, content ids and marked words in a Document, 1000 each by default.
}

func (l *Limits) setDefaults() {
	for _, f := range []struct {
		value *int
		def   int
	}{{&l.Input, 4 << 20}, {&l.Depth, 160}, {&l.Elements, 50_000}, {&l.Attributes, 50}, {&l.Style, 512 << 10}, {&l.DataImage, 1 << 20}, {&l.Marks, 5000}, {&l.Reports, 1000}} {
		if *f.value <= 0 {
			*f.value = f.def
		}
	}
	l.Depth = min(l.Depth, 400) // Package html refuses 512, implied elements included.
}

// Exceeded is a set of limits that a message went beyond.
type Exceeded uint8

const (
	ExceededInput      Exceeded = 1 << iota // The end of the text is missing.
	ExceededDepth                           // Elements are missing, their text is there.
	ExceededElements                        // Elements are missing, their text is there.
	ExceededAttributes                      // Attributes are missing.
	ExceededStyle                           // Style rules are missing.
	ExceededStructure                       // The markup means different things to different readers: only its text is shown.
	ExceededMarks                           // Not all words that mix scripts are marked. The body element has the class mox-unmarked.
)

// Has reports whether all limits of f are in e.
func (e Exceeded) Has(f Exceeded) bool { return e&f == f }

// Options say how a message is to be shown. The functions are called during the call that they are
// given to.
type Options struct {
	// AllowRemote lets the document load images from the addresses that the message names.
	// The user is to decide that: each load tells the sender that, when and where the message was read.
	AllowRemote bool

	// RemoteURL gives the address under which a remote image is loaded instead of its own, such as that of a proxy.
	// Nil leaves it. Only used with AllowRemote.
	RemoteURL func(url string) string

	// CID returns the address of the part with a Content-ID (RFC 2392), given without angle brackets. The address is
	// trusted. Nil, or not ok, shows the image as missing.
	CID func(contentID string) (url string, ok bool)

	// LinkPolicy returns the address that a link leads to, instead of its URL. If it is not ok the link leads nowhere.
	// Nil leaves all links.
	LinkPolicy func(l Link) (href string, ok bool)

	// FoldQuotes puts quoted text that ends a message into a details element, closed at first.
	FoldQuotes bool
}

// Document is the text of a message made for a browser. It belongs to the caller.
type Document struct {
	// HTML is the whole document in UTF-8: <!DOCTYPE html> and an html element. It holds no
	// scripts, forms or frames and loads nothing except what Options allowed. Whoever shows it serves it with
	// ContentSecurityPolicy in a frame with the sandbox attribute.
	HTML string

	// Body is what the body element of HTML holds, for quoting it in another message. Style sheets are not in it.
	Body string

	Remote      []RemoteHost // The hosts from which images are loaded or, without AllowRemote, would be, in order of appearance.
	RemoteCount int          // Number of references to them.

	CIDs        []string // Content ids of parts that the document shows, which so need not be listed as attachments.
	MissingCIDs []string // Content ids for which there was no part.

	Links []Link   // In order of appearance. Links within the message are not listed.
	Mixed []string // Words that mix scripts in which letters look alike. They are marked in the text.

	Quotes int // Pieces of quoted text.
	Folded bool

	Exceeded Exceeded // Why something is missing.
}

// RemoteHost is a host that a message wants something from.
type RemoteHost struct {
	Host  string // In ASCII, without port.
	Count int    // References.
}

// Sanitizer makes documents of messages. It can be used concurrently.
type Sanitizer struct {
	limits Limits
	policy *bluemonday.Policy // Not changed after it was made.
}

// New returns a sanitizer.
func New(limits Limits) *Sanitizer {
	limits.setDefaults()
	return &Sanitizer{limits, newPolicy()}
}

// Sanitize returns a document with what may be shown of the HTML of a message, which is in UTF-8. There are no
// errors: whatever the input is, something can be shown, if only its text.
func (s *Sanitizer) Sanitize(input string, opts Options) Document {
	var doc Document
	b, root := s.parse(input)
	doc.Exceeded = b.exceeded
	if root != nil {
		t := transformer{opts: opts, limits: s.limits, doc: &doc}
		t.styler = styler{image: t.image, rules: maxRules}
		t.tree(root, b.styles)
		if t.finish(root) {
			return doc
		}
	}
	// What is known so far may be about another document than the one that is shown.
	opts.AllowRemote = false
	doc = s.FromText(plainTokens(input, s.limits.Input), TextOptions{Options: opts})
	doc.Exceeded |= b.exceeded | ExceededStructure
	return doc
}

// maxRules bounds the number of style rules, as each may be matched with each element.
const maxRules = 3000

// parse returns the tree of a message after the structure and the names in it were sanitised, or nil if there is no such
// tree.
func (s *Sanitizer) parse(input string) (*balancer, *html.Node) {
	b := &balancer{limits: s.limits, dropped: map[string]int{}}
	if len(input) > s.limits.Input {
		input = cutText(input, s.limits.Input)
		b.exceeded |= ExceededInput
	}
	b.out.Grow(len(input) + len(input)/8)
	b.write(input)
	markup := s.policy.SanitizeReader(bytes.NewReader(b.document()))
	root, err := parseDocument(markup.String())
	if err != nil {
		return b, nil
	}
	return b, root
}

const doctype = "<!DOCTYPE html>"

func parseDocument(markup string) (*html.Node, error) {
	if !strings.HasPrefix(markup, doctype) {
		markup = doctype + markup
	}
	// Frames are shown with scripts switched off: then noscript is an element like others.
	return html.ParseWithOptions(strings.NewReader(markup), html.ParseOptionEnableScripting(false))
}

// finish writes the tree into the document. What is written is read and written again until that changes nothing, and
// the tree of that is checked, because it is what browsers will see. It reports false if that does not come
// to an end.
func (t *transformer) finish(root *html.Node) bool {
	var last string
	for range 6 {
		var buf strings.Builder
		if html.Render(&buf, root) != nil {
			return false
		}
		markup := buf.String()
		if markup == last {
			if !wellFormed(root) {
				return false
			}
			t.doc.HTML = markup
			t.doc.Body = inner(markup)
			return true
		}
		last = markup
		var err error
		if root, err = parseDocument(markup); err != nil {
			return false
		}
	}
	return false
}

// inner returns what is between the tags of the body of a document as it was rendered.
func inner(markup string) string {
	_, s, _ := strings.Cut(markup, "<body")
	_, s, _ = strings.Cut(s, ">") // In values it is escaped.
	return strings.TrimSuffix(s, "</body></html>")
}

// wellFormed reports whether a tree has only what documents may have.
func wellFormed(n *html.Node) bool {
	switch n.Type {
	case html.ElementNode:
		if n.Namespace != "" {
			return false
		}
		own := ""
		switch n.Data {
		case "html", "head", "details", "summary":
		case "style":
			if n.Parent.Data != "head" || len(n.Attr) > 0 {
				return false
			}
		case "body":
			own = bodyAttrs
		default:
			e := elements[n.Data]
			if e.kind == kindUnknown || e.kind == kindSkip || e.as != "" {
				return false
			}
			own = e.attrs
		}
		for _, a := range n.Attr {
			if a.Namespace != "" || !hasWord(globalAttrs, a.Key) && !hasWord(own, a.Key) && !hasWord(addedAttrs(n.Data), a.Key) {
				return false
			}
		}
	case html.TextNode, html.DocumentNode, html.DoctypeNode:
	default:
		return false
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if !wellFormed(c) {
			return false
		}
	}
	return true
}

// addedAttrs returns the attributes that this package itself adds to elements.
func addedAttrs(name string) string {
	switch name {
	case "a", "area":
		return "rel target"
	case "img":
		return "referrerpolicy"
	case "ul", "ol":
		return "compact type" // Of menu and dir, which are written as lists.
	case "pre", "div":
		return "height width bgcolor" // Of marquee.
	}
	return ""
}
