package store

import (
	"crypto"

	"github.com/mjl-/bstore"

	"mox/sasl"
	"mox/store/blob"
)

// mailboxSums compares mailboxes with what their messages add up to.
func (v *verifier) mailboxSums() error {
	for id, b := range v.boxes {
		r, c := &b.row, &b.counted
		if r.Total != c.Total || r.Unread != c.Unread || r.Unseen != c.Unseen || r.Deleted != c.Deleted || r.Size != c.Size {
			v.problem(cureRebuild, "mailbox %d %q: counts are total %d unread %d unseen %d deleted %d size %d, its messages have %d %d %d %d %d",
				id, r.Name, r.Total, r.Unread, r.Unseen, r.Deleted, r.Size, c.Total, c.Unread, c.Unseen, c.Deleted, c.Size)
		}
		if b.last >= r.UIDNext {
			v.problem(cureRebuild, "mailbox %d %q: has a message with uid %d, uidnext is %d", id, r.Name, b.last, r.UIDNext)
		}
		if r.RecentFrom > r.UIDNext {
			v.problem(cureRebuild, "mailbox %d %q: messages are recent from uid %d, uidnext is %d", id, r.Name, r.RecentFrom, r.UIDNext)
		}
		if b.highest > r.ModSeq {
			v.problem(cureRebuild, "mailbox %d %q: has a message with modseq %d, its own is %d", id, r.Name, b.highest, r.ModSeq)
		}
		if b.view != nil && (b.view.Len() != int(b.seq)-1 || b.view.ModSeq() < b.highest || b.view.ModSeq() > r.ModSeq || b.view.UIDNext() != r.UIDNext) {
			v.problem(cureRestart, "mailbox %d %q: in memory it has %d messages, modseq %d and uidnext %d; in the database %d, %d and %d",
				id, r.Name, b.view.Len(), b.view.ModSeq(), b.view.UIDNext(), b.seq-1, r.ModSeq, r.UIDNext)
		}
	}
	return nil
}

// loggedSums looks at what the log has of messages that are not there.
func (v *verifier) loggedSums() error {
	for id, m := range v.logged {
		if !m.gone {
			v.problem(cureRebuild, "message %s: is not there, but no change after %d has expunged it", v.describe(id), m.modseq)
		}
	}
	v.logged = nil
	return nil
}

// emailRefs reads how many messages emails are said to have.
func (v *verifier) emailRefs() error {
	return bstore.QueryTx[emailRefRow](v.tx).ForEach(func(r emailRefRow) error {
		v.email(r.Email).refs = r.Count
		if r.Count < 2 {
			v.problem(cureRebuild, "email %016x: a count of %d references is not to be written down", r.Email, r.Count)
		}
		return v.tick()
	})
}

// eraseRows reads which emails are to be erased.
func (v *verifier) eraseRows() error {
	return bstore.QueryTx[eraseRow](v.tx).ForEach(func(r eraseRow) error {
		d := metaDecoder{buf: r.Emails}
		ids := d.ids()
		if d.bad || len(d.buf) > 0 || len(ids) == 0 {
			v.problem(cureRebuild, "list %d of emails to erase: malformed", r.ID)
			return nil
		}
		for _, id := range ids {
			v.email(id.Key).erase++
		}
		return v.tick()
	})
}

// emailRows checks emails in themselves.
func (v *verifier) emailRows() error {
	return bstore.QueryTx[emailRow](v.tx).ForEach(func(r emailRow) error {
		e := v.email(r.ID)
		e.exists = true
		if e.messages > 0 && (e.random != r.Rec.Random || e.size != r.Rec.Size || e.received != r.Rec.Received || e.thread != r.Rec.Thread) {
			v.problem(cureRebuild, "email %016x: differs from its message %s in id, size, time or thread", r.ID, v.describe(e.message))
		}
		e.random, e.size = r.Rec.Random, r.Rec.Size
		if r.ID <= 0 || r.Rec.Thread <= 0 || r.ID > v.account.lastKey.Load() {
			v.problem(cureRebuild, "email %016x: id or thread %d is out of range", r.ID, r.Rec.Thread)
		}
		var c cold
		if _, err := c.parse(r.Rec.Cold); err != nil {
			v.problem(cureRebuild, "email %016x: %v", r.ID, err)
			return v.tick()
		}
		ref, err := blob.ParseRef(r.Rec.Blob)
		if err != nil || ref.IsZero() {
			v.problem(cureRebuild, "email %016x: reference to its content is malformed", r.ID)
			return v.tick()
		}
		e.blob = ref
		if size := int64(len(c.prefix)) + ref.Size(); size != r.Rec.Size {
			v.problem(cureRebuild, "email %016x: has size %d, but prefix and content have %d", r.ID, r.Rec.Size, size)
		}
		return v.tick()
	})
}

// emailSums compares emails with what refers to them.
func (v *verifier) emailSums() error {
	var bytes int64
	places := map[blob.Ref]int64{}
	for id, e := range v.emails {
		if e.messages > 0 {
			bytes += e.size
		}
		if other := places[e.blob]; other != 0 && !e.blob.IsZero() {
			v.problem(cureRebuild, "emails %016x and %016x: both have their content at %v", other, id, e.blob)
		}
		places[e.blob] = id
		switch {
		case !e.exists && e.messages > 0:
			v.problem(cureRebuild, "message %s: its email %016x is not there", v.describe(e.message), id)
		case !e.exists && e.erase > 0:
			v.problem(cureRebuild, "email %016x: is to be erased, but not there", id)
		case !e.exists:
			v.problem(cureRebuild, "email %016x: has references counted, but is not there", id)
		case e.messages == 0 && e.erase != 1:
			v.problem(cureRebuild, "email %016x: has no message, and is %d times among what is to be erased", id, e.erase)
		case e.messages > 0 && e.erase > 0:
			v.problem(cureRebuild, "email %016x: is to be erased, but is message %s", id, v.describe(e.message))
		}
		if refs := max(e.refs, min(e.messages, 1)); e.exists && refs != e.messages {
			v.problem(cureRebuild, "email %016x: has %d messages, counted are %d", id, e.messages, refs)
		}
	}
	if bytes != v.row.Bytes {
		v.problem(cureRebuild, "account has %d bytes counted against its quota, its emails have %d", v.row.Bytes, bytes)
	}
	return nil
}

// submissions checks submissions and the lists of those that are pending, and scheduled.
func (v *verifier) submissions() error {
	pending := map[SubmissionID]bool{}
	err := bstore.QueryTx[pendingSubmissionRow](v.tx).ForEach(func(r pendingSubmissionRow) error {
		pending[r.ID] = true
		return v.tick()
	})
	if err != nil {
		return err
	}
	scheduled := map[SubmissionID]bool{}
	err = bstore.QueryTx[scheduledSubmissionRow](v.tx).ForEach(func(r scheduledSubmissionRow) error {
		scheduled[r.ID] = true
		return v.tick()
	})
	if err != nil {
		return err
	}
	err = bstore.QueryTx[submissionRow](v.tx).ForEach(func(r submissionRow) error {
		if r.State < SubmissionPending || r.State > SubmissionCanceled || r.ModSeq <= 0 || r.ModSeq > v.row.ModSeq {
			v.problem(cureRebuild, "submission %d: state %d or modseq %d is out of range", r.ID, r.State, r.ModSeq)
		}
		if pending[r.ID] != (r.State == SubmissionPending) {
			v.problem(cureRebuild, "submission %d: its state is %d, being on the list of pending ones is %v", r.ID, r.State, pending[r.ID])
		}
		delete(pending, r.ID)
		if scheduled[r.ID] && !r.canBeScheduled() {
			v.problem(cureRebuild, "submission %d: on the list of scheduled ones, but its state is %d", r.ID, r.State)
		}
		delete(scheduled, r.ID)
		return v.tick()
	})
	for id := range scheduled {
		v.problem(cureRebuild, "submission %d: on the list of scheduled ones, but not there", id)
	}
	for id := range pending {
		v.problem(cureRebuild, "submission %d: on the list of pending ones, but not there", id)
	}
	return err
}

// cursors checks that no consumer is ahead of the log.
func (v *verifier) cursors() error {
	return bstore.QueryTx[cursorRow](v.tx).ForEach(func(r cursorRow) error {
		if r.ModSeq < 0 || r.ModSeq > v.row.ModSeq {
			v.problem(cureRebuild, "cursor %q: is at modseq %d, the account at %d", r.Name, r.ModSeq, v.row.ModSeq)
		}
		return v.tick()
	})
}

// credentials checks the form of the verifiers.
func (v *verifier) credentials() error {
	return bstore.QueryTx[credentialsRow](v.tx).ForEach(func(r credentialsRow) error {
		if _, err := parseArgon2id(r.Argon2id); err != nil {
			v.problem(curePasswd, "password: %v", err)
		}
		if _, err := sasl.ParseSCRAMVerifier(crypto.SHA256, r.SCRAMSHA256); err != nil {
			v.problem(curePasswd, "password for SCRAM: %v", err)
		}
		if _, err := sasl.ParseSCRAMVerifier(crypto.SHA1, r.SCRAMSHA1); err != nil && r.SCRAMSHA1 != "" {
			v.problem(curePasswd, "password for SCRAM-SHA-1: %v", err)
		}
		if _, err := sasl.ParseCRAMMD5Verifier(r.CRAMMD5); err != nil && r.CRAMMD5 != "" {
			v.problem(curePasswd, "password for CRAM-MD5: %v", err)
		}
		return v.tick()
	})
}
