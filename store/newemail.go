package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/mjl-/bstore"

	"mox/imap"
	"mox/message"
	"mox/store/blob"
)

// newEmail is a message made ready for its transaction by the goroutine of the caller, which does all
// that takes time: parsing, the cold record, staging a large body.
type newEmail struct {
	id       EmailID
	size     int64 // Prefix and body.
	received int64
	flags    imap.Flags
	keywords []string // As checkKeywords returned them.
	cold     []byte
	threads  []int64 // Keys of the thread it belongs to, see threadKey.

	// envelope is that of the message.
	envelope *message.Envelope

	// delivered says that it comes from outside, see SetMuted.
	delivered bool

	item blob.Item
	ref  blob.Ref // Set by the committer.
	used bool     // An Email refers to ref. Set by the transaction.
}

var errBodySize = errors.New("size of message is not that of its body")

// prepare makes a message ready. The names of mailbox and its use are kept beside the body, for Recover.
// The caller gives the email to an op as one of its bodies, or calls discard.
func (a *account) prepare(ctx context.Context, m *NewMessage, mailbox string, use SpecialUse) (_ *newEmail, rerr error) {
	if m.Body == nil || m.Size < 0 {
		return nil, errors.New("message has no body")
	}
	keywords, err := checkKeywords(m.Keywords)
	if err != nil {
		return nil, err
	}
	root := m.Root
	if root == nil {
		if root, err = message.Parse(io.NewSectionReader(m.Body, 0, m.Size)); err != nil {
			return nil, fmt.Errorf("reading message: %w", err)
		}
	}
	if root.EndOffset != m.Size {
		return nil, errBodySize
	}
	id, err := a.newEmailID()
	if err != nil {
		return nil, err
	}
	e := &newEmail{
		id:       id,
		size:     int64(len(m.Prefix)) + m.Size,
		flags:    m.Flags & imap.AllFlags,
		keywords: keywords,
	}
	if e.received = m.Received.Unix(); m.Received.IsZero() {
		e.received = a.store.opts.Now().Unix()
	}
	c, err := makeCold(m, root)
	if err != nil {
		return nil, err
	}
	e.cold = c.append(make([]byte, 0, c.maxSize()))
	e.envelope = c.message.Envelope
	e.threads = threadKeys(e.envelope)
	a.mu.RLock()
	validity := a.row.NextUIDValidity
	a.mu.RUnlock()
	meta := appendRecoverMeta(nil, recoverMeta{
		Mailbox: mailbox, Use: use, Received: e.received, NextUIDValidity: validity,
		Flags: e.flags, Keywords: e.keywords, Random: id.Random, Prefix: m.Prefix, Auth: m.Auth,
	})
	if len(meta) > blob.MaxMeta {
		return nil, fmt.Errorf("header to prepend is too large: %d bytes", len(m.Prefix))
	}
	e.item = blob.Item{EmailID: id.Key, Meta: meta, Body: m.Body, Size: m.Size}
	if a.blobs.Large(m.Size) {
		e.item.Staged, err = a.blobs.Stage(ctx, e.item)
		if errors.Is(err, blob.ErrClosed) {
			return nil, ErrClosed
		} else if err != nil {
			return nil, err
		}
	}
	return e, nil
}

// discard gives up a message that no op has.
func (a *account) discard(emails []*newEmail) {
	for _, e := range emails {
		if e.item.Staged != nil {
			a.blobs.Discard(e.item.Staged)
		}
	}
}

// withBodies runs an op with bodies. They are discarded if the op never begins.
func (a *account) withBodies(ctx context.Context, o *op) error {
	err := a.committer.do(ctx, o)
	if err != nil && !o.begun {
		a.discard(o.bodies)
	}
	return err
}

// addEmail adds a message to a mailbox.
func (t *txn) addEmail(b *box, e *newEmail) (Added, error) {
	keywords, err := t.internKeywords(e.keywords)
	if err != nil {
		return Added{}, err
	}
	if err := t.useKeywords(b, keywords); err != nil {
		return Added{}, err
	}
	thread, err := t.thread(e.id, e.threads)
	if err != nil {
		return Added{}, err
	}
	uid, err := t.newUID(b)
	if err != nil {
		return Added{}, err
	}
	ref, err := e.ref.MarshalBinary()
	if err != nil {
		return Added{}, err
	}
	err = t.insert(&emailRow{e.id.Key, emailRecord{
		Random: e.id.Random, Thread: thread, Received: e.received, Size: e.size, Blob: ref, Cold: e.cold,
	}})
	if err != nil {
		return Added{}, err
	}
	err = t.insertMessage(b, &messageRow{
		ID: messageID(b.row.ID, uid), Email: e.id, ModSeq: t.modSeq(),
		Flags: t.flagsOf(e, thread), Keywords: keywords,
		Size: e.size, Received: e.received, Saved: t.now.Unix(), Thread: thread,
	})
	if err != nil {
		return Added{}, err
	}
	t.row.Bytes += e.size
	e.used = true
	return Added{
		Mailbox: b.row.ID, UIDValidity: b.row.UIDValidity, UID: uid,
		ModSeq: t.modSeq(), Email: e.id, Thread: thread,
	}, nil
}

// room returns ErrQuota if the account has no room for size more bytes.
func (a *account) room(used, size int64) error {
	if quota := a.quota(); quota > 0 && used+size > quota {
		return ErrQuota
	}
	return nil
}

// threadKey is where threadKeyRow leads from a message id and base subject: 63 bits of a hash of
// both.
func threadKey(messageID, baseSubject string) int64 {
	var buf [256]byte
	b := append(buf[:0], messageID...)
	b = append(b, 0)
	b = append(b, baseSubject...)
	sum := sha256.Sum256(b)
	return int64(binary.BigEndian.Uint64(sum[:]) & math.MaxInt64)
}

// threadKeys returns the keys of an email: those of its own message id and of all that it refers to, each
// together with its base subject (RFC 5256 §2.1).
func threadKeys(env *message.Envelope) []int64 {
	base, _ := message.BaseSubject(env.Subject)
	base = strings.ToLower(base)
	var keys []int64
	seen := map[string]bool{"": true}
	add := func(id string) {
		if !seen[id] {
			seen[id] = true
			keys = append(keys, threadKey(id, base))
		}
	}
	add(env.MessageID)
	for _, id := range env.InReplyTo {
		add(id)
	}
	for _, id := range env.References {
		add(id)
	}
	return keys
}

// thread returns the thread of a new email with the keys, which lead to it from then on.
func (t *txn) thread(id EmailID, keys []int64) (ThreadID, error) {
	thread := ThreadID(0)
	missing := make([]int64, 0, len(keys))
	for _, key := range keys {
		known, err := t.threadOf(key)
		switch {
		case err != nil:
			return 0, err
		case known == 0:
			missing = append(missing, key)
		case thread == 0:
			thread = known
		}
	}
	if thread == 0 {
		thread = ThreadID(id.Key)
	}
	for _, key := range missing {
		t.addThreadKey(key, thread)
	}
	return thread, nil
}

// The parts of the key of deliveryRow: a day, and a hash of the id.
const deliveryHashBits = 40

// deliveryDays is for how many days delivery ids are remembered.
const deliveryDays = 7

func deliveryDay(unix int64) int64 { return max(0, unix/(24*3600)) }

// deliveryKey is the key of a delivery id on a day. Rows of a day stand together, so that those of old days
// are removed without looking at the others. An id whose key is taken by another one has the next key.
func deliveryKey(day int64, id string) int64 {
	sum := sha256.Sum256([]byte(id))
	hash := int64(binary.BigEndian.Uint64(sum[:]) >> (64 - deliveryHashBits))
	// The zero key is none.
	return (day<<deliveryHashBits | hash) + 1
}

// findDelivery reports whether a delivery id is remembered. If it is not, it returns the key under which to
// remember it.
func (t *txn) findDelivery(id string) (seen bool, free int64, err error) {
	today := deliveryDay(t.now.Unix())
	for day := max(0, today-deliveryDays); day <= today; day++ {
		for free = deliveryKey(day, id); ; free++ {
			row := deliveryRow{Key: free}
			err := t.get(&row)
			if err == bstore.ErrAbsent {
				break
			} else if err != nil {
				return false, 0, err
			}
			if row.ID == id {
				return true, 0, nil
			}
		}
	}
	return false, free, nil
}
