package webmail

import (
	"html"
	"io"
	"slices"
	"strings"

	"mox/message"
	"mox/message/htmlmail"
	"mox/store"
)

// leaf is a part without parts, and where it is.
type leaf struct {
	path string
	part *message.Part
}

// layout says which parts of a message are its text, and which are files that came with it.
type layout struct {
	html, text []leaf // What is shown in each form, one after the other.
	isHTML     bool   // Some part of html is text/html.
	files      []leaf
	calendar   bool
	byCID      map[string]leaf
}

// maxShown bounds the parts that are shown as text, and maxFiles those that are listed as attachments.
const (
	maxShown = 50
	maxFiles = 1000
)

// layoutOf returns the layout of a message.
func layoutOf(l *letter) *layout {
	lay := &layout{byCID: map[string]leaf{}}
	t := lay.of(l.root, rootPath(l.path, l.root), false)
	lay.html, lay.text, lay.isHTML = t.html[:min(len(t.html), maxShown)], t.text[:min(len(t.text), maxShown)], t.isHTML
	return lay
}

// rootPath returns the path under which the parts of a message are counted, or that of its only part.
func rootPath(path string, root *message.Part) string {
	if root.IsMultipart() {
		return path
	}
	return below(path, 1)
}

// bodyText is what a part has to show, in two forms.
type bodyText struct {
	html, text []leaf
	isHTML     bool
}

// of returns the text of a part, and adds files. Within related, images belong to the text.
func (lay *layout) of(p *message.Part, path string, related bool) bodyText {
	if !p.IsMultipart() {
		return lay.leaf(leaf{path, p})
	}
	child := func(i int) bodyText { return lay.of(p.Parts[i], below(path, i+1), related) }
	switch p.Subtype {
	case "alternative":
		return lay.alternative(p, child)
	case "signed":
		// The second part is for programs (RFC 1847 §2.1).
		return child(0)
	case "encrypted":
		for i := 1; i < len(p.Parts); i++ {
			child(i)
		}
		return bodyText{}
	}
	var all bodyText
	for i := range p.Parts {
		t := child(i)
		all.html, all.text, all.isHTML = append(all.html, t.html...), append(all.text, t.text...), all.isHTML || t.isHTML
		if len(all.html) > 4*maxShown {
			all.html, all.text = all.html[:maxShown], all.text[:maxShown]
		}
	}
	return all
}

// alternative returns the text of a multipart/alternative: in each form the last one that has it, as the best one comes
// last (RFC 2046 §5.1.4).
func (lay *layout) alternative(p *message.Part, child func(i int) bodyText) bodyText {
	var best bodyText
	plain := false
	for i := range p.Parts {
		t := child(i)
		if len(t.html) == 0 {
			continue
		}
		if t.isHTML {
			best.html, best.isHTML = t.html, true
		} else if !best.isHTML {
			best.html = t.html
		}
		if !t.isHTML || !plain {
			best.text = t.text
			plain = plain || !t.isHTML
		}
	}
	return best
}

func (lay *layout) leaf(f leaf) bodyText {
	p := f.part
	if id := contentID(p); id != "" {
		if _, have := lay.byCID[id]; !have {
			lay.byCID[id] = f
		}
	}
	if p.Type == "text" && p.Subtype == "calendar" {
		lay.calendar = true
	}
	if isShown(p) {
		return bodyText{[]leaf{f}, []leaf{f}, p.Subtype == "html"}
	}
	lay.files = append(lay.files, f)
	return bodyText{}
}

// isShown tells whether a part is text to be read in the message.
func isShown(p *message.Part) bool {
	if p.Type != "text" || p.Disposition == "attachment" {
		return false
	}
	switch p.Subtype {
	case "plain", "html":
		return p.Disposition == "inline" || p.Filename() == ""
	case "calendar", "vcard", "x-vcard", "directory", "css", "javascript", "csv", "rtf", "xml", "rfc822-headers", "x-amp-html":
		return false
	}
	return p.Filename() == ""
}

// contentID returns the Content-ID of a part without brackets.
func contentID(p *message.Part) string {
	return strings.Trim(strings.TrimSpace(p.ContentID), "<>")
}

// docKey tells the documents of an email apart.
type docKey struct {
	path   string // Of the message within it.
	kind   BodyKind
	remote remoteKind
	whole  bool // Up to longText rather than shortText.
}

// remoteKind is how images from elsewhere are shown.
type remoteKind uint8

const (
	remoteNone   remoteKind = iota
	remoteProxy             // This server fetches them.
	remoteDirect            // The browser does.
)

// document is the text of a message, made for a browser.
type document struct{ htmlmail.Document }

// document returns the text of a message in a form. The content of the email is in content.
func (r *reader) document(content io.ReaderAt, l *letter, lay *layout, key docKey) (*document, error) {
	o := l.opened
	o.docMu.Lock()
	defer o.docMu.Unlock()
	if d := o.docs[key]; d != nil {
		return d, nil
	}
	d := &document{}
	var err error
	if key.kind == BodyHTML {
		d.Document, err = r.html(content, o.key.email, lay, key)
	} else {
		d.Document, err = r.text(content, lay, key)
	}
	if err != nil {
		return nil, err
	}
	d.Body = "" // Nobody quotes it.
	if len(o.docs) >= maxDocs {
		clear(o.docs)
		r.grown(o, -o.docBytes)
		o.docBytes = 0
	}
	size := int64(len(d.HTML)) + 4<<10
	o.docs[key] = d
	o.docBytes += size
	r.grown(o, size)
	return d, nil
}

// bestDocument returns the text of a message in the best form, without what it would load from elsewhere. Facts
// about the message are from that.
func (s *Server) bestDocument(content io.ReaderAt, l *letter, lay *layout) (*document, error) {
	key := docKey{path: l.path, kind: BodyText}
	if lay.isHTML {
		key.kind = BodyHTML
	}
	return s.reader.document(content, l, lay, key)
}

// shown returns the parts that a document shows.
func (lay *layout) shown(doc *document) map[*message.Part]bool {
	shown := map[*message.Part]bool{}
	for _, f := range slices.Concat(lay.html, lay.text) {
		shown[f.part] = true
	}
	for _, id := range doc.CIDs {
		shown[lay.byCID[id].part] = true
	}
	return shown
}

// attachments returns the files that a document does not show.
func (lay *layout) attachments(doc *document) []leaf {
	shown := lay.shown(doc)
	return slices.DeleteFunc(slices.Clone(lay.files), func(f leaf) bool { return shown[f.part] })
}

// html returns the text as HTML. Parts in plain text stand between those in HTML as they are.
func (r *reader) html(content io.ReaderAt, email store.EmailID, lay *layout, key docKey) (htmlmail.Document, error) {
	sanitizer, limit := r.short, shortText
	if key.whole {
		sanitizer, limit = r.long, longText
	}
	var b strings.Builder
	for _, f := range lay.html {
		s, err := readText(content, f.part, limit-b.Len())
		if err != nil {
			return htmlmail.Document{}, err
		}
		if f.part.Subtype == "html" {
			b.WriteString(s)
		} else {
			b.WriteString(`<pre style="white-space:pre-wrap;font-family:inherit">` + "\n" + html.EscapeString(s) + "</pre>")
		}
		if b.Len() > limit {
			break
		}
	}
	opts := htmlmail.Options{
		AllowRemote: key.remote != remoteNone,
		FoldQuotes:  true,
		CID: func(id string) (string, bool) {
			f, ok := lay.byCID[id]
			if !ok || inlineType(f.part) == "" {
				return "", false
			}
			return "./part/" + f.path + "?inline=1", true
		},
	}
	if key.remote == remoteProxy {
		opts.RemoteURL = func(target string) string { return r.remoteAddress(email, target) }
	}
	return sanitizer.Sanitize(b.String(), opts), nil
}

// text returns the text as plain text. Of what there is in HTML only it is made from that.
func (r *reader) text(content io.ReaderAt, lay *layout, key docKey) (htmlmail.Document, error) {
	sanitizer, limit := r.shortPlain, shortPlain
	if key.whole {
		sanitizer, limit = r.long, longText
	}
	opts := htmlmail.TextOptions{Options: htmlmail.Options{FoldQuotes: true}}
	if len(lay.text) > 0 {
		opts.Flowed = !slices.ContainsFunc(lay.text, func(f leaf) bool { return !isFlowed(f.part) })
		opts.DelSp = strings.EqualFold(lay.text[0].part.Param("delsp"), "yes")
	}
	var b strings.Builder
	for _, f := range lay.text {
		s, err := readText(content, f.part, limit-b.Len())
		if err != nil {
			return htmlmail.Document{}, err
		}
		if f.part.Subtype == "html" {
			s = sanitizer.ToText(s)
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(s)
		if b.Len() > limit {
			break
		}
	}
	return sanitizer.FromText(b.String(), opts), nil
}

// isFlowed tells whether a part has format=flowed (RFC 3676 §4.1).
func isFlowed(p *message.Part) bool {
	return p.Subtype == "plain" && strings.EqualFold(p.Param("format"), "flowed")
}

// readText returns the text of a part, as far as the limit and a little more: so it is seen that there is more. What cannot be
// decoded ends it; what cannot be read is an error, as a beginning must not pass for all there is.
func readText(content io.ReaderAt, p *message.Part, limit int) (string, error) {
	r := faultReader{ReaderAt: content}
	text, err := io.ReadAll(io.LimitReader(p.TextReader(&r), int64(max(limit, 0))+100))
	if r.err != nil {
		return "", r.err
	}
	if err == nil || len(text) > 0 {
		return string(text), nil
	}
	return "", err
}

// faultReader remembers an error of reading.
type faultReader struct {
	io.ReaderAt
	err error
}

// ReadAt implements io.ReaderAt.
func (f *faultReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.ReaderAt.ReadAt(p, off)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}
