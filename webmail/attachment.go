package webmail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"mox/message"
	"mox/store"
)

// attachmentAddress returns where an attachment can be looked at, relative to the service.
func attachmentAddress(at Attachment) string {
	kind, rest, _ := strings.Cut(at.ID, ":")
	switch kind {
	case "upload":
		return "upload/" + rest
	case "part":
		email, path, _ := strings.Cut(rest, ":")
		address := "message/" + email + "/part/" + path
		if at.Inline {
			address += "?inline=1"
		}
		return address
	}
	return "message/" + rest + "/raw"
}

// inText tells whether an attachment is shown in the text, if that is HTML.
func (at Attachment) inText() bool {
	return at.Inline && at.ContentID != "" && !strings.HasPrefix(at.Type, "text/") && !strings.HasPrefix(at.Type, "message/")
}

// files opens the attachments of drafts.
type files struct {
	ctx    context.Context
	s      *Server
	acc    *store.Account
	actor  store.Actor
	closes []io.Closer
}

func (s *Server) newFiles(ctx context.Context, acc *store.Account, actor store.Actor) *files {
	return &files{ctx: ctx, s: s, acc: acc, actor: actor}
}

// close closes all that was opened.
func (f *files) close() {
	for _, c := range f.closes {
		c.Close()
	}
}

// errNoFile tells of an attachment that is not there any more.
func errNoFile(at Attachment) error {
	return errUser(codeNotFound, "The file %q is not there any more. Remove it and attach it again.", at.Name)
}

// body returns an attachment as a part of a message. Its content is read once, before close.
func (f *files) body(at Attachment) (*message.Body, error) {
	kind, rest, _ := strings.Cut(at.ID, ":")
	switch kind {
	case "upload":
		u := f.s.uploads.get(f.acc.ID(), rest)
		if u == nil {
			return nil, errNoFile(at)
		}
		file, err := os.Open(u.path)
		if err != nil {
			return nil, errNoFile(at)
		}
		f.closes = append(f.closes, file)
		return f.attached(at, mediaType(u.media), file), nil
	case "part":
		id, path, _ := strings.Cut(rest, ":")
		o, content, err := f.open(at, id)
		if err != nil {
			return nil, err
		}
		p, err := o.part(path)
		if errors.Is(err, errNoPart) {
			return nil, errNoFile(at)
		} else if err != nil {
			return nil, err
		}
		if p.Message != nil {
			return f.message(at, nil, p.RawReader(content))
		}
		b := f.attached(at, mediaType(p.MediaType()), p.DecodedReader(content))
		for _, name := range []string{"charset", "method"} {
			// Without them its text would be another one.
			if v := p.Param(name); v != "" && p.Type == "text" {
				b.Params = append(b.Params, message.Param{Name: name, Value: v})
			}
		}
		return b, nil
	case "email":
		o, content, err := f.open(at, rest)
		if err != nil {
			return nil, err
		}
		l, err := o.letterAt(content, "")
		if err != nil {
			return nil, err
		}
		// What the sender's own copy has is for nobody else.
		header := message.AppendFields(nil, l.header, []string{"Bcc", draftField}, true)
		rest := int64(len(l.header))
		return f.message(at, header, io.NewSectionReader(content, rest, content.Size()-rest))
	}
	return nil, errUser(codeBad, "There is no such attachment.")
}

// open opens the email of an attachment.
func (f *files) open(at Attachment, email string) (*opened, *store.Content, error) {
	id, ok := parseEmailID(email)
	if !ok {
		return nil, nil, errUser(codeBad, "There is no such attachment.")
	}
	o, err := f.s.reader.open(f.ctx, f.acc, f.actor, id)
	if errors.Is(err, store.ErrExpunged) {
		return nil, nil, errNoFile(at)
	} else if err != nil {
		return nil, nil, err
	}
	content, err := f.acc.Open(f.ctx, f.actor, id)
	if errors.Is(err, store.ErrExpunged) {
		return nil, nil, errNoFile(at)
	} else if err != nil {
		return nil, nil, err
	}
	f.closes = append(f.closes, content)
	return o, content, nil
}

// attached returns a part with a file.
func (f *files) attached(at Attachment, media string, content io.Reader) *message.Body {
	b := message.Attachment(fileName(at.Name), media, content)
	if at.inText() {
		b.Disposition, b.ContentID = "inline", at.ContentID
	}
	return b
}

// message returns a message as a part: its header, and what follows it. One that cannot be a part as it is, for its lines, is a
// file with it.
func (f *files) message(at Attachment, header []byte, rest *io.SectionReader) (*message.Body, error) {
	name := fileName(at.Name)
	if name == "" {
		name = "message.eml"
	}
	if max := maxMessageSize(f.s.opts.Config()); int64(len(header))+rest.Size() > max {
		return nil, errTooLarge(max)
	}
	read := func() io.Reader {
		rest.Seek(0, io.SeekStart)
		return io.MultiReader(bytes.NewReader(header), rest)
	}
	var lines lineCheck
	if _, err := io.Copy(&lines, read()); err != nil {
		return nil, err
	}
	if !lines.fit() {
		return message.Attachment(name, "application/octet-stream", read()), nil
	}
	b := message.Attachment(name, "message/rfc822", read())
	b.EightBit = lines.eightBit
	return b, nil
}

// lineCheck looks at what is written to it: whether it can be a message in a message without being encoded (RFC 2046 §5.2.1). Its
// lines end in CRLF and are not too long.
type lineCheck struct {
	bad, eightBit bool
	line          int  // Length of the last line so far.
	cr            bool // The last byte was one.
}

// maxLine is how long a line may be, without CRLF (RFC 5322 §2.1.1).
const maxLine = 998

// Write implements io.Writer.
func (l *lineCheck) Write(p []byte) (int, error) {
	for _, c := range p {
		switch {
		case l.cr != (c == '\n'), c == 0:
			l.bad = true
		case c == '\n':
			l.line = -1
		}
		l.cr = c == '\r'
		l.eightBit = l.eightBit || c >= 0x80
		if !l.cr {
			l.line++
		}
		l.bad = l.bad || l.line > maxLine
	}
	return len(p), nil
}

// fit tells whether all that was written can be in a message.
func (l *lineCheck) fit() bool { return !l.bad && !l.cr }
