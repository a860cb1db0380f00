package dbfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/bits"
	"os"
)

// The form of a bbolt file: pages of one size, of which the first two are meta pages. Numbers have the byte order
// of the machine.
const (
	pageHeader  = 16 // Page number (8 bytes), kind, count of elements (2 each), further pages (4).
	elementSize = 16 // Of a leaf: flags, place, sizes of key and value (4 each). Of a branch: place, size of key, page (8).
	bucketSize  = 16 // Root page, sequence.

	kindBranch   = 1
	kindLeaf     = 2
	kindFreelist = 16

	metaMagic   = 0xED0CDAED
	metaVersion = 2
	metaSize    = 64

	noFreelist = ^uint64(0)
	bucketFlag = 1 // Of an element in a leaf.
)

// meta is what a meta page says of the file.
type meta struct {
	pageSize int
	root     uint64
	freelist uint64
	pages    uint64 // All pages are below.
	txid     uint64
}

// metaError says what is wrong with the meta pages.
type metaError string

func (e metaError) Error() string { return string(e) }

// parseMeta reads a meta page.
func parseMeta(page []byte) (meta, error) {
	if len(page) < pageHeader+metaSize {
		return meta{}, metaError("it ends within its first pages")
	}
	b := page[pageHeader:]
	u32 := binary.NativeEndian.Uint32
	u64 := binary.NativeEndian.Uint64
	if u32(b) != metaMagic {
		return meta{}, metaError("it does not begin like a database")
	}
	if u32(b[4:]) != metaVersion {
		return meta{}, metaError(fmt.Sprintf("it has version %d of the format, %d is known", u32(b[4:]), metaVersion))
	}
	h := fnv.New64a()
	h.Write(b[:metaSize-8])
	if u64(b[metaSize-8:]) != h.Sum64() {
		return meta{}, metaError("both of its first pages have a wrong checksum")
	}
	m := meta{int(u32(b[8:])), u64(b[16:]), u64(b[32:]), u64(b[40:]), u64(b[48:])}
	if m.pageSize < 1024 || m.pageSize > 64<<10 || m.pageSize&(m.pageSize-1) != 0 || m.pages < 4 || m.pages > 1<<48 {
		return meta{}, metaError("its first pages are malformed")
	}
	return m, nil
}

// readMeta reads the meta page that counts, that of the last transaction.
func readMeta(f io.ReaderAt) (meta, error) {
	first := make([]byte, pageHeader+metaSize)
	n, err := f.ReadAt(first, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return meta{}, err
	}
	m, err := parseMeta(first[:n])
	sizes := []int{m.pageSize}
	if err != nil {
		sizes = []int{1024, 2048, 4096, 8192, 16384, 32768, 65536}
	}
	for _, size := range sizes {
		b := make([]byte, pageHeader+metaSize)
		n, rerr := f.ReadAt(b, int64(size))
		if rerr != nil && !errors.Is(rerr, io.EOF) {
			return meta{}, rerr
		}
		other, oerr := parseMeta(b[:n])
		if oerr == nil && other.pageSize == size && (err != nil || other.txid > m.txid) {
			m, err = other, nil
		}
	}
	return m, err
}

// Check reads the whole file of a database and tells what is wrong in it, at most maxProblems things. The
// database may be open for reading only. What its rows say is not looked at. It returns errors of
// the disk and of the context.
func Check(ctx context.Context, path string, report func(problem string)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	c := checker{ctx: ctx, f: f, deep: true}
	found := 0
	c.report = func(problem string) error {
		if found++; found > maxProblems {
			return errEnough
		}
		report(problem)
		return nil
	}
	if err := c.run(); !errors.Is(err, errEnough) {
		return err
	}
	return nil
}

// maxProblems bounds what Check tells.
const maxProblems = 20

// errEnough ends a check.
var errEnough = errors.New("enough problems were found")

// checkQuick looks at the pages of a database file that lead to others, which are few. So what reads it later finds
// its way: no page leads to itself, which bbolt would follow for ever.
func checkQuick(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	c := checker{ctx: context.Background(), f: f}
	c.report = func(problem string) error { return damaged(path, errors.New(problem)) }
	return c.run()
}

// checkHead looks at the pages that tell where all else is.
func checkHead(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	c := checker{ctx: context.Background(), f: f}
	c.report = func(problem string) error { return damaged(path, errors.New(problem)) }
	return c.head()
}

// checker walks a database file, which it reads like any other file: what it comes across cannot harm it.
type checker struct {
	ctx    context.Context
	f      io.ReaderAt
	meta   meta
	deep   bool                       // Read all pages; else only what leads to others.
	seen   []uint64                   // A bit for each page: it is in use, or free.
	report func(problem string) error // Its error ends the check.
}

func (c *checker) problem(format string, args ...any) error {
	return c.report(fmt.Sprintf(format, args...))
}

func (c *checker) run() error {
	if err := c.head(); err != nil || c.meta.pageSize == 0 {
		return err
	}
	if ok, err := c.take(c.meta.root, 0); err != nil || !ok {
		return err
	}
	if _, err := c.tree(c.meta.root, 0, unknownHeight); err != nil || !c.deep {
		return err
	}
	known := 0
	for _, b := range c.seen {
		known += bits.OnesCount64(b)
	}
	if lost := c.meta.pages - uint64(known); lost > 0 {
		return c.problem("%d of %d pages are neither used nor free", lost, c.meta.pages)
	}
	return nil
}

// head reads the meta pages and the list of free pages.
func (c *checker) head() error {
	m, err := readMeta(c.f)
	var bad metaError
	if errors.As(err, &bad) {
		return c.problem("%s", bad)
	} else if err != nil {
		return err
	}
	c.meta = m
	// The last page must be there: what is read behind the end of the file ends the program.
	var b [1]byte
	if _, err := c.f.ReadAt(b[:], int64(m.pages)*int64(m.pageSize)-1); errors.Is(err, io.EOF) {
		c.meta.pageSize = 0
		return c.problem("it was cut short, it should have %d bytes at least", int64(m.pages)*int64(m.pageSize))
	} else if err != nil {
		return err
	}
	c.seen = make([]uint64, m.pages/64+1)
	c.seen[0] = 1<<0 | 1<<1
	if m.freelist == noFreelist {
		return nil
	}
	return c.free(m.freelist)
}

// free reads the list of free pages.
func (c *checker) free(id uint64) error {
	p, err := c.page(id)
	if err != nil || p == nil {
		return err
	}
	if _, err := c.take(id, p.more); err != nil {
		return err
	}
	n, ids := uint64(p.count), p.body[pageHeader:]
	if n == 0xFFFF && len(ids) >= 8 {
		n, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if p.kind != kindFreelist || n > uint64(len(ids)/8) {
		return c.problem("page %d is not the list of free pages", id)
	}
	for i := range n {
		if _, err := c.take(binary.NativeEndian.Uint64(ids[8*i:]), 0); err != nil {
			return err
		}
	}
	return nil
}

// take notes that a page and so many after it are in use, or free. It reports whether all of them were left.
func (c *checker) take(id, more uint64) (bool, error) {
	for i := id; i <= id+more; i++ {
		if i >= c.meta.pages {
			return false, c.problem("page %d is used, but there are only %d", i, c.meta.pages)
		}
		if c.seen[i/64]&(1<<(i%64)) != 0 {
			return false, c.problem("page %d is used twice", i)
		}
		c.seen[i/64] |= 1 << (i % 64)
	}
	return true, nil
}

// page is a page as it is in the file.
type page struct {
	kind  uint16
	count uint16
	more  uint64 // Further pages that belong to it.
	body  []byte // All of it, with the header.
}

// page reads a page. If it is none, that is told, and nil returned.
func (c *checker) page(id uint64) (*page, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	if id >= c.meta.pages {
		return nil, c.problem("page %d is used, but there are only %d", id, c.meta.pages)
	}
	size := int64(c.meta.pageSize)
	b := make([]byte, size)
	if _, err := c.f.ReadAt(b, int64(id)*size); err != nil {
		return nil, err
	}
	p := &page{binary.NativeEndian.Uint16(b[8:]), binary.NativeEndian.Uint16(b[10:]), uint64(binary.NativeEndian.Uint32(b[12:])), b}
	if binary.NativeEndian.Uint64(b) != id || id+p.more >= c.meta.pages || p.kind != kindBranch && p.kind != kindLeaf && p.kind != kindFreelist {
		return nil, c.problem("page %d was overwritten", id)
	}
	if p.more > 0 {
		p.body = make([]byte, size*int64(p.more+1))
		if _, err := c.f.ReadAt(p.body, int64(id)*size); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// rowDepth is how deep buckets lie in each other that hold rows: bstore has one for each type, and in it one
// for its rows and for each index.
const rowDepth = 2

// unknownHeight is that of a tree of which no leaf was seen.
const unknownHeight = -1

// tree checks the tree below a page, in a bucket of a depth, and returns its height, zero for a leaf. The page itself was
// taken already, but not those that belong to it. Height is what was found beside it, at the same distance from the
// root: all leaves have the same.
func (c *checker) tree(id uint64, depth, height int) (int, error) {
	p, err := c.page(id)
	if err != nil || p == nil {
		return height, err
	}
	if p.more > 0 {
		if _, err := c.take(id+1, p.more-1); err != nil {
			return height, err
		}
	}
	switch p.kind {
	case kindBranch:
		return c.branch(id, p, depth, height)
	case kindLeaf:
		return 0, c.leaf(id, p.body, p.count, depth)
	}
	return height, c.problem("page %d is no part of a table", id)
}

// branch checks a page that leads to others, and all below it. It returns the height of that.
func (c *checker) branch(id uint64, p *page, depth, height int) (int, error) {
	children, err := c.children(id, p)
	if err != nil {
		return height, err
	}
	// Leaves with rows lead nowhere, so the quick check reads but one of them, to know the height.
	rows := !c.deep && depth >= rowDepth
	for _, child := range children {
		if rows && height == 1 {
			return height, nil
		}
		below := unknownHeight
		if height != unknownHeight {
			below = height - 1
		}
		if below, err = c.tree(child, depth, below); err != nil {
			return height, err
		}
		height = below + 1
	}
	return height, nil
}

// children returns the pages that a page leads to.
func (c *checker) children(id uint64, p *page) ([]uint64, error) {
	var children []uint64
	var last []byte
	for i := range int(p.count) {
		at := pageHeader + i*elementSize
		if at+elementSize > len(p.body) {
			return nil, c.problem("page %d has more elements than fit", id)
		}
		e := p.body[at:]
		pos, size := uint64(binary.NativeEndian.Uint32(e)), uint64(binary.NativeEndian.Uint32(e[4:]))
		if pos+size > uint64(len(e)) {
			return nil, c.problem("page %d has a key outside of it", id)
		}
		key := e[pos : pos+size]
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return nil, c.problem("page %d has keys out of order", id)
		}
		last = key
		child := binary.NativeEndian.Uint64(e[8:])
		ok, err := c.take(child, 0)
		if err != nil {
			return nil, err
		} else if ok {
			children = append(children, child)
		}
	}
	if p.count == 0 {
		return nil, c.problem("page %d leads nowhere", id)
	}
	return children, nil
}

// leaf checks the elements of a page with keys and values, or of a small bucket inside of one.
func (c *checker) leaf(id uint64, body []byte, count uint16, depth int) error {
	var last []byte
	for i := range int(count) {
		at := pageHeader + i*elementSize
		if at+elementSize > len(body) {
			return c.problem("page %d has more elements than fit", id)
		}
		e := body[at:]
		u32 := binary.NativeEndian.Uint32
		flags, pos, ksize, vsize := u32(e), uint64(u32(e[4:])), uint64(u32(e[8:])), uint64(u32(e[12:]))
		if flags > bucketFlag || pos+ksize+vsize > uint64(len(e)) {
			return c.problem("page %d has an element outside of it", id)
		}
		key := e[pos : pos+ksize]
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return c.problem("page %d has keys out of order", id)
		}
		last = key
		if flags == bucketFlag {
			if err := c.bucket(id, e[pos+ksize:pos+ksize+vsize], depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucket checks a bucket whose value lies in a page.
func (c *checker) bucket(id uint64, value []byte, depth int) error {
	if len(value) < bucketSize {
		return c.problem("page %d has a malformed table", id)
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		if ok, err := c.take(root, 0); err != nil || !ok {
			return err
		}
		_, err := c.tree(root, depth, unknownHeight)
		return err
	}
	inline := value[bucketSize:]
	if len(inline) < pageHeader || binary.NativeEndian.Uint16(inline[8:]) != kindLeaf {
		return c.problem("page %d has a malformed table", id)
	}
	return c.leaf(id, inline, binary.NativeEndian.Uint16(inline[10:]), depth)
}
