package wire

import (
	"strings"

	"mox/imap"
)

// SearchOp is the kind of a [SearchKey].
type SearchOp uint8

// The search keys (RFC 9051 §6.4.4, RFC 3501 §6.4.4). The field of SearchKey that holds the
// argument is given with each.
const (
	SearchAnd        SearchOp = iota // All of Keys; without keys everything, as ALL.
	SearchOr                         // One of the two Keys.
	SearchNot                        // Not the one of Keys.
	SearchSet                        // Set
	SearchFlags                      // Flags: one that is set. SEEN, ANSWERED, FLAGGED, DELETED, DRAFT.
	SearchNoFlags                    // Flags: one that is not set. UNSEEN and so on.
	SearchKeyword                    // Text: a keyword that is set.
	SearchNoKeyword                  // Text: a keyword that is not set.
	SearchNew                        // RECENT UNSEEN (RFC 3501).
	SearchOld                        // NOT RECENT (RFC 3501).
	SearchRecent                     // RFC 3501.
	SearchBefore                     // Date, of the internal date.
	SearchOn                         //
	SearchSince                      //
	SearchSentBefore                 // Date, of the Date field.
	SearchSentOn                     //
	SearchSentSince                  //
	SearchLarger                     // Size
	SearchSmaller                    //
	SearchModSeq                     // ModSeq: this or higher (RFC 7162 §3.1.5). The entry is not kept.
	SearchHeader                     // Field and Text. Also BCC, CC, FROM, SUBJECT and TO.
	SearchBody                       // Text
	SearchText                       // Text
)

// SearchKey is a node of a search program.
type SearchKey struct {
	Op     SearchOp
	Keys   []SearchKey
	Set    NumSet // Of either kind: a set of sequence numbers, or UID with a set.
	Flags  imap.Flags
	Date   imap.Date
	Size   int64
	ModSeq imap.ModSeq
	Field  string // Name of a header field, as written; of the named ones as in "Subject".
	Text   string // In the charset of the search, see [Search.Decode].
}

// SearchReturn are the result options of SEARCH, as a set of bits.
type SearchReturn uint8

// The result options (RFC 9051 §6.4.4, RFC 4731 §3.1, RFC 5182 §2.1).
const (
	ReturnMin SearchReturn = 1 << iota
	ReturnMax
	ReturnAll
	ReturnCount
	ReturnSave
)

// Search has the arguments of SEARCH and UID SEARCH.
type Search struct {
	// Extended says that there is a RETURN, so the answer is ESEARCH. Return is ReturnAll
	// for "RETURN ()".
	Extended bool
	Return   SearchReturn

	Charset string // In capitals, "" if there is none.
	Key     SearchKey
}

// UsesModSeq reports whether there is a MODSEQ key, which makes a client aware of CONDSTORE and
// the response tell the highest mod-sequence (RFC 7162 §3.1.5).
func (s *Search) UsesModSeq() bool {
	return s.Key.any(func(k *SearchKey) bool { return k.Op == SearchModSeq })
}

func (k *SearchKey) any(match func(*SearchKey) bool) bool {
	if match(k) {
		return true
	}
	for i := range k.Keys {
		if k.Keys[i].any(match) {
			return true
		}
	}
	return false
}

// Decode replaces the text of all keys that search in text by what decode makes of it, to
// turn the charset of the search into UTF-8. It returns the first error of decode.
func (s *Search) Decode(decode func(text string) (string, error)) error {
	var err error
	s.Key.any(func(k *SearchKey) bool {
		if k.Op == SearchHeader || k.Op == SearchBody || k.Op == SearchText {
			k.Text, err = decode(k.Text)
		}
		return err != nil
	})
	return err
}

// Search takes the arguments of SEARCH, to the end of the command.
func (d *Decoder) Search() (*Search, error) {
	s := &Search{}
	d.SP()
	word := d.searchWord()
	if string(word) == "RETURN" {
		d.SP()
		d.searchReturn(s)
		d.SP()
		word = d.searchWord()
	}
	if string(word) == "CHARSET" {
		d.SP()
		s.Charset = strings.ToUpper(d.AString())
		d.SP()
		word = d.searchWord()
	}
	p := searchParser{Decoder: d}
	s.Key.Keys = append(s.Key.Keys, p.key(word, 1))
	for d.Take(' ') {
		s.Key.Keys = append(s.Key.Keys, p.key(d.searchWord(), 1))
	}
	d.CRLF()
	if d.err != nil {
		return nil, d.err
	}
	if len(s.Key.Keys) == 1 {
		s.Key = s.Key.Keys[0]
	}
	return s, nil
}

func (d *Decoder) searchReturn(s *Search) {
	s.Extended = true
	d.Parens(true, func() {
		switch string(d.Keyword()) {
		case "MIN":
			s.Return |= ReturnMin
		case "MAX":
			s.Return |= ReturnMax
		case "ALL":
			s.Return |= ReturnAll
		case "COUNT":
			s.Return |= ReturnCount
		case "SAVE":
			s.Return |= ReturnSave
		default:
			d.invalid("Unknown result option of SEARCH")
		}
	})
	if s.Return == 0 {
		s.Return = ReturnAll
	}
}

// searchWord takes the word of a search key. It is nil for a set or parentheses.
func (d *Decoder) searchWord() []byte {
	if c := d.peek(); c == '(' || c == '$' || isNumSet(c) {
		return nil
	}
	return d.Keyword()
}

// searchParser parses the keys of one search program.
type searchParser struct {
	*Decoder
	count int // Of the keys so far.
}

// key takes the rest of a key after its word.
func (d *searchParser) key(word []byte, depth int) SearchKey {
	var k SearchKey
	if d.count++; d.count > d.limits.Items {
		d.exceeded(imap.CodeLimit, "Too many search keys")
	}
	if depth > d.limits.Depth {
		d.exceeded(imap.CodeLimit, "Search keys nested too deeply")
	}
	if d.err != nil {
		return k
	}
	if word == nil {
		if d.peek() != '(' {
			k.Op = SearchSet
			d.NumSet(SeqNums, &k.Set)
			return k
		}
		d.Parens(false, func() { k.Keys = append(k.Keys, d.key(d.searchWord(), depth+1)) })
		return k
	}
	if d.flagKey(&k, word) || d.dateKey(&k, word) || d.textKey(&k, word) {
		return k
	}
	switch string(word) {
	case "ALL":
	case "UID":
		k.Op = SearchSet
		d.SP()
		d.NumSet(UIDNums, &k.Set)
	case "NOT":
		k.Op = SearchNot
		k.Keys = d.nested(1, depth)
	case "OR":
		k.Op = SearchOr
		k.Keys = d.nested(2, depth)
	case "NEW":
		k.Op = SearchNew
	case "OLD":
		k.Op = SearchOld
	case "RECENT":
		k.Op = SearchRecent
	case "LARGER":
		k.Op = SearchLarger
		d.SP()
		k.Size = d.Number64()
	case "SMALLER":
		k.Op = SearchSmaller
		d.SP()
		k.Size = d.Number64()
	case "MODSEQ":
		k.Op = SearchModSeq
		d.SP()
		d.modSeqEntry()
		k.ModSeq = d.ModSeq()
	default:
		d.invalid("Unknown search key")
	}
	return k
}

// nested takes n keys that are arguments of another.
func (d *searchParser) nested(n, depth int) []SearchKey {
	keys := make([]SearchKey, 0, n)
	for range n {
		d.SP()
		keys = append(keys, d.key(d.searchWord(), depth+1))
	}
	return keys
}

// modSeqEntry takes the entry name and type of MODSEQ if they are there (search-modseq-ext in
// RFC 7162 §7). There is one mod-sequence for a message and all of its flags, so they make no
// difference.
func (d *searchParser) modSeqEntry() {
	if d.peek() != '"' {
		return
	}
	const prefix = "/flags/"
	if name := d.quoted(); len(name) <= len(prefix) || !asciiFold(name[:len(prefix)], prefix) {
		d.invalid("Unknown entry of MODSEQ")
	}
	d.SP()
	switch string(d.Keyword()) {
	case "PRIV", "SHARED", "ALL":
	default:
		d.invalid("Unknown entry type of MODSEQ")
	}
	d.SP()
}

// flagKey takes a key about flags and keywords.
func (d *searchParser) flagKey(k *SearchKey, word []byte) bool {
	name := string(word)
	k.Op = SearchFlags
	if rest, ok := strings.CutPrefix(name, "UN"); ok {
		name, k.Op = rest, SearchNoFlags
	}
	switch name {
	case "ANSWERED":
		k.Flags = imap.FlagAnswered
	case "DELETED":
		k.Flags = imap.FlagDeleted
	case "DRAFT":
		k.Flags = imap.FlagDraft
	case "FLAGGED":
		k.Flags = imap.FlagFlagged
	case "SEEN":
		k.Flags = imap.FlagSeen
	case "KEYWORD":
		if k.Op == SearchFlags {
			k.Op = SearchKeyword
		} else {
			k.Op = SearchNoKeyword
		}
		d.SP()
		k.Text = d.FlagKeyword()
	default:
		k.Op = SearchAnd
		return false
	}
	return true
}

// dateKey takes a key about dates.
func (d *searchParser) dateKey(k *SearchKey, word []byte) bool {
	switch string(word) {
	case "BEFORE":
		k.Op = SearchBefore
	case "ON":
		k.Op = SearchOn
	case "SINCE":
		k.Op = SearchSince
	case "SENTBEFORE":
		k.Op = SearchSentBefore
	case "SENTON":
		k.Op = SearchSentOn
	case "SENTSINCE":
		k.Op = SearchSentSince
	default:
		return false
	}
	d.SP()
	k.Date = d.Date()
	return true
}

// textKey takes a key about text.
func (d *searchParser) textKey(k *SearchKey, word []byte) bool {
	k.Op = SearchHeader
	switch string(word) {
	case "BCC":
		k.Field = "Bcc"
	case "CC":
		k.Field = "Cc"
	case "FROM":
		k.Field = "From"
	case "SUBJECT":
		k.Field = "Subject"
	case "TO":
		k.Field = "To"
	case "HEADER":
		d.SP()
		k.Field = d.AString()
	case "BODY":
		k.Op = SearchBody
	case "TEXT":
		k.Op = SearchText
	default:
		k.Op = SearchAnd
		return false
	}
	d.SP()
	k.Text = d.AString()
	return true
}
