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

	mu   sync.Mutex
	byID map[string]*upload
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
	return &uploads{dir: dir, now: now, byID: map[string]*upload{}}
}

// errUploads says that an account has too many uploads.
var errUploads = errUser(codeLimit, "There are too many files waiting to be attached.")

// add keeps a file of at most max bytes. The name and type are what the browser says.
func (u *uploads) add(account store.AccountID, name, media, contentID string, r io.Reader, max int64) (id string, size int64, rerr error) {
	if err := u.room(account, 0, max*uploadTimes); err != nil {
		return "", 0, err
	}
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
	size, err = io.Copy(f, io.LimitReader(r, max+1))
	if err != nil {
		return "", 0, err
	}
	if size > max {
		return "", 0, errTooLarge(max)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.roomLocked(account, size, max*uploadTimes); err != nil {
		return "", 0, err
	}
	id = rand.Text()
	u.byID[id] = &upload{account, name, media, size, f.Name(), u.now(), contentID}
	return id, size, nil
}

func errTooLarge(max int64) error {
	return errUser(codeLimit, "A message can have %d MB at most, with its files.", max>>20)
}

func (u *uploads) room(account store.AccountID, size, max int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.roomLocked(account, size, max)
}

// roomLocked returns an error if an account may not have more, after removing what is old. The caller holds mu.
func (u *uploads) roomLocked(account store.AccountID, size, max int64) error {
	n := 0
	for id, f := range u.byID {
		if u.now().Sub(f.added) > uploadAge {
			os.Remove(f.path)
			delete(u.byID, id)
		} else if f.account == account {
			n++
			size += f.size
		}
	}
	if n >= maxUploads || size > max {
		return errUploads
	}
	return nil
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

// close removes all.
func (u *uploads) close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
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
	id, size, err := s.uploads.add(acc.ID(), name, media, at.ContentID, r.Body, max)
	if err != nil {
		return Attachment{}, err
	}
	at.ID, at.Size = uploadID(id), size
	at.Address = attachmentAddress(at)
	return at, nil
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
