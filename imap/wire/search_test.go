package wire

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"mox/imap"
)

func search(t testing.TB, args string) (*Search, error) {
	t.Helper()
	var s *Search
	err := parseArgs(t, "a SEARCH "+args, func(d *Decoder) (err error) {
		s, err = d.Search()
		return err
	})
	return s, err
}

func TestSearchKeys(t *testing.T) {
	t.Parallel()
	flags := func(f imap.Flags) SearchKey { return SearchKey{Op: SearchFlags, Flags: f} }
	noFlags := func(f imap.Flags) SearchKey { return SearchKey{Op: SearchNoFlags, Flags: f} }
	header := func(field, text string) SearchKey { return SearchKey{Op: SearchHeader, Field: field, Text: text} }
	seqs := func(s string) SearchKey {
		set, _ := imap.ParseSet[imap.SeqNum](nil, []byte(s), 100)
		return SearchKey{Op: SearchSet, Set: NumSet{Seqs: set}}
	}
	and := func(keys ...SearchKey) SearchKey { return SearchKey{Keys: keys} }
	date := imap.Date{Year: 1994, Month: time.February, Day: 1}
	for _, tc := range []struct {
		args string
		want SearchKey
	}{
		{"ALL", SearchKey{}},
		{"seen", flags(imap.FlagSeen)},
		{"ANSWERED DELETED", and(flags(imap.FlagAnswered), flags(imap.FlagDeleted))},
		{"FLAGGED DRAFT", and(flags(imap.FlagFlagged), flags(imap.FlagDraft))},
		{"UNSEEN UNANSWERED UNDELETED UNFLAGGED UNDRAFT",
			and(noFlags(imap.FlagSeen), noFlags(imap.FlagAnswered), noFlags(imap.FlagDeleted), noFlags(imap.FlagFlagged), noFlags(imap.FlagDraft))},
		{"KEYWORD $forwarded UNKEYWORD Work", and(SearchKey{Op: SearchKeyword, Text: "$Forwarded"}, SearchKey{Op: SearchNoKeyword, Text: "Work"})},
		{"NEW OLD RECENT", and(SearchKey{Op: SearchNew}, SearchKey{Op: SearchOld}, SearchKey{Op: SearchRecent})},
		{"BEFORE 1-Feb-1994", SearchKey{Op: SearchBefore, Date: date}},
		{`ON "1-Feb-1994" SINCE 01-feb-1994`, and(SearchKey{Op: SearchOn, Date: date}, SearchKey{Op: SearchSince, Date: date})},
		{"SENTBEFORE 1-Feb-1994 SENTON 1-Feb-1994 SENTSINCE 1-Feb-1994",
			and(SearchKey{Op: SearchSentBefore, Date: date}, SearchKey{Op: SearchSentOn, Date: date}, SearchKey{Op: SearchSentSince, Date: date})},
		{"LARGER 9223372036854775807 SMALLER 0", and(SearchKey{Op: SearchLarger, Size: 1<<63 - 1}, SearchKey{Op: SearchSmaller})},
		{`FROM "Smith"`, header("From", "Smith")},
		{"TO a CC b BCC c SUBJECT {3+}\r\nd e", and(header("To", "a"), header("Cc", "b"), header("Bcc", "c"), header("Subject", "d e"))},
		{`HEADER X-Spam ""`, header("X-Spam", "")},
		{"BODY x TEXT y", and(SearchKey{Op: SearchBody, Text: "x"}, SearchKey{Op: SearchText, Text: "y"})},
		{"SUBJECT \"été\"", header("Subject", "été")},
		{"2,4:7,*", seqs("2,4:7,*")},
		{"*:3", seqs("3:*")},
		{"$", SearchKey{Op: SearchSet, Set: NumSet{Saved: true}}},
		{"UID 1:*", SearchKey{Op: SearchSet, Set: NumSet{Kind: UIDNums, UIDs: imap.UIDSet{{First: 1}}}}},
		{"UID $", SearchKey{Op: SearchSet, Set: NumSet{Kind: UIDNums, Saved: true}}},
		{"UID 1:*,$", SearchKey{Op: SearchSet, Set: NumSet{Kind: UIDNums, Saved: true, UIDs: imap.UIDSet{{First: 1}}}}},
		{"OR $ 1,3000:3021", SearchKey{Op: SearchOr, Keys: []SearchKey{{Op: SearchSet, Set: NumSet{Saved: true}}, seqs("1,3000:3021")}}},
		{"NOT SEEN", SearchKey{Op: SearchNot, Keys: []SearchKey{flags(imap.FlagSeen)}}},
		{"OR SEEN NOT OR 1 2", SearchKey{Op: SearchOr, Keys: []SearchKey{flags(imap.FlagSeen),
			{Op: SearchNot, Keys: []SearchKey{{Op: SearchOr, Keys: []SearchKey{seqs("1"), seqs("2")}}}}}}},
		{"(SEEN)", and(flags(imap.FlagSeen))},
		{"((SEEN DRAFT)) 1", and(and(and(flags(imap.FlagSeen), flags(imap.FlagDraft))), seqs("1"))},
		{"OR (SEEN DRAFT) (1 2)", SearchKey{Op: SearchOr, Keys: []SearchKey{and(flags(imap.FlagSeen), flags(imap.FlagDraft)), and(seqs("1"), seqs("2"))}}},
		{`MODSEQ 620162338`, SearchKey{Op: SearchModSeq, ModSeq: 620162338}},
		{`MODSEQ 0`, SearchKey{Op: SearchModSeq}},
		{`MODSEQ "/flags/\\draft" all 620162338`, SearchKey{Op: SearchModSeq, ModSeq: 620162338}}, // RFC 7162 §3.1.5.
	} {
		s, err := search(t, tc.args)
		if err != nil {
			t.Errorf("%s: %v", tc.args, err)
			continue
		}
		if s.Extended || s.Charset != "" {
			t.Errorf("%s: got %+v", tc.args, s)
		}
		for _, k := range []*SearchKey{&s.Key} {
			k.any(func(k *SearchKey) bool { // NumSet leaves empty slices.
				if len(k.Set.Seqs) == 0 {
					k.Set.Seqs = nil
				}
				if len(k.Set.UIDs) == 0 {
					k.Set.UIDs = nil
				}
				return false
			})
		}
		if !reflect.DeepEqual(s.Key, tc.want) {
			t.Errorf("%s:\ngot      %+v\nexpected %+v", tc.args, s.Key, tc.want)
		}
		if uses := strings.Contains(tc.args, "MODSEQ"); s.UsesModSeq() != uses {
			t.Errorf("%s: uses MODSEQ: %v", tc.args, s.UsesModSeq())
		}
	}
	for _, args := range []string{
		"", " ALL", "ALL ", "ALL  SEEN", "FOO", "UNALL", "UNNEW", "UN", "()", "( SEEN)", "(SEEN )", "(SEEN", "SEEN)", "(SEEN)(DRAFT)", "NOT", "NOT ", "OR SEEN", "OR SEEN ", "NOT(SEEN)",
		"KEYWORD", `KEYWORD \Seen`, `KEYWORD "x"`, "KEYWORD (x)", "FROM", "FROM ", "FROM a b", "HEADER a", "HEADER a ", "SUBJECT (a)",
		"BEFORE", "BEFORE x", "BEFORE 1-Foo-2020", "BEFORE 31-Feb-2020", "ON 2020-01-01", "SINCE 1-Feb-20",
		"LARGER", "LARGER -1", "LARGER x", "LARGER 9223372036854775808", "SMALLER 1k",
		"0", "1,", "1:", "UID", "UID 0", "UID x", "UID 1 :", "1$", "$1", "$,1", "$ALL", "$ ", "UID $$", "NOT$", "MODSEQ", "MODSEQ x", `MODSEQ "/flags/" all 1`, `MODSEQ "/x/\\draft" all 1`, `MODSEQ "/flags/\\draft" 1`, `MODSEQ "/flags/\\draft" foo 1`,
		strings.Repeat("(", 101) + "SEEN" + strings.Repeat(")", 101),
		strings.Repeat("NOT ", 101) + "SEEN",
		strings.Repeat("OR SEEN ", 101) + "SEEN",
		strings.Repeat("SEEN ", 1000) + "SEEN",
	} {
		if s, err := search(t, args); err == nil {
			t.Errorf("%s: got %+v, expected an error", args, s)
		}
	}
}

func TestSearchOptions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args    string
		ret     SearchReturn
		ext     bool
		charset string
		op      SearchOp
	}{
		{"RETURN () ALL", ReturnAll, true, "", SearchAnd},
		{"RETURN (MIN MAX) SEEN", ReturnMin | ReturnMax, true, "", SearchFlags},
		{"return (count all save) RECENT", ReturnCount | ReturnAll | ReturnSave, true, "", SearchRecent},
		{"RETURN (SAVE) CHARSET utf-8 TEXT x", ReturnSave, true, "UTF-8", SearchText},
		{"RETURN (MIN MIN) ALL", ReturnMin, true, "", SearchAnd},
		{"RETURN (SAVE) $", ReturnSave, true, "", SearchSet},
		{"CHARSET \"koi8-r\" TEXT x", 0, false, "KOI8-R", SearchText},
		{"CHARSET {5+}\r\nUTF-8 TEXT {1}\r\nx", 0, false, "UTF-8", SearchText},
	} {
		s, err := search(t, tc.args)
		if err != nil {
			t.Errorf("%s: %v", tc.args, err)
		} else if s.Return != tc.ret || s.Extended != tc.ext || s.Charset != tc.charset || s.Key.Op != tc.op {
			t.Errorf("%s: got %+v", tc.args, s)
		}
	}
	for _, args := range []string{
		"RETURN", "RETURN ()", "RETURN MIN ALL", "RETURN (MIN", "RETURN (MIN) ", "RETURN (FOO) ALL", "RETURN (MIN,MAX) ALL", "RETURN (MIN FOO) ALL", "RETURN (PARTIAL 1:500) ALL",
		"RETURN () ", "RETURN( ) ALL", "RETURN ( ) ALL", "RETURN (MIN ) ALL", "RETURN (MIN  MAX) ALL", "RETURN (MIN)ALL", "RETURN \"MIN\" ALL", "RETURN ((MIN)) ALL", "ALL RETURN ()",
		"RETURN (MIN 1) ALL", "RETURN () RETURN () ALL",
		"CHARSET", "CHARSET UTF-8", "CHARSET UTF-8 ", "CHARSET (UTF-8) ALL", "CHARSET UTF-8 CHARSET UTF-8 ALL", "ALL CHARSET UTF-8", "CHARSET UTF-8 RETURN () ALL",
	} {
		if s, err := search(t, args); err == nil {
			t.Errorf("%s: got %+v, expected an error", args, s)
		}
	}
}

func TestSearchDecode(t *testing.T) {
	t.Parallel()
	s, err := search(t, `CHARSET x OR (SUBJECT a KEYWORD b) NOT OR BODY c (TEXT d HEADER e f)`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = s.Decode(func(text string) (string, error) {
		got = append(got, text)
		return text + text, nil
	})
	if want := []string{"a", "c", "d", "f"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("decoded %q, %v", got, err)
	}
	if k := s.Key.Keys[0].Keys; k[0].Text != "aa" || k[1].Text != "b" {
		t.Errorf("got %+v", k)
	}
	fault := errors.New("fault")
	calls := 0
	if err := s.Decode(func(string) (string, error) { calls++; return "", fault }); err != fault || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}
