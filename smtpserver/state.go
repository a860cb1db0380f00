package smtpserver

// State is where a connection stands in the dialogue (RFC 5321 §4.1.4).
type State uint8

const (
	// StateGreeted: the client has read 220 and not introduced itself, or has to do so
	// again after STARTTLS. EHLO and HELO lead to StateReady.
	StateGreeted State = iota

	// StateReady: no mail transaction is open. MAIL leads to StateMail, STARTTLS back to
	// StateGreeted.
	StateReady

	// StateMail: there is a sender, and no accepted recipient. The first accepted RCPT
	// leads to StateRcpt, BDAT to StateChunks; RSET, EHLO and HELO to StateReady.
	StateMail

	// StateRcpt: there is at least one recipient. DATA, whatever comes of it, leads to
	// StateReady once the message was read; RSET, EHLO and HELO do too. BDAT leads to
	// StateChunks.
	StateRcpt

	// StateChunks: at least one BDAT has come, whatever came of it. No recipient can be
	// added, and only BDAT goes on with the message (RFC 3030 §2). BDAT with LAST, whatever
	// comes of it, leads to StateReady; RSET, EHLO and HELO do too.
	StateChunks

	// StateClosed: the last reply has been written; it is flushed and the connection
	// closed. QUIT, reply code 421, too many errors, a timeout, the end of the server and
	// every failure of the connection lead here from any state.
	StateClosed
)

func (s State) String() string {
	names := [...]string{"greeted", "ready", "mail", "rcpt", "chunks", "closed"}
	if int(s) < len(names) {
		return names[s]
	}
	return "invalid"
}

// states is a set of states.
type states uint8

func (s states) has(st State) bool { return s&(1<<st) != 0 }

const (
	anyState    states = 1<<StateGreeted | 1<<StateReady | 1<<StateMail | 1<<StateRcpt | 1<<StateChunks
	ready       states = 1 << StateReady
	transacting states = 1<<StateMail | 1<<StateRcpt
	chunking    states = 1 << StateChunks
)
