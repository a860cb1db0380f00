package replay

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// sectorSize is what a disk writes whole or not at all, in bytes.
const sectorSize = 512

// Disk is a disk in the middle of a log. The zero value is not usable, see
// NewDisk. It is not for concurrent use.
type Disk struct {
	done  int // Operations applied.
	root  *inode
	files map[int]*inode
	names []*rename // Not yet durable, in order.
}

// inode is a file or directory. Its fields named live are what programs see.
type inode struct {
	// A directory has entries.
	dir     bool
	live    map[string]*inode
	durable map[string]*inode

	// A file has data: that which is durable, and changes to it in order.
	number  int
	data    []byte
	changes []change
}

// size returns the size of a file as programs see it.
func (n *inode) size() int64 {
	size := int64(len(n.data))
	for _, c := range n.changes {
		if c.data == nil {
			size = c.off
		} else {
			size = max(size, c.off+int64(len(c.data)))
		}
	}
	return size
}

// change is a write, or a truncation to off if data is nil.
type change struct {
	seq  int
	off  int64
	data []byte

	// settled changes are durable. They are applied to the data below only when
	// all before them are.
	settled bool
	doomed  bool // A sync of it failed, so no sync settles it any more.
}

// rename is a change of names that happens as a whole.
type rename struct {
	seq     int
	entries []entry
}

// entry says that a name in a directory is now to (nothing if nil).
type entry struct {
	dir  *inode
	name string
	to   *inode
}

// NewDisk returns an empty disk.
func NewDisk() *Disk {
	root := newDir()
	return &Disk{root: root, files: map[int]*inode{}}
}

func newDir() *inode {
	return &inode{dir: true, live: map[string]*inode{}, durable: map[string]*inode{}}
}

// Done returns how many operations were applied.
func (d *Disk) Done() int { return d.done }

// Apply does the next operation of a log. An error says that the operation does
// not fit those before.
func (d *Disk) Apply(op Op) error {
	seq := d.done
	d.done++
	var err error
	switch op.Kind {
	case Create, Mkdir:
		n := &inode{number: op.File}
		if op.Kind == Mkdir {
			n = newDir()
		} else {
			d.files[op.File] = n
		}
		err = d.link(seq, op.Path, n)
	case Remove:
		err = d.link(seq, op.Path, nil)
	case Rename, Link:
		err = d.rename(seq, op)
	case Write, Truncate, Sync, SyncFailed:
		f := d.files[op.File]
		if f == nil {
			return fmt.Errorf("replay: operation %d, %v: no such file", seq, op)
		}
		f.apply(seq, op)
	case SyncDir:
		n, ok := d.find(op.Path)
		if !ok || !n.dir {
			return fmt.Errorf("replay: operation %d, %v: no such directory", seq, op)
		}
		d.syncDir(n, op.Start)
	case Mark:
	default:
		err = fmt.Errorf("unknown kind %d", op.Kind)
	}
	if err != nil {
		return fmt.Errorf("replay: operation %d, %v: %w", seq, op, err)
	}
	return nil
}

// find returns what a path names for programs.
func (d *Disk) find(p string) (*inode, bool) {
	n := d.root
	for _, e := range elements(p) {
		if n = n.live[e]; n == nil {
			return nil, false
		}
	}
	return n, true
}

func elements(p string) []string {
	if p = path.Clean(p); p == "." {
		return nil
	}
	return strings.Split(p, "/")
}

// entry returns what giving a path to an inode changes.
func (d *Disk) entry(p string, n *inode) (entry, error) {
	dir, ok := d.find(path.Dir(p))
	if !ok || !dir.dir {
		return entry{}, fmt.Errorf("no directory %s", path.Dir(p))
	}
	return entry{dir, path.Base(p), n}, nil
}

func (d *Disk) link(seq int, p string, n *inode) error {
	e, err := d.entry(p, n)
	if err != nil {
		return err
	}
	if n == nil && e.dir.live[e.name] == nil {
		return fmt.Errorf("no %s", p)
	}
	d.change(seq, e)
	return nil
}

func (d *Disk) rename(seq int, op Op) error {
	n, ok := d.find(op.Path)
	if !ok {
		return fmt.Errorf("no %s", op.Path)
	}
	to, err := d.entry(op.NewPath, n)
	if err != nil {
		return err
	}
	if op.Kind == Link {
		d.change(seq, to)
		return nil
	}
	from, err := d.entry(op.Path, nil)
	if err != nil {
		return err
	}
	d.change(seq, from, to)
	return nil
}

// change makes entries live and notes that they are not durable.
func (d *Disk) change(seq int, entries ...entry) {
	for _, e := range entries {
		e.set(e.dir.live)
	}
	d.names = append(d.names, &rename{seq, entries})
}

func (e entry) set(m map[string]*inode) {
	if e.to == nil {
		delete(m, e.name)
	} else {
		m[e.name] = e.to
	}
}

// syncDir makes the changes of names in a directory durable that were made before
// operation start.
func (d *Disk) syncDir(dir *inode, start int) {
	for i, r := range d.names {
		if r.seq >= start || !slices.ContainsFunc(r.entries, func(e entry) bool { return e.dir == dir }) {
			continue
		}
		for _, e := range r.entries {
			e.set(e.dir.durable)
			// What was done to this name before has no effect any more.
			for _, before := range d.names[:i] {
				before.entries = slices.DeleteFunc(before.entries, func(b entry) bool { return b.dir == e.dir && b.name == e.name })
			}
		}
		r.entries = nil
	}
	d.names = slices.DeleteFunc(d.names, func(r *rename) bool { return len(r.entries) == 0 })
}

// apply does an operation on the data of a file.
func (f *inode) apply(seq int, op Op) {
	switch op.Kind {
	case Write:
		if len(op.Data) > 0 {
			f.changes = append(f.changes, change{seq: seq, off: op.Off, data: op.Data})
		}
	case Truncate:
		f.changes = append(f.changes, change{seq: seq, off: op.Off})
	case Sync:
		for i := range f.changes {
			if c := &f.changes[i]; c.seq < op.Start && !c.doomed {
				c.settled = true
			}
		}
		for len(f.changes) > 0 && f.changes[0].settled {
			f.data = f.changes[0].apply(f.data)
			f.changes = f.changes[1:]
		}
	case SyncFailed:
		for i := range f.changes {
			if c := &f.changes[i]; c.seq < op.Start && !c.settled {
				c.doomed = true
			}
		}
	}
}

// apply does all of a change to data, which it may reuse.
func (c *change) apply(data []byte) []byte {
	if c.data == nil {
		return resize(data, c.off)
	}
	if end := c.off + int64(len(c.data)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[c.off:], c.data)
	return data
}

// tear does some of the sectors of a write. The file grows to the end of the last
// one, or to that of the whole write.
func (c *change) tear(data []byte, rng *rand.Rand) []byte {
	if c.data == nil {
		return data
	}
	grow := rng.IntN(2) == 0
	// Some from the front, or any.
	front := rng.IntN(2) == 0
	limit := rng.Int64N(int64(len(c.data)) + 1)
	for at := int64(0); at < int64(len(c.data)); {
		n := min(sectorSize-(c.off+at)%sectorSize, int64(len(c.data))-at)
		keep := rng.IntN(2) == 0
		if front {
			keep = at+n <= limit
		}
		if keep {
			part := change{off: c.off + at, data: c.data[at : at+n]}
			data = part.apply(data)
		}
		at += n
	}
	if end := c.off + int64(len(c.data)); grow && end > int64(len(data)) {
		data = resize(data, end)
	}
	return data
}

// resize returns data with a size, filled with zeros.
func resize(data []byte, size int64) []byte {
	if old := int64(len(data)); size > old {
		data = slices.Grow(data, int(size-old))[:size]
		clear(data[old:])
		return data
	}
	return data[:size]
}

// Crash returns what is left if the power fails now. The seed picks one of the
// possibilities: 0 that nothing is left that was not synced, 1 that everything
// is, others a random one.
func (d *Disk) Crash(seed uint64) *Image {
	rng := rand.New(rand.NewPCG(seed, 0x6d6f78))
	c := crash{seed: seed, rng: rng, dirs: d.crashNames(seed, rng), files: map[*inode]*[]byte{}}
	img := &Image{Files: map[string][]byte{}}
	c.add(img, ".", d.root)
	return img
}

// crashNames returns the entries that directories have after a crash, for those
// in which they are not just the durable ones.
func (d *Disk) crashNames(seed uint64, rng *rand.Rand) map[*inode]map[string]*inode {
	dirs := map[*inode]map[string]*inode{}
	keep := rng.IntN(len(d.names) + 1)
	any := rng.IntN(2) == 0
	for i, r := range d.names {
		switch {
		case seed == 0:
			continue
		case seed == 1:
		case any && rng.IntN(2) == 0, !any && i >= keep:
			continue
		}
		for _, e := range r.entries {
			if dirs[e.dir] == nil {
				dirs[e.dir] = maps.Clone(e.dir.durable)
			}
			e.set(dirs[e.dir])
		}
	}
	return dirs
}

// crash makes an image.
type crash struct {
	seed  uint64
	rng   *rand.Rand
	dirs  map[*inode]map[string]*inode
	files map[*inode]*[]byte // Done, as a file may have several names.
}

// add adds what is at a path and below.
func (c *crash) add(img *Image, p string, n *inode) {
	if !n.dir {
		img.Files[p] = c.content(n)
		return
	}
	if p != "." {
		img.Dirs = append(img.Dirs, p)
	}
	entries, ok := c.dirs[n]
	if !ok {
		entries = n.durable
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		c.add(img, path.Join(p, name), entries[name])
	}
}

// content returns what a file has.
func (c *crash) content(f *inode) []byte {
	if done := c.files[f]; done != nil {
		return *done
	}
	data := slices.Clone(f.data)
	mode := c.rng.IntN(4)
	for i := range f.changes {
		ch := &f.changes[i]
		keep, drop := ch.settled || c.seed == 1, c.seed == 0
		if !keep && !drop {
			switch what := c.rng.IntN(4); {
			case mode == 0:
				drop = true
			case mode == 1:
				keep = true
			case what == 0:
				drop = true
			case what == 1:
				keep = true
			}
		}
		switch {
		case keep:
			data = ch.apply(data)
		case !drop:
			data = ch.tear(data, c.rng)
		}
	}
	c.files[f] = &data
	return data
}
