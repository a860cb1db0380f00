package htmlmail

import "strings"

// FrameSandbox is the value of the sandbox attribute for the frame of a document: links open in windows of their own,
// nothing else is allowed.
const FrameSandbox = "allow-popups allow-popups-to-escape-sandbox"

// FramePolicy says what a document in a frame may do.
type FramePolicy struct {
	// Images are the sources, as in a Content-Security-Policy, of the images for which Options gives
	// addresses: "'self'", or an origin with or without a path.
	Images []string

	// AllowRemote allows images from everywhere. As Options.AllowRemote, without RemoteURL.
	AllowRemote bool

	// Ancestors are the sources that may hold the frame, "'self'" if there are none.
	Ancestors []string

	// SameOrigin keeps the origin of the document, so that the page around it can measure it. It needs
	// "allow-same-origin" in the sandbox attribute too. It gives the document nothing, as there are no scripts.
	SameOrigin bool
}

// ContentSecurityPolicy returns the value of the Content-Security-Policy field with which a [Document] is served. It
// forbids everything except styles in the document, images as allowed, and links to new windows. Fields that
// go with it are "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer" and "Content-Type: text/html;
// charset=utf-8". Sources that are not valid ones are left out.
func ContentSecurityPolicy(p FramePolicy) string {
	img := append([]string{"data:"}, sources(p.Images)...)
	if p.AllowRemote {
		img = append(img, "http:", "https:")
	}
	ancestors := sources(p.Ancestors)
	if len(ancestors) == 0 {
		ancestors = []string{"'self'"}
	}
	sandbox := FrameSandbox
	if p.SameOrigin {
		sandbox = "allow-same-origin " + sandbox
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'none'",
		"style-src 'unsafe-inline'",
		"img-src " + strings.Join(img, " "),
		"form-action 'none'",
		"base-uri 'none'",
		"frame-ancestors " + strings.Join(ancestors, " "),
		"sandbox " + sandbox,
	}, "; ")
}

// sources returns those sources that cannot end their directive or allow everything.
func sources(l []string) []string {
	var out []string
	for _, s := range l {
		bad := strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ';' || r == ',' || r == '"' || r == '*' })
		if s == "'self'" || s != "" && !bad && !strings.Contains(s, "'") && strings.Contains(s, "://") {
			out = append(out, s)
		}
	}
	return out
}
