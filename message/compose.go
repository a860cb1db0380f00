package message

import (
	"bufio"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"time"
)

// ComposeOptions are for [NewComposer].
type ComposeOptions struct {
	// Host is the domain of message ids. It must be unique to this installation, such as the
	// name of the host (RFC 5322 §3.6.4).
	Host string

	// Now is the clock. Nil means time.Now.
	Now func() time.Time

	// Rand is the source of message ids and boundaries. Nil means crypto/rand.
	Rand io.Reader

	// UTF8 writes headers in UTF-8 (RFC 6532); the message then needs SMTPUTF8.
	UTF8 bool

	// EightBit writes text outside ASCII in 8bit where its lines allow; the message then needs
	// 8BITMIME (RFC 6152).
	EightBit bool
}

// Composer writes messages. It may be used for any number of them, concurrently if Now and Rand
// may be.
type Composer struct {
	opts ComposeOptions
}

// NewComposer returns a Composer.
func NewComposer(opts ComposeOptions) *Composer {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	return &Composer{opts}
}

// Now returns the time of the composer's clock.
func (c *Composer) Now() time.Time { return c.opts.Now() }

// NewHeader returns an empty header with the composer's choice of UTF-8.
func (c *Composer) NewHeader() *HeaderWriter { return &HeaderWriter{UTF8: c.opts.UTF8} }

// NewMessageID returns a new message id without angle brackets. The error is one of Rand.
func (c *Composer) NewMessageID() (string, error) {
	s, err := c.random(15)
	if err != nil {
		return "", err
	}
	return s + "@" + c.opts.Host, nil
}

// random returns a random string of letters and digits, from n bytes.
func (c *Composer) random(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(c.opts.Rand, b); err != nil {
		return "", fmt.Errorf("message: random source: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)), nil
}

// Body is a part to be written: a multipart if Parts is set, else text or content.
type Body struct {
	// Type is the media type, "text/plain" if empty. Parts make it "multipart/mixed" if
	// empty. Params are further parameters of Content-Type; charset and boundary are
	// added where needed.
	Type   string
	Params []Param

	// Disposition is "inline", "attachment" or empty. Filename is its parameter.
	Disposition string
	Filename    string

	ContentID   string // Without angle brackets.
	Description string

	// Text is the content of a text part in UTF-8, with LF or CRLF line ends. Its transfer
	// encoding is chosen: 7bit where that is possible, so that it stays readable.
	Text string

	// Content is the content of any other part, read once. It is written in base64, but for
	// a message/* part as it is, because RFC 2046 §5.2 allows no encoding: its lines must
	// end in CRLF and be within 998 bytes.
	Content io.Reader

	// EightBit says of a message/* part that its Content has bytes outside ASCII. The message
	// then needs 8BITMIME, unless the part is a message/global, which is encoded.
	EightBit bool

	Parts []*Body
}

// Multipart returns a multipart body. The subtype is "mixed", "alternative", "related", "report"
// or another.
func Multipart(subtype string, parts ...*Body) *Body {
	return &Body{Type: "multipart/" + subtype, Parts: parts}
}

// TextBody returns a text/plain body.
func TextBody(text string) *Body { return &Body{Type: "text/plain", Text: text} }

// HTMLBody returns a text/html body.
func HTMLBody(text string) *Body { return &Body{Type: "text/html", Text: text} }

// Attachment returns a body that is kept as a file. Without type it is application/octet-stream.
func Attachment(filename, mediaType string, content io.Reader) *Body {
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	return &Body{Type: mediaType, Disposition: "attachment", Filename: filename, Content: content}
}

// Write writes a message: the fields of header, MIME-Version, and the body with its header. A
// nil body is empty text. It returns an error of w, of a Content, of the random source,
// or the one kept in header.
func (c *Composer) Write(w io.Writer, header *HeaderWriter, body *Body) error {
	if err := header.Err(); err != nil {
		return err
	}
	if body == nil {
		body = TextBody("")
	}
	if body.Parts == nil && body.Content == nil && body.Text != "" && !strings.HasSuffix(body.Text, "\n") {
		whole := *body
		whole.Text += "\n"
		body = &whole
	}
	bw := bufio.NewWriter(w)
	bw.Write(header.Bytes())
	bw.WriteString("MIME-Version: 1.0\r\n")
	if err := c.writePart(bw, body, 0); err != nil {
		return err
	}
	return bw.Flush()
}

// maxComposeDepth bounds nesting, so that a Body that contains itself is an error.
const maxComposeDepth = 50

// writePart writes the MIME header of a part, the blank line and the body. Errors of w stick to it
// and are returned by Flush.
func (c *Composer) writePart(w *bufio.Writer, b *Body, depth int) error {
	if depth > maxComposeDepth {
		return errors.New("message: body nested too deep")
	}
	h := c.NewHeader()
	params := b.Params
	encoding, boundary := "", ""
	mediaType := b.Type
	switch {
	case b.Parts != nil:
		if mediaType == "" {
			mediaType = "multipart/mixed"
		}
		var err error
		if boundary, err = c.random(15); err != nil {
			return err
		}
		// "=_" is in no base64 or quoted-printable text (RFC 2045 §6.7).
		boundary = "=_" + boundary
		if c.hasEightBit(b, depth) {
			encoding = "8bit" // RFC 2045 §6.4
		}
		params = append(params[:len(params):len(params)], Param{Name: "boundary", Value: boundary})
	case b.Content != nil && strings.HasPrefix(mediaType, "message/"):
		encoding = c.messageEncoding(b)
	case b.Content != nil:
		encoding = "base64"
	default:
		if mediaType == "" {
			mediaType = "text/plain"
		}
		encoding = c.textEncoding(b.Text)
		if !hasParam(params, "charset") && strings.HasPrefix(mediaType, "text/") {
			charset := "utf-8"
			if isASCII(b.Text) {
				charset = "us-ascii"
			}
			params = append(params[:len(params):len(params)], Param{Name: "charset", Value: charset})
		}
	}
	h.Params("Content-Type", mediaType, params)
	if encoding != "" && encoding != "7bit" {
		h.Structured("Content-Transfer-Encoding", encoding)
	}
	c.partFields(h, b)
	if err := h.Err(); err != nil {
		return err
	}
	w.Write(h.Bytes())
	w.WriteString("\r\n")
	if b.Parts != nil {
		return c.writeParts(w, b.Parts, boundary, depth)
	}
	if b.Content == nil {
		return writeText(w, b.Text, encoding)
	}
	if encoding != "base64" {
		_, err := io.Copy(w, b.Content)
		return err
	}
	return writeBase64(w, b.Content)
}

// messageEncoding returns the transfer encoding of a message/* part with Content.
func (c *Composer) messageEncoding(b *Body) string {
	switch {
	case !b.EightBit:
		return "7bit"
	case !c.opts.EightBit && b.Type == "message/global":
		return "base64" // RFC 6532 §3.7
	}
	return "8bit"
}

// hasEightBit reports whether a body is or holds a part in 8bit.
func (c *Composer) hasEightBit(b *Body, depth int) bool {
	if depth > maxComposeDepth {
		return false
	}
	for _, part := range b.Parts {
		if c.hasEightBit(part, depth+1) {
			return true
		}
	}
	if b.Content != nil {
		return strings.HasPrefix(b.Type, "message/") && c.messageEncoding(b) == "8bit"
	}
	return c.textEncoding(b.Text) == "8bit"
}

// partFields writes the MIME fields of a part but the first two.
func (c *Composer) partFields(h *HeaderWriter, b *Body) {
	if b.Disposition != "" || b.Filename != "" {
		disposition := b.Disposition
		if disposition == "" {
			disposition = "attachment"
		}
		var params []Param
		if b.Filename != "" {
			params = []Param{{Name: "filename", Value: b.Filename}}
		}
		h.Params("Content-Disposition", disposition, params)
	}
	h.MessageIDs("Content-ID", b.ContentID)
	if b.Description != "" {
		h.Text("Content-Description", b.Description)
	}
}

func (c *Composer) writeParts(w *bufio.Writer, parts []*Body, boundary string, depth int) error {
	for _, part := range parts {
		w.WriteString("--" + boundary + "\r\n")
		if err := c.writePart(w, part, depth+1); err != nil {
			return err
		}
		w.WriteString("\r\n")
	}
	w.WriteString("--" + boundary + "--\r\n")
	return nil
}

// textEncoding chooses the transfer encoding of a text.
func (c *Composer) textEncoding(text string) string {
	high, line, longest, control := 0, 0, 0, false
	for i := range len(text) {
		switch b := text[i]; {
		case b == '\n':
			line = 0
			continue
		case b == '\r':
			control = control || i+1 == len(text) || text[i+1] != '\n'
		case b == 0:
			control = true
		case b >= 0x80:
			high++
		}
		line++
		longest = max(longest, line)
	}
	fits := longest <= maxLineLength && !control
	switch {
	case fits && high == 0:
		return "7bit"
	case fits && c.opts.EightBit:
		return "8bit"
	case high*3 > len(text): // Each takes three bytes in quoted-printable.
		return "base64"
	}
	return "quoted-printable"
}

// writeText writes text in an encoding, with CRLF line ends.
func writeText(w *bufio.Writer, text, encoding string) error {
	switch encoding {
	case "base64":
		return writeBase64(w, strings.NewReader(toCRLF(text)))
	case "quoted-printable":
		q := quotedprintable.NewWriter(w)
		io.WriteString(q, toCRLF(text))
		return q.Close()
	}
	_, err := w.WriteString(toCRLF(text))
	return err
}

// toCRLF returns text with CRLF for each bare LF.
func toCRLF(text string) string {
	if strings.Count(text, "\n") == strings.Count(text, "\r\n") {
		return text
	}
	b := make([]byte, 0, len(text)+len(text)/16)
	for i := range len(text) {
		if text[i] == '\n' && (i == 0 || text[i-1] != '\r') {
			b = append(b, '\r')
		}
		b = append(b, text[i])
	}
	return string(b)
}

// base64Line is the number of bytes in a line of base64: 76 characters (RFC 2045 §6.8).
const base64Line = 57

// writeBase64 writes content in base64 with lines that end in CRLF.
func writeBase64(w *bufio.Writer, r io.Reader) error {
	in := make([]byte, base64Line*100)
	out := make([]byte, 0, base64.StdEncoding.EncodedLen(base64Line)+2)
	for {
		n, err := io.ReadFull(r, in)
		for line := range slices.Chunk(in[:n], base64Line) {
			out = base64.StdEncoding.AppendEncode(out[:0], line)
			w.Write(append(out, '\r', '\n'))
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func appendBase64(dst []byte, s string) []byte {
	return base64.StdEncoding.AppendEncode(dst, []byte(s))
}
