package replay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"mox/internal/vfs"
)

// The test binary runs itself under strace with one of these programs.
const programVariable = "MOX_REPLAY_TEST_PROGRAM"

func TestMain(m *testing.M) {
	programs := map[string]func(dir string) error{
		"files": useFiles,
		"bbolt": useBolt,
		"mmap":  useSharedMemory,
	}
	if name := os.Getenv(programVariable); name != "" {
		if err := programs[name](os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// trace runs a program in a directory.
func trace(t *testing.T, program, dir string) (*Log, error) {
	t.Helper()
	if err := TraceAvailable(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), programVariable+"="+program)
	cmd.Stderr = os.Stderr
	return Trace(t.Context(), cmd, dir)
}

// useFiles does all kinds of operations.
func useFiles(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = useSome(root, fmt.Sprintf("d%d", i), i) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, "old"), os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString("appended"); err != nil {
		return err
	}
	if err := os.Link(filepath.Join(dir, "old"), filepath.Join(dir, "linked")); err != nil {
		return err
	}
	if err := (vfs.OS{}).SyncDir(dir); err != nil {
		return err
	}
	fmt.Println("done")
	return f.Close()
}

func useSome(root *os.Root, name string, i int) error {
	if err := root.Mkdir(name, 0o700); err != nil {
		return err
	}
	f, err := root.Create(name + "/x")
	if err != nil {
		return err
	}
	for range 20 {
		if _, err := io.WriteString(f, strings.Repeat("\"quoted\", (text)\n", i+1)); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if _, err := f.Seek(-10, io.SeekEnd); err != nil {
		return err
	}
	if _, err := f.Write(bytes.Repeat([]byte{0, 255}, 100_000)); err != nil {
		return err
	}
	if err := f.Truncate(150_000 + int64(i)); err != nil {
		return err
	}
	if err := root.WriteFile(name+"/y", []byte("y"), 0o600); err != nil {
		return err
	}
	if err := root.Rename(name+"/x", name+"/z"); err != nil {
		return err
	}
	if i%2 == 0 {
		if err := root.Remove(name + "/y"); err != nil {
			return err
		}
	}
	return f.Close()
}

func TestTraceSeesAllThatHappened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "old"), []byte("from before "), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := trace(t, "files", dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Snapshot(vfs.OS{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	d := NewDisk()
	for _, op := range log.Ops {
		if err := d.Apply(op); err != nil {
			t.Fatal(err)
		}
	}
	compareImages(t, d.Crash(1), want)
	if marks := log.Marks(len(log.Ops)); !slices.Equal(marks, []string{"done\n"}) {
		t.Errorf("marks %q", marks)
	}
}

// useBolt commits numbers to a database and tells of each.
func useBolt(dir string) error {
	db, err := bbolt.Open(filepath.Join(dir, "db"), 0o600, nil)
	if err != nil {
		return err
	}
	if err := (vfs.OS{}).SyncDir(dir); err != nil {
		return err
	}
	for i := range uint32(40) {
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("b"))
			if err != nil {
				return err
			}
			return b.Put(binary.BigEndian.AppendUint32(nil, i*7919%1000), bytes.Repeat([]byte{byte(i)}, 500))
		})
		if err != nil {
			return err
		}
		fmt.Println(i)
	}
	return db.Close()
}

// boltCrashes opens the database as it may be after crashes and returns the first
// failure.
func boltCrashes(t *testing.T, log *Log) error {
	t.Helper()
	return log.Crashes(Points{}, func(p Point, img *Image) error {
		if len(p.Marks) == 0 {
			return nil
		}
		dir := t.TempDir()
		if err := img.Restore(vfs.OS{}, dir); err != nil {
			t.Fatal(err)
		}
		if err := boltHas(filepath.Join(dir, "db"), len(p.Marks)); err != nil {
			return err
		}
		return os.RemoveAll(dir)
	})
}

// boltHas tells whether a database has the first n numbers.
func boltHas(name string, n int) (rerr error) {
	defer func() {
		if p := recover(); p != nil {
			rerr = fmt.Errorf("panic: %v", p) // bbolt's way of telling of damage.
		}
	}()
	db, err := bbolt.Open(name, 0o600, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("b"))
		if b == nil {
			return errors.New("no bucket")
		}
		for i := range uint32(n) {
			v := b.Get(binary.BigEndian.AppendUint32(nil, i*7919%1000))
			if !bytes.Equal(v, bytes.Repeat([]byte{byte(i)}, 500)) {
				return fmt.Errorf("number %d is missing", i)
			}
		}
		return nil
	})
}

func TestTracedDatabaseSurvivesCrashes(t *testing.T) {
	t.Parallel()
	log, err := trace(t, "bbolt", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(log.Marks(len(log.Ops))); n != 40 {
		t.Fatalf("%d marks", n)
	}
	if err := boltCrashes(t, log); err != nil {
		t.Fatal(err)
	}
	// And would not without one kind of sync.
	for _, kind := range []Kind{Sync, SyncDir} {
		log := log.Without(func(op Op) bool { return op.Kind == kind })
		if err := boltCrashes(t, log); err == nil {
			t.Errorf("no crash showed that %v is missing", kind)
		}
	}
}

// useSharedMemory writes to a file in a way that the trace does not show.
func useSharedMemory(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "x"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(4096); err != nil {
		return err
	}
	return writeMapped(f)
}

func TestTraceRefusesWhatItCannotFollow(t *testing.T) {
	t.Parallel()
	if _, err := trace(t, "mmap", t.TempDir()); !errors.Is(err, errUnseen) {
		t.Fatalf("got error %v", err)
	}
}

func TestTraceReportsFailingProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d3"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), programVariable+"=files")
	log, err := Trace(t.Context(), cmd, dir)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || log == nil {
		t.Fatalf("got log %v, error %v", log, err)
	}
}
