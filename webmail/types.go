package webmail

// The types of the API and of events. The TypeScript of ui/api.ts is generated from them. Times are in seconds since
// 1970, in UTC. Ids of emails and threads are text, as numbers in a browser have 53 bits.

// Start is what a page needs to begin. It is part of the page itself.
type Start struct {
	Account    string
	Name       string // Of the person.
	CSRF       string
	Version    string // Of the server, and so of the page.
	Base       string // Path of the service, as the browser sees it if that is known; for cookies and links to copy.
	ModSeq     int64  // Of the account, as of when the rest was read.
	Identities []Identity
	Mailboxes  []Mailbox
	Settings   Settings
	Usage      Usage
	Limits     Limits
}

// Limits are what the server allows.
type Limits struct {
	MessageSize int64 // Bytes of a message that is sent, with attachments encoded.
	Recipients  int
	Labels      int // In a mailbox.
}

// Usage is how much the account holds.
type Usage struct {
	Bytes    int64
	Messages int64
	Quota    int64 // Zero for no limit.
}

// Identity is an address that the account may send from.
type Identity struct {
	Name      string // May be empty.
	Address   string // A catch-all is "@domain": any local part may be written.
	Default   bool
	Separator string // Before which own suffixes may follow the local part, such as "+"; empty for none.
}

// Role is the special use of a mailbox.
type Role string

// The roles there are. Inbox and Rejects go by name.
const (
	RoleNone      Role = ""
	RoleInbox     Role = "inbox"
	RoleDrafts    Role = "drafts"
	RoleSent      Role = "sent"
	RoleArchive   Role = "archive"
	RoleJunk      Role = "junk"
	RoleTrash     Role = "trash"
	RoleRejects   Role = "rejects"
	RoleScheduled Role = "scheduled" // Messages that are sent later.
)

// Mailbox is a mailbox of the account.
type Mailbox struct {
	ID       int64
	Name     string // Full, with "/" between levels.
	Role     Role
	NoSelect bool // Only a name above others.
	Total    int64
	Unread   int64
	Size     int64
	Labels   []string // Keywords used in it.
}

// Person is an address with a name.
type Person struct {
	Name    string
	Address string // In UTF-8; may be empty for groups and what cannot be read.
}

// Filters of Query.Filters. One that begins with FilterLabel goes on with a keyword.
const (
	FilterUnread     = "unread"
	FilterRead       = "read"
	FilterFlagged    = "flagged"
	FilterAttachment = "attachment"
	FilterToMe       = "tome" // The account is among the recipients by name.
	FilterLabel      = "label:"
)

// Scope is which mailboxes a query looks at.
type Scope string

// The scopes there are.
const (
	ScopeMailbox  Scope = "mailbox"  // Query.Mailbox.
	ScopeChildren Scope = "children" // Query.Mailbox and those below it.
	ScopeNormal   Scope = "normal"   // All but Junk, Trash and Rejects.
	ScopeAll      Scope = "all"
)

// Sort is what a view is sorted by.
type Sort string

// The orders there are.
const (
	SortDate    Sort = "date" // When received.
	SortSize    Sort = "size"
	SortFrom    Sort = "from"
	SortSubject Sort = "subject"
)

// Query says which messages a view shows, and in which order.
type Query struct {
	Scope   Scope
	Mailbox int64    // Zero unless the scope needs it.
	Text    string   // What a user types, with operators such as from: and is:. May be empty.
	Filters []string // FilterUnread and the like; all must fit.
	Sort    Sort
	Oldest  bool // The other way round: oldest, smallest, A first.
	Threads bool // Rows are conversations, with the messages of other mailboxes counted.
}

// ViewRequest asks for a view.
type ViewRequest struct {
	Stream string // Of the browser.
	View   string // Chosen by the page, unique in the browser. A view of this name is replaced.
	Query  Query
	First  int    // Rows that are wanted at once.
	Count  int    // At most MaxRows.
	Email  string // If set, rows around the one with this email are sent too, see ViewEvent.Focus. May be empty.

	// ModSeq is that of the last event of a view with the same query that the page still shows, for going on after
	// the stream was lost. Zero for a new one.
	ModSeq int64
}

// MaxRows is how many rows can be asked for at a time.
const MaxRows = 200

// Row is a message, or a conversation.
type Row struct {
	Email   string // The message shown: of a conversation the latest one that the query finds.
	Thread  string
	Mailbox int64
	UID     int64

	People   []Participant // Senders, of mail that the account sent recipients. Of a conversation all of them, oldest first, at most 6.
	More     int           // People beyond these.
	Messages int           // In the conversation, in all mailboxes but Junk, Trash and Rejects (unless the row is there).
	Subject  string
	Snippet  string
	Received int64
	Size     int64
	Unread   int // Messages of the row that are.

	Flagged     bool
	Answered    bool
	Forwarded   bool
	Draft       bool
	Attachments bool
	Invitation  bool
	Muted       bool
	SendAt      int64    // When a message in Scheduled leaves; else zero.
	Labels      []string // Keywords but those with a meaning of their own.

	// Found is text of the message with what was searched for, if it is not in Subject or Snippet.
	Found string
}

// Participant is a person in a row.
type Participant struct {
	Name    string // Or the address, if there is none.
	Address string
	Me      bool
	Unread  bool
}

// Mailbox and UID of a message.
type Place struct {
	Mailbox int64
	UID     int64
}

// Splice is a change of a list: at a position rows go, then others come.
type Splice struct {
	At     int
	Remove int
	Insert int
}

// Rows are rows of a list from a position on.
type Rows struct {
	First int
	Rows  []Row
}

// Progress says how far a search has looked.
type Progress struct {
	Done    bool
	Looked  int64 // Messages.
	Of      int64
	Back    int64    // It has looked at all messages received since then; zero if Done.
	Problem string   // Why it ended early; empty if it did not.
	Terms   []Term   // What was understood of the text, with the first event only.
	Mark    []string // Words to mark in rows and messages.
}

// Term is a part of a query, as understood.
type Term struct {
	Text    string // As typed.
	Problem string // Why it means nothing; empty if it does.
	Meaning string // In words.
}

// ViewEvent tells a page of a view. Its parts apply in the order of the fields.
type ViewEvent struct {
	View    string
	ModSeq  int64 // State of the account that the view shows now.
	Reset   bool  // All rows are unknown now.
	Gone    bool  // The mailbox is no more.
	Splices []Splice
	Total   int    // Rows then.
	Unread  int    // Of the mailbox or, in a search, zero.
	Rows    []Rows // New or changed ones.
	Focus   int    // Position of the row asked for by ViewRequest.Email, -1 if it is not there or was not asked for.
	Search  *Progress
}

// HelloEvent is the first one of a stream.
type HelloEvent struct {
	Stream  string
	Version string // Of the server. A page of another one should load itself again when it can.
	Resumed bool   // Views of the stream are still there; what changed follows.
	ModSeq  int64
}

// AccountEvent tells what changed besides messages. What is nil did not.
type AccountEvent struct {
	ModSeq     int64
	Mailboxes  []Mailbox // All of them, when names, roles or counts changed.
	Settings   *Settings
	Usage      *Usage
	Identities []Identity
	Scheduled  int // Messages that wait to be sent.
}

// ThreadEvent says that messages of a conversation that a page has open changed, came or went. It
// has those only, and is sent for threads of calls of Thread with a stream, until the next such call of the view.
type ThreadEvent struct {
	View   string
	Thread string
	Items  []Item
	Gone   []string // Emails.
}

// NewEvent tells of mail that was delivered a moment ago to Inbox, or another mailbox that is not Junk, Trash, Rejects,
// Sent or Drafts, for notifications.
type NewEvent struct {
	Rows []Row // At most 5.
	More int
}

// ProgressEvent tells how far a long action has come.
type ProgressEvent struct {
	Action string // Selection.Action.
	Done   int64
	Of     int64
}

// SubmissionEvent tells what became of a message that was sent.
type SubmissionEvent struct {
	Submission string
	State      SubmissionState
}

// Selection is what an action is done to: messages, conversations or all that a query finds.
type Selection struct {
	Messages []Place
	Threads  []string // Conversations: their messages in the mailboxes of the query's scope.
	All      bool     // All that the query finds, but Except.
	Query    *Query   // For Threads and All.
	Except   []Place

	Stream string // For ProgressEvent; may be empty.
	Action string // Chosen by the page, to tell progress apart.
}

// ActionKind is what is done to messages.
type ActionKind string

// The actions there are.
const (
	ActRead      ActionKind = "read"
	ActUnread    ActionKind = "unread"
	ActFlag      ActionKind = "flag"
	ActUnflag    ActionKind = "unflag"
	ActLabel     ActionKind = "label"   // Action.Labels are added.
	ActUnlabel   ActionKind = "unlabel" // And taken away.
	ActArchive   ActionKind = "archive"
	ActTrash     ActionKind = "trash"
	ActJunk      ActionKind = "junk"
	ActNotJunk   ActionKind = "notjunk" // Back to Inbox.
	ActMove      ActionKind = "move"    // To Action.Mailbox.
	ActCopy      ActionKind = "copy"
	ActExpunge   ActionKind = "expunge" // For good. Cannot be undone.
	ActMute      ActionKind = "mute"
	ActUnmute    ActionKind = "unmute"
	ActAnswered  ActionKind = "answered"
	ActForwarded ActionKind = "forwarded"
)

// Action is done to a Selection.
type Action struct {
	Kind    ActionKind
	Mailbox int64    // For ActMove and ActCopy.
	Labels  []string // For ActLabel and ActUnlabel.
}

// Acted is what came of an action.
type Acted struct {
	Count   int64  // Messages that changed; 1 for a mailbox that is as it was.
	Undo    string // For Undo, for ten minutes; empty if there is nothing to undo or it cannot be.
	Mailbox int64  // Where they are, if they moved.
}
