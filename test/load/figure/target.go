package figure

// A target is a figure that mox must reach, and how it is compared with the other server.
type target struct {
	title string
	ours  string // Name of our figure.

	// theirs is the name of the figure it is compared with, of the other server, or with own set
	// of ours. Empty if the bound is on our value itself.
	theirs string
	own    bool

	p99   bool // The percentile is compared, not the value.
	kind  bound
	limit float64
}

// bound says what is on the right side of a limit.
type bound uint8

const (
	shown   bound = iota // Not bounded.
	atLeast              // Not less than the limit.
	atMost               // Not more than the limit.
	below                // Less than the limit.
	above                // More than the limit.
)

// targets are the figures of the table in docs/performance.md, in its order. Ratios are ours to
// theirs.
var targets = []target{
	{title: "deliver, 1 sender: ours in the mailbox, theirs accepted", ours: "deliver-c1/arrived", theirs: "deliver-c1/accepted", kind: atLeast, limit: 1.8},
	{title: "deliver, 1 sender: both in the mailbox", ours: "deliver-c1/arrived", theirs: "deliver-c1/arrived"},
	{title: "deliver, 10 senders: ours in the mailbox, theirs accepted", ours: "deliver-c10/arrived", theirs: "deliver-c10/accepted", kind: atLeast, limit: 3},
	{title: "deliver, 10 senders: both in the mailbox", ours: "deliver-c10/arrived", theirs: "deliver-c10/arrived"},
	{title: "deliver, 10 senders, p99 of the latency", ours: "deliver-c10/accepted", theirs: "deliver-c10/accepted", p99: true, kind: below, limit: 1},
	{title: "deliver, 50 senders: ours in the mailbox, theirs accepted", ours: "deliver-c50/arrived", theirs: "deliver-c50/accepted", kind: atLeast, limit: 3},
	{title: "deliver, 50 senders: both in the mailbox", ours: "deliver-c50/arrived", theirs: "deliver-c50/arrived"},
	{title: "deliver, 50 senders, p99 of the latency", ours: "deliver-c50/accepted", theirs: "deliver-c50/accepted", p99: true, kind: below, limit: 1},
	{title: "deliver 2 KB, 10 senders, empty mailbox", ours: "deliver-2k-empty/arrived", theirs: "deliver-2k-empty/accepted"},
	{title: "deliver 2 KB, 10 senders, full mailbox", ours: "deliver-2k-full/arrived", theirs: "deliver-2k-full/accepted", kind: atLeast, limit: 3},
	{title: "the same to our own into an empty mailbox", ours: "deliver-2k-full/arrived", theirs: "deliver-2k-empty/arrived", own: true, kind: atLeast, limit: 0.9},
	{title: "deliver to 10 accounts in turn, 10 senders", ours: "deliver-turn/arrived", theirs: "deliver-turn/accepted", kind: atLeast, limit: 1.5},
	{title: "deliver each message to 10 accounts, 10 senders", ours: "deliver-together/arrived", theirs: "deliver-together/arrived", kind: above, limit: 1},
	{title: "submit, 1 client", ours: "submit-c1/accepted", theirs: "submit-c1/accepted"},
	{title: "submit, 10 clients", ours: "submit-c10/accepted", theirs: "submit-c10/accepted"},
	{title: "APPEND, 1 connection", ours: "append-c1", theirs: "append-c1", kind: atLeast, limit: 1.5},
	{title: "APPEND, 10 connections", ours: "append-c10", theirs: "append-c10", kind: atLeast, limit: 4},
	{title: "disk use to the bytes of the messages", ours: "disk/ratio", kind: atMost, limit: 1.15},
	{title: "the same of the other server", ours: "", theirs: "disk/ratio"},
	{title: "FETCH 1:* (UID FLAGS)", ours: "fetch-flags/warm", theirs: "fetch-flags/warm", kind: atMost, limit: 1},
	{title: "FETCH 1:* ENVELOPE, first time", ours: "fetch-envelope/first", theirs: "fetch-envelope/first", kind: atMost, limit: 0.15},
	{title: "FETCH 1:* ENVELOPE, warm", ours: "fetch-envelope/warm", theirs: "fetch-envelope/warm", kind: atMost, limit: 1},
	{title: "FETCH 1:* BODYSTRUCTURE, first time", ours: "fetch-bodystructure/first", theirs: "fetch-bodystructure/first", kind: atMost, limit: 0.05},
	{title: "FETCH 1:* BODYSTRUCTURE, warm", ours: "fetch-bodystructure/warm", theirs: "fetch-bodystructure/warm", kind: atMost, limit: 1.5},
	{title: "FETCH 1:* HEADER.FIELDS, warm", ours: "fetch-headerfields/warm", theirs: "fetch-headerfields/warm", kind: atMost, limit: 1.5},
	{title: "FETCH 1:* BODY.PEEK[], warm", ours: "fetch-body/warm", theirs: "fetch-body/warm", kind: atMost, limit: 1},
	{title: "FETCH 1:* BODY.PEEK[], cold", ours: "fetch-body/first", theirs: "fetch-body/first"},
	{title: "SEARCH FROM", ours: "search-from", theirs: "search-from", kind: atMost, limit: 1},
	{title: "SEARCH SUBJECT", ours: "search-subject", theirs: "search-subject", kind: atMost, limit: 1},
	{title: "SEARCH SINCE", ours: "search-since", theirs: "search-since", kind: atMost, limit: 1},
	{title: "SEARCH UNSEEN", ours: "search-unseen", theirs: "search-unseen"},
	{title: "SEARCH BODY of a rare word", ours: "search-body", theirs: "search-body", kind: atMost, limit: 0.5},
	{title: "STORE 1:* +FLAGS", ours: "store-all", theirs: "store-all", kind: atMost, limit: 1},
	{title: "STORE of single messages", ours: "store-single", theirs: "store-single", kind: atLeast, limit: 0.8},
	{title: "COPY", ours: "copy", theirs: "copy", kind: atMost, limit: 1},
	{title: "MOVE", ours: "move", theirs: "move", kind: atMost, limit: 1},
	{title: "EXPUNGE", ours: "expunge", theirs: "expunge", kind: atMost, limit: 3},
	{title: "SELECT, first time", ours: "select/first", theirs: "select/first", kind: atMost, limit: 1},
	{title: "SELECT, again", ours: "select/again", theirs: "select/again", kind: atMost, limit: 1},
	{title: "STATUS", ours: "status", theirs: "status", kind: atMost, limit: 1},
	{title: "LIST of 500 mailboxes", ours: "list", theirs: "list", kind: atMost, limit: 1},
	{title: "memory per idle connection", ours: "idle/memory", theirs: "idle/memory"},
	{title: "memory per idle connection, after a collection", ours: "idle/collected", kind: atMost, limit: 24},
	{title: "the same with TLS", ours: "idle-tls/collected", kind: atMost, limit: 48},
	{title: "the same with 10,000 messages selected", ours: "idle-large/collected", kind: atMost, limit: 24},
	{title: "all idle clients told of a new message, p99", ours: "idle/told", p99: true, kind: atMost, limit: 20},
	{title: "the same of the other server", ours: "", theirs: "idle/told", p99: true},
	{title: "login and logout, 10 at a time, one user", ours: "login-c10", theirs: "login-c10", kind: atLeast, limit: 5},
	{title: "resident memory after start", ours: "memory/start", kind: atMost, limit: 32},
	{title: "size of the binary", ours: "binary"},
	{title: "start to first greeting", ours: "start/greeting", kind: atMost, limit: 300},
}
