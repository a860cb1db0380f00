package static

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"time"

	"mox/http/compress"
)

const (
	// maxKept is up to which size the content of a file is kept. Larger ones are sent by
	// the kernel from where it keeps them.
	maxKept = 64 << 10
	// maxCompress is up to which size a file is compressed when it is asked for. Larger
	// ones want compressed files beside them.
	maxCompress = 4 << 20
)

// representation is one content of one file, ready to be sent (RFC 9110 §8). One with a
// body never changes and is shared; one with a file belongs to one request, which closes
// it.
type representation struct {
	body   []byte   // The content, or
	file   *os.File // where it is read from.
	offset int64    // At which the file is.
	size   int64    // Of the content.

	etag     string
	modified time.Time // Zero: not told.
	noRanges bool      // The same bytes may not come out a second time.
	page     bool      // Made here, so that what is configured for files is not meant.

	// Values of fields, made once. Nobody changes them in place.
	etagField, lengthField, modifiedField, encodingField []string
}

// newRepresentation returns the representation of a version of a file, to which the caller
// adds the content.
func newRepresentation(v version, enc compress.Encoding, now time.Time) *representation {
	rep := &representation{}
	// A time to come is not sent, RFC 9110 §8.8.2.1, nor one that nobody set.
	if t := time.Unix(0, v.mtime).UTC(); t.Unix() > 1 && !t.After(now) {
		rep.modified = t
		rep.modifiedField = []string{t.Format(http.TimeFormat)}
	}
	if enc != compress.Identity {
		rep.encodingField = []string{enc.String()}
	}
	rep.setTag(entityTag(v, now))
	rep.setSize(v.size)
	return rep
}

func (rep *representation) setTag(etag string) { rep.etag, rep.etagField = etag, []string{etag} }

func (rep *representation) setSize(size int64) {
	rep.size, rep.lengthField = size, []string{strconv.FormatInt(size, 10)}
}

func (rep *representation) close() {
	if rep.file != nil {
		_ = rep.file.Close() // It was only read.
	}
}

// entityTag makes a strong tag from inode, size and time of modification (RFC 9110 §8.8.3.1).
// They are hashed, because inodes are nobody's business. Where a file system keeps whole
// seconds, a file may change twice in one, so during these the tag is weak.
func entityTag(v version, now time.Time) string {
	var b [24]byte
	binary.BigEndian.PutUint64(b[0:], v.inode)
	binary.BigEndian.PutUint64(b[8:], uint64(v.size))
	binary.BigEndian.PutUint64(b[16:], uint64(v.mtime))
	sum := sha256.Sum256(b[:])
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
	if v.mtime%int64(time.Second) == 0 && v.mtime > now.Add(-settled).UnixNano() {
		return "W/" + tag
	}
	return tag
}

// represent returns the representation of a regular file that suits a request best. The
// caller closes it.
func (h *Handler) represent(v view, r *http.Request, name string, info fs.FileInfo, typ *mediaType) (*representation, error) {
	if typ.compressible && h.encodes {
		if accepted := compress.ParseAccept(r.Header["Accept-Encoding"]); accepted.Any() {
			if rep, err := h.encoded(v, r, name, info, accepted); rep != nil || err != nil {
				return rep, err
			}
		}
	}
	return h.plain(v, name, info)
}

// key is under which a form of a file is kept.
func (h *Handler) key(name string, enc compress.Encoding) cacheKey {
	return cacheKey{h.root.path, h.root.links, name, enc}
}

// kept returns a small file that is kept, if it is still the same; else nil. Nothing is
// opened, so it does not matter where links on the way lead by now: to that very file, with
// the content that was served under this name before.
func (h *Handler) kept(name string) *representation {
	entry := h.cache.entry(h.key(name, compress.Identity))
	if entry == nil {
		return nil
	}
	if v, known := identifyPath(entry.path); !known || v != entry.version {
		return nil
	}
	return entry.rep
}

// plain returns a file as it is.
func (h *Handler) plain(v view, name string, info fs.FileInfo) (*representation, error) {
	key := h.key(name, compress.Identity)
	if ver, known := identify(info); known && ver.size <= maxKept {
		if rep, ok := h.cache.get(key, ver); ok {
			return rep, nil
		}
	}
	rep, ver, known, err := h.fromFile(v, name, compress.Identity)
	if err != nil || !known || ver.size > maxKept {
		return rep, err
	}
	body, keep, err := readAll(rep.file, ver)
	if err != nil {
		// It changes while we look; what there is of it is sent from the file.
		_, err := rep.file.Seek(0, io.SeekStart)
		return rep, err
	}
	rep.close()
	rep.file, rep.body = nil, body
	if keep {
		h.cache.put(key, ver, rep)
	}
	return rep, nil
}

// fromFile opens a file for a representation that is read from it.
func (h *Handler) fromFile(v view, name string, enc compress.Encoding) (rep *representation, ver version, known bool, err error) {
	f, info, err := v.openFile(name)
	if err != nil {
		return nil, version{}, false, err
	}
	if !info.Mode().IsRegular() {
		return nil, version{}, false, errors.Join(errSpecial, f.Close())
	}
	ver, known = identify(info)
	rep = newRepresentation(ver, enc, time.Now())
	rep.file = f
	return rep, ver, known, nil
}

// readAll reads a file of which v was just seen. keep tells that it is all of that version
// and will be as long as the version is seen.
func readAll(f *os.File, v version) (body []byte, keep bool, err error) {
	now := time.Now()
	body = make([]byte, v.size)
	if _, err := io.ReadFull(f, body); err != nil {
		return nil, false, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	after, ok := identify(info)
	return body, ok && after == v && v.isSettled(now), nil
}

// encoded returns a file in an encoding that the client takes: from a file beside it, or
// compressed now. It returns nil if there is none.
func (h *Handler) encoded(v view, r *http.Request, name string, info fs.FileInfo, accepted compress.Accepted) (*representation, error) {
	if h.precompressed {
		if enc := h.neighbour(v, name, info, accepted); enc != compress.Identity {
			rep, _, _, err := h.fromFile(v, name+enc.Extension(), enc)
			if err == nil {
				rep.setTag(tagWithSuffix(rep.etag, enc))
				return rep, nil
			}
			// It went away meanwhile, or may not be read; the file itself is there.
		}
	}
	size := info.Size()
	if !h.compress || size == 0 || size > maxCompress || size < compress.DefaultMinSize && !accepted.IdentityRefused {
		return nil, nil
	}
	// A client that wants parts gets those of the file: what it already has is of that, or
	// else of a compressed form that we may not produce the same way again.
	if r.Header["Range"] != nil && r.Method == http.MethodGet {
		return nil, nil
	}
	enc := accepted.Best(h.encodings...)
	if enc == compress.Identity {
		return nil, nil
	}
	return h.compressNow(r.Context(), v, name, info, enc)
}

// neighbour returns the encoding of the file beside name that suits the client best, of
// those that are not older.
func (h *Handler) neighbour(v view, name string, info fs.FileInfo, accepted compress.Accepted) compress.Encoding {
	var there [compress.Encodings]compress.Encoding
	offers := there[:0]
	for _, enc := range h.encodings {
		if accepted.Weight(enc) == 0 {
			continue
		}
		beside, err := v.stat(name + enc.Extension())
		if err == nil && beside.Mode().IsRegular() && beside.Size() > 0 && !beside.ModTime().Before(info.ModTime()) {
			offers = append(offers, enc)
		}
	}
	return accepted.Best(offers...)
}

// tagWithSuffix makes the tag of an encoded form differ from that of the plain one.
func tagWithSuffix(etag string, enc compress.Encoding) string {
	return etag[:len(etag)-1] + "-" + enc.String() + `"`
}

// compressNow compresses a file, or finds it compressed. It returns nil if that is not
// worth it.
func (h *Handler) compressNow(ctx context.Context, v view, name string, info fs.FileInfo, enc compress.Encoding) (*representation, error) {
	ver, known := identify(info)
	if !known {
		// Another file may look the same, so nothing is shared.
		rep, _, err := h.encodeFile(v, name, ver, enc)
		return rep, err
	}
	return h.cache.compressed(ctx, h.key(name, enc), ver, func() (*representation, bool, error) {
		return h.encodeFile(v, name, ver, enc)
	})
}

// errTooLarge ends an encoding that does not make a file smaller.
var errTooLarge = errors.New("larger than the file")

// encodeFile compresses a version of a file. keep tells that the result stands for that
// version as long as it is seen.
func (h *Handler) encodeFile(v view, name string, want version, enc compress.Encoding) (_ *representation, keep bool, _ error) {
	now := time.Now()
	f, info, err := v.openFile(name)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	ver, known := identify(info)
	if ver != want || !info.Mode().IsRegular() {
		return nil, false, nil // Replaced meanwhile: it is sent plain this time.
	}
	out := limitedBuffer{limit: int(ver.size - ver.size/16)}
	w := h.cache.pool.Writer(enc, &out)
	n, err := io.Copy(w, io.LimitReader(f, ver.size))
	if err == nil {
		err = w.Close()
	} else {
		w.Discard()
	}
	after, statErr := f.Stat()
	if statErr != nil {
		return nil, false, statErr
	}
	verAfter, _ := identify(after)
	unchanged := verAfter == ver && n == ver.size
	keep = unchanged && known && ver.isSettled(now)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, keep, nil
	case err != nil || !unchanged:
		return nil, false, err
	}
	rep := newRepresentation(ver, enc, now)
	rep.body = bytes.Clone(out.buf)
	rep.setSize(int64(len(rep.body)))
	// Another version of the encoder may make other bytes of the same file.
	rep.setTag("W/" + tagWithSuffix(strongPart(rep.etag), enc))
	rep.noRanges = true
	return rep, keep, nil
}

func strongPart(etag string) string {
	if len(etag) > 2 && etag[0] == 'W' {
		return etag[2:]
	}
	return etag
}

// limitedBuffer keeps what is written to it, up to a limit.
type limitedBuffer struct {
	buf   []byte
	limit int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if len(b.buf)+len(p) > b.limit {
		return 0, errTooLarge
	}
	b.buf = append(b.buf, p...)
	return len(p), nil
}
