package webmail

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"mox/admin"
	"mox/mbox"
	"mox/store"
)

// Imported is the answer to an import, in JSON.
type Imported struct {
	Messages int64        // That were added. Some may be if there is an error too.
	Error    *ImportError `json:"error,omitempty"`
}

// ImportError says why not all was imported, in the form of errors of calls.
type ImportError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// maxImport is how large a file may be that is imported, in bytes, and maxImportMessage a single message.
const (
	maxImport        = 20 << 30
	maxImportMessage = 200 << 20
)

// serveImport adds the messages of a file to the mailbox of the parameter mailbox. The body is an mbox file, or a message,
// as in files that end in .eml. It answers with Imported.
func (s *Server) serveImport(w http.ResponseWriter, r *http.Request) {
	n, err := s.importBody(r, bufio.NewReader(http.MaxBytesReader(w, r.Body, maxImport)))
	status, result := http.StatusOK, Imported{Messages: n}
	if err != nil {
		status, result.Error = s.importRefusal(r, err)
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(result); err != nil && r.Context().Err() == nil {
		s.log.Debug("answer not written", "err", err)
	}
}

// Errors of imports.
var (
	errImportEmpty  = errors.New("file is empty")
	errImportLength = errors.New("length of the file is not known")
	errImportLarge  = errors.New("file is too large")
)

// importBody imports the body of a request, and returns how many messages were added.
func (s *Server) importBody(r *http.Request, file *bufio.Reader) (int64, error) {
	ses := session(r.Context())
	acc, err := s.opts.Accounts.Open(r.Context(), ses.Account)
	if err != nil {
		return 0, err
	}
	defer acc.Close()
	id, err := strconv.ParseInt(r.URL.Query().Get("mailbox"), 10, 64)
	if err != nil {
		return 0, store.ErrNoMailbox
	}
	mb, err := acc.MailboxByID(r.Context(), ses.Actor(), store.MailboxID(id))
	if err != nil {
		return 0, err
	}
	if mb.NoSelect {
		return 0, store.ErrNoMailbox
	}
	if r.ContentLength < 0 {
		return 0, errImportLength
	}
	begin, err := file.Peek(len("From "))
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	var done admin.ImportProgress
	switch {
	case len(bytes.TrimSpace(begin)) == 0:
		return 0, errImportEmpty
	case string(begin) == "From ":
		im := admin.MboxImport{Account: acc, Mailbox: mb.Name, SpoolDir: s.opts.SpoolDir}
		done, err = im.Run(r.Context(), file)
	case r.ContentLength > maxImportMessage:
		return 0, errImportLarge
	default:
		done, err = s.importMessage(r, acc, mb.Name, file)
	}
	return done.Messages, err
}

// importRefusal returns the status of the answer for an error, and what is told.
func (s *Server) importRefusal(r *http.Request, err error) (int, *ImportError) {
	tooLarge, _ := errors.AsType[*http.MaxBytesError](err)
	switch {
	case errors.Is(err, store.ErrNoMailbox):
		return http.StatusNotFound, &ImportError{codeNotFound, "This mailbox does not exist any more."}
	case errors.Is(err, store.ErrQuota):
		return http.StatusInsufficientStorage, &ImportError{codeQuota, "There is no space left for mail. Delete something, and empty Trash."}
	case errors.Is(err, errImportEmpty):
		return http.StatusBadRequest, &ImportError{codeBad, "The file is empty."}
	case errors.Is(err, errImportLength):
		return http.StatusLengthRequired, &ImportError{codeBad, "The request does not say how long the file is."}
	case errors.Is(err, errImportLarge), tooLarge != nil:
		return http.StatusRequestEntityTooLarge, &ImportError{codeLimit, "The file is too large."}
	case errors.Is(err, mbox.ErrFormat), errors.Is(err, io.ErrUnexpectedEOF):
		return http.StatusBadRequest, &ImportError{codeBad, "The file ends too early."}
	}
	if r.Context().Err() == nil {
		s.log.Error("import failed", "account", session(r.Context()).Account, "err", err)
	}
	return http.StatusServiceUnavailable, &ImportError{codeTemporary, "The server could not add all messages now. Try again later."}
}

// importMessage imports a single message.
func (s *Server) importMessage(r *http.Request, acc *store.Account, mailbox string, file io.Reader) (admin.ImportProgress, error) {
	stream, err := admin.MessageStream(admin.MessageHead{Size: r.ContentLength}, file)
	if err != nil {
		return admin.ImportProgress{}, err
	}
	im := admin.MaildirImport{Account: acc, Mailbox: mailbox, SpoolDir: s.opts.SpoolDir}
	return im.Run(r.Context(), stream)
}
