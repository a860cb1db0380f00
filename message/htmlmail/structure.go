package htmlmail

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// balancer writes the tokens of a message again as markup that is nested as parsers would nest it, so that
// neither the order of tags nor their number can make a parser build something else or something
// huge: each element that is opened is closed, p does not hold blocks, tables hold rows and rows hold cells, a link is not
// within another, depth and number of elements are bounded.
type balancer struct {
	limits Limits
	out    bytes.Buffer
	open   []openElement
	reopen []openElement // Formatting that ended with a block around it and goes on behind.

	// Start tags left out because of the depth, by name: their end tags must not end others.
	dropped map[string]int

	elements int // Written.
	exceeded Exceeded

	htmlAttrs, bodyAttrs []html.Attribute
	styles               []styleBlock
	styleSize            int
}

// styleBlock is the content of a style element.
type styleBlock struct{ media, text string }

// openElement is an element that was written and not closed.
type openElement struct {
	name  string
	kind  kind
	tag   string // The start tag, of formatting that may be opened again.
	cells int    // Number of cells around it.
	ended bool   // Its end tag was seen where it cannot be closed yet.
}

// Bounds of formatting that is opened again. Together with that of elements they bound the size of the output.
const (
	maxReopen    = 8
	maxReopenTag = 256
)

// write reads all of s.
func (b *balancer) write(s string) {
	z := newTokens(s)
	for typ := z.next(); typ != html.ErrorToken; typ = z.next() {
		b.token(z, typ)
	}
	b.closeTo(0)
}

// token handles one token. Comments, conditional ones too, and doctypes are left out.
func (b *balancer) token(z *tokens, typ html.TokenType) {
	switch typ {
	case html.TextToken:
		b.text(string(z.Text()))
	case html.StartTagToken, html.SelfClosingTagToken:
		raw, more := z.TagName()
		name := string(raw)
		b.startTag(z, typ, name, more)
	case html.EndTagToken:
		raw, _ := z.TagName()
		b.end(string(raw))
	}
}

func (b *balancer) startTag(z *tokens, typ html.TokenType, name string, more bool) {
	e := elements[name]
	switch {
	case name == "noscript" || name == "noframes" || name == "noembed":
		// What is in them is there for readers like this one.
		z.notRawText()
	case e.kind == kindSkip:
		b.skip(z, typ, name, more)
	case e.kind != kindUnknown || name == "body" || name == "html":
		b.start(name, e, b.attributes(z, name, e, more))
	}
}

// attributes returns those attributes of a tag that its element may have, with URLs in canonical form.
func (b *balancer) attributes(z *tokens, name string, e element, more bool) []html.Attribute {
	var l []html.Attribute
	own := e.attrs
	if name == "body" {
		own = bodyAttrs
	}
	for n := 0; more; n++ {
		if n >= b.limits.Attributes {
			b.exceeded |= ExceededAttributes
			break
		}
		var k, v []byte
		k, v, more = z.TagAttr()
		key := string(k)
		if !hasWord(globalAttrs, key) && !hasWord(own, key) {
			continue
		}
		val := cleanText(string(v))
		switch key {
		case "href", "src", "background":
			t, ok := parseTarget(val)
			if !ok {
				continue
			}
			if t.scheme == "data" {
				if val, ok = t.dataImage(b.limits.DataImage); !ok {
					continue
				}
				break
			}
			val = t.String()
			if t.userinfo { // To be noticed again, whatever it was.
				val = strings.Replace(val, "://", "://-@", 1)
			}
		}
		l = append(l, html.Attribute{Key: key, Val: val})
	}
	if name == "nobr" {
		l = append(slices.DeleteFunc(l, func(a html.Attribute) bool { return a.Key == "style" }), html.Attribute{Key: "style", Val: "white-space: nowrap"})
	}
	return l
}

// hasWord reports whether a word is in a list separated by spaces.
func hasWord(list, word string) bool {
	if word == "" {
		return false
	}
	for {
		i := strings.Index(list, word)
		if i < 0 {
			return false
		}
		end := i + len(word)
		if (i == 0 || list[i-1] == ' ') && (end == len(list) || list[end] == ' ') {
			return true
		}
		list = list[end:]
	}
}

// skip leaves out an element with its content. A style element is taken aside.
func (b *balancer) skip(z *tokens, typ html.TokenType, name string, more bool) {
	media := ""
	for n := 0; name == "style" && more && n < b.limits.Attributes; n++ {
		var k, v []byte
		if k, v, more = z.TagAttr(); string(k) == "media" {
			media = string(v)
		}
	}
	foreign := name == "svg" || name == "math"
	if typ == html.SelfClosingTagToken && foreign {
		return
	}
	for depth := 1; depth > 0; {
		switch t := z.next(); t {
		case html.ErrorToken:
			return
		case html.TextToken:
			if name == "style" {
				b.style(media, string(z.Raw()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			raw, more := z.TagName()
			inner := string(raw)
			switch {
			case name == "select" && inner == name:
				return // Parsers take it as an end tag.
			case inner == name && t == html.StartTagToken:
				depth++
			case foreign && inHTML(inner) || name == "select" && inner != "option" && inner != "optgroup" && inner != "hr":
				// The author forgot the end tag.
				b.startTag(z, t, inner, more)
				return
			}
		case html.EndTagToken:
			if raw, _ := z.TagName(); string(raw) == name {
				depth--
			}
		}
	}
}

func (b *balancer) style(media, text string) {
	if room := b.limits.Style - b.styleSize; len(text) > room {
		b.exceeded |= ExceededStyle
		text = text[:max(0, room)]
	}
	b.styleSize += len(text)
	b.styles = append(b.styles, styleBlock{media, text})
}

// text writes text, in a cell if a table has none for it.
func (b *balancer) text(s string) {
	s = cleanText(s)
	if s == "" {
		return
	}
	if strings.Trim(s, " \t\n\f") != "" {
		b.makeCell()
		b.reopenFormatting()
	}
	b.out.WriteString(html.EscapeString(s))
}

// current returns the kind of the innermost element that is open.
func (b *balancer) current() kind {
	if len(b.open) == 0 {
		return kindBlock
	}
	return b.open[len(b.open)-1].kind
}

// inTable reports whether only parts of tables may come.
func (b *balancer) inTable() bool {
	switch b.current() {
	case kindTable, kindSection, kindRow, kindColumns:
		return true
	}
	return false
}

// makeCell opens a cell for content directly within a table. Parsers put such content before the table, with
// the formatting of everything around.
func (b *balancer) makeCell() {
	if !b.inTable() {
		return
	}
	if b.current() == kindColumns {
		b.closeTo(len(b.open) - 1)
	}
	if b.current() == kindTable {
		b.push("tbody", elements["tbody"], nil)
	}
	if b.current() == kindSection {
		b.push("tr", elements["tr"], nil)
	}
	if b.current() == kindRow {
		b.push("td", elements["td"], nil)
	}
}

// start handles a start tag of a known element.
func (b *balancer) start(name string, e element, attrs []html.Attribute) {
	switch name {
	case "html":
		b.htmlAttrs = mergeAttrs(b.htmlAttrs, attrs)
		return
	case "body":
		b.bodyAttrs = mergeAttrs(b.bodyAttrs, attrs)
		return
	}
	if e.as != "" {
		name = e.as
		e.kind = elements[name].kind
	}
	if b.elements >= b.limits.Elements {
		b.exceeded |= ExceededElements
		b.drop(name)
		return
	}
	if !b.makeRoom(name, e) {
		b.drop(name)
		return
	}
	b.push(name, e, attrs)
}

func mergeAttrs(l, more []html.Attribute) []html.Attribute {
	for _, a := range more {
		if !slices.ContainsFunc(l, func(x html.Attribute) bool { return x.Key == a.Key }) {
			l = append(l, a)
		}
	}
	return l
}

func (b *balancer) drop(name string) {
	if elements[name].kind != kindVoid {
		b.dropped[name]++
	}
}

// makeRoom ends what the start of an element ends, and reports whether the element may stand there.
func (b *balancer) makeRoom(name string, e element) bool {
	switch e.kind {
	case kindSection, kindRow, kindColumns, kindCell:
		return b.makeTableRoom(name, e.kind)
	case kindVoid:
		if name == "col" {
			if b.current() == kindColumns {
				return true
			}
			return b.makeTableRoom("colgroup", kindColumns) && b.push("colgroup", elements["colgroup"], nil)
		}
		if b.inTable() && name != "img" && name != "hr" {
			return false
		}
		b.makeCell()
		if name == "hr" {
			b.closeP()
			return true
		}
		b.reopenFormatting()
		return true
	case kindTable:
		b.makeCell()
		b.closeP()
		return true
	case kindInline, kindFormat:
		if b.inTable() {
			return false
		}
		if name == "a" {
			b.endLink()
		}
		b.reopenFormatting()
		return true
	}
	if b.inTable() {
		return false
	}
	b.closeItem(name)
	b.closeP()
	if isHeading(name) && len(b.open) > 0 && isHeading(b.open[len(b.open)-1].name) {
		b.closeTo(len(b.open) - 1)
	}
	return true
}

// makeTableRoom closes what is open within the innermost table up to where a part of a table goes.
func (b *balancer) makeTableRoom(name string, k kind) bool {
	i := len(b.open) - 1
	for ; i >= 0 && b.open[i].kind != kindTable; i-- {
		if b.open[i].name == "caption" && name == "caption" {
			break
		}
	}
	if i < 0 {
		return false
	}
	if name == "caption" || k == kindSection || k == kindColumns {
		if b.open[i].kind != kindTable {
			return false
		}
		b.closeTo(i + 1)
		return true
	}
	keep := i + 1
	for keep < len(b.open) && (b.open[keep].kind == kindSection || k == kindCell && b.open[keep].kind == kindRow) {
		keep++
	}
	b.closeTo(keep)
	if b.current() == kindTable && !b.push("tbody", elements["tbody"], nil) {
		return false
	}
	if k == kindCell && b.current() == kindSection && !b.push("tr", elements["tr"], nil) {
		return false
	}
	return true
}

// closeP ends an open p, which a block cannot be in.
func (b *balancer) closeP() {
	for i := len(b.open) - 1; i >= 0 && b.open[i].kind != kindCell; i-- {
		if b.open[i].name == "p" {
			b.closeTo(i)
			return
		}
	}
}

// closeItem ends an item of a list when the next one starts.
func (b *balancer) closeItem(name string) {
	if name != "li" && name != "dd" && name != "dt" {
		return
	}
	for i := len(b.open) - 1; i >= 0; i-- {
		switch o := b.open[i]; {
		case name == "li" && o.name == "li", name != "li" && (o.name == "dd" || o.name == "dt"):
			b.closeTo(i)
			return
		case o.kind == kindInline || o.kind == kindFormat || o.name == "div" || o.name == "p" || o.name == "address":
		default:
			return
		}
	}
}

// endLink ends an open link, also when its end tag would be ignored.
func (b *balancer) endLink() {
	b.reopen = slices.DeleteFunc(b.reopen, func(o openElement) bool { return o.name == "a" && o.cells == b.cells() })
	for i := len(b.open) - 1; i >= 0 && b.open[i].kind != kindCell; i-- {
		if b.open[i].name == "a" {
			b.open[i].ended = true
			b.closeTo(i)
			return
		}
	}
}

// cells returns the number of cells that are open.
func (b *balancer) cells() int {
	if len(b.open) == 0 {
		return 0
	}
	o := b.open[len(b.open)-1]
	if o.kind == kindCell {
		return o.cells + 1
	}
	return o.cells
}

// push writes a start tag. It reports false when the depth does not allow it.
func (b *balancer) push(name string, e element, attrs []html.Attribute) bool {
	if len(b.open) >= b.limits.Depth {
		b.exceeded |= ExceededDepth
		b.drop(name)
		return false
	}
	b.elements++
	begin := b.out.Len()
	b.out.WriteByte('<')
	b.out.WriteString(name)
	for _, a := range attrs {
		b.out.WriteByte(' ')
		b.out.WriteString(a.Key)
		b.out.WriteString(`="`)
		b.out.WriteString(html.EscapeString(a.Val))
		b.out.WriteByte('"')
	}
	b.out.WriteByte('>')
	if e.kind == kindVoid {
		return true
	}
	o := openElement{name: name, kind: e.kind, cells: b.cells()}
	if e.kind == kindFormat && b.out.Len()-begin <= maxReopenTag {
		o.tag = string(b.out.Bytes()[begin:])
	}
	b.open = append(b.open, o)
	return true
}

// closeTo closes elements until n are open.
func (b *balancer) closeTo(n int) {
	for len(b.open) > n {
		o := b.open[len(b.open)-1]
		b.open = b.open[:len(b.open)-1]
		b.out.WriteString("</")
		b.out.WriteString(o.name)
		b.out.WriteByte('>')
		switch {
		case o.kind == kindFormat && o.tag != "" && !o.ended && len(b.reopen) < maxReopen:
			b.reopen = append(b.reopen, o)
		case o.kind == kindCell:
			b.reopen = slices.DeleteFunc(b.reopen, func(r openElement) bool { return r.cells > o.cells })
		}
	}
	for len(b.open) > 0 && b.open[len(b.open)-1].ended {
		o := b.open[len(b.open)-1]
		b.open = b.open[:len(b.open)-1]
		b.out.WriteString("</" + o.name + ">")
	}
}

// reopenFormatting opens formatting again, the outermost first.
func (b *balancer) reopenFormatting() {
	if len(b.reopen) == 0 {
		return
	}
	cells := b.cells()
	var later []openElement
	for _, o := range slices.Backward(b.reopen) {
		switch {
		case o.cells != cells:
			later = append(later, o)
		case len(b.open) < b.limits.Depth && b.elements < b.limits.Elements:
			b.elements++
			b.out.WriteString(o.tag)
			b.open = append(b.open, o)
		}
	}
	slices.Reverse(later)
	b.reopen = later
}

// end handles an end tag.
func (b *balancer) end(name string) {
	e := elements[name]
	if e.as != "" {
		name = e.as
		e = elements[name]
	}
	switch {
	case name == "br":
		b.start("br", elements["br"], nil)
		return
	case e.kind == kindUnknown || e.kind == kindSkip || e.kind == kindVoid:
		return
	case b.dropped[name] > 0:
		b.dropped[name]--
		return
	}
	if e.kind == kindFormat {
		if i := slices.IndexFunc(b.reopen, func(o openElement) bool { return o.name == name && o.cells == b.cells() }); i >= 0 {
			b.reopen = slices.Delete(b.reopen, i, i+1)
			return
		}
	}
	tablePart := e.kind >= kindTable
	blocked := false // By a block between, of formatting.
	for i := len(b.open) - 1; i >= 0; i-- {
		o := &b.open[i]
		same := o.name == name && !o.ended || isHeading(name) && isHeading(o.name)
		switch {
		case same && blocked:
			o.ended = true
			return
		case same:
			o.ended = true
			b.closeTo(i)
			return
		case o.kind == kindTable, o.kind >= kindTable && !tablePart:
			return
		case !tablePart && e.kind != kindBlock && o.kind == kindBlock:
			blocked = true
		}
	}
}

// document writes the whole document.
func (b *balancer) document() []byte {
	var doc bytes.Buffer
	tag := func(name string, attrs []html.Attribute) {
		doc.WriteString(html.Token{Type: html.StartTagToken, Data: name, Attr: attrs}.String())
	}
	tag("html", b.htmlAttrs)
	doc.WriteString("<head></head>")
	tag("body", b.bodyAttrs)
	doc.Write(b.out.Bytes())
	doc.WriteString("</body></html>")
	return doc.Bytes()
}
