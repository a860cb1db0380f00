package imapserver

import (
	"context"
	"errors"

	"mox/imap"
	"mox/imap/wire"
	"mox/message"
	"mox/store"
)

// fetch is a FETCH being carried out.
type fetch struct {
	c    *conn
	args wire.Fetch
	need fetchNeed
	view *store.View

	changed imap.SeqSet // Messages whose flags changed meanwhile, to be told whether or not they are asked for.
	told    imap.SeqSet // Messages whose flags were told.

	// Of the message at hand.
	seq     imap.SeqNum
	entry   store.Entry
	cold    *store.Email
	part    *message.Part
	content *store.Content
	buf     []byte // For header fields, and for decoding.

	binary        []binaryRange // What was measured for the BINARY items, in their order.
	binaryWritten int           // How many of them are written.
	kept          []byte        // Octets of these.

	expunged bool  // Content of some message was gone.
	unknown  bool  // Content of some message is in an unknown encoding.
	damaged  error // Why some message could not be read.
}

// fetchNeed says what the items of a FETCH need besides the View.
type fetchNeed struct {
	uid, flags, modseq bool // They are among the items.
	seen               bool // An item sets \Seen.
	cold               bool // The cold record.
	part               bool // The structure, from the cold record.
	content            bool
	binary             bool // There are BINARY items.
	binaryPart         bool // With part numbers.
}

// handleFetch carries out FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 7162 §3.1.4).
func (c *conn) handleFetch(r *request) (imap.Code, error) {
	f := &fetch{c: c}
	if err := c.dec.Fetch(numKind(r), &f.args); err != nil {
		return "", err
	}
	if err := f.prepare(r); err != nil {
		return "", err
	}
	pos, err := c.positions(&f.args.Set)
	if err != nil {
		return "", err
	}
	if pos = f.changedSince(pos); len(pos) == 0 {
		return "", nil
	}
	later, err := f.setSeen(pos)
	if err != nil {
		return "", err
	}
	if f.need.content {
		if err := c.growWriter(); err != nil {
			return "", err
		}
	}
	var ce connError
	if err = f.run(pos); errors.As(err, &ce) {
		return "", err
	}
	if err := c.tellChanges(later, &f.told); err != nil {
		return "", err
	}
	switch {
	case err != nil:
		return "", err
	case f.damaged != nil:
		return "", imap.No(imap.CodeServerBug, "Some of the messages cannot be read", f.damaged)
	case f.unknown:
		// RFC 3516 §4.3: the command fails, for these messages.
		return "", imap.No(imap.CodeUnknownCTE, "Some of the messages have parts in an unknown encoding", nil)
	case f.expunged && !r.uid:
		// RFC 2180 §4.1.2: what was there was told, the rest is gone. With UIDs that is no error, and
		// EXPUNGE follows.
		return "", imap.No(imap.CodeExpungeIssued, "Some of the messages were removed meanwhile", nil)
	}
	return "", nil
}

// prepare completes the list of items and sees what they need.
func (f *fetch) prepare(r *request) error {
	if f.args.Vanished {
		return imap.Bad("VANISHED needs QRESYNC, which is not available")
	}
	for i := range f.args.Items {
		f.need.add(&f.args.Items[i])
	}
	if f.need.modseq || f.args.HasChangedSince {
		f.c.enableCondstore()
	}
	if r.uid && !f.need.uid {
		f.args.Items = append(f.args.Items, wire.FetchItem{Kind: wire.FetchUID}) // RFC 9051 §6.4.9.
		f.need.uid = true
	}
	// RFC 7162 §3.1: flags come with their MODSEQ once that is enabled; §3.1.4.1: and with
	// CHANGEDSINCE in any case.
	if !f.need.modseq && (f.args.HasChangedSince || f.need.flags && f.c.condstore) {
		f.args.Items = append(f.args.Items, wire.FetchItem{Kind: wire.FetchModSeq})
		f.need.modseq = true
	}
	return nil
}

// add adds what an item needs.
func (n *fetchNeed) add(it *wire.FetchItem) {
	n.seen = n.seen || it.SetsSeen()
	switch it.Kind {
	case wire.FetchUID:
		n.uid = true
	case wire.FetchFlags:
		n.flags = true
	case wire.FetchModSeq:
		n.modseq = true
	case wire.FetchEnvelope, wire.FetchBodyStructure:
		n.cold = true
	case wire.FetchBody:
		n.cold, n.part = true, true
	case wire.FetchRFC822:
		n.content = true
	case wire.FetchRFC822Header, wire.FetchRFC822Text:
		n.cold, n.part, n.content = true, true, true
	case wire.FetchSection:
		switch {
		case wholeMessage(&it.Section):
			n.content = true
		case listedFields(&it.Section):
			n.cold = true
		default:
			n.cold, n.part, n.content = true, true, true
		}
	case wire.FetchBinary, wire.FetchBinarySize:
		n.binary = true
		if len(it.Section.Path) > 0 {
			n.cold, n.part, n.binaryPart = true, true, true
		}
		n.content = n.content || n.binaryPart || it.Kind == wire.FetchBinary
	}
}

// changedSince returns those of the messages that changed since the modseq that was given, if one was.
func (f *fetch) changedSince(pos imap.SeqSet) imap.SeqSet {
	if !f.args.HasChangedSince {
		return pos
	}
	var changed imap.SeqSet
	for seq, e := range entries(f.c.selected.View(), pos) {
		if e.ModSeq > f.args.ChangedSince {
			changed.Add(seq)
		}
	}
	return changed
}

// setSeen sets \Seen where the items call for it (RFC 9051 §6.4.5), and brings the View up to date
// without expunging. It returns what changed, to be told after the responses.
func (f *fetch) setSeen(pos imap.SeqSet) (later store.Changes, rerr error) {
	c := f.c
	defer func() { f.view = c.selected.View() }()
	if !f.need.seen || c.selected.readOnly {
		return store.Changes{}, nil
	}
	unseen, err := f.unseen(pos)
	if len(unseen) == 0 || err != nil {
		return store.Changes{}, err
	}
	_, err = c.auth.account.SetFlags(c.srv.ctx, c.auth.actor, c.selected.mailbox.ID,
		store.FlagChange{UIDs: unseen, Op: store.FlagsAdd, Flags: imap.FlagSeen, UnchangedSince: -1})
	if err != nil {
		return store.Changes{}, err
	}
	later = c.selected.Refresh(false)
	f.changed = imap.SetOf(later.Flags...)
	if later.Keywords != nil {
		c.tellKeywords(later.Keywords)
		later.Keywords = nil
	}
	return later, nil
}

// unseen returns those of the messages that are to get \Seen.
func (f *fetch) unseen(pos imap.SeqSet) (imap.UIDSet, error) {
	var set imap.UIDSet
	var page fetchMessages
	for seq, e := range entries(f.c.selected.View(), pos) {
		switch {
		case e.Flags.Has(imap.FlagSeen):
		case f.need.binaryPart:
			page.add(seq, e)
		default:
			set.Add(e.UID)
		}
	}
	return set, f.addDecodable(&set, &page)
}

// fetchPage is how many cold records are asked for at a time. The store reads some ahead while responses are
// written.
const fetchPage = 1024

// run writes the responses.
func (f *fetch) run(pos imap.SeqSet) error {
	var page fetchMessages
	for seq, e := range entries(f.view, pos) {
		if !f.need.cold {
			f.seq, f.entry = seq, e
			if err := f.write(); err != nil {
				return err
			}
			continue
		}
		page.add(seq, e)
		if len(page.seqs) == fetchPage {
			if err := f.writePage(&page); err != nil {
				return err
			}
			page.reset()
		}
	}
	return f.writePage(&page)
}

// fetchMessages are messages to be told together.
type fetchMessages struct {
	seqs    []imap.SeqNum
	entries []store.Entry
	emails  []store.EmailID
}

func (p *fetchMessages) add(seq imap.SeqNum, e store.Entry) {
	p.seqs = append(p.seqs, seq)
	p.entries = append(p.entries, e)
	p.emails = append(p.emails, e.Email)
}

func (p *fetchMessages) reset() {
	p.seqs, p.entries, p.emails = p.seqs[:0], p.entries[:0], p.emails[:0]
}

func (f *fetch) writePage(p *fetchMessages) error {
	return f.c.auth.account.Emails(f.c.srv.ctx, f.c.auth.actor, p.emails, func(i int, e *store.Email) error {
		if e == nil {
			f.expunged = true
			return nil
		}
		f.seq, f.entry, f.cold = p.seqs[i], p.entries[i], e
		return f.write()
	})
}

// write writes the response for one message. Messages that cannot be read are passed over, so that
// the client gets the others.
func (f *fetch) write() error {
	defer f.closeMessage()
	switch err := f.open(); {
	case err == nil:
	case errors.Is(err, store.ErrExpunged):
		f.expunged = true
		return nil
	case errors.Is(err, errUnknownCTE):
		f.unknown = true
		return nil
	case errors.Is(err, store.ErrClosed) || errors.Is(err, context.Canceled):
		return err
	default:
		f.c.log.Error("message cannot be read", "email", f.entry.Email, "err", err)
		f.damaged = err
		return nil
	}
	enc := f.c.enc
	enc.Untagged().Number(uint32(f.seq)).Atom("FETCH").Open()
	for i := range f.args.Items {
		if err := f.writeItem(&f.args.Items[i]); err != nil {
			if errors.Is(err, wire.ErrShortLiteral) || err != enc.Err() {
				f.c.log.Error("message cannot be read, connection ends within a response", "email", f.entry.Email, "err", err)
			}
			return connError{err}
		}
	}
	f.writeChanged()
	enc.Close().CRLF()
	return f.c.writeError()
}

// writeChanged adds the flags of a message that changed meanwhile, if they are not among the items; to those who know
// CONDSTORE with MODSEQ and UID (RFC 7162 §3.2.4).
func (f *fetch) writeChanged() {
	changed := f.changed.Contains(f.seq)
	if changed && f.c.condstore && !f.need.uid {
		f.c.enc.Atom("UID").Number(uint32(f.entry.UID))
	}
	if changed && !f.need.flags {
		f.c.writeFlags(f.entry)
		if f.c.condstore && !f.need.modseq {
			f.c.writeModSeq(f.entry.ModSeq)
		}
	}
	if changed || f.need.flags {
		f.told.Add(f.seq)
	}
}

// open opens what the items need, before the response begins, so that it is whole or not there.
func (f *fetch) open() (err error) {
	if f.need.content {
		f.content, err = f.c.auth.account.Open(f.c.srv.ctx, f.c.auth.actor, f.entry.Email)
	}
	if f.need.part && err == nil {
		f.part, err = f.cold.Part()
	}
	if f.need.binary && err == nil {
		err = f.measureBinary()
	}
	return err
}

func (f *fetch) closeMessage() {
	if f.content != nil {
		f.content.Close()
	}
	f.content, f.part = nil, nil
}

// writeItem writes a data item (RFC 9051 §7.5.2, RFC 3501 §7.4.2). All but FLAGS and MODSEQ are those of the email,
// which never change (RFC 9051 §2.3.1.1): internal date (§2.3.3), size (§2.3.4), envelope (§2.3.5), body structure
// (§2.3.6) and texts (§2.4).
func (f *fetch) writeItem(it *wire.FetchItem) error {
	enc := f.c.enc
	switch it.Kind {
	case wire.FetchUID:
		enc.Atom("UID").Number(uint32(f.entry.UID))
	case wire.FetchFlags:
		f.c.writeFlags(f.entry)
	case wire.FetchInternalDate:
		enc.Atom("INTERNALDATE").DateTime(f.entry.ReceivedTime())
	case wire.FetchRFC822Size:
		enc.Atom("RFC822.SIZE").Number64(f.entry.Size)
	case wire.FetchModSeq:
		f.c.writeModSeq(f.entry.ModSeq)
	case wire.FetchEnvelope:
		enc.Atom("ENVELOPE").RawBytes(f.cold.Envelope)
	case wire.FetchBodyStructure:
		enc.Atom("BODYSTRUCTURE").RawBytes(f.cold.BodyStructure)
	case wire.FetchBody:
		enc.Atom("BODY").RawBytes(imap.AppendBody(nil, f.part))
	case wire.FetchSection:
		enc.Section("BODY", &it.Section)
		return f.writeSection(&it.Section)
	case wire.FetchBinary:
		enc.Section("BINARY", &it.Section)
		return f.writeBinary(f.nextBinary())
	case wire.FetchBinarySize:
		enc.Section("BINARY.SIZE", &it.Section)
		return f.writeBinarySize(f.nextBinary())
	case wire.FetchRFC822:
		enc.Atom("RFC822")
		return f.writeSection(&wire.Section{})
	case wire.FetchRFC822Header:
		enc.Atom("RFC822.HEADER")
		return f.writeSection(&wire.Section{Text: wire.SectionHeader})
	case wire.FetchRFC822Text:
		enc.Atom("RFC822.TEXT")
		return f.writeSection(&wire.Section{Text: wire.SectionBody})
	}
	return nil
}
