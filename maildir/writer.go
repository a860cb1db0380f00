package maildir

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mox/imap"
	"mox/internal/atomicfile"
)

// Layout is where mailboxes below others stand.
type Layout uint8

// Layouts.
const (
	PlusPlus Layout = iota // ".Parent.Child", as in Maildir++.
	FS                     // "Parent/Child", as with LAYOUT=fs of Dovecot.
)

// Dir returns the directory of a mailbox, whose levels are separated by "/", in the
// maildir root. That of the empty name is root. Names are encoded in modified UTF-7,
// which no name of a mailbox can leave the root with.
func (l Layout) Dir(root, mailbox string) string {
	if mailbox == "" {
		return root
	}
	parts := strings.Split(mailbox, "/")
	for i, part := range parts {
		encoded := string(imap.AppendUTF7(nil, part))
		switch {
		case l == PlusPlus || strings.HasPrefix(encoded, "."):
			encoded = strings.ReplaceAll(encoded, ".", encodedDot)
		case encoded == "cur" || encoded == "new" || encoded == "tmp":
			encoded += "_" // The others are in use.
		}
		parts[i] = encoded
	}
	if l == FS {
		return filepath.Join(root, filepath.Join(parts...))
	}
	return filepath.Join(root, "."+strings.Join(parts, "."))
}

// Writer adds messages to a folder. It is for one goroutine.
type Writer struct {
	dir      string
	keywords []string // By letter.
	dropped  map[string]bool
	w        *bufio.Writer
	r        *bufio.Reader
}

// Create makes the folder in a directory, or opens it. Sub tells that it stands in
// another one, which Maildir++ marks with a file.
func Create(dir string, sub bool) (*Writer, error) {
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	if sub {
		f, err := os.OpenFile(filepath.Join(dir, "maildirfolder"), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	keywords, err := ReadKeywords(dir)
	if err != nil {
		return nil, err
	}
	return &Writer{
		dir:      dir,
		keywords: keywords,
		dropped:  map[string]bool{},
		w:        bufio.NewWriterSize(nil, 64<<10),
		r:        bufio.NewReaderSize(nil, 64<<10),
	}, nil
}

// Bases returns the bases of the names of the messages in the folder.
func (w *Writer) Bases() ([]string, error) {
	var bases []string
	for _, sub := range []string{"cur", "new"} {
		names, err := readNames(filepath.Join(w.dir, sub))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			base, _ := splitName(name)
			bases = append(bases, base)
		}
	}
	return bases, nil
}

// Message adds a message: its file is whole and synced when it appears. Base must be
// unique, in all folders, and begin with a time in seconds; a file of the same base in
// tmp is overwritten. Messages without flags and keywords come into new, others into cur.
// CRLF becomes LF. The file gets the time received.
func (w *Writer) Message(base string, flags imap.Flags, keywords []string, received time.Time, message io.Reader) (rerr error) {
	if base == "" || strings.ContainsAny(base, "/:;!\x00") || strings.HasPrefix(base, ".") {
		return fmt.Errorf("%q cannot be the name of a message in a maildir", base)
	}
	letters, err := w.letters(flags, keywords)
	if err != nil {
		return err
	}
	tmp := filepath.Join(w.dir, "tmp", base)
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if rerr != nil {
			f.Close() // Fails after a successful close, harmlessly.
			os.Remove(tmp)
		}
	}()
	w.w.Reset(f)
	w.r.Reset(message)
	if err := copyLF(w.w, w.r); err != nil {
		return err
	}
	if err := w.w.Flush(); err != nil {
		return err
	}
	if err := os.Chtimes(tmp, received, received); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	name := filepath.Join("new", base)
	if letters != "" || len(keywords) > 0 {
		name = filepath.Join("cur", base+":2,"+letters)
	}
	return os.Rename(tmp, filepath.Join(w.dir, name))
}

// letters returns the letters of flags and keywords, in the order of ASCII.
func (w *Writer) letters(flags imap.Flags, keywords []string) (string, error) {
	var b []byte
	for _, f := range flagLetters {
		if flags&f.flag != 0 {
			b = append(b, f.letter)
		}
	}
	for _, k := range keywords {
		if imap.EqualKeyword(k, Forwarded) {
			b = append(b, passed)
			continue
		}
		letter, err := w.keyword(k)
		if err != nil {
			return "", err
		}
		if letter != 0 {
			b = append(b, letter)
		}
	}
	slices.Sort(b)
	return string(b), nil
}

// keyword returns the letter of a keyword, which is given one if there is one left, and 0
// otherwise.
func (w *Writer) keyword(name string) (byte, error) {
	i := slices.IndexFunc(w.keywords, func(k string) bool { return imap.EqualKeyword(k, name) })
	if i < 0 {
		names := slices.Clone(w.keywords)
		if i = slices.Index(names, ""); i >= 0 {
			names[i] = name
		} else if i = len(names); i < MaxKeywords {
			names = append(names, name)
		} else {
			w.dropped[name] = true
			return 0, nil
		}
		// Before any message that has the letter.
		if err := atomicfile.Write(filepath.Join(w.dir, keywordsFile), formatKeywords(names), 0o600); err != nil {
			return 0, err
		}
		w.keywords = names
	}
	return 'a' + byte(i), nil
}

// Dropped returns keywords for which there was no letter, sorted.
func (w *Writer) Dropped() []string { return slices.Sorted(maps.Keys(w.dropped)) }

// Sync makes durable that the messages added are in the folder, and the folder itself.
func (w *Writer) Sync() error {
	var errs []error
	for _, dir := range []string{"cur", "new", ".", ".."} {
		if err := atomicfile.SyncDir(filepath.Join(w.dir, dir)); err != nil && !(dir == ".." && errors.Is(err, fs.ErrPermission)) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
