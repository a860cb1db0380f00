package webmail

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"mox/store"
)

// Bounds of the images that are fetched for users.
const (
	remoteImage   = 10 << 20 // Bytes of an image.
	remoteTimeout = 20 * time.Second
	remoteAtOnce  = 32
	remoteAccount = 6 // Of remoteAtOnce. So a message with many images that are slow to come keeps those of others from nobody.
	remoteHops    = 5 // Redirects.
	remoteURL     = 4 << 10
)

// remoteAddress returns the address, relative to that of a frame, at which this server shows an image from elsewhere. It is good
// for that image in that email only: nobody else can have the server fetch something.
func (r *reader) remoteAddress(email store.EmailID, target string) string {
	return "./remote?" + url.Values{"u": {target}, "s": {r.remoteSignature(email, target)}}.Encode()
}

func (r *reader) remoteSignature(email store.EmailID, target string) string {
	mac := hmac.New(sha256.New, r.secret[:])
	mac.Write([]byte(email.String() + target)) // The id has a fixed length.
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// errRemote says that an image cannot be had from elsewhere.
var errRemote = errors.New("no image")

// serveRemote answers with an image from elsewhere, so that who serves it learns nothing of the user but that a message was
// read: neither the address of the browser nor what it is, and no cookies.
func (s *Server) serveRemote(w http.ResponseWriter, r *http.Request, c *content) error {
	q := r.URL.Query()
	target := q.Get("u")
	if s.opts.Client == nil || len(target) > remoteURL || !hmac.Equal([]byte(q.Get("s")), []byte(s.reader.remoteSignature(c.key.email, target))) {
		return errNoPart
	}
	leave, err := s.reader.remotes.enter(r.Context(), c.acc.ID())
	if err != nil {
		return err
	}
	defer leave() // When the browser has it, who may take it slowly.
	ctx, cancel := context.WithTimeout(r.Context(), remoteTimeout)
	defer cancel()
	image, mediaType, err := s.reader.remotes.fetch(ctx, s.opts.Client, target)
	if err != nil {
		s.log.Debug("remote image not fetched", "err", err)
		w.Header().Set("Cache-Control", "private, max-age=60")
		contentHeader(w.Header(), "text/plain; charset=utf-8", partPolicy)
		w.WriteHeader(http.StatusBadGateway)
		return nil
	}
	contentHeader(w.Header(), mediaType, partPolicy)
	// Reading the message again tells its sender nothing new.
	w.Header().Set("Cache-Control", "private, max-age=86400")
	http.ServeContent(w, r, "", noTime, bytes.NewReader(image))
	return nil
}

// remoteSlots bound the images that are fetched at once.
type remoteSlots struct {
	all chan struct{} // Holds one for each that is being fetched.

	mu       sync.Mutex
	accounts map[store.AccountID]*accountSlots // Of which there are requests.
}

type accountSlots struct {
	slots    chan struct{}
	requests int
}

func newRemoteSlots() *remoteSlots {
	return &remoteSlots{all: make(chan struct{}, remoteAtOnce), accounts: map[store.AccountID]*accountSlots{}}
}

// enter waits until an account has room for a request, which leave gives back.
func (r *remoteSlots) enter(ctx context.Context, account store.AccountID) (leave func(), _ error) {
	r.mu.Lock()
	a := r.accounts[account]
	if a == nil {
		a = &accountSlots{slots: make(chan struct{}, remoteAccount)}
		r.accounts[account] = a
	}
	a.requests++
	r.mu.Unlock()
	gone := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if a.requests--; a.requests == 0 {
			delete(r.accounts, account)
		}
	}
	select {
	case a.slots <- struct{}{}:
		return func() { <-a.slots; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, ctx.Err()
	}
}

// fetch is fetchImage, when there is room for that.
func (r *remoteSlots) fetch(ctx context.Context, client *http.Client, target string) ([]byte, string, error) {
	select {
	case r.all <- struct{}{}:
		defer func() { <-r.all }()
		return fetchImage(ctx, client, target)
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
}

// fetchImage returns an image and its type, found out from its first bytes. Whatever else there is, is an error.
func fetchImage(ctx context.Context, client *http.Client, target string) ([]byte, string, error) {
	c := *client
	c.Jar = nil
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) > remoteHops || req.URL.Scheme != "https" && req.URL.Scheme != "http" {
			return errRemote
		}
		req.Header.Del("Referer")
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, "", withoutURL(err)
	}
	req.Header.Set("Accept", "image/avif,image/webp,image/png,image/jpeg,image/gif,image/*;q=0.5")
	req.Header.Set("User-Agent", "mox")
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ContentLength > remoteImage {
		return nil, "", fmt.Errorf("%w: status %d, length %d", errRemote, resp.StatusCode, resp.ContentLength)
	}
	image, err := io.ReadAll(io.LimitReader(resp.Body, remoteImage+1))
	if err != nil {
		return nil, "", err
	}
	mediaType := imageType(image)
	if mediaType == "" || len(image) > remoteImage {
		return nil, "", fmt.Errorf("%w: %d bytes of type %q", errRemote, len(image), mediaType)
	}
	return image, mediaType, nil
}

// withoutURL returns an error of a request without its URL, in which may be what is for nobody but its server: such as whose message it
// was in.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// imageType returns the type of an image that browsers may show, by its first bytes, or "".
func imageType(image []byte) string {
	if len(image) > 12 && string(image[4:12]) == "ftypavif" {
		return "image/avif"
	}
	if t := http.DetectContentType(image); strings.HasPrefix(t, "image/") {
		return inlineTypeOf(t)
	}
	return ""
}
