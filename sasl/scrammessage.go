package sasl

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of messages in bytes, and of what is in them.
const (
	maxSCRAMMessage = 8 << 10
	maxSCRAMNonce   = 512
	maxSCRAMSalt    = 1024
)

// clientFirst is the client-first-message (RFC 5802 §7).
type clientFirst struct {
	header   string // The gs2-header, as sent.
	flag     byte   // 'n', 'y' or 'p'.
	binding  string // Type of channel binding with 'p'.
	authzID  string
	bare     string // The client-first-message-bare, as sent.
	username string
	nonce    string
}

// parseClientFirst parses a client-first-message. It returns a [*SCRAMError].
func parseClientFirst(b []byte) (clientFirst, error) {
	var m clientFirst
	s, err := scramText(b)
	if err != nil {
		return m, err
	}
	malformed := &SCRAMError{scramInvalidEncoding, ErrMalformed}
	flag, rest, ok1 := strings.Cut(s, ",")
	authzID, bare, ok2 := strings.Cut(rest, ",")
	if !ok1 || !ok2 {
		return m, malformed
	}
	m.header, m.bare = s[:len(s)-len(bare)], bare
	switch {
	case flag == "n" || flag == "y":
	case strings.HasPrefix(flag, "p=") && isBindingType(flag[2:]):
		m.binding = flag[2:]
	default:
		return m, malformed
	}
	m.flag = flag[0]
	if authzID != "" {
		name, ok := strings.CutPrefix(authzID, "a=")
		if m.authzID, err = unescapeName(name); !ok || err != nil {
			return m, malformed
		}
	}
	f := fields{rest: bare}
	name := f.next('n')
	m.nonce = f.nonce()
	f.extensions()
	if f.err != nil {
		return m, f.err
	}
	m.username, err = unescapeName(name)
	return m, err
}

// serverFirst is the server-first-message.
type serverFirst struct {
	nonce      string
	salt       []byte
	iterations int
}

func (m serverFirst) encode() string {
	return "r=" + m.nonce + ",s=" + base64.StdEncoding.EncodeToString(m.salt) + ",i=" + strconv.Itoa(m.iterations)
}

// parseServerFirst parses a server-first-message. It returns a [*SCRAMError].
func parseServerFirst(b []byte) (serverFirst, error) {
	var m serverFirst
	s, err := scramText(b)
	if err != nil {
		return m, err
	}
	if err := parseServerError(s); err != nil {
		return m, err // Too early for it, but what else could it mean.
	}
	f := fields{rest: s}
	m.nonce = f.nonce()
	m.salt = f.base64('s')
	count := f.next('i')
	f.extensions()
	if f.err != nil {
		return m, f.err
	}
	m.iterations, err = strconv.Atoi(count)
	if err != nil || count[0] < '1' || count[0] > '9' || len(m.salt) == 0 || len(m.salt) > maxSCRAMSalt {
		return m, &SCRAMError{scramInvalidEncoding, ErrMalformed}
	}
	return m, nil
}

// clientFinal is the client-final-message.
type clientFinal struct {
	binding      []byte // The cbind-input.
	nonce        string
	withoutProof string // The client-final-message-without-proof, as sent.
	proof        []byte
}

// parseClientFinal parses a client-final-message. It returns a [*SCRAMError].
func parseClientFinal(b []byte) (clientFinal, error) {
	var m clientFinal
	s, err := scramText(b)
	if err != nil {
		return m, err
	}
	i := strings.LastIndexByte(s, ',')
	if i < 0 {
		return m, &SCRAMError{scramInvalidEncoding, ErrMalformed}
	}
	m.withoutProof = s[:i]
	f := fields{rest: m.withoutProof}
	m.binding = f.base64('c')
	m.nonce = f.nonce()
	f.extensions()
	last := fields{rest: s[i+1:], err: f.err}
	m.proof = last.base64('p')
	return m, last.err
}

// parseServerFinal parses a server-final-message and returns the signature of the server. It
// returns a [*SCRAMError], also if the message is about one.
func parseServerFinal(b []byte) ([]byte, error) {
	s, err := scramText(b)
	if err != nil {
		return nil, err
	}
	if err := parseServerError(s); err != nil {
		return nil, err
	}
	f := fields{rest: s}
	signature := f.base64('v')
	f.extensions()
	return signature, f.err
}

// parseServerError returns the error that a message of the server is about, if it is.
func parseServerError(s string) error {
	if text, ok := strings.CutPrefix(s, "e="); ok {
		value, _, _ := strings.Cut(text, ",")
		return scramServerError(value)
	}
	return nil
}

// scramText checks that a message has only characters that one may have (RFC 5802 §7).
func scramText(b []byte) (string, error) {
	if len(b) > maxSCRAMMessage || !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return "", &SCRAMError{scramInvalidEncoding, ErrMalformed}
	}
	return string(b), nil
}

// isBindingType tells whether s is a cb-name (RFC 5802 §7).
func isBindingType(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlpha(c) && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return s != ""
}

func isAlpha(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// fields takes the attributes of a message one by one. It keeps the first error.
type fields struct {
	rest string
	err  error
}

func (f *fields) fail(value string) string {
	if f.err == nil {
		f.err = &SCRAMError{value, ErrMalformed}
	}
	return ""
}

// next takes the next attribute, which must have this name, and returns its value.
func (f *fields) next(name byte) string {
	a, rest, _ := strings.Cut(f.rest, ",")
	switch {
	case strings.HasPrefix(a, "m="):
		// An extension that must be understood, and none is defined (RFC 5802 §5.1).
		return f.fail(scramExtensionsNotSupported)
	case len(a) < 3 || a[0] != name || a[1] != '=':
		return f.fail(scramInvalidEncoding)
	}
	if len(a) < len(f.rest) && rest == "" {
		return f.fail(scramInvalidEncoding) // A comma with nothing behind it.
	}
	f.rest = rest
	return a[2:]
}

// base64 takes the next attribute with a value in base64, in its canonical form.
func (f *fields) base64(name byte) []byte {
	v := f.next(name)
	b, err := base64.StdEncoding.Strict().DecodeString(v)
	if err != nil || strings.ContainsAny(v, "\r\n") { // Which the decoder skips.
		f.fail(scramInvalidEncoding)
		return nil
	}
	return b
}

// nonce takes the attribute of the nonce.
func (f *fields) nonce() string {
	v := f.next('r')
	if len(v) > maxSCRAMNonce {
		return f.fail(scramInvalidEncoding)
	}
	for i := range len(v) {
		if v[i] < '!' || v[i] > '~' {
			return f.fail(scramInvalidEncoding)
		}
	}
	return v
}

// extensions takes all that is left: optional extensions, which are ignored (RFC 5802 §5.1).
func (f *fields) extensions() {
	for f.err == nil && f.rest != "" {
		if !isAlpha(f.rest[0]) || strings.IndexByte("acehinprsv", f.rest[0]) >= 0 {
			// A known attribute, where it has no business.
			f.fail(scramInvalidEncoding)
			return
		}
		f.next(f.rest[0])
	}
}

// escapeName returns a user name as saslname (RFC 5802 §5.1).
func escapeName(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "=", "=3D"), ",", "=2C")
}

// unescapeName is the inverse of escapeName. It returns a [*SCRAMError].
func unescapeName(s string) (string, error) {
	var b strings.Builder
	for {
		before, after, escaped := strings.Cut(s, "=")
		b.WriteString(before)
		if !escaped {
			break
		}
		switch {
		case strings.HasPrefix(after, "2C"):
			b.WriteByte(',')
		case strings.HasPrefix(after, "3D"):
			b.WriteByte('=')
		default:
			return "", &SCRAMError{scramInvalidUsernameEncoding, ErrMalformed}
		}
		s = after[2:]
	}
	name := b.String()
	if !valid([]byte(name)) {
		return "", &SCRAMError{scramInvalidUsernameEncoding, ErrMalformed}
	}
	return name, nil
}
