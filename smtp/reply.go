package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrReply is wrapped by the errors of [ReadReply] for a reply that is malformed or
// too long.
var ErrReply = errors.New("invalid smtp reply")

// Limits of replies.
const (
	// maxReplyLine is the limit for writing, with CRLF (RFC 5321 §4.5.3.1.5).
	maxReplyLine = 512

	// Servers exceed that when they quote; these are the limits for reading.
	maxReadLine  = 4096
	maxReadLines = 200
)

// Reply is a reply of one or more lines (RFC 5321 §4.2).
type Reply struct {
	Code     int
	Enhanced EnhancedCode // Empty if there is none of the class of Code.

	// Lines are the texts of the lines, at least one, without the two codes.
	Lines []string
}

// Text returns the lines as one.
func (r Reply) Text() string { return strings.Join(r.Lines, " ") }

// AppendTo appends the reply as by [AppendReply].
func (r Reply) AppendTo(b []byte) []byte { return AppendReply(b, r.Code, r.Enhanced, r.Lines...) }

// Err returns the reply as an error of the same codes, or nil unless it is 4yz or 5yz.
func (r Reply) Err() error {
	if r.Code < 400 {
		return nil
	}
	return &Error{r.Code, r.Enhanced, r.Text(), nil}
}

// AppendReply appends a reply with CRLF to b: each text on a line of its own, after the
// code and, unless it is empty, the enhanced code. A line that would be longer than
// allowed is split. Control characters and invalid UTF-8 in texts become "?", so that
// no text can end the line.
func AppendReply(b []byte, code int, enhanced EnhancedCode, texts ...string) []byte {
	if len(texts) == 0 {
		texts = []string{""}
	}
	overhead := len("250 ") + len("\r\n")
	if enhanced != "" {
		overhead += len(enhanced) + 1
	}
	for i, text := range texts {
		for last := i == len(texts)-1; ; {
			line, rest := splitText(text, maxReplyLine-overhead)
			b = strconv.AppendInt(b, int64(code), 10)
			if last && rest == "" {
				b = append(b, ' ')
			} else {
				b = append(b, '-')
			}
			if enhanced != "" {
				b = append(b, enhanced...)
				b = append(b, ' ')
			}
			b = appendPrintable(b, line)
			b = append(b, "\r\n"...)
			if text = rest; text == "" {
				break
			}
		}
	}
	return b
}

// splitText cuts s after at most limit bytes, at a space if there is one and never
// inside a character.
func splitText(s string, limit int) (line, rest string) {
	if len(s) <= limit {
		return s, ""
	}
	if i := strings.LastIndexByte(s[:limit], ' '); i > 0 {
		return s[:i], s[i+1:]
	}
	for limit > utf8.UTFMax && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit], s[limit:]
}

// appendPrintable appends s with control characters and invalid UTF-8 replaced.
func appendPrintable(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f || c == '\t' {
			b = append(b, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r < 0xa0 {
			b = append(b, '?')
		} else {
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return b
}

// ReadReply reads a reply. All its lines must have the same code; lines may end with LF
// only. In the texts, control characters and invalid UTF-8 are replaced by "?".
//
// Errors wrap [ErrReply] or come from br; the end of input is io.EOF before the first
// byte and io.ErrUnexpectedEOF after it. The position in the stream is lost after an
// error.
func ReadReply(br *bufio.Reader) (Reply, error) {
	var r Reply
	for n := 0; ; n++ {
		if n == maxReadLines {
			return Reply{}, fmt.Errorf("%w: more than %d lines", ErrReply, maxReadLines)
		}
		line, err := readReplyLine(br)
		if err == io.EOF && n > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return Reply{}, err
		}
		code, more, text, err := parseReplyLine(line)
		if err != nil {
			return Reply{}, err
		}
		if n > 0 && code != r.Code {
			return Reply{}, fmt.Errorf("%w: codes %d and %d in one reply", ErrReply, r.Code, code)
		}
		if n == 0 {
			r.Code = code
			if e, rest := cutEnhanced(text); (rest == "" || rest[0] == ' ') && EnhancedCode(e).Class() == code/100 {
				r.Enhanced = EnhancedCode(e)
			}
		}
		if r.Enhanced != "" {
			if rest, ok := strings.CutPrefix(text, string(r.Enhanced)); ok && (rest == "" || rest[0] == ' ') {
				text = strings.TrimPrefix(rest, " ")
			}
		}
		r.Lines = append(r.Lines, text)
		if !more {
			return r, nil
		}
	}
}

// readReplyLine reads a line without its end.
func readReplyLine(br *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxReadLine {
			return "", fmt.Errorf("%w: line longer than %d bytes", ErrReply, maxReadLine)
		}
		switch err {
		case nil:
			line = line[:len(line)-1]
			if n := len(line); n > 0 && line[n-1] == '\r' {
				line = line[:n-1]
			}
			return string(appendPrintable(nil, string(line))), nil
		case bufio.ErrBufferFull:
		case io.EOF:
			if len(line) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		default:
			return "", err
		}
	}
}

func parseReplyLine(s string) (code int, more bool, text string, err error) {
	if len(s) < 3 {
		return 0, false, "", fmt.Errorf("%w: %q", ErrReply, s)
	}
	for i := range 3 {
		if s[i] < '0' || s[i] > '9' {
			return 0, false, "", fmt.Errorf("%w: %q", ErrReply, s)
		}
		code = code*10 + int(s[i]-'0')
	}
	if code < 200 || code > 599 || len(s) > 3 && s[3] != ' ' && s[3] != '-' {
		return 0, false, "", fmt.Errorf("%w: %q", ErrReply, s)
	}
	if len(s) == 3 {
		return code, false, "", nil
	}
	return code, s[3] == '-', s[4:], nil
}
