package figure

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]int64, 100)
	for i := range hundred {
		hundred[i] = int64(i + 1)
	}
	for _, tc := range []struct {
		values []int64
		p      float64
		want   int64
	}{
		{nil, 0.5, 0},
		{[]int64{7}, 0.01, 7},
		{[]int64{7}, 1, 7},
		{[]int64{1, 2}, 0.5, 1},
		{[]int64{1, 2}, 0.51, 2},
		{[]int64{1, 2, 3}, 0.5, 2},
		{hundred, 0.5, 50},
		{hundred, 0.95, 95},
		{hundred, 0.99, 99},
		{hundred, 0.991, 100},
		{hundred, 1, 100},
		{hundred, 0, 1},
	} {
		if got := Percentile(tc.values, tc.p); got != tc.want {
			t.Errorf("percentile %v of %d values is %d, want %d", tc.p, len(tc.values), got, tc.want)
		}
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{4}, 4},
		{[]float64{9, 1, 5}, 5},
		{[]float64{9, 1, 5, 7}, 6},
	} {
		before := append([]float64{}, tc.values...)
		if got := Median(tc.values); got != tc.want {
			t.Errorf("median of %v is %v, want %v", tc.values, got, tc.want)
		}
		for i := range before {
			if before[i] != tc.values[i] {
				t.Fatalf("values were moved: %v", tc.values)
			}
		}
	}
}

func TestLatencies(t *testing.T) {
	t.Parallel()
	var f Figure
	f.Latencies([]time.Duration{30 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond})
	if f.N != 3 || f.P50 != 20 || f.P95 != 30 || f.P99 != 30 {
		t.Errorf("got %+v", f)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	want := Figure{Server: "mox", Name: "append-c1", Value: 123.46, Unit: "/s", P50: 1.5, N: 10, Errors: 1, Axis: "senders", At: 5, Note: "a <note>"}
	var b bytes.Buffer
	given := want
	given.Value = 123.456789 // Rounded when it is written.
	if err := Write(&b, given); err != nil {
		t.Fatal(err)
	}
	if err := WriteMachine(&b, Machine{CPU: "8086", Cores: 1}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 2 {
		t.Fatalf("%d lines:\n%s", n, b.String())
	}
	figures, machine, err := Read(&b)
	if err != nil || len(figures) != 1 || figures[0] != want || machine == nil || machine.CPU != "8086" {
		t.Errorf("got %+v, %+v, %v", figures, machine, err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"hello\n", "{}\n", `{"name":"x","value":"y"}`, `{"name":"x"` + "\n"} {
		if _, _, err := Read(strings.NewReader(s)); !errors.Is(err, ErrLine) {
			t.Errorf("%q: got error %v", s, err)
		}
	}
}

func table(t *testing.T, figures ...Figure) *Table {
	t.Helper()
	tab, err := NewTable(figures, "mox", "other")
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// row returns the row of a table with a title.
func row(t *testing.T, tab *Table, title string) Row {
	t.Helper()
	for _, r := range tab.Rows {
		if r.Title == title {
			return r
		}
	}
	t.Fatalf("no row %q", title)
	return Row{}
}

func TestTable(t *testing.T) {
	t.Parallel()
	of := func(server, name string, values ...float64) (l []Figure) {
		for _, v := range values {
			l = append(l, Figure{Server: server, Name: name, Value: v, P99: v / 10})
		}
		return l
	}
	var figures []Figure
	for _, l := range [][]Figure{
		of("mox", "append-c1", 900, 1000, 100), of("other", "append-c1", 500, 600, 700),
		of("mox", "append-c10", 900), of("other", "append-c10", 500),
		of("mox", "fetch-flags/warm", 8), of("other", "fetch-flags/warm", 8.1),
		of("mox", "copy", 90), of("other", "copy", 80),
		of("mox", "memory/start", 31), of("mox", "start/greeting", 301),
		of("mox", "move", 1),
		of("mox", "deliver-2k-full/arrived", 85), of("mox", "deliver-2k-empty/arrived", 100),
		of("mox", "deliver-c10/accepted", 100), of("other", "deliver-c10/accepted", 100),
	} {
		figures = append(figures, l...)
	}
	figures = append(figures, Figure{Server: "mox", Name: "copy", Value: 1, Axis: "messages", At: 10}) // Of a curve.
	tab := table(t, figures...)
	for title, want := range map[string]Verdict{
		"APPEND, 1 connection":        OK, // Of medians.
		"APPEND, 10 connections":      Short,
		"FETCH 1:* (UID FLAGS)":       OK,
		"COPY":                        Short,
		"resident memory after start": OK,
		"start to first greeting":     Short,
		"MOVE":                        Open, // The other has no figure.
		"EXPUNGE":                     Open,
		"deliver, 10 senders, p99 of the latency":  Short, // Alike is not below.
		"login and logout, 10 at a time, one user": Open,
	} {
		r := row(t, tab, title)
		if r.Verdict != want {
			t.Errorf("%s: got %s, want %s (%+v)", title, r.Verdict, want, r)
		}
	}
	if r := row(t, tab, "APPEND, 1 connection"); r.Ours != 900 || r.Theirs != 600 || r.Ratio != 1.5 {
		t.Errorf("medians are %+v", r)
	}
	if r := row(t, tab, "the same to our own into an empty mailbox"); r.Verdict != Short || r.Ratio != 0.85 || !math.IsNaN(r.Theirs) {
		t.Errorf("against our own: %+v", r)
	}
	if tab.Short() != 5 {
		t.Errorf("%d rows are short", tab.Short())
	}
	if _, err := NewTable(figures, "nobody", "other"); err == nil {
		t.Error("a table without figures was made")
	}
}

// A figure with errors is not worth anything, however good it looks.
func TestErrorsAreShort(t *testing.T) {
	t.Parallel()
	tab := table(t, Figure{Server: "mox", Name: "memory/start", Value: 3, Errors: 1})
	if r := row(t, tab, "resident memory after start"); r.Verdict != Short {
		t.Errorf("got %+v", r)
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	tab := table(t, Figure{Server: "mox", Name: "append-c1", Value: 1234.5, Unit: "/s"}, Figure{Server: "other", Name: "append-c1", Value: 617.25, Unit: "/s"})
	var b bytes.Buffer
	if err := tab.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| figure | other | mox | ratio | must reach | |\n",
		"| APPEND, 1 connection | 617 /s | 1,235 /s | 2.00 | at least 1.5 x | ok |\n",
		"| EXPUNGE | | | | at most 3 x | |\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line %q in\n%s", want, b.String())
		}
	}
}
