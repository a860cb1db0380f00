package dbfile

import "os"

// maxAhead is the most zeros that are written behind the pages in use, and minAhead how few there may be before more are.
// See ahead.
const (
	maxAhead = 512 << 10
	minAhead = 64 << 10
)

// ahead writes zeros where the file is going to grow. bbolt makes a file longer without giving it blocks, which each
// fdatasync then has to find: that takes a commit of the file system's journal, and twice as long as to
// write blocks that are there.
type ahead struct {
	f      *os.File // Nil if nothing is written ahead.
	began  int64    // Where the pages in use ended when the file was opened.
	filled int64    // The end of the zeros.
}

// openAhead opens the file of a database that is open.
func openAhead(path string) (ahead, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return ahead{}, err
	}
	m, err := readMeta(f)
	if err != nil {
		f.Close()
		return ahead{}, err
	}
	return ahead{f: f, began: m.end(), filled: m.end()}, nil
}

// fill writes zeros, as many as the database has grown since it was opened. It is called by who holds the lock for
// writing, before it has written: all pages behind those in use are free then. Errors are left to those who write
// something.
func (a *ahead) fill() {
	if a.f == nil {
		return
	}
	m, err := readMeta(a.f)
	if err != nil {
		return
	}
	used := m.end()
	ahead := min(used-a.began, maxAhead)
	if ahead < minAhead || a.filled-used >= minAhead {
		return
	}
	from := max(a.filled, used)
	if fi, err := a.f.Stat(); err != nil || used+ahead > fi.Size() {
		return // bbolt makes the file longer.
	}
	n, _ := a.f.WriteAt(make([]byte, used+ahead-from), from)
	a.filled = from + int64(n)
}

func (a *ahead) close() error {
	if a.f == nil {
		return nil
	}
	return a.f.Close()
}

// end is where the pages in use end.
func (m meta) end() int64 { return int64(m.pages) * int64(m.pageSize) }
