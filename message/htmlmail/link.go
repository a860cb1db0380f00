package htmlmail

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Link is a link of a message and what is to be said about it.
type Link struct {
	URL  string // The true target, in ASCII. http, https, mailto or tel.
	Host string // Of http and https in ASCII; of mailto the domain of the address. Empty if there is none.
	Text string // What is shown as the link, its beginning. May be empty.

	// TextHost is the host that the text names, when that belongs to others than the owner of Host: the
	// text says one place, the link leads to another. Newsletters do that too, to count clicks.
	TextHost string

	// Lookalike is Host with the letters it seems to have, when all its foreign letters look like Latin ones.
	Lookalike string

	// Userinfo is set when a name or password stood before the host, which can pass for a
	// host. They are not in URL.
	Userinfo bool
}

// Suspicious reports whether the link seems to lead where it does not.
func (l Link) Suspicious() bool { return l.TextHost != "" || l.Lookalike != "" || l.Userinfo }

// maxLinkText bounds the text of a link that is looked at, in bytes.
const maxLinkText = 500

// link makes an a or area element lead to another window, tell its target and nothing else, and reports it.
func (t *transformer) link(n *html.Node) {
	href := attr(n, "href")
	removeAttr(n, "href")
	if href == "" {
		return
	}
	u, ok := parseTarget(href)
	if !ok {
		return
	}
	switch u.scheme {
	case "":
		if len(u.rest) > 1 {
			setAttr(n, "href", "#"+namePrefix+u.rest[1:])
		}
		return
	case "http", "https", "mailto", "tel":
	default:
		return
	}
	text := attr(n, "alt")
	if n.Data == "a" {
		text = textOf(n, maxLinkText)
	}
	l := newLink(u, text)
	if len(t.doc.Links) < t.limits.Reports {
		t.doc.Links = append(t.doc.Links, l)
	}
	to := l.URL
	if t.opts.LinkPolicy != nil {
		if to, ok = t.opts.LinkPolicy(l); !ok {
			return
		}
	}
	setAttr(n, "href", to)
	setAttr(n, "title", l.URL)
	setAttr(n, "target", "_blank")
	setAttr(n, "rel", "noopener noreferrer nofollow")
}

// newLink tells what is to be said about a link.
func newLink(u target, text string) Link {
	l := Link{URL: u.String(), Host: u.host, Text: text, Userinfo: u.userinfo}
	if u.scheme == "mailto" {
		address, _, _ := strings.Cut(u.rest, "?")
		if s, err := url.PathUnescape(address); err == nil {
			address = s
		}
		l.Host = addressHost(address)
	}
	if l.Host == "" {
		return l
	}
	l.Lookalike = lookalike(l.Host)
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("<>()[]{}\"'“”‘’«»,;|", r)
	}) {
		host := wordHost(word)
		if host == "" {
			continue
		}
		if owner(host) == owner(l.Host) {
			l.TextHost = ""
			return l // The text names the target, whatever else it names.
		}
		if l.TextHost == "" {
			l.TextHost = host
		}
	}
	return l
}

// wordHost returns the host that readers see in a word: a URL, a name under a known suffix, or the domain of an
// address. It is in ASCII, empty if there is none.
func wordHost(word string) string {
	word = strings.TrimRight(strings.ToLower(word), ".:!?…")
	explicit := false
	for _, prefix := range []string{"https://", "http://"} {
		if s, ok := strings.CutPrefix(word, prefix); ok {
			word, explicit = s, true
		}
	}
	if i := strings.IndexAny(word, `/\?#`); i >= 0 {
		word = word[:i]
	}
	if host := addressHost(word); host != "" {
		return host
	}
	if i := strings.LastIndexByte(word, ':'); i >= 0 {
		word = word[:i]
	}
	if !strings.Contains(word, ".") || len(word) > 255 {
		return ""
	}
	host, ok := parseHost(word)
	if !ok {
		return ""
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if strings.HasPrefix(host, "www.") || explicit {
		return host
	}
	if _, icann := publicsuffix.PublicSuffix(host); !icann {
		return ""
	}
	return host
}

// addressHost returns the domain of a mail address, or "".
func addressHost(s string) string {
	i := strings.LastIndexByte(s, '@')
	if i <= 0 {
		return ""
	}
	host, ok := parseHost(strings.TrimSpace(s[i+1:]))
	if !ok || !strings.Contains(host, ".") {
		return ""
	}
	return host
}

// owner returns the name under which a host was registered.
func owner(host string) string {
	host = strings.TrimSuffix(host, ".")
	if name, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return name
	}
	return host
}

// lookalike returns what the name of a host looks like, or "" if it looks like what it is.
func lookalike(host string) string {
	if !strings.Contains(host, "xn--") {
		return ""
	}
	s, err := idna.ToUnicode(host)
	if err != nil || isASCII(s) || !isASCII(s[strings.LastIndexByte(s, '.')+1:]) {
		return ""
	}
	// Under a top-level domain in the same script it is what it looks like to those who read that.
	if s = strings.Map(latinOf, s); !isASCII(s) {
		return ""
	}
	return s
}

// textOf returns the text within a node with single spaces, at most max bytes.
func textOf(n *html.Node, max int) string {
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(cutText(n.Data, max-b.Len()))
		case n.Type == html.ElementNode && elements[n.Data].kind > kindFormat:
			if b.Len() < max {
				b.WriteByte(' ')
			}
			if n.Data == "img" {
				b.WriteString(cutText(attr(n, "alt"), max-b.Len()))
			}
		}
		for c := n.FirstChild; c != nil && b.Len() < max; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}
