package static

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/net/http/httpguts"

	"mox/http/compress"
)

// Options for New. All but Root may be left out.
type Options struct {
	// Root is the directory whose files are served. It is found anew for each request, so
	// it may be created later, replaced, or be a symbolic link that changes.
	Root string

	// StripPrefix is the beginning of paths that does not belong to the names below Root,
	// e.g. "/docs/" to serve Root as /docs/. A slash at its end makes no difference. Paths
	// without it are not found.
	StripPrefix string

	// ListFiles has directories without an index file listed.
	ListFiles bool

	// Index has the names of the files that are served for their directory, the first one
	// that exists. Nil stands for "index.html".
	Index []string

	// Symlinks says which symbolic links are followed.
	Symlinks Symlinks

	// ShowHidden serves files and directories whose names begin with a dot. Without it only
	// /.well-known/ is (RFC 8615).
	ShowHidden bool

	// ResponseHeaders are set on responses that succeed and on redirects. Fields about how
	// content is framed or encoded are refused; Content-Type overrides the type of all
	// files.
	ResponseHeaders http.Header

	// CacheControl is the value of Cache-Control for files. Without it there is no such
	// field, and clients ask again by their own rules (RFC 9111 §4.2.2).
	CacheControl string

	// Types maps endings of names ("." with what follows, in lower case) to media types,
	// before the table of this package. "" is for names whose ending is unknown.
	Types map[string]string

	// Compress has files compressed for clients that want that, up to 4 MB each.
	Compress bool

	// NoPrecompressed does not look for "file.br", "file.zst" and "file.gz" beside "file".
	// Otherwise they are sent instead of it to clients that take them, if they are not
	// older.
	NoPrecompressed bool

	// Cache keeps small and compressed files. Handlers can share one, which then goes on
	// being of use when they are made anew. Nil gives the handler one of its own.
	Cache *Cache

	// NotFound answers where there is nothing to serve, whatever the method. Nil stands for
	// Error with 404.
	NotFound http.Handler

	// Error answers with a status of 400 or above. Fields that belong to it (Allow,
	// Content-Range) are set already. Nil stands for a line of text.
	Error func(w http.ResponseWriter, r *http.Request, code int)

	// Log gets what whoever runs the server should know. Nil stands for none.
	Log *slog.Logger
}

// Handler serves files. It is safe for concurrent use and needs no closing.
type Handler struct {
	root           root
	rules          pathRules
	listingPolicy  []string // Content-Security-Policy of listings. Nil: directories are not listed.
	index          []string
	headers        http.Header // On all but errors.
	contentHeaders http.Header // On files, besides.
	cacheControl   []string
	types          map[string]*mediaType
	compress       bool
	precompressed  bool
	encodes        bool // Either of them.
	encodings      []compress.Encoding
	cache          *Cache
	notFound       http.Handler
	failed         func(http.ResponseWriter, *http.Request, int)
	log            *slog.Logger
	broken         atomic.Bool // Root could not be opened at the last request.
}

var _ http.Handler = (*Handler)(nil)

// mediaType is the type of a file.
type mediaType struct {
	field        []string // Value of Content-Type.
	compressible bool
}

// New returns a handler. An error tells what is wrong with the options; that Root is
// missing is not, its paths are then not found.
func New(opts Options) (*Handler, error) {
	if opts.Root == "" {
		return nil, errors.New("static files: no root directory")
	}
	rootPath, err := filepath.Abs(opts.Root)
	if err != nil {
		return nil, fmt.Errorf("static files: root directory: %w", err)
	}
	prefix := strings.TrimSuffix(opts.StripPrefix, "/")
	if prefix != "" && prefix[0] != '/' {
		return nil, fmt.Errorf("static files: prefix to strip %q does not begin with a slash", opts.StripPrefix)
	}
	if opts.Symlinks > SymlinksAny {
		return nil, fmt.Errorf("static files: unknown policy for symbolic links %d", opts.Symlinks)
	}
	h := &Handler{
		root:          root{path: rootPath, links: opts.Symlinks},
		rules:         pathRules{prefix: prefix, hidden: opts.ShowHidden, windows: onWindows},
		index:         opts.Index,
		compress:      opts.Compress,
		precompressed: !opts.NoPrecompressed,
		encodes:       opts.Compress || !opts.NoPrecompressed,
		encodings:     []compress.Encoding{compress.Brotli, compress.Zstd, compress.Gzip}, // The densest first.
		cache:         opts.Cache,
		notFound:      opts.NotFound,
		failed:        opts.Error,
		log:           opts.Log,
	}
	if h.index == nil {
		h.index = []string{"index.html"}
	}
	for _, name := range h.index {
		if name == "" || strings.ContainsAny(name, "/\\\x00") || name == "." || name == ".." {
			return nil, fmt.Errorf("static files: %q cannot be the name of an index file", name)
		}
	}
	if err := h.setHeaders(opts.ResponseHeaders, opts.CacheControl); err != nil {
		return nil, err
	}
	if err := h.setTypes(opts.Types); err != nil {
		return nil, err
	}
	if opts.ListFiles {
		h.listingPolicy = listingPolicy()
	}
	if h.cache == nil {
		h.cache = NewCache(0)
	}
	if h.failed == nil {
		h.failed = func(w http.ResponseWriter, _ *http.Request, code int) { http.Error(w, http.StatusText(code), code) }
	}
	if h.notFound == nil {
		h.notFound = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.failed(w, r, http.StatusNotFound) })
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	return h, nil
}

// reserved has the fields that follow from the content and the connection.
var reserved = []string{"Connection", "Content-Encoding", "Content-Length", "Content-Range", "Date", "Etag", "Keep-Alive",
	"Last-Modified", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Accept-Ranges"}

func (h *Handler) setHeaders(headers http.Header, cacheControl string) error {
	h.headers, h.contentHeaders = http.Header{}, http.Header{}
	for name, values := range headers {
		key := http.CanonicalHeaderKey(name)
		if !httpguts.ValidHeaderFieldName(name) || slices.Contains(reserved, key) {
			return fmt.Errorf("static files: field %q cannot be set", name)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return fmt.Errorf("static files: value %q of field %s is not valid", v, name)
			}
		}
		to := h.headers
		if strings.HasPrefix(key, "Content-") && key != "Content-Security-Policy" && key != "Content-Security-Policy-Report-Only" {
			to = h.contentHeaders
		}
		to[key] = slices.Clip(slices.Clone(values))
	}
	if h.encodes && h.headers["Vary"] != nil {
		compress.AddVary(h.headers)
	}
	if cacheControl != "" {
		if !httpguts.ValidHeaderFieldValue(cacheControl) {
			return fmt.Errorf("static files: value %q of Cache-Control is not valid", cacheControl)
		}
		h.cacheControl = []string{cacheControl}
	}
	return nil
}

func (h *Handler) setTypes(own map[string]string) error {
	all := maps.Clone(mediaTypes)
	all[""] = unknownType
	for ext, typ := range own {
		if ext != "" && ext[0] != '.' || !strings.Contains(typ, "/") || !httpguts.ValidHeaderFieldValue(typ) {
			return fmt.Errorf("static files: %q cannot be the type of files ending in %q", typ, ext)
		}
		all[strings.ToLower(ext)] = typ
	}
	// One mediaType for each type, which most endings share.
	h.types = make(map[string]*mediaType, len(all))
	byType := map[string]*mediaType{}
	for ext, typ := range all {
		if byType[typ] == nil {
			byType[typ] = &mediaType{[]string{typ}, compress.Compressible(typ)}
		}
		h.types[ext] = byType[typ]
	}
	return nil
}

// ServeHTTP answers GET and HEAD with a file, a listing or a redirect.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	loc, verdict := h.rules.locate(r.URL)
	switch verdict {
	case pathMalformed:
		h.fail(w, r, http.StatusBadRequest)
		return
	case pathAbsent:
		h.notFound.ServeHTTP(w, r)
		return
	}
	if h.serveKept(w, r, loc) {
		return
	}
	v, err := h.root.view()
	if err != nil {
		h.rootFailed(w, r, err)
		return
	}
	if h.broken.Load() {
		h.broken.Store(false)
	}
	info, err := v.stat(loc.name)
	if err != nil {
		h.failWith(w, r, err)
		return
	}
	dir := info.IsDir()
	switch {
	case !dir && (loc.slash || loc.name == "."):
		h.notFound.ServeHTTP(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		h.fail(w, r, http.StatusMethodNotAllowed)
	case dir && !loc.slash:
		h.redirectToDirectory(w, r)
	case dir:
		h.serveDirectory(w, r, v, loc.name)
	default:
		h.serveFile(w, r, v, loc.name, info)
	}
}

// serveKept answers with a file that is kept, if there is one and nothing is to be chosen
// or refused: the way of most requests, which asks the system one thing.
func (h *Handler) serveKept(w http.ResponseWriter, r *http.Request, loc location) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	name := loc.name
	switch {
	case loc.slash && len(h.index) > 0:
		name = path.Join(name, h.index[0])
	case loc.slash:
		return false
	}
	typ := h.contentType(name)
	if typ.compressible && h.encodes && compress.ParseAccept(r.Header["Accept-Encoding"]).Any() {
		return false
	}
	rep := h.kept(name)
	if rep == nil {
		return false
	}
	h.respond(w, r, rep, typ)
	return true
}

func (h *Handler) serveFile(w http.ResponseWriter, r *http.Request, v view, name string, info fs.FileInfo) {
	if !info.Mode().IsRegular() {
		h.failWith(w, r, errSpecial)
		return
	}
	typ := h.contentType(name)
	rep, err := h.represent(v, r, name, info, typ)
	if err != nil {
		h.failWith(w, r, err)
		return
	}
	defer rep.close()
	h.respond(w, r, rep, typ)
}

// redirectToDirectory adds the slash that makes relative links in a directory work. The
// target is relative, so it leads to no other host, whatever the path looks like.
func (h *Handler) redirectToDirectory(w http.ResponseWriter, r *http.Request) {
	p := r.URL.Path
	target := "./" + url.PathEscape(p[strings.LastIndexByte(p, '/')+1:]) + "/"
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	setFields(w.Header(), h.headers)
	w.Header()["Location"] = []string{target}
	w.WriteHeader(http.StatusMovedPermanently)
}

// serveDirectory answers for a directory: with an index file, or a listing.
func (h *Handler) serveDirectory(w http.ResponseWriter, r *http.Request, v view, dir string) {
	for _, name := range h.index {
		name = path.Join(dir, name)
		if info, err := v.stat(name); err == nil && info.Mode().IsRegular() {
			h.serveFile(w, r, v, name, info)
			return
		}
	}
	if h.listingPolicy == nil {
		h.fail(w, r, http.StatusForbidden)
		return
	}
	h.serveListing(w, r, v, dir)
}

// rootFailed answers when Root cannot be opened, which is logged once until it can again.
func (h *Handler) rootFailed(w http.ResponseWriter, r *http.Request, err error) {
	if !h.broken.Swap(true) {
		h.log.Error("root directory of static files cannot be opened", "root", h.root.path, "err", err)
	}
	status, _ := statusOf(err)
	if status == http.StatusNotFound {
		h.notFound.ServeHTTP(w, r)
		return
	}
	h.fail(w, r, status)
}

// failWith answers with the status for an error.
func (h *Handler) failWith(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // The client is gone.
	}
	status, unexpected := statusOf(err)
	if unexpected {
		h.log.Error("static file cannot be served", "root", h.root.path, "path", r.URL.Path, "err", err)
	}
	if status == http.StatusNotFound {
		h.notFound.ServeHTTP(w, r)
		return
	}
	h.fail(w, r, status)
}

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, code int) { h.failed(w, r, code) }
