package dbfile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mjl-/bstore"
)

// mappedPath returns the path of a new database as the system tells it of what is mapped: without symbolic links.
func mappedPath(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "test.db")
}

// residentOf returns how many bytes of a mapped file are resident.
func residentOf(t *testing.T, path string) int {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	within := false
	for line := range strings.Lines(string(smaps)) {
		f := strings.Fields(line)
		switch {
		case strings.Contains(f[0], "-"):
			within = f[len(f)-1] == path
		case within && f[0] == "Rss:":
			kb, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatalf("%s is not mapped", path)
	return 0
}

// openFilled opens a database of some size, of which all pages are resident, and returns a function that reads
// them all.
func openFilled(t *testing.T, path string, size int) (*DB, func() error) {
	t.Helper()
	db, err := Open(t.Context(), path, row{})
	if err != nil {
		t.Fatal(err)
	}
	const each = 1 << 20
	name := strings.Repeat("x", each)
	err = db.Write(t.Context(), func(tx *bstore.Tx) error {
		for i := range size / each {
			if err := tx.Insert(&row{ID: int64(i + 1), Name: name}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	readAll := func() error {
		n := 0
		err := db.Read(context.Background(), func(tx *bstore.Tx) error {
			return bstore.QueryTx[row](tx).ForEach(func(r row) error {
				if r.Name != name {
					return fmt.Errorf("row %d is another", r.ID)
				}
				n++
				return nil
			})
		})
		if err == nil && n != size/each {
			err = fmt.Errorf("%d rows, want %d", n, size/each)
		}
		return err
	}
	if err := readAll(); err != nil {
		t.Fatal(err)
	}
	return db, readAll
}

// Some time after many pages were read they no longer count for the process, and are read again.
func TestMappedGivesBack(t *testing.T) {
	t.Parallel()
	path := mappedPath(t)
	synctest.Test(t, func(t *testing.T) {
		const size = 2*mappedGrowth + mappedPiece/2
		db, readAll := openFilled(t, path, size)
		defer db.Close()
		if n := residentOf(t, path); n < size {
			t.Fatalf("%d bytes are resident, want all of %d", n, size)
		}
		// Other tests map files meanwhile, so what the process has of all says nothing here.
		m := Mapped{resident: func() int64 { return int64(residentOf(t, path)) }}
		m.Add(db)
		m.floor -= size // As if it had been empty.
		time.Sleep(2 * mappedEvery)
		if n := residentOf(t, path); n < size {
			t.Errorf("%d bytes are resident after no use, want all of %d", n, size)
		}
		if err := readAll(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(mappedEvery)
		synctest.Wait()
		if n := residentOf(t, path); n > 1<<20 {
			t.Errorf("%d bytes are resident, want none", n)
		}
		if err := readAll(); err != nil {
			t.Error(err)
		}
	})
}

// A small database keeps its pages.
func TestMappedKeeps(t *testing.T) {
	t.Parallel()
	path := mappedPath(t)
	synctest.Test(t, func(t *testing.T) {
		db, readAll := openFilled(t, path, 4<<20)
		defer db.Close()
		m := Mapped{resident: func() int64 { return int64(residentOf(t, path)) }}
		m.Add(db)
		if err := readAll(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(mappedEvery)
		synctest.Wait()
		if n := residentOf(t, path); n < 4<<20 {
			t.Errorf("%d bytes are resident, want all", n)
		}
	})
}

// Pages are given back while others read, write, make the map larger, and close the database.
func TestMappedWhileUsed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	db, readAll := openFilled(t, path, 4<<20)
	type large struct {
		ID   int64
		Data []byte
	}
	if err := db.Register(t.Context(), large{}); err != nil {
		t.Fatal(err)
	}
	var m Mapped
	m.Add(db)
	stop := make(chan struct{})
	var releasing, using sync.WaitGroup
	releasing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				m.release()
			}
		}
	})
	using.Go(func() {
		for range 20 {
			if err := readAll(); err != nil {
				t.Error(err)
			}
		}
	})
	using.Go(func() {
		b := make([]byte, initialMap/8)
		for i := range 9 {
			if err := db.Insert(context.Background(), &large{ID: int64(i + 1), Data: b}); err != nil {
				t.Error(err)
			}
		}
	})
	using.Wait()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	close(stop)
	releasing.Wait()
	if len(m.dbs) != 0 {
		t.Error("a closed database is kept")
	}
}
