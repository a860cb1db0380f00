package crash

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/textproto"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// senders send messages until the server dies, and tell the model.
type senders struct {
	acked func() // Called at each acknowledgement. Set before sending.

	mu    sync.Mutex
	model model
}

func (s *senders) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.model.note(line)
}

// killSoon has the server killed within a time after the first acknowledgement, and so however slow the
// machine is, there was one. If there is none for long, it is killed too.
func (s *senders) killSoon(srv *server, from, to time.Duration) {
	kill := srv.killer()
	s.acked = sync.OnceFunc(func() { time.AfterFunc(from+rand.N(to-from), kill) })
	time.AfterFunc(ioTimeout, s.acked)
}

// send sends numbered messages on one connection. It returns an error if the server refuses one, and
// none if it dies.
func (s *senders) send(address string, login bool, number, first int) error {
	session, err := openSMTP(address, login)
	if err != nil {
		return nil
	}
	defer session.conn.Close()
	for j := first; ; j++ {
		id := messageID(fmt.Sprintf("%d-%d", number, j))
		s.note(fmt.Sprintf("begin %s Inbox", id))
		err := session.send("mox@localhost", fmt.Sprintf("to%d@localhost", number), id.body())
		if err == nil {
			s.note(fmt.Sprintf("ack %s", id))
			s.acked()
			continue
		}
		var refused *textproto.Error
		if errors.As(err, &refused) {
			return fmt.Errorf("message %s was refused: %w", id, err)
		}
		return nil
	}
}

// Kills `mox localserve` at random moments while 20 clients send to it, again and again on the
// same data. After each time, every acknowledged message is in the mailbox exactly once and byte
// for byte, and mox verifydata finds nothing.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds mox")
	}
	s := newServer(t)
	all := senders{model: model{}}
	for round := range rounds(t, 3) {
		s.start(t)
		var wg sync.WaitGroup
		errs := make([]error, 20)
		all.killSoon(s, 0, time.Second)
		for i := range errs {
			wg.Go(func() { errs[i] = all.send(s.smtp, false, i, round*1_000_000) })
		}
		wg.Wait() // The senders end when the server does.
		s.kill()
		if err := errors.Join(errs...); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}

		s.start(t)
		inbox := openInbox(t, s.imap)
		found, err := deliveredOnce(inbox.readAll(t))
		inbox.conn.Close()
		if err := errors.Join(err, all.model.check(found)); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if out := s.run(t, "verifydata", "--config", filepath.Join(s.dir, "mox.conf")); !strings.HasPrefix(out, "no problems") {
			t.Errorf("round %d: %s", round, out)
		}
		s.kill()
		t.Logf("round %d: %v", round, all.model)
	}
	if all.model.acknowledged() == 0 {
		t.Error("nothing was ever acknowledged, so nothing was tested")
	}
}

// deliveredOnce returns the states of messages from the content of a mailbox. It returns an error for those that
// are not whole or are there twice.
func deliveredOnce(contents [][]byte) (map[messageID]string, error) {
	found := map[messageID]string{}
	var wrong []error
	for _, content := range contents {
		id, ok := idOf(content)
		header, isWhole := bytes.CutSuffix(content, id.body())
		switch {
		case !ok:
			wrong = append(wrong, fmt.Errorf("a message from nowhere: %.100q", content))
			continue
		case !isWhole || !bytes.HasPrefix(header, []byte("Return-Path: ")) || !bytes.HasSuffix(header, []byte("\r\n")):
			wrong = append(wrong, fmt.Errorf("message %s is not as it was sent", id))
		case found[id] != "":
			wrong = append(wrong, fmt.Errorf("message %s is there twice", id))
		}
		found[id] = "Inbox"
	}
	return found, errors.Join(wrong...)
}

// Submitted mail that was acknowledged is delivered, however often the server is killed on the way. A kill
// between the server's answer to its own queue and the queue's note of that makes the queue send again, so
// a message may be there twice.
func TestServerKilledWithQueue(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds mox")
	}
	s := newServer(t)
	all := senders{model: model{}}
	for round := range rounds(t, 3) {
		s.start(t)
		var wg sync.WaitGroup
		errs := make([]error, 5)
		all.killSoon(s, 0, time.Second)
		for i := range errs {
			wg.Go(func() { errs[i] = all.send(s.submit, true, i, round*1_000_000) })
		}
		wg.Wait()
		s.kill()
		if err := errors.Join(errs...); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	s.start(t)
	inbox := openInbox(t, s.imap)
	defer inbox.conn.Close()
	for deadline := time.Now().Add(ioTimeout); ; {
		found := map[messageID]string{}
		for _, content := range inbox.readAll(t) {
			id, ok := idOf(content)
			_, text, _ := bytes.Cut(id.body(), []byte("\r\n\r\n"))
			if !ok || !bytes.HasSuffix(content, text) {
				t.Fatalf("message %s is not as it was sent", id)
			}
			found[id] = "Inbox"
		}
		missing := maps.Clone(all.model).check(found)
		if missing == nil {
			break
		}
		if err := inbox.wait(deadline); err != nil {
			t.Fatalf("%v, waiting for more: %v", missing, err)
		}
	}
	if all.model.acknowledged() == 0 {
		t.Error("nothing was ever acknowledged, so nothing was tested")
	}
	if out := s.run(t, "verifydata", "--config", filepath.Join(s.dir, "mox.conf")); !strings.HasPrefix(out, "no problems") {
		t.Error(out)
	}
}
