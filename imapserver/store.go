package imapserver

import (
	"slices"

	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// handleStore carries out STORE and UID STORE (RFC 9051 §6.4.6, RFC 3501 §6.4.6, RFC 7162 §3.1.3).
func (c *conn) handleStore(r *request) (imap.Code, error) {
	s := storing{c: c}
	if err := c.dec.Store(numKind(r), &s.args); err != nil {
		return "", err
	}
	if s.args.HasUnchangedSince {
		c.enableCondstore()
	}
	if err := c.writable(); err != nil {
		return "", err
	}
	var err error
	if s.pos, err = c.positions(&s.args.Set); err != nil || len(s.pos) == 0 {
		return "", err
	}
	if err := s.run(); err != nil {
		return "", err
	}
	code := imap.Code("")
	if len(s.modified) > 0 && r.uid {
		code = imap.Modified(s.modified)
	} else if len(s.modified) > 0 {
		code = imap.Modified(uidPositions(c.selected.View(), s.modified))
	}
	if !s.gone || s.args.Silent || r.uid {
		// RFC 9051 §6.4.9: UIDs that do not exist are no error.
		return code, nil
	}
	if code == "" {
		code = imap.CodeExpungeIssued
	}
	// RFC 2180 §4.2.2, §4.2.3: what was there was told, the rest is gone.
	return "", imap.No(code, "Some of the messages were removed meanwhile", nil)
}

// storing is a STORE being carried out.
type storing struct {
	c        *conn
	args     wire.Store
	pos      imap.SeqSet // The messages it is about.
	modified imap.UIDSet // Left alone, because they were changed since.
	gone     bool        // Some are expunged.

	told    imap.SeqSet // Need not be told again.
	foresee map[keywordChange]bool
}

// keywordChange is a set of keywords that became another.
type keywordChange struct{ old, now store.KeywordSet }

// run changes the flags and tells what changed.
func (s *storing) run() error {
	c := s.c
	before := c.selected.View()
	change := store.FlagChange{
		UIDs: uids(before, s.pos), Op: flagOp(s.args.Op), Flags: s.args.Flags, Keywords: s.args.Keywords, UnchangedSince: -1,
	}
	if s.args.HasUnchangedSince {
		change.UnchangedSince = s.args.UnchangedSince
	}
	res, err := c.auth.account.SetFlags(c.srv.ctx, c.auth.actor, c.selected.mailbox.ID, change)
	if err != nil {
		return err
	}
	s.modified = imap.SetOf(res.Modified...)
	ch := c.selected.Refresh(false)
	if ch.Keywords != nil {
		c.tellKeywords(ch.Keywords)
		ch.Keywords = nil
	}
	// Sequence numbers stay the same as long as nothing is expunged.
	if s.args.Silent {
		s.tellSilent(before, res, ch)
	} else {
		s.tellAll()
	}
	return c.tellChanges(ch, &s.told)
}

// tellAll tells the flags of all messages the command was about, whether they changed or not.
func (s *storing) tellAll() {
	for seq, e := range entries(s.c.selected.View(), s.pos) {
		switch {
		case s.c.selected.Gone(e.UID):
			s.gone = true
		case !s.modified.Contains(e.UID):
			s.c.tellFlags(seq, e)
			s.told.Add(seq)
		}
	}
}

// tellSilent spares the client the flags that it knows by itself. Those that somebody else
// changed, too, are told nevertheless (RFC 9051 §6.4.6). With CONDSTORE the new MODSEQ is told in any
// case; if the STORE was conditional, also that of messages that had the flags already
// (RFC 7162 §3.1.3).
func (s *storing) tellSilent(before *store.View, res store.FlagResult, ch store.Changes) {
	c := s.c
	view := c.selected.View()
	own := imap.SetOf(res.Changed...)
	for _, seq := range ch.Flags {
		e := view.At(seq)
		if e.ModSeq == res.ModSeq && own.Contains(e.UID) && s.foreseen(before.At(seq), e) {
			s.told.Add(seq)
		}
	}
	if !c.condstore {
		return
	}
	if !s.args.HasUnchangedSince {
		for seq, e := range entries(view, s.told) {
			c.tellModSeq(seq, e)
		}
		return
	}
	changed := imap.SetOf(ch.Flags...)
	for seq, e := range entries(view, s.pos) {
		if s.told.Contains(seq) || !changed.Contains(seq) && !s.modified.Contains(e.UID) && !c.selected.Gone(e.UID) {
			c.tellModSeq(seq, e)
		}
	}
}

// foreseen reports whether a client can tell the flags of a message from those it had before and the
// command.
func (s *storing) foreseen(old, now store.Entry) bool {
	flags := s.args.Flags
	switch s.args.Op {
	case wire.StoreAdd:
		flags |= old.Flags
	case wire.StoreRemove:
		flags = old.Flags &^ flags
	}
	if flags != now.Flags {
		return false
	}
	if len(s.args.Keywords) == 0 && s.args.Op != wire.StoreReplace {
		return old.Keywords == now.Keywords
	}
	k := keywordChange{old.Keywords, now.Keywords}
	same, ok := s.foresee[k]
	if !ok {
		same = s.keywordsForeseen(k)
		if s.foresee == nil {
			s.foresee = map[keywordChange]bool{}
		}
		s.foresee[k] = same
	}
	return same
}

func (s *storing) keywordsForeseen(k keywordChange) bool {
	acc := s.c.auth.account
	want := map[string]bool{}
	if s.args.Op != wire.StoreReplace {
		for _, name := range acc.KeywordNames(k.old) {
			want[imap.FoldKeyword(name)] = true
		}
	}
	for _, name := range s.args.Keywords {
		if s.args.Op == wire.StoreRemove {
			delete(want, imap.FoldKeyword(name))
		} else {
			want[imap.FoldKeyword(name)] = true
		}
	}
	have := acc.KeywordNames(k.now)
	return len(have) == len(want) && !slices.ContainsFunc(have, func(name string) bool { return !want[imap.FoldKeyword(name)] })
}

// tellModSeq tells a new MODSEQ without flags.
func (c *conn) tellModSeq(seq imap.SeqNum, e store.Entry) {
	c.enc.Untagged().Number(uint32(seq)).Atom("FETCH").Open().Atom("UID").Number(uint32(e.UID))
	c.writeModSeq(e.ModSeq)
	c.enc.Close().CRLF()
}

func numKind(r *request) wire.NumKind {
	if r.uid {
		return wire.UIDNums
	}
	return wire.SeqNums
}

func flagOp(op wire.StoreOp) store.FlagOp {
	switch op {
	case wire.StoreAdd:
		return store.FlagsAdd
	case wire.StoreRemove:
		return store.FlagsRemove
	}
	return store.FlagsReplace
}
