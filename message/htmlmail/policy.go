package htmlmail

import (
	"strings"

	"github.com/microcosm-cc/bluemonday"
)

// newPolicy returns the policy for balanced markup. It knows names of elements and attributes and schemes of
// URLs; what the values mean is looked at later.
func newPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowRelativeURLs(true) // References within the message. Others are gone already.
	p.RequireParseableURLs(true)
	p.AllowURLSchemes("http", "https", "mailto", "tel", "cid", "data")
	allow := func(name, attrs string) {
		p.AllowElements(name)
		p.AllowNoAttrs().OnElements(name)
		if attrs != "" {
			p.AllowAttrs(strings.Fields(attrs)...).OnElements(name)
		}
	}
	for name, e := range elements {
		switch {
		case e.kind == kindUnknown || e.kind == kindSkip:
		case e.as != "":
			allow(e.as, e.attrs)
		default:
			allow(name, e.attrs)
		}
	}
	allow("html", "")
	allow("head", "")
	allow("body", bodyAttrs)
	p.AllowAttrs(strings.Fields(globalAttrs)...).Globally()
	return p
}
