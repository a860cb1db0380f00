package htmlmail

// kind is how an element is treated when markup is written again.
type kind uint8

const (
	kindUnknown kind = iota // The tag is left out, its content stays.
	kindSkip                // Left out with its content.
	kindInline
	kindFormat // What parsers open again after it was closed implicitly (HTML §13.2.4.3).
	kindBlock  // Ends an open p.
	kindVoid
	kindTable   // table itself.
	kindSection // thead, tbody, tfoot
	kindRow
	kindCell // td, th, caption: what is inside does not see outside.
	kindColumns
)

// element is an element that messages may have.
type element struct {
	kind  kind
	as    string // Written as this element instead.
	attrs string // Own attributes, separated by spaces, besides those that all may have.
}

const (
	globalAttrs = "align aria-hidden aria-label class dir hidden id lang role style title"

	cellAttrs  = "abbr axis background bgcolor bordercolor char charoff colspan height nowrap rowspan scope valign width"
	tableAttrs = "background bgcolor border bordercolor cellpadding cellspacing frame height hspace rules summary valign vspace width"
	rowAttrs   = "background bgcolor char charoff height valign width"
	bodyAttrs  = "alink background bgcolor bottommargin leftmargin link marginheight marginwidth rightmargin text topmargin vlink"
)

// elements has every element that is known. What is not in it is kindUnknown.
var elements = map[string]element{
	"a":          {kind: kindFormat, attrs: "href name"},
	"abbr":       {kind: kindInline},
	"acronym":    {kind: kindInline},
	"address":    {kind: kindBlock},
	"area":       {kind: kindVoid, attrs: "alt coords href nohref shape"},
	"article":    {kind: kindBlock},
	"aside":      {kind: kindBlock},
	"b":          {kind: kindFormat},
	"bdi":        {kind: kindInline},
	"big":        {kind: kindFormat},
	"blockquote": {kind: kindBlock, attrs: "type"},
	"br":         {kind: kindVoid, attrs: "clear"},
	"button":     {kind: kindInline, as: "span"},
	"caption":    {kind: kindCell, attrs: "valign"},
	"center":     {kind: kindBlock},
	"cite":       {kind: kindInline},
	"code":       {kind: kindFormat},
	"col":        {kind: kindVoid, attrs: "bgcolor char charoff span valign width"},
	"colgroup":   {kind: kindColumns, attrs: "bgcolor char charoff span valign width"},
	"dd":         {kind: kindBlock},
	"del":        {kind: kindInline},
	"details":    {kind: kindBlock, as: "div"},
	"dfn":        {kind: kindInline},
	"dir":        {kind: kindBlock, as: "ul", attrs: "compact type"},
	"div":        {kind: kindBlock, attrs: "bgcolor height nowrap width"},
	"dl":         {kind: kindBlock, attrs: "compact"},
	"dt":         {kind: kindBlock},
	"em":         {kind: kindFormat},
	"fieldset":   {kind: kindBlock, as: "div"},
	"figcaption": {kind: kindBlock},
	"figure":     {kind: kindBlock},
	"font":       {kind: kindFormat, attrs: "color face size"},
	"footer":     {kind: kindBlock},
	"form":       {kind: kindBlock, as: "div"},
	"h1":         {kind: kindBlock},
	"h2":         {kind: kindBlock},
	"h3":         {kind: kindBlock},
	"h4":         {kind: kindBlock},
	"h5":         {kind: kindBlock},
	"h6":         {kind: kindBlock},
	"header":     {kind: kindBlock},
	"hr":         {kind: kindVoid, attrs: "color noshade size width"},
	"i":          {kind: kindFormat},
	"image":      {kind: kindVoid, as: "img", attrs: imgAttrs},
	"img":        {kind: kindVoid, attrs: imgAttrs},
	"ins":        {kind: kindInline},
	"kbd":        {kind: kindInline},
	"label":      {kind: kindInline, as: "span"},
	"legend":     {kind: kindBlock, as: "div"},
	"li":         {kind: kindBlock, attrs: "type value"},
	"listing":    {kind: kindBlock, as: "pre"},
	"main":       {kind: kindBlock},
	"map":        {kind: kindInline, attrs: "name"},
	"mark":       {kind: kindInline},
	"marquee":    {kind: kindBlock, as: "div", attrs: "bgcolor height width"},
	"menu":       {kind: kindBlock, as: "ul", attrs: "compact type"},
	"nav":        {kind: kindBlock},
	"nobr":       {kind: kindInline, as: "span"},
	"ol":         {kind: kindBlock, attrs: "compact reversed start type"},
	"p":          {kind: kindBlock},
	"plaintext":  {kind: kindBlock, as: "pre"},
	"pre":        {kind: kindBlock, attrs: "width wrap"},
	"q":          {kind: kindInline},
	"s":          {kind: kindFormat},
	"samp":       {kind: kindInline},
	"section":    {kind: kindBlock},
	"small":      {kind: kindFormat},
	"span":       {kind: kindInline},
	"strike":     {kind: kindFormat},
	"strong":     {kind: kindFormat},
	"sub":        {kind: kindInline},
	"summary":    {kind: kindBlock, as: "div"},
	"sup":        {kind: kindInline},
	"table":      {kind: kindTable, attrs: tableAttrs},
	"tbody":      {kind: kindSection, attrs: rowAttrs},
	"td":         {kind: kindCell, attrs: cellAttrs},
	"textarea":   {kind: kindBlock, as: "pre"},
	"tfoot":      {kind: kindSection, attrs: rowAttrs},
	"th":         {kind: kindCell, attrs: cellAttrs},
	"thead":      {kind: kindSection, attrs: rowAttrs},
	"time":       {kind: kindInline},
	"tr":         {kind: kindRow, attrs: rowAttrs},
	"tt":         {kind: kindFormat},
	"u":          {kind: kindFormat},
	"ul":         {kind: kindBlock, attrs: "compact type"},
	"var":        {kind: kindInline},
	"wbr":        {kind: kindVoid},
	"xmp":        {kind: kindBlock, as: "pre"},

	"iframe":   {kind: kindSkip},
	"math":     {kind: kindSkip},
	"script":   {kind: kindSkip},
	"select":   {kind: kindSkip},
	"style":    {kind: kindSkip},
	"svg":      {kind: kindSkip},
	"template": {kind: kindSkip},
	"title":    {kind: kindSkip},
}

const imgAttrs = "alt border height hspace ismap name src usemap vspace width"

// inHTML reports whether a start tag within svg or math ends that, because a parser takes the author to
// have forgotten the end tag (HTML §13.2.6.5).
func inHTML(name string) bool {
	switch name {
	case "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "embed", "h1", "h2", "h3", "h4", "h5", "h6",
		"head", "hr", "i", "img", "li", "listing", "menu", "meta", "nobr", "ol", "p", "pre", "ruby", "s", "small", "span", "strong", "strike",
		"sub", "sup", "table", "tt", "u", "ul", "var":
		return true
	}
	return false
}

func isHeading(name string) bool {
	return len(name) == 2 && name[0] == 'h' && '1' <= name[1] && name[1] <= '6'
}
