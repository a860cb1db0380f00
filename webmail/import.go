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

// Imported is the answer to an import.
type Imported struct {
	Messages int64 // That were added. Some may be if there is an error too.
	Problem  string
}

// maxImport is how large a file may be that is imported, in bytes, and maxImportMessage a single message.
const (
	maxImport        = 20 << 30
	maxImportMessage = 200 << 20
)

// serveImport adds the messages of a file to the mailbox of the parameter mailbox. The body is an mbox file, or a message,
// as in files that end in .eml. It answers with Imported.
func (s *Server) serveImport(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	ses := session(r.Context())
	acc, err := s.opts.Accounts.Open(r.Context(), ses.Account)
	if err != nil {
		s.refuseContent(w, r, err)
		return
	}
	defer acc.Close()
	id, err := strconv.ParseInt(r.URL.Query().Get("mailbox"), 10, 64)
	if err != nil {
		s.refuseContent(w, r, store.ErrNoMailbox)
		return
	}
	mb, err := acc.MailboxByID(r.Context(), ses.Actor(), store.MailboxID(id))
	if err == nil && mb.NoSelect {
		err = store.ErrNoMailbox
	}
	if err != nil {
		s.refuseContent(w, r, err)
		return
	}
	if r.ContentLength < 0 {
		http.Error(w, "The request does not say how long the file is.", http.StatusLengthRequired)
		return
	}
	result, status := s.importFile(r, acc, mb.Name, bufio.NewReader(http.MaxBytesReader(w, r.Body, maxImport)))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(result); err != nil && r.Context().Err() == nil {
		s.log.Debug("answer not written", "err", err)
	}
}

// importFile imports a file, and returns what came of it with the status to answer with.
func (s *Server) importFile(r *http.Request, acc *store.Account, mailbox string, file *bufio.Reader) (Imported, int) {
	begin, err := file.Peek(len("From "))
	if err != nil && !errors.Is(err, io.EOF) {
		return Imported{Problem: "The file did not arrive."}, http.StatusBadRequest
	}
	var done admin.ImportProgress
	switch {
	case len(bytes.TrimSpace(begin)) == 0:
		return Imported{Problem: "The file is empty."}, http.StatusBadRequest
	case string(begin) == "From ":
		im := admin.MboxImport{Account: acc, Mailbox: mailbox, SpoolDir: s.opts.SpoolDir}
		done, err = im.Run(r.Context(), file)
	case r.ContentLength > maxImportMessage:
		return Imported{Problem: "The file is too large for a message, and no mbox file."}, http.StatusRequestEntityTooLarge
	default:
		done, err = s.importMessage(r, acc, mailbox, file)
	}
	result := Imported{Messages: done.Messages}
	switch {
	case err == nil:
		return result, http.StatusOK
	case errors.Is(err, store.ErrQuota):
		result.Problem = "There is no space left for mail. Delete something, and empty Trash."
		return result, http.StatusInsufficientStorage
	case errors.Is(err, mbox.ErrFormat), errors.Is(err, io.ErrUnexpectedEOF):
		result.Problem = "The file ends too early, or is no mbox file."
		return result, http.StatusBadRequest
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		result.Problem = "The file has more than " + strconv.FormatInt(tooLarge.Limit>>30, 10) + " GiB."
		return result, http.StatusRequestEntityTooLarge
	}
	if r.Context().Err() == nil {
		s.log.Error("import failed", "account", acc.Name(), "err", err)
	}
	result.Problem = "The server could not add the messages now. Try again later."
	return result, http.StatusServiceUnavailable
}

// importMessage imports a single message.
func (s *Server) importMessage(r *http.Request, acc *store.Account, mailbox string, file io.Reader) (admin.ImportProgress, error) {
	pr, pw := io.Pipe()
	defer pr.Close()
	go func() {
		pw.CloseWithError(admin.WriteMessage(pw, admin.MessageHead{Size: r.ContentLength}, file))
	}()
	im := admin.MaildirImport{Account: acc, Mailbox: mailbox, SpoolDir: s.opts.SpoolDir}
	return im.Run(r.Context(), pr)
}
