// Package plot draws curves as SVG.
package plot

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Plot is a chart of curves over one axis. Both axes are logarithmic, so a cost that grows linearly
// is a straight line with the slope of the diagonal marked in the chart.
type Plot struct {
	Title  string
	XLabel string
	YLabel string
	Curves []Curve
}

// Curve is a line through points, with its name in the legend.
type Curve struct {
	Name   string
	Points []Point // In any order. Both coordinates must be above 0.
}

// Point is a place of a Curve.
type Point struct{ X, Y float64 }

// ErrPoint is returned for a chart that cannot be drawn: without points, or with points that have no
// logarithm.
var ErrPoint = errors.New("plot without points, or with points that are not above 0")

// Sizes in units of the drawing.
const (
	width       = 860
	leastHeight = 420
	left, right = 84, 310 // The legend is on the right.
	top, bottom = 44, 58
	legendLine  = 18
)

// height returns the height of the drawing, in which the whole legend has its place.
func (p *Plot) height() int { return max(leastHeight, top+len(p.Curves)*legendLine+bottom) }

// Colours that people who see few colours can tell apart (Okabe and Ito), and dashes for print.
var (
	colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5f5f5f", "#8c6d00"}
	dashes  = []string{"", "7 4", "2 3", "10 3 2 3"}
)

// axis maps values to places.
type axis struct {
	low, high  float64 // Powers of ten.
	start, end float64
}

// newAxis returns an axis of whole decades that holds all values.
func newAxis(values []float64, start, end float64) axis {
	low, high := math.Floor(math.Log10(slices.Min(values))), math.Ceil(math.Log10(slices.Max(values)))
	if high <= low {
		high = low + 1
	}
	return axis{low, high, start, end}
}

func (a axis) at(v float64) float64 {
	return a.start + (math.Log10(v)-a.low)/(a.high-a.low)*(a.end-a.start)
}

// SVG writes the chart.
func (p *Plot) SVG(w io.Writer) error {
	var xs, ys []float64
	for _, c := range p.Curves {
		for _, pt := range c.Points {
			if !(pt.X > 0) || !(pt.Y > 0) || math.IsInf(pt.X, 0) || math.IsInf(pt.Y, 0) {
				return fmt.Errorf("%w: %s has %v, %v", ErrPoint, c.Name, pt.X, pt.Y)
			}
			xs, ys = append(xs, pt.X), append(ys, pt.Y)
		}
	}
	if len(xs) == 0 {
		return ErrPoint
	}
	height := p.height()
	d := drawing{height: height, x: newAxis(xs, left, width-right), y: newAxis(ys, float64(height-bottom), top)}
	d.frame(p)
	for i, c := range p.Curves {
		if len(c.Points) > 0 {
			d.curve(i, c)
		}
	}
	d.b.WriteString("</svg>\n")
	_, err := io.WriteString(w, d.b.String())
	return err
}

// drawing is a chart that is being written.
type drawing struct {
	b      strings.Builder
	height int
	x, y   axis
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}

// frame draws all but the curves.
func (d *drawing) frame(p *Plot) {
	height := d.height
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img" aria-label="%s">`, width, height, escape(p.Title))
	d.printf(`<title>%s</title>`, escape(p.Title))
	d.printf(`<rect width="%d" height="%d" fill="#ffffff"/>`, width, height)
	d.printf(`<text x="%d" y="24" font-size="15" font-weight="bold">%s</text>`, left, escape(p.Title))
	for e := d.x.low; e <= d.x.high; e++ {
		v := math.Pow(10, e)
		d.printf(`<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#dddddd"/>`, d.x.at(v), top, d.x.at(v), height-bottom)
		d.printf(`<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, d.x.at(v), height-bottom+18, label(v))
	}
	for e := d.y.low; e <= d.y.high; e++ {
		v := math.Pow(10, e)
		d.printf(`<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#dddddd"/>`, left, d.y.at(v), width-right, d.y.at(v))
		d.printf(`<text x="%d" y="%.1f" text-anchor="end">%s</text>`, left-8, d.y.at(v)+4, label(v))
	}
	d.diagonal()
	d.printf(`<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#333333"/>`, left, top, width-left-right, height-top-bottom)
	d.printf(`<text x="%d" y="%d" text-anchor="middle">%s</text>`, (left+width-right)/2, height-16, escape(p.XLabel))
	d.printf(`<text x="20" y="%d" text-anchor="middle" transform="rotate(-90 20 %d)">%s</text>`, (top+height-bottom)/2, (top+height-bottom)/2, escape(p.YLabel))
}

// diagonal marks the slope of linear growth, from the lower left corner.
func (d *drawing) diagonal() {
	decades := math.Min(d.x.high-d.x.low, d.y.high-d.y.low)
	d.printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#bbbbbb" stroke-dasharray="1 4"/>`,
		d.x.at(math.Pow(10, d.x.low)), d.y.at(math.Pow(10, d.y.low)), d.x.at(math.Pow(10, d.x.low+decades)), d.y.at(math.Pow(10, d.y.low+decades)))
}

// curve draws the i'th curve and its entry in the legend.
func (d *drawing) curve(i int, c Curve) {
	points := slices.Clone(c.Points)
	slices.SortFunc(points, func(a, b Point) int {
		switch {
		case a.X < b.X:
			return -1
		case a.X > b.X:
			return 1
		}
		return 0
	})
	colour, dash := colours[i%len(colours)], dashes[i/len(colours)%len(dashes)]
	places := make([]string, len(points))
	for k, pt := range points {
		places[k] = fmt.Sprintf("%.1f,%.1f", d.x.at(pt.X), d.y.at(pt.Y))
	}
	d.printf(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`, strings.Join(places, " "), colour, dash)
	for _, pt := range points {
		d.printf(`<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%s: %s at %s</title></circle>`, d.x.at(pt.X), d.y.at(pt.Y), colour,
			escape(c.Name), strconv.FormatFloat(pt.Y, 'g', 4, 64), strconv.FormatFloat(pt.X, 'g', -1, 64))
	}
	y := top + 8 + legendLine*i
	d.printf(`<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`, width-right+14, y, width-right+38, y, colour, dash)
	d.printf(`<text x="%d" y="%d">%s</text>`, width-right+44, y+4, escape(c.Name))
}

// label writes a power of ten.
func label(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', 0, 64) + "M"
	case v >= 1e3:
		return strconv.FormatFloat(v/1e3, 'f', 0, 64) + "k"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
