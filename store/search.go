package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"mox/imap"
	"mox/message"
	"mox/store/blob"
)

// Criteria select messages (RFC 9051 §6.4.4). All fields that are set must match.
//
// Text is compared as described at Search. An empty string is contained in every text.
type Criteria struct {
	// A message must be in all of these sets, which are in normal form, without "*".
	// Sequence numbers are those of the View searched.
	Seqs []imap.SeqSet
	UIDs []imap.UIDSet

	Flags, NotFlags       imap.Flags
	Keywords, NotKeywords []string

	Since, Before, On             time.Time // INTERNALDATE, date only, as in the message's received time (UTC).
	SentSince, SentBefore, SentOn time.Time // Date field, date only, zone of the field disregarded.
	Larger, Smaller               int64     // Size strictly larger/smaller; zero for unset. HasSmaller tells SMALLER 0.
	HasSmaller                    bool
	ModSeq                        imap.ModSeq // At least this modseq; zero for unset.

	Header []HeaderCriterion // Decoded header fields contain the text, without regard to case.
	Body   []string          // Decoded text of the body contains.
	Text   []string          // Header or body contains.

	Emails  []EmailID
	Threads []ThreadID

	Not []Criteria
	Or  [][2]Criteria

	None bool // Matches nothing.
}

// HeaderCriterion matches a header field that exists and contains Value (any, if empty).
type HeaderCriterion struct{ Name, Value string }

const (
	searchBatch      = 128      // Emails looked up together.
	searchCheckEvery = 4096     // Entries between looks at the context.
	searchPiece      = 32 << 10 // Bytes of text searched together.
	searchMaxHeader  = 1 << 20  // Bytes of one header that are looked at, as message.DefaultMaxHeaderBytes.
)

// Search returns the sequence numbers in view of matching messages, ascending. Cheap
// criteria (flags, sets, dates, size) are decided first; listed header fields come from
// the cold record; only what is left opens content. The context ends a long search.
//
// Text is compared decoded, without regard to case and width of characters, and with each run of
// white space as one space (RFC 5051 with Unicode case folding). Body looks at the text of all parts
// of type text and message, also in messages inside the message, and at no header; Text also
// at the header of the message and its parts.
//
// A message whose Date field is missing or unreadable matches no criterion on when it was sent.
// A message whose content was erased meanwhile, or is damaged, matches nothing that cannot be decided
// without it; damage is logged.
func (a *Account) Search(ctx context.Context, actor Actor, mailbox MailboxID, view *View, c Criteria) ([]imap.SeqNum, error) {
	s := searcher{
		ctx: ctx, account: a, actor: actor,
		plan: compileSearch(c, view, a.KeywordNames),
	}
	s.known = make([]truth, len(s.plan.leaves))
	for seq, e := range view.All(s.plan.lo) {
		if seq > s.plan.hi {
			break
		}
		if seq%searchCheckEvery == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		switch s.decideEntry(seq, &e) {
		case yes:
			s.hits = append(s.hits, seq)
		case unknown:
			s.candidates = append(s.candidates, candidate{seq, e})
			s.emails = append(s.emails, e.Email)
			if len(s.candidates) == searchBatch {
				if err := s.decideCandidates(); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := s.decideCandidates(); err != nil {
		return nil, err
	}
	slices.Sort(s.hits) // Candidates were decided later than others.
	return s.hits, nil
}

// searcher is one search.
type searcher struct {
	ctx     context.Context
	account *Account
	actor   Actor
	plan    *searchPlan
	hits    []imap.SeqNum

	// Messages that their entry does not decide.
	candidates []candidate
	emails     []EmailID

	// Of the message looked at.
	known  []truth // By leaf.
	opened []int   // Leaves that the answer depends on.
	scans  searchScans
	buf    []byte // For headers and pieces of text.
	folder textFolder
	folded []byte
}

type candidate struct {
	seq   imap.SeqNum
	entry Entry
}

// decideEntry decides as far as the entry tells.
func (s *searcher) decideEntry(seq imap.SeqNum, e *Entry) truth {
	for i := range s.plan.leaves {
		l := &s.plan.leaves[i]
		if l.kind == leafEntry {
			s.known[i] = truthOf(l.entry.matches(seq, e, s.plan.keywordNames))
		} else {
			s.known[i] = unknown
		}
	}
	return s.plan.root.eval(s.known)
}

// decideCandidates decides the candidates and empties their list.
func (s *searcher) decideCandidates() error {
	if len(s.candidates) == 0 {
		return s.ctx.Err()
	}
	err := s.account.Emails(s.ctx, s.actor, s.emails, func(i int, e *Email) error {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if e == nil {
			return nil
		}
		c := &s.candidates[i]
		s.decideEntry(c.seq, &c.entry)
		match, err := s.decideEmail(e)
		if err != nil {
			return err
		}
		if match {
			s.hits = append(s.hits, c.seq)
		}
		return nil
	})
	s.candidates, s.emails = s.candidates[:0], s.emails[:0]
	return err
}

// decideEmail decides with the cold record, and if it has to, with the content.
func (s *searcher) decideEmail(e *Email) (bool, error) {
	s.decideCold(e)
	if t := s.plan.root.eval(s.known); t != unknown {
		return t == yes, nil
	}
	t, err := s.decideContent(e)
	switch {
	case err == nil:
		return t == yes, nil
	case errors.Is(err, ErrExpunged):
		return false, nil
	case errors.Is(err, blob.ErrCorrupt):
		return false, nil
	}
	return false, fmt.Errorf("searching email %d: %w", e.ID, err)
}

// decideCold answers what the cold record tells.
func (s *searcher) decideCold(e *Email) {
	s.opened = s.plan.root.open(s.known, s.opened[:0])
	for _, i := range s.opened {
		l := &s.plan.leaves[i]
		switch l.kind {
		case leafThreads:
			_, ok := slices.BinarySearch(l.threads, e.Thread)
			s.known[i] = truthOf(ok)
		case leafSent:
			s.known[i] = truthOf(sentWithin(e.Header, l.sent))
		case leafHeader:
			if l.tier == tierCold {
				s.known[i] = truthOf(s.headerContains(e.Header, l))
			}
		case leafText:
			// A match here saves opening the message; without one nothing is known.
			for f := range message.Fields(e.Header) {
				if s.fieldContains(f, l.needle) {
					s.known[i] = yes
					break
				}
			}
		}
	}
}

// sentWithin reports whether the date of the Date field, in its own zone, is within d.
func sentWithin(header []byte, d dateKey) bool {
	f, ok := message.FirstField(header, "Date")
	if !ok {
		return false
	}
	sent, ok := message.ParseDate(string(message.Unfold(f.Value)))
	return ok && d.contains(dayOf(sent))
}

// headerContains reports whether a field that l names contains its needle.
func (s *searcher) headerContains(header []byte, l *searchLeaf) bool {
	for f := range message.Fields(header) {
		if f.Is(l.field) && (len(l.needle) == 0 || s.fieldContains(f, l.needle)) {
			return true
		}
	}
	return false
}

// fieldContains reports whether the decoded value of a field contains a folded needle.
func (s *searcher) fieldContains(f message.Field, needle []byte) bool {
	s.folder.end()
	s.folded = s.folder.append(s.folded[:0], []byte(f.Text()))
	return bytes.Contains(s.folded, needle)
}

// decideContent reads the message: its header first, then the rest as far as needed.
func (s *searcher) decideContent(e *Email) (truth, error) {
	root, err := e.Part()
	if err != nil {
		return unknown, err
	}
	content, err := s.account.Open(s.ctx, s.actor, e.ID)
	if err != nil {
		return unknown, err
	}
	defer content.Close()

	s.opened = s.plan.root.open(s.known, s.opened[:0])
	s.scans.set(s.plan, s.opened)
	if err := s.searchHeader(content, root, true); err != nil {
		return unknown, err
	}
	if t := s.plan.root.eval(s.known); t != unknown {
		return t, nil
	}
	if err := s.searchBody(content, root); err != nil && err != errDecided {
		return unknown, err
	}
	for _, i := range s.opened {
		if s.known[i] == unknown {
			s.known[i] = no
		}
	}
	return s.plan.root.eval(s.known), nil
}

// errDecided ends reading.
var errDecided = errors.New("decided")

// found notes that a leaf holds.
func (s *searcher) found(leaf int) {
	s.known[leaf] = yes
	s.scans.remove(leaf)
}

// searchHeader looks at the header of a part. Of that of the whole message, top, the criteria on
// header fields are decided.
func (s *searcher) searchHeader(r io.ReaderAt, p *message.Part, top bool) error {
	if !top && len(s.scans.header.needles) == 0 {
		return nil
	}
	header, err := s.read(r, p.HeaderOffset, min(p.BodyOffset-p.HeaderOffset, searchMaxHeader))
	if err != nil {
		return err
	}
	for f := range message.Fields(header) {
		if top {
			s.matchField(f)
		}
		if len(s.scans.header.needles) > 0 {
			scan := &s.scans.header
			scan.write(f.Name, s.found)
			scan.write([]byte(": "), s.found)
			scan.write([]byte(f.Text()), s.found)
			scan.end()
		}
	}
	if top {
		for _, i := range s.opened {
			if s.plan.leaves[i].kind == leafHeader && s.known[i] == unknown {
				s.known[i] = no
			}
		}
		return nil
	}
	// A file name can be in an encoding of its own (RFC 2231).
	if name := p.Filename(); name != "" {
		s.scans.header.write([]byte(name), s.found)
		s.scans.header.end()
	}
	return nil
}

// matchField decides the criteria on fields that f meets.
func (s *searcher) matchField(f message.Field) {
	for _, i := range s.opened {
		l := &s.plan.leaves[i]
		if l.kind == leafHeader && s.known[i] == unknown && f.Is(l.field) && (len(l.needle) == 0 || s.fieldContains(f, l.needle)) {
			s.known[i] = yes
		}
	}
}

// searchBody looks at the text of a part and of those in it. It returns errDecided once nothing more
// needs to be read.
func (s *searcher) searchBody(r io.ReaderAt, p *message.Part) error {
	switch {
	case p.IsMultipart():
		for _, kid := range p.Parts {
			if err := s.searchPart(r, kid); err != nil {
				return err
			}
		}
		return nil
	case p.Message != nil:
		return s.searchPart(r, p.Message)
	case p.Type == "text" || p.Type == "message":
		return s.searchText(p.TextReader(r))
	}
	return nil
}

func (s *searcher) searchPart(r io.ReaderAt, p *message.Part) error {
	before := len(s.scans.header.needles)
	if err := s.searchHeader(r, p, false); err != nil {
		return err
	}
	if len(s.scans.header.needles) != before && s.plan.root.eval(s.known) != unknown {
		return errDecided
	}
	return s.searchBody(r, p)
}

// searchText looks at one text.
func (s *searcher) searchText(r io.Reader) error {
	scan := &s.scans.body
	defer scan.end()
	buf := s.grow(searchPiece)
	for {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(r, buf)
		before := len(scan.needles)
		scan.write(buf[:n], s.found)
		if len(scan.needles) != before && s.plan.root.eval(s.known) != unknown {
			return errDecided
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// read reads n bytes into the buffer.
func (s *searcher) read(r io.ReaderAt, off, n int64) ([]byte, error) {
	buf := s.grow(int(n))
	if _, err := r.ReadAt(buf, off); err != nil && err != io.EOF {
		return nil, err
	}
	return buf, nil
}

// grow returns n bytes of the buffer.
func (s *searcher) grow(n int) []byte {
	s.buf = slices.Grow(s.buf[:0], n)[:n]
	return s.buf
}

// searchScans look for the needles of what is still open: those of Text in headers, and those of
// Text and Body in bodies.
type searchScans struct {
	header, body textScan
}

func (s *searchScans) set(p *searchPlan, leaves []int) {
	header, body := s.header.needles[:0], s.body.needles[:0]
	for _, i := range leaves {
		l := &p.leaves[i]
		if l.kind == leafText {
			header = append(header, scanNeedle{l.needle, i})
		}
		if l.kind == leafText || l.kind == leafBody {
			body = append(body, scanNeedle{l.needle, i})
		}
	}
	s.header.set(header)
	s.body.set(body)
}

func (s *searchScans) remove(leaf int) {
	s.header.remove(leaf)
	s.body.remove(leaf)
}
