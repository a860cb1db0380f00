package imapserver

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"mox/imap"
	"mox/store"
)

// request is a command being carried out.
type request struct {
	tag  []byte // Nil if there was none.
	name string // In capitals, with "UID " before it for the UID forms.
	uid  bool
}

// handler carries out a command: it reads the arguments up to the end of the line, acts, and
// writes untagged responses. The code returned goes into the tagged OK; an error becomes the tagged
// response instead.
type handler func(c *conn, r *request) (imap.Code, error)

// command says how a command may be used.
type command struct {
	run    handler
	states connState // In which it is allowed.

	// quiet is set for commands that may not be answered with EXPUNGE, because the
	// client may have sent others whose sequence numbers it would shift (RFC 9051 §7.5.1).
	quiet bool

	// silent is set for commands after which changes of the mailbox are not told.
	silent bool

	secret bool // The arguments are credentials.
	data   bool // What follows the first line is a message.
}

// commands is the table of all commands.
func commands() map[string]command {
	const (
		notAuth  = stateNotAuthenticated
		auth     = stateAuthenticated | stateSelected
		selected = stateSelected
	)
	return map[string]command{
		// RFC 9051 §6.1, any state.
		"CAPABILITY": {run: (*conn).handleCapability, states: stateAny},
		"NOOP":       {run: (*conn).handleNoop, states: stateAny},
		"LOGOUT":     {run: (*conn).handleLogout, states: stateAny, silent: true},
		"ID":         {run: (*conn).handleID, states: stateAny},

		// RFC 9051 §6.2, not authenticated.
		"STARTTLS":     {run: (*conn).handleStartTLS, states: notAuth},
		"AUTHENTICATE": {run: (*conn).handleAuthenticate, states: notAuth, secret: true},
		"LOGIN":        {run: (*conn).handleLogin, states: notAuth, secret: true},

		// RFC 9051 §6.3, authenticated.
		"ENABLE":      {run: (*conn).handleEnable, states: auth},
		"SELECT":      {run: (*conn).handleSelect, states: auth, silent: true},
		"EXAMINE":     {run: (*conn).handleSelect, states: auth, silent: true},
		"CREATE":      {run: (*conn).handleCreate, states: auth},
		"DELETE":      {run: (*conn).handleDelete, states: auth},
		"RENAME":      {run: (*conn).handleRename, states: auth},
		"SUBSCRIBE":   {run: (*conn).handleSubscribe, states: auth},
		"UNSUBSCRIBE": {run: (*conn).handleUnsubscribe, states: auth},
		"LIST":        {run: (*conn).handleList, states: auth},
		"LSUB":        {run: (*conn).handleLsub, states: auth},
		"NAMESPACE":   {run: (*conn).handleNamespace, states: auth},
		"STATUS":      {run: (*conn).handleStatus, states: auth},
		"APPEND":      {run: (*conn).handleAppend, states: auth, data: true},
		"IDLE":        {run: (*conn).handleIdle, states: auth},

		// RFC 9051 §6.4, selected.
		"CHECK":       {run: (*conn).handleNoop, states: selected}, // RFC 3501 §6.4.1.
		"CLOSE":       {run: (*conn).handleClose, states: selected, silent: true},
		"UNSELECT":    {run: (*conn).handleUnselect, states: selected, silent: true},
		"EXPUNGE":     {run: (*conn).handleExpunge, states: selected},
		"SEARCH":      {run: (*conn).handleSearch, states: selected, quiet: true},
		"FETCH":       {run: (*conn).handleFetch, states: selected, quiet: true},
		"STORE":       {run: (*conn).handleStore, states: selected, quiet: true},
		"COPY":        {run: (*conn).handleCopy, states: selected},
		"MOVE":        {run: (*conn).handleMove, states: selected},
		"UID EXPUNGE": {run: (*conn).handleExpunge, states: selected},
		"UID SEARCH":  {run: (*conn).handleSearch, states: selected},
		"UID FETCH":   {run: (*conn).handleFetch, states: selected},
		"UID STORE":   {run: (*conn).handleStore, states: selected},
		"UID COPY":    {run: (*conn).handleCopy, states: selected},
		"UID MOVE":    {run: (*conn).handleMove, states: selected},
	}
}

// command reads one command and answers it. An error ends the connection.
func (c *conn) command() error {
	if err := c.wait(); err != nil {
		return c.waitError(err)
	}
	if err := c.dec.ReadLine(); err != nil {
		return c.abort(err)
	}
	start := c.srv.opts.Now()
	r := &request{tag: c.dec.Tag()}
	c.dec.SP()
	r.name = string(c.dec.Keyword())
	if r.name == "UID" {
		c.dec.SP()
		r.name, r.uid = "UID "+string(c.dec.Keyword()), true
	}
	cmd, known := c.srv.commands[r.name]
	known = known && c.dec.Err() == nil
	c.traceLine(r, cmd, known)
	code, err := imap.Code(""), c.dec.Err()
	if err == nil {
		code, err = c.dispatch(cmd, known, r)
	}
	result, err := c.respond(r, cmd, code, err)
	c.in.consumed(c.buffered())
	if known {
		c.srv.met.commands.WithLabelValues(r.name, result).Observe(c.srv.opts.Now().Sub(start).Seconds())
	}
	return err
}

// waitError turns what happened while waiting for a command into the end of the
// connection.
func (c *conn) waitError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return c.bye("", "Nothing heard for too long")
	}
	return err
}

// abort ends the connection because of an error, with the code and words that an error for the client has: TOOBIG for a
// literal that is too large to be skipped (RFC 7888 §5).
func (c *conn) abort(err error) error {
	var ie *imap.Error
	if errors.As(err, &ie) {
		return errors.Join(c.bye(ie.Code, ie.Text), errEnd)
	}
	return c.waitError(err)
}

func (c *conn) dispatch(cmd command, known bool, r *request) (imap.Code, error) {
	switch {
	case !known:
		// RFC 9051 §2.2.1, §6.5, RFC 3501 §6.5.1: BAD for unknown commands. Web browsers and other protocols
		// do not belong here at all.
		if isHTTP(string(r.tag)) {
			return "", imap.Bye("", "This is no web server", nil)
		}
		return "", imap.Bad("Unknown command")
	case cmd.states&c.state() == 0 && c.auth == nil:
		return "", imap.Bad("Log in first")
	case cmd.states&c.state() == 0 && c.selected == nil && cmd.states&stateSelected != 0:
		return "", imap.Bad("Select a mailbox first")
	case cmd.states&c.state() == 0:
		return "", imap.Bad("Not possible now, you are logged in already")
	}
	return cmd.run(c, r)
}

func isHTTP(tag string) bool {
	switch strings.ToUpper(tag) {
	case "GET", "POST", "HEAD", "PUT", "CONNECT", "OPTIONS":
		return true
	}
	return false
}

// errAnswered is returned by handlers that wrote the tagged response themselves.
var errAnswered = errors.New("command is answered")

// respond ends a command: what was not read of it is skipped, changes are told, and the
// tagged response is written: OK, NO or BAD (RFC 9051 §7.1.1, §7.1.2, §7.1.3, RFC 3501 §7.1.1, §7.1.2, §7.1.3). The error
// returned ends the connection.
func (c *conn) respond(r *request, cmd command, code imap.Code, err error) (result string, rerr error) {
	if err == errAnswered {
		return "ok", nil
	}
	if err == nil {
		err = c.dec.EndCommand()
	}
	if err == nil && c.selected != nil && !cmd.silent {
		err = c.tell(!cmd.quiet)
	}
	if err != nil {
		return c.respondError(r, err)
	}
	c.bad = 0
	if c.logout {
		c.enc.Status(r.tag, imap.StatusOK, "", "Bye")
		return "ok", nil
	}
	c.enc.Status(r.tag, imap.StatusOK, code, r.name+" done")
	return "ok", nil
}

// respondError answers a command that failed, as respond does.
func (c *conn) respondError(r *request, err error) (result string, rerr error) {
	var ie *imap.Error
	var ce connError
	switch {
	case errors.As(err, &ie):
	case errors.As(err, &ce) || err == errEnd:
		return "error", c.waitError(err)
	default:
		// Of the store, unless the decoder met an error of reading, which it returns again.
		if err := c.dec.EndCommand(); err != nil {
			return "error", c.abort(err)
		}
		ie = storeError(err)
	}
	result = strings.ToLower(string(ie.Status))
	if ie.Status == imap.StatusBye {
		return result, c.abort(ie)
	}
	if err := c.dec.EndCommand(); err != nil {
		return result, c.abort(err)
	}
	if ie.Err != nil && ie.Code == imap.CodeServerBug {
		c.log.Error("command failed", "command", r.name, "err", ie.Err)
	} else {
		c.log.Debug("command refused", "command", r.name, "err", err)
	}
	// Changes are told with errors too, but nothing that shifts sequence numbers: the
	// client may be confused already.
	if c.selected != nil && ie.Status == imap.StatusNo {
		if err := c.tell(false); err != nil {
			return result, c.abort(err)
		}
	}
	c.enc.Status(r.tag, ie.Status, ie.Code, ie.Text)
	if ie.Status != imap.StatusBad {
		c.bad = 0
		return result, nil
	}
	if c.bad++; c.bad >= c.lo.MaxBadCommands && !c.unlimited {
		return result, errors.Join(c.bye("", "Too many bad commands"), errEnd)
	}
	return result, nil
}

// connError marks an error after which the connection cannot go on, such as half a response. Errors that
// the decoder met need no mark.
type connError struct{ error }

func (e connError) Unwrap() error { return e.error }

// storeError is what a client is told of an error of the store.
func storeError(err error) *imap.Error {
	for _, m := range []struct {
		is   error
		code imap.Code
		text string
	}{
		{store.ErrNoMailbox, imap.CodeNonExistent, "No such mailbox"},
		{store.ErrMailboxExists, imap.CodeAlreadyExists, "Mailbox exists already"},
		{store.ErrMailboxInUse, imap.CodeCannot, "This mailbox cannot be deleted"},
		{store.ErrSpecialUseTaken, imap.CodeUseAttr, "Another mailbox has this use"},
		{store.ErrBadName, imap.CodeCannot, "This mailbox name is not allowed"},
		{store.ErrTooManyKeywords, imap.CodeLimit, "Too many keywords"},
		{store.ErrQuota, imap.CodeOverQuota, "Account is full"},
		{store.ErrExpunged, imap.CodeExpungeIssued, "Messages were removed meanwhile"},
		{store.ErrClosed, imap.CodeUnavailable, "Account is being closed, try again"},
		{store.ErrLocked, imap.CodeInUse, "Account is in use, try again"},
		{context.DeadlineExceeded, imap.CodeUnavailable, "This took too long, try again"},
		{syscall.ENOSPC, imap.CodeUnavailable, "The disk of the server is full, try again later"},
		{syscall.EDQUOT, imap.CodeUnavailable, "The disk of the server is full, try again later"},
		{syscall.EROFS, imap.CodeUnavailable, "The disk of the server cannot be written to, try again later"},
		{fs.ErrPermission, imap.CodeUnavailable, "The disk of the server cannot be written to, try again later"},
		{store.ErrDamaged, imap.CodeCorruption, "The data of this account is damaged, ask the operator of the server"},
	} {
		if errors.Is(err, m.is) {
			return imap.No(m.code, m.text, err)
		}
	}
	return imap.No(imap.CodeServerBug, "Something went wrong here, try again", err)
}
