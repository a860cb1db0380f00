package interop

import (
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// startWeb starts a server with websites in the directory www of the test, and one behind it.
func startWeb(t *testing.T) *server {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // Nothing is answered before all of the request is there.
		fmt.Fprintf(w, "upstream: %s %s for %s", r.Method, r.URL, r.Header.Get("X-Forwarded-Host"))
	}))
	t.Cleanup(upstream.Close)
	www := t.TempDir()
	writeFile(t, www, "index.html", "front page\n")
	writeFile(t, www, "numbers.txt", strings.Repeat("0123456789", 1000))
	return startConfigured(t, func(dir string) {
		command(t, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=www.web.example",
			"-addext", "subjectAltName=DNS:www.web.example", "-keyout", filepath.Join(dir, "www.key.pem"), "-out", filepath.Join(dir, "www.crt.pem"))
		changeFile(t, filepath.Join(dir, "mox.conf"), "\t\tSMTP:\n", "\t\tWebserverHTTP:\n\t\t\tEnabled: true\n\t\t\tPort: 1080\n\t\tWebserverHTTPS:\n\t\t\tEnabled: true\n\t\t\tPort: 1443\n\t\tSMTP:\n")
		domains := filepath.Join(dir, "domains.conf")
		data, err := os.ReadFile(domains)
		if err != nil {
			t.Fatal(err)
		}
		sites := `
WebHandlers:
	-
		LogName: app
		Domain: www.web.example
		PathRegexp: ^/app/
		WebForward:
			URL: ` + upstream.URL + `
	-
		LogName: local
		Domain: localhost
		ShareServiceHost: true
		PathRegexp: ^/app/
		WebForward:
			URL: ` + upstream.URL + `
	-
		LogName: old
		Domain: www.web.example
		PathRegexp: ^/old
		WebRedirect:
			OrigPathRegexp: ^/old
			ReplacePath: /app/new
	-
		LogName: files
		Domain: www.web.example
		PathRegexp: ^/
		Compress: true
		WebStatic:
			Root: ` + www + `
WebDomains:
	www.web.example:
		KeyCerts:
			-
				CertFile: www.crt.pem
				KeyFile: www.key.pem
`
		if err := os.WriteFile(domains, append(data, sites...), 0o600); err != nil {
			t.Fatal(err)
		}
	})
}

// changeFile replaces text in a file.
func changeFile(t *testing.T, path, old, new string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(data), old) != 1 {
		t.Fatalf("%s has %q %d times", path, old, strings.Count(string(data), old))
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCurlHTTP reads websites over HTTP/1.1 and HTTP/2, plain and with TLS, following redirects.
func TestCurlHTTP(t *testing.T) {
	t.Parallel()
	s := startWeb(t)
	curl := func(args ...string) (string, error) {
		return tryCommand(t, "curl", append([]string{"-sS", "--max-time", "300", "--cacert", filepath.Join(s.dir, "www.crt.pem"),
			"--resolve", "www.web.example:1080:" + s.ip, "--resolve", "www.web.example:1443:" + s.ip, "--resolve", "evil.example:1443:" + s.ip}, args...)...)
	}
	const plain, secure = "http://www.web.example:1080", "https://www.web.example:1443"
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{secure + "/"}, "front page\n"},
		{[]string{"--http2", "-w", "%{http_version}", secure + "/"}, "front page\n2"},
		{[]string{"--http1.1", "-w", "%{http_version}", secure + "/"}, "front page\n1.1"},
		{[]string{"--http1.0", "-w", "%{http_version}", secure + "/"}, "front page\n1"},
		{[]string{"-L", "-w", "%{num_redirects} %{url_effective}", plain + "/"}, "front page\n1 " + secure + "/"},
		{[]string{"-L", secure + "/old?q"}, "upstream: GET /app/new?q for www.web.example:1443"},
		{[]string{"-d", "x", secure + "/app/"}, "upstream: POST /app/ for www.web.example:1443"},
		{[]string{"-r", "5-14", secure + "/numbers.txt"}, "5678901234"},
		{[]string{"--compressed", "-o", "/dev/null", "-w", "%{http_code} %header{content-encoding}", secure + "/numbers.txt"}, "200 "},
		{[]string{"-I", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", secure + "/numbers.txt"}, "200 0"},
		{[]string{"--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", secure + "/../../etc/passwd"}, "400"},
		{[]string{"-o", "/dev/null", "-w", "%{http_code}", secure + "/none"}, "404"},
		{[]string{"-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: evil.example", secure + "/"}, "421"},
	} {
		if out, err := curl(tt.args...); err != nil || !strings.HasPrefix(out, tt.want) {
			t.Errorf("curl %s: %q, %v, want %q", strings.Join(tt.args, " "), out, err, tt.want)
		}
	}
	if out, err := curl("-k", "https://evil.example:1443/"); err == nil {
		t.Errorf("an unknown name was served over TLS: %q", out)
	}
	if out, err := curl("-o", "/dev/null", "-w", "%{http_code}", "http://"+s.addr(1080)+"/metrics"); err != nil || out != "200" {
		t.Errorf("metrics: %q, %v", out, err)
	}
}

// knownH2 are the cases of h2spec in which net/http does something else, each with the reason.
var knownH2 = map[string]string{
	"1: Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE":                                        "a SETTINGS frame with one value twice is refused, as nobody sends it but to overload",
	"1: Sends a HEADERS frame that contains the connection-specific header field":                     "it is answered with code 400, and the stream then ended",
	`2: Sends a HEADERS frame that contains the TE header field with any value other than "trailers"`: "it is answered with code 400, and the stream then ended",
}

// TestH2spec runs the conformance tests of HTTP/2. What they ask for is answered when all of a request is there: of one that has not
// ended the stream is open for as long as they send frames on it.
func TestH2spec(t *testing.T) {
	t.Parallel()
	s := startWeb(t)
	_, port, err := net.SplitHostPort(relay(t, s.addr(1443)))
	if err != nil {
		t.Fatal(err)
	}
	if got := command(t, "curl", "-sSk", "--max-time", "300", "https://localhost:"+port+"/app/"); !strings.HasPrefix(got, "upstream: GET /app/") {
		t.Fatalf("the page for h2spec is %q", got)
	}
	// An answer that does not come in time is a failure, also on a machine that stalls: then there is more time. After half a minute
	// connections end by themselves, which would pass for an answer.
	var text string
	var wrong []string
	for _, seconds := range []string{"5", "10", "20"} {
		out, err := exec.Command("../tools/bin/h2spec", "-h", "localhost", "-p", port, "-t", "-k", "-P", "/app/", "-o", seconds).CombinedOutput()
		if text = string(out); !strings.Contains(text, " tests, ") {
			t.Fatalf("h2spec: %v\n%s", err, text)
		}
		if wrong = h2Differences(text); len(wrong) == 0 {
			return
		}
	}
	t.Errorf("%s\n%s", strings.Join(wrong, "\n"), text)
}

// h2Differences returns what of the output of h2spec is not known.
func h2Differences(text string) (wrong []string) {
	var failed []string
	for line := range strings.Lines(text) {
		if _, name, ok := strings.Cut(line, "× "); ok {
			failed = append(failed, strings.TrimSpace(name))
		}
	}
	for _, name := range failed {
		if knownH2[name] == "" {
			wrong = append(wrong, "failed: "+name)
		}
	}
	for name := range knownH2 {
		if !slices.Contains(failed, name) {
			wrong = append(wrong, name+" passes now; take it off the list")
		}
	}
	return wrong
}

// relay passes connections to a port of localhost, which it returns, on to addr, for programs that ask for what they are connected to:
// the servers of the tests have addresses of their own, and no website has an address as its name.
func relay(t *testing.T, addr string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				server, err := net.Dial("tcp", addr)
				if err != nil {
					return
				}
				go func() {
					defer server.Close()
					_, _ = io.Copy(server, client)
				}()
				_, _ = io.Copy(client, server)
			}()
		}
	}()
	return l.Addr().String()
}

// TestAutoconfig reads the settings that a mail program finds.
func TestAutoconfig(t *testing.T) {
	t.Parallel()
	s := startConfigured(t, func(dir string) {
		changeFile(t, filepath.Join(dir, "mox.conf"), "\t\tSMTP:\n", "\t\tAutoconfigHTTPS:\n\t\t\tEnabled: true\n\t\t\tPort: 1080\n\t\t\tNonTLS: true\n\t\tSMTP:\n")
	})
	out := command(t, "curl", "-sS", "--max-time", "300", "--resolve", "autoconfig.localhost:1080:"+s.ip, "http://autoconfig.localhost:1080/mail/config-v1.1.xml?emailaddress=mox@localhost")
	var config struct {
		Provider struct {
			Domain   string `xml:"domain"`
			Incoming []struct {
				Port string `xml:"port"`
			} `xml:"incomingServer"`
		} `xml:"emailProvider"`
	}
	if err := xml.Unmarshal([]byte(out), &config); err != nil || config.Provider.Domain != "localhost" || len(config.Provider.Incoming) != 2 || config.Provider.Incoming[0].Port != "1993" {
		t.Errorf("%v, %+v of\n%s", err, config, out)
	}
}
