package webmail

// ComposeKind is what a message that is written begins as.
type ComposeKind string

// The kinds there are.
const (
	ComposeNew         ComposeKind = "new"
	ComposeReply       ComposeKind = "reply"
	ComposeReplyAll    ComposeKind = "replyall"
	ComposeReplyList   ComposeKind = "replylist"
	ComposeForward     ComposeKind = "forward"
	ComposeAttach      ComposeKind = "attach" // Forward as attachments.
	ComposeEditAsNew   ComposeKind = "editasnew"
	ComposeDraft       ComposeKind = "draft" // Go on with it.
	ComposeUnsubscribe ComposeKind = "unsubscribe"
)

// ComposeRequest asks for what a composer begins with.
type ComposeRequest struct {
	Kind   ComposeKind
	Emails []string // That it is about.
	Mailto string   // A mailto: URL (RFC 6068), for ComposeNew; may be empty.
	Quote  string   // Text that was selected, to quote in place of all; may be empty.
}

// Draft is a message being written.
type Draft struct {
	Email string // Of the saved draft; empty before the first save.

	From    Person
	To      []Person
	Cc      []Person
	Bcc     []Person
	ReplyTo []Person
	Subject string

	Rich bool   // HTML is what was written, and the text made from it; else Text is all.
	HTML string // A fragment.
	Text string

	Attachments []Attachment

	InReplyTo  string // Message-ID of the message answered, without brackets.
	References []string
	Related    []string // Emails that are marked answered when it is sent, or forwarded if Forward.
	Forward    bool

	RequireTLS TLSChoice
	Priority   string // "", "high" or "low".
	Receipt    bool   // Ask for one when it is read.
	SendAt     int64  // As planned; zero for at once.
}

// TLSChoice is what a sender asks of the way of a message.
type TLSChoice string

// The choices there are.
const (
	TLSDefault  TLSChoice = ""
	TLSRequired TLSChoice = "required" // RFC 8689.
	TLSOptional TLSChoice = "optional" // Rather delivered than safe: TLS-Required: No.
)

// Attachment is a file of a draft.
type Attachment struct {
	ID        string // For Draft and addresses: of an upload, or of a part of an email.
	Name      string
	Type      string
	Size      int64
	Inline    bool // Shown in the text, by its ContentID.
	ContentID string
	Address   string // Where it can be looked at, relative to the service.
}

// Saved is where a draft is.
type Saved struct {
	Email       string
	At          int64
	Attachments []Attachment // In the order of the draft, with ids that are valid from now on.
}

// SendOptions say how a draft is sent.
type SendOptions struct {
	Hold    int    // Seconds during which it can be taken back, at most 120.
	Archive bool   // Messages that it answers are archived.
	Stream  string // For SubmissionEvent.
}

// Sent is what sending a draft comes to.
type Sent struct {
	Submission string
	Until      int64  // It can be taken back until then.
	Undo       string // For undoing the archiving; empty if there was none.
}

// Warning is a reason to think before sending.
type Warning struct {
	Kind string // "attachment", "subject", "recipients", "text", "size", "self", "tls".
	Text string
}

// Correspondent is somebody that mail was exchanged with.
type Correspondent struct {
	Name    string
	Address string
	Count   int
	Last    int64
}

// Answer is yes, no, or what else is known.
type Answer string

// The answers there are.
const (
	AnswerYes     Answer = "yes"
	AnswerNo      Answer = "no"
	AnswerUnknown Answer = "unknown"
	AnswerError   Answer = "error"
)

// Security is what is known of the way to a recipient.
type Security struct {
	Address    string
	Level      Level  // ok: encrypted to a known server; warn: may not be; bad: does not.
	Summary    string // In a few words.
	STARTTLS   Answer
	MTASTS     Answer
	DNSSEC     Answer
	DANE       Answer
	RequireTLS Answer
	Local      bool // An account of this server.
}

// Page of the composer's knowledge of a word.
type Suggestion struct {
	Text string // What replaces the word that is typed.
	Help string
}
