package webmail

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"mox/imap"
	"mox/store"
)

// operator is what can stand before a colon in the text of a search.
type operator struct {
	help  string // In suggestions. Of several names for the same only one has it.
	parse func(p *textParser, value string, t *Term) *expr
}

// newOperators returns operators by name: those of mox, and those that other webmails have taught people.
func newOperators() map[string]operator {
	return map[string]operator{
		"from":         {"sender", header("from", "From", "Sender")},
		"f":            {"", header("from", "From", "Sender")},
		"to":           {"recipient", header("to", "To", "Cc", "Bcc")},
		"t":            {"", header("to", "To", "Cc", "Bcc")},
		"cc":           {"in copy", header("Cc", "Cc")},
		"bcc":          {"in blind copy", header("Bcc", "Bcc")},
		"subject":      {"subject", header("subject", "Subject")},
		"s":            {"", header("subject", "Subject")},
		"list":         {"mailing list", header("list", "List-Id", "List-Post")},
		"deliveredto":  {"", header("delivered to", "Delivered-To")},
		"rfc822msgid":  {"", header("Message-ID", "Message-ID")},
		"msgid":        {"", header("Message-ID", "Message-ID")},
		"header":       {"field of the header, as header:list-id:name", parseHeaderField},
		"h":            {"", parseHeaderField},
		"label":        {"label", parseLabel},
		"l":            {"", parseLabel},
		"in":           {"mailbox, or anywhere", parseIn},
		"mb":           {"", parseIn},
		"submb":        {"mailbox with those below it", parseBelow},
		"is":           {"unread, read, flagged, answered, forwarded, draft", parseIs},
		"has":          {"attachment, image, pdf, document, label", parseHas},
		"a":            {"", parseHas},
		"filename":     {"name of an attachment", parseFilename},
		"type":         {"kind of attachment, or media type", parseType},
		"before":       {"before a day, as 2026-03-01", parseBefore},
		"end":          {"", parseBefore},
		"older":        {"", parseBefore},
		"after":        {"since a day, as 2026-03-01", parseAfter},
		"start":        {"", parseAfter},
		"since":        {"", parseAfter},
		"newer":        {"", parseAfter},
		"on":           {"on a day", parseOn},
		"date":         {"", parseOn},
		"older_than":   {"as 2d, 3w, 6m, 1y", parseOlderThan},
		"newer_than":   {"as 2d, 3w, 6m, 1y", parseNewerThan},
		"larger":       {"as 500k, 5m", parseLarger},
		"size":         {"", parseLarger},
		"larger_than":  {"", parseLarger},
		"minsize":      {"", parseLarger},
		"smaller":      {"as 500k, 5m", parseSmaller},
		"smaller_than": {"", parseSmaller},
		"maxsize":      {"", parseSmaller},
		"body":         {"text without the header", parseBody},
	}
}

// header returns the parser of an operator for text in header fields.
func header(name string, fields ...string) func(*textParser, string, *Term) *expr {
	return func(p *textParser, value string, t *Term) *expr {
		if strings.EqualFold(value, "me") && (fields[0] == "From" || fields[0] == "To") {
			t.Meaning = name + " me"
			x := nothing()
			for _, id := range p.k.me {
				x.kids = append(x.kids, fromStore(anyHeader(id.Address, fields...)))
			}
			return x
		}
		t.Meaning = name + " contains “" + value + "”"
		p.marks(value)
		return fromStore(anyHeader(value, fields...))
	}
}

func parseHeaderField(p *textParser, value string, t *Term) *expr {
	name, text, _ := strings.Cut(value, ":")
	if text == "" && strings.HasPrefix(p.rest, `"`) { // header:subject:"two words"
		text = p.value()
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			t.Problem = "This is not the name of a field."
			return everything()
		}
	}
	t.Meaning = "field " + name + " is there"
	if text != "" {
		t.Meaning = "field " + name + " contains “" + text + "”"
		p.marks(text)
	}
	return fromStore(store.Criteria{Header: []store.HeaderCriterion{{Name: name, Value: text}}})
}

func parseLabel(p *textParser, value string, t *Term) *expr {
	keyword := value
	for _, l := range p.k.labels {
		if strings.EqualFold(l.Name, value) {
			keyword = l.Keyword
		}
	}
	if _, err := imap.CanonicalKeyword(keyword); err != nil {
		t.Problem = "There is no label of this name."
		return everything()
	}
	t.Meaning = "has label " + value
	return fromStore(store.Criteria{Keywords: []string{keyword}})
}

func parseIn(p *textParser, value string, t *Term) *expr { return p.inMailbox(value, false, t) }

func parseBelow(p *textParser, value string, t *Term) *expr { return p.inMailbox(value, true, t) }

// inMailbox matches messages in a mailbox, by its name, the last part of it, or its role.
func (p *textParser) inMailbox(value string, below bool, t *Term) *expr {
	if strings.EqualFold(value, "anywhere") || strings.EqualFold(value, "all") {
		t.Meaning = "in all mailboxes"
		p.wide = p.wide || !p.negated
		return everything()
	}
	mb, ok := findMailbox(p.k.mailboxes, value)
	if !ok {
		t.Problem = "There is no mailbox of this name."
		return everything()
	}
	x := &expr{op: exprMailbox, mailboxes: map[store.MailboxID]bool{store.MailboxID(mb.ID): true}}
	t.Meaning = "in " + mb.Name
	if below {
		t.Meaning += " and below"
		for _, m := range p.k.mailboxes {
			if strings.HasPrefix(m.Name, mb.Name+"/") {
				x.mailboxes[store.MailboxID(m.ID)] = true
			}
		}
	}
	p.wide = p.wide || !p.negated
	return x
}

// findMailbox returns the mailbox that a word means.
func findMailbox(l []Mailbox, word string) (Mailbox, bool) {
	role := Role(strings.ToLower(word))
	switch role {
	case "spam":
		role = RoleJunk
	case "bin", "deleted":
		role = RoleTrash
	case "draft":
		role = RoleDrafts
	}
	tests := []func(m Mailbox) bool{
		func(m Mailbox) bool { return m.Name == word },
		func(m Mailbox) bool { return strings.EqualFold(m.Name, word) },
		func(m Mailbox) bool { return m.Role != RoleNone && m.Role == role },
		func(m Mailbox) bool { return strings.EqualFold(m.Name[strings.LastIndexByte(m.Name, '/')+1:], word) },
	}
	for _, test := range tests {
		for _, m := range l {
			if test(m) {
				return m, true
			}
		}
	}
	return Mailbox{}, false
}

func parseIs(p *textParser, value string, t *Term) *expr {
	word := strings.ToLower(value)
	var c store.Criteria
	switch word {
	case "unread", "unseen", "new":
		c.NotFlags = imap.FlagSeen
	case "read", "seen":
		c.Flags = imap.FlagSeen
	case "flagged", "starred", "star":
		c.Flags = imap.FlagFlagged
	case "unflagged", "unstarred":
		c.NotFlags = imap.FlagFlagged
	case "answered", "replied":
		c.Flags = imap.FlagAnswered
	case "unanswered", "unreplied":
		c.NotFlags = imap.FlagAnswered
	case "draft":
		c.Flags = imap.FlagDraft
	case "forwarded":
		c.Keywords = []string{imap.KeywordForwarded}
	case "important":
		c.Keywords = []string{imap.KeywordImportant}
	case "junk", "spam":
		c.Keywords = []string{imap.KeywordJunk}
	case "notjunk", "notspam":
		c.Keywords = []string{imap.KeywordNotJunk}
	default:
		t.Problem = "Can be unread, read, flagged, answered, unanswered, forwarded, draft, important, junk."
		return everything()
	}
	t.Meaning = "is " + word
	return fromStore(c)
}

func parseHas(p *textParser, value string, t *Term) *expr {
	word := strings.ToLower(value)
	switch word {
	case "attachment", "attachments", "file", "files":
		t.Meaning = "has an attachment"
		return &expr{op: exprParts, parts: hasAttachment}
	case "star", "flag":
		t.Meaning = "is flagged"
		return fromStore(store.Criteria{Flags: imap.FlagFlagged})
	case "label", "labels", "userlabels":
		x := nothing()
		for _, m := range p.k.mailboxes {
			for _, l := range m.Labels {
				x.kids = append(x.kids, fromStore(store.Criteria{Keywords: []string{l}}))
			}
		}
		t.Meaning = "has a label"
		return x
	}
	if kind := attachmentKind(word); kind != "" {
		t.Meaning = "has a file of the kind " + kind
		return &expr{op: exprParts, parts: attachmentOfKind(kind)}
	}
	t.Problem = "Can be attachment, image, pdf, document, spreadsheet, presentation, archive, audio, video, message, calendar, label."
	return everything()
}

func parseFilename(p *textParser, value string, t *Term) *expr {
	t.Meaning = "has a file with “" + value + "” in its name"
	p.marks(value)
	return &expr{op: exprParts, parts: attachmentNamed(value)}
}

func parseType(p *textParser, value string, t *Term) *expr {
	if strings.Contains(value, "/") {
		t.Meaning = "has a part of the type " + value
		return &expr{op: exprParts, parts: attachmentOfType(value)}
	}
	return parseHas(p, value, t)
}

func parseBody(p *textParser, value string, t *Term) *expr {
	t.Meaning = "text contains “" + value + "”"
	p.marks(value)
	return fromStore(store.Criteria{Body: []string{value}})
}

func parseBefore(p *textParser, value string, t *Term) *expr {
	first, _, ok := p.day(value, t)
	if !ok {
		return everything()
	}
	t.Meaning = "received before " + first.Format(time.DateOnly)
	return fromStore(store.Criteria{ReceivedBefore: first})
}

func parseAfter(p *textParser, value string, t *Term) *expr {
	first, _, ok := p.day(value, t)
	if !ok {
		return everything()
	}
	t.Meaning = "received since " + first.Format(time.DateOnly)
	return fromStore(store.Criteria{ReceivedSince: first})
}

func parseOn(p *textParser, value string, t *Term) *expr {
	first, next, ok := p.day(value, t)
	if !ok {
		return everything()
	}
	t.Meaning = "received on " + first.Format(time.DateOnly)
	if last := next.AddDate(0, 0, -1); !last.Equal(first) {
		t.Meaning = "received from " + first.Format(time.DateOnly) + " to " + last.Format(time.DateOnly)
	}
	return fromStore(store.Criteria{ReceivedSince: first, ReceivedBefore: next})
}

// today returns when the day began, where the user is.
func (p *textParser) today() time.Time {
	y, m, d := p.k.now.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, p.k.now.Location())
}

// day returns the first day that is meant, and the one after the last.
func (p *textParser) day(value string, t *Term) (first, next time.Time, ok bool) {
	today := p.today()
	switch strings.ToLower(value) {
	case "today":
		return today, today.AddDate(0, 0, 1), true
	case "yesterday":
		return today.AddDate(0, 0, -1), today, true
	}
	value = strings.NewReplacer("/", "-", ".", "-").Replace(value)
	for _, f := range []struct {
		layout     string
		y, m, days int
	}{
		{"2006-1-2", 0, 0, 1}, {"2006-1", 0, 1, 0}, {"2006", 1, 0, 0}, {"1-2-2006", 0, 0, 1},
	} {
		if first, err := time.ParseInLocation(f.layout, value, p.k.now.Location()); err == nil && first.Year() >= 1900 {
			return first, first.AddDate(f.y, f.m, f.days), true
		}
	}
	if at, ok := p.ago(value); ok {
		return at, at.AddDate(0, 0, 1), true
	}
	t.Problem = "This is no day; write it as 2026-03-31."
	return first, next, false
}

// ago returns the day that is so long ago, as 3d, 2w, 6m or 1y.
func (p *textParser) ago(value string) (time.Time, bool) {
	if len(value) < 2 {
		return time.Time{}, false
	}
	n, err := strconv.Atoi(value[:len(value)-1])
	if err != nil || n < 0 || n > 10000 {
		return time.Time{}, false
	}
	today := p.today()
	switch value[len(value)-1] | 0x20 {
	case 'd':
		return today.AddDate(0, 0, -n), true
	case 'w':
		return today.AddDate(0, 0, -7*n), true
	case 'm':
		return today.AddDate(0, -n, 0), true
	case 'y':
		return today.AddDate(-n, 0, 0), true
	}
	return time.Time{}, false
}

func parseOlderThan(p *textParser, value string, t *Term) *expr {
	at, ok := p.ago(value)
	if !ok {
		t.Problem = "Write it as 3d, 2w, 6m or 1y."
		return everything()
	}
	t.Meaning = "received before " + at.Format(time.DateOnly)
	return fromStore(store.Criteria{ReceivedBefore: at})
}

func parseNewerThan(p *textParser, value string, t *Term) *expr {
	at, ok := p.ago(value)
	if !ok {
		t.Problem = "Write it as 3d, 2w, 6m or 1y."
		return everything()
	}
	t.Meaning = "received since " + at.Format(time.DateOnly)
	return fromStore(store.Criteria{ReceivedSince: at})
}

func parseLarger(p *textParser, value string, t *Term) *expr {
	n, ok := parseSize(value)
	if !ok {
		t.Problem = "Write it as 500k or 5m."
		return everything()
	}
	t.Meaning = fmt.Sprintf("larger than %d bytes", n)
	return fromStore(store.Criteria{Larger: n})
}

func parseSmaller(p *textParser, value string, t *Term) *expr {
	n, ok := parseSize(value)
	if !ok {
		t.Problem = "Write it as 500k or 5m."
		return everything()
	}
	t.Meaning = fmt.Sprintf("smaller than %d bytes", n)
	return fromStore(store.Criteria{Smaller: n, HasSmaller: true})
}

// parseSize returns bytes, of text such as 10, 10k, 2.5M, 1gb.
func parseSize(s string) (int64, bool) {
	s = strings.TrimSuffix(strings.ToLower(s), "b")
	unit := 1.0
	if s != "" {
		switch s[len(s)-1] {
		case 'k':
			unit = 1 << 10
		case 'm':
			unit = 1 << 20
		case 'g':
			unit = 1 << 30
		}
		if unit > 1 {
			s = s[:len(s)-1]
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f*unit > 1<<50 || f != f {
		return 0, false
	}
	return int64(f * unit), true
}
