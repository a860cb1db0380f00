package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mailDir is the local side of a synchronisation.
type mailDir struct {
	t    *testing.T
	dir  string
	sync func() // Runs the program that synchronises.
}

// state tells of both sides all that a transfer or a change of flags would change.
func (m *mailDir) state(c *imapClient, mailboxes ...string) string {
	m.t.Helper()
	var b strings.Builder
	for _, mailbox := range mailboxes {
		fmt.Fprintln(&b, c.cmd("STATUS %s (MESSAGES UIDNEXT HIGHESTMODSEQ)", mailbox))
		files := m.files(mailbox)
		slices.Sort(files)
		fmt.Fprintln(&b, strings.Join(files, "\n"))
	}
	return b.String()
}

// files lists the messages of a mailbox.
func (m *mailDir) files(mailbox string) []string {
	m.t.Helper()
	var l []string
	for _, sub := range []string{"cur", "new"} {
		names, err := filepath.Glob(filepath.Join(m.dir, mailbox, sub, "*"))
		if err != nil {
			m.t.Fatal(err)
		}
		l = append(l, names...)
	}
	return l
}

// subjects returns the files of a mailbox by the subject of the message.
func (m *mailDir) subjects(mailbox string) map[string]string {
	m.t.Helper()
	by := map[string]string{}
	for _, f := range m.files(mailbox) {
		b, err := os.ReadFile(f)
		if err != nil {
			m.t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), "Subject: ")
		subject, _, _ := strings.Cut(rest, "\n")
		by[strings.TrimSpace(subject)] = f
	}
	return by
}

// setFlags gives the file of a message other maildir flags.
func (m *mailDir) setFlags(file, flags string) {
	m.t.Helper()
	base := filepath.Base(file)
	base, _, _ = strings.Cut(base, ":")
	to := filepath.Join(filepath.Dir(filepath.Dir(file)), "cur", base+":2,"+flags)
	if err := os.Rename(file, to); err != nil {
		m.t.Fatal(err)
	}
}

// move moves the file of a message to another mailbox, where it must look new to mbsync.
func (m *mailDir) move(file, mailbox string) {
	m.t.Helper()
	base := filepath.Base(file)
	name, flags, _ := strings.Cut(base, ":")
	name, _, _ = strings.Cut(name, ",U=")
	if err := os.Rename(file, filepath.Join(m.dir, mailbox, "cur", name+":"+flags)); err != nil {
		m.t.Fatal(err)
	}
}
