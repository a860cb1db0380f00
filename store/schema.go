package store

import "mox/imap"

// The rows of an account's database. What they mean together is told in doc.go; what must hold
// between them is checked by Verify. Times are Unix seconds. Names of types and fields are
// stored: renaming one is a change of schema.

// schemaVersion is the version of the rows below. Steps from earlier ones are in files
// upgrade_<version>.go.
const schemaVersion = 3

// schemaTypes returns a value of each type of row but versionRow.
func schemaTypes() []any {
	return []any{
		accountRow{}, mailboxRow{}, mailboxKeywordsRow{}, subscriptionRow{},
		messageRow{}, emailRow{}, emailRefRow{}, eraseRow{},
		keywordSetRow{}, threadKeyRow{}, youngThreadsRow{}, changeRow{}, deliveryRow{},
		submissionRow{}, pendingSubmissionRow{}, scheduledSubmissionRow{}, submissionCopyRow{}, recipientRow{}, cursorRow{}, progressRow{},
		settingRow{}, mutedThreadRow{},
		credentialsRow{}, webSessionRow{}, loginAttemptRow{},
	}
}

// appendedTypes are those whose keys ascend in the order of insertion. Their pages are filled
// whole instead of being split in halves.
func appendedTypes() []any {
	return []any{messageRow{}, emailRow{}, changeRow{}, eraseRow{}, keywordSetRow{}}
}

// versionRow is the one row with the version of all others. It never changes its form, and is read before
// the others are registered with the database, which changes them.
type versionRow struct {
	ID      int64 `bstore:"noauto,typename Version"` // Always 1.
	Version int32
}

// accountRow is the one row about the account as a whole.
type accountRow struct {
	ID int64 `bstore:"noauto,typename Account"` // Always 1.

	// Epoch counts the owners of the database. Each claims it in its first transaction and checks
	// it in all others, so that one that lost its ownership writes nothing any more.
	Epoch int64

	// Commit counts transactions, so that it can be found out whether one that failed while
	// it was committed is there or not.
	Commit int64

	ModSeq          imap.ModSeq // Highest one given out.
	Horizon         imap.ModSeq // Changes at or below it may have been pruned.
	NextUIDValidity uint32
	NextMailbox     MailboxID
	Bytes           int64 // Of all emails that a message refers to, each once.
}

// mailboxRow is a mailbox with its counts.
type mailboxRow struct {
	ID          MailboxID `bstore:"noauto,typename Mailbox"`
	Name        string
	UIDValidity uint32
	UIDNext     imap.UID
	ModSeq      imap.ModSeq
	Created     imap.ModSeq
	Use         SpecialUse
	Gone        bool // Deleted, but messages are still to be removed. Name is empty.

	// RecentFrom is the first UID that is \Recent, as of the last write; see recentMarks. Zero is as one.
	RecentFrom imap.UID

	Total, Unread, Unseen, Deleted, Size int64 // As in Counts.
}

// mailboxKeywordsRow holds the keywords of a mailbox, apart from mailboxRow because they are many
// and change seldom.
type mailboxKeywordsRow struct {
	Mailbox  MailboxID `bstore:"noauto,typename MailboxKeywords"`
	Keywords []string  // Sorted.
}

// subscriptionRow is a subscribed name. A mailbox of that name need not exist.
type subscriptionRow struct {
	Name string `bstore:"typename Subscription"`
}

// messageRow is an appearance of an email in a mailbox. It is small and flat, as scans read
// many of them.
type messageRow struct {
	ID       int64 `bstore:"noauto,typename Message"` // See messageID.
	Email    EmailID
	ModSeq   imap.ModSeq
	Flags    imap.Flags
	Keywords KeywordSet
	Size     int64 // Of prefix and body, in bytes.
	Received int64
	Saved    int64
	Thread   ThreadID
}

// messageID is the primary key of messageRow: messages of a mailbox stand together, by UID.
func messageID(mailbox MailboxID, uid imap.UID) int64 { return int64(mailbox)<<32 | int64(uid) }

func (r *messageRow) mailbox() MailboxID { return MailboxID(r.ID >> 32) }
func (r *messageRow) uid() imap.UID      { return imap.UID(r.ID & 0xffffffff) }

// emailRow is the immutable part of a message. Only Rec.Blob changes: the place of the bytes, when
// packs are compacted.
type emailRow struct {
	ID  int64 `bstore:"noauto,typename Email"` // EmailID.Key.
	Rec emailRecord
}

func (r *emailRow) id() EmailID { return EmailID{r.ID, r.Rec.Random} }

// emailRefRow counts the messages of an email where they are more than one.
type emailRefRow struct {
	Email int64 `bstore:"noauto,typename EmailRef"` // EmailID.Key.
	Count int64 // At least 2.
}

// eraseRow lists emails without messages, to be erased once they may not be read any more. IDs
// ascend with time.
type eraseRow struct {
	ID     int64  `bstore:"typename Erase"`
	At     int64  // When the last message went.
	Emails []byte // Email ids, see appendIDs.
}

// keywordSetRow is an interned set of keywords. It is never changed nor removed.
type keywordSetRow struct {
	ID       int64    `bstore:"noauto,typename KeywordSet"` // KeywordSet, from 1.
	Keywords []string // Sorted without regard to case.
}

// threadKeyRow leads from a message id and base subject to the thread that has them. See threadKey, and
// youngThreadsRow for those of late emails.
type threadKeyRow struct {
	Key    int64 `bstore:"noauto,typename ThreadKey"`
	Thread ThreadID
}

// changeRow is an entry of the change log.
type changeRow struct {
	ModSeq imap.ModSeq `bstore:"noauto,typename Change"`
	Time   int64
	Data   []byte // Changes of one operation, see appendChanges.
}

// deliveryRow remembers a delivery id. See deliveryKey.
type deliveryRow struct {
	Key int64 `bstore:"noauto,typename Delivery"`
	ID  string
}

// submissionRow is a Submission.
type submissionRow struct {
	ID       SubmissionID `bstore:"noauto,typename Submission"`
	ModSeq   imap.ModSeq
	State    SubmissionState
	Created  int64
	SendAt   int64
	Email    EmailID
	MailFrom string
	RcptTo   []string
	Extra    []byte
}

// pendingSubmissionRow exists for each submission in state pending, so that these few are found
// without an index on all.
type pendingSubmissionRow struct {
	ID SubmissionID `bstore:"noauto,typename PendingSubmission"`
}

// scheduledSubmissionRow exists for each submission that is to be sent at a later time, until sending has begun or it was
// canceled. It has what becomes of the copy then.
type scheduledSubmissionRow struct {
	ID      SubmissionID `bstore:"noauto,typename ScheduledSubmission"`
	Mailbox MailboxID    // Where the copy was put; zero without one.
	UID     imap.UID
	Sent    string // Name of the mailbox it goes to when sending begins; empty if it stays.
	Keep    string // Name of the mailbox it goes to if the submission is canceled; empty if it is removed.
}

// submissionCopyRow leads from an email to the submission of which it is the copy.
type submissionCopyRow struct {
	Email      int64 `bstore:"noauto,typename SubmissionCopy"` // EmailID.Key.
	Submission SubmissionID
}

// recipientRow is a forward-path that the account has sent to.
type recipientRow struct {
	Path  string `bstore:"typename Recipient"` // See recipientKey.
	First int64

	// As a correspondent, see Correspondents; zero for one who was removed.
	Address string // As written last, if that is not Path.
	Name    string
	Count   int64
	Last    int64
	Score   float64 // Logarithm to base two of Count with decay, as of time zero; see used.
}

// settingRow is a document that a user interface keeps.
type settingRow struct {
	Name   string `bstore:"typename Setting"`
	ModSeq imap.ModSeq
	Value  []byte
}

// mutedThreadRow exists for each thread that is muted.
type mutedThreadRow struct {
	Thread ThreadID `bstore:"noauto,typename MutedThread"`
}

// cursorRow is how far a consumer of the change log has come.
type cursorRow struct {
	Name   string `bstore:"typename Cursor"`
	ModSeq imap.ModSeq
}

// progressRow is how far an import has come.
type progressRow struct {
	Key    string `bstore:"typename Progress"`
	Offset int64
}

// credentialsRow is the one row of verifiers of the account's password.
type credentialsRow struct {
	ID          int64 `bstore:"noauto,typename Credentials"` // Always 1.
	Argon2id    string
	SCRAMSHA256 string
	Changed     int64
	Version     PasswordVersion

	// Empty unless asked for, see SetPassword.
	SCRAMSHA1 string
	CRAMMD5   string
}

// webSessionRow is a login to pages in a browser. Of its token there is only the hash.
type webSessionRow struct {
	ID      WebSessionID `bstore:"noauto,typename WebSession"`
	Hash    []byte       // SHA-256 of the token.
	Service string
	Created int64
	Used    int64 // Minutes late at most, see webSessionUseEvery.
	Expires int64
	Idle    int64 // Seconds without use after which it ends; zero for never.
	Client  string
	Agent   string
}

// loginAttemptRow counts alike attempts to log in of one day.
type loginAttemptRow struct {
	ID          int64 `bstore:"typename LoginAttempt"`
	First, Last int64
	Count       int64
	Result      LoginResult
	Protocol    string
	Mechanism   string
	Client      string
	Agent       string
}
