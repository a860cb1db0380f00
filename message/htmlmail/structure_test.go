package htmlmail

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// checkBalanced checks that a parser makes of the markup that was written exactly the elements in it, in
// their order: so it neither opens formatting again nor moves anything, which is how few tags become many elements.
func checkBalanced(t *testing.T, input string, limits Limits) {
	t.Helper()
	limits.setDefaults()
	b := &balancer{limits: limits, dropped: map[string]int{}}
	b.write(input)
	markup := string(b.document())
	root, err := parseDocument(markup)
	if err != nil {
		t.Errorf("%q: %v", input, err)
		return
	}
	var want, got []string
	z := html.NewTokenizer(strings.NewReader(markup))
	for typ := z.Next(); typ != html.ErrorToken; typ = z.Next() {
		if typ == html.StartTagToken {
			name, _ := z.TagName()
			want = append(want, string(name))
		}
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			got = append(got, n.Data)
		}
	}
	if w, g := strings.Join(want, " "), strings.Join(got, " "); w != g {
		t.Errorf("%.1000q\nwas written as %.1000q\nelements %.500s\nparsed   %.500s", input, markup, w, g)
	}
	if len(want) != b.elements+3 || b.elements > limits.Elements+10 {
		t.Errorf("%.1000q: %d elements counted, %d written", input, b.elements, len(want))
	}
}

func TestBalanced(t *testing.T) {
	t.Parallel()
	for _, c := range hostileCases(t) {
		checkBalanced(t, c.html, Limits{})
		checkBalanced(t, "<table><b><p><a href=http://x.example/>"+c.html, Limits{})
	}
	for _, input := range htmlParts(t) {
		checkBalanced(t, input, Limits{})
	}
}

// FuzzBalanced puts tags together, many of which belong to each other.
func FuzzBalanced(f *testing.F) {
	tags := strings.Fields(`<p> </p> <b> </b> <i> </i> <a/href=http://a.example> </a> <table> </table> <tr> </tr> <td> </td> <th> </th> <tbody> </tbody> <thead> <tfoot>
 <caption> </caption> <colgroup> <col> <li> </li> <ul> </ul> <dd> <dt> <dl> </dl> <h1> </h1> <h2> <div> </div> <span> </span> <font/size=1> </font> <font/size=2> <br> <hr> <img> text
 <pre> </pre> <nobr> </nobr> <center> </center> <blockquote> </blockquote> <form> </form> <select> </select> <svg> </svg> <button> </button> <map> </map> <area> <address> </address>
 <code> </code> <template> </template> <body> </body> </html> <html> <head> </head> <frameset> <textarea> </textarea> <em> </em> <option> <big> <wbr> <marquee> </marquee>`)
	f.Add([]byte{0, 2, 6, 10, 1, 3, 7, 11})
	for i := range 40 {
		seed := make([]byte, 60)
		for j := range seed {
			seed[j] = byte((i*7 + j*j*(i+3)) % 97)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed []byte) {
		if len(seed) > 200 {
			return
		}
		var input strings.Builder
		for _, c := range seed {
			input.WriteString(tags[int(c)%len(tags)])
		}
		checkBalanced(t, input.String(), Limits{})
		checkBalanced(t, input.String(), Limits{Depth: 7, Elements: 40})
	})
}
