package webmail

// Item is a message of a conversation, before it is opened.
type Item struct {
	Email    string
	Thread   string
	Places   []Place // Where it is. The first one is that of the view, if it is there.
	From     Person
	To       []Person // Everybody it was sent to, at most 4.
	More     int
	Subject  string
	Snippet  string
	Received int64
	Size     int64

	Seen        bool
	Flagged     bool
	Answered    bool
	Forwarded   bool
	Draft       bool
	Mine        bool // The account sent it.
	Junk        bool
	Attachments bool
	SendAt      int64
	Labels      []string
}

// Conversation is what Thread returns.
type Conversation struct {
	Thread  string
	Subject string
	Muted   bool
	Items   []Item // Oldest first.
}

// Message is an opened message.
type Message struct {
	Item Item
	Date int64 // Of the field Date; zero if there is none that can be read.

	From    []Person
	Sender  []Person // If it is not From.
	ReplyTo []Person // Likewise.
	To      []Person
	Cc      []Person
	Bcc     []Person
	ListID  string

	MessageID string

	Bodies      []BodyKind // What can be shown, the best one first.
	Body        BodyKind   // What to show, by settings.
	Attachments []Part     // That are not shown in the text.
	Tree        Part       // The whole structure.

	Verdict           Verdict
	Reasons           []Reason // Why it is in its mailbox.
	Hints             []Hint
	Remote            Remote
	Unsubscribe       *Unsubscribe
	Receipt           []Person // Who wants to know that it was read (RFC 8098). Nothing is sent.
	Invitation        bool
	SignedOrEncrypted string // "S/MIME" or "OpenPGP", with a word; empty for neither.

	Submission   *Submission // If the account sent it and its way is still known.
	ReplyAddress string      // Own address to answer from, that it was sent to.
	ListPost     string      // Address of the list for replies (RFC 2369); empty for none.
}

// BodyKind is a form of the text of a message.
type BodyKind string

// The forms there are.
const (
	BodyHTML BodyKind = "html"
	BodyText BodyKind = "text"
)

// Part is a part of a message.
type Part struct {
	Path      string // As "1.2", for addresses; empty for the whole message.
	Type      string // As "image/png", in lower case.
	Name      string // Of the file; may be empty.
	Size      int64  // Bytes, decoded; estimated for large ones.
	ContentID string
	Inline    bool // Shown in the text.
	View      ViewKind
	Parts     []Part
	Problem   string // Why it may be unreadable; mostly empty.
}

// ViewKind is how a part can be looked at in the page.
type ViewKind string

// The kinds there are.
const (
	ViewNone    ViewKind = ""
	ViewImage   ViewKind = "image"
	ViewText    ViewKind = "text"
	ViewPDF     ViewKind = "pdf"
	ViewMessage ViewKind = "message"
	ViewAudio   ViewKind = "audio"
	ViewVideo   ViewKind = "video"
)

// Level is how something is to be taken.
type Level string

// The levels there are.
const (
	LevelOK   Level = "ok"
	LevelInfo Level = "info"
	LevelWarn Level = "warn"
	LevelBad  Level = "bad"
)

// Verdict says in words who sent a message, as far as that was checked.
type Verdict struct {
	Level   Level
	Summary string // As "Verified example.org".
	Checks  []Check
}

// Check is one way in which a message was checked.
type Check struct {
	Name   string // "SPF", "DKIM", "DMARC", "ARC", "TLS", "Reverse DNS", "Block list".
	Result string // As in Authentication-Results, such as "pass".
	Level  Level
	Text   string // A sentence.
}

// Reason is why a message is where it is.
type Reason struct {
	Level Level
	Text  string // A sentence.
}

// HintKind is what a hint is about.
type HintKind string

// The hints there are.
const (
	HintScripts    HintKind = "scripts"    // Words mix scripts that look alike.
	HintName       HintKind = "name"       // The name in From holds another address, or that of somebody known.
	HintLinks      HintKind = "links"      // Links lead elsewhere than their text says.
	HintFirstTime  HintKind = "firsttime"  // First message of this sender.
	HintReplyTo    HintKind = "replyto"    // Answers go to another domain.
	HintAttachment HintKind = "attachment" // A file of a kind that can do harm.
	HintIncomplete HintKind = "incomplete" // Not all is shown.
)

// Hint is something that a reader should know.
type Hint struct {
	Kind  HintKind
	Level Level
	Text  string
	Items []string // Words, links or names that it is about, at most 10.
}

// Remote is about what a message would load from elsewhere.
type Remote struct {
	Count   int
	Hosts   []string
	Allowed bool // By settings.

	// Token is for the address of the frame, remote=Token: it loads them then. No link from elsewhere can have it.
	Token string
}

// Unsubscribe is how one leaves a list.
type Unsubscribe struct {
	OneClick bool   // By the server, RFC 8058.
	Mail     string // mailto: address to write to; may be empty.
	Web      string // Page to open; may be empty.
}

// Header is a field of the header, decoded.
type Header struct {
	Name  string
	Value string
}

// SubmissionState is where a message is on its way.
type SubmissionState string

// The states there are.
const (
	SubmissionHeld     SubmissionState = "held" // It leaves at SendAt, and can be taken back.
	SubmissionSending  SubmissionState = "sending"
	SubmissionDone     SubmissionState = "done"
	SubmissionCanceled SubmissionState = "canceled"
)

// Submission is a message that was sent, and what became of it.
type Submission struct {
	ID         string
	State      SubmissionState
	SendAt     int64
	Email      string // Of the copy; may be empty.
	Subject    string
	To         []Person
	Recipients []Delivery
}

// Delivery is what became of a message for a recipient.
type Delivery struct {
	Address  string
	State    string // "waiting", "held", "delivered", "failed", "canceled", as the queue says it.
	Level    Level
	Text     string // In words, with the answer of the other server.
	Remote   string
	Attempts int
	Next     int64
	TLS      string
}
