// Package figure has what a load run finds out: figures, one line of JSON each, and what is made of
// those of several runs.
package figure

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// Figure is one measured value.
type Figure struct {
	Server string  `json:"server,omitempty"`
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"` // "ms", "/s", "KiB", "MiB", "ratio" or "".

	// Percentiles of the times of single operations, in milliseconds, where there are such.
	P50 float64 `json:"p50,omitzero"`
	P95 float64 `json:"p95,omitzero"`
	P99 float64 `json:"p99,omitzero"`

	N      int `json:"n"` // Operations, or messages, that the figure is about.
	Errors int `json:"errors"`

	// Axis and At say for a figure of a series what was varied ("messages", "senders",
	// "connections", "accounts") and where on that axis it stands.
	Axis string `json:"axis,omitempty"`
	At   int    `json:"at,omitempty"`

	Note string `json:"note,omitempty"` // What else a reader must know, in words.
}

// Machine describes where figures were taken.
type Machine struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	MemoryMiB  int     `json:"memory_mib"`
	Kernel     string  `json:"kernel"`
	FileSystem string  `json:"file_system"`
	Go         string  `json:"go"`
	Date       string  `json:"date"`
	Load       float64 `json:"load"` // Load average of the last minute, before the run.
}

// line is a line of a file of results: a figure or a machine.
type line struct {
	Machine *Machine `json:"machine,omitempty"`
	Figure
}

// Write writes a figure as a line of JSON.
func Write(w io.Writer, f Figure) error {
	f.Value, f.P50, f.P95, f.P99 = round(f.Value), round(f.P50), round(f.P95), round(f.P99)
	return writeLine(w, f)
}

// WriteMachine writes the description of a machine as a line of JSON.
func WriteMachine(w io.Writer, m Machine) error {
	return writeLine(w, struct {
		Machine Machine `json:"machine"`
	}{m})
}

func writeLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// round leaves five significant digits, more than any measurement has.
func round(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	scale := math.Pow(10, 4-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// ErrLine is in the error for a line that is no figure.
var ErrLine = errors.New("no figure")

// Read reads figures, and the last description of a machine, which may be nil.
func Read(r io.Reader) ([]Figure, *Machine, error) {
	var figures []Figure
	var machine *Machine
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		if len(sc.Bytes()) == 0 {
			continue
		}
		var l line
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			return nil, nil, fmt.Errorf("line %d: %w: %w", n, ErrLine, err)
		}
		switch {
		case l.Machine != nil:
			machine = l.Machine
		case l.Name == "":
			return nil, nil, fmt.Errorf("line %d: %w: it has no name", n, ErrLine)
		default:
			figures = append(figures, l.Figure)
		}
	}
	return figures, machine, sc.Err()
}

// Milliseconds returns a duration as figures have it.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// PerSecond returns a rate. It is 0 if no time has passed.
func PerSecond(n int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// Percentile returns the smallest value that at least a share p, above 0 up to 1, of the values do
// not exceed (the nearest rank). Without values it is 0. The values must be sorted.
func Percentile[T ~int64 | ~float64](sorted []T, p float64) T {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Median returns the middle value, or the mean of the two in the middle. Without values it is 0.
func Median[T ~int64 | ~float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	m := len(s) / 2
	if len(s)%2 == 1 {
		return s[m]
	}
	return s[m-1]/2 + s[m]/2
}

// Latencies sets the percentiles of the times of single operations, and their number.
func (f *Figure) Latencies(l []time.Duration) {
	s := slices.Sorted(slices.Values(l))
	f.P50, f.P95, f.P99 = Milliseconds(Percentile(s, 0.50)), Milliseconds(Percentile(s, 0.95)), Milliseconds(Percentile(s, 0.99))
	f.N = len(l)
}
