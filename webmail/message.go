package webmail

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"mox/imap"
	"mox/message"
	"mox/smtp"
	"mox/store"
)

// openedMessage is a message that is being opened for a page.
type openedMessage struct {
	s        *Server
	ctx      context.Context
	acc      *store.Account
	items    *itemMaker
	settings Settings

	letter   *letter
	layout   *layout
	doc      *document
	evidence *evidence
	subject  *subject
}

// openMessage opens an email, or the message at a path within it.
func (s *Server) openMessage(ctx context.Context, acc *store.Account, id store.EmailID, path string) (*openedMessage, *store.Content, error) {
	actor := session(ctx).Actor()
	o, err := s.reader.open(ctx, acc, actor, id)
	if err != nil {
		return nil, nil, err
	}
	m := &openedMessage{s: s, ctx: ctx, acc: acc}
	if m.settings, err = settings(ctx, acc); err != nil {
		return nil, nil, err
	}
	if m.items, err = s.newItemMaker(ctx, acc, 0); err != nil {
		return nil, nil, err
	}
	content, err := acc.Open(ctx, actor, id)
	if err != nil {
		return nil, nil, err
	}
	if err := m.read(content, o, path); err != nil {
		content.Close()
		return nil, nil, err
	}
	return m, content, nil
}

// read reads the message.
func (m *openedMessage) read(content *store.Content, o *opened, path string) (err error) {
	if m.letter, err = o.letterAt(content, path); err != nil {
		return err
	}
	m.layout = layoutOf(m.letter)
	if m.doc, err = m.s.bestDocument(content, m.letter, m.layout); err != nil {
		return err
	}
	m.evidence = evidenceOf(o.prefix, o.auth)
	if path != "" {
		// What was found out about the email says nothing about what it brings.
		m.evidence = &evidence{}
	}
	m.subject = m.items.subject(m.evidence, m.letter)
	return nil
}

// subject returns what a verdict about a message is on.
func (m *itemMaker) subject(ev *evidence, l *letter) *subject {
	sub := &subject{evidence: ev, list: listID(l.header) != "" || listPost(l.header) != "", mine: m.mine(l.envelope)}
	if from := slices.DeleteFunc(slices.Clone(l.envelope.From), func(a message.Address) bool { return a.Host == "" }); len(from) == 1 {
		sub.from = asciiDomain(from[0].Host)
	}
	return sub
}

// message returns what pages are told.
func (m *openedMessage) message() (Message, error) {
	l, env := m.letter, m.letter.envelope
	msg := Message{
		From: persons(env.From, maxPeople), Sender: other(env.Sender, env.From), ReplyTo: other(env.ReplyTo, env.From),
		To: persons(env.To, maxPeople), Cc: persons(env.CC, maxPeople), Bcc: persons(env.BCC, maxPeople),
		ListID: listID(l.header), ListPost: listPost(l.header), MessageID: env.MessageID,
		Verdict: m.subject.verdict(), Receipt: m.receipt(), Invitation: m.layout.calendar, SignedOrEncrypted: protection(l.root),
		ReplyAddress: m.replyAddress(),
	}
	if !env.Date.IsZero() {
		msg.Date = env.Date.Unix()
	}
	if l.path != "" {
		msg.Verdict = Verdict{Level: LevelInfo, Summary: "Not checked", Checks: nil}
	}
	if err := m.place(&msg); err != nil {
		return Message{}, err
	}
	m.bodies(&msg)
	m.parts(&msg)
	var err error
	if msg.Remote, err = m.remote(); err != nil {
		return Message{}, err
	}
	if l.path == "" && m.subject.mine {
		if msg.Submission, err = m.s.submissionOf(m.ctx, m.acc, l.key.email, env); err != nil {
			return Message{}, err
		}
	}
	msg.Unsubscribe, _ = unsubscribeOf(l, m.evidence)
	if msg.Unsubscribe != nil && m.s.opts.Client == nil {
		msg.Unsubscribe.OneClick = false
	}
	return msg, nil
}

// maxPeople bounds each list of addresses of a Message.
const maxPeople = 1000

// other returns the people of a list, none if they are those of from.
func other(l, from []message.Address) []Person {
	same := slices.EqualFunc(l, from, func(a, b message.Address) bool { return strings.EqualFold(a.Addr(), b.Addr()) })
	if same {
		return nil
	}
	return persons(l, maxPeople)
}

// place sets the item, and why the message is where it is.
func (m *openedMessage) place(msg *Message) error {
	id := m.letter.key.email
	instances, err := m.acc.Instances(m.ctx, m.items.actor, []store.EmailID{id})
	if err != nil {
		return err
	}
	items, err := m.items.items(m.ctx, instances)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return store.ErrExpunged
	}
	msg.Item = items[0]
	if m.letter.path != "" {
		// Of the message within there are no flags; what is known is its header.
		env := m.letter.envelope
		msg.Item = Item{Email: msg.Item.Email, Thread: msg.Item.Thread, Places: msg.Item.Places, Subject: env.Subject, Received: m.letter.received.Unix(), Size: m.letter.root.Size(), Seen: true}
		if from := persons(env.From, 1); len(from) > 0 {
			msg.Item.From = from[0]
		}
		to := persons(slices.Concat(env.To, env.CC), maxPeople)
		msg.Item.To, msg.Item.More = to[:min(len(to), 4)], max(0, len(to)-4)
		return nil
	}
	msg.Reasons = m.subject.reasons(m.items.folders[msg.Item.Places[0].Mailbox])
	return nil
}

// bodies sets the forms in which the text can be shown.
func (m *openedMessage) bodies(msg *Message) {
	switch {
	case m.layout.isHTML:
		msg.Bodies = []BodyKind{BodyHTML, BodyText}
	case len(m.layout.text) > 0:
		msg.Bodies = []BodyKind{BodyText}
	default:
		msg.Body = BodyText // There is none, as in a message that is a file.
		return
	}
	msg.Body = msg.Bodies[0]
	if len(msg.Bodies) == 1 {
		return
	}
	if m.settings.PreferText {
		msg.Body = BodyText
	}
	for _, c := range m.settings.TextSenders {
		if len(msg.From) > 0 && strings.EqualFold(c.Name, msg.From[0].Address) && slices.Contains(msg.Bodies, BodyKind(c.Value)) {
			msg.Body = BodyKind(c.Value)
		}
	}
}

// parts sets the attachments, the tree and the hints.
func (m *openedMessage) parts(msg *Message) {
	files := m.layout.attachments(m.doc)
	for _, f := range files[:min(len(files), maxFiles)] {
		msg.Attachments = append(msg.Attachments, partOf(f))
	}
	b := treeBuilder{inline: m.layout.shown(m.doc), left: maxTree}
	msg.Tree = b.message(m.letter.root, m.letter.path)
	h := hinter{sanitizer: m.s.reader.short, cfg: m.items.cfg, account: m.items.account, subject: m.subject, letter: m.letter, doc: m.doc, listPost: msg.ListPost}
	msg.Hints = append(h.hints(files), incomplete(m.doc, b.cut || len(files) > maxFiles)...)
}

// receipt returns who wants to know that the message was read (RFC 8098 §2.1).
func (m *openedMessage) receipt() []Person {
	if m.subject.mine {
		return nil
	}
	f, ok := message.FirstField(m.letter.header, "Disposition-Notification-To")
	if !ok {
		return nil
	}
	l, _ := message.ParseAddresses(f.Value)
	return slices.DeleteFunc(persons(l, 10), func(p Person) bool { return p.Address == "" })
}

// protection names what signs or encrypts a message for its reader, with a word: S/MIME (RFC 8551 §3) or OpenPGP (RFC 3156).
func protection(root *message.Part) string {
	p := root
	for range 3 {
		protocol := strings.ToLower(p.Param("protocol"))
		switch p.MediaType() {
		case "multipart/signed":
			switch {
			case strings.HasSuffix(protocol, "pkcs7-signature"):
				return "S/MIME signed"
			case protocol == "application/pgp-signature":
				return "OpenPGP signed"
			}
			return ""
		case "multipart/encrypted":
			if protocol == "application/pgp-encrypted" {
				return "OpenPGP encrypted"
			}
			return ""
		case "application/pkcs7-mime", "application/x-pkcs7-mime":
			if strings.EqualFold(p.Param("smime-type"), "signed-data") {
				return "S/MIME signed"
			}
			return "S/MIME encrypted"
		}
		if !p.IsMultipart() {
			return ""
		}
		p = p.Parts[0] // Lists put what they add around it.
	}
	return ""
}

// replyAddress returns the own address to answer from: that which the message was sent to, or, of an own message, from.
func (m *openedMessage) replyAddress() string {
	own := func(l []message.Address) string {
		for _, a := range l {
			if address := a.Addr(); address != "" && isOwn(m.items.cfg, m.items.account, address) {
				return address
			}
		}
		return ""
	}
	env := m.letter.envelope
	if m.subject.mine {
		return own(env.From)
	}
	if a := own(slices.Concat(env.To, env.CC)); a != "" {
		return a
	}
	// It came over a list, or as a blind copy: the server knows for whom it was.
	to := strings.Trim(m.evidence.received["for"], "<>")
	if a, err := smtp.ParseAddress(to); err == nil && isOwn(m.items.cfg, m.items.account, to) {
		return a.String()
	}
	return own(env.BCC)
}

// remote tells what the message would load from elsewhere.
func (m *openedMessage) remote() (Remote, error) {
	ses := session(m.ctx)
	r := Remote{Count: m.doc.RemoteCount, Token: remoteToken(ses, m.letter.key.email)}
	for _, h := range m.doc.Remote[:min(len(m.doc.Remote), 50)] {
		r.Hosts = append(r.Hosts, h.Host)
	}
	var err error
	if r.Count > 0 {
		r.Allowed, err = m.s.mayLoad(m.ctx, m.acc, m.settings, m.subject, m.letter)
	}
	return r, err
}

// remoteAllowed tells whether a message may load images from elsewhere by the settings.
func (s *Server) remoteAllowed(ctx context.Context, acc *store.Account, o *opened, l *letter) (bool, error) {
	st, err := settings(ctx, acc)
	if err != nil {
		return false, err
	}
	m, err := s.newItemMaker(ctx, acc, 0)
	if err != nil {
		return false, err
	}
	return s.mayLoad(ctx, acc, st, m.subject(evidenceOf(o.prefix, o.auth), l), l)
}

// mayLoad tells whether the settings allow a sender that their messages load images. A message that seems to be forged is
// of somebody else.
func (s *Server) mayLoad(ctx context.Context, acc *store.Account, st Settings, sub *subject, l *letter) (bool, error) {
	if l.path != "" || len(l.envelope.From) != 1 || st.Remote == "never" || sub.verdict().Level == LevelBad {
		return false, nil
	}
	from := persons(l.envelope.From, 1)
	if len(from) == 0 || from[0].Address == "" {
		return false, nil
	}
	address := from[0].Address
	if slices.ContainsFunc(st.RemoteSenders, func(s string) bool { return strings.EqualFold(s, address) }) {
		return true, nil
	}
	if st.Remote != "contacts" {
		return false, nil
	}
	if sub.mine {
		return true, nil
	}
	return acc.HasSentTo(ctx, l.envelope.From[0].Addr())
}

// seen marks an email as read, wherever it is.
func (m *itemMaker) seen(ctx context.Context, places []Place) error {
	for _, p := range places {
		var uids imap.UIDSet
		uids.Add(imap.UID(p.UID))
		_, err := m.acc.SetFlags(ctx, m.actor, store.MailboxID(p.Mailbox), store.FlagChange{UIDs: uids, Op: store.FlagsAdd, Flags: imap.FlagSeen, UnchangedSince: -1})
		if err != nil {
			return err
		}
	}
	return nil
}

// headersOf returns the fields of a header, decoded, as they stand.
func headersOf(header []byte) []Header {
	var l []Header
	for f := range message.Fields(header) {
		if f.Name == nil {
			if line := message.DecodeText(bytes.TrimSpace(f.Raw)); line != "" {
				l = append(l, Header{"", line})
			}
			continue
		}
		l = append(l, Header{strings.ToValidUTF8(string(f.Name), "?"), f.Text()})
	}
	return l
}
