package dbfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mjl-/bstore"
)

// wholeFile returns the content of a database in good order, with a tree of some depth and free pages.
func wholeFile(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(memoryDir(t), "whole.db")
	ctx := context.Background()
	db, err := Open(ctx, path, row{})
	if err != nil {
		t.Fatal(err)
	}
	for _, insert := range []bool{true, false} {
		err := db.Write(ctx, func(tx *bstore.Tx) error {
			for i := 1; i <= 1500; i++ {
				var err error
				if insert {
					err = tx.Insert(&row{int64(i), strings.Repeat("x", 500)})
				} else if i%10 != 0 && i%100 < 30 {
					err = tx.Delete(&row{ID: int64(i)})
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := readMeta(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	// The rest was reserved for growing.
	return b[:int(m.pages)*m.pageSize]
}

// memoryDir returns a directory where syncs are quick.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "mox-dbfile-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// use opens a database, reads all of it and writes to it, and returns the errors.
func use(path string) error {
	ctx := context.Background()
	db, err := Open(ctx, path, row{})
	if err != nil {
		return err
	}
	read := func() error {
		return db.Read(ctx, func(tx *bstore.Tx) error {
			return bstore.QueryTx[row](tx).ForEach(func(r row) error { return nil })
		})
	}
	write := func() error {
		return db.Write(ctx, func(tx *bstore.Tx) error {
			for i := 10; i <= 1500; i += 250 {
				if err := tx.Update(&row{int64(i), strings.Repeat("y", 400)}); err != nil {
					return err
				}
			}
			for range 100 {
				if err := tx.Insert(&row{Name: strings.Repeat("z", 500)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = errors.Join(read(), write(), read(), write())
	return errors.Join(err, db.Close())
}

// problems returns what Check tells of a file.
func problems(t *testing.T, path string) []string {
	t.Helper()
	var l []string
	if err := Check(context.Background(), path, func(problem string) { l = append(l, problem) }); err != nil {
		t.Fatalf("check: %v", err)
	}
	return l
}

func TestCheckWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(memoryDir(t), "test.db")
	if err := os.WriteFile(path, wholeFile(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if l := problems(t, path); len(l) > 0 {
		t.Errorf("before use: %q", l)
	}
	if err := use(path); err != nil {
		t.Error(err)
	}
	if l := problems(t, path); len(l) > 0 {
		t.Errorf("after use: %q", l)
	}
	if _, _, err := Compact(path); err != nil {
		t.Error(err)
	}
	if l := problems(t, path); len(l) > 0 {
		t.Errorf("after compacting: %q", l)
	}
}

// leafCounter counts the leaves that are read of a database file.
type leafCounter struct {
	io.ReaderAt
	leaves, branches int
}

func (c *leafCounter) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, off)
	if n == 4096 {
		switch binary.NativeEndian.Uint16(b[8:]) {
		case kindLeaf:
			c.leaves++
		case kindBranch:
			c.branches++
		}
	}
	return n, err
}

// What is done whenever a database is opened reads what leads to rows, but not the rows.
func TestQuickCheckReadsNoRows(t *testing.T) {
	t.Parallel()
	type wide struct{ Name string } // Few fit in a page, so that the tree is deep.
	path := filepath.Join(memoryDir(t), "test.db")
	db, err := Open(t.Context(), path, wide{})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(tx *bstore.Tx) error {
		for i := range 1000 {
			if err := tx.Insert(&wide{fmt.Sprintf("%01000d", i)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := leafCounter{ReaderAt: bytes.NewReader(b)}
	quick := checker{ctx: t.Context(), f: &c, report: func(problem string) error { return errors.New(problem) }}
	if err := quick.run(); err != nil {
		t.Fatal(err)
	}
	// One of the rows, and those of the buckets.
	if c.branches < 50 || c.leaves > 5 {
		t.Errorf("%d branches and %d leaves were read", c.branches, c.leaves)
	}
}

func TestDamage(t *testing.T) {
	t.Parallel()
	whole := wholeFile(t)
	const size = 4096
	for _, tc := range []struct {
		name   string
		damage func(b []byte) []byte
		cause  string
	}{
		{"empty", func([]byte) []byte { return nil }, "it ends within its first pages"},
		{"half", func(b []byte) []byte { return b[:len(b)/2] }, "it was cut short"},
		{"one byte less", func(b []byte) []byte { return b[:len(b)-1] }, "it was cut short"},
		{"one page", func(b []byte) []byte { return b[:size] }, "it was cut short"},
		{"no database", func([]byte) []byte { return bytes.Repeat([]byte("no database "), 5000) }, "it does not begin like a database"},
		{"zeros", func(b []byte) []byte { return make([]byte, len(b)) }, "it does not begin like a database"},
		{"magic", func(b []byte) []byte { b[16], b[size+16] = 0, 0; return b }, "it does not begin like a database"},
		{"version", func(b []byte) []byte { b[20], b[size+20] = 9, 9; return b }, "it has version 9 of the format"},
		{"checksum", func(b []byte) []byte { b[50] ^= 1; b[size+50] ^= 1; return b }, "wrong checksum"},
		{"middle of zeros", func(b []byte) []byte { clear(b[len(b)/4 : len(b)*3/4]); return b }, "was overwritten"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(memoryDir(t), "test.db")
			b := tc.damage(bytes.Clone(whole))
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			err := use(path)
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
				t.Errorf("using it: %v", err)
			}
			if l := problems(t, path); len(l) == 0 || !strings.Contains(strings.Join(l, "\n"), tc.cause) {
				t.Errorf("check tells %q, want %q", l, tc.cause)
			}
			if _, _, err := Compact(path); !errors.Is(err, ErrDamaged) {
				t.Errorf("compacting: %v", err)
			}
			if _, err := OpenCopy(context.Background(), path, row{}); tc.name != "middle of zeros" && !errors.Is(err, ErrDamaged) {
				t.Errorf("opening a copy: %v", err)
			}
			// The engine repairs one of the two first pages, but nothing is made of what is no database.
			if now, err := os.ReadFile(path); err != nil || tc.name != "middle of zeros" && !bytes.Equal(now, b) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}

// Of the two first pages one suffices.
func TestDamageOfOneMetaPage(t *testing.T) {
	t.Parallel()
	for i := range 2 {
		path := filepath.Join(memoryDir(t), "test.db")
		b := wholeFile(t)
		clear(b[i*4096:][:4096])
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		// If it was the last one, the state before the last transaction is there, whose pages may be gone.
		if err := use(path); err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("page %d: %v", i, err)
		}
	}
}

// Whatever a page has become, using the database ends, with or without an error, and nothing else in the
// program is disturbed.
func TestDamageAnywhere(t *testing.T) {
	t.Parallel()
	whole := wholeFile(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(memoryDir(t), "test.db")
	rounds := 200
	if testing.Short() {
		rounds = 50
	}
	failed := 0
	for n := range rounds {
		b := bytes.Clone(whole)
		what := damageRandomly(b, rnd)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		err := use(path)
		if err == nil {
			continue
		}
		failed++
		if !errors.Is(err, ErrDamaged) {
			t.Logf("round %d, %s: %v", n, what, err)
		}
		os.Remove(path)
	}
	if failed < rounds/10 {
		t.Errorf("only %d of %d rounds had an error", failed, rounds)
	}
}

// damageRandomly overwrites something.
func damageRandomly(b []byte, rnd *rand.Rand) string {
	page := rnd.IntN(len(b) / 4096)
	p := b[page*4096:][:4096]
	switch rnd.IntN(4) {
	case 0:
		clear(p)
		return fmt.Sprintf("page %d zeroed", page)
	case 1:
		other := rnd.IntN(len(b) / 4096)
		copy(p, b[other*4096:][:4096])
		return fmt.Sprintf("page %d is page %d", page, other)
	case 2:
		at := rnd.IntN(200)
		p[at] ^= 1 << rnd.IntN(8)
		return fmt.Sprintf("bit flipped in byte %d of page %d", at, page)
	default:
		at := rnd.IntN(4000)
		for i := range 64 {
			p[at+i] = byte(rnd.Uint32())
		}
		return fmt.Sprintf("64 random bytes at %d of page %d", at, page)
	}
}

// A file that is cut short while it is open.
func TestTruncatedWhileOpen(t *testing.T) {
	t.Parallel()
	for _, to := range []int64{0, 4096, 40960} {
		path := filepath.Join(memoryDir(t), "test.db")
		if err := os.WriteFile(path, wholeFile(t), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		db, err := Open(ctx, path, row{})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, to); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			err := db.Read(ctx, func(tx *bstore.Tx) error {
				return bstore.QueryTx[row](tx).ForEach(func(row) error { return nil })
			})
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("reading with %d bytes left: %v", to, err)
			}
			err = db.Write(ctx, func(tx *bstore.Tx) error { return tx.Insert(&row{Name: "x"}) })
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("writing with %d bytes left: %v", to, err)
			}
		}
		if err := db.Close(); err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("closing: %v", err)
		}
	}
}

// A bug is no damage.
func TestPanicPassesThrough(t *testing.T) {
	t.Parallel()
	db, err := Open(context.Background(), filepath.Join(memoryDir(t), "test.db"), row{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, call := range []func(context.Context, func(*bstore.Tx) error) error{db.Read, db.Write} {
		func() {
			defer func() {
				if x := recover(); x != "a bug" {
					t.Errorf("panic became %v", x)
				}
			}()
			call(context.Background(), func(*bstore.Tx) error { panic("a bug") })
		}()
	}
	if err := db.Insert(context.Background(), &row{Name: "x"}); err != nil {
		t.Errorf("writing after it: %v", err)
	}
}

func TestOpenCopy(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(memoryDir(t), "test.db")
	makeRows(t, path, 100)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db, err := OpenCopy(ctx, path, row{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Insert(ctx, &row{Name: "x"}); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database itself was changed, %v", err)
	}
	if err := Rewrite(path); err != nil {
		t.Error(err)
	}
	checkRows(t, path, 100)
}
