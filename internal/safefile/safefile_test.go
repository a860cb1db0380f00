//go:build unix

package safefile_test

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mox/internal/safefile"
)

// nobody is a user that these tests do not trust.
const nobody = 65534

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("this is about what root does for others; run as root")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write makes a file of an owner.
func write(t *testing.T, path string, uid int, mode fs.FileMode) {
	t.Helper()
	must(t, os.WriteFile(path, []byte("content of "+filepath.Base(path)), 0o600))
	must(t, os.Chmod(path, mode))
	must(t, os.Lchown(path, uid, uid))
}

// mkdir makes a directory of an owner, with exactly that mode.
func mkdir(t *testing.T, path string, uid int, mode fs.FileMode) string {
	t.Helper()
	must(t, os.Mkdir(path, 0o700))
	must(t, os.Chmod(path, mode))
	must(t, os.Lchown(path, uid, uid))
	return path
}

func owner(t *testing.T, path string) int {
	t.Helper()
	fi, err := os.Lstat(path)
	must(t, err)
	return int(fi.Sys().(*syscall.Stat_t).Uid)
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for _, tt := range []struct {
		name string
		make func(t *testing.T, dir string) string // Returns the path to read.
		want string                                // In the error; empty for none.
	}{
		{"in a directory of root", func(t *testing.T, dir string) string {
			write(t, dir+"/key.pem", 0, 0o600)
			return dir + "/key.pem"
		}, ""},
		{"link in a directory of root", func(t *testing.T, dir string) string {
			write(t, dir+"/archive.pem", 0, 0o600)
			must(t, os.Symlink("archive.pem", dir+"/key.pem"))
			return dir + "/key.pem"
		}, ""},
		{"link to a directory of somebody else", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/home", nobody, 0o755)
			write(t, dir+"/home/key.pem", 0, 0o600)
			must(t, os.Symlink("home/key.pem", dir+"/key.pem"))
			return dir + "/key.pem"
		}, "chown root"},
		{"link to a hard link in a shared directory", func(t *testing.T, dir string) string {
			write(t, dir+"/shadow", 0, 0o600)
			mkdir(t, dir+"/config", 0, 0o770|fs.ModeSticky)
			must(t, os.Link(dir+"/shadow", dir+"/config/key.pem"))
			must(t, os.Symlink("config/key.pem", dir+"/key.pem"))
			return dir + "/key.pem"
		}, "hard links"},
		{"in a shared directory", func(t *testing.T, dir string) string {
			shared := mkdir(t, dir+"/config", 0, 0o770|fs.ModeSticky)
			write(t, shared+"/key.pem", 0, 0o640)
			return shared + "/key.pem"
		}, ""},
		{"link in a shared directory", func(t *testing.T, dir string) string {
			write(t, dir+"/shadow", 0, 0o600)
			shared := mkdir(t, dir+"/config", 0, 0o770|fs.ModeSticky)
			must(t, os.Symlink("../shadow", shared+"/key.pem"))
			return shared + "/key.pem"
		}, "symbolic link"},
		{"hard link in a shared directory", func(t *testing.T, dir string) string {
			write(t, dir+"/shadow", 0, 0o600)
			shared := mkdir(t, dir+"/config", 0, 0o770|fs.ModeSticky)
			must(t, os.Link(dir+"/shadow", shared+"/key.pem"))
			return shared + "/key.pem"
		}, "hard links"},
		{"file of somebody else", func(t *testing.T, dir string) string {
			shared := mkdir(t, dir+"/config", 0, 0o770|fs.ModeSticky)
			write(t, shared+"/mox.conf", nobody, 0o644)
			return shared + "/mox.conf"
		}, "belongs to user 65534"},
		{"writable by others", func(t *testing.T, dir string) string {
			write(t, dir+"/mox.conf", 0, 0o664)
			return dir + "/mox.conf"
		}, "chmod go-w"},
		{"fifo", func(t *testing.T, dir string) string {
			must(t, syscall.Mkfifo(dir+"/mox.conf", 0o600))
			return dir + "/mox.conf"
		}, "not a regular file"},
		{"directory of somebody else", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/config", nobody, 0o755)
			write(t, dir+"/config/mox.conf", 0, 0o644)
			return dir + "/config/mox.conf"
		}, "chown root"},
		{"directory above of somebody else", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/home", nobody, 0o755)
			mkdir(t, dir+"/home/config", 0, 0o755)
			write(t, dir+"/home/config/mox.conf", 0, 0o644)
			return dir + "/home/config/mox.conf"
		}, "chown root"},
		{"directory that others write in", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/config", 0, 0o777)
			write(t, dir+"/config/mox.conf", 0, 0o644)
			return dir + "/config/mox.conf"
		}, "chmod go-w"},
		{"link above into a directory of somebody else", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/theirs", nobody, 0o755)
			write(t, dir+"/theirs/mox.conf", 0, 0o644)
			must(t, os.Symlink("theirs", dir+"/config"))
			return dir + "/config/mox.conf"
		}, "chown root"},
		{"too large", func(t *testing.T, dir string) string {
			must(t, os.WriteFile(dir+"/mox.conf", make([]byte, safefile.MaxSize+1), 0o600))
			return dir + "/mox.conf"
		}, "bytes"},
		{"relative", func(*testing.T, string) string { return "mox.conf" }, "absolute"},
		{"missing", func(_ *testing.T, dir string) string { return dir + "/mox.conf" }, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data, err := safefile.ReadFile(tt.make(t, mkdir(t, filepath.Join(t.TempDir(), "top"), 0, 0o755)))
			switch {
			case tt.want == "" && (err != nil || !strings.HasPrefix(string(data), "content of")):
				t.Errorf("got %q, %v", data, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %q, %v; want an error with %q", data, err, tt.want)
			}
		})
	}
}

func TestCheckProgram(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := mkdir(t, filepath.Join(t.TempDir(), "bin"), 0, 0o755)
	write(t, dir+"/mox", 0, 0o755)
	if err := safefile.CheckProgram(dir + "/mox"); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(){
		"of somebody else":          func() { must(t, os.Chown(dir+"/mox", nobody, 0)) },
		"writable":                  func() { must(t, os.Chmod(dir+"/mox", 0o775)) },
		"in a writable directory":   func() { must(t, os.Chmod(dir, 0o777)) },
		"in somebody's directory":   func() { must(t, os.Chown(dir, nobody, 0)) },
		"a link to somebody's file": func() { must(t, os.Remove(dir+"/mox")); must(t, os.Symlink(dir+"/theirs", dir+"/mox")) },
	} {
		must(t, os.RemoveAll(dir))
		mkdir(t, dir, 0, 0o755)
		write(t, dir+"/mox", 0, 0o755)
		write(t, dir+"/theirs", nobody, 0o755)
		spoil()
		if err := safefile.CheckProgram(dir + "/mox"); err == nil {
			t.Errorf("a program %s is accepted", name)
		}
	}
}

func TestOwn(t *testing.T) {
	t.Parallel()
	needRoot(t)
	top := mkdir(t, filepath.Join(t.TempDir(), "top"), 0, 0o755)
	write(t, top+"/shadow", 0, 0o600)
	mkdir(t, top+"/etc", 0, 0o755)
	write(t, top+"/etc/passwd", 0, 0o644)
	data := mkdir(t, top+"/data", 0, 0o755)
	mkdir(t, data+"/accounts", 0, 0o755)
	write(t, data+"/accounts/index.db", 0, 0o600)
	write(t, data+"/theirs", nobody, 0o600)
	must(t, os.Link(data+"/theirs", data+"/theirs.backup"))
	must(t, os.Symlink("../shadow", data+"/soft"))
	must(t, os.Link(top+"/shadow", data+"/hard"))
	must(t, os.Symlink("../etc", data+"/dir"))
	must(t, syscall.Mkfifo(data+"/fifo", 0o600))

	owned, err := safefile.User{UID: nobody, GID: nobody}.Own(data)
	must(t, err)
	if owned.Changed != 4 { // The directory, accounts, index.db, fifo.
		t.Errorf("changed %d", owned.Changed)
	}
	if len(owned.Left) != 3 {
		t.Errorf("left %q", owned.Left)
	}
	for path, want := range map[string]int{
		"data": nobody, "data/accounts": nobody, "data/accounts/index.db": nobody, "data/fifo": nobody, "data/theirs": nobody,
		"shadow": 0, "data/hard": 0, "data/soft": 0, "data/dir": 0, "etc": 0, "etc/passwd": 0,
	} {
		if got := owner(t, filepath.Join(top, path)); got != want {
			t.Errorf("%s belongs to %d, want %d", path, got, want)
		}
	}
	if fi, err := os.Stat(data); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
}

func TestOwnRefuses(t *testing.T) {
	t.Parallel()
	needRoot(t)
	top := mkdir(t, filepath.Join(t.TempDir(), "top"), 0, 0o755)
	must(t, os.Symlink("/etc", top+"/data"))
	write(t, top+"/file", 0, 0o600)
	mkdir(t, top+"/home", nobody, 0o755)
	mkdir(t, top+"/home/data", nobody, 0o755)
	u := safefile.User{UID: nobody, GID: nobody}
	for _, path := range []string{"data", "file", "home/data", "missing"} {
		if _, err := u.Own(filepath.Join(top, path)); err == nil {
			t.Errorf("%s is taken", path)
		}
	}
	must(t, os.Link(top+"/file", top+"/domains.conf"))
	if err := u.OwnFile(top + "/domains.conf"); err == nil || owner(t, top+"/file") != 0 {
		t.Errorf("hard link: %v", err)
	}
	if err := u.OwnFile(top + "/data"); err == nil {
		t.Error("a link is taken")
	}
	if err := u.OwnFile(top + "/nothing"); err != nil {
		t.Error(err)
	}
}

// TestOwnRace has another user swap a file for links of one that is not the user's all the time.
func TestOwnRace(t *testing.T) {
	t.Parallel()
	needRoot(t)
	top := mkdir(t, filepath.Join(t.TempDir(), "top"), 0, 0o755)
	must(t, os.Chmod(filepath.Dir(filepath.Dir(top)), 0o755))
	must(t, os.Chmod(filepath.Dir(top), 0o755))
	write(t, top+"/shadow", 0, 0o600)
	data := mkdir(t, top+"/data", nobody, 0o700)
	attack := exec.Command("/bin/sh", "-c", `cd "$1" && while :; do
		: >new && mv -f new f
		ln ../shadow new 2>/dev/null && mv -f new f
		ln -s ../shadow new 2>/dev/null && mv -f new f
		done`, "sh", data)
	// In a group of its own, to be ended with all programs that it has started. Wait waits until none has its output open.
	attack.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Setpgid: true}
	attack.Stdout = io.Discard
	must(t, attack.Start())
	for range 3000 {
		if _, err := (safefile.User{UID: nobody, GID: nobody}).Own(data); err != nil {
			t.Error(err)
			break
		}
	}
	if err := syscall.Kill(-attack.Process.Pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	attack.Wait()
	if uid := owner(t, top+"/shadow"); uid != 0 {
		t.Errorf("the file outside belongs to %d now", uid)
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	needRoot(t)
	top := mkdir(t, filepath.Join(t.TempDir(), "top"), 0, 0o755)
	dir := mkdir(t, top+"/config", nobody, 0o777)
	must(t, safefile.Share(dir, nobody))
	fi, err := os.Stat(dir)
	must(t, err)
	if st := fi.Sys().(*syscall.Stat_t); st.Uid != 0 || st.Gid != nobody || st.Mode&0o7777 != 0o1770 {
		t.Errorf("got %d:%d %o", st.Uid, st.Gid, st.Mode)
	}
	must(t, os.Symlink("/etc", top+"/link"))
	if safefile.Share(top+"/link", nobody) == nil {
		t.Error("a link is followed")
	}
}

func TestShareFile(t *testing.T) {
	t.Parallel()
	needRoot(t)
	top := mkdir(t, filepath.Join(t.TempDir(), "top"), 0, 0o755)
	shared := mkdir(t, top+"/config", 0, 0o770|fs.ModeSticky)
	write(t, shared+"/mox.conf", 0, 0o600)
	write(t, shared+"/readable", 0, 0o664)
	write(t, shared+"/theirs", 65533, 0o600)
	write(t, top+"/shadow", 0, 0o600)
	must(t, os.Link(top+"/shadow", shared+"/hard"))
	must(t, os.Symlink("../shadow", shared+"/soft"))
	for name, want := range map[string]struct {
		uid, gid uint32
		mode     uint32
	}{
		"mox.conf": {0, nobody, 0o640},
		"readable": {0, nobody, 0o644},
		"theirs":   {65533, 65533, 0o600},
		"hard":     {0, 0, 0o600},
		"soft":     {0, 0, 0o600},
	} {
		must(t, safefile.ShareFile(shared+"/"+name, nobody))
		fi, err := os.Stat(shared + "/" + name)
		must(t, err)
		if st := fi.Sys().(*syscall.Stat_t); st.Uid != want.uid || st.Gid != want.gid || uint32(st.Mode)&0o777 != want.mode {
			t.Errorf("%s: %d:%d %o", name, st.Uid, st.Gid, st.Mode)
		}
	}
	if safefile.ShareFile(top+"/missing", nobody) == nil {
		t.Error("no error for a file that is not there")
	}
}
