package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mox/test/load/figure"
	"mox/test/load/proc"
)

// watching reads what the server uses while others load it.
type watching struct {
	*run
	lasts   time.Duration // How long the load lasts.
	every   time.Duration
	samples map[string][]float64 // By resource.
}

// A resource must not grow while a server does the same over and over.
type resource struct {
	name, unit string
	share      float64 // What growth is noise: a share of the value, and an amount.
	amount     float64

	// after is how long a load must last for the resource to be judged. Memory goes up and down
	// with passwords that are hashed and garbage that is collected, and resident memory with the pages of databases that
	// are mapped.
	after time.Duration

	remark string // On what it is, for people.
}

var resources = []resource{
	{"goroutines", "", 0.10, 20, 0, ""},
	{"files", "", 0.10, 20, 0, ""},
	{"rss", "MiB", 0.15, 12, time.Minute, ", with the mapped pages of database files"},
	{"anonymous", "MiB", 0.15, 12, time.Minute, ""},
}

// read reads all resources once. A server that is not a Go program has no goroutines.
func (w *watching) read() (map[string]float64, error) {
	u, err := w.use()
	if err != nil {
		return nil, err
	}
	v := map[string]float64{"files": float64(u.Files), "rss": float64(u.RSS) / (1 << 20), "anonymous": float64(u.Anonymous) / (1 << 20)}
	if w.server.metrics != "" {
		m, err := proc.ReadMetrics(w.ctx, w.server.metrics)
		if err != nil {
			return nil, err
		}
		v["goroutines"] = m[proc.Goroutines]
	}
	return v, nil
}

// until takes samples until the context ends.
func (w *watching) until(ctx context.Context) error {
	w.samples = map[string][]float64{}
	for sleep(ctx, w.every) == nil {
		v, err := w.read()
		if err != nil {
			return err
		}
		for name, value := range v {
			w.samples[name] = append(w.samples[name], value)
		}
	}
	return nil
}

// restTime is how long a server may take to let go of what clients left behind, on a machine that may stall.
const restTime = time.Minute

// report emits what was used, and fails for what was not flat. Rest is what the server used before;
// in the end there must be no more goroutines than then.
func (w *watching) report(rest map[string]float64) error {
	var errs []error
	for _, r := range resources {
		samples := w.samples[r.name]
		if len(samples) == 0 {
			continue
		}
		second, last := quarters(samples)
		verdict := "flat"
		switch {
		case w.lasts < r.after:
			verdict = fmt.Sprintf("not judged in less than %v", r.after)
		case !flat(samples, r.share, r.amount):
			verdict = "NOT FLAT"
			errs = append(errs, fmt.Errorf("%s went from %.4g to %.4g", r.name, second, last))
		}
		f := figure.Figure{Name: "soak/" + r.name, Value: last, Unit: r.unit, N: len(samples), Note: fmt.Sprintf("%s: %.4g in the second quarter of the time, %.4g in the last%s", verdict, second, last, r.remark)}
		if err := w.emit(f); err != nil {
			return err
		}
	}
	if rest["goroutines"] > 0 {
		errs = append(errs, w.atRest(rest["goroutines"]))
	}
	return errors.Join(errs...)
}

// atRest waits until the server has about as many goroutines as before.
func (w *watching) atRest(before float64) error {
	var now float64
	err := poll(w.ctx, 200*time.Millisecond, restTime, func() (bool, error) {
		v, err := w.read()
		now = v["goroutines"]
		return now <= before+20, err
	})
	if err != nil {
		return fmt.Errorf("%.0f goroutines are left, there were %.0f before: %w", now, before, err)
	}
	return w.emit(figure.Figure{Name: "soak/goroutines-left", Value: now - before, N: 1})
}
