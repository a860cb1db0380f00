package webmail

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"sync"
	"time"

	"mox/store"
)

// Bounds of uploads.
const (
	uploadAge   = 24 * time.Hour // After which one is removed that no draft was saved with.
	maxUploads  = 500            // Of an account.
	uploadTimes = 4              // How many times the size of a message the uploads of an account may have.
)

// uploads are files that are to be attached, from when they arrive until some time after the draft is saved, which has
// them then. Nothing of them survives the process. It is safe for concurrent use.
type uploads struct {
	dir string
	now func() time.Time

	mu       sync.Mutex
	closed   bool
	byID     map[string]*upload
	arriving map[store.AccountID]arriving
}

// arriving are uploads of which the end has not come.
type arriving struct {
	files int
	bytes int64 // That they may come to have.
}

type upload struct {
	account store.AccountID
	name    string
	media   string
	size    int64
	path    string
	added   time.Time

	contentID string // With which it is shown in the text, empty if it is not.
}

func newUploads(dir string, now func() time.Time) *uploads {
	return &uploads{dir: dir, now: now, byID: map[string]*upload{}, arriving: map[store.AccountID]arriving{}}
}

// add keeps a file of at most max bytes. Its length is negative if it is not known. The name and type are what the browser says.
func (u *uploads) add(account store.AccountID, name, media, contentID string, r io.Reader, length, max int64) (id string, size int64, rerr error) {
	if length < 0 {
		length = max
	}
	if err := u.arrive(account, length, max); err != nil {
		return "", 0, err
	}
	defer u.arrived(account, length)
	f, err := os.CreateTemp(u.dir, "upload-")
	if err != nil {
		return "", 0, err
	}
	defer func() {
		if err := f.Close(); rerr == nil {
			rerr = err
		}
		if rerr != nil {
			os.Remove(f.Name())
		}
	}()
	size, err = io.Copy(f, io.LimitReader(r, min(length, max)+1))
	if err != nil {
		return "", 0, err
	}
	if size > min(length, max) {
		return "", 0, errTooLarge(max)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return "", 0, errShutdown
	}
	id = rand.Text()
	u.byID[id] = &upload{account, name, media, size, f.Name(), u.now(), contentID}
	return id, size, nil
}

func errTooLarge(max int64) error {
	return errUser(codeLimit, "A message can have %d MB at most, with its files.", max>>20)
}

// arrive keeps room for an upload that begins, until arrived is called, after removing what is old. It returns an error if the
// account may not have more.
func (u *uploads) arrive(account store.AccountID, length, max int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return errShutdown
	}
	a := u.arriving[account]
	n, size := a.files, a.bytes+length
	for id, f := range u.byID {
		if u.now().Sub(f.added) > uploadAge {
			os.Remove(f.path)
			delete(u.byID, id)
		} else if f.account == account {
			n++
			size += f.size
		}
	}
	if n >= maxUploads || size > max*uploadTimes {
		return errUser(codeLimit, "There are too many files waiting to be attached.")
	}
	u.arriving[account] = arriving{a.files + 1, a.bytes + length}
	return nil
}

func (u *uploads) arrived(account store.AccountID, length int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	a := u.arriving[account]
	if a.files--; a.files == 0 {
		delete(u.arriving, account)
		return
	}
	a.bytes -= length
	u.arriving[account] = a
}

// get returns an upload of an account, nil if there is none.
func (u *uploads) get(account store.AccountID, id string) *upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	if f := u.byID[id]; f != nil && f.account == account && u.now().Sub(f.added) <= uploadAge {
		return f
	}
	return nil
}

// close removes all, and has no more come.
func (u *uploads) close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	var errs []error
	for _, f := range u.byID {
		errs = append(errs, os.Remove(f.path))
	}
	clear(u.byID)
	return errors.Join(errs...)
}

// serveUpload takes a file, as the body of the request. Its name is in the query, and whether it is shown in the text. The
// answer is an Attachment.
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) {
	at, err := s.upload(r)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err != nil {
		s.tell(r.Context(), "upload", &err)
		status := http.StatusBadRequest
		if isCode(err, codeLimit) {
			status = http.StatusRequestEntityTooLarge
		}
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"error": err})
		return
	}
	json.NewEncoder(w).Encode(at)
}

func (s *Server) upload(r *http.Request) (Attachment, error) {
	acc, _, err := s.open(r.Context())
	if err != nil {
		return Attachment{}, err
	}
	defer acc.Close()
	max := maxMessageSize(s.opts.Config())
	if r.ContentLength > max {
		return Attachment{}, errTooLarge(max)
	}
	name := fileName(r.URL.Query().Get("name"))
	if name == "" {
		name = "file"
	}
	media := mediaType(r.Header.Get("Content-Type"))
	at := Attachment{Name: name, Type: media, Inline: r.URL.Query().Has("inline")}
	if at.Inline {
		at.ContentID = rand.Text() + "@mox"
	}
	body := clientReader{Reader: r.Body}
	id, size, err := s.uploads.add(acc.ID(), name, media, at.ContentID, &body, r.ContentLength, max)
	switch {
	case body.err != nil:
		return Attachment{}, errUser(codeBad, "The file has not arrived as a whole.")
	case err != nil:
		return Attachment{}, err
	}
	at.ID, at.Size = uploadID(id), size
	at.Address = attachmentAddress(at)
	return at, nil
}

// clientReader remembers an error of reading from a client, which is no fault of the server.
type clientReader struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (c *clientReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// mediaType returns the type of a file as a message has it. A browser may say anything.
func mediaType(s string) string {
	t, _, err := mime.ParseMediaType(s)
	if err != nil || t == "" || len(t) > 100 || mime.FormatMediaType(t, nil) == "" {
		return "application/octet-stream"
	}
	switch {
	case len(t) > 10 && t[:10] == "multipart/", len(t) > 8 && t[:8] == "message/":
		return "application/octet-stream" // It would have to be in the form of such a part.
	}
	return t
}

// serveUploaded answers with an upload, for images in the text of a composer.
func (s *Server) serveUploaded(w http.ResponseWriter, r *http.Request) {
	acc, _, err := s.open(r.Context())
	if err != nil {
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	defer acc.Close()
	f := s.uploads.get(acc.ID(), r.URL.Path[len("/upload/"):])
	if f == nil {
		http.NotFound(w, r)
		return
	}
	file, err := os.Open(f.path)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	h := w.Header()
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; img-src 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, max-age=86400, immutable")
	if t := inlineTypeOf(f.media); t != "" {
		h.Set("Content-Type", t)
		h.Set("Content-Disposition", contentDisposition("inline", f.name))
	} else {
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", contentDisposition("attachment", f.name))
	}
	http.ServeContent(w, r, "", f.added, file)
}

// uploadID and the like make the ids of attachments of drafts.
func uploadID(id string) string                      { return "upload:" + id }
func partID(email store.EmailID, path string) string { return fmt.Sprintf("part:%s:%s", email, path) }
func emailAttachmentID(email store.EmailID) string   { return "email:" + email.String() }
