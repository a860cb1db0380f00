package wire

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/imap"
)

func TestStore(t *testing.T) {
	t.Parallel()
	type result struct {
		op       StoreOp
		silent   bool
		flags    imap.Flags
		keywords []string
		since    imap.ModSeq // -1 without UNCHANGEDSINCE.
	}
	for args, want := range map[string]result{
		`2:4 +FLAGS (\Deleted)`:                                     {StoreAdd, false, imap.FlagDeleted, nil, -1}, // RFC 9051 §6.4.6.
		`1 FLAGS ()`:                                                {StoreReplace, false, 0, nil, -1},
		`1 flags.silent (\seen $JUNK work)`:                         {StoreReplace, true, imap.FlagSeen, []string{"$Junk", "work"}, -1},
		`1 -FLAGS.SILENT \Seen \Draft`:                              {StoreRemove, true, imap.FlagSeen | imap.FlagDraft, nil, -1},
		`1 +FLAGS Work`:                                             {StoreAdd, false, 0, []string{"Work"}, -1},
		`1 +FLAGS (a A \Seen \SEEN b $junk $Junk)`:                  {StoreAdd, false, imap.FlagSeen, []string{"a", "b", "$Junk"}, -1},
		`7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\Deleted)`: {StoreAdd, true, imap.FlagDeleted, nil, 320162338}, // RFC 7162 §3.1.3.
		`1 (unchangedsince 0) FLAGS (x)`:                            {StoreReplace, false, 0, []string{"x"}, 0},
	} {
		var s Store
		for range 2 {
			if err := parseArgs(t, "a STORE "+args, func(d *Decoder) error { return d.Store(SeqNums, &s) }); err != nil {
				t.Errorf("%s: %v", args, err)
				continue
			}
			got := result{s.Op, s.Silent, s.Flags, slices.Clone(s.Keywords), s.UnchangedSince}
			if !s.HasUnchangedSince {
				got.since = -1
			}
			if len(got.keywords) == 0 {
				got.keywords = nil
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %+v, expected %+v", args, got, want)
			}
		}
	}
	for _, args := range []string{
		"", "1", "1 ", "1 FLAGS", "1 FLAGS ", `1 FLAGS (\Seen`, `1 FLAGS \Seen)`, `1 FLAGS (\Seen  \Draft)`, `1 FLAGS (\Seen )`, `1 FLAGS (\Recent)`, `1 +FLAGS \Foo`, `1 FLAGS (\*)`, `1 FLAGS \`,
		`1 FLAGS ("x")`, `1 FLAGS (a]b)`, `1 FLAGS (é)`, `1 FLAGS (` + strings.Repeat("k", imap.MaxKeyword+1) + ")", `1 *FLAGS (x)`, `1 + FLAGS (x)`, `1 FLAGS.LOUD (x)`, `1 FLAG (x)`,
		`0 FLAGS (x)`, `a FLAGS (x)`, ` FLAGS (x)`, `1 () FLAGS (x)`, `1 (FOO 1) FLAGS (x)`, `1 (UNCHANGEDSINCE) FLAGS (x)`, `1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) FLAGS (x)`,
		`1 (UNCHANGEDSINCE -1) FLAGS (x)`, `1 (UNCHANGEDSINCE 1)`, `1 FLAGS (x) (UNCHANGEDSINCE 1)`, `1 FLAGS ` + strings.Repeat("x ", 1000) + "x",
	} {
		var s Store
		if err := parseArgs(t, "a STORE "+args, func(d *Decoder) error { return d.Store(SeqNums, &s) }); err == nil {
			t.Errorf("%s: got %+v, expected an error", args, s)
		}
	}
}

func TestNumSet(t *testing.T) {
	t.Parallel()
	var s NumSet
	for _, tc := range []struct {
		kind NumKind
		in   string
		want string
	}{
		{SeqNums, "3,1:2", "seq 3,1:2"},
		{UIDNums, "*", "uid *"},
		{UIDNums, "$", "saved uid "},
		{SeqNums, "$", "saved seq "},
		{SeqNums, "1,5:3,$", "saved seq 1,3:5"}, // RFC 9051 §9 sequence-set.
		{UIDNums, "*,$", "saved uid *"},
		{SeqNums, "", ""},
		{SeqNums, "$1", ""},
		{SeqNums, "$,1", ""},
		{SeqNums, "1$", ""},
		{SeqNums, "1:$", ""},
		{SeqNums, ",$", ""},
		{SeqNums, "1,,$", ""},
		{UIDNums, "$$", ""},
		{UIDNums, "0", ""},
		{UIDNums, strings.Repeat("1,", 10000) + "1", ""},
	} {
		d := command(t, Limits{}, tc.in+"\r\n", nil)
		d.NumSet(tc.kind, &s)
		d.CRLF()
		got := "seq " + s.Seqs.String()
		if s.Kind == UIDNums {
			got = "uid " + s.UIDs.String()
		}
		if s.Saved {
			got = "saved " + got
		}
		if d.Err() != nil {
			got = ""
		}
		if got != tc.want || s.Kind != tc.kind {
			t.Errorf("%.20q: got %q, expected %q, error %v", tc.in, got, tc.want, d.Err())
		}
	}
}

// Where "$" means nothing it is refused.
func TestPlainSets(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"$", "1,$", "1:2,$"} {
		d := command(t, Limits{}, in+"\r\n", nil)
		if got := d.SeqSet(nil); d.Err() == nil && d.AtEnd() {
			t.Errorf("sequence numbers %s: got %v", in, got)
		}
		d = command(t, Limits{}, in+"\r\n", nil)
		if got := d.UIDSet(nil); d.Err() == nil && d.AtEnd() {
			t.Errorf("UIDs %s: got %v", in, got)
		}
	}
}

func TestMailboxArgument(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		utf8     bool
		in, want string
	}{
		{false, "inbox", "INBOX"},
		{false, `"InBox"`, "INBOX"},
		{false, "{5+}\r\ninbox", "INBOX"},
		{false, `""`, ""},
		{false, `"Sent Items"`, "Sent Items"},
		{false, "&U,BTF2XlZyyKng-", "台北日本語"},
		{false, `"Q&-A"`, "Q&A"},
		{false, "Entw\u00fcrfe", "Entwürfe"},
		{false, "cafe\u0301", "café"},
		{true, "&U,BTF2XlZyyKng-", "&U,BTF2XlZyyKng-"},
		{true, `"Q&A"`, "Q&A"},
		{true, `"Entwürfe"`, "Entwürfe"},
		{true, "{9+}\r\nEntwürfe", "Entwürfe"},
	} {
		d := command(t, Limits{}, tc.in+"\r\n", nil)
		d.UTF8 = tc.utf8
		got := d.Mailbox()
		if d.CRLF(); got != tc.want || d.Err() != nil {
			t.Errorf("%q: got %q, %v", tc.in, got, d.Err())
		}
	}
	for in, status := range map[string]imap.Status{
		"":            imap.StatusBad,
		"a*":          imap.StatusBad,
		"a%":          imap.StatusBad,
		"(a)":         imap.StatusBad,
		"Q&A":         imap.StatusNo,
		`"&Jjo!"`:     imap.StatusNo,
		"caf\xe9":     imap.StatusNo,
		"\"a\tb\"":    imap.StatusNo,
		"\"caf\xe9\"": imap.StatusNo,
	} {
		d := command(t, Limits{}, in+"\r\n", nil)
		got := d.Mailbox()
		d.CRLF()
		code := imap.Code("")
		if status == imap.StatusNo {
			code = imap.CodeCannot
		}
		if got != "" && d.Err() == nil {
			t.Errorf("%q: got %q", in, got)
		}
		badStatus(t, d.Err(), status, code)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]List{
		`"" *`:                           {Patterns: []string{"*"}},
		`"" "%"`:                         {Patterns: []string{"%"}},
		`"" ""`:                          {Patterns: []string{""}},
		`foo/ inbox*]`:                   {Reference: "foo/", Patterns: []string{"inbox*]"}},
		`"~peter" {1+}` + "\r\n%":        {Reference: "~peter", Patterns: []string{"%"}},
		`"" &AOk-%`:                      {Patterns: []string{"é%"}},
		`(SUBSCRIBED) "" "*"`:            {Extended: true, Select: SelectSubscribed, Patterns: []string{"*"}},
		`() "" "*"`:                      {Extended: true, Patterns: []string{"*"}},
		`"" "*" RETURN ()`:               {Extended: true, Patterns: []string{"*"}},
		`(remote) "" *`:                  {Extended: true, Select: SelectRemote, Patterns: []string{"*"}},
		`"" ("INBOX" "Drafts" "Sent/%")`: {Extended: true, Patterns: []string{"INBOX", "Drafts", "Sent/%"}}, // RFC 5258 §5.
		`(SUBSCRIBED RECURSIVEMATCH) "" (foo baz) RETURN (CHILDREN)`: {Extended: true, Select: SelectSubscribed | SelectRecursiveMatch, Patterns: []string{"foo", "baz"}, Return: ListReturnChildren},
		`(SPECIAL-USE) "" "*" RETURN (SPECIAL-USE SUBSCRIBED)`:       {Extended: true, Select: SelectSpecialUse, Patterns: []string{"*"}, Return: ListReturnSpecialUse | ListReturnSubscribed},
		`(REMOTE SUBSCRIBED recursivematch) "" *`:                    {Extended: true, Select: SelectRemote | SelectSubscribed | SelectRecursiveMatch, Patterns: []string{"*"}},
		// What is malformed matches nothing, and does not hinder other patterns (RFC 9051 §6.3.9).
		`"" &Jjo!`:                               {},
		`& "*"`:                                  {Reference: "", Patterns: nil},
		`"" caf` + "\xe9":                        {},
		`"" (&Jjo! "x" "a&-")`:                   {Extended: true, Patterns: []string{"x", "a&"}},
		`"" % RETURN (STATUS (MESSAGES UNSEEN))`: {Extended: true, Patterns: []string{"%"}, Return: ListReturnStatus, Status: StatusMessages | StatusUnseen}, // RFC 5819 §3.
	} {
		var l List
		if err := parseArgs(t, "a LIST "+args, func(d *Decoder) (err error) { l, err = d.List(); return err }); err != nil {
			t.Errorf("%s: %v", args, err)
		} else if !reflect.DeepEqual(l, want) {
			t.Errorf("%s: got %+v, expected %+v", args, l, want)
		}
		lsub := want
		if want.Extended {
			continue
		}
		if err := parseArgs(t, "a LSUB "+args, func(d *Decoder) (err error) { l, err = d.LSub(); return err }); err != nil || !reflect.DeepEqual(l, lsub) {
			t.Errorf("LSUB %s: got %+v, %v", args, l, err)
		}
	}
	for _, args := range []string{
		"", `""`, `"" `, `* *`, `"" * *`, `"" ()`, `"" (a`, `"" (a )`, `"" "*" FOO`, `"" * RETURN`, `"" * RETURN CHILDREN`, `"" * RETURN (FOO)`, `"" * RETURN (STATUS)`,
		`"" * RETURN (STATUS ())`, `"" * RETURN (STATUS (FOO))`, `"" * RETURN (CHILDREN) x`, `(FOO) "" *`, `(RECURSIVEMATCH) "" *`, `(REMOTE RECURSIVEMATCH) "" *`, `(SUBSCRIBED)"" *`,
		`(SUBSCRIBED RECURSIVEMATCH)"" %`, `(SUBSCRIBED "" *`,
	} {
		var l List
		if err := parseArgs(t, "a LIST "+args, func(d *Decoder) (err error) { l, err = d.List(); return err }); err == nil {
			t.Errorf("%s: got %+v, expected an error", args, l)
		}
		if err := parseArgs(t, "a LSUB "+args, func(d *Decoder) (err error) { l, err = d.LSub(); return err }); err == nil {
			t.Errorf("LSUB %s: got %+v, expected an error", args, l)
		}
	}
	if err := parseArgs(t, `a LSUB (SUBSCRIBED) "" *`, func(d *Decoder) error { _, err := d.LSub(); return err }); err == nil {
		t.Error("LSUB with options accepted")
	}
}

func TestStatusArguments(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]Status{
		"blurdybloop (UIDNEXT MESSAGES)": {"blurdybloop", StatusUIDNext | StatusMessages},
		"inbox (recent uidvalidity unseen deleted size highestmodseq)": {"INBOX",
			StatusRecent | StatusUIDValidity | StatusUnseen | StatusDeleted | StatusSize | StatusHighestModSeq},
		"x (SIZE SIZE)": {"x", StatusSize},
	} {
		var s Status
		if err := parseArgs(t, "a STATUS "+args, func(d *Decoder) (err error) { s, err = d.Status(); return err }); err != nil || s != want {
			t.Errorf("%s: got %+v, %v", args, s, err)
		}
	}
	for _, args := range []string{"", "x", "x ", "x ()", "x MESSAGES", "x (MESSAGES", "x (MESSAGES )", "x (FOO)", "x (MESSAGES) ", "(MESSAGES)", "x* (MESSAGES)"} {
		if err := parseArgs(t, "a STATUS "+args, func(d *Decoder) error { _, err := d.Status(); return err }); err == nil {
			t.Errorf("%s: expected an error", args)
		}
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]Select{
		"INBOX":             {"INBOX", false, ""},
		"inBox/x":           {"INBOX/x", false, ""},
		`"a b" (CONDSTORE)`: {"a b", true, ""},
		"x (condstore)":     {"x", true, ""},
		"inbox/u\u0308":     {"INBOX/\u00fc", false, "inbox/u\u0308"}, // RFC 9051 §6.3.9.7.
		"u&Awg-":            {"\u00fc", false, "u\u0308"},
	} {
		var s Select
		if err := parseArgs(t, "a SELECT "+args, func(d *Decoder) (err error) { s, err = d.Select(); return err }); err != nil || s != want {
			t.Errorf("%s: got %+v, %v", args, s, err)
		}
	}
	for _, args := range []string{"", " x", "x ", "x ()", "x CONDSTORE", "x (FOO)", "x (CONDSTORE) y", "x y"} {
		if err := parseArgs(t, "a SELECT "+args, func(d *Decoder) error { _, err := d.Select(); return err }); err == nil {
			t.Errorf("%s: expected an error", args)
		}
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	date := time.Date(1994, time.February, 7, 21, 52, 25, 0, time.FixedZone("", -8*3600))
	for args, want := range map[string]Append{
		`saved-messages (\Seen) {310}`: {Flags: imap.FlagSeen, Literal: Literal{Size: 310}},
		`saved-messages {310+}`:        {Literal: Literal{Size: 310, NonSync: true}},
		`x () {0}`:                     {},
		`x (\Draft $junk a) " 7-Feb-1994 21:52:25 -0800" ~{5}`:  {Flags: imap.FlagDraft, Keywords: []string{"$Junk", "a"}, HasDate: true, Date: date, Literal: Literal{Size: 5, Binary: true}},
		`x "07-Feb-1994 21:52:25 -0800" {9223372036854775807+}`: {HasDate: true, Date: date, Literal: Literal{Size: 1<<63 - 1, NonSync: true}},
		`{1+}` + "\r\nx {7}": {Literal: Literal{Size: 7}},
	} {
		var a Append
		err := parseArgs(t, "a APPEND "+args, func(d *Decoder) error {
			if _, _, err := d.AppendMailbox(); err != nil {
				return err
			}
			var err error
			a, err = d.AppendMessage()
			return err
		})
		equal := a.Date.Equal(want.Date)
		a.Date, want.Date = time.Time{}, time.Time{}
		if err != nil || !equal || !reflect.DeepEqual(a, want) {
			t.Errorf("%s: got %+v, %v", args, a, err)
		}
	}
	for _, args := range []string{
		"", "x", "x ", `x "abc"`, `x (\Seen) "abc"`, `x (\Recent) {1}`, `x (\Seen {1}`, `x {1} (\Seen)`, `x {1`, `x {-1}`, `x {9223372036854775808}`, `x  {1}`, `x ()  {1}`, `x \Seen {1}`,
		`x "31-Feb-1994 21:52:25 -0800" {1}`, `x " 7-Feb-1994 21:52:25 -0800" () {1}`, `x " 7-Feb-1994 21:52:25 -0800"{1}`, `x NIL {1}`, `x~{1}`, `Q&A {1}`,
	} {
		err := parseArgs(t, "a APPEND "+args, func(d *Decoder) error {
			if _, _, err := d.AppendMailbox(); err != nil {
				return err
			}
			_, err := d.AppendMessage()
			return err
		})
		if err == nil {
			t.Errorf("%s: expected an error", args)
		}
	}
}

// RFC 3502 §6.3.11: several messages in one command.
func TestMultiAppend(t *testing.T) {
	t.Parallel()
	d := command(t, Limits{}, "A003 APPEND x (\\Seen) {3}\r\nabc {4+}\r\ndefg () {1+}\r\nh\r\nb NOOP\r\n", nil)
	d.Tag()
	d.SP()
	d.Keyword()
	d.AppendMailbox()
	var got []string
	for !d.AtEnd() && d.Err() == nil {
		a, err := d.AppendMessage()
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		d.Open(a.Literal).(*literalReader).WriteTo(&b)
		d.CloseLiteral()
		got = append(got, b.String())
	}
	if d.CRLF(); d.Err() != nil || !slices.Equal(got, []string{"abc", "defg", "h"}) {
		t.Errorf("got %q, %v", got, d.Err())
	}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]Authenticate{
		"PLAIN":              {Mechanism: "PLAIN"},
		"scram-sha-256":      {Mechanism: "SCRAM-SHA-256"},
		"PLAIN =":            {Mechanism: "PLAIN", HasInitial: true},
		"PLAIN AHRlc3QAdGVz": {"PLAIN", true, []byte("\x00test\x00tes")},
		"PLAIN AHRlc3QAdGU=": {"PLAIN", true, []byte("\x00test\x00te")},
	} {
		var a Authenticate
		if err := parseArgs(t, "a AUTHENTICATE "+args, func(d *Decoder) (err error) { a, err = d.Authenticate(); return err }); err != nil || !reflect.DeepEqual(a, want) {
			t.Errorf("%s: got %+v, %v", args, a, err)
		}
	}
	for _, args := range []string{"", "PLAIN ", "PLAIN ==", "PLAIN A", "PLAIN AA", "PLAIN AHRlc3QAdGU", "PLAIN AHRlc3QAdGV=", "PLAIN *", "PLAIN AAAA AAAA", `"PLAIN"`, "PLAIN A-_A"} {
		if err := parseArgs(t, "a AUTHENTICATE "+args, func(d *Decoder) error { _, err := d.Authenticate(); return err }); err == nil {
			t.Errorf("%s: expected an error", args)
		}
	}
	for line, want := range map[string]string{"": "", "AAEC": "\x00\x01\x02", "*": "canceled", "AAE": "error", "**": "error", "AAEC ": "error", "* ": "error", "=": "error"} {
		d := command(t, Limits{}, line+"\r\n", nil)
		b, canceled, err := d.SASLResponse(nil)
		got := string(b)
		if canceled {
			got = "canceled"
		} else if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: got %q, expected %q", line, got, want)
		}
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	for args, want := range map[string][]Param{
		"NIL": nil,
		"nil": nil,
		"()":  nil,
		`("name" "sodr" "version" "19.34" "vendor" NIL)`: {{"name", "sodr", false}, {"version", "19.34", false}, {"vendor", "", true}}, // RFC 2971 §3.1.
		"(name {3+}\r\na b)":                             {{"name", "a b", false}},
	} {
		var l []Param
		if err := parseArgs(t, "a ID "+args, func(d *Decoder) (err error) { l, err = d.ID(); return err }); err != nil || !slices.Equal(l, want) {
			t.Errorf("%s: got %+v, %v", args, l, err)
		}
	}
	for _, args := range []string{"", "x", `"x"`, "NIL NIL", `("a")`, `("a" "b" )`, `("a" "b"`, `("a" b)`, `("a" "b" "c")`, `(NIL)`, "() x", strings.Repeat(`("a" "b" `, 2)} {
		if err := parseArgs(t, "a ID "+args, func(d *Decoder) error { _, err := d.ID(); return err }); err == nil {
			t.Errorf("%s: expected an error", args)
		}
	}
}
