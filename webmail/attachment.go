package webmail

import (
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
			return message8(at, p.RawReader(content), 0 != p.Message.Defects&message.DefectHeaderTooLarge), nil
		}
		return f.attached(at, mediaType(p.MediaType()), p.DecodedReader(content)), nil
	case "email":
		_, content, err := f.open(at, rest)
		if err != nil {
			return nil, err
		}
		return message8(at, io.NewSectionReader(content, 0, content.Size()), false), nil
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

// message8 returns a message as a part. One that cannot be a part as it is, for its lines, is a file with it.
func message8(at Attachment, content io.Reader, damaged bool) *message.Body {
	name := fileName(at.Name)
	if name == "" {
		name = "message.eml"
	}
	text, err := io.ReadAll(content)
	if err != nil || damaged || !fitsAsPart(text) {
		return message.Attachment(name, "application/octet-stream", io.MultiReader(strings.NewReader(string(text)), failing{err}))
	}
	b := message.Attachment(name, "message/rfc822", strings.NewReader(string(text)))
	b.EightBit = strings.ContainsFunc(string(text), func(r rune) bool { return r >= 0x80 })
	return b
}

// failing fails with an error, or is at its end.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// fitsAsPart tells whether a message can be a part without being encoded (RFC 2046 §5.2.1): its lines end in CRLF and are
// not too long.
func fitsAsPart(text []byte) bool {
	line := 0
	for i, c := range text {
		switch {
		case c == '\n' && (i == 0 || text[i-1] != '\r'), c == '\r' && (i+1 == len(text) || text[i+1] != '\n'), c == 0:
			return false
		case c == '\n':
			line = 0
		default:
			line++
		}
		if line > 998 {
			return false
		}
	}
	return true
}
