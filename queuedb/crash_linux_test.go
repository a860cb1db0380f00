package queuedb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/replay"
)

// workVariable makes the test binary do some work in the directory that it names, instead of
// testing.
const workVariable = "MOX_QUEUEDB_TEST_WORK"

func TestMain(m *testing.M) {
	dir := os.Getenv(workVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := work(context.Background(), dir, func(note string) { fmt.Print(note) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const (
	workRounds  = 8
	workSenders = 3 // At a time, so that they share transactions.
)

// name is the envelope id of a message of work, some of which have two recipients and some a body
// in a file of its own.
func name(round, sender int) string { return fmt.Sprintf("m%d-%d", round, sender) }

func workMessage(round, sender int) NewMessage {
	size := 200 + 10*round
	if (round+sender)%5 == 4 {
		size = 270 << 10
	}
	to := []string{"a@one.example"}
	if sender > 0 {
		to = append(to, "b@two.example")
	}
	return newMessage(name(round, sender), size, to...)
}

// work adds messages, ends some and cancels some, and marks what was acknowledged.
func work(ctx context.Context, dir string, mark func(string)) error {
	db, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		return err
	}
	mark("open")
	for round := range workRounds {
		var wg sync.WaitGroup
		errs := make([]error, workSenders)
		for sender := range workSenders {
			wg.Go(func() {
				_, rcpts, _, err := db.Add(ctx, workMessage(round, sender))
				if errs[sender] = err; err != nil {
					return
				}
				mark("add " + name(round, sender))
				errs[sender] = workEnd(ctx, db, round, sender, rcpts, mark)
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	// It ends without Close.
	return nil
}

// workEnd does what follows for a message: one in three fails with a notification for its first
// recipient, one is done, one is canceled in odd rounds.
func workEnd(ctx context.Context, db *DB, round, sender int, rcpts []Recipient, mark func(string)) error {
	id := name(round, sender)
	switch {
	case sender == 0:
		_, _, err := db.Finish(ctx, []Result{{Recipient: rcpts[0].ID, State: Failed}}, []NewMessage{newMessage("dsn-"+id, 300, "sender@example.com")})
		mark("fail " + id)
		return err
	case sender == 1:
		_, _, err := db.Finish(ctx, []Result{{Recipient: rcpts[0].ID, State: Delivered}, {Recipient: rcpts[1].ID, State: Delivered}}, nil)
		mark("done " + id)
		return err
	case round%2 == 1:
		_, ok, err := db.Cancel(ctx, id, "canceled")
		if err == nil && !ok {
			err = errors.New("not canceled")
		}
		mark("cancel " + id)
		return err
	}
	return nil
}

// TestCrash replays the system calls of a process that works with the database, and looks at
// what a power cut at any moment leaves.
func TestCrash(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workVariable+"="+filepath.Join(root, "queue"))
	cmd.Stderr = os.Stderr
	log, err := replay.Trace(t.Context(), cmd, root)
	if err != nil {
		t.Fatal(err)
	}
	marks := log.Marks(len(log.Ops))
	if n := 1 + workRounds*workSenders + workRounds*5/2; len(marks) != n {
		t.Fatalf("%d marks, want %d", len(marks), n)
	}
	every := 5
	if testing.Short() {
		every = 41
	}
	if err := log.Crashes(replay.Points{Every: every}, survives(t)); err != nil {
		t.Fatal(err)
	}
	// And it would not without the syncs.
	paths := log.Paths()
	for _, name := range []string{".pack", ".blob", "index.db"} {
		missing(t, log, name, func(op replay.Op) bool {
			// A database is made under another name.
			return op.Kind == replay.Sync && strings.HasSuffix(strings.TrimSuffix(paths[op.File], ".new"), name)
		})
	}
	for _, name := range []string{"files", "blobs", "queue", "."} {
		missing(t, log, name, func(op replay.Op) bool { return op.Kind == replay.SyncDir && filepath.Base(op.Path) == name })
	}
}

// missing checks that a crash shows that syncs are left out.
func missing(t *testing.T, log *replay.Log, name string, drop func(replay.Op) bool) {
	t.Helper()
	without := log.Without(drop)
	if len(without.Ops) == len(log.Ops) {
		t.Errorf("there is no sync of %s", name)
	}
	if err := without.Crashes(replay.Points{From: len(without.Ops), Seeds: 2}, survives(t)); err == nil {
		t.Errorf("nothing shows that the sync of %s is missing", name)
	}
}

// survives returns a function that checks what was promised.
func survives(t *testing.T) func(replay.Point, *replay.Image) error {
	memory := "/dev/shm" // Where syncs are quick.
	if _, err := os.Stat(memory); err != nil {
		memory = t.TempDir()
	}
	return func(p replay.Point, img *replay.Image) error {
		dir, err := os.MkdirTemp(memory, "mox-queuedb-crash-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := img.Restore(vfs.OS{}, dir); err != nil {
			return err
		}
		if err := checkCrashed(t, filepath.Join(dir, "queue"), p.Marks); err != nil {
			return fmt.Errorf("%w, promised %q", err, p.Marks)
		}
		return nil
	}
}

func checkCrashed(t *testing.T, dir string, marks []string) (rerr error) {
	ctx := t.Context()
	db, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, db.Close()) }()

	l, err := db.List(ctx, Filter{}, Page{Limit: 1 << 20})
	if err != nil {
		return err
	}
	states := map[string][]State{} // By envelope id, in the order of recipients.
	large := map[string]bool{}
	for _, e := range l {
		id := e.Message.EnvelopeID
		states[id] = append(states[id], e.Recipient.State)
		if e.Message.Open > 0 {
			if err := checkBody(ctx, db, e.Message); err != nil {
				return err
			}
			if db.blobs.Large(e.Message.Size) {
				large[id] = true
			}
		}
	}
	for round := range workRounds {
		for sender := range workSenders {
			id := name(round, sender)
			if err := checkStates(marks, id, len(workMessage(round, sender).Recipients), states); err != nil {
				return err
			}
			delete(states, id)
			delete(states, "dsn-"+id)
		}
	}
	if len(states) > 0 {
		return fmt.Errorf("messages that nobody sent: %v", states)
	}
	files, err := os.ReadDir(filepath.Join(dir, "blobs", "files"))
	if err != nil || len(files) != len(large) {
		return fmt.Errorf("%d large bodies for %d messages, %v", len(files), len(large), err)
	}
	_, _, duplicate, err := db.Add(ctx, newMessage("after", 300<<10, "a@one.example"))
	if err != nil || duplicate {
		return fmt.Errorf("adding: duplicate %v, %w", duplicate, err)
	}
	return nil
}

func checkBody(ctx context.Context, db *DB, m Message) error {
	b, err := db.OpenBody(ctx, m.ID)
	if err != nil {
		return fmt.Errorf("%s: %w", m.EnvelopeID, err)
	}
	defer b.Close()
	got := make([]byte, m.Size)
	if _, err := b.ReadAt(got, 0); err != nil || string(got) != string(text(m.EnvelopeID, int(m.Size))) {
		return fmt.Errorf("%s has another body, %v", m.EnvelopeID, err)
	}
	return nil
}

// checkStates checks the recipients of a message against what was acknowledged about it. What came
// next may have happened or not, but as a whole.
func checkStates(marks []string, id string, recipients int, states map[string][]State) error {
	got := states[id]
	said := func(what string) bool { return slices.Contains(marks, what+" "+id) }
	if len(got) == 0 {
		if said("add") || len(states["dsn-"+id]) > 0 {
			return fmt.Errorf("%s is lost", id)
		}
		return nil
	}
	if len(got) != recipients {
		return fmt.Errorf("%s has %d recipients of %d", id, len(got), recipients)
	}
	end := got[0]
	if slices.ContainsFunc(got, func(s State) bool { return s != end }) {
		return fmt.Errorf("%s is in states %v", id, got)
	}
	if (end == Failed) != (len(states["dsn-"+id]) == 1) || len(states["dsn-"+id]) > 1 {
		return fmt.Errorf("%s is %v and has %d notifications", id, end, len(states["dsn-"+id]))
	}
	for what, want := range map[string]State{"fail": Failed, "done": Delivered, "cancel": Dropped} {
		if said(what) && end != want {
			return fmt.Errorf("%s is %v after %s", id, end, what)
		}
	}
	if strings.HasSuffix(id, "-2") && end.Final() && end != Dropped {
		return fmt.Errorf("%s is %v", id, end)
	}
	return nil
}
