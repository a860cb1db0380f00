package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Located is a blob as the store knows it: which email, and where.
type Located struct {
	EmailID int64
	Ref     Ref
}

// Live asks the database which of some blobs are in use: those whose email's
// reference is exactly this one. It returns one answer for each, in order.
//
// Compaction takes a blob that is not in use for waste, but for those of the last
// Put, which may not have been committed yet.
type Live func(ctx context.Context, blobs []Located) ([]bool, error)

// ask calls live and checks that there are as many answers.
func (live Live) ask(ctx context.Context, blobs []Located) ([]bool, error) {
	if len(blobs) == 0 {
		return nil, nil
	}
	used, err := live(ctx, blobs)
	if err == nil && len(used) != len(blobs) {
		err = fmt.Errorf("blob: %d answers about %d blobs", len(used), len(blobs))
	}
	return used, err
}

// SweepFiles removes large files that are not in use and stem from before the
// store was opened: those of a crash between Stage and the database's commit, or
// between that and Delete. It is worth calling when Unclean is true. It returns how
// many files it removed.
func (s *Store) SweepFiles(ctx context.Context, live Live) (removed int, err error) {
	numbers, err := s.listFiles()
	if err != nil {
		return 0, err
	}
	const batch = 100
	var blobs []Located
	flush := func() error {
		used, err := live.ask(ctx, blobs)
		if err != nil {
			return err
		}
		var gone []Deletion
		for i, b := range blobs {
			if !used[i] {
				gone = append(gone, Deletion(b))
			}
		}
		blobs = blobs[:0]
		removed += len(gone)
		return s.Delete(ctx, gone)
	}
	for _, number := range numbers {
		if number >= s.first {
			break
		}
		sc := scanned{path: s.fileName(number), number: number, large: true, end: -1, window: windowHeaders}
		err := s.walkFile(ctx, sc, func(w *walker, st step) error {
			if !st.damaged && st.rec.kind == kindBlob && st.off == fileHeaderSize {
				blobs = append(blobs, Located{st.rec.emailID, st.rec.ref(number, st.off, true)})
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, err
		}
		if len(blobs) >= batch {
			if err := flush(); err != nil {
				return removed, err
			}
		}
	}
	return removed, flush()
}
