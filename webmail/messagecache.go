package webmail

import (
	"container/list"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"mox/message"
	"mox/message/htmlmail"
	"mox/store"
)

// Bounds of what is shown of the text of a message at once, in bytes. To sanitise a MiB of HTML takes a fifth of a
// second, and one of plain text with many links twice that, so of a long message more than the beginning is only made
// when it is asked for.
const (
	shortText  = 320 << 10
	shortPlain = 160 << 10
	longText   = 4 << 20
)

// Bounds of what is kept of messages that were opened lately.
const (
	openedCount = 200
	openedBytes = 32 << 20
)

// maxHeader is how much of a header is looked at, in bytes.
const maxHeader = message.DefaultMaxHeaderBytes

// reader opens messages, and keeps what was found out about those opened lately, so that the requests that belong to
// looking at one message read it once. It is safe for concurrent use.
type reader struct {
	short, shortPlain, long *htmlmail.Sanitizer

	secret  [32]byte // Signs addresses of remote images.
	remotes *remoteSlots

	mu    sync.Mutex
	byKey map[openedKey]*list.Element
	used  *list.List // Of *opened, the one used last in front.
	bytes int64
}

type openedKey struct {
	account store.AccountID
	email   store.EmailID
}

func newReader() *reader {
	r := &reader{
		short:      htmlmail.New(htmlmail.Limits{Input: shortText, Reports: 200}),
		shortPlain: htmlmail.New(htmlmail.Limits{Input: shortPlain, Reports: 200}),
		long:       htmlmail.New(htmlmail.Limits{Input: longText, Elements: 200_000, Marks: 20_000, Reports: 200}),
		byKey:      map[openedKey]*list.Element{},
		used:       list.New(),
		remotes:    newRemoteSlots(),
	}
	rand.Read(r.secret[:]) // It never fails.
	return r
}

// opened is an email that was opened. It does not change, but for what is remembered of it under mu.
type opened struct {
	key      openedKey
	thread   store.ThreadID
	received time.Time
	size     int64
	prefix   []byte // Header that mox prepended: nobody else can have written it.
	auth     []byte // Facts of its delivery.
	root     *message.Part

	weight int64 // Bytes, about. Guarded by reader.mu.

	docMu    sync.Mutex // Guards docs and docBytes; held while one is made, so that each is made once.
	docs     map[docKey]*document
	docBytes int64

	mu       sync.Mutex
	contents map[string]int64 // Lengths of decoded parts, by path.
}

// maxDocs bounds the documents of an email that are kept. Mostly there are two; of one that holds many messages there may be more.
const maxDocs = 8

// open returns an email of an account. Returns store.ErrExpunged.
func (r *reader) open(ctx context.Context, acc *store.Account, actor store.Actor, id store.EmailID) (*opened, error) {
	key := openedKey{acc.ID(), id}
	r.mu.Lock()
	if e := r.byKey[key]; e != nil {
		r.used.MoveToFront(e)
		r.mu.Unlock()
		return e.Value.(*opened), nil
	}
	r.mu.Unlock()

	o := &opened{key: key, docs: map[docKey]*document{}, contents: map[string]int64{}}
	found := false
	err := acc.Emails(ctx, actor, []store.EmailID{id}, func(_ int, e *store.Email) (err error) {
		if e == nil {
			return nil
		}
		found = true
		o.thread, o.received, o.size = e.Thread, e.Received, e.Size
		o.prefix, o.auth = append([]byte(nil), e.Prefix...), append([]byte(nil), e.Auth...)
		o.root, err = e.Part()
		return err
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, store.ErrExpunged
	}
	parts := int64(0)
	o.root.Walk(func(*message.Part) bool { parts++; return true })
	o.weight = 1<<10 + int64(len(o.prefix)+len(o.auth)) + 600*parts

	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.byKey[key]; e != nil {
		return e.Value.(*opened), nil // Somebody else was faster.
	}
	r.byKey[key] = r.used.PushFront(o)
	r.bytes += o.weight
	r.shrink()
	return o, nil
}

// grown notes that o keeps n bytes more.
func (r *reader) grown(o *opened, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.byKey[o.key]; e == nil || e.Value != o {
		return // Nobody keeps it any more.
	}
	o.weight += n
	r.bytes += n
	r.shrink()
}

// shrink forgets what was not used for longest. The caller holds mu.
func (r *reader) shrink() {
	for r.used.Len() > 1 && (r.used.Len() > openedCount || r.bytes > openedBytes) {
		o := r.used.Remove(r.used.Back()).(*opened)
		delete(r.byKey, o.key)
		r.bytes -= o.weight
	}
}

// letter is a message to be looked at: an email, or a message within it.
type letter struct {
	*opened
	path     string // Of the part that holds it; empty for the email itself.
	root     *message.Part
	header   []byte
	envelope *message.Envelope
}

// errNoPart says that a message has no part at a path, or no message.
var errNoPart = errors.New("message has no such part")

// letterAt returns the message at a path, whose content is in r. Returns errNoPart.
func (o *opened) letterAt(r io.ReaderAt, path string) (*letter, error) {
	root := o.root
	if path != "" {
		p, err := o.part(path)
		if err != nil {
			return nil, err
		}
		if root = p.Message; root == nil {
			return nil, errNoPart
		}
	}
	header := make([]byte, min(root.BodyOffset-root.HeaderOffset, maxHeader))
	if n, err := r.ReadAt(header, root.HeaderOffset); n < len(header) {
		return nil, err
	}
	return &letter{opened: o, path: path, root: root, header: header, envelope: message.ParseBytes(header).Envelope}, nil
}

// maxPath bounds the numbers of a path.
const maxPath = message.DefaultMaxDepth + 2

// parsePath returns the numbers of a path such as "1.2".
func parsePath(path string) ([]int, bool) {
	if strings.Count(path, ".") >= maxPath {
		return nil, false
	}
	var l []int
	for s := range strings.SplitSeq(path, ".") {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil || n == 0 || s[0] == '0' || len(s) > 9 {
			return nil, false // Each part has one path only.
		}
		l = append(l, int(n))
	}
	return l, true
}

// part returns the part at a path, which is not empty. Returns errNoPart.
func (o *opened) part(path string) (*message.Part, error) {
	numbers, ok := parsePath(path)
	if !ok {
		return nil, errNoPart
	}
	p, ok := o.root.At(numbers)
	if !ok {
		return nil, errNoPart
	}
	return p, nil
}

// below returns the path of a part with a number in what has a path.
func below(path string, number int) string {
	if path == "" {
		return strconv.Itoa(number)
	}
	return path + "." + strconv.Itoa(number)
}
