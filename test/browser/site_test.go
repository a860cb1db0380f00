package browser

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Addresses of the websites that the tests look at.
const (
	plainSite  = "http://www.web.example:1080"
	secureSite = "https://www.web.example:1443"
)

// Of webListener, a part of mox.conf.
const webListener = `		WebserverHTTP:
			Enabled: true
			Port: 1080
		WebserverHTTPS:
			Enabled: true
			Port: 1443
`

// startSites starts a server with websites: files below /, a directory that is listed at /files/, an application at /app/,
// redirects, and an application that is not there at /down/. Files and the application are also at localhost, with and without
// TLS.
func startSites(t *testing.T) (*server, certificate) {
	t.Helper()
	app := httptest.NewServer(newApplication())
	t.Cleanup(app.Close)
	down := "http://" + nextIP() + ":9" // Nobody listens at an address that no server has.
	cert := makeCertificate(t, "www.web.example", "web.example")
	files := siteFiles(t)
	for name, data := range listedFiles() {
		files["files/"+name] = data
	}
	files["www.crt.pem"], files["www.key.pem"] = cert.cert, cert.key
	s := startServer(t, webListener, `
WebDomainRedirects:
	web.example: www.web.example
WebHandlers:
	-
		LogName: app
		Domain: www.web.example
		PathRegexp: ^/app/
		Compress: true
		WebForward:
			StripPath: true
			PassHost: true
			URL: `+app.URL+`
	-
		LogName: down
		Domain: www.web.example
		PathRegexp: ^/down/
		WebForward:
			URL: `+down+`
	-
		LogName: old
		Domain: www.web.example
		PathRegexp: ^/old/
		WebRedirect:
			OrigPathRegexp: ^/old/(.*)$
			ReplacePath: /app/$1
			StatusCode: 301
	-
		LogName: files
		Domain: www.web.example
		PathRegexp: ^/files/
		Compress: true
		WebStatic:
			StripPrefix: /files/
			Root: files
			ListFiles: true
	-
		LogName: front
		Domain: www.web.example
		PathRegexp: ^/
		Compress: true
		AccessLog: all
		WebStatic:
			Root: www
			ResponseHeaders:
				Cache-Control: no-cache
	-
		Domain: localhost
		ShareServiceHost: true
		PathRegexp: ^/app/
		DontRedirectPlainHTTP: true
		AccessLog: none
		WebForward:
			StripPath: true
			URL: `+app.URL+`
	-
		Domain: localhost
		ShareServiceHost: true
		PathRegexp: ^/
		DontRedirectPlainHTTP: true
		AccessLog: none
		WebStatic:
			Root: www
WebDomains:
	www.web.example:
		KeyCerts:
			-
				CertFile: www.crt.pem
				KeyFile: www.key.pem
	web.example:
		KeyCerts:
			-
				CertFile: www.crt.pem
				KeyFile: www.key.pem
`, files)
	// Times that are there to be read and sorted by.
	at := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	for i, name := range []string{"archive", "photos", "README.md", "annual report 2025 (final) & appendix.pdf", "backup-2026-02-28T23-59-59-host7.example.org-full-with-a-name-that-goes-on-and-on.tar.zst", "notes.txt", "größe.csv", "video.webm"} {
		if err := os.Chtimes(filepath.Join(s.dir, "files", name), at, at.Add(time.Duration(i*i)*25*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	return s, cert
}

// listedFiles are in the directory that is listed.
func listedFiles() map[string][]byte {
	return map[string][]byte{
		"archive/2024/january.txt":                  []byte("January\n"),
		"archive/readme.txt":                        []byte("Old things\n"),
		"photos/sea.txt":                            []byte("A picture of the sea\n"),
		"README.md":                                 []byte("# Files\n"),
		"annual report 2025 (final) & appendix.pdf": make([]byte, 1_400_000),
		"backup-2026-02-28T23-59-59-host7.example.org-full-with-a-name-that-goes-on-and-on.tar.zst": make([]byte, 12_000_000),
		"notes.txt":  []byte("Notes that were made\n"),
		"größe.csv":  bytes.Repeat([]byte("a,b,c\n"), 1000),
		"video.webm": make([]byte, 300_000),
	}
}

const soundSeconds = 600

// siteFiles are the website with a front page.
func siteFiles(t *testing.T) map[string][]byte {
	t.Helper()
	page := `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Front page</title>
<link rel="stylesheet" href="/style.css"><script src="/page.js" defer></script></head>
<body><h1>Front page</h1><img id="logo" src="/logo.svg" alt="Logo">` + strings.Repeat("<p>Some text to read.</p>\n", 200) + `</body></html>
`
	filler := "/* " + strings.Repeat("Words that compress well. ", 200) + "*/\n"
	return map[string][]byte{
		"www/index.html": []byte(page),
		"www/style.css":  []byte(filler + "@font-face { font-family: Site; src: url(/font.woff) }\nbody { font-family: Site; background: rgb(1, 2, 3) }\n"),
		"www/page.js":    []byte(filler + "document.documentElement.dataset.ran = 'yes'\n"),
		"www/logo.svg":   []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30"/><!-- ` + filler + ` --></svg>`),
		"www/font.woff":  makeWOFF(t),
		"www/sound.wav":  makeSound(soundSeconds),
		"www/script.txt": []byte("document.documentElement.dataset.text = 'ran'\n"),
		"www/large.txt":  []byte(strings.Repeat("A line of a larger file.\n", 8000)),
	}
}

// makeSound returns silence in the format WAV.
func makeSound(seconds int) []byte {
	const rate = 44100
	size := uint32(seconds * rate)
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, 36+size)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM.
	b = binary.LittleEndian.AppendUint16(b, 1) // One channel.
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate) // Bytes per second.
	b = binary.LittleEndian.AppendUint16(b, 1)    // Bytes per sample.
	b = binary.LittleEndian.AppendUint16(b, 8)    // Bits per sample.
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, size)
	return append(b, bytes.Repeat([]byte{128}, int(size))...)
}

// makeWOFF wraps a font of the system into the format WOFF 1.0, without compression.
func makeWOFF(t *testing.T) []byte {
	t.Helper()
	font, err := os.ReadFile("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
	if err != nil {
		t.Fatalf("%v, run: sh test/setup.sh", err)
	}
	be := binary.BigEndian
	n := int(be.Uint16(font[4:]))
	directory := make([]byte, 0, 20*n)
	var tables []byte
	total := 12 + 16*n
	for i := range n {
		entry := font[12+16*i:]
		offset, length := be.Uint32(entry[8:]), be.Uint32(entry[12:])
		directory = append(directory, entry[:4]...)
		directory = be.AppendUint32(directory, uint32(44+20*n+len(tables)))
		directory = be.AppendUint32(directory, length)
		directory = be.AppendUint32(directory, length)
		directory = append(directory, entry[4:8]...) // Checksum.
		tables = append(tables, font[offset:offset+length]...)
		tables = append(tables, make([]byte, -len(tables)&3)...)
		total += (int(length) + 3) &^ 3
	}
	b := append([]byte("wOFF"), font[:4]...)
	b = be.AppendUint32(b, uint32(44+len(directory)+len(tables)))
	b = be.AppendUint16(b, uint16(n))
	b = be.AppendUint16(b, 0)
	b = be.AppendUint32(b, uint32(total))
	b = append(b, make([]byte, 24)...) // Version, metadata and private data.
	return append(append(b, directory...), tables...)
}

// application is a web application for mox to forward to.
type application struct {
	http.ServeMux
	got chan string // Numbers of events that the page has got.
}

func newApplication() *application {
	a := &application{got: make(chan string)}
	a.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><html lang=en><title>Application</title><h1>Application</h1><p id=proto>%s</p><p id=host>%s</p>", r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Host"))
	})
	a.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "page for %s", r.URL.RawQuery)
	})
	a.HandleFunc("POST /length", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})
	a.HandleFunc("GET /echo", a.echo)
	a.HandleFunc("GET /events", a.events)
	a.HandleFunc("POST /got", func(w http.ResponseWriter, r *http.Request) {
		select {
		case a.got <- r.FormValue("n"):
		case <-r.Context().Done():
		}
	})
	return a
}

// echo sends messages back over a websocket, in many frames.
func (a *application) echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	for {
		typ, data, err := c.Read(r.Context())
		if err != nil {
			return
		}
		mw, err := c.Writer(r.Context(), typ)
		if err != nil {
			return
		}
		for len(data) > 0 {
			n := min(len(data), 4099)
			if _, err := mw.Write(data[:n]); err != nil {
				return
			}
			data = data[n:]
		}
		if err := mw.Close(); err != nil {
			return
		}
	}
}

// eventCount is how many events there are.
const eventCount = 10

// events sends events, each after the page has told that it got the one before.
func (a *application) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	for i := range eventCount {
		fmt.Fprintf(w, "id: %d\ndata: event %d\n\n", i, i)
		rc.Flush()
		select {
		case n := <-a.got:
			if n != fmt.Sprint(i) {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
	fmt.Fprint(w, "event: end\ndata: end\n\n")
}
