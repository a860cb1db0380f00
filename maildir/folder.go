package maildir

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mox/imap"
)

// ErrFormat is returned for a directory that is no maildir and has none in it.
var ErrFormat = errors.New("not a maildir: there is no directory cur or new in it")

// maxDepth is how deep directories are looked into.
const maxDepth = 50

// Folder is a mailbox.
type Folder struct {
	// Dir is the directory that has cur and new.
	Dir string

	// Mailbox is the name of the mailbox, with "/" between levels, decoded from modified
	// UTF-7. It is empty for the maildir in which others stand.
	Mailbox string
}

// Message is a file with a message.
type Message struct {
	Base     string // Of the name, which is unique and does not change.
	Flags    imap.Flags
	Keywords []string

	path string // Below the folder's directory.
}

// IsFolder tells whether a directory is a maildir.
func IsFolder(dir string) bool {
	return isDir(filepath.Join(dir, "cur")) || isDir(filepath.Join(dir, "new"))
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// Folders returns the maildirs in root: itself, if it is one, and those below it, sorted
// by name. It returns ErrFormat if there is none.
func Folders(root string) ([]Folder, error) {
	l, err := appendFolders(nil, root, "", 0)
	if err != nil {
		return nil, err
	}
	if len(l) == 0 {
		return nil, fmt.Errorf("%s: %w", root, ErrFormat)
	}
	slices.SortStableFunc(l, func(a, b Folder) int { return cmp.Compare(a.Mailbox, b.Mailbox) })
	return l, nil
}

func appendFolders(l []Folder, dir, mailbox string, depth int) ([]Folder, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s: more than %d directories deep", dir, maxDepth)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if IsFolder(dir) {
		l = append(l, Folder{dir, mailbox})
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || name == "cur" || name == "new" || name == "tmp" {
			continue
		}
		path := filepath.Join(dir, name)
		parts := []string{name}
		if strings.HasPrefix(name, ".") {
			// Directories for other things are hidden too.
			if !IsFolder(path) {
				continue
			}
			parts = strings.FieldsFunc(name, func(r rune) bool { return r == '.' })
		}
		if l, err = appendFolders(l, path, joinMailbox(mailbox, parts), depth+1); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func joinMailbox(parent string, parts []string) string {
	name := parent
	for _, part := range parts {
		if name != "" {
			name += "/"
		}
		name += decodePart(part)
	}
	return name
}

// encodedDot stands for a dot, which separates levels in the names of Maildir++.
const encodedDot = "&AC4-"

// decodePart decodes a level of the name of a mailbox.
func decodePart(part string) string {
	pieces := strings.Split(part, encodedDot)
	for i, piece := range pieces {
		if decoded, err := imap.DecodeUTF7(piece); err == nil {
			pieces[i] = decoded
		}
	}
	decoded := strings.Join(pieces, ".")
	if strings.ContainsAny(decoded, "/\x00") || !utf8.ValidString(decoded) {
		return strings.ReplaceAll(strings.ToValidUTF8(part, "_"), "/", "_")
	}
	return decoded
}

// Messages returns the messages of a folder in the order of their delivery, as far as
// their names tell. The names of all are kept in memory.
func (f Folder) Messages() ([]Message, error) {
	names, err := ReadKeywords(f.Dir)
	if err != nil {
		return nil, err
	}
	var l []Message
	for _, sub := range []string{"cur", "new"} {
		entries, err := readNames(filepath.Join(f.Dir, sub))
		if err != nil {
			return nil, err
		}
		for _, name := range entries {
			base, letters := splitName(name)
			m := Message{Base: base, path: filepath.Join(sub, name)}
			m.Flags, m.Keywords = parseLetters(letters, names)
			l = append(l, m)
		}
	}
	slices.SortFunc(l, func(a, b Message) int {
		return cmp.Or(cmp.Compare(seconds(a.Base), seconds(b.Base)), cmp.Compare(a.Base, b.Base), cmp.Compare(a.path, b.path))
	})
	return l, nil
}

// readNames returns the names of the files in a directory, in no order. Hidden files, and
// what is no file, are left out; a directory that does not exist is empty.
func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Type()&^fs.ModeSymlink == 0 && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// File is an open message.
type File struct {
	*os.File
	Size     int64     // In bytes, as stored.
	Received time.Time // Zero if not known.
}

// Open opens a message. If its flags were changed since, it is found under its new name,
// but m is not changed. It returns an error that wraps fs.ErrNotExist for a message that
// is gone. The caller closes the file.
func (f Folder) Open(m Message) (*File, error) {
	file, err := os.Open(filepath.Join(f.Dir, m.path))
	if errors.Is(err, fs.ErrNotExist) {
		var path string
		if path, err = f.find(m.Base); err == nil {
			file, err = os.Open(path)
		}
	}
	if err != nil {
		return nil, err
	}
	fi, err := file.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", file.Name())
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return &File{file, fi.Size(), received(m.Base, fi.ModTime())}, nil
}

// find returns the path of the message with a base.
func (f Folder) find(base string) (string, error) {
	for _, sub := range []string{"cur", "new"} {
		names, err := readNames(filepath.Join(f.Dir, sub))
		if err != nil {
			return "", err
		}
		for _, name := range names {
			if b, _ := splitName(name); b == base {
				return filepath.Join(f.Dir, sub, name), nil
			}
		}
	}
	return "", &fs.PathError{Op: "open", Path: filepath.Join(f.Dir, "cur", base), Err: fs.ErrNotExist}
}
