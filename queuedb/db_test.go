package queuedb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mjl-/bstore"

	"mox/smtp"
	"mox/store/blob"
	"mox/store/dbfile"
)

var begin = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func newDB(t testing.TB, change func(*Options)) *DB {
	t.Helper()
	opts := Options{Dir: filepath.Join(t.TempDir(), "queue"), Now: func() time.Time { return begin }}
	if change != nil {
		change(&opts)
	}
	db, err := Open(context.Background(), opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func mustPath(s string) smtp.Path {
	p, err := smtp.ParsePath(s)
	if err != nil {
		panic(err)
	}
	return p
}

// text is the body of the message with an envelope id.
func text(id string, size int) []byte {
	line := "Subject: " + id + "\r\n\r\n"
	return []byte(line + strings.Repeat("x", max(size-len(line), 0)))
}

// newMessage is a message of some bytes to paths like "a@example.org", due at begin.
func newMessage(id string, size int, to ...string) NewMessage {
	b := text(id, size)
	m := NewMessage{
		Message: Message{EnvelopeID: id, MailFrom: mustPath("sender@example.com"), Size: int64(len(b)), Received: begin},
		Body:    bytes.NewReader(b),
	}
	for _, s := range to {
		p := mustPath(s)
		m.Recipients = append(m.Recipients, Recipient{Path: p, Destination: p.IPDomain.Domain.ASCII, State: Waiting, NextAttempt: begin})
	}
	return m
}

func (db *DB) mustAdd(t testing.TB, m NewMessage) (Message, []Recipient) {
	t.Helper()
	msg, rcpts, duplicate, err := db.Add(context.Background(), m)
	if err != nil || duplicate {
		t.Fatalf("add %s: duplicate %v, %v", m.EnvelopeID, duplicate, err)
	}
	return msg, rcpts
}

func (db *DB) content(t testing.TB, id MessageID) string {
	t.Helper()
	b, err := db.OpenBody(context.Background(), id)
	if err != nil {
		t.Fatalf("open body of %d: %v", id, err)
	}
	defer b.Close()
	content, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		t.Fatalf("body of %d: %v", id, err)
	}
	return string(content)
}

// list returns all recipients as "envelope path state".
func (db *DB) list(t testing.TB, f Filter) []string {
	t.Helper()
	l, err := db.List(context.Background(), f, Page{Limit: 1 << 20})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	var got []string
	for _, e := range l {
		got = append(got, fmt.Sprintf("%s %s %s", e.Message.EnvelopeID, e.Recipient.Path, e.Recipient.State))
	}
	return got
}

func wantList(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("recipients %q, want %q", got, want)
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	for _, size := range []int{20, 4000, blob.DefaultLargeThreshold, blob.DefaultLargeThreshold + 1, 3 << 20} {
		in := newMessage(fmt.Sprintf("size%d", size), size, "a@one.example", "b@two.example")
		in.SMTPUTF8, in.EightBit, in.Account, in.ENVID, in.Ret = true, true, "me", "env id", smtp.RetHeaders
		in.HeaderMessageID, in.Subject = "x@y", "subject"
		in.Recipients[0].Account, in.Recipients[0].Mailbox, in.Recipients[0].Keywords = "a", "Lists", []string{"k"}
		in.Recipients[0].Auth, in.Recipients[0].Prefix = []byte("auth"), []byte("Received: x\r\n")
		in.Recipients[1].Notify = smtp.NotifySuccess | smtp.NotifyDelay
		in.Recipients[1].OriginalRecipient = smtp.OriginalRecipient{Type: "rfc822", Address: "B;x@two.example"}
		msg, rcpts := db.mustAdd(t, in)

		want := in.Message
		want.ID, want.Open = msg.ID, 2
		l, err := db.List(t.Context(), Filter{Messages: []MessageID{msg.ID}}, Page{})
		if err != nil || len(l) != 2 {
			t.Fatalf("list: %v, %v", l, err)
		}
		for i, e := range l {
			if got := fmt.Sprintf("%+v", e.Message); got != fmt.Sprintf("%+v", want) {
				t.Errorf("message %s, want %+v", got, want)
			}
			wr := in.Recipients[i]
			wr.ID, wr.Message = rcpts[i].ID, msg.ID
			e.Recipient.NextAttempt = e.Recipient.NextAttempt.UTC()
			if got := fmt.Sprintf("%+v", e.Recipient); got != fmt.Sprintf("%+v", wr) {
				t.Errorf("recipient %s, want %+v", got, wr)
			}
		}
		if db.content(t, msg.ID) != string(text(in.EnvelopeID, size)) {
			t.Errorf("body of %d bytes came back otherwise", size)
		}
	}
}

func TestAddIsRefused(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	boom := errors.New("boom")
	for name, change := range map[string]func(*NewMessage){
		"no envelope id":   func(m *NewMessage) { m.EnvelopeID = "" },
		"no recipients":    func(m *NewMessage) { m.Recipients = nil },
		"final recipient":  func(m *NewMessage) { m.Recipients[0].State = Delivered },
		"no state":         func(m *NewMessage) { m.Recipients[0].State = 0 },
		"no destination":   func(m *NewMessage) { m.Recipients[0].Destination = "" },
		"negative size":    func(m *NewMessage) { m.Size = -1 },
		"body too short":   func(m *NewMessage) { m.Size++ },
		"body unreadable":  func(m *NewMessage) { m.Body = failing{boom} },
		"large unreadable": func(m *NewMessage) { m.Body, m.Size = failing{boom}, 1<<20 },
	} {
		m := newMessage("m", 100, "a@example.org")
		change(&m)
		if _, _, _, err := db.Add(t.Context(), m); err == nil {
			t.Errorf("%s: added", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, _, err := db.Add(ctx, newMessage("m", 100, "a@example.org")); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	wantList(t, db.list(t, Filter{}))
	db.checkFiles(t, 0)
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// checkFiles checks how many large bodies there are.
func (db *DB) checkFiles(t testing.TB, want int) {
	t.Helper()
	l, err := os.ReadDir(filepath.Join(filepath.Dir(db.path), "blobs", "files"))
	if err != nil || len(l) != want {
		t.Errorf("%d large bodies, %v; want %d", len(l), err, want)
	}
}

// A zero time means now.
func TestAddWithoutTimes(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	m := newMessage("m", 100, "a@example.org", "b@example.org")
	m.Received = time.Time{}
	m.Recipients[0].NextAttempt = time.Time{}
	m.Recipients[1].NextAttempt, m.Recipients[1].State = time.Time{}, Held
	msg, rcpts := db.mustAdd(t, m)
	if !msg.Received.Equal(begin) || !rcpts[0].NextAttempt.Equal(begin) || !rcpts[1].NextAttempt.Equal(begin) {
		t.Errorf("received %v, next %v, %v; want %v", msg.Received, rcpts[0].NextAttempt, rcpts[1].NextAttempt, begin)
	}
}

func TestAddAgain(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	const large = blob.DefaultLargeThreshold + 1
	first, rcpts := db.mustAdd(t, newMessage("m", large, "a@example.org", "b@example.org"))
	again := func(to ...string) ([]Recipient, bool) {
		t.Helper()
		m, added, duplicate, err := db.Add(t.Context(), newMessage("m", large, to...))
		if err != nil || m.ID != first.ID {
			t.Fatalf("message %d, %v; want %d", m.ID, err, first.ID)
		}
		return added, duplicate
	}
	if added, duplicate := again("b@example.org", "a@example.org"); !duplicate || len(added) != 0 {
		t.Fatalf("the same again: duplicate %v, added %v", duplicate, added)
	}
	if added, duplicate := again("b@example.org", "c@example.org"); duplicate || len(added) != 1 || added[0].Path.Localpart != "c" {
		t.Fatalf("one more: duplicate %v, added %v", duplicate, added)
	}
	db.checkFiles(t, 1)
	wantList(t, db.list(t, Filter{}), "m a@example.org waiting", "m b@example.org waiting", "m c@example.org waiting")

	// Nor is what was delivered delivered again, but the body comes back for who is new.
	l, _ := db.List(t.Context(), Filter{}, Page{})
	var results []Result
	for _, e := range l {
		results = append(results, Result{Recipient: e.Recipient.ID, State: Delivered})
	}
	if done, _, err := db.Finish(t.Context(), results, nil); err != nil || len(done) != 1 {
		t.Fatalf("finish: %v, %v", done, err)
	}
	db.checkFiles(t, 0)
	if _, duplicate := again("a@example.org"); !duplicate {
		t.Fatal("delivered recipient was added again")
	}
	db.checkFiles(t, 0)
	if _, duplicate := again("d@example.org"); duplicate {
		t.Fatal("new recipient of finished message is a duplicate")
	}
	m, err := db.MessageByEnvelope(t.Context(), "m")
	if err != nil || m.Open != 1 || db.content(t, m.ID) != string(text("m", large)) {
		t.Fatalf("message %+v, %v", m, err)
	}
	if l, err := db.Untold(t.Context(), 0, 10); err != nil || len(l) != 0 {
		t.Fatalf("message is open again, but done: %v, %v", l, err)
	}
	if more, err := db.Purge(t.Context(), begin.Add(time.Hour), 100); err != nil || more {
		t.Fatalf("purge: %v, %v", more, err)
	}
	if _, _, err := db.Claim(t.Context(), m.ID, []RecipientID{rcpts[0].ID}, begin); err != nil {
		t.Fatalf("message with an open recipient was forgotten: %v", err)
	}
}

// Of a queue that is opened for reading only nothing changes.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	db.mustAdd(t, newMessage("m", 100, "a@example.org"))
	dir := copyDir(t, filepath.Dir(db.path))
	before := dirState(t, dir)
	ro, err := Open(t.Context(), Options{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if l := ro.list(t, Filter{}); len(l) != 1 {
		t.Errorf("list: %v", l)
	}
	if _, _, _, err := ro.Add(t.Context(), newMessage("m2", 100, "a@example.org")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("adding: %v, want ErrReadOnly", err)
	}
	// A bug leaves nothing in doubt, as nothing was written.
	if err := ro.write(t.Context(), &op{reads: true, run: func(*bstore.Tx, []blob.Ref) error {
		ro.breakOff(errors.New("a bug"))
		if !errors.Is(ro.broken, ErrReadOnly) || !ro.healAt.IsZero() {
			t.Errorf("after a bug: refuses for %v, to be healed at %v", ro.broken, ro.healAt)
		}
		return nil
	}}); err != nil {
		t.Error(err)
	}
	if err := ro.Verify(t.Context(), true, func(problem string) { t.Error(problem) }); err != nil {
		t.Error(err)
	}
	if err := ro.Close(); err != nil {
		t.Error(err)
	}
	if after := dirState(t, dir); !maps.Equal(before, after) {
		t.Errorf("directory changed from %v to %v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
}

// dirState returns the content of all files of a directory.
func dirState(t *testing.T, dir string) map[string]string {
	t.Helper()
	state := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		state[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// Damage is found, and told with the message it is about.
func TestVerifyFindsDamage(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	m, _ := db.mustAdd(t, newMessage("m", 5000, "a@example.org"))
	dir := copyDir(t, filepath.Dir(db.path))
	packs, err := filepath.Glob(filepath.Join(dir, "blobs", "*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatal(packs, err)
	}
	b, err := os.ReadFile(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(packs[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged, err := Open(t.Context(), Options{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer damaged.Close()
	var l []string
	if err := damaged.Verify(t.Context(), true, func(problem string) { l = append(l, problem) }); err != nil {
		t.Fatal(err)
	}
	if len(l) != 1 || !strings.HasPrefix(l[0], fmt.Sprintf("message %d: its body: ", m.ID)) {
		t.Errorf("problems: %q", l)
	}
}

// copyDir copies a directory as a crash of the process, not of the system, would leave it.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestOpenAfterCrash(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	const large = blob.DefaultLargeThreshold + 1
	var sizes []int
	for i := range 40 {
		size := 100 + i
		if i%10 == 9 {
			size = large
		}
		sizes = append(sizes, size)
		db.mustAdd(t, newMessage(fmt.Sprint("m", i), size, "a@one.example", "b@two.example"))
	}
	l, err := db.List(t.Context(), Filter{Domain: "one.example"}, Page{Limit: 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range l {
		if _, _, err := db.Finish(t.Context(), []Result{{Recipient: e.Recipient.ID, State: Failed}}, []NewMessage{newMessage("dsn-"+e.Message.EnvelopeID, 50, "sender@example.com")}); err != nil {
			t.Fatal(err)
		}
	}
	// What was staged for a write that the crash came before.
	if _, err := db.blobs.Stage(t.Context(), blob.Item{EmailID: 1, Body: bytes.NewReader(text("lost", large)), Size: large}); err != nil {
		t.Fatal(err)
	}
	want := db.list(t, Filter{})

	crashed, err := Open(t.Context(), Options{Dir: copyDir(t, filepath.Dir(db.path)), Now: db.now})
	if err != nil {
		t.Fatalf("open after crash: %v", err)
	}
	defer crashed.Close()
	wantList(t, crashed.list(t, Filter{}), want...)
	for i, size := range sizes {
		m, err := crashed.MessageByEnvelope(t.Context(), fmt.Sprint("m", i))
		if err != nil || crashed.content(t, m.ID) != string(text(m.EnvelopeID, size)) {
			t.Errorf("message %d: %v", i, err)
		}
	}
	crashed.checkFiles(t, 4)
	db.checkFiles(t, 5)
	crashed.mustAdd(t, newMessage("after", 100, "a@example.org"))
}

func TestOpenIsRefused(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	dir := filepath.Dir(db.path)
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, dbfile.ErrLocked) {
		t.Errorf("open twice: %v, want ErrLocked", err)
	}
	if err := db.db.Update(t.Context(), &versionRow{1, schemaVersion + 1}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrNewerVersion) {
		t.Errorf("newer version: %v, want ErrNewerVersion", err)
	}
	if _, err := Open(t.Context(), Options{Dir: db.path}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file for the directory: %v, want ErrExist", err)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDB(t, nil)
		release := db.blocked(t)
		closed := make(chan error)
		go func() { closed <- db.Close() }()
		synctest.Wait()
		if _, _, _, err := db.Add(t.Context(), newMessage("late", 1<<20, "a@example.org")); !errors.Is(err, ErrClosed) {
			t.Errorf("write after Close: %v, want ErrClosed", err)
		}
		release() // It has begun and is finished.
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Errorf("again: %v", err)
		}
		db.checkFiles(t, 0)
		if _, _, err := db.Finish(t.Context(), nil, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("write after Close: %v, want ErrClosed", err)
		}
	})
}
