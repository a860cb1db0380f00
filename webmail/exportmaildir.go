package webmail

import (
	"archive/tar"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"mox/imap"
	"mox/maildir"
	"mox/store"
)

// maildirOf returns the directory of a mailbox in an archive.
func maildirOf(mailbox string) string {
	if mailbox == "Inbox" {
		mailbox = ""
	}
	return strings.ReplaceAll(maildir.PlusPlus.Dir("Maildir", mailbox), `\`, "/")
}

// maildirExporter writes a mailbox as a maildir to an archive.
type maildirExporter struct {
	*exporter
	tar      *tar.Writer
	dir      string
	keywords []string // By their letters, from a on.
}

func (m *maildirExporter) run(mb Mailbox) error {
	for _, dir := range []string{"", "/cur", "/new", "/tmp"} {
		if err := m.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: m.dir + dir + "/", Mode: 0o700, ModTime: time.Now()}); err != nil {
			return err
		}
	}
	if m.dir != "Maildir" {
		if err := m.file("maildirfolder", ""); err != nil {
			return err
		}
	}
	if err := m.each(mb, m.message); err != nil {
		return err
	}
	if len(m.keywords) == 0 {
		return nil
	}
	var b strings.Builder
	for i, name := range m.keywords {
		fmt.Fprintf(&b, "%d %s\n", i, name)
	}
	return m.file("dovecot-keywords", b.String())
}

func (m *maildirExporter) file(name, content string) error {
	if err := m.tar.WriteHeader(&tar.Header{Name: m.dir + "/" + name, Mode: 0o600, Size: int64(len(content)), ModTime: time.Now()}); err != nil {
		return err
	}
	_, err := io.WriteString(m.tar, content)
	return err
}

// message writes a message, with LF line ends as files have them. It is read twice, since an archive says first how long it
// is.
func (m *maildirExporter) message(e store.Entry, content *store.Content) error {
	read := func() io.Reader { return contentReader{io.NewSectionReader(content, 0, content.Size())} }
	count := lfWriter{w: io.Discard}
	if _, err := io.Copy(&count, read()); err != nil {
		return err
	}
	if err := count.Close(); err != nil {
		return err
	}
	name := fmt.Sprintf("%d.%sU%d.mox", e.Received, strconv.FormatInt(int64(m.acc.ID()), 36), e.UID)
	sub := "new"
	if letters := m.letters(e); letters != "" {
		sub, name = "cur", name+":2,"+letters
	}
	if err := m.tar.WriteHeader(&tar.Header{Name: m.dir + "/" + sub + "/" + name, Mode: 0o600, Size: count.n, ModTime: e.ReceivedTime()}); err != nil {
		return err
	}
	out := lfWriter{w: m.tar}
	if _, err := io.Copy(&out, read()); err != nil {
		return err
	}
	return out.Close()
}

// letters returns the flags of a message as in the name of its file. Keywords beyond those for which there are letters are
// left out.
func (m *maildirExporter) letters(e store.Entry) string {
	var l []byte
	for _, f := range []struct {
		flag   imap.Flags
		letter byte
	}{{imap.FlagDraft, 'D'}, {imap.FlagFlagged, 'F'}, {imap.FlagAnswered, 'R'}, {imap.FlagSeen, 'S'}, {imap.FlagDeleted, 'T'}} {
		if e.Flags.Has(f.flag) {
			l = append(l, f.letter)
		}
	}
	for _, k := range m.acc.KeywordNames(e.Keywords) {
		if imap.EqualKeyword(k, maildir.Forwarded) {
			l = append(l, 'P')
			continue
		}
		i := slices.IndexFunc(m.keywords, func(s string) bool { return imap.EqualKeyword(s, k) })
		if i < 0 {
			if i = len(m.keywords); i == maildir.MaxKeywords {
				continue
			}
			m.keywords = append(m.keywords, k)
		}
		l = append(l, byte('a'+i))
	}
	slices.Sort(l)
	return string(l)
}

// lfWriter writes with LF where there is CRLF, and counts.
type lfWriter struct {
	w  io.Writer
	n  int64
	cr bool // The last byte was a CR that is not written yet.
}

// Write implements io.Writer.
func (l *lfWriter) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		if l.cr {
			l.cr = false
			if p[0] != '\n' {
				if err := l.write([]byte{'\r'}); err != nil {
					return 0, err
				}
			}
		}
		// As much as there is before a CR that may belong to a line end.
		end := 0
		for end < len(p) && !(p[end] == '\r' && (end+1 == len(p) || p[end+1] == '\n')) {
			end++
		}
		if err := l.write(p[:end]); err != nil {
			return 0, err
		}
		if p = p[end:]; len(p) > 0 {
			p, l.cr = p[1:], true
		}
	}
	return written, nil
}

func (l *lfWriter) write(p []byte) error {
	n, err := l.w.Write(p)
	l.n += int64(n)
	return err
}

// Close ends what is written.
func (l *lfWriter) Close() error {
	if !l.cr {
		return nil
	}
	l.cr = false
	return l.write([]byte{'\r'})
}
