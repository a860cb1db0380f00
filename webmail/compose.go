package webmail

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mox/config"
	"mox/message"
	"mox/smtp"
	"mox/store"
)

// maxQuoted is how much of the text of a message is quoted, in bytes.
const maxQuoted = 256 << 10

// composing makes a draft of messages.
type composing struct {
	ctx   context.Context
	s     *Server
	acc   *store.Account
	actor store.Actor
	cfg   *config.Config
	name  string // Of the account.
	st    Settings
	ids   []Identity
}

// original is a message that a draft is about.
type original struct {
	*letter
	id      store.EmailID
	content *store.Content
	layout  *layout
}

// newComposing returns what makes drafts for the account of a call. The caller must close the account.
func (s *Server) newComposing(ctx context.Context) (*composing, error) {
	acc, actor, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	cfg, name := s.opts.Config(), session(ctx).Account
	c := &composing{ctx: ctx, s: s, acc: acc, actor: actor, cfg: cfg, name: name, ids: identities(cfg, name)}
	if c.st, err = settings(ctx, acc); err != nil {
		acc.Close()
		return nil, err
	}
	return c, nil
}

// open opens a message. The caller must close its content.
func (c *composing) open(email string) (*original, error) {
	id, ok := parseEmailID(email)
	if !ok {
		return nil, store.ErrExpunged
	}
	o, err := c.s.reader.open(c.ctx, c.acc, c.actor, id)
	if err != nil {
		return nil, err
	}
	content, err := c.acc.Open(c.ctx, c.actor, id)
	if err != nil {
		return nil, err
	}
	l, err := o.letterAt(content, "")
	if err != nil {
		content.Close()
		return nil, err
	}
	return &original{l, id, content, layoutOf(l)}, nil
}

// compose returns the draft that a request asks for.
func (c *composing) compose(r ComposeRequest) (Draft, error) {
	d := Draft{From: c.from(), Rich: !c.st.ComposeText}
	if r.Kind == ComposeNew {
		if err := mailto(r.Mailto, &d); err != nil {
			return Draft{}, err
		}
		c.finish(&d, "")
		return d, nil
	}
	if len(r.Emails) == 0 || len(r.Emails) > maxAttached {
		return Draft{}, errUser(codeBad, "Which message?")
	}
	o, err := c.open(r.Emails[0])
	if err != nil {
		return Draft{}, err
	}
	defer o.content.Close()
	switch r.Kind {
	case ComposeReply, ComposeReplyAll, ComposeReplyList:
		return d, c.reply(&d, o, r)
	case ComposeForward:
		return d, c.forward(&d, o)
	case ComposeAttach:
		return d, c.attach(&d, o, r.Emails)
	case ComposeEditAsNew, ComposeDraft:
		return d, c.edit(&d, o, r.Kind == ComposeDraft)
	case ComposeUnsubscribe:
		return d, c.unsubscribe(&d, o)
	}
	return Draft{}, errUser(codeBad, "A message cannot begin as %q.", r.Kind)
}

// answerer returns who answers a message: the own address that it was sent to.
func (c *composing) answerer(o *original) Person {
	env := o.envelope
	// It may have come over a list, or as a blind copy: the server knows for whom it was.
	received := Person{Address: strings.Trim(evidenceOf(o.prefix, o.auth).received["for"], "<>")}
	return c.from(slices.Concat(people(slices.Concat(env.To, env.CC)), []Person{received}, people(env.BCC))...)
}

// from returns who a message is from: an own address that another message was sent to, or the first one.
func (c *composing) from(sentTo ...Person) Person {
	for _, p := range sentTo {
		if c.mine(p) {
			return c.sender(p.Address)
		}
	}
	for _, id := range c.ids {
		if !strings.HasPrefix(id.Address, "@") {
			return c.sender(id.Address)
		}
	}
	return Person{}
}

// sender returns an own address with the name to send with.
func (c *composing) sender(address string) Person {
	p := Person{Address: address}
	if len(c.ids) > 0 {
		p.Name = c.ids[0].Name
	}
	if sig := c.st.signature(address); sig.Name != "" {
		p.Name = sig.Name
	}
	return p
}

// mine tells whether an address is one that the account writes from.
func (c *composing) mine(p Person) bool { return isOwn(c.cfg, c.name, p.Address) }

// onlyMine tells whether mail to an address comes to the account, and to nobody else.
func (c *composing) onlyMine(p Person) bool {
	address, err := smtp.ParseAddress(p.Address)
	return err == nil && c.mine(p) && c.cfg.LookupAlias(address.Path()) == nil
}

// people returns those of a list of addresses that can be written to.
func people(l []message.Address) []Person {
	return slices.DeleteFunc(persons(l, len(l)), func(p Person) bool { return p.Address == "" })
}

// finish adds the signature, and the reply address that goes with it. Quote is in the form of the draft; it stands below the
// signature, or above it if the user writes below quotes.
func (c *composing) finish(d *Draft, quote string) {
	sig := c.st.signature(d.From.Address)
	if sig.ReplyTo != "" && len(d.ReplyTo) == 0 {
		d.ReplyTo = []Person{{Address: sig.ReplyTo}}
	}
	if !d.Rich {
		text := d.Text
		own := ""
		if sig.Text != "" {
			own = "-- \n" + strings.TrimRight(sig.Text, "\n") + "\n" // RFC 3676 §4.3
		}
		d.Text = strings.TrimLeft(joined(c.st.QuoteBelow, text, quote, own, "\n\n"), "\n")
		if text == "" && !c.st.QuoteBelow && d.Text != "" {
			d.Text = "\n\n" + d.Text
		}
		return
	}
	own := ""
	if sig.HTML != "" {
		own = `<div data-mox-signature="">` + c.s.edited(sig.HTML, nil, false) + `</div>`
	}
	text := d.HTML
	if text == "" {
		text = "<p><br></p>"
	}
	d.HTML = joined(c.st.QuoteBelow, text, quote, own, "")
}

// joined puts text, quote and signature in order.
func joined(below bool, text, quote, signature, sep string) string {
	parts := []string{text, signature, quote}
	if below {
		parts = []string{quote, text, signature}
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}

// reply makes an answer (RFC 5322 §3.6.2, §3.6.4).
func (c *composing) reply(d *Draft, o *original, r ComposeRequest) error {
	env := o.envelope
	d.From = c.answerer(o)
	d.Related = []string{o.id.String()}
	d.InReplyTo, d.References = env.MessageID, references(env)
	d.Subject = replySubject(env.Subject)
	if err := c.recipients(d, o, r.Kind); err != nil {
		return err
	}
	line := "On " + c.when(env.Date, o.received) + ", " + authorOf(people(env.From)) + " wrote:"
	if r.Quote != "" {
		quote := strings.ReplaceAll(strings.ToValidUTF8(r.Quote, "\uFFFD"), "\r\n", "\n")
		if len(quote) > maxQuoted {
			quote = cutLine(cutText(quote, maxQuoted)) + "\n" + notQuoted
		}
		quote = breakLines(quote)
		c.finish(d, c.quoted(d.Rich, line, pieces(quote), quote, true))
		return nil
	}
	return c.quote(d, o, line, true)
}

// recipients sets who an answer goes to.
func (c *composing) recipients(d *Draft, o *original, kind ComposeKind) error {
	env := o.envelope
	from, to := people(env.From), people(env.ReplyTo)
	if len(to) == 0 {
		to = from
	}
	own := len(from) > 0 && !slices.ContainsFunc(from, func(p Person) bool { return !c.onlyMine(p) })
	switch {
	case kind == ComposeReplyList:
		list := listPost(o.header)
		if list == "" {
			return errUser(codeBad, "The message does not say how to write to its list.")
		}
		d.To = []Person{{Address: list}}
		return nil
	case own:
		// To go on with what one has written oneself goes to those it was sent to.
		d.From = c.sender(from[0].Address)
		d.To = people(env.To)
		if kind == ComposeReplyAll {
			d.Cc = people(env.CC)
		}
		if len(d.To) == 0 {
			d.To = slices.Concat(people(env.CC), people(env.BCC))
			d.Cc = nil
		}
	case kind == ComposeReplyAll:
		d.To = to
		d.Cc = slices.Concat(people(env.To), people(env.CC))
	default:
		d.To = to
	}
	d.To = distinct(d.To, nil, nil)
	if kind == ComposeReplyAll {
		if others := distinct(d.To, nil, c.onlyMine); len(others) > 0 {
			d.To = others
		}
	}
	d.Cc = distinct(d.Cc, d.To, c.onlyMine)
	if len(d.To) == 0 {
		d.To, d.Cc = d.Cc, nil
	}
	return nil
}

// references returns the field References of an answer (RFC 5322 §3.6.4), of which the first and the last are kept where they are many.
func references(env *message.Envelope) []string {
	refs := slices.Clone(env.References)
	if len(refs) == 0 && len(env.InReplyTo) == 1 {
		refs = slices.Clone(env.InReplyTo)
	}
	if env.MessageID != "" {
		refs = append(slices.DeleteFunc(refs, func(s string) bool { return s == env.MessageID }), env.MessageID)
	}
	const most = 30
	if len(refs) > most {
		refs = append(refs[:1], refs[len(refs)-most+1:]...)
	}
	return refs
}

// distinct returns people without those that are twice, in others, or that a function says to leave out.
func distinct(l, others []Person, without func(Person) bool) []Person {
	seen := map[string]bool{}
	for _, p := range others {
		seen[addressKey(p)] = true
	}
	var all []Person
	for _, p := range l {
		key := addressKey(p)
		if seen[key] || without != nil && without(p) {
			continue
		}
		seen[key] = true
		all = append(all, p)
	}
	return all
}

// addressKey returns the same for all ways in which people write an address.
func addressKey(p Person) string {
	if a, err := smtp.ParseAddress(p.Address); err == nil {
		return strings.ToLower(a.String())
	}
	return strings.ToLower(p.Address)
}

// authorOf returns who a message is from, in words.
func authorOf(l []Person) string {
	if len(l) == 0 {
		return "somebody"
	}
	if l[0].Name != "" {
		return l[0].Name
	}
	return l[0].Address
}

// when returns a time in words, in the zone of the user.
func (c *composing) when(date, received time.Time) string {
	if date.IsZero() {
		date = received
	}
	if zone, err := time.LoadLocation(c.st.TimeZone); err == nil && c.st.TimeZone != "" {
		date = date.In(zone)
	}
	return date.Format("2 January 2006 at 15:04")
}

// attachment returns a part of a message as an attachment of a draft.
func (c *composing) attachment(o *original, f leaf, inline bool) Attachment {
	at := Attachment{
		ID: partID(o.id, f.path), Name: partFileName(f), Type: mediaType(f.part.MediaType()), Size: decodedSize(f.part),
		Inline: inline, ContentID: contentID(f.part),
	}
	if f.part.Message != nil {
		at.Type = "message/rfc822"
	}
	at.Address = attachmentAddress(at)
	return at
}

// forwardLine stands above a message that is passed on.
const forwardLine = "---------- Forwarded message ----------"

// forward makes a message with the text and the files of another.
func (c *composing) forward(d *Draft, o *original) error {
	env := o.envelope
	d.From = c.answerer(o)
	d.Related, d.Forward = []string{o.id.String()}, true
	d.References = references(env)
	d.Subject = forwardSubject(env.Subject)
	head := forwardLine + "\nFrom: " + written(people(env.From)) + "\nDate: " + c.when(env.Date, o.received) +
		"\nSubject: " + env.Subject + "\nTo: " + written(people(env.To))
	if cc := people(env.CC); len(cc) > 0 {
		head += "\nCc: " + written(cc)
	}
	if err := c.quote(d, o, head, false); err != nil {
		return err
	}
	c.files(d, o)
	return nil
}

// written returns people in words.
func written(l []Person) string {
	var all []string
	for _, p := range l {
		if p.Name != "" {
			all = append(all, fmt.Sprintf("%s <%s>", p.Name, p.Address))
		} else {
			all = append(all, p.Address)
		}
	}
	return strings.Join(all, ", ")
}

// files adds the files of a message that its text does not show already.
func (c *composing) files(d *Draft, o *original) {
	have := map[string]bool{}
	for _, at := range d.Attachments {
		have[at.ID] = true
	}
	for _, f := range o.layout.files {
		if at := c.attachment(o, f, false); !have[at.ID] && len(d.Attachments) < maxAttached {
			d.Attachments = append(d.Attachments, at)
		}
	}
}

// emailFileName returns the name of a file with a message.
func emailFileName(subject string) string {
	name := fileName(strings.NewReplacer("/", "-", `\`, "-").Replace(subject))
	if name == "" {
		name = "message"
	}
	return strings.TrimSpace(cutText(name, maxFileName-4)) + ".eml"
}

// attach makes a message with others as its files.
func (c *composing) attach(d *Draft, o *original, emails []string) error {
	d.Related, d.Forward = emails, true
	if len(emails) == 1 {
		d.From, d.Subject = c.answerer(o), forwardSubject(o.envelope.Subject)
	}
	for _, email := range emails {
		m, err := c.open(email)
		if err != nil {
			return err
		}
		m.content.Close()
		d.Attachments = append(d.Attachments, emailAttachment(m))
	}
	c.finish(d, "")
	return nil
}

// emailAttachment returns a message as an attachment of a draft.
func emailAttachment(o *original) Attachment {
	at := Attachment{ID: emailAttachmentID(o.id), Name: emailFileName(o.envelope.Subject), Type: "message/rfc822", Size: o.size}
	at.Address = attachmentAddress(at)
	return at
}
