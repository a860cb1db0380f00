package webmail

// Settings are a user's choices, kept with the account. Texts of choices that are unknown mean the default.
type Settings struct {
	ModSeq int64 // For SettingsSave: what was read last.

	Theme    string // "", "light", "dark".
	Density  string // "comfortable", "compact", "cosy".
	Language string // As "en"; empty for that of the browser.
	TimeZone string // Empty for that of the browser.

	Pane         string // Where the reader is: "right", "below", "none".
	SidebarWidth int    // CSS pixels; zero for the default.
	ListWidth    int    // Per mille of what is left.
	ListHeight   int    // Likewise, if the reader is below.

	Threads       bool
	NewestFirst   bool // In conversations.
	Sort          Sort
	MarkSeenAfter int    // Seconds; -1 for never by itself.
	AfterAction   string // "next", "previous", "list".

	CollapsedMailboxes []int64 // With those below them hidden.
	MailboxColors      []MailboxColor

	Keys     string // "mox", "gmail", "off".
	Remapped []KeyMapping

	Remote        string      // Remote images: "ask", "never", "contacts".
	RemoteSenders []string    // Addresses whose remote images are shown.
	TextSenders   []NameValue // How the text of mail of a sender is shown: address, BodyKind.
	PreferText    bool

	UndoSeconds    int // Before a message leaves.
	ComposeText    bool
	QuoteBelow     bool // Answers are written below what is quoted.
	RequireTLSAuto bool // Where all recipients can.
	Signatures     []Signature
	SendAndArchive bool
	ManyRecipients int // From how many on the composer asks.

	Labels        []Label
	SavedSearches []SavedSearch

	NotifyDesktop bool
	NotifySound   bool

	SwipeRight string // An ActionKind; empty for nothing.
	SwipeLeft  string
}

// MailboxColor is a mailbox with a colour.
type MailboxColor struct {
	Mailbox int64
	Color   int // One of nine, from 1.
}

// NameValue is a pair.
type NameValue struct {
	Name  string
	Value string
}

// KeyMapping is a command with keys of a user's own.
type KeyMapping struct {
	Command string
	Keys    []string // None for no key.
}

// Signature is what a message from an address ends with.
type Signature struct {
	Address string // Empty for all others.
	Name    string // In From, in place of that of the identity; may be empty.
	ReplyTo string
	HTML    string
	Text    string
}

// Label is a keyword as users see it.
type Label struct {
	Keyword string
	Name    string
	Color   int // One of nine, from 1.
}

// SavedSearch is a search with a name.
type SavedSearch struct {
	Name  string
	Query Query
}
