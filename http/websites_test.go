package http_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"mox/config"
	"mox/http"
)

const webListener = `
		WebserverHTTP:
			Enabled: true
		WebserverHTTPS:
			Enabled: true
`

// sites are handlers of all kinds, for a server at the URL.
func sites(upstream string) string {
	return `
WebDomainRedirects:
	example.org: www.example.org
WebHandlers:
	-
		LogName: old
		Domain: www.example.org
		PathRegexp: ^/old/
		WebRedirect:
			OrigPathRegexp: ^/old/(.*)$
			ReplacePath: /new/$1
			StatusCode: 301
	-
		LogName: app
		Domain: www.example.org
		PathRegexp: ^/app/
		MaxBodySize: 1000
		WebForward:
			StripPath: true
			URL: ` + upstream + `
	-
		LogName: overlay
		Domain: www.example.org
		PathRegexp: ^/
		WebStatic:
			Root: DIR/overlay
			ContinueNotFound: true
	-
		LogName: files
		Domain: www.example.org
		PathRegexp: ^/
		Compress: true
		WebStatic:
			Root: DIR/www
			ListFiles: true
			ResponseHeaders:
				X-Site: files
	-
		LogName: plain
		Domain: plain.example.org
		PathRegexp: ^/
		DontRedirectPlainHTTP: true
		WebStatic:
			Root: DIR/www
WebDomains:
	www.example.org:
		HSTS:
			IncludeSubdomains: true
	refuse.example.org:
		PlainHTTP: refuse
`
}

func startSites(t *testing.T, f files) (*running, *httptest.Server) {
	t.Helper()
	upstream := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s for %s by %s, %d bytes", r.Method, r.URL.Path, r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"), len(body))
	}))
	t.Cleanup(upstream.Close)
	if f.Listener == "" {
		f.Listener = webListener
	}
	f.Certs = append(f.Certs, "www.example.org", "example.org")
	f.Domains += sites(upstream.URL)
	r := start(t, f)
	writeFile(t, filepath.Join(r.dir, "www", "index.html"), "<p>front page</p>")
	writeFile(t, filepath.Join(r.dir, "www", "a.txt"), strings.Repeat("a", 4000))
	writeFile(t, filepath.Join(r.dir, "www", "sub", "x.txt"), "x")
	writeFile(t, filepath.Join(r.dir, "overlay", "b.txt"), "overlay")
	return r, upstream
}

func TestWebsites(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{})
	const www = "https://www.example.org"
	for _, tt := range []struct {
		url, fields string
		code        int
		want        string // In the body, or the Location.
	}{
		{www + "/", "", 200, "front page"},
		{www + "/b.txt", "", 200, "overlay"},
		{www + "/sub/", "", 200, "x.txt"},
		{www + "/a.txt", "Accept-Encoding: gzip", 200, "\x1f\x8b"},
		{www + "/app/x/y?q=1", "X-Forwarded-For: 192.0.2.99", 200, "GET /x/y for 127.0.0.1 by https"},
		{www + "/old/a%20b?q=1", "", 301, "/new/a%20b?q=1"},
		{"http://www.example.org/a.txt?q=1", "", 308, "https://www.example.org/a.txt?q=1"},
		{"http://plain.example.org/", "", 200, "front page"},
		{"https://example.org/a?q=1", "", 308, "https://www.example.org/a?q=1"},
		{"http://example.org/a", "", 308, "https://www.example.org/a"},

		{www + "/nothing", "", 404, "There is nothing"},
		{www + "/..%2fconfig/mox.conf", "", 400, "malformed"},
		{www + "/sub/%2e%2e/%2e%2e/config/mox.conf", "", 400, "malformed"},
		{www + "/a%00.txt", "", 400, "malformed"},
		{www + "//app/x", "", 200, "GET "}, // Not the files.
		{"http://evil.example/", "", 421, "does not answer"},
		{"http://plain.example.org.evil.example/", "", 421, "does not answer"},
		{"http://127.0.0.1/", "", 421, "does not answer"},
		{www + "/metrics", "", 404, "nothing"},
	} {
		name, value, _ := strings.Cut(tt.fields, ": ")
		var fields []string
		if name != "" {
			fields = []string{name, value}
		}
		resp := r.get(tt.url, fields...)
		got := resp.body
		if resp.StatusCode/100 == 3 {
			got = resp.Header.Get("Location")
		}
		if resp.StatusCode != tt.code || !strings.HasPrefix(got, tt.want) && (tt.code < 400 && resp.StatusCode/100 == 3 || !strings.Contains(got, tt.want)) {
			t.Errorf("%s: status %d, want %d; %.200q, want %q", tt.url, resp.StatusCode, tt.code, got, tt.want)
		}
	}
	resp := r.get(www + "/")
	if got := resp.Header.Get("Strict-Transport-Security"); got != "max-age=31536000; includeSubDomains" {
		t.Errorf("HSTS %q", got)
	}
	if resp.Header.Get("X-Site") != "files" || resp.ProtoMajor != 2 {
		t.Errorf("header %v over %s", resp.Header, resp.Proto)
	}
	if got := r.get("http://plain.example.org/").Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("HSTS without TLS: %q", got)
	}
}

var cidPattern = regexp.MustCompile(`[a-z2-7]{8}-[0-9a-z]+`)

// An error page names the request as the log does, and what a client says cannot break the line.
func TestErrorPagesNameTheRequestInTheLog(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{})
	for _, accept := range []string{"text/html", "*/*"} {
		resp := r.get("http://plain.example.org/none", "Accept", accept, "User-Agent", "x\"y")
		id := cidPattern.FindString(resp.body)
		if id == "" || !strings.Contains(r.log.String(), "cid="+id) {
			t.Errorf("id %q of the page is not in the log:\n%s", id, resp.body)
		}
		if html := strings.Contains(resp.body, "<html"); html != (accept == "text/html") {
			t.Errorf("Accept %s: got %q", accept, resp.Header.Get("Content-Type"))
		}
	}
}

func TestBodyLimits(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{})
	post := func(url string, body io.Reader) int {
		t.Helper()
		resp, err := r.client().Post(url, "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	long := strings.Repeat("x", 2000)
	if code := post("https://www.example.org/app/", strings.NewReader(long[:1000])); code != 200 {
		t.Errorf("a body within the limit: %d", code)
	}
	if code := post("https://www.example.org/app/", strings.NewReader(long)); code != 413 {
		t.Errorf("a body with a length beyond the limit: %d", code)
	}
	if code := post("https://www.example.org/app/", io.MultiReader(strings.NewReader(long))); code != 413 {
		t.Errorf("a chunked body beyond the limit: %d", code)
	}
}

// A response goes on while the configuration changes, with the handler that it began with.
func TestReloadKeepsRequestsInFlight(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	upstream := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		io.WriteString(w, "begin")
		nethttp.NewResponseController(w).Flush()
		<-release
		io.WriteString(w, " end")
	}))
	t.Cleanup(upstream.Close)
	forward := func(domain string) string {
		return "WebHandlers:\n\t-\n\t\tDomain: " + domain + "\n\t\tPathRegexp: ^/\n\t\tWebForward:\n\t\t\tURL: " + upstream.URL + "\n"
	}
	r := start(t, files{Listener: "\t\tWebserverHTTP:\n\t\t\tEnabled: true\n", Domains: forward("old.example.org")})
	var wg sync.WaitGroup
	began := make(chan struct{}, 20)
	for range 20 {
		wg.Go(func() {
			resp, err := r.client().Get("http://old.example.org/slow")
			if err != nil {
				t.Error(err)
				began <- struct{}{}
				return
			}
			defer resp.Body.Close()
			began <- struct{}{}
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "begin end" {
				t.Errorf("download during a reload: %q, %v", body, err)
			}
		})
	}
	for range 20 {
		<-began
	}
	r.change(forward("new.example.org"))
	if resp := r.get("http://old.example.org/slow"); resp.StatusCode != 421 {
		t.Errorf("the old name after the reload: %d", resp.StatusCode)
	}
	close(release)
	wg.Wait()
	if resp := r.get("http://new.example.org/slow"); resp.StatusCode != 200 || resp.body != "begin end" {
		t.Errorf("the new name after the reload: %d %q", resp.StatusCode, resp.body)
	}
}

// A handler that stays the same goes on with its connections, though others come before it and its name changes.
func TestReloadKeepsUnchangedHandlers(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		io.WriteString(w, r.RemoteAddr)
	}))
	t.Cleanup(upstream.Close)
	const other = "\t-\n\t\tDomain: other.example.org\n\t\tPathRegexp: ^/\n\t\tWebRedirect:\n\t\t\tBaseURL: https://x.example\n"
	forward := func(timeout string) string {
		return "\t-\n\t\tDomain: www.example.org\n\t\tPathRegexp: ^/\n\t\tWebForward:\n\t\t\tURL: " + upstream.URL + "\n\t\t\tResponseTimeout: " + timeout + "\n"
	}
	r := start(t, files{Listener: "\t\tWebserverHTTP:\n\t\t\tEnabled: true\n", Domains: "WebHandlers:\n" + forward("30s")})
	first := r.get("http://www.example.org/").body
	r.change("WebHandlers:\n" + other + forward("30s"))
	if again := r.get("http://www.example.org/").body; again != first {
		t.Errorf("connection from %s, before the reload from %s", again, first)
	}
	r.change("WebHandlers:\n" + other + forward("20s"))
	if again := r.get("http://www.example.org/").body; again == first {
		t.Error("a handler that changed goes on as before")
	}
	if resp := r.get("http://other.example.org/"); resp.StatusCode != 308 {
		t.Errorf("the new handler: %d", resp.StatusCode)
	}
}

const adminListener = `
		HTTPHosts:
			- admin.internal
		AdminHTTP:
			Enabled: true
		AccountHTTP:
			Enabled: true
			Path: /me/
		MetricsHTTP:
			Enabled: true
			Port: 80
		WebserverHTTP:
			Enabled: true
`

// echo answers with what a service sees of a request.
func echo(name string) http.Service {
	return func(m http.Mount) nethttp.Handler {
		return nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			fmt.Fprintf(w, "%s at %s: %s from %s%s", name, m.Path, r.URL.Path, host, r.Header.Get("X-Forwarded-For"))
		})
	}
}

func services(o *http.Options) {
	o.Services = map[config.WebKind]http.Service{config.WebAdmin: echo("admin"), config.WebAccount: echo("account"), config.WebWebmail: echo("webmail")}
}

func TestServicesSharePorts(t *testing.T) {
	t.Parallel()
	r := start(t, files{Listener: adminListener, Options: services, Domains: `
WebHandlers:
	-
		Domain: mail.users.example
		PathRegexp: ^/box/
		WebInternal:
			BasePath: /box/
			Service: webmail
`})
	for _, tt := range []struct {
		url  string
		code int
		want string
	}{
		{"http://localhost/admin/x/y", 200, "admin at /admin/: /x/y from 127.0.0.1"},
		{"http://admin.internal/admin/", 200, "admin at /admin/: / from 127.0.0.1"},
		{"http://mail.example.org/me/", 200, "account at /me/: / from 127.0.0.1"},
		{"http://mail.users.example/box/m", 200, "webmail at /box/: /m from 127.0.0.1"},
		{"http://localhost/admin?q=1", 307, "/admin/?q=1"},
		{"http://localhost/", 307, "/me/"},
		{"http://localhost/.well-known/change-password", 302, "/me/"},
		{"http://localhost/metrics", 200, "mox_http_requests_total"},

		{"http://evil.example/admin/", 421, "does not answer"},
		{"http://mail.users.example/admin/", 404, "nothing"},
		{"http://mail.users.example/.well-known/change-password", 404, "nothing"},
		{"http://localhost/account/", 404, "nothing"},
		{"http://localhost/adminx", 404, "nothing"},
		{"http://localhost/x/../admin/", 400, "malformed"},
	} {
		resp := r.get(tt.url, "X-Forwarded-For", "192.0.2.1")
		got := resp.body
		if resp.StatusCode/100 == 3 {
			got = resp.Header.Get("Location")
		}
		if resp.StatusCode != tt.code || !strings.Contains(got, tt.want) {
			t.Errorf("%s: status %d, want %d; %.200q, want %q", tt.url, resp.StatusCode, tt.code, got, tt.want)
		}
	}
}

func TestServiceThatThereIsNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "mox.conf"), "DataDir: data\nHostname: mail.example.org\nPostmaster:\n\tAccount: ann\nListeners:\n\tlocal:\n\t\tIPs:\n\t\t\t- 127.0.0.1\n\t\tWebmailHTTP:\n\t\t\tEnabled: true\n")
	writeFile(t, filepath.Join(dir, "domains.conf"), domainsConf)
	live, err := config.Open(config.Options{Path: filepath.Join(dir, "mox.conf")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.New(http.Options{Config: live}); err == nil || !strings.Contains(err.Error(), "this version of mox has no webmail") {
		t.Errorf("error %v", err)
	}
}

// Addresses of clients are taken from proxies that are listed, and from nobody else.
func TestForwarded(t *testing.T) {
	t.Parallel()
	trusting := strings.Replace(adminListener, "\t\t\tPath: /me/\n", "\t\t\tPath: /me/\n\t\t\tForwarded: true\n", 1) + "\t\tForwardedNetworks:\n\t\t\t- 127.0.0.0/8\n\t\t\t- 10.0.0.0/8\n"
	r := start(t, files{Listener: trusting, Options: services})
	for _, tt := range []struct{ path, name, value, want string }{
		{"/me/", "X-Forwarded-For", "192.0.2.7", "from 192.0.2.7"},
		{"/me/", "X-Forwarded-For", "192.0.2.1, 192.0.2.7, 10.1.2.3", "from 192.0.2.7"},
		{"/me/", "X-Forwarded-For", "10.0.0.5", "from 10.0.0.5"},
		{"/me/", "Forwarded", `for="[2001:db8::7]:1234";proto=https;by=x`, "from 2001:db8::7"},
		{"/me/", "Forwarded", "for=192.0.2.1, for=192.0.2.7;proto=http", "from 192.0.2.7"},

		{"/me/", "X-Forwarded-For", "192.0.2.7, junk", "from 127.0.0.1"},
		{"/me/", "Forwarded", "for=_hidden", "from 127.0.0.1"},
		{"/me/", "Forwarded", "for=192.0.2.7;;", "from 127.0.0.1"},
		{"/me/", "X-Real-Ip", "192.0.2.7", "from 127.0.0.1"},
		{"/admin/", "X-Forwarded-For", "192.0.2.7", "from 127.0.0.1"}, // This service does not ask for it.
	} {
		resp := r.get("http://localhost"+tt.path, tt.name, tt.value)
		if !strings.HasSuffix(resp.body, tt.want) {
			t.Errorf("%s: %s at %s: %q, want %q", tt.name, tt.value, tt.path, resp.body, tt.want)
		}
	}
	// The proxy makes one of them, and who makes the other nobody knows.
	if resp := r.get("http://localhost/me/", "X-Forwarded-For", "192.0.2.7", "Forwarded", "for=192.0.2.8"); !strings.HasSuffix(resp.body, "from 127.0.0.1") {
		t.Errorf("contradiction: %q", resp.body)
	}
}

// Handlers that are asked in turn see the same client, which is counted once.
func TestForwardedToSeveralHandlers(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{Listener: strings.ReplaceAll(webListener, "Enabled: true", "Enabled: true\n\t\t\tForwarded: true") + `
		ForwardedNetworks:
			- 127.0.0.0/8
		Limits:
			HTTPRequestsPerMinutePerIP: 3
`})
	for i, want := range []int{200, 200, 200, 429} {
		// The first handler has no such file.
		resp := r.get("http://www.example.org/a.txt", "X-Forwarded-For", "192.0.2.7", "X-Forwarded-Proto", "https")
		if resp.StatusCode != want {
			t.Errorf("request %d by way of a proxy that speaks TLS: %d, want %d; Location %q", i, resp.StatusCode, want, resp.Header.Get("Location"))
		}
	}
	if resp := r.get("http://www.example.org/a.txt", "X-Forwarded-For", "192.0.2.8"); resp.StatusCode != 308 {
		t.Errorf("a client without TLS: %d", resp.StatusCode)
	}
}

// What files cannot answer goes on with ContinueNotFound.
func TestContinueNotFound(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		fmt.Fprintf(w, "%s %s", r.Method, r.URL.EscapedPath())
	}))
	t.Cleanup(upstream.Close)
	r := start(t, files{Listener: "\t\tWebserverHTTP:\n\t\t\tEnabled: true\n", Domains: `
WebHandlers:
	-
		Domain: app.example.org
		PathRegexp: ^/
		WebStatic:
			Root: DIR/public
			ContinueNotFound: true
	-
		Domain: app.example.org
		PathRegexp: ^/
		WebForward:
			URL: ` + upstream.URL + "\n"})
	writeFile(t, filepath.Join(r.dir, "public", "style.css"), "style")
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/style.css", "style"},
		{"GET", "/", "GET /"},
		{"POST", "/", "POST /"},
		{"POST", "/login", "POST /login"},
		{"GET", "/projects/a%2Fb", "GET /projects/a%2Fb"},
	} {
		resp := r.do(r.client(), tt.method, "http://app.example.org"+tt.path)
		if resp.StatusCode != 200 || resp.body != tt.want || resp.Header.Get("Allow") != "" {
			t.Errorf("%s %s: %d %q, %v", tt.method, tt.path, resp.StatusCode, resp.body, resp.Header)
		}
	}
	if resp := r.get("http://app.example.org/a%2f..%2fb"); resp.StatusCode != 400 {
		t.Errorf("a path that climbs: %d", resp.StatusCode)
	}
}

// A body that nobody wants delays no answer, and does not change it.
func TestBodiesThatNobodyWants(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{})
	for _, tt := range []struct {
		host, path string
		code       string
	}{
		{"www.example.org", "/a.txt", "308"},
		{"plain.example.org", "/a.txt", "413"},
		{"example.org", "/a.txt", "308"},
		{"other.example.org", "/a.txt", "421"},
	} {
		// Net/http would wait for 5 s. That one is answered sooner says enough: a busy machine may hold up others.
		var took time.Duration
		for range 5 {
			conn, err := net.Dial("tcp", r.addrs[80])
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			conn.SetDeadline(start.Add(hangTimeout))
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 5368709120\r\n\r\n", tt.path, tt.host)
			resp, err := io.ReadAll(conn)
			if took = time.Since(start); err != nil || !strings.HasPrefix(string(resp), "HTTP/1.1 "+tt.code) {
				t.Errorf("%s: %v, %.50q after %s", tt.host, err, resp, took)
			}
			conn.Close()
			if took < 4*time.Second {
				break
			}
		}
		if took >= 4*time.Second {
			t.Errorf("%s: answered after %s", tt.host, took)
		}
	}
}

// A range that is not there is refused with the length of what is.
func TestRangeBeyondTheEnd(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{})
	resp := r.get("https://www.example.org/a.txt", "Range", "bytes=4000-")
	if resp.StatusCode != 416 || resp.Header.Get("Content-Range") != "bytes */4000" {
		t.Errorf("%d, Content-Range %q", resp.StatusCode, resp.Header.Get("Content-Range"))
	}
}

// Who asks for a resource of https must use it.
func TestSchemeOfTarget(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{})
	for target, want := range map[string]int{"http://plain.example.org/a.txt": 200, "https://plain.example.org/a.txt": 421, "ftp://plain.example.org/a.txt": 400} {
		conn, err := net.Dial("tcp", r.addrs[80])
		if err != nil {
			t.Fatal(err)
		}
		codes := exchangeRaw(t, conn, "GET "+target+" HTTP/1.1\r\nHost: plain.example.org\r\nConnection: close\r\n\r\n")
		if len(codes) != 1 || codes[0] != want {
			t.Errorf("%s: %v, want %d", target, codes, want)
		}
	}
}

// Security.txt is at websites of files that have none.
func TestSecurityTxtOfWebsite(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{Domains: "SecurityTxt:\n\tContact:\n\t\t- mailto:security@example.org\n\tExpires: 2027-01-31T00:00:00Z\n"})
	const url = "https://www.example.org/.well-known/security.txt"
	if resp := r.get(url); resp.StatusCode != 200 || !strings.HasPrefix(resp.body, "Contact: mailto:security@example.org\r\n") {
		t.Errorf("%d %q", resp.StatusCode, resp.body)
	}
	if resp := r.get("https://www.example.org/security.txt"); resp.StatusCode != 404 {
		t.Errorf("elsewhere: %d", resp.StatusCode)
	}
	writeFile(t, filepath.Join(r.dir, "www", ".well-known", "security.txt"), "of the website")
	if resp := r.get(url); resp.StatusCode != 200 || resp.body != "of the website" {
		t.Errorf("a file of the website: %d %q", resp.StatusCode, resp.body)
	}
}

// A Host field beside :authority says the same.
func TestTwoHostsOfHTTP2(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{})
	conn, err := tls.Dial("tcp", r.addrs[443], &tls.Config{InsecureSkipVerify: true, ServerName: "www.example.org", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(hangTimeout))
	io.WriteString(conn, http2.ClientPreface)
	fr := http2.NewFramer(conn, conn)
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	fr.WriteSettings()
	for i, tt := range []struct{ host, want string }{{"WWW.example.org:443", "200"}, {"mail.example.org", "400"}} {
		var block bytes.Buffer
		e := hpack.NewEncoder(&block)
		for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "www.example.org"}, {":path", "/a.txt"}, {"host", tt.host}} {
			e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
		for {
			f, err := fr.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			if h, ok := f.(*http2.MetaHeadersFrame); ok {
				if got := h.PseudoValue("status"); got != tt.want {
					t.Errorf("Host %s: %s, want %s", tt.host, got, tt.want)
				}
				break
			}
		}
	}
}
