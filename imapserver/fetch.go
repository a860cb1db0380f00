package imapserver

import (
	"errors"

	"mox/imap"
	"mox/imap/wire"
	"mox/message"
	"mox/store"
)

// fetch is a FETCH being carried out.
type fetch struct {
	c     *conn
	args  wire.Fetch
	view  *store.View
	told  imap.SeqSet // Messages whose flags changed and are told although nobody asked.
	email bool        // The cold record is needed.

	// Of the message at hand.
	seq     imap.SeqNum
	entry   store.Entry
	cold    *store.Email
	part    *message.Part  // Opened when first needed.
	content *store.Content // Likewise.

	expunged bool // Content of some message was gone.
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
	if err != nil || len(pos) == 0 {
		return "", err
	}
	later, err := f.setSeen(pos)
	if err != nil {
		return "", err
	}
	if err := f.run(pos); err != nil {
		return "", err
	}
	if err := c.tellChanges(later, func(e store.Entry) bool {
		seq, _ := f.view.Seq(e.UID)
		return f.told.Contains(seq)
	}); err != nil {
		return "", err
	}
	if f.expunged {
		// RFC 2180 §4.1.1: what was there was told, the rest is gone.
		return "", imap.No(imap.CodeExpungeIssued, "Some of the messages were removed meanwhile", nil)
	}
	return "", nil
}

// prepare completes the list of items and sees what they need.
func (f *fetch) prepare(r *request) error {
	has := map[wire.FetchKind]bool{}
	for i := range f.args.Items {
		it := &f.args.Items[i]
		has[it.Kind] = true
		switch it.Kind {
		case wire.FetchUID, wire.FetchFlags, wire.FetchInternalDate, wire.FetchRFC822Size:
		case wire.FetchModSeq:
			f.c.condstore = true
		case wire.FetchBinary, wire.FetchBinarySize:
			return imap.Bad("BINARY is not available")
		default:
			f.email = true
		}
	}
	if f.args.Vanished {
		return imap.Bad("VANISHED needs QRESYNC, which is not available")
	}
	add := func(k wire.FetchKind) {
		if !has[k] {
			f.args.Items = append(f.args.Items, wire.FetchItem{Kind: k})
			has[k] = true
		}
	}
	if f.args.HasChangedSince {
		f.c.condstore = true
		add(wire.FetchModSeq) // RFC 7162 §3.1.4.1.
	}
	if r.uid {
		add(wire.FetchUID) // RFC 9051 §6.4.9.
	}
	return nil
}

// setSeen sets \Seen where the items call for it (RFC 9051 §6.4.5), and brings the View up to date
// without expunging. It returns changes that the responses do not tell.
func (f *fetch) setSeen(pos imap.SeqSet) (later store.Changes, rerr error) {
	c := f.c
	defer func() { f.view = c.selected.View() }()
	sets := false
	for _, it := range f.args.Items {
		sets = sets || it.SetsSeen()
	}
	if !sets || c.selected.readOnly {
		return store.Changes{}, nil
	}
	view := c.selected.View()
	var unseen imap.UIDSet
	for seq := range pos.All() {
		if e := view.At(seq); !e.Flags.Has(imap.FlagSeen) {
			unseen.Add(e.UID)
		}
	}
	if len(unseen) == 0 {
		return store.Changes{}, nil
	}
	_, err := c.auth.account.SetFlags(c.ctx, c.auth.actor, c.selected.mailbox.ID,
		store.FlagChange{UIDs: unseen, Op: store.FlagsAdd, Flags: imap.FlagSeen, UnchangedSince: -1})
	if err != nil {
		return store.Changes{}, err
	}
	later = c.selected.Refresh(false)
	for _, seq := range later.Flags {
		if pos.Contains(seq) {
			f.told.Add(seq)
		}
	}
	if later.Keywords != nil {
		c.tellKeywords(later.Keywords)
		later.Keywords = nil
	}
	return later, nil
}

// fetchPage is how many cold records are asked for at a time.
const fetchPage = 200

// run writes the responses.
func (f *fetch) run(pos imap.SeqSet) error {
	var page []imap.SeqNum
	for seq := range pos.All() {
		e := f.view.At(seq)
		if f.args.HasChangedSince && e.ModSeq <= f.args.ChangedSince {
			continue
		}
		if !f.email {
			f.seq, f.entry = seq, e
			if err := f.write(); err != nil {
				return err
			}
			continue
		}
		if page = append(page, seq); len(page) == fetchPage {
			if err := f.writePage(page); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	return f.writePage(page)
}

func (f *fetch) writePage(page []imap.SeqNum) error {
	ids := make([]store.EmailID, len(page))
	for i, seq := range page {
		ids[i] = f.view.At(seq).Email
	}
	return f.c.auth.account.Emails(f.c.ctx, f.c.auth.actor, ids, func(i int, e *store.Email) error {
		if e == nil {
			f.expunged = true
			return nil
		}
		f.seq, f.entry, f.cold = page[i], f.view.At(page[i]), e
		return f.write()
	})
}

// write writes the response for one message.
func (f *fetch) write() error {
	defer f.closeMessage()
	if f.needsContent() {
		// Opened before the response begins, so that it is whole or not there.
		content, err := f.c.auth.account.Open(f.c.ctx, f.c.auth.actor, f.entry.Email)
		if errors.Is(err, store.ErrExpunged) {
			f.expunged = true
			return nil
		} else if err != nil {
			return err
		}
		f.content = content
	}
	if f.email {
		part, err := f.cold.Part()
		if err != nil {
			return err
		}
		f.part = part
	}
	enc := f.c.enc
	enc.Untagged().Number(uint32(f.seq)).Atom("FETCH").Open()
	flags := false
	for i := range f.args.Items {
		it := &f.args.Items[i]
		flags = flags || it.Kind == wire.FetchFlags
		if err := f.writeItem(it); err != nil {
			return connError{err} // Half a response is written.
		}
	}
	if !flags && f.told.Contains(f.seq) {
		f.c.writeFlags(f.entry)
	}
	enc.Close().CRLF()
	return f.c.writeError()
}

func (f *fetch) closeMessage() {
	if f.content != nil {
		f.content.Close()
	}
	f.content, f.part = nil, nil
}

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
