package wire

import (
	"reflect"
	"strings"
	"testing"

	"mox/imap"
)

// parse reads the tag and name of a command, then its arguments with parse.
func parseArgs(t testing.TB, in string, parse func(d *Decoder) error) error {
	t.Helper()
	d := command(t, Limits{}, in+"\r\n", nil)
	d.Tag()
	d.SP()
	d.Keyword()
	if d.Err() != nil {
		t.Fatalf("%q: %v", in, d.Err())
	}
	err := parse(d)
	if err == nil && !d.AtEnd() {
		t.Errorf("%q: not read to its end", in)
	}
	return err
}

// clean replaces empty slices by nil, which parsing again into the same value does not.
func cleanItems(l []FetchItem) []FetchItem {
	for i := range l {
		if len(l[i].Section.Path) == 0 {
			l[i].Section.Path = nil
		}
		if len(l[i].Section.Fields) == 0 {
			l[i].Section.Fields = nil
		}
	}
	return l
}

func TestFetch(t *testing.T) {
	t.Parallel()
	section := func(path []int, text SectionText, fields ...string) FetchItem {
		return FetchItem{Kind: FetchSection, Section: Section{Path: path, Text: text, Fields: fields}}
	}
	peek := func(i FetchItem) FetchItem {
		i.Peek = true
		return i
	}
	partial := func(i FetchItem, offset, count int64) FetchItem {
		i.Section.Partial, i.Section.Offset, i.Section.Count = true, offset, count
		return i
	}
	items := func(kinds ...FetchKind) []FetchItem {
		var l []FetchItem
		for _, k := range kinds {
			l = append(l, FetchItem{Kind: k})
		}
		return l
	}
	for _, tc := range []struct {
		args string
		want []FetchItem
		seen bool
	}{
		{"ALL", items(FetchFlags, FetchInternalDate, FetchRFC822Size, FetchEnvelope), false},
		{"fast", items(FetchFlags, FetchInternalDate, FetchRFC822Size), false},
		{"Full", items(FetchFlags, FetchInternalDate, FetchRFC822Size, FetchEnvelope, FetchBody), false},
		{"FLAGS", items(FetchFlags), false},
		{"(UID FLAGS)", items(FetchUID, FetchFlags), false},
		{"(uid internaldate envelope body bodystructure modseq rfc822.size)",
			items(FetchUID, FetchInternalDate, FetchEnvelope, FetchBody, FetchBodyStructure, FetchModSeq, FetchRFC822Size), false},
		{"RFC822", items(FetchRFC822), true},
		{"RFC822.HEADER", items(FetchRFC822Header), false},
		{"RFC822.TEXT", items(FetchRFC822Text), true},
		{"BODY[]", []FetchItem{section(nil, SectionPart)}, true},
		{"BODY.PEEK[]", []FetchItem{peek(section(nil, SectionPart))}, false},
		{"BODY[HEADER]", []FetchItem{section(nil, SectionHeader)}, true},
		{"body.peek[text]", []FetchItem{peek(section(nil, SectionBody))}, false},
		{"BODY[1]", []FetchItem{section([]int{1}, SectionPart)}, true},
		{"BODY[4.2.2.1]", []FetchItem{section([]int{4, 2, 2, 1}, SectionPart)}, true},
		{"BODY[1.MIME]", []FetchItem{section([]int{1}, SectionMIME)}, true},
		{"BODY[3.2.HEADER]", []FetchItem{section([]int{3, 2}, SectionHeader)}, true},
		{"BODY[HEADER.FIELDS (DATE FROM)]", []FetchItem{section(nil, SectionFields, "DATE", "FROM")}, true},
		{`BODY.PEEK[2.HEADER.FIELDS.NOT ("X Y" b]`, nil, false}, // "]" belongs to the astring.
		{`BODY.PEEK[2.HEADER.FIELDS.NOT ("X Y" b)]<10.20>`, []FetchItem{partial(peek(section([]int{2}, SectionFieldsNot, "X Y", "b")), 10, 20)}, false},
		{"BODY[HEADER.FIELDS ({4+}\r\nDate)]", []FetchItem{section(nil, SectionFields, "Date")}, true},
		{"BODY[]<0.2048>", []FetchItem{partial(section(nil, SectionPart), 0, 2048)}, true},
		{"BODY[]<9223372036854775807.9223372036854775807>", []FetchItem{partial(section(nil, SectionPart), 1<<63-1, 1<<63-1)}, true},
		{"BINARY[1]", []FetchItem{{Kind: FetchBinary, Section: Section{Path: []int{1}}}}, true},
		{"BINARY.PEEK[1.2]<0.5>", []FetchItem{partial(FetchItem{Kind: FetchBinary, Peek: true, Section: Section{Path: []int{1, 2}}}, 0, 5)}, false},
		{"BINARY.PEEK[1]<5>", []FetchItem{partial(FetchItem{Kind: FetchBinary, Peek: true, Section: Section{Path: []int{1}}}, 5, 1<<63-1)}, false},
		{"BINARY[]", []FetchItem{{Kind: FetchBinary}}, true},
		{"BINARY.SIZE[3]", []FetchItem{{Kind: FetchBinarySize, Section: Section{Path: []int{3}}}}, false},
		{"(BODY[1] BODY)", []FetchItem{section([]int{1}, SectionPart), {Kind: FetchBody}}, true},
	} {
		var f Fetch
		for range 2 { // The second time into used memory.
			err := parseArgs(t, "a FETCH 2:4 "+tc.args, func(d *Decoder) error { return d.Fetch(SeqNums, &f) })
			if tc.want == nil {
				badStatus(t, err, imap.StatusBad, "")
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", tc.args, err)
			} else if !reflect.DeepEqual(cleanItems(f.Items), tc.want) || f.Set.Seqs.String() != "2:4" {
				t.Errorf("%s:\ngot      %+v\nexpected %+v", tc.args, f.Items, tc.want)
			}
			seen := false
			for _, i := range f.Items {
				seen = seen || i.SetsSeen()
			}
			if seen != tc.seen {
				t.Errorf("%s: sets \\Seen: %v", tc.args, seen)
			}
		}
	}
	for _, args := range []string{
		"", " FLAGS", "()", "(FLAGS", "FLAGS)", "(FLAGS )", "( FLAGS)", "(FLAGS  UID)", "FLAGS UID", "(FLAGS,UID)", "XYZ", "(ALL)", "ALL FLAGS", "X-GM-MSGID",
		"BODY.PEEK", "BODY[", "BODY[]x", "BODY[0]", "BODY[01]", "BODY[1.]", "BODY[1.0]", "BODY[.1]", "BODY[1..2]", "BODY[4294967296]", "BODY[MIME]", "BODY[HEADERS]", "BODY[1.FOO]",
		"BODY[HEADER.FIELDS]", "BODY[HEADER.FIELDS ()]", "BODY[HEADER.FIELDS (A]", "BODY[HEADER.FIELDS (A)", "BODY[HEADER.FIELDS(A)]", "BODY[HEADER (A)]", "BODY [TEXT]", "BODY[ TEXT]",
		"BODY[]<0>", "BODY[]<0.0>", "BODY[]<.1>", "BODY[]<-1.1>", "BODY[]<0.1", "BODY[]<0.9223372036854775808>", "BODY<0.1>",
		"BINARY", "BINARY[TEXT]", "BINARY[1.HEADER]", "BINARY.SIZE", "BINARY.SIZE[1]<0.1>", "BINARY.SIZE.PEEK[1]", "BINARY[0]",
		"BODY[" + strings.Repeat("1.", 200) + "1]", "(" + strings.Repeat("UID ", 1000) + "UID)",
	} {
		var f Fetch
		if err := parseArgs(t, "a FETCH 1 "+args, func(d *Decoder) error { return d.Fetch(SeqNums, &f) }); err == nil {
			t.Errorf("%s: got %+v, expected an error", args, f)
		}
	}
}

func TestFetchModifiers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind     NumKind
		args     string
		since    imap.ModSeq // Zero if it is an error.
		vanished bool
	}{
		{SeqNums, "1:* (FLAGS) (CHANGEDSINCE 12345)", 12345, false}, // RFC 7162 §3.1.4.1.
		{UIDNums, "300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)", 12345, true},
		{UIDNums, "1:* FLAGS (vanished changedsince 9223372036854775807)", 1<<63 - 1, true},
		{UIDNums, "1:* FLAGS (VANISHED)", 0, false},
		{SeqNums, "1:* FLAGS (CHANGEDSINCE 1 VANISHED)", 0, false}, // RFC 7162 §3.2.6.
		{SeqNums, "1:* FLAGS (CHANGEDSINCE 0)", 0, false},
		{SeqNums, "1:* FLAGS (CHANGEDSINCE)", 0, false},
		{SeqNums, "1:* FLAGS (CHANGEDSINCE 9223372036854775808)", 0, false},
		{SeqNums, "1:* FLAGS ()", 0, false},
		{SeqNums, "1:* FLAGS (FOO)", 0, false},
		{SeqNums, "1:* FLAGS CHANGEDSINCE 1", 0, false},
		{SeqNums, "1:* (CHANGEDSINCE 1)", 0, false},
	} {
		var f Fetch
		err := parseArgs(t, "a FETCH "+tc.args, func(d *Decoder) error { return d.Fetch(tc.kind, &f) })
		if (err != nil) != (tc.since == 0) {
			t.Errorf("%s: error %v", tc.args, err)
		} else if err == nil && (!f.HasChangedSince || f.ChangedSince != tc.since || f.Vanished != tc.vanished) {
			t.Errorf("%s: got %+v", tc.args, f)
		}
	}
}

func TestSectionName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"BODY[]": "[]", "BODY.PEEK[1.2.mime]<7.1>": "[1.2.MIME]<7>", "BODY[text]": "[TEXT]",
		"BODY[header.fields (date \"x\" {3+}\r\na b nil)]": `[HEADER.FIELDS (date x "a b" "nil")]`,
		"BODY[1.HEADER.FIELDS.NOT (a)]":                    "[1.HEADER.FIELDS.NOT (a)]",
		"BINARY[2]<0.1>":                                   "[2]<0>",
	} {
		var f Fetch
		if err := parseArgs(t, "a FETCH 1 "+in, func(d *Decoder) error { return d.Fetch(SeqNums, &f) }); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := string(f.Items[0].Section.AppendTo(nil)); got != want {
			t.Errorf("%s: got %s, expected %s", in, got, want)
		}
	}
}
