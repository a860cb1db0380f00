package webmail

import (
	"slices"
	"strings"
	"time"

	"mox/imap"
	"mox/store"
)

// exprOp is what an expr does with those below it.
type exprOp uint8

const (
	exprAnd exprOp = iota
	exprOr
	exprNot
	exprStore   // What the store decides: criteria.
	exprMailbox // The mailbox of the message is one of mailboxes.
	exprParts   // What the parts of the message decide: parts.
)

// expr is what messages must be like that a query finds. It does not change.
type expr struct {
	op        exprOp
	kids      []*expr
	criteria  store.Criteria
	mailboxes map[store.MailboxID]bool
	parts     partTest
}

// everything matches every message.
func everything() *expr { return &expr{op: exprAnd} }

// nothing matches none.
func nothing() *expr { return &expr{op: exprOr} }

func and(kids ...*expr) *expr {
	if len(kids) == 1 {
		return kids[0]
	}
	return &expr{op: exprAnd, kids: kids}
}

func or(kids ...*expr) *expr {
	if len(kids) == 1 {
		return kids[0]
	}
	return &expr{op: exprOr, kids: kids}
}

func not(x *expr) *expr { return &expr{op: exprNot, kids: []*expr{x}} }

func fromStore(c store.Criteria) *expr { return &expr{op: exprStore, criteria: c} }

// isEverything and isNothing tell of constants.
func (x *expr) isEverything() bool { return x.op == exprAnd && len(x.kids) == 0 }
func (x *expr) isNothing() bool    { return x.op == exprOr && len(x.kids) == 0 }

// in returns what is left to decide of messages in a mailbox.
func (x *expr) in(mailbox store.MailboxID) *expr {
	switch x.op {
	case exprMailbox:
		if x.mailboxes[mailbox] {
			return everything()
		}
		return nothing()
	case exprNot:
		switch kid := x.kids[0].in(mailbox); {
		case kid.isEverything():
			return nothing()
		case kid.isNothing():
			return everything()
		default:
			return not(kid)
		}
	case exprAnd, exprOr:
		var kids []*expr
		for _, kid := range x.kids {
			kid = kid.in(mailbox)
			switch {
			case x.op == exprAnd && kid.isEverything() || x.op == exprOr && kid.isNothing():
			case kid.isEverything() || kid.isNothing():
				return kid
			default:
				kids = append(kids, kid)
			}
		}
		if len(kids) == 1 {
			return kids[0]
		}
		return &expr{op: x.op, kids: kids}
	}
	return x
}

// pure tells whether the store decides it all. There is no exprMailbox in it.
func (x *expr) pure() bool {
	return x.op != exprParts && !slices.ContainsFunc(x.kids, func(k *expr) bool { return !k.pure() })
}

// toCriteria returns the criteria of a pure expr.
func (x *expr) toCriteria() store.Criteria {
	var c store.Criteria
	switch x.op {
	case exprStore:
		return x.criteria
	case exprNot:
		c.Not = []store.Criteria{x.kids[0].toCriteria()}
	case exprAnd:
		for _, kid := range x.kids {
			c = both(c, kid.toCriteria())
		}
	case exprOr:
		if len(x.kids) == 0 {
			c.None = true
			return c
		}
		c = x.kids[0].toCriteria()
		for _, kid := range x.kids[1:] {
			c = store.Criteria{Or: [][2]store.Criteria{{c, kid.toCriteria()}}}
		}
	}
	return c
}

// both returns criteria that match what both match. Sets, Emails, Threads and On are not used in queries.
func both(a, b store.Criteria) store.Criteria {
	a.UIDs = slices.Concat(a.UIDs, b.UIDs)
	a.Flags |= b.Flags
	a.NotFlags |= b.NotFlags
	a.Keywords = slices.Concat(a.Keywords, b.Keywords)
	a.NotKeywords = slices.Concat(a.NotKeywords, b.NotKeywords)
	if b.ReceivedSince.After(a.ReceivedSince) {
		a.ReceivedSince = b.ReceivedSince
	}
	if !b.ReceivedBefore.IsZero() && (a.ReceivedBefore.IsZero() || b.ReceivedBefore.Before(a.ReceivedBefore)) {
		a.ReceivedBefore = b.ReceivedBefore
	}
	a.Larger = max(a.Larger, b.Larger)
	if b.HasSmaller && (!a.HasSmaller || b.Smaller < a.Smaller) {
		a.Smaller, a.HasSmaller = b.Smaller, true
	}
	a.Header = slices.Concat(a.Header, b.Header)
	a.Body = slices.Concat(a.Body, b.Body)
	a.Text = slices.Concat(a.Text, b.Text)
	a.Not = slices.Concat(a.Not, b.Not)
	a.Or = slices.Concat(a.Or, b.Or)
	a.None = a.None || b.None
	return a
}

// quick tells whether the lists in memory decide, so that no message has to be read.
func (x *expr) quick() bool {
	return x.op != exprParts && quickCriteria(&x.criteria) && !slices.ContainsFunc(x.kids, func(k *expr) bool { return !k.quick() })
}

func quickCriteria(c *store.Criteria) bool {
	if len(c.Header) > 0 || len(c.Body) > 0 || len(c.Text) > 0 {
		return false
	}
	for i := range c.Not {
		if !quickCriteria(&c.Not[i]) {
			return false
		}
	}
	for i := range c.Or {
		if !quickCriteria(&c.Or[i][0]) || !quickCriteria(&c.Or[i][1]) {
			return false
		}
	}
	return true
}

// byFlags tells whether flags or keywords of a message decide something.
func (x *expr) byFlags() bool {
	c := &x.criteria
	return c.Flags != 0 || c.NotFlags != 0 || len(c.Keywords) > 0 || len(c.NotKeywords) > 0 ||
		slices.ContainsFunc(x.kids, (*expr).byFlags)
}

// flagsOnly tells whether flags alone decide, as in most filters.
func (x *expr) flagsOnly() bool {
	switch x.op {
	case exprMailbox, exprParts:
		return false
	case exprStore:
		c := &x.criteria
		return len(c.Keywords) == 0 && len(c.NotKeywords) == 0 && len(c.Header) == 0 && len(c.Body) == 0 && len(c.Text) == 0 &&
			c.ReceivedSince.IsZero() && c.ReceivedBefore.IsZero() && c.Larger == 0 && !c.HasSmaller && len(c.Not) == 0 && len(c.Or) == 0 && !c.None
	}
	return !slices.ContainsFunc(x.kids, func(k *expr) bool { return !k.flagsOnly() })
}

// matchesFlags decides about a message, for an expr that is flagsOnly.
func (x *expr) matchesFlags(f imap.Flags) bool {
	switch x.op {
	case exprAnd:
		return !slices.ContainsFunc(x.kids, func(k *expr) bool { return !k.matchesFlags(f) })
	case exprOr:
		return slices.ContainsFunc(x.kids, func(k *expr) bool { return k.matchesFlags(f) })
	case exprNot:
		return !x.kids[0].matchesFlags(f)
	}
	return f.Has(x.criteria.Flags) && f&x.criteria.NotFlags == 0
}

// anyHeader returns criteria that match messages with a text in one of several fields.
func anyHeader(text string, fields ...string) store.Criteria {
	c := store.Criteria{Header: []store.HeaderCriterion{{Name: fields[0], Value: text}}}
	for _, f := range fields[1:] {
		c = store.Criteria{Or: [][2]store.Criteria{{c, {Header: []store.HeaderCriterion{{Name: f, Value: text}}}}}}
	}
	return c
}

// parsedQuery is a Query as understood.
type parsedQuery struct {
	expr  *expr
	terms []Term
	mark  []string // Words to mark.
	text  bool     // There is text that was understood.
	wide  bool     // The text names mailboxes, so the scope does not narrow it.
}

// queryKnowledge is what the meaning of a query depends on.
type queryKnowledge struct {
	mailboxes []Mailbox
	me        []Identity
	labels    []Label         // Names for keywords; may be nil.
	now       time.Time       // In the time zone whose days are meant.
	people    []Correspondent // Whom the person that is typed last may be; may be nil.
}

// parseQuery tells what a query finds. What cannot be understood of its text is in the terms, and ignored.
func parseQuery(q Query, k queryKnowledge) parsedQuery {
	p := textParser{k: k, operators: newOperators(), rest: q.Text}
	if len(p.rest) > maxQueryText {
		p.rest = strings.ToValidUTF8(p.rest[:maxQueryText], "")
	}
	parsed := parsedQuery{expr: p.parse(), terms: p.terms, mark: p.mark, wide: p.wide}
	parsed.text = !parsed.expr.isEverything()
	all := []*expr{parsed.expr}
	for _, f := range q.Filters {
		if x := filterExpr(f, k); x != nil {
			all = append(all, x)
		}
	}
	all = slices.DeleteFunc(all, (*expr).isEverything)
	parsed.expr = and(all...)
	return parsed
}

// Bounds of queries, which are kept while views are open.
const (
	maxQueryText = 2000 // Bytes that are looked at of what a user has typed.
	maxFilters   = 50
	maxFilter    = 300 // Bytes.
)

// check returns a query without what is not looked at, or an error for one that no page makes. To leave filters out
// would be to find more than was asked for.
func (q Query) check() (Query, error) {
	if len(q.Filters) > maxFilters || slices.ContainsFunc(q.Filters, func(f string) bool { return len(f) > maxFilter }) {
		return q, errUser(codeBad, "There are too many filters.")
	}
	if len(q.Text) > maxQueryText {
		q.Text = strings.Clone(q.Text[:maxQueryText])
	}
	return q, nil
}

// filterExpr returns what a filter lets through, nil for an unknown one.
func filterExpr(f string, k queryKnowledge) *expr {
	switch f {
	case FilterUnread:
		return fromStore(store.Criteria{NotFlags: imap.FlagSeen})
	case FilterRead:
		return fromStore(store.Criteria{Flags: imap.FlagSeen})
	case FilterFlagged:
		return fromStore(store.Criteria{Flags: imap.FlagFlagged})
	case FilterAttachment:
		return &expr{op: exprParts, parts: hasAttachment}
	case FilterToMe:
		return toMe(k.me)
	}
	if keyword, ok := strings.CutPrefix(f, FilterLabel); ok && keyword != "" {
		return fromStore(store.Criteria{Keywords: []string{keyword}})
	}
	return nil
}

// toMe matches messages that were sent to an address of the account by name, not to a list it is on.
func toMe(me []Identity) *expr {
	x := nothing()
	for _, id := range me {
		x.kids = append(x.kids, fromStore(anyHeader(id.Address, "To", "Cc")))
	}
	return x
}
