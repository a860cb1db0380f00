package figure

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Verdict says whether a figure is where it must be.
type Verdict string

const (
	Open  Verdict = "" // Not measured, or nothing is asked of it.
	OK    Verdict = "ok"
	Short Verdict = "short"
)

// Row is a line of a Table. Values that were not measured are NaN.
type Row struct {
	Title   string
	Ours    float64 // Median of the runs, or of their 99th percentiles.
	Theirs  float64
	Ratio   float64 // Ours to theirs.
	Unit    string
	Reach   string // What must be reached, in words.
	Verdict Verdict
}

// Table sets the figures of two servers beside each other.
type Table struct {
	Ours, Theirs string // Names of the servers.
	Rows         []Row
}

// medians are the figures of one server by name, each the median of its runs.
type medians map[string]Figure

// NewTable returns a table of the figures of two servers, named as in the figures. Those of curves
// are left out. The second server may have none, the first must.
func NewTable(figures []Figure, ours, theirs string) (*Table, error) {
	mine, other := mediansOf(figures, ours), mediansOf(figures, theirs)
	if len(mine) == 0 {
		return nil, fmt.Errorf("no figures of %q", ours)
	}
	t := &Table{Ours: ours, Theirs: theirs}
	for _, target := range targets {
		t.Rows = append(t.Rows, target.row(mine, other))
	}
	return t, nil
}

func mediansOf(figures []Figure, server string) medians {
	runs := map[string][]Figure{}
	for _, f := range figures {
		if f.Server == server && f.Axis == "" {
			runs[f.Name] = append(runs[f.Name], f)
		}
	}
	m := medians{}
	for name, l := range runs {
		var values, p99s []float64
		f := l[0]
		f.Errors = 0
		for _, one := range l {
			values, p99s = append(values, one.Value), append(p99s, one.P99)
			f.Errors += one.Errors
		}
		f.Value, f.P99 = Median(values), Median(p99s)
		m[name] = f
	}
	return m
}

func (t *target) row(mine, other medians) Row {
	r := Row{Title: t.title, Ours: math.NaN(), Theirs: math.NaN(), Ratio: math.NaN(), Reach: t.reach()}
	pick := func(m medians, name string) (float64, bool) {
		f, ok := m[name]
		switch {
		case !ok:
			return math.NaN(), false
		case t.p99:
			r.Unit = "ms"
			return f.P99, true
		}
		r.Unit = f.Unit
		return f.Value, true
	}
	if t.own {
		other = mine
	}
	theirs, haveTheirs := pick(other, t.theirs)
	ours, haveOurs := pick(mine, t.ours)
	r.Ours = ours
	if !t.own {
		r.Theirs = theirs
	}
	measured := ours
	if t.theirs != "" && t.ours != "" {
		if !haveTheirs || theirs == 0 {
			return r
		}
		r.Ratio = ours / theirs
		measured = r.Ratio
	}
	switch {
	case !haveOurs || t.kind == shown:
	case t.holds(measured) && mine[t.ours].Errors == 0:
		r.Verdict = OK
	default:
		r.Verdict = Short
	}
	return r
}

func (t *target) holds(v float64) bool {
	switch t.kind {
	case atLeast:
		return v >= t.limit
	case atMost:
		return v <= t.limit
	case below:
		return v < t.limit
	case above:
		return v > t.limit
	}
	return true
}

func (t *target) reach() string {
	limit := strconv.FormatFloat(t.limit, 'f', -1, 64)
	if t.theirs != "" {
		limit += " x"
	}
	switch t.kind {
	case atLeast:
		return "at least " + limit
	case atMost:
		return "at most " + limit
	case below:
		return "below " + limit
	case above:
		return "above " + limit
	}
	return ""
}

// Short returns the number of rows that are short of what must be reached.
func (t *Table) Short() int {
	n := 0
	for _, r := range t.Rows {
		if r.Verdict == Short {
			n++
		}
	}
	return n
}

// number writes a value with as many digits as mean something.
func number(v float64, unit string) string {
	if math.IsNaN(v) {
		return ""
	}
	var s string
	switch a := math.Abs(v); {
	case a >= 1000:
		s = strconv.FormatFloat(math.Round(v), 'f', 0, 64)
		s = s[:len(s)-3] + "," + s[len(s)-3:]
	case a >= 100:
		s = strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		s = strconv.FormatFloat(v, 'f', 1, 64)
	default:
		s = strconv.FormatFloat(v, 'f', 2, 64)
	}
	if unit != "" && unit != "ratio" {
		s += " " + unit
	}
	return s
}

func (t *Table) cells() [][]string {
	lines := [][]string{{"figure", t.Theirs, t.Ours, "ratio", "must reach", ""}}
	for _, r := range t.Rows {
		lines = append(lines, []string{r.Title, number(r.Theirs, r.Unit), number(r.Ours, r.Unit), number(r.Ratio, ""), r.Reach, string(r.Verdict)})
	}
	return lines
}

// Markdown writes the table for a document.
func (t *Table) Markdown(w io.Writer) error {
	var b strings.Builder
	for i, cells := range t.cells() {
		b.WriteByte('|')
		for _, c := range cells {
			if c != "" {
				c = " " + c
			}
			b.WriteString(c + " |")
		}
		b.WriteByte('\n')
		if i == 0 {
			b.WriteString("|---|--:|--:|--:|---|---|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Text writes the table for a terminal.
func (t *Table) Text(w io.Writer) error {
	var b strings.Builder
	for _, c := range t.cells() {
		fmt.Fprintf(&b, "%-56s %12s %12s %8s  %-16s %s\n", c[0], c[1], c[2], c[3], c[4], c[5])
	}
	_, err := io.WriteString(w, b.String())
	return err
}
