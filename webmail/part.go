package webmail

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"mox/store"
)

// noTime is the time of modification of content: an email never changes, its ETag says all.
var noTime = time.Unix(0, 0)

// Policies of content that is no document of ours. With an origin of its own, and nothing it may load or run, there is
// nothing it can do, whatever a browser takes it for.
const (
	partPolicy = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"

	// pdfPolicy has no sandbox, in which browsers do not start their viewers. These run scripts of a file, if at
	// all, in a place of their own.
	pdfPolicy = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
)

// servePart answers with the content of a part, without transfer encoding: as a file to download, or with the parameter
// inline=1 to be shown, if it is of a type that browsers show without harm. Text is in UTF-8 then.
func (s *Server) servePart(w http.ResponseWriter, r *http.Request, c *content, path string) error {
	p, err := c.part(path)
	if err != nil {
		return err
	}
	f := leaf{path, p}
	name := partFileName(f)
	h := w.Header()
	inline := inlineType(p)
	if r.URL.Query().Get("inline") != "1" {
		inline = ""
	}
	switch {
	case inline == "":
		contentHeader(h, downloadType(p), partPolicy)
		h.Set("Content-Disposition", contentDisposition("attachment", name))
	case inline == "application/pdf":
		contentHeader(h, inline, pdfPolicy)
		h.Set("Content-Disposition", contentDisposition("inline", name))
	default:
		contentHeader(h, inline, partPolicy)
		h.Set("Content-Disposition", contentDisposition("inline", name))
	}
	form := "a"
	read := func() io.Reader { return p.DecodedReader(c.io) }
	if strings.HasPrefix(inline, "text/") {
		form = "t"
		read = func() io.Reader { return p.TextReader(c.io) }
	}
	h.Set("ETag", `"`+c.key.email.String()+"-"+path+form+`"`)
	size, err := c.contentSize(r.Context(), path+form, read)
	if err != nil {
		return err
	}
	return s.stream(w, r, read, size)
}

// stream answers with decoded content of a known size, or ranges of it (RFC 9110 §14).
func (s *Server) stream(w http.ResponseWriter, r *http.Request, read func() io.Reader, size int64) error {
	if strings.Contains(r.Header.Get("Range"), ",") {
		// Each of several ranges could mean to decode all before it again. A Range field may be ignored.
		r.Header.Del("Range")
	}
	body := &decodedSeeker{read: read, size: size}
	http.ServeContent(w, r, "", noTime, body)
	if body.err != nil {
		s.abort(r, body.err)
	}
	return nil
}

// contentSize returns how long decoded content is. It is read to its end for that, once.
func (o *opened) contentSize(ctx context.Context, key string, read func() io.Reader) (int64, error) {
	o.mu.Lock()
	size, ok := o.contents[key]
	o.mu.Unlock()
	if ok {
		return size, nil
	}
	size, err := io.Copy(io.Discard, contextReader{ctx, read()})
	if err != nil {
		return 0, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.contents[key] = size
	return size, nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// decodedSeeker is content that can only be decoded from its beginning, for http.ServeContent: to go back is to begin
// anew. Nothing is read before it is needed.
type decodedSeeker struct {
	read func() io.Reader
	size int64

	r       io.Reader // Nil before the first Read.
	at, pos int64     // Where r is, and where the next Read is to begin.
	err     error     // Of reading.
}

// Seek implements io.Seeker.
func (d *decodedSeeker) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += d.pos
	case io.SeekEnd:
		offset += d.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	d.pos = offset
	return offset, nil
}

// Read implements io.Reader.
func (d *decodedSeeker) Read(p []byte) (int, error) {
	if d.r == nil || d.at > d.pos {
		d.r, d.at = d.read(), 0
	}
	if d.at < d.pos {
		n, err := io.CopyN(io.Discard, d.r, d.pos-d.at)
		d.at += n
		if err != nil {
			return 0, d.failed(err)
		}
	}
	n, err := d.r.Read(p)
	d.at += int64(n)
	d.pos = d.at
	return n, d.failed(err)
}

func (d *decodedSeeker) failed(err error) error {
	if err != nil && err != io.EOF {
		d.err = errors.Join(errContent, err)
	}
	return err
}

// serveZip answers with an archive of all attachments of a message.
func (s *Server) serveZip(w http.ResponseWriter, r *http.Request, c *content, l *letter) error {
	lay := layoutOf(l)
	doc, err := s.bestDocument(c.io, l, lay)
	if err != nil {
		return err
	}
	files := lay.attachments(doc)
	if len(files) == 0 {
		return errNoPart
	}
	name := fileName(strings.NewReplacer("/", "-", `\`, "-").Replace(l.envelope.Subject))
	if name == "" {
		name = "attachments"
	}
	contentHeader(w.Header(), "application/zip", partPolicy)
	w.Header().Set("Content-Disposition", contentDisposition("attachment", name+".zip"))
	if r.Method == http.MethodHead {
		return nil
	}
	if err := writeZip(r.Context(), w, c.io, files, c.received); err != nil {
		s.abort(r, err)
	}
	return nil
}

// writeZip writes an archive of parts.
func writeZip(ctx context.Context, w io.Writer, content *store.Content, files []leaf, at time.Time) error {
	z := zip.NewWriter(w)
	used := names{}
	for _, f := range files {
		h := &zip.FileHeader{Name: used.add(partFileName(f)), Method: zip.Store, Modified: at}
		if f.part.Type == "text" || f.part.Message != nil {
			h.Method = zip.Deflate // Others are mostly compressed.
		}
		file, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, contentReader{contextReader{ctx, f.part.DecodedReader(content)}}); err != nil {
			return err
		}
	}
	return z.Close()
}

// serveSource answers with a message as it is: to download, or as text.
func (s *Server) serveSource(w http.ResponseWriter, r *http.Request, c *content, l *letter, resource string) error {
	p, end := l.root, l.root.EndOffset
	h := w.Header()
	if resource == "eml" {
		name := fileName(strings.NewReplacer("/", "-", `\`, "-").Replace(l.envelope.Subject))
		if name == "" {
			name = "message"
		}
		contentHeader(h, "message/rfc822", partPolicy)
		h.Set("Content-Disposition", contentDisposition("attachment", cutText(name, maxFileName-4)+".eml"))
	} else {
		contentHeader(h, "text/plain; charset=utf-8", partPolicy)
		if resource == "headers" {
			end = p.BodyOffset
		}
	}
	h.Set("ETag", `"`+c.key.email.String()+"-"+l.path+resource+`"`)
	section := io.NewSectionReader(c.io, p.HeaderOffset, end-p.HeaderOffset)
	return s.stream(w, r, func() io.Reader {
		section.Seek(0, io.SeekStart)
		return section
	}, section.Size())
}
