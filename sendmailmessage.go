package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"mox/internal/spool"
	"mox/message"
)

// maxSubmitHeader is the most bytes of a header that is sent.
const maxSubmitHeader = 1 << 20

var errSubmitHeader = errors.New("the header of the message is larger than 1 MB")

// submitMessage is a message that was read from a program.
type submitMessage struct {
	header   []byte // With CRLF line ends, without the empty line.
	body     *spool.Buffer
	eightBit bool
}

// readSubmitMessage reads a message, with line ends of either kind, up to the end or,
// unless dots are kept, a line with a dot alone. The caller closes the body.
func readSubmitMessage(r io.Reader, keepDots bool) (*submitMessage, error) {
	m := &submitMessage{body: spool.New("", 0)}
	if err := m.read(bufio.NewReaderSize(r, 64<<10), keepDots); err != nil {
		m.body.Close()
		return nil, err
	}
	return m, nil
}

func (m *submitMessage) read(r *bufio.Reader, keepDots bool) error {
	w := bufio.NewWriterSize(m.body, 32<<10)
	inHeader, begin := true, true
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		} else if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		text, ended := bytes.CutSuffix(line, []byte("\n"))
		if ended {
			text = bytes.TrimSuffix(text, []byte("\r"))
		}
		if begin && !keepDots && string(text) == "." {
			break
		}
		if !m.eightBit {
			m.eightBit = bytes.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0
		}
		if inHeader && begin {
			switch {
			case first && bytes.HasPrefix(text, []byte("From ")):
				begin = ended // Of mbox.
				continue
			case len(text) == 0:
				inHeader = false
				continue
			case !isHeaderLine(text, len(m.header) > 0):
				inHeader = false
			}
		}
		if inHeader {
			if m.header = append(m.header, text...); len(m.header) > maxSubmitHeader {
				return errSubmitHeader
			}
			if ended || errors.Is(err, io.EOF) {
				m.header = append(m.header, "\r\n"...)
			}
		} else {
			w.Write(text) // The last Flush returns its error.
			if ended || errors.Is(err, io.EOF) {
				w.WriteString("\r\n")
			}
		}
		begin = ended
	}
	return w.Flush()
}

// isHeaderLine tells whether a line belongs to a header.
func isHeaderLine(line []byte, continued bool) bool {
	if line[0] == ' ' || line[0] == '\t' {
		return continued
	}
	name, _, ok := bytes.Cut(line, []byte(":"))
	return ok && message.ValidFieldName(string(bytes.TrimRight(name, " \t")))
}

// addresses returns those of the fields of some names.
func (m *submitMessage) addresses(names ...string) []message.Address {
	var l []message.Address
	for f := range message.Fields(m.header) {
		for _, name := range names {
			if f.Is(name) {
				parsed, _ := message.ParseAddresses(f.Value)
				l = append(l, parsed...)
			}
		}
	}
	return l
}

// recipients returns the addresses in the fields for recipients: those of Resent fields,
// if there are any (RFC 5322 §3.6.6).
func (m *submitMessage) recipients() []message.Address {
	if l := m.addresses("Resent-To", "Resent-Cc", "Resent-Bcc"); len(l) > 0 {
		return l
	}
	return m.addresses("To", "Cc", "Bcc")
}

// finish completes the header: blind recipients and Return-Path go, and what a message
// must have is added (RFC 6409 §8). A From field whose address has no domain is made one
// of from.
func (m *submitMessage) finish(from message.Address, now time.Time) error {
	var kept []byte
	var h message.HeaderWriter
	h.UTF8 = true
	hasFrom, hasDate, hasID := false, false, false
	for f := range message.Fields(m.header) {
		switch {
		case f.Is("Bcc"), f.Is("Resent-Bcc"), f.Is("Return-Path"):
			continue
		case f.Is("From"):
			if l, _ := message.ParseAddresses(f.Value); len(l) == 1 && l[0].Host == "" {
				if from.Name == "" {
					from.Name = strings.TrimSpace(l[0].Name)
				}
				if from.Name == "" {
					from.Name = l[0].User
				}
				continue
			}
			hasFrom = true
		case f.Is("Date"):
			hasDate = true
		case f.Is("Message-ID"):
			hasID = true
		}
		kept = append(kept, f.Raw...)
	}
	if !hasFrom {
		h.Addresses("From", []message.Address{from})
	}
	if !hasDate {
		h.Date("Date", now)
	}
	if !hasID {
		h.MessageIDs("Message-ID", rand.Text()+"@"+from.Host)
	}
	if err := h.Err(); err != nil {
		return err
	}
	m.header = append(kept, h.Bytes()...)
	return nil
}

// utf8Header tells whether the header has UTF-8 in it, so that the message needs SMTPUTF8
// (RFC 6532). Other bytes above 127 are of an old charset, and pass as they are.
func (m *submitMessage) utf8Header() bool {
	return bytes.IndexFunc(m.header, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 && utf8.Valid(m.header)
}

// size returns the size of the whole message.
func (m *submitMessage) size() int64 { return int64(len(m.header)) + 2 + m.body.Size() }

// reader returns the whole message.
func (m *submitMessage) reader() io.Reader {
	return io.MultiReader(bytes.NewReader(m.header), strings.NewReader("\r\n"), io.NewSectionReader(m.body, 0, m.body.Size()))
}
