package compress

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// sniffLen is how much http.DetectContentType looks at.
const sniffLen = 512

type state uint8

const (
	undecided state = iota // Status and content are held back until there is enough of it.
	plain                  // Passed on as it is.
	encoding               // Through the encoder.
)

// responseWriter is what the handler writes to. It holds back the head and the first bytes
// until it is known whether to compress.
type responseWriter struct {
	http.ResponseWriter
	c       *Compressor
	r       *http.Request
	enc     Encoding // What the client wants of what we have; Identity leaves all plain.
	insists bool     // The client refuses Identity, so size and type do not matter.

	state   state
	status  int     // 0 until the handler said it.
	buf     []byte  // Content held back.
	encoder *Writer // Nil unless state is encoding, and for HEAD, which has no content.
}

var (
	_ http.Flusher  = (*responseWriter)(nil)
	_ http.Hijacker = (*responseWriter)(nil)
	_ io.ReaderFrom = (*responseWriter)(nil)
)

// Unwrap is for http.ResponseController.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the status. It is sent once the way of the content is known.
func (w *responseWriter) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.status != 0 || w.state != undecided {
		return
	}
	w.status = status
	switch {
	case status == http.StatusNotModified:
		w.notModified()
		w.pass()
	case !w.eligible():
		w.pass()
	default:
		w.decideByLength()
	}
}

// eligible tells whether status and header allow to compress, apart from length and type.
func (w *responseWriter) eligible() bool {
	switch w.status {
	case http.StatusSwitchingProtocols, http.StatusNoContent, http.StatusResetContent, http.StatusPartialContent,
		http.StatusNotModified, http.StatusRequestedRangeNotSatisfiable:
		return false
	}
	h := w.Header()
	// A digest is of the content as it was (RFC 9530 §2).
	for _, field := range [...]string{"Content-Encoding", "Content-Range", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
		if h[field] != nil {
			return false
		}
	}
	// RFC 9110 §7.7, RFC 9111 §5.2.1.6.
	return !hasToken(h["Cache-Control"], "no-transform") && !hasToken(w.r.Header["Cache-Control"], "no-transform")
}

// decideByLength decides where the handler told type and length; else content is awaited.
func (w *responseWriter) decideByLength() {
	h := w.Header()
	if typ, ok := h["Content-Type"]; ok && (len(typ) == 0 || !w.typeAllowed(typ[0])) {
		w.pass()
		return
	}
	v := h["Content-Length"]
	if len(v) == 0 {
		return
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	switch {
	case err != nil || n == 0 || n < int64(w.c.minSize) && !w.insists:
		w.pass()
	case h["Content-Type"] != nil:
		w.begin()
	}
}

// typeAllowed tells whether content of a type may be compressed for this client.
func (w *responseWriter) typeAllowed(contentType string) bool {
	typ, _, _ := strings.Cut(contentType, ";")
	if strings.EqualFold(trimOWS(typ), "text/event-stream") {
		return false
	}
	return w.insists || w.c.types(contentType)
}

// Write sends content, or keeps it while too little is there to decide.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch w.state {
	case plain:
		return w.ResponseWriter.Write(p)
	case encoding:
		return w.encoded().Write(p)
	}
	if len(w.buf)+len(p) < w.threshold() {
		w.buf = append(w.buf, p...)
		return len(p), nil
	}
	// What is before p is sent with it, so that types are told from both.
	n := min(len(p), max(0, sniffLen-len(w.buf)))
	w.buf = append(w.buf, p[:n]...)
	if err := w.decide(true); err != nil {
		return 0, err
	}
	m, err := w.Write(p[n:])
	return n + m, err
}

// threshold is with how many bytes one can decide.
func (w *responseWriter) threshold() int {
	if w.insists {
		return 1
	}
	return max(1, w.c.minSize)
}

// decide chooses the way of the content and sends what was held back. enough tells that
// the response is long enough, or that its length cannot be awaited.
func (w *responseWriter) decide(enough bool) error {
	h := w.Header()
	if _, ok := h["Content-Type"]; !ok && len(w.buf) > 0 {
		// The server below does not look at what is encoded.
		h.Set("Content-Type", http.DetectContentType(w.buf))
	}
	if typ := h["Content-Type"]; enough && len(typ) > 0 && w.typeAllowed(typ[0]) {
		w.begin()
	} else {
		w.pass()
	}
	held := w.buf
	w.buf = w.buf[:0]
	if len(held) == 0 {
		return nil
	}
	_, err := w.Write(held)
	return err
}

// pass sends the head; content goes out as it is.
func (w *responseWriter) pass() {
	w.state = plain
	if w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
	}
}

// begin sends the head of a response that is worth compressing, which the client may have
// left us free to do or not.
func (w *responseWriter) begin() {
	h := w.Header()
	AddVary(h)
	if w.enc == Identity || foreign(w.r) {
		w.pass()
		return
	}
	h["Content-Encoding"] = []string{w.enc.String()}
	delete(h, "Content-Length")
	delete(h, "Accept-Ranges") // Ranges would be of other bytes.
	weaken(h)
	w.state = encoding
	w.ResponseWriter.WriteHeader(w.status)
	if w.r.Method != http.MethodHead {
		w.encoder = w.c.pool.Writer(w.enc, w.ResponseWriter)
	}
}

// notModified makes the head of a 304 fit the 200 it stands for (RFC 9110 §15.4.5): a
// client that has the compressed form knows it by the weak tag.
func (w *responseWriter) notModified() {
	h := w.Header()
	AddVary(h)
	etag := h.Get("Etag")
	if etag == "" || strings.HasPrefix(etag, "W/") {
		return
	}
	asked := strings.Join(w.r.Header["If-None-Match"], ",")
	if strings.Contains(asked, "W/"+etag) && !strings.Contains(strings.ReplaceAll(asked, "W/"+etag, ""), etag) {
		weaken(h)
	}
}

// encoded is where content goes that is compressed.
func (w *responseWriter) encoded() io.Writer {
	if w.encoder == nil {
		return io.Discard
	}
	return w.encoder
}

// finish ends the response, after the handler returned.
func (w *responseWriter) finish() {
	if w.state == undecided && (w.status != 0 || len(w.buf) > 0) {
		_ = w.decide(false) // The server below notes what it could not send.
	}
	if w.encoder != nil {
		_ = w.encoder.Close() // As above.
		w.encoder = nil
	}
}

// Flush sends what is there. A response that is flushed before its length is known is a
// stream, and is compressed as one.
func (w *responseWriter) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *responseWriter) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.state == undecided {
		if err := w.decide(true); err != nil {
			return err
		}
	}
	if w.encoder != nil {
		if err := w.encoder.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack hands the connection over; nothing is sent on it from here any more.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.state, w.status, w.buf = plain, 0, w.buf[:0]
	}
	return conn, rw, err
}

// ReadFrom sends what is read from src.
func (w *responseWriter) ReadFrom(src io.Reader) (int64, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	var sent int64
	for w.state == undecided {
		// Enough to decide; the rest goes the way it then has.
		n, err := io.CopyN(writerOnly{w}, src, int64(max(1, w.threshold()-len(w.buf))))
		sent += n
		if err == io.EOF {
			return sent, nil
		} else if err != nil {
			return sent, err
		}
	}
	var to io.Writer = w.ResponseWriter
	if w.state == encoding {
		to = w.encoded()
	}
	n, err := io.Copy(to, src)
	return sent + n, err
}

// writerOnly hides ReadFrom.
type writerOnly struct{ io.Writer }

// AddVary adds Accept-Encoding to the Vary fields of a header, unless they have it.
func AddVary(h http.Header) {
	if vary := h["Vary"]; !hasToken(vary, "Accept-Encoding") && !hasToken(vary, "*") {
		h["Vary"] = append(slices.Clip(vary), "Accept-Encoding")
	}
}

// weaken makes a strong entity tag weak.
func weaken(h http.Header) {
	if etag := h["Etag"]; len(etag) > 0 && strings.HasPrefix(etag[0], `"`) {
		h["Etag"] = []string{"W/" + etag[0]}
	}
}

// hasToken tells whether a list of comma-separated elements has one that is token, without
// regard to case and to an argument after "=".
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for elem := range strings.SplitSeq(v, ",") {
			name, _, _ := strings.Cut(elem, "=")
			if strings.EqualFold(trimOWS(name), token) {
				return true
			}
		}
	}
	return false
}
