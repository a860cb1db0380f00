package replay

import "fmt"

// Points picks moments in a log at which the power fails.
type Points struct {
	// From is how many operations are done at the first moment, for example
	// those that only make what was there at the start.
	From int

	// Every leaves out all but each so many-th. 0 means 1.
	Every int

	// Seeds is how many states of the disk are tried at each moment: that with
	// all and that with nothing that was not synced, then random ones. 0 means
	// 3.
	Seeds int
}

// Point is a moment at which the power fails.
type Point struct {
	Done  int      // Operations of the log that were done.
	Seed  uint64   // Given to Disk.Crash.
	Marks []string // Notes of the marks among them. Not to be changed.
}

// Crashes goes through a log and calls fn with what may be left on the disk at the
// points picked. It stops at the first error and returns it with the point.
func (l *Log) Crashes(points Points, fn func(Point, *Image) error) error {
	every, seeds := max(points.Every, 1), points.Seeds
	if seeds == 0 {
		seeds = 3
	}
	d := NewDisk()
	p := Point{}
	for {
		if p.Done >= points.From && (p.Done-points.From)%every == 0 {
			for i := range seeds {
				p.Seed = uint64(i)
				if i > 1 {
					p.Seed += uint64(p.Done * seeds)
				}
				if err := fn(p, d.Crash(p.Seed)); err != nil {
					return fmt.Errorf("power failed after %d of %d operations, seed %d: %w", p.Done, len(l.Ops), p.Seed, err)
				}
			}
		}
		if p.Done == len(l.Ops) {
			return nil
		}
		op := l.Ops[p.Done]
		if err := d.Apply(op); err != nil {
			return err
		}
		if op.Kind == Mark {
			p.Marks = append(p.Marks, op.Note)
		}
		p.Done++
	}
}
