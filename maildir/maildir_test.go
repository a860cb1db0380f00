package maildir

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"mox/imap"
)

func write(t *testing.T, path, content string, mtime time.Time) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, mtime, mtime); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path ...string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(path...), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	keywords := []string{"work", "", "$Forwarded"}
	for _, tc := range []struct {
		name, base string
		flags      imap.Flags
		keywords   []string
	}{
		{"1.a.host", "1.a.host", 0, nil},
		{"1.a.host:2,", "1.a.host", 0, nil},
		{"1.a.host:2,S", "1.a.host", imap.FlagSeen, nil},
		{"1.a.host,S=12,W=14:2,DFRST", "1.a.host,S=12,W=14", imap.AllFlags, nil},
		{"1.a.host;2,RS", "1.a.host", imap.FlagAnswered | imap.FlagSeen, nil},
		{"1.a.host!2,F", "1.a.host", imap.FlagFlagged, nil},
		{"1.a.host:2,SPac", "1.a.host", imap.FlagSeen, []string{"$Forwarded", "work"}},
		{"1.a.host:2,XYZ~bz", "1.a.host", 0, nil},
		{"1.a.host:1,S", "1.a.host", 0, nil},
		{"1.a.host:S", "1.a.host", 0, nil},
		{":2,S", "", 0, nil},
	} {
		base, letters := splitName(tc.name)
		flags, got := parseLetters(letters, keywords)
		if base != tc.base || flags != tc.flags || !slices.Equal(got, tc.keywords) {
			t.Errorf("%q: %q %v %q, want %q %v %q", tc.name, base, flags, got, tc.base, tc.flags, tc.keywords)
		}
	}
}

func TestReceived(t *testing.T) {
	t.Parallel()
	at := func(n int64) time.Time { return time.Unix(n, 0) }
	for _, tc := range []struct {
		name           string
		modified, want time.Time
	}{
		{"1700000000.x", at(1600000000), at(1600000000)},
		{"1700000000.x", at(1790000000), at(1700000000)}, // Copied without times.
		{"1700000000.x", at(0), at(1700000000)},
		{"x", at(1600000000), at(1600000000)},
		{"99999999999999999999.x", at(1600000000), at(1600000000)},
		{"x", at(0), time.Time{}},
		{"0.x", at(-1), time.Time{}},
	} {
		if got := received(tc.name, tc.modified); !got.Equal(tc.want) {
			t.Errorf("%q, %v: got %v, want %v", tc.name, tc.modified, got, tc.want)
		}
	}
}

func TestKeywordsFile(t *testing.T) {
	t.Parallel()
	got := parseKeywords("0 work\r\n2 $Label1\nnonsense\n26 many\n-1 less\n1 bad(one\n3 \\Seen\n")
	if !slices.Equal(got, []string{"work", "", "$Label1"}) {
		t.Errorf("got %q", got)
	}
	if back := parseKeywords(string(formatKeywords(got))); !slices.Equal(back, got) {
		t.Errorf("written and read: %q", back)
	}
}

// Folders in all the ways that programs lay them out.
func TestFolders(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{
		"cur", "new", "tmp", ".Sent/cur", ".Lists.go/new", ".Entw&APw-rfe/cur", ".a&AC4-b/cur", ".&bad/cur",
		"Old/2024/cur", "Old/.sub/cur", ".git/objects", ".empty/tmp", "cur/cur", "Old/tmp/new", "\xff/cur",
	} {
		mkdir(t, root, dir)
	}
	if err := os.Symlink(root, filepath.Join(root, "loop")); err != nil {
		t.Fatal(err)
	}
	l, err := Folders(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range l {
		got = append(got, f.Mailbox)
	}
	if want := []string{"", "&bad", "Entwürfe", "Lists/go", "Old/2024", "Old/sub", "Sent", "_", "a.b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	none := t.TempDir()
	mkdir(t, none, "x", "y")
	if _, err := Folders(none); !errors.Is(err, ErrFormat) {
		t.Errorf("no maildir: %v", err)
	}
	if _, err := Folders(filepath.Join(none, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	when := time.Unix(1000, 0)
	write(t, filepath.Join(root, "cur", "20.x:2,Sa"), "b", when)
	write(t, filepath.Join(root, "cur", "100.x:2,"), "c", when)
	write(t, filepath.Join(root, "new", "3.x"), "a", when)
	write(t, filepath.Join(root, "new", ".hidden"), "", when)
	write(t, filepath.Join(root, "dovecot-keywords"), "0 work\n", when)
	mkdir(t, root, "cur", "directory")
	f := Folder{Dir: root}
	l, err := f.Messages()
	if err != nil || len(l) != 3 || l[0].Base != "3.x" || l[1].Base != "20.x" || l[2].Base != "100.x" {
		t.Fatalf("messages %+v, %v", l, err)
	}
	if l[1].Flags != imap.FlagSeen || !slices.Equal(l[1].Keywords, []string{"work"}) {
		t.Errorf("flags %v, keywords %q", l[1].Flags, l[1].Keywords)
	}
	// A mail program reads the new message meanwhile, and removes another.
	if err := os.Rename(filepath.Join(root, "new", "3.x"), filepath.Join(root, "cur", "3.x:2,S")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "cur", "20.x:2,Sa")); err != nil {
		t.Fatal(err)
	}
	file, err := f.Open(l[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if data, err := io.ReadAll(file); string(data) != "a" || err != nil || file.Size != 1 || file.Received.Unix() != 3 {
		t.Errorf("moved message: %q, %+v, %v", data, file, err)
	}
	if _, err := f.Open(l[1]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed message: %v", err)
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"":                   "",
		"a\nb\n":             "a\r\nb\r\n",
		"a\r\nb":             "a\r\nb",
		"\n\n\r\n\r\r\nx\ry": "\r\n\r\n\r\n\r\r\nx\ry",
	} {
		for _, r := range []io.Reader{strings.NewReader(file), iotest.OneByteReader(strings.NewReader(file)), iotest.DataErrReader(strings.NewReader(file))} {
			if err := iotest.TestReader(NewReader(r), []byte(want)); err != nil {
				t.Errorf("%q: %v", file, err)
			}
		}
	}
	broken := errors.New("broken")
	if got, err := io.ReadAll(NewReader(io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(broken)))); string(got) != "a\r\n" || !errors.Is(err, broken) {
		t.Errorf("broken file: %q, %v", got, err)
	}
}

// Whatever a message is made of, with CRLF line ends it comes back.
func FuzzLines(f *testing.F) {
	f.Add([]byte("A: b\n\ntext\r\r\n"))
	f.Add([]byte(strings.Repeat("x", 32<<10-1) + "\r\n\n\r"))
	f.Fuzz(func(t *testing.T, file []byte) {
		message, err := io.ReadAll(NewReader(bytes.NewReader(file)))
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.ReplaceAll(strings.ReplaceAll(string(file), "\r\n", "\n"), "\n", "\r\n"); string(message) != want {
			t.Fatalf("read %q, want %q", message, want)
		}
		var b bytes.Buffer
		w := bufio.NewWriter(&b)
		if err := copyLF(w, bufio.NewReaderSize(bytes.NewReader(message), 16)); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if want := strings.ReplaceAll(string(message), "\r\n", "\n"); b.String() != want {
			t.Fatalf("wrote %q, want %q", b.String(), want)
		}
	})
}

func TestLayout(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		layout        Layout
		mailbox, want string
	}{
		{PlusPlus, "", "/m"},
		{PlusPlus, "Lists/go", "/m/.Lists.go"},
		{PlusPlus, "Entwürfe/a.b", "/m/.Entw&APw-rfe.a&AC4-b"},
		{PlusPlus, "../x", "/m/.&AC4-&AC4-.x"},
		{FS, "Lists/go", "/m/Lists/go"},
		{FS, "a.b/cur", "/m/a.b/cur_"},
		{FS, "../.x", "/m/&AC4-&AC4-/&AC4-x"},
	} {
		if got := tc.layout.Dir("/m", tc.mailbox); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.mailbox, got, tc.want)
		}
	}
}

// What is written is read the same.
func TestWriter(t *testing.T) {
	t.Parallel()
	for _, layout := range []Layout{PlusPlus, FS} {
		root := t.TempDir()
		if _, err := Create(root, false); err != nil {
			t.Fatal(err)
		}
		w, err := Create(layout.Dir(root, "Old/über.mail"), true)
		if err != nil {
			t.Fatal(err)
		}
		when := time.Unix(1234567890, 0)
		for _, m := range []struct {
			base     string
			flags    imap.Flags
			keywords []string
		}{
			{"1.a", 0, nil},
			{"2.a", imap.AllFlags, []string{"$forwarded", "work", "Play"}},
			{"3.a", 0, []string{"play"}},
		} {
			if err := w.Message(m.base, m.flags, m.keywords, when, strings.NewReader("A: b\r\n\r\n\r"+m.base)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Sync(); err != nil {
			t.Error(err)
		}
		l, err := Folders(root)
		if err != nil || len(l) != 2 || l[1].Mailbox != "Old/über.mail" {
			t.Fatalf("folders %+v, %v", l, err)
		}
		messages, err := l[1].Messages()
		if err != nil || len(messages) != 3 {
			t.Fatalf("messages %+v, %v", messages, err)
		}
		if m := messages[0]; m.path != "new/1.a" || m.Flags != 0 {
			t.Errorf("new message %+v", m)
		}
		if m := messages[1]; m.path != "cur/2.a:2,DFPRSTab" || m.Flags != imap.AllFlags || !slices.Equal(m.Keywords, []string{Forwarded, "work", "Play"}) {
			t.Errorf("message with flags %+v", m)
		}
		if m := messages[2]; m.path != "cur/3.a:2,b" || !slices.Equal(m.Keywords, []string{"Play"}) {
			t.Errorf("message with keyword %+v", m)
		}
		f, err := l[1].Open(messages[1])
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if data, err := io.ReadAll(f); string(data) != "A: b\n\n\r2.a" || err != nil {
			t.Errorf("file %q, %v", data, err)
		}
		if fi, err := f.Stat(); err != nil || !fi.ModTime().Equal(when) {
			t.Errorf("file is of %v, %v", fi.ModTime(), err)
		}
	}
}

func TestWriterFails(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	w, err := Create(root, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{"", "a/b", "../x", ".x", "1:2,S"} {
		if err := w.Message(base, 0, nil, time.Unix(1, 0), strings.NewReader("")); err == nil {
			t.Errorf("base %q is taken", base)
		}
	}
	broken := errors.New("broken")
	if err := w.Message("1.a", 0, nil, time.Unix(1, 0), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("broken message: %v", err)
	}
	for _, dir := range []string{"cur", "new", "tmp"} {
		if l, err := os.ReadDir(filepath.Join(root, dir)); err != nil || len(l) > 0 {
			t.Errorf("%s has %v, %v", dir, l, err)
		}
	}

	// There are letters for 26 keywords.
	var keywords []string
	for i := range 30 {
		keywords = append(keywords, string(rune('A'+i%26))+strings.Repeat("x", i/26))
	}
	if err := w.Message("2.a", 0, keywords, time.Unix(1, 0), strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.Dropped(), " "); got != "Ax Bx Cx Dx" {
		t.Errorf("dropped %q", got)
	}

	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "", time.Unix(1, 0))
	if _, err := Create(file, false); err == nil {
		t.Error("a file is taken for a directory")
	}
}
