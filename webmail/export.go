package webmail

import (
	"archive/tar"
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"mox/admin"
	"mox/message"
	"mox/store"
)

// serveExport answers with the mail of mailboxes, as a file to download. Parameters are
//
//	mailbox     id of a mailbox; without it all are exported
//	children=1  those below it too
//	format      mbox (a file, of several mailboxes a zip archive of such), eml (a zip archive with a file for each message) or
//	            maildir (a tgz archive)
func (s *Server) serveExport(w http.ResponseWriter, r *http.Request) {
	ses := session(r.Context())
	acc, err := s.opts.Accounts.Open(r.Context(), ses.Account)
	if err != nil {
		s.refuseContent(w, r, err)
		return
	}
	defer acc.Close()
	q := r.URL.Query()
	boxes, name, err := exported(r.Context(), acc, ses.Actor(), q.Get("mailbox"), q.Get("children") == "1")
	if err != nil {
		s.refuseContent(w, r, err)
		return
	}
	ex := &exporter{ctx: r.Context(), acc: acc, actor: ses.Actor()}
	var write func(io.Writer, []Mailbox) error
	mediaType := "application/zip"
	switch format := q.Get("format"); {
	case format == "mbox" && len(boxes) == 1:
		mediaType, name, write = "application/mbox", name+".mbox", func(w io.Writer, l []Mailbox) error { return ex.mbox(w, l[0]) } // RFC 4155.
	case format == "mbox":
		name, write = name+".zip", ex.mboxes
	case format == "eml":
		name, write = name+".zip", ex.messages
	case format == "maildir":
		mediaType, name, write = "application/gzip", name+".tgz", ex.maildirs
	default:
		http.Error(w, "The format is mbox, eml or maildir.", http.StatusBadRequest)
		return
	}
	contentHeader(w.Header(), mediaType, partPolicy)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Disposition", contentDisposition("attachment", fileName(name)))
	if r.Method == http.MethodHead {
		return
	}
	if err := write(w, boxes); err != nil {
		if r.Context().Err() == nil {
			s.log.Error("export ended early", "account", ses.Account, "err", err)
		}
		s.abort(r, err)
	}
}

// exported returns the mailboxes to export, and a name for the whole. Returns store.ErrNoMailbox.
func exported(ctx context.Context, acc *store.Account, actor store.Actor, id string, children bool) ([]Mailbox, string, error) {
	all, err := mailboxes(ctx, acc, actor)
	if err != nil {
		return nil, "", err
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if id != "" && err != nil {
		return nil, "", store.ErrNoMailbox
	}
	top := ""
	for _, mb := range all {
		if mb.ID == n && id != "" {
			top = mb.Name
		}
	}
	if id != "" && top == "" {
		return nil, "", store.ErrNoMailbox
	}
	var l []Mailbox
	for _, mb := range all {
		if mb.NoSelect || id != "" && mb.Name != top && !(children && strings.HasPrefix(mb.Name, top+"/")) {
			continue
		}
		l = append(l, mb)
	}
	if len(l) == 0 {
		return nil, "", store.ErrNoMailbox
	}
	if top == "" {
		top = acc.Name()
	}
	return l, strings.ReplaceAll(top, "/", "-"), nil
}

// exporter writes the mail of an account. Errors of writing are those of the client.
type exporter struct {
	ctx   context.Context
	acc   *store.Account
	actor store.Actor
}

// each calls fn for all messages of a mailbox, as it is when it begins. What is expunged meanwhile may be left out.
func (ex *exporter) each(mb Mailbox, fn func(e store.Entry, content *store.Content) error) error {
	sel, err := ex.acc.Select(ex.ctx, ex.actor, store.MailboxID(mb.ID))
	if errors.Is(err, store.ErrNoMailbox) {
		return nil // It was deleted meanwhile.
	} else if err != nil {
		return err
	}
	defer sel.Close()
	for _, e := range sel.View().All(1) {
		if err := ex.one(e, fn); err != nil {
			return err
		}
	}
	return nil
}

func (ex *exporter) one(e store.Entry, fn func(e store.Entry, content *store.Content) error) error {
	if err := ex.ctx.Err(); err != nil {
		return err
	}
	content, err := ex.acc.Open(ex.ctx, ex.actor, e.Email)
	if errors.Is(err, store.ErrExpunged) {
		return nil
	} else if err != nil {
		return errors.Join(errContent, err)
	}
	defer content.Close()
	return fn(e, content)
}

func (ex *exporter) mbox(w io.Writer, mb Mailbox) error {
	m := admin.MboxExport{Account: ex.acc, Mailbox: mb.Name}
	_, err := m.Run(ex.ctx, w)
	return err
}

// mboxes writes a zip archive with an mbox file for each mailbox.
func (ex *exporter) mboxes(w io.Writer, l []Mailbox) error {
	z := zip.NewWriter(w)
	used := names{}
	for _, mb := range l {
		f, err := z.CreateHeader(&zip.FileHeader{Name: used.add(safePath(mb.Name) + ".mbox"), Method: zip.Deflate, Modified: time.Now()})
		if err != nil {
			return err
		}
		if err := ex.mbox(f, mb); err != nil && !errors.Is(err, store.ErrNoMailbox) {
			return err
		}
	}
	return z.Close()
}

// safePath returns the name of a mailbox as a path in an archive, that can lead nowhere else.
func safePath(mailbox string) string {
	var l []string
	for s := range strings.SplitSeq(mailbox, "/") {
		if s = fileName(s); s == "" {
			s = "_"
		}
		l = append(l, s)
	}
	return path.Join(l...)
}

// messages writes a zip archive with a file for each message.
func (ex *exporter) messages(w io.Writer, l []Mailbox) error {
	z := zip.NewWriter(w)
	dirs := names{}
	for _, mb := range l {
		dir := dirs.add(safePath(mb.Name))
		err := ex.each(mb, func(e store.Entry, content *store.Content) error {
			f, err := z.CreateHeader(&zip.FileHeader{Name: dir + "/" + messageFileName(e, content), Method: zip.Deflate, Modified: e.ReceivedTime()})
			if err != nil {
				return err
			}
			_, err = io.Copy(f, contentReader{io.NewSectionReader(content, 0, content.Size())})
			return err
		})
		if err != nil {
			return err
		}
	}
	return z.Close()
}

// messageFileName returns a name for a message in an archive: its date and subject, and the UID, which makes it unique.
func messageFileName(e store.Entry, content *store.Content) string {
	header := make([]byte, min(content.Size(), 64<<10))
	n, _ := content.ReadAt(header, 0) // What cannot be read has no subject.
	subject := ""
	if f, ok := message.FirstField(header[:n], "Subject"); ok {
		subject = fileName(strings.NewReplacer("/", "-", `\`, "-").Replace(f.Text()))
	}
	return strings.TrimRight(e.ReceivedTime().Format("2006-01-02 1504 ")+cutText(subject, 100), ". ") + fmt.Sprintf(" %d.eml", e.UID)
}

// maildirs writes a compressed archive with a maildir for each mailbox, as Maildir++ has them.
func (ex *exporter) maildirs(w io.Writer, l []Mailbox) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, mb := range l {
		if err := (&maildirExporter{exporter: ex, tar: t, dir: maildirOf(mb.Name)}).run(mb); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}
