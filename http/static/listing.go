package static

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // The style.
	"encoding/base64"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"mox/http/compress"
)

// maxListed is how many names of a directory a listing shows.
const maxListed = 5000

//go:embed listing.css
var listingStyle string

// listingPolicy is the Content-Security-Policy of listings: a page has no script, takes nothing from elsewhere, and just this style.
func listingPolicy() []string {
	sum := sha256.Sum256([]byte(listingStyle))
	return []string{"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
}

// listing is what the page shows. URLs are relative to it, and escaped as URLs are.
type listing struct {
	Path      string
	Parents   []parentLink
	Columns   []listColumn
	Entries   []listEntry
	Truncated bool // Entries are not all.
}

// parentLink leads to a directory above, or is the name of this one without a link.
type parentLink struct {
	Name string
	URL  string
}

// listColumn is a heading that sorts.
type listColumn struct {
	Name string
	URL  string
	Sort string // aria-sort: "ascending", "descending" or "".
	Next string // What following the link does, to be read out.
}

// listEntry is a file or directory.
type listEntry struct {
	Name     string
	URL      string
	Dir      bool
	Bytes    int64
	Size     string // For people.
	Date     string // For people, in UTC.
	Clock    string
	DateTime string // For programs.
	modified time.Time
}

// order is how a listing is sorted.
type order struct {
	column     string // "name", "size" or "modified".
	descending bool
}

// parseOrder reads the query of a listing. What it does not know is the order by name.
func parseOrder(query string) order {
	values, err := url.ParseQuery(query)
	o := order{column: values.Get("sort"), descending: values.Get("order") == "desc"}
	if err != nil || o.column != "size" && o.column != "modified" && o.column != "name" {
		return order{column: "name"}
	}
	return o
}

// serveListing answers with the page of a directory.
func (h *Handler) serveListing(w http.ResponseWriter, r *http.Request, v view, dir string) {
	entries, truncated, err := h.readDir(v, dir)
	if err != nil {
		h.failWith(w, r, err)
		return
	}
	o := parseOrder(r.URL.RawQuery)
	sortEntries(entries, o)
	page := listing{
		Path:      r.URL.Path,
		Parents:   parents(h.rules.prefix, dir),
		Columns:   columns(o),
		Entries:   entries,
		Truncated: truncated,
	}
	rep, err := h.representPage(r, page.html())
	if err != nil {
		h.failWith(w, r, err)
		return
	}
	w.Header()["Content-Security-Policy"] = h.listingPolicy
	w.Header()["Referrer-Policy"] = []string{"no-referrer"}
	w.Header()["Cache-Control"] = []string{"no-cache"}
	h.respond(w, r, rep, h.types[".html"])
}

// representPage makes a representation of a page, compressed if that is wanted.
func (h *Handler) representPage(r *http.Request, page []byte) (*representation, error) {
	sum := sha256.Sum256(page)
	rep := &representation{body: page, noRanges: true, page: true}
	rep.setTag(`"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`)
	enc := compress.Negotiate(r.Header["Accept-Encoding"], h.encodings...)
	if h.compress && enc != compress.Identity && len(page) >= compress.DefaultMinSize {
		var out bytes.Buffer
		encoder := h.cache.pool.Writer(enc, &out)
		if _, err := encoder.Write(page); err != nil {
			encoder.Discard()
			return nil, err
		}
		if err := encoder.Close(); err != nil {
			return nil, err
		}
		rep.body, rep.encodingField = out.Bytes(), []string{enc.String()}
		rep.setTag("W/" + tagWithSuffix(rep.etag, enc))
	}
	rep.setSize(int64(len(rep.body)))
	return rep, nil
}

// readDir returns what a listing of a directory shows: what may be asked for, without
// what is hidden, special, or a link that is not followed.
func (h *Handler) readDir(v view, dir string) (entries []listEntry, truncated bool, err error) {
	f, info, err := v.openFile(dir)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	if !info.IsDir() {
		return nil, false, fs.ErrNotExist
	}
	for {
		names, err := f.Readdirnames(512)
		for _, name := range names {
			if name[0] == '.' && !h.rules.hidden || !utf8.ValidString(name) || !cleanText(name) || h.rules.windows && windowsAlias(name) {
				continue
			}
			if len(entries) == maxListed {
				return entries, true, nil
			}
			info, err := v.stat(path.Join(dir, name))
			if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
				continue
			}
			entries = append(entries, newEntry(name, info))
		}
		if err == io.EOF {
			return entries, false, nil
		} else if err != nil {
			return nil, false, err
		}
	}
}

func newEntry(name string, info fs.FileInfo) listEntry {
	t := info.ModTime().UTC()
	e := listEntry{
		Name:     name,
		URL:      "./" + url.PathEscape(name),
		Dir:      info.IsDir(),
		Date:     t.Format("2006-01-02"),
		Clock:    t.Format("15:04"),
		DateTime: t.Format(time.RFC3339),
		modified: t,
	}
	if e.Dir {
		e.Name += "/"
		e.URL += "/"
	} else {
		e.Bytes = info.Size()
		e.Size = humanSize(e.Bytes)
	}
	return e
}

// sortEntries sorts directories before files; among each by the column, then by name.
func sortEntries(entries []listEntry, o order) {
	sign := 1
	if o.descending {
		sign = -1
	}
	slices.SortFunc(entries, func(a, b listEntry) int {
		if a.Dir != b.Dir {
			if a.Dir {
				return -1
			}
			return 1
		}
		c := 0
		switch o.column {
		case "size":
			c = cmp.Compare(a.Bytes, b.Bytes)
		case "modified":
			c = a.modified.Compare(b.modified)
		default:
			return sign * compareNames(a.Name, b.Name)
		}
		return cmp.Or(sign*c, compareNames(a.Name, b.Name))
	})
}

func compareNames(a, b string) int {
	return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
}

// columns returns the headings. Following the one sorted by turns the order around.
func columns(o order) []listColumn {
	var l []listColumn
	for _, c := range [...]string{"name", "size", "modified"} {
		col := listColumn{Name: strings.ToUpper(c[:1]) + c[1:], URL: "?sort=" + c, Next: "sort ascending"}
		switch {
		case c == o.column && !o.descending:
			col.Sort, col.URL, col.Next = "ascending", col.URL+"&order=desc", "sort descending"
		case c == o.column:
			col.Sort = "descending"
		}
		l = append(l, col)
	}
	return l
}

// parents returns the way from the root of the handler to dir.
func parents(prefix, dir string) []parentLink {
	first := prefix + "/"
	if dir == "." {
		return []parentLink{{Name: first}}
	}
	names := strings.Split(dir, "/")
	l := []parentLink{{first, strings.Repeat("../", len(names))}}
	for i, name := range names {
		link := parentLink{Name: name}
		if up := len(names) - 1 - i; up > 0 {
			link.URL = strings.Repeat("../", up)
		}
		l = append(l, link)
	}
	return l
}

// humanSize writes a size as people read it: at most three digits and a binary unit.
func humanSize(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f := float64(n)
	for _, unit := range [...]string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} {
		f /= 1024
		if f < 9.95 {
			return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
		}
		if f < 999.5 || unit == "EiB" {
			return strconv.FormatFloat(f, 'f', 0, 64) + " " + unit
		}
	}
	return ""
}
