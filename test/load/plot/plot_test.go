package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
)

// elements returns the elements of a well-formed document by name.
func elements(t *testing.T, doc []byte) map[string][]map[string]string {
	t.Helper()
	found := map[string][]map[string]string{}
	dec := xml.NewDecoder(bytes.NewReader(doc))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if e, ok := tok.(xml.StartElement); ok {
			attrs := map[string]string{}
			for _, a := range e.Attr {
				attrs[a.Name.Local] = a.Value
			}
			found[e.Name.Local] = append(found[e.Name.Local], attrs)
		}
	}
}

func TestSVG(t *testing.T) {
	t.Parallel()
	p := Plot{Title: `Cost of <FETCH> & "more"`, XLabel: "messages", YLabel: "ms", Curves: []Curve{
		{"linear", []Point{{1e5, 1000}, {1000, 10}, {1e4, 100}}},
		{"constant", []Point{{1000, 1}, {1e5, 1}}},
		{"not measured", nil},
	}}
	var b bytes.Buffer
	if err := p.SVG(&b); err != nil {
		t.Fatal(err)
	}
	e := elements(t, b.Bytes())
	if len(e["polyline"]) != 2 || len(e["circle"]) != 5 {
		t.Fatalf("%d lines and %d points:\n%s", len(e["polyline"]), len(e["circle"]), b.String())
	}
	var last [2]float64
	for i, place := range strings.Fields(e["polyline"][0]["points"]) {
		xs, ys, _ := strings.Cut(place, ",")
		x, err1 := strconv.ParseFloat(xs, 64)
		y, err2 := strconv.ParseFloat(ys, 64)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if x < left || x > width-right || y < top || y > float64(p.height()-bottom) {
			t.Errorf("point %v, %v lies outside of the frame", x, y)
		}
		if i > 0 && (x <= last[0] || y >= last[1]) {
			t.Errorf("point %v, %v after %v: a curve that rises must go to the right and up", x, y, last)
		}
		last = [2]float64{x, y}
	}
	for _, l := range e["line"] {
		for _, name := range []string{"x1", "y1", "x2", "y2"} {
			if v, err := strconv.ParseFloat(l[name], 64); err != nil || v < 0 || v > width {
				t.Errorf("line has %s=%q", name, l[name])
			}
		}
	}
}

// The legend of many curves does not run out of the drawing.
func TestManyCurves(t *testing.T) {
	t.Parallel()
	var p Plot
	for range 60 {
		p.Curves = append(p.Curves, Curve{"c", []Point{{1, 1}, {10, 10}}})
	}
	var b bytes.Buffer
	if err := p.SVG(&b); err != nil {
		t.Fatal(err)
	}
	e := elements(t, b.Bytes())
	height, err := strconv.ParseFloat(strings.Fields(e["svg"][0]["viewBox"])[3], 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range e["text"] {
		if y, err := strconv.ParseFloat(text["y"], 64); err != nil || y > height {
			t.Errorf("text at %s, the height is %v", text["y"], height)
		}
	}
}

func TestSVGRefuses(t *testing.T) {
	t.Parallel()
	for _, points := range [][]Point{nil, {{0, 1}}, {{1, 0}}, {{1, -1}}, {{1, math.NaN()}}, {{math.Inf(1), 1}}} {
		p := Plot{Title: "x", Curves: []Curve{{"c", points}}}
		if err := p.SVG(io.Discard); !errors.Is(err, ErrPoint) {
			t.Errorf("%v: got error %v", points, err)
		}
	}
}

func TestOnePoint(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := (&Plot{Curves: []Curve{{"c", []Point{{100, 10}}}}}).SVG(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "NaN") || len(elements(t, b.Bytes())["circle"]) != 1 {
		t.Errorf("got\n%s", b.String())
	}
}
