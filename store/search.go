package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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
	ReceivedSince, ReceivedBefore time.Time // INTERNALDATE as a moment: not before the first, and before the second.
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
	searchBatch      = 1024     // Candidates decided together; their emails are read page by page.
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
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	s := searcher{
		ctx: ctx, account: acc, handle: a, actor: actor,
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
	account *account
	handle  *Account
	actor   Actor
	plan    *searchPlan
	hits    []imap.SeqNum

	// Messages that their entry does not decide.
	candidates []candidate
	emails     []EmailID
	rows       [2][]emailRow // Buffers for emailPages.

	// Of the message looked at.
	known  []truth // By leaf.
	opened []int   // Leaves that the answer depends on.
	scans  searchScans
	body   []byte // Content without prefix, of a message that is not large.
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
	pages := newEmailPages(s.ctx, s.account, s.emails, &s.rows)
	defer pages.close()
	for done := 0; done < len(s.candidates); {
		rows, err := pages.next()
		if err != nil {
			return err
		}
		if err := s.decideRead(done, rows); err != nil {
			return err
		}
		done += len(rows)
	}
	s.candidates, s.emails = s.candidates[:0], s.emails[:0]
	return s.ctx.Err()
}

// decideRead decides the candidates from a place on whose emails were read.
func (s *searcher) decideRead(first int, rows []emailRow) error {
	var email Email
	for i := range rows {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		row := &rows[i]
		if row.Rec.Cold == nil {
			continue // Erased.
		}
		if err := email.set(row); err != nil {
			return fmt.Errorf("searching email %v: %w", row.id(), err)
		}
		c := &s.candidates[first+i]
		s.decideEntry(c.seq, &c.entry)
		match, err := s.decideEmail(&email, row.Rec.Blob)
		if err != nil {
			return err
		}
		if match {
			s.hits = append(s.hits, c.seq)
		}
	}
	return nil
}

// decideEmail decides with the cold record, and if it has to, with the content, which was at ref when the
// record was read.
func (s *searcher) decideEmail(e *Email, ref []byte) (bool, error) {
	s.decideCold(e)
	if t := s.plan.root.eval(s.known); t != unknown {
		return t == yes, nil
	}
	t, err := s.decideContent(e, ref)
	switch {
	case err == nil:
		return t == yes, nil
	case errors.Is(err, ErrExpunged):
		return false, nil
	case errors.Is(err, blob.ErrCorrupt):
		s.account.log.Error("message is damaged and cannot be searched", "email", e.ID, "err", err)
		return false, nil
	}
	return false, fmt.Errorf("searching email %v: %w", e.ID, err)
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
	if asItStands(f.Value) {
		s.folded = s.folder.append(s.folded[:0], bytes.TrimSpace(f.Value))
	} else {
		s.folded = s.folder.append(s.folded[:0], []byte(f.Text()))
	}
	return bytes.Contains(s.folded, needle)
}

// asItStands reports whether a field has nothing to decode: it is printable ASCII and white space, without
// encoded words (RFC 2047).
func asItStands(value []byte) bool {
	for _, c := range value {
		if (c < ' ' || c > '~') && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return !bytes.Contains(value, []byte("=?"))
}

// decideContent reads the message: its header first, then the rest as far as needed.
func (s *searcher) decideContent(e *Email, ref []byte) (truth, error) {
	root, err := e.Part()
	if err != nil {
		return unknown, err
	}
	content, done, err := s.openContent(e, ref)
	if err != nil {
		return unknown, err
	}
	defer done()

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

// openContent opens the content of a message: in memory, which also checks it, unless it is large.
func (s *searcher) openContent(e *Email, at []byte) (content io.ReaderAt, done func() error, err error) {
	ref, err := blob.ParseRef(at)
	if err != nil {
		return nil, nil, err
	}
	if !s.account.blobs.Large(ref.Size()) {
		s.body, err = s.account.blobs.ReadAll(ref, s.body)
		if err == nil {
			return &prefixed{e.Prefix, bytes.NewReader(s.body), ref.Size()}, func() error { return nil }, nil
		} else if !errors.Is(err, blob.ErrNotExist) {
			return nil, nil, err
		}
		// Compaction has moved it, or it was erased.
	}
	c, err := s.handle.Open(s.ctx, s.actor, e.ID)
	if err != nil {
		return nil, nil, err
	}
	return c, c.Close, nil
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
		plain, err := s.searchPlain(r, p)
		if err != nil || plain {
			return err
		}
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

// searchPlain looks at the text of a part that is ASCII as it stands, which most text is. For others it
// reports false; what it found is in them too.
func (s *searcher) searchPlain(r io.ReaderAt, p *message.Part) (plain bool, err error) {
	switch p.Encoding {
	case "", "7bit", "8bit", "binary":
	default:
		return false, nil
	}
	if !keepsASCII(p.Param("charset")) {
		return false, nil
	}
	defer s.scans.body.end()
	for off := p.BodyOffset; off < p.EndOffset; {
		b, err := s.read(r, off, min(searchPiece, p.EndOffset-off))
		if err != nil {
			return false, err
		}
		if !isASCII(b) {
			return false, nil
		}
		if err := s.scanPiece(b); err != nil {
			return true, err
		}
		off += int64(len(b))
	}
	return true, nil
}

// keepsASCII reports whether ASCII bytes stand for themselves in a charset, always. It does not know all
// of which that is true.
func keepsASCII(charset string) bool {
	switch charset = strings.ToLower(charset); charset {
	case "", "us-ascii", "utf-8", "koi8-r":
		return true
	}
	return strings.HasPrefix(charset, "iso-8859-") || strings.HasPrefix(charset, "windows-125")
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// searchText looks at one text.
func (s *searcher) searchText(r io.Reader) error {
	defer s.scans.body.end()
	buf := s.grow(searchPiece)
	for {
		n, err := io.ReadFull(r, buf)
		if err := s.scanPiece(buf[:n]); err != nil {
			return err
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// scanPiece looks at the next piece of a text. It returns errDecided once nothing more needs to be read.
func (s *searcher) scanPiece(b []byte) error {
	scan := &s.scans.body
	before := len(scan.needles)
	scan.write(b, s.found)
	if len(scan.needles) != before && s.plan.root.eval(s.known) != unknown {
		return errDecided
	}
	return s.ctx.Err()
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
