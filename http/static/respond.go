package static

import (
	"crypto/rand"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"mox/http/compress"
)

// Values of fields that are the same in all responses.
var (
	bytesField   = []string{"bytes"}
	nosniffField = []string{"nosniff"}
	varyField    = []string{"Accept-Encoding"}
)

// copyBuffers holds buffers for writers that cannot have the kernel send a file.
var copyBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// respond sends a representation, or the part of it that is asked for, or says that the
// client has it.
func (h *Handler) respond(w http.ResponseWriter, r *http.Request, rep *representation, typ *mediaType) {
	switch precondition(r.Header, rep.etag, rep.modified) {
	case preconditionFailed:
		h.fail(w, r, http.StatusPreconditionFailed)
		return
	case notModified:
		h.setValidators(w.Header(), rep, typ)
		delete(w.Header(), "Last-Modified") // RFC 9110 §15.4.5: the tag says it all.
		w.WriteHeader(http.StatusNotModified)
		return
	}
	var ranges []byteRange
	if field := r.Header["Range"]; field != nil && r.Method == http.MethodGet && !rep.noRanges && rangeApplies(r.Header, rep.etag, rep.modified, time.Now()) {
		var verdict rangeVerdict
		if ranges, verdict = parseRange(field, rep.size); verdict == rangeRefuse {
			// RFC 9110 §15.5.17.
			w.Header()["Content-Range"] = []string{"bytes */" + strconv.FormatInt(rep.size, 10)}
			h.fail(w, r, http.StatusRequestedRangeNotSatisfiable)
			return
		}
	}

	header := w.Header()
	h.setValidators(header, rep, typ)
	header["Content-Type"] = typ.field
	header["X-Content-Type-Options"] = nosniffField
	if rep.encodingField != nil {
		header["Content-Encoding"] = rep.encodingField
	}
	if !rep.noRanges {
		header["Accept-Ranges"] = bytesField
	}
	if !rep.page {
		setFields(header, h.contentHeaders)
	}
	switch len(ranges) {
	case 0:
		header["Content-Length"] = rep.lengthField
		w.WriteHeader(http.StatusOK)
		if r.Method != http.MethodHead {
			_ = rep.send(w, byteRange{0, rep.size})
		}
	case 1:
		header["Content-Length"] = []string{strconv.FormatInt(ranges[0].length, 10)}
		header["Content-Range"] = []string{string(ranges[0].appendContentRange(nil, rep.size))}
		w.WriteHeader(http.StatusPartialContent)
		_ = rep.send(w, ranges[0])
	default:
		sendParts(w, rep, ranges)
	}
}

// setValidators sets the fields that 200, 206 and 304 have in common.
func (h *Handler) setValidators(header http.Header, rep *representation, typ *mediaType) {
	header["Etag"] = rep.etagField
	if rep.modifiedField != nil {
		header["Last-Modified"] = rep.modifiedField
	}
	if h.cacheControl != nil && !rep.page {
		header["Cache-Control"] = h.cacheControl
	}
	if typ.compressible && h.encodes {
		if header["Vary"] == nil {
			header["Vary"] = varyField
		} else {
			compress.AddVary(header)
		}
	}
	setFields(header, h.headers)
}

func setFields(header, from http.Header) {
	for name, values := range from {
		header[name] = values
	}
}

// sendParts sends more than one range as multipart/byteranges, RFC 9110 §14.6.
func sendParts(w http.ResponseWriter, rep *representation, ranges []byteRange) {
	header := w.Header()
	boundary := rand.Text()
	heads := make([][]byte, len(ranges))
	end := "\r\n--" + boundary + "--\r\n"
	length := int64(len(end))
	for i, r := range ranges {
		head := append([]byte(nil), "\r\n--"...)
		if i == 0 {
			head = head[2:]
		}
		head = append(head, boundary...)
		head = append(head, "\r\nContent-Type: "...)
		head = append(head, header.Get("Content-Type")...)
		head = append(head, "\r\nContent-Range: "...)
		head = append(r.appendContentRange(head, rep.size), "\r\n\r\n"...)
		heads[i] = head
		length += int64(len(head)) + r.length
	}
	header["Content-Type"] = []string{"multipart/byteranges; boundary=" + boundary}
	header["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	w.WriteHeader(http.StatusPartialContent)
	for i, r := range ranges {
		if _, err := w.Write(heads[i]); err != nil {
			return
		}
		if rep.send(w, r) != nil {
			return
		}
	}
	_, _ = io.WriteString(w, end)
}

// send writes a part of the content. Of a file that has become shorter it writes what is
// there, of one that has become longer no more than was promised; the server below notes
// what is missing and closes the connection, so that the client notes it too. An error is
// for the caller to stop, there is nobody else to tell.
func (rep *representation) send(w http.ResponseWriter, part byteRange) error {
	if rep.file == nil {
		_, err := w.Write(rep.body[part.start:part.end()])
		return err
	}
	if part.start != rep.offset {
		if _, err := rep.file.Seek(part.start, io.SeekStart); err != nil {
			return err
		}
	}
	content := &io.LimitedReader{R: rep.file, N: part.length}
	var n int64
	var err error
	if to, ok := w.(io.ReaderFrom); ok {
		n, err = to.ReadFrom(content) // Leaves the copying to the kernel where it can.
	} else {
		buf := copyBuffers.Get().(*[64 << 10]byte)
		n, err = io.CopyBuffer(w, content, buf[:])
		copyBuffers.Put(buf)
	}
	rep.offset = part.start + n
	if err == nil && n < part.length {
		err = io.ErrUnexpectedEOF
	}
	return err
}
