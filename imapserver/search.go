package imapserver

import (
	"strings"
	"time"

	"mox/imap"
	"mox/imap/wire"
	"mox/message"
	"mox/store"
)

// handleSearch carries out SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4).
func (c *conn) handleSearch(r *request) (imap.Code, error) {
	args, err := c.dec.Search()
	if err != nil {
		return "", err
	}
	if c.rev2 && !args.Extended {
		// RFC 9051 §6.4.4: ALL is assumed, and told by ESEARCH.
		args.Extended, args.Return = true, wire.ReturnAll
	}
	found, err := c.search(args)
	if err == nil {
		err = c.saveResult(args.Return, found)
	}
	if err != nil {
		c.resetResult(args.Return, err)
		return "", err
	}
	if args.Extended {
		c.writeESearch(r, args, found)
	} else {
		c.writeSearch(r, args, found)
	}
	return "", c.writeError()
}

// search returns the messages found, ascending.
func (c *conn) search(args *wire.Search) ([]imap.SeqNum, error) {
	if err := decodeSearch(args); err != nil {
		return nil, err
	}
	if args.UsesModSeq() {
		c.enableCondstore() // RFC 7162 §3.1.
	}
	crit := c.criteria(&args.Key)
	return c.auth.account.Search(c.srv.ctx, c.auth.actor, c.selected.mailbox.ID, c.selected.View(), crit)
}

// writeSearch writes the response of IMAP4rev1 (RFC 3501 §7.2.5). If the search was for a modseq, the highest of
// those found is told (RFC 7162 §3.1.5).
func (c *conn) writeSearch(r *request, args *wire.Search, found []imap.SeqNum) {
	view := c.selected.View()
	c.enc.Untagged().Atom("SEARCH")
	for _, seq := range found {
		if r.uid {
			c.enc.Number(uint32(view.At(seq).UID))
		} else {
			c.enc.Number(uint32(seq))
		}
	}
	if args.UsesModSeq() && len(found) > 0 {
		c.enc.Open().Atom("MODSEQ").Number64(int64(highestModSeq(view, found))).Close()
	}
	c.enc.CRLF()
}

// highestModSeq returns the highest modseq of some messages.
func highestModSeq(view *store.View, seqs []imap.SeqNum) imap.ModSeq {
	highest := imap.ModSeq(0)
	for _, seq := range seqs {
		highest = max(highest, view.At(seq).ModSeq)
	}
	return highest
}

// decodeSearch turns the texts searched for into UTF-8.
func decodeSearch(s *wire.Search) error {
	charset := s.Charset
	if charset == "" {
		// RFC 3501 §6.4.4 means US-ASCII; clients that send more send UTF-8.
		charset = "UTF-8"
	}
	if !message.KnownCharset(charset) {
		return imap.No(imap.BadCharset("US-ASCII", "UTF-8"), "This charset is not known", nil)
	}
	return s.Decode(func(text string) (string, error) {
		t, ok := message.DecodeCharset(charset, []byte(text))
		if !ok {
			return "", imap.Bad("Text is not in the charset of the search")
		}
		return t, nil
	})
}

// criteria turns a search key into what the store searches for.
func (c *conn) criteria(k *wire.SearchKey) store.Criteria {
	var crit store.Criteria
	switch k.Op {
	case wire.SearchAnd:
		return c.allOf(k.Keys)
	case wire.SearchOr, wire.SearchNot:
		return c.combined(k)
	case wire.SearchSet:
		pos := c.existing(&k.Set)
		if len(pos) == 0 {
			return store.Criteria{None: true}
		}
		crit.Seqs = append(crit.Seqs, pos)
	case wire.SearchFlags:
		crit.Flags = k.Flags
	case wire.SearchNoFlags:
		crit.NotFlags = k.Flags
	case wire.SearchKeyword:
		crit.Keywords = []string{k.Text}
	case wire.SearchNoKeyword:
		crit.NotKeywords = []string{k.Text}
	case wire.SearchNew, wire.SearchRecent, wire.SearchOld:
		return c.recentCriteria(k.Op)
	case wire.SearchBefore:
		crit.Before = day(k.Date)
	case wire.SearchOn:
		crit.On = day(k.Date)
	case wire.SearchSince:
		crit.Since = day(k.Date)
	case wire.SearchSentBefore:
		crit.SentBefore = day(k.Date)
	case wire.SearchSentOn:
		crit.SentOn = day(k.Date)
	case wire.SearchSentSince:
		crit.SentSince = day(k.Date)
	case wire.SearchLarger:
		crit.Larger = k.Size
		if k.Size == 0 {
			crit.Not = []store.Criteria{{HasSmaller: true, Smaller: 1}} // Zero would be no condition.
		}
	case wire.SearchSmaller:
		crit.Smaller, crit.HasSmaller = k.Size, true
	case wire.SearchModSeq:
		crit.ModSeq = k.ModSeq
	case wire.SearchHeader:
		crit.Header = []store.HeaderCriterion{{Name: strings.TrimSuffix(k.Field, ":"), Value: k.Text}}
	case wire.SearchBody:
		crit.Body = []string{k.Text}
	case wire.SearchText:
		crit.Text = []string{k.Text}
	}
	return crit
}

func day(d imap.Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

func (c *conn) combined(k *wire.SearchKey) store.Criteria {
	subs := make([]store.Criteria, len(k.Keys))
	for i := range k.Keys {
		subs[i] = c.criteria(&k.Keys[i])
	}
	if k.Op == wire.SearchNot {
		return store.Criteria{Not: subs}
	}
	return store.Criteria{Or: [][2]store.Criteria{{subs[0], subs[1]}}}
}

// allOf joins keys that must all match. Keys of which Criteria hold one only are nested as the
// opposite of their opposite.
func (c *conn) allOf(keys []wire.SearchKey) store.Criteria {
	var all store.Criteria
	single := map[wire.SearchOp]bool{}
	for i := range keys {
		sub := c.criteria(&keys[i])
		op := keys[i].Op
		if op == wire.SearchAnd || single[op] {
			all.Not = append(all.Not, store.Criteria{Not: []store.Criteria{sub}})
			continue
		}
		single[op] = op >= wire.SearchBefore && op <= wire.SearchModSeq
		merge(&all, sub)
	}
	return all
}

// merge adds the conditions of one criteria to another.
func merge(all *store.Criteria, sub store.Criteria) {
	all.Seqs = append(all.Seqs, sub.Seqs...)
	all.Flags |= sub.Flags
	all.NotFlags |= sub.NotFlags
	all.Keywords = append(all.Keywords, sub.Keywords...)
	all.NotKeywords = append(all.NotKeywords, sub.NotKeywords...)
	all.Header = append(all.Header, sub.Header...)
	all.Body = append(all.Body, sub.Body...)
	all.Text = append(all.Text, sub.Text...)
	all.Not = append(all.Not, sub.Not...)
	all.Or = append(all.Or, sub.Or...)
	all.None = all.None || sub.None
	for _, t := range []struct{ to, from *time.Time }{
		{&all.Since, &sub.Since}, {&all.Before, &sub.Before}, {&all.On, &sub.On},
		{&all.SentSince, &sub.SentSince}, {&all.SentBefore, &sub.SentBefore}, {&all.SentOn, &sub.SentOn},
	} {
		if !t.from.IsZero() {
			*t.to = *t.from
		}
	}
	if sub.Larger != 0 {
		all.Larger = sub.Larger
	}
	if sub.HasSmaller {
		all.Smaller, all.HasSmaller = sub.Smaller, true
	}
	if sub.ModSeq != 0 {
		all.ModSeq = sub.ModSeq
	}
}
