package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/mjl-/bstore"

	"mox/imap"
	"mox/store/blob"
	"mox/store/dbfile"
)

// Problem is an inconsistency that Verify found.
type Problem struct {
	Account string
	What    string // For an operator, with ids.
	Cure    string // What to do, e.g. the command.
}

// Cures, which an operator reads.
const (
	cureRebuild = "stop mox, and restore the account from a backup; or move its index.db away and run \"mox recover\", which loses later changes of flags and mailboxes"
	cureRestart = "restart mox; if it comes back, report a bug"
	cureContent = "restore the file from a backup, or expunge the message"
	cureSweep   = "restart mox; only space is lost"
	curePasswd  = "set a new password"
)

// maxProblems bounds what is told of the database: in a damaged account every message may be one.
const maxProblems = 1000

// Verify checks an account: counts, identities, modseqs, the change log, keyword sets, threads,
// references to blobs, and with content set, the checksums of all blobs. Problems
// are given to report as they are found. Returns ErrNoAccount, and errors of the disk.
//
// The account may be in use. Its writes wait while the database is checked, about a second for
// 100,000 messages, so that what is checked is one exact state. The content is checked afterwards, while
// work goes on.
func (s *Store) Verify(ctx context.Context, account string, content bool, report func(Problem)) error {
	a, err := s.Open(ctx, account)
	if errors.Is(err, ErrDamaged) || errors.Is(err, errNoDatabase) {
		return s.verifyDamaged(ctx, account, err, report)
	} else if err != nil {
		return err
	}
	defer a.Close()
	v := &verifier{}
	// A transaction of the committer keeps all other writes away. Nothing is written in it.
	err = a.acc.committer.do(ctx, &op{label: "verify", bulk: true, reads: true, run: func(tx *txn) error {
		v = &verifier{ctx: ctx, account: a.acc, name: account, tx: tx.tx}
		if err := v.file(); err != nil {
			return err
		}
		return v.database()
	}})
	for _, p := range v.problems {
		report(p)
	}
	if errors.Is(err, ErrDamaged) {
		report(Problem{account, err.Error(), cureRebuild})
		return nil
	} else if err != nil {
		return fmt.Errorf("verifying database of account %s: %w", account, err)
	}
	c := contentVerifier{verifier: v, report: report}
	if content {
		err = c.readAll()
	} else {
		err = c.touchAll()
	}
	if err != nil {
		return fmt.Errorf("verifying content of account %s: %w", account, err)
	}
	return nil
}

// verifyDamaged tells what is wrong with the database of an account that could not be opened, for the error given.
func (s *Store) verifyDamaged(ctx context.Context, account string, cause error, report func(Problem)) error {
	told := false
	err := s.exclusive(ctx, account, func(sl *slot) error {
		path := databasePath(s.accountDir(sl.info.ID))
		return dbfile.Check(ctx, path, func(problem string) {
			report(Problem{account, fmt.Sprintf("database %s: %s", path, problem), cureRebuild})
			told = true
		})
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil && !told {
		report(Problem{account, cause.Error(), cureRebuild})
	}
	return err
}

// file checks the database as a file: pages, and how they lead to each other.
func (v *verifier) file() error {
	if v.account.committer.refused() != nil && v.account.committer.doubtful {
		return nil // It is about to be replaced.
	}
	path := databasePath(v.account.dir)
	return dbfile.Check(v.ctx, path, func(problem string) {
		v.problem(cureRebuild, "database %s: %s", path, problem)
	})
}

// verifier checks the database of an account in one transaction. It is used by one goroutine.
type verifier struct {
	ctx      context.Context
	account  *account
	name     string
	tx       *bstore.Tx
	problems []Problem
	dropped  int // Problems beyond maxProblems.

	row      accountRow
	boxes    map[MailboxID]*verifiedBox
	sets     map[KeywordSet][]string
	logged   map[int64]loggedMessage  // By key of messageRow.
	emails   map[int64]*verifiedEmail // By EmailID.Key.
	examined int                      // Rows.

	loggedSettings map[string]imap.ModSeq // Newest change of each in the log.
}

// verifiedBox is a mailbox, and what its messages add up to.
type verifiedBox struct {
	row      mailboxRow
	keywords map[string]bool // Folded.
	checked  map[KeywordSet]bool
	counted  mailboxRow
	last     imap.UID // Highest UID of a message.
	highest  imap.ModSeq
	view     *View // Built in memory. Nil if there is none.
	seq      imap.SeqNum
}

// loggedMessage is the newest that the change log has of a message.
type loggedMessage struct {
	modseq imap.ModSeq
	email  EmailID // Zero if not known.
	gone   bool
}

// verifiedEmail is what the rows say of an email.
type verifiedEmail struct {
	blob     blob.Ref
	exists   bool  // There is a row of the email itself.
	messages int64 // Rows of messages.
	message  int64 // Key of one of these.
	random   int64 // As all of these tell, with the rest.
	size     int64
	received int64
	thread   ThreadID
	refs     int64
	erase    int // Mentions in rows of what is to be erased.
}

// problem notes a problem.
func (v *verifier) problem(cure, format string, args ...any) {
	if len(v.problems) >= maxProblems {
		v.dropped++
		return
	}
	v.problems = append(v.problems, Problem{v.name, fmt.Sprintf(format, args...), cure})
}

// tick counts a row, and returns the error of the context now and then.
func (v *verifier) tick() error {
	if v.examined++; v.examined%1024 == 0 {
		return v.ctx.Err()
	}
	return nil
}

// database checks all rows.
func (v *verifier) database() error {
	v.row = accountRow{ID: 1}
	if err := v.tx.Get(&v.row); err != nil {
		return err
	}
	if v.row != v.account.row {
		v.problem(cureRestart, "account row in memory is %+v, in the database %+v", v.account.row, v.row)
	}
	for _, check := range []func() error{
		v.mailboxes, v.keywordSets, v.mailboxKeywords, v.changeLog, v.messages, v.mailboxSums, v.loggedSums,
		v.emailRefs, v.eraseRows, v.emailRows, v.emailSums, v.submissions, v.recipients, v.cursors, v.settings, v.mutedThreads, v.credentials,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	if v.dropped > 0 {
		v.problems = append(v.problems, Problem{v.name, fmt.Sprintf("%d more problems", v.dropped), cureRebuild})
	}
	return nil
}

// mailboxes checks what mailboxes are in themselves and with respect to each other.
func (v *verifier) mailboxes() error {
	v.boxes = map[MailboxID]*verifiedBox{}
	validities := map[uint32]MailboxID{}
	names := map[string]MailboxID{}
	uses := map[SpecialUse]MailboxID{}
	err := bstore.QueryTx[mailboxRow](v.tx).ForEach(func(r mailboxRow) error {
		v.boxes[r.ID] = &verifiedBox{row: r, checked: map[KeywordSet]bool{}, seq: 1, keywords: map[string]bool{}}
		if r.ID <= 0 || r.ID >= v.row.NextMailbox {
			v.problem(cureRebuild, "mailbox %d: id is not below the next one, %d", r.ID, v.row.NextMailbox)
		}
		if other := validities[r.UIDValidity]; other != 0 {
			v.problem(cureRebuild, "mailboxes %d and %d: both have uidvalidity %d", other, r.ID, r.UIDValidity)
		}
		validities[r.UIDValidity] = r.ID
		if r.UIDValidity == 0 || r.UIDValidity >= v.row.NextUIDValidity {
			v.problem(cureRebuild, "mailbox %d: uidvalidity %d is not below the next one, %d", r.ID, r.UIDValidity, v.row.NextUIDValidity)
		}
		if r.Created <= 0 || r.Created > r.ModSeq || r.ModSeq > v.row.ModSeq {
			v.problem(cureRebuild, "mailbox %d: modseqs out of order: created %d, mailbox %d, account %d", r.ID, r.Created, r.ModSeq, v.row.ModSeq)
		}
		v.memory(&r)
		if r.Gone {
			return nil
		}
		if name, err := checkName(r.Name); err != nil || name != r.Name {
			v.problem("rename the mailbox", "mailbox %d: name %q is not allowed", r.ID, r.Name)
		}
		if other := names[r.Name]; other != 0 {
			v.problem(cureRebuild, "mailboxes %d and %d: both have the name %q", other, r.ID, r.Name)
		}
		names[r.Name] = r.ID
		if other := uses[r.Use]; other != 0 && r.Use != "" {
			v.problem(cureRebuild, "mailboxes %d and %d: both have the special use %s", other, r.ID, r.Use)
		}
		uses[r.Use] = r.ID
		return v.tick()
	})
	if names[inboxName] == 0 {
		v.problem(cureRebuild, "there is no %s", inboxName)
	}
	if n := len(v.account.boxes.byID); n != len(names) {
		v.problem(cureRestart, "%d mailboxes in memory, %d in the database", n, len(names))
	}
	return err
}

// memory compares a mailbox with what is in memory of it, and finds its View.
func (v *verifier) memory(r *mailboxRow) {
	mb := v.account.boxes.byID[r.ID]
	if (mb == nil) != r.Gone || mb != nil && mb.row != *r {
		v.problem(cureRestart, "mailbox %d: differs in memory and in the database, %+v", r.ID, r)
	}
	if id := v.account.boxes.byName[r.Name]; !r.Gone && id != r.ID {
		v.problem(cureRestart, "mailbox %d: its name %q leads to mailbox %d in memory", r.ID, r.Name, id)
	}
	v.boxes[r.ID].view = v.account.views.peek(r.ID)
}

// keywordSets reads the sets of keywords.
func (v *verifier) keywordSets() error {
	v.sets = map[KeywordSet][]string{0: nil}
	return bstore.QueryTx[keywordSetRow](v.tx).ForEach(func(r keywordSetRow) error {
		set := KeywordSet(r.ID)
		v.sets[set] = r.Keywords
		if l, err := checkKeywords(r.Keywords); err != nil || len(l) != len(r.Keywords) || len(l) == 0 {
			v.problem(cureRebuild, "keyword set %d: malformed: %q", r.ID, r.Keywords)
		}
		if joinKeywords(v.account.keywords.names(set)) != joinKeywords(r.Keywords) {
			v.problem(cureRestart, "keyword set %d: is %q in memory, %q in the database", r.ID, v.account.keywords.names(set), r.Keywords)
		}
		return v.tick()
	})
}

// mailboxKeywords reads which keywords each mailbox has.
func (v *verifier) mailboxKeywords() error {
	return bstore.QueryTx[mailboxKeywordsRow](v.tx).ForEach(func(r mailboxKeywordsRow) error {
		b := v.boxes[r.Mailbox]
		if b == nil {
			v.problem(cureRebuild, "keywords of mailbox %d: there is no such mailbox", r.Mailbox)
			return nil
		}
		for _, k := range r.Keywords {
			b.keywords[imap.FoldKeyword(k)] = true
		}
		return v.tick()
	})
}

// changeLog reads the newest entry about each message.
func (v *verifier) changeLog() error {
	v.logged = map[int64]loggedMessage{}
	var changes []Change
	return bstore.QueryTx[changeRow](v.tx).SortAsc("ModSeq").ForEach(func(r changeRow) error {
		if r.ModSeq > v.row.ModSeq {
			v.problem(cureRebuild, "change %d: modseq is above that of the account, %d", r.ModSeq, v.row.ModSeq)
		}
		var err error
		if changes, err = r.parse(changes[:0]); err != nil {
			v.problem(cureRebuild, "change %d: %v", r.ModSeq, err)
			return nil
		}
		for i := range changes {
			v.change(&changes[i])
		}
		return v.tick()
	})
}

// change takes a change of the log.
func (v *verifier) change(c *Change) {
	switch c.Kind {
	case ChangeAdd, ChangeExpunge:
		if c.UIDs.Count() != int64(len(c.Emails)) {
			v.problem(cureRebuild, "change %d: tells %d uids and %d emails", c.ModSeq, c.UIDs.Count(), len(c.Emails))
			return
		}
	case ChangeFlags:
	case ChangeSetting:
		v.loggedSetting(c.Name, c.ModSeq)
		return
	default:
		return
	}
	if b := v.boxes[c.Mailbox]; b != nil && len(c.UIDs) > 0 {
		if last := c.UIDs[len(c.UIDs)-1].Last; last >= b.row.UIDNext {
			v.problem(cureRebuild, "change %d: uid %d of mailbox %d is not below its uidnext, %d", c.ModSeq, last, c.Mailbox, b.row.UIDNext)
			return
		}
	}
	i := 0
	for uid := range c.UIDs.All() {
		id := messageID(c.Mailbox, uid)
		m := v.logged[id]
		m.modseq, m.gone = c.ModSeq, c.Kind == ChangeExpunge
		if c.Kind != ChangeFlags {
			m.email = c.Emails[i]
		}
		v.logged[id] = m
		i++
	}
}

// messages checks all messages and adds them up.
func (v *verifier) messages() error {
	v.emails = map[int64]*verifiedEmail{}
	return bstore.QueryTx[messageRow](v.tx).SortAsc("ID").ForEach(func(r messageRow) error {
		b := v.boxes[r.mailbox()]
		if b == nil {
			v.problem(cureRebuild, "message %s: there is no such mailbox", v.describe(r.ID))
			return nil
		}
		b.counted.count(&r, 1)
		b.last = max(b.last, r.uid())
		b.highest = max(b.highest, r.ModSeq)
		if r.uid() == 0 || r.Flags&^imap.AllFlags != 0 || r.Size < 0 || r.ModSeq <= 0 {
			v.problem(cureRebuild, "message %s: malformed: %+v", v.describe(r.ID), r)
		}
		v.keywords(b, &r)
		v.inLog(&r)
		v.inView(b, &r)
		v.ofEmail(&r)
		return v.tick()
	})
}

// keywords checks the keywords of a message.
func (v *verifier) keywords(b *verifiedBox, r *messageRow) {
	if b.checked[r.Keywords] {
		return
	}
	b.checked[r.Keywords] = true
	names, ok := v.sets[r.Keywords]
	if !ok {
		v.problem(cureRebuild, "message %s: there is no keyword set %d", v.describe(r.ID), r.Keywords)
	}
	for _, k := range names {
		if !b.keywords[imap.FoldKeyword(k)] {
			v.problem(cureRebuild, "message %s: its keyword %q is not among those of the mailbox", v.describe(r.ID), k)
		}
	}
}

// inLog compares a message with the log.
func (v *verifier) inLog(r *messageRow) {
	m, ok := v.logged[r.ID]
	delete(v.logged, r.ID)
	switch {
	case !ok && r.ModSeq > v.row.Horizon:
		v.problem(cureRebuild, "message %s: the change log does not have its modseq, %d", v.describe(r.ID), r.ModSeq)
	case ok && m.gone:
		v.problem(cureRebuild, "message %s: expunged in change %d, but there", v.describe(r.ID), m.modseq)
	case ok && m.modseq != r.ModSeq:
		v.problem(cureRebuild, "message %s: has modseq %d, but its last change is %d", v.describe(r.ID), r.ModSeq, m.modseq)
	case ok && !m.email.IsZero() && m.email != r.Email:
		v.problem(cureRebuild, "message %s: is email %v, was added as %v", v.describe(r.ID), r.Email, m.email)
	}
}

// inView compares a message with the View that sessions share.
func (v *verifier) inView(b *verifiedBox, r *messageRow) {
	if b.view == nil {
		return
	}
	e := makeEntry(r)
	if int(b.seq) > b.view.Len() || b.view.At(b.seq) != e.export() {
		v.problem(cureRestart, "message %s: differs in memory and in the database, or is not there", v.describe(r.ID))
		b.view = nil
		return
	}
	b.seq++
}

// ofEmail notes a message of an email.
func (v *verifier) ofEmail(r *messageRow) {
	e := v.email(r.Email.Key)
	if e.messages == 0 {
		e.random, e.message, e.size, e.received, e.thread = r.Email.Random, r.ID, r.Size, r.Received, r.Thread
	} else if e.random != r.Email.Random || e.size != r.Size || e.received != r.Received || e.thread != r.Thread {
		v.problem(cureRebuild, "message %s: differs from message %s in id, size, time or thread, but is the same email %v", v.describe(r.ID), v.describe(e.message), r.Email)
	}
	e.messages++
}

func (v *verifier) email(key int64) *verifiedEmail {
	e := v.emails[key]
	if e == nil {
		e = &verifiedEmail{}
		v.emails[key] = e
	}
	return e
}

// describe names a message for an operator.
func (v *verifier) describe(id int64) string {
	r := messageRow{ID: id}
	name := fmt.Sprintf("mailbox %d", r.mailbox())
	if b := v.boxes[r.mailbox()]; b != nil && b.row.Name != "" {
		name = fmt.Sprintf("%q", b.row.Name)
	}
	return fmt.Sprintf("%s uid %d", name, r.uid())
}
