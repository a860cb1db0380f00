package static_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mox/http/static"
)

// What must never be in a response, and what is in the files that may be served.
const (
	secret = "top-secret-0f3c9a"
	public = "public content"
)

// traversals are request targets as they go over the wire, by technique. SECRET is the name
// of the directory beside Root that has secret.txt, ABSOLUTE its absolute path.
var traversals = []struct {
	technique string
	targets   []string
}{
	{"dot segments", []string{
		"/../SECRET/secret.txt", "/../../SECRET/secret.txt", "/../../../../../../../../../../etc/passwd",
		"/sub/../../SECRET/secret.txt", "/sub/../../../SECRET/secret.txt", "/./../SECRET/secret.txt",
		"/.././../SECRET/secret.txt", "/sub/./../../SECRET/secret.txt", "/..", "/../", "/../.", "/sub/..", "/./file.txt", "/sub/../file.txt",
		"/file.txt/..", "/file.txt/../file.txt", "/nosuch/../../SECRET/secret.txt", "/.../SECRET/secret.txt", "/....//SECRET/secret.txt",
		"/....//....//etc/passwd", "/..././..././SECRET/secret.txt", "../SECRET/secret.txt", "..", "/..?/../SECRET/secret.txt",
	}},
	{"prefix that is a sibling", []string{"/../root-SECRET/secret.txt", "/../rootSECRET", "-SECRET/secret.txt"}},
	{"empty segments", []string{"//..//SECRET//secret.txt", "/sub//../..//SECRET/secret.txt", "///etc/passwd", "//etc/passwd", "/sub//file.txt", "//ABSOLUTE/secret.txt", "/%2e%2e//SECRET/secret.txt"}},
	{"encoded dots", []string{
		"/%2e%2e/SECRET/secret.txt", "/%2E%2E/SECRET/secret.txt", "/.%2e/SECRET/secret.txt", "/%2e./SECRET/secret.txt", "/sub/%2e%2e/%2e%2e/SECRET/secret.txt",
		"/%2e/%2e%2e/SECRET/secret.txt", "/%2e%2e", "/%2e%2e/",
	}},
	{"encoded slashes", []string{
		"/..%2fSECRET%2fsecret.txt", "/..%2FSECRET/secret.txt", "/%2e%2e%2fSECRET%2fsecret.txt", "/%2fetc%2fpasswd", "/sub%2f..%2f..%2fSECRET%2fsecret.txt",
		"/sub%2ffile.txt", "/%2f..%2fSECRET/secret.txt", "/%2F%2Fetc/passwd", "/sub/..%2f../SECRET/secret.txt",
	}},
	{"double encoding", []string{
		"/%252e%252e/SECRET/secret.txt", "/%252e%252e%252fSECRET%252fsecret.txt", "/..%252fSECRET/secret.txt", "/%252fetc%252fpasswd", "/%25%32%65%25%32%65/SECRET/secret.txt",
		"/%%32%65%%32%65/SECRET/secret.txt", "/%25252e%25252e/SECRET/secret.txt", "/%252e./SECRET/secret.txt",
	}},
	{"backslashes", []string{
		`/..\SECRET\secret.txt`, `/..\/SECRET/secret.txt`, `\..\SECRET\secret.txt`, "/..%5cSECRET%5csecret.txt", "/%5c..%5cSECRET/secret.txt", "/..%255cSECRET/secret.txt",
		`/sub\..\..\SECRET\secret.txt`, "/%2e%2e%5cSECRET/secret.txt", "/C:%5cWindows%5cwin.ini", `/..\..\..\etc\passwd`, "/..%5C..%5Cetc/passwd",
	}},
	{"overlong and broken UTF-8", []string{
		"/%c0%ae%c0%ae/SECRET/secret.txt", "/..%c0%afSECRET/secret.txt", "/%c0%ae%c0%ae%c0%afSECRET/secret.txt", "/%e0%80%ae%e0%80%ae/SECRET/secret.txt", "/..%e0%80%afSECRET/secret.txt",
		"/%f0%80%80%ae%f0%80%80%ae/SECRET/secret.txt", "/..%c1%9cSECRET/secret.txt", "/%c0%2e%c0%2e/SECRET/secret.txt", "/%ff%fe/file.txt", "/..%c1%pcSECRET/secret.txt", "/%fc%80%80%80%80%ae/secret.txt",
		"/\xc0\xae\xc0\xae/SECRET/secret.txt", "/%ed%a0%80/secret.txt",
	}},
	{"characters that look alike", []string{
		"/%ef%bc%8e%ef%bc%8e/SECRET/secret.txt", "/..%ef%bc%8fSECRET/secret.txt", "/..%e2%88%95SECRET/secret.txt", "/..%e2%81%84SECRET/secret.txt", "/%e2%80%a5/SECRET/secret.txt",
		"/%u002e%u002e/SECRET/secret.txt", "/..%u2215SECRET/secret.txt", "/..%u2216SECRET/secret.txt",
	}},
	{"NUL and control characters", []string{
		"/file.txt%00", "/file.txt%00.html", "/..%00/SECRET/secret.txt", "/%00/../SECRET/secret.txt", "/../SECRET/secret.txt%00.png", "/.%00./SECRET/secret.txt", "/file.txt%0a", "/file.txt%0d%0aX-Injected:%20yes",
		"/%7f", "/sub%09/../..", "/..%01/SECRET/secret.txt", "/sub%0d%0a%0d%0a<script>", "/file.txt\x00",
	}},
	{"absolute names and URLs", []string{
		"/ABSOLUTE/secret.txt", "ABSOLUTE/secret.txt", "file:///etc/passwd", "file://localABSOLUTE/secret.txt", "http://localhost/../SECRET/secret.txt", "http://localhost/%2e%2e/SECRET/secret.txt",
		"http://../SECRET/secret.txt", "http:///../SECRET/secret.txt", "http:../SECRET/secret.txt", "/file:/etc/passwd", "/file:///etc/passwd", "http://localhost//etc/passwd", "*",
	}},
	{"parameters, queries, fragments", []string{
		"/..;/SECRET/secret.txt", "/..;a=b/SECRET/secret.txt", "/;/../SECRET/secret.txt", "/file.txt;/../../SECRET/secret.txt", "/nosuch?/../../SECRET/secret.txt", "/nosuch?file=../SECRET/secret.txt", "/nosuch#/../SECRET/secret.txt",
		"/..%3fSECRET/secret.txt", "/..%23/SECRET/secret.txt", "/%3b..%2f..%2fSECRET",
	}},
	{"hidden names", []string{
		"/.htpasswd", "/.git/config", "/.git/", "/.git", "/sub/.env", "/.well-known/../.git/config", "/.well-known/.git", "/sub/.well-known/x", "/%2egit/config", "/%2ehtpasswd", "/.%67it/config", "/.well-known%2f..%2f.git%2fconfig", "/.GIT/config", "/.ssh/id_ed25519",
		"/.%2fgit/config",
	}},
	{"Windows names", []string{
		"/secret.txt::$DATA", "/.git::$INDEX_ALLOCATION/config", "/.htpasswd::$DATA", "/.htpasswd.", "/.htpasswd%20", "/.git./config", "/GIT~1/config", "/CON", "/aux.txt", "/COM1", "/nul.", "/C:/Windows/win.ini", "/C:secret.txt", "/%5c%5c?%5cC:%5csecret",
		"/.. /SECRET/secret.txt", "/..%20/SECRET/secret.txt", "/...%20/SECRET/secret.txt", "/.../", "/..../SECRET/secret.txt",
	}},
	{"very long names", []string{
		"/" + strings.Repeat("a", 300), "/" + strings.Repeat("a/", 3000), "/" + strings.Repeat("../", 3000) + "etc/passwd", "/" + strings.Repeat("sub/../", 600) + "../SECRET/secret.txt", "/" + strings.Repeat("%2e%2e/", 500) + "SECRET/secret.txt",
		"/" + strings.Repeat("./", 2000) + "file.txt", "/" + strings.Repeat("x", 4000) + "/../../SECRET/secret.txt", "/" + strings.Repeat("%2e", 3000),
	}},
	{"symbolic links", []string{
		"/link-file", "/link-file-absolute", "/link-dir/secret.txt", "/link-dir-absolute/secret.txt", "/link-dir/", "/link-dir", "/link-root/etc/passwd", "/link-parent/SECRET/secret.txt", "/chain-1", "/chain-dir-1/secret.txt",
		"/loop-1", "/loop-self", "/loop-dir/loop-dir/file.txt", "/sub/link-up/../SECRET/secret.txt", "/sub/link-up-up/SECRET/secret.txt", "/link-through-inside/secret.txt", "/link-proc/root/etc/passwd", "/link-fd", "/link-index/", "/link-dangling",
		"/link-back-in", "/link-file/", "/link-dir/.", "/link-compressed",
	}},
	{"things that are no files", []string{"/fifo", "/socket", "/link-null", "/link-zero", "/link-tty", "/fifo/", "/link-fifo"}},
	{"files taken for directories", []string{"/file.txt/", "/file.txt/x", "/file.txt/index.html", "/sub/file.txt/"}},
	{"StripPrefix", []string{"/prefixed/../../SECRET/secret.txt", "/prefixed../SECRET/secret.txt", "/prefixed%2f../SECRET/secret.txt", "/prefixed/../file.txt", "/prefixedfile.txt", "/prefixed//file.txt", "/prefixed", "/prefixed/link-dir/secret.txt"}},
}

// plant makes Root with what may be served and everything that may not, and the secret
// beside it.
func plant(t *testing.T) (rootDir, secretDir string) {
	t.Helper()
	base := t.TempDir()
	rootDir, secretDir = filepath.Join(base, "root"), filepath.Join(base, "private")
	write := func(content string, names ...string) {
		name := filepath.Join(names...)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(secret, secretDir, "secret.txt")
	write(secret, secretDir, "index.html")
	write(secret, base, "root-private", "secret.txt")
	write(public, rootDir, "file.txt")
	write(public, rootDir, "sub", "file.txt")
	write(public, rootDir, ".well-known", "security.txt")
	for _, hidden := range []string{".htpasswd", ".git/config", "sub/.env", ".well-known/.git", "sub/.well-known/x", ".ssh/id_ed25519"} {
		write(secret, rootDir, filepath.FromSlash(hidden))
	}
	write(public, rootDir, "link-compressed")
	link := func(target, name string) {
		name = filepath.Join(rootDir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"link-file": "../private/secret.txt", "link-file-absolute": secretDir + "/secret.txt", "link-dir": "../private", "link-dir-absolute": secretDir,
		"link-root": "/", "link-parent": "..", "chain-1": "chain-2", "chain-2": "sub/chain-3", "sub/chain-3": "../../private/secret.txt",
		"chain-dir-1": "sub/chain-dir-2", "sub/chain-dir-2": "../link-dir", "loop-1": "loop-2", "loop-2": "loop-1", "loop-self": "loop-self", "loop-dir": "./loop-dir/.",
		"sub/link-up": "..", "sub/link-up-up": "../..", "link-through-inside": "sub/../../private", "link-proc": "/proc/self", "link-fd": "/proc/self/environ",
		"link-index/index.html": "../../private/secret.txt", "link-dangling": "../private/no-such-file", "link-back-in": "../root/../private/secret.txt",
		"link-null": "/dev/null", "link-zero": "/dev/zero", "link-tty": "/dev/tty", "link-fifo": "fifo",
		"link-compressed.gz": "../private/secret.txt", "link-compressed.br": "../private/secret.txt", "link-inside": "sub/file.txt", "link-dir-inside": "sub",
	} {
		link(target, name)
	}
	makeSpecial(t, rootDir)
	return rootDir, secretDir
}

// serve starts a real server.
func serve(t *testing.T, opts static.Options) (addr string) {
	t.Helper()
	h, err := static.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// rawGet sends a request target as it is, and returns all that comes back.
func rawGet(t *testing.T, addr, method, target string, fields ...string) (status int, answer string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil { // That it hangs, not that the machine is busy.
		t.Fatal(err)
	}
	request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method, target, strings.Join(append(fields, ""), "\r\n"))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%.100q: %v", target, err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(all)), nil)
	if err != nil {
		t.Fatalf("%.100q: answer %.200q: %v", target, all, err)
	}
	resp.Body.Close()
	return resp.StatusCode, string(all)
}

// TestTraversal tries all known ways out of the directory, against handlers of all
// settings in which they must fail.
func TestTraversal(t *testing.T) {
	t.Parallel()
	rootDir, secretDir := plant(t)
	replace := strings.NewReplacer("ABSOLUTE", secretDir, "SECRET", filepath.Base(secretDir))
	count := 0
	for _, group := range traversals {
		count += len(group.targets)
	}
	if count < 100 {
		t.Fatalf("only %d cases", count)
	}
	for _, setting := range []struct {
		name string
		opts static.Options
	}{
		{"links inside", static.Options{ListFiles: true, Compress: true}},
		{"no links", static.Options{ListFiles: true, Symlinks: static.SymlinksNone}},
		{"prefix", static.Options{ListFiles: true, StripPrefix: "/prefixed/"}},
	} {
		setting.opts.Root = rootDir
		addr := serve(t, setting.opts)
		prefix := strings.TrimSuffix(setting.opts.StripPrefix, "/")
		t.Run(setting.name, func(t *testing.T) {
			t.Parallel()
			// The test would mean nothing if nothing was found.
			if status, answer := rawGet(t, addr, "GET", prefix+"/file.txt"); status != 200 || !strings.HasSuffix(answer, public) {
				t.Fatalf("file.txt: %q", answer)
			}
			for _, group := range traversals {
				for _, target := range group.targets {
					target := replace.Replace(target)
					targets := []string{target}
					if prefix != "" && strings.HasPrefix(target, "/") && !strings.HasPrefix(target, prefix) {
						targets = append(targets, prefix+target)
					}
					for _, target := range targets {
						for _, method := range []string{"GET", "HEAD"} {
							checkRefused(t, addr, group.technique, method, target)
						}
					}
				}
			}
		})
	}
}

func checkRefused(t *testing.T, addr, technique, method, target string) {
	t.Helper()
	var fields []string
	if strings.HasSuffix(target, "/link-compressed") {
		fields = []string{"Accept-Encoding: gzip, br"}
	}
	status, answer := rawGet(t, addr, method, target, fields...)
	if strings.Contains(answer, secret) || strings.Contains(answer, "root:x:0:0:") || strings.Contains(answer, "X-Injected: yes") {
		t.Errorf("%s: %s %.100q has the secret in its answer", technique, method, target)
	}
	switch {
	case status == 301 && (target == "/prefixed" || strings.HasSuffix(target, "/.git")):
		// Only the handler's own root without its slash.
	case status == 200 && strings.HasSuffix(target, "/link-compressed") && (method == "HEAD" || strings.HasSuffix(answer, public)):
		// The file itself; what pretends to be its compressed form leads outside.
	case status == 200 && strings.HasSuffix(target, "/link-index/") && (method == "HEAD" || strings.Contains(answer, "This directory is empty.")):
		// Its index file leads outside, and is not even listed.
	case status != 400 && status != 403 && status != 404:
		t.Errorf("%s: %s %.100q: status %d", technique, method, target, status)
	}
}

// What looks like the above but is as it should be.
func TestNoTraversal(t *testing.T) {
	t.Parallel()
	rootDir, _ := plant(t)
	for _, name := range []string{"..file", "file..", "a..b", "a b", "a%b", "a+b", "ä", "a:b", "%2e%2e", "~", "a;b", "a?b", "a#b", "file.txt "} {
		if err := os.WriteFile(filepath.Join(rootDir, name), []byte(public+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	addr := serve(t, static.Options{Root: rootDir})
	for target, name := range map[string]string{
		"/file..": "file..", "/a..b": "a..b", "/a%20b": "a b", "/a%25b": "a%b", "/a+b": "a+b", "/%c3%a4": "ä", "/a:b": "a:b", "/%252e%252e": "%2e%2e", "/~": "~", "/a;b": "a;b", "/a%3fb": "a?b", "/a%23b": "a#b",
		"/file.txt": "", "/file.txt?../x": "", "/%66ile.txt": "", "/sub/file.txt": "", "/.well-known/security.txt": "", "/link-inside": "", "/link-dir-inside/file.txt": "", "http://localhost/file.txt": "", "/file.txt%20": "file.txt ",
	} {
		if status, answer := rawGet(t, addr, "GET", target); status != 200 || !strings.HasSuffix(answer, public+name) {
			t.Errorf("%s: %q", target, answer)
		}
	}
	if status, _ := rawGet(t, addr, "GET", "/..file"); status != 404 {
		t.Errorf("hidden file: status %d", status)
	}
}

// Links, each under each policy.
func TestSymlinkPolicies(t *testing.T) {
	t.Parallel()
	rootDir, _ := plant(t)
	for _, tc := range []struct {
		target            string
		inside, none, any int
	}{
		{"/file.txt", 200, 200, 200},
		{"/sub/file.txt", 200, 200, 200},
		{"/link-inside", 200, 404, 200},
		{"/link-dir-inside/file.txt", 200, 404, 200},
		{"/link-dir-inside", 301, 404, 301},
		{"/link-file", 404, 404, 200},
		{"/link-file-absolute", 404, 404, 200},
		{"/link-dir/secret.txt", 404, 404, 200},
		{"/chain-1", 404, 404, 200},
		{"/loop-1", 404, 404, 404},
		{"/link-null", 404, 404, 403},
		{"/link-fifo", 403, 404, 403},
		{"/fifo", 403, 403, 403},
		{"/../private/secret.txt", 400, 400, 400},
		{"/.htpasswd", 404, 404, 404},
	} {
		for policy, want := range map[static.Symlinks]int{static.SymlinksInside: tc.inside, static.SymlinksNone: tc.none, static.SymlinksAny: tc.any} {
			addr := serve(t, static.Options{Root: rootDir, Symlinks: policy})
			if status, _ := rawGet(t, addr, "GET", tc.target); status != want {
				t.Errorf("policy %d, %s: status %d, want %d", policy, tc.target, status, want)
			}
		}
	}
}

// A file and a directory on the way are swapped for links all the time: the answer is the
// public content or nothing.
func TestSymlinkSwappedWhileServing(t *testing.T) {
	t.Parallel()
	for _, policy := range []static.Symlinks{static.SymlinksInside, static.SymlinksNone} {
		rootDir, secretDir := plant(t)
		addr := serve(t, static.Options{Root: rootDir, Symlinks: policy, Cache: static.NewCache(-1)})
		dir := filepath.Join(rootDir, "swap")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		// The directory has a file of the name that the secret has.
		if err := os.WriteFile(filepath.Join(dir, "secret.txt"), []byte(public), 0o644); err != nil {
			t.Fatal(err)
		}
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			aside := dir + "-aside"
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, err := range []error{os.Rename(dir, aside), os.Symlink(secretDir, dir), os.Remove(dir), os.Rename(aside, dir)} {
					if err != nil {
						t.Error(err)
						return
					}
				}
			}
		}()
		end := sync.OnceFunc(func() {
			close(stop)
			<-stopped
		})
		defer end()
		transport := &http.Transport{} // That of package http is closed for all by who closes an httptest.Server.
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		found := 0
		for i := 0; i < 2000 || found == 0 && i < 20000; i++ {
			resp, err := client.Get("http://" + addr + "/swap/secret.txt")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || strings.Contains(string(body), secret) || resp.StatusCode != 200 && resp.StatusCode != 404 && resp.StatusCode != 403 {
				t.Fatalf("status %d, %q, %v", resp.StatusCode, body, err)
			}
			if resp.StatusCode == 200 {
				found++
			}
		}
		end()
		if found == 0 {
			t.Error("the file was never found, so nothing was tried")
		}
	}
}
