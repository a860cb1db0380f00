package store

import (
	"cmp"
	"math"
	"slices"
	"time"

	"mox/imap"
)

// searchTier tells from where the answer to a search key comes, cheapest first.
type searchTier uint8

const (
	tierEntry  searchTier = iota // The View.
	tierCold                     // The email's cold record.
	tierHeader                   // The header of the message, read from its content.
	tierBody                     // All of its content.
)

// truth is what is known of a key for one message.
type truth uint8

const (
	unknown truth = iota
	yes
	no
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

// searchOp is how a searchNode combines what is below it.
type searchOp uint8

const (
	opLeaf searchOp = iota
	opAnd
	opOr
	opNot
)

// searchNode is part of a searchPlan. Nodes below an opAnd or opOr are ordered by cost.
type searchNode struct {
	op   searchOp
	tier searchTier // The cheapest tier that a leaf below has.
	leaf int        // Index in searchPlan.leaves, for opLeaf.
	kids []searchNode
}

// leafKind is what a searchLeaf looks at.
type leafKind uint8

const (
	leafEntry leafKind = iota
	leafThreads
	leafSent
	leafHeader
	leafText
	leafBody
)

// searchLeaf is a condition that is answered from one source.
type searchLeaf struct {
	kind    leafKind
	tier    searchTier // From this tier on the answer is known.
	entry   *entryKey
	threads []ThreadID // Sorted.
	sent    dateKey
	field   string // For leafHeader.
	needle  []byte // Folded.
}

// searchPlan is Criteria made ready to be asked of many messages. It is for one goroutine.
type searchPlan struct {
	root   searchNode
	leaves []searchLeaf
	lo, hi imap.SeqNum // No message outside of these sequence numbers matches.

	keywordNames func(KeywordSet) []string
}

// compileSearch makes a plan for messages of view.
func compileSearch(c Criteria, view *View, keywordNames func(KeywordSet) []string) *searchPlan {
	p := &searchPlan{lo: 1, hi: imap.SeqNum(view.Len()), keywordNames: keywordNames}
	p.root = p.compile(c)
	for _, set := range c.Seqs {
		lo, hi := bounds(set)
		p.lo, p.hi = max(p.lo, lo), min(p.hi, hi)
	}
	for _, set := range c.UIDs {
		lo, hi := bounds(set)
		first, _ := view.Seq(lo)
		last, ok := view.Seq(hi)
		if !ok {
			last--
		}
		p.lo, p.hi = max(p.lo, first), min(p.hi, last)
	}
	return p
}

// bounds returns the lowest and highest number of a set, zero for the empty set.
func bounds[T imap.Num](set imap.Set[T]) (lo, hi T) {
	if len(set) == 0 {
		return 0, 0
	}
	return set[0].First, set[len(set)-1].Last
}

func (p *searchPlan) compile(c Criteria) searchNode {
	and := searchNode{op: opAnd}
	add := func(l searchLeaf) { and.kids = append(and.kids, p.leaf(l)) }
	if k := newEntryKey(c); k != nil {
		add(searchLeaf{kind: leafEntry, tier: tierEntry, entry: k})
	}
	if c.Threads != nil {
		add(searchLeaf{kind: leafThreads, tier: tierCold, threads: slices.Sorted(slices.Values(c.Threads))})
	}
	if d := newDateKey(c.SentSince, c.SentBefore, c.SentOn); d != anyDate {
		add(searchLeaf{kind: leafSent, tier: tierCold, sent: d})
	}
	for _, h := range c.Header {
		l := searchLeaf{kind: leafHeader, tier: tierHeader, field: h.Name, needle: foldText(h.Value)}
		if ListedField(h.Name) {
			l.tier = tierCold
		}
		add(l)
	}
	for _, s := range c.Text {
		if s != "" {
			add(searchLeaf{kind: leafText, tier: tierBody, needle: foldText(s)})
		}
	}
	for _, s := range c.Body {
		if s != "" {
			add(searchLeaf{kind: leafBody, tier: tierBody, needle: foldText(s)})
		}
	}
	for _, n := range c.Not {
		kid := p.compile(n)
		and.kids = append(and.kids, searchNode{op: opNot, tier: kid.tier, kids: []searchNode{kid}})
	}
	for _, o := range c.Or {
		kids := []searchNode{p.compile(o[0]), p.compile(o[1])}
		and.kids = append(and.kids, ordered(searchNode{op: opOr, kids: kids}))
	}
	return ordered(and)
}

func (p *searchPlan) leaf(l searchLeaf) searchNode {
	p.leaves = append(p.leaves, l)
	return searchNode{op: opLeaf, tier: l.tier, leaf: len(p.leaves) - 1}
}

// ordered puts the cheapest nodes first.
func ordered(n searchNode) searchNode {
	slices.SortStableFunc(n.kids, func(a, b searchNode) int { return cmp.Compare(a.tier, b.tier) })
	if len(n.kids) > 0 {
		n.tier = n.kids[0].tier
	}
	return n
}

// eval returns what is known of node n for the message of which known tells the leaves.
func (n *searchNode) eval(known []truth) truth {
	switch n.op {
	case opLeaf:
		return known[n.leaf]
	case opNot:
		return n.kids[0].eval(known).not()
	}
	// An OR is decided by a yes, an AND by a no.
	decides := no
	if n.op == opOr {
		decides = yes
	}
	result := decides.not()
	for i := range n.kids {
		switch n.kids[i].eval(known) {
		case decides:
			return decides
		case unknown:
			result = unknown
		}
	}
	return result
}

// open appends the leaves on which the answer still depends.
func (n *searchNode) open(known []truth, leaves []int) []int {
	if n.eval(known) != unknown {
		return leaves
	}
	if n.op == opLeaf {
		return append(leaves, n.leaf)
	}
	for i := range n.kids {
		leaves = n.kids[i].open(known, leaves)
	}
	return leaves
}

// entryKey holds the criteria that a View answers. All must hold.
type entryKey struct {
	none                  bool
	seqs                  []imap.SeqSet
	uids                  []imap.UIDSet
	emails                []EmailID // Sorted, if not nil.
	flags, notFlags       imap.Flags
	keywords, notKeywords []string
	received              dateKey
	from, until           int64 // Received, as Unix times; until is exclusive.
	larger, smaller       int64 // Exclusive bounds.
	modseq                imap.ModSeq

	keywordsMatch map[KeywordSet]bool // What was found out about sets.
}

// newEntryKey returns nil if there is no such criterion in c.
func newEntryKey(c Criteria) *entryKey {
	k := &entryKey{
		none: c.None,
		seqs: c.Seqs, uids: c.UIDs,
		flags: c.Flags, notFlags: c.NotFlags,
		keywords: c.Keywords, notKeywords: c.NotKeywords,
		received: newDateKey(c.Since, c.Before, c.On),
		from:     math.MinInt64, until: math.MaxInt64,
		larger: -1, smaller: math.MaxInt64,
		modseq: c.ModSeq,
	}
	if !c.ReceivedSince.IsZero() {
		k.from = c.ReceivedSince.Unix()
	}
	if !c.ReceivedBefore.IsZero() {
		k.until = c.ReceivedBefore.Unix()
	}
	if c.Larger > 0 {
		k.larger = c.Larger
	}
	if c.Smaller > 0 || c.HasSmaller {
		k.smaller = c.Smaller
	}
	if c.Emails != nil {
		k.emails = append([]EmailID{}, c.Emails...)
		slices.SortFunc(k.emails, EmailID.compare)
	}
	if !k.none && len(k.seqs) == 0 && len(k.uids) == 0 && k.emails == nil && k.flags == 0 && k.notFlags == 0 &&
		len(k.keywords) == 0 && len(k.notKeywords) == 0 && k.received == anyDate && k.from == math.MinInt64 && k.until == math.MaxInt64 &&
		k.larger == -1 && k.smaller == math.MaxInt64 && k.modseq == 0 {
		return nil
	}
	return k
}

func (k *entryKey) matches(seq imap.SeqNum, e *Entry, keywordNames func(KeywordSet) []string) bool {
	if k.none || e.Flags&k.flags != k.flags || e.Flags&k.notFlags != 0 ||
		e.Size <= k.larger || e.Size >= k.smaller || e.ModSeq < k.modseq || e.Received < k.from || e.Received >= k.until {
		return false
	}
	if k.received != anyDate && !k.received.contains(floorDay(e.Received)) {
		return false
	}
	for _, set := range k.seqs {
		if !set.Contains(seq) {
			return false
		}
	}
	for _, set := range k.uids {
		if !set.Contains(e.UID) {
			return false
		}
	}
	if k.emails != nil {
		if _, ok := slices.BinarySearchFunc(k.emails, e.Email, EmailID.compare); !ok {
			return false
		}
	}
	if len(k.keywords) == 0 && len(k.notKeywords) == 0 {
		return true
	}
	match, ok := k.keywordsMatch[e.Keywords]
	if !ok {
		match = k.matchKeywords(keywordNames(e.Keywords))
		if k.keywordsMatch == nil {
			k.keywordsMatch = map[KeywordSet]bool{}
		}
		k.keywordsMatch[e.Keywords] = match
	}
	return match
}

func (k *entryKey) matchKeywords(set []string) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(set, func(s string) bool { return imap.EqualKeyword(s, name) })
	}
	return !slices.ContainsFunc(k.notKeywords, has) &&
		!slices.ContainsFunc(k.keywords, func(name string) bool { return !has(name) })
}

// dateKey is a range of days since 1970-01-01, both inclusive.
type dateKey struct{ first, last int64 }

// anyDate contains every day.
var anyDate = dateKey{math.MinInt64, math.MaxInt64}

// newDateKey combines a criterion of each kind, zero times for unset. Of the times the date in their own
// zone counts (RFC 9051 §6.4.4: "disregarding time and timezone").
func newDateKey(since, before, on time.Time) dateKey {
	d := anyDate
	if !since.IsZero() {
		d.first = max(d.first, dayOf(since))
	}
	if !before.IsZero() {
		d.last = min(d.last, dayOf(before)-1)
	}
	if !on.IsZero() {
		d.first, d.last = max(d.first, dayOf(on)), min(d.last, dayOf(on))
	}
	return d
}

func (d dateKey) contains(day int64) bool { return d.first <= day && day <= d.last }

// dayOf returns the date of t in its own zone, as a day number.
func dayOf(t time.Time) int64 {
	y, m, d := t.Date()
	return floorDay(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix())
}

// floorDay returns the day number of a Unix time in UTC.
func floorDay(unix int64) int64 {
	const secondsPerDay = 24 * 60 * 60
	day := unix / secondsPerDay
	if unix%secondsPerDay < 0 {
		day--
	}
	return day
}
