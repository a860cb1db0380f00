package store

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"mox/imap"
	"mox/message"
)

func TestChangesRoundTrip(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_800_000_000, 0).UTC()
	for _, l := range [][]Change{
		{},
		{{Kind: ChangeSubscription}},
		{{Kind: ChangeAdd, Mailbox: 1<<31 - 1, UIDs: imap.UIDSet{{First: 1, Last: 1}, {First: 5, Last: 1<<32 - 1}}, Emails: []EmailID{{9, 3}, {3, -1}, {1<<63 - 1, 1}, {1, -1 << 63}}}},
		{{Kind: ChangeExpunge, Mailbox: 1, UIDs: imap.SetOf[imap.UID](3, 4, 8), Emails: []EmailID{{1, 7}, {2, 8}, {3, 9}}}, {Kind: ChangeSubmission, Submission: 1<<63 - 1}},
		{{Kind: ChangeSetting, Name: "labels/ü"}, {Kind: ChangeFlags, Mailbox: 1, UIDs: imap.SetOf[imap.UID](7)}},
		{{Kind: ChangeMute, Threads: []ThreadID{1, 5, 1<<63 - 1}}, {Kind: ChangeMailboxUse, Mailbox: 9}},
	} {
		row := changeRow{ModSeq: 7, Time: at.Unix(), Data: appendChanges(nil, l)}
		got, err := row.parse(nil)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Clone(l)
		for i := range want {
			want[i].ModSeq, want[i].Time = 7, at
		}
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
		for n := range row.Data {
			cut := row
			cut.Data = row.Data[:n]
			if _, err := cut.parse(nil); err == nil {
				t.Errorf("%d of %d bytes parse", n, len(row.Data))
			}
		}
		row.Data = append(slices.Clone(row.Data), 0)
		if _, err := row.parse(nil); err == nil {
			t.Error("a byte too many parses")
		}
		row.Data[0] = changeVersionNamed + 1
		if _, err := row.parse(nil); err == nil {
			t.Error("another version parses")
		}
	}
}

func FuzzChanges(f *testing.F) {
	f.Add(appendChanges(nil, []Change{{Kind: ChangeAdd, Mailbox: 3, UIDs: imap.SetOf[imap.UID](3, 4, 8), Emails: []EmailID{{1, 7}, {2, 8}, {3, 9}}}, {Kind: ChangeSubmission, Submission: 8}}))
	f.Add(appendChanges(nil, []Change{{Kind: ChangeSetting, Name: "signatures"}, {Kind: ChangeMute, Threads: []ThreadID{4, 1 << 62}}}))
	f.Add([]byte{changeVersion, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{changeVersionNamed, 1, 12, 0, 0, 0, 0, 0, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := (&changeRow{Data: b}).parse(nil)
		if err != nil {
			return
		}
		again, err := (&changeRow{Data: appendChanges(nil, l)}).parse(nil)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(l) {
			t.Errorf("%v, %v, want %v", again, err, l)
		}
	})
}

func FuzzCold(f *testing.F) {
	text := "From: a@example.org\r\nSubject: x\r\n\r\ntext\r\n"
	m := &NewMessage{Prefix: []byte("X: y\r\n"), Body: strings.NewReader(text), Size: int64(len(text)), Auth: []byte("a")}
	c, err := makeCold(m, message.ParseBytes([]byte(text)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.append(nil))
	f.Add([]byte{coldVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		var c cold
		preview, err := c.parse(b)
		if err != nil {
			return
		}
		c.structure() // Does not panic.
		c.preview = string(preview)
		var again cold
		if _, err := again.parse(c.append(nil)); err != nil || !bytes.Equal(again.envelope, c.envelope) || !bytes.Equal(again.part, c.part) || again.shift != c.shift {
			t.Errorf("%+v, %v, want %+v", again, err, c)
		}
	})
}

func TestPrefixed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ prefix, body string }{{"", ""}, {"abc", ""}, {"", "defgh"}, {"abc", "defgh"}} {
		p := &prefixed{[]byte(tc.prefix), strings.NewReader(tc.body + "beyond"), int64(len(tc.body))}
		if err := iotest.TestReader(io.NewSectionReader(p, 0, p.Size()), []byte(tc.prefix+tc.body)); err != nil {
			t.Error(err)
		}
		for off := range int64(10) {
			for n := range 10 {
				b := make([]byte, n)
				got, err := p.ReadAt(b, off)
				want := ""
				if all := tc.prefix + tc.body; off < int64(len(all)) {
					want = all[off:min(int(off)+n, len(all))]
				}
				if string(b[:got]) != want || got < n && err != io.EOF || got == n && err != nil && err != io.EOF {
					t.Errorf("%q+%q: reading %d at %d gives %q, %v, want %q", tc.prefix, tc.body, n, off, b[:got], err, want)
				}
			}
		}
		if _, err := p.ReadAt(make([]byte, 1), -1); err == nil {
			t.Error("negative offset is no error")
		}
	}
}

func TestListedField(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"From": true, "FROM": true, "message-id": true, "List-Unsubscribe": true, "LIST-ID": true, "X-Priority": true,
		"Received": false, "List-": false, "Lists": false, "": false, "X-List-Id": false, "Fro": false,
	} {
		if got := ListedField(name); got != want {
			t.Errorf("ListedField(%q) is %v", name, got)
		}
		if got := len(listedHeader(nil, []byte(name+": x\r\n"))) > 0; name != "" && got != want {
			t.Errorf("field %q is kept: %v", name, got)
		}
	}
}

func TestKeywordSets(t *testing.T) {
	t.Parallel()
	a := testAccount(t, Options{})
	var sets []KeywordSet
	intern := func(tx *txn, op FlagOp, from KeywordSet, words ...string) (KeywordSet, error) {
		names, err := checkKeywords(words)
		if err != nil {
			return 0, err
		}
		return tx.changeKeywords(from, op, names)
	}
	for range 2 { // The second time all sets are there.
		sets = sets[:0]
		err := a.write(t.Context(), "test", func(tx *txn) error {
			last := KeywordSet(0)
			for _, step := range []struct {
				op    FlagOp
				words []string
			}{
				{FlagsAdd, []string{"b", "a"}}, {FlagsAdd, []string{"A", "c"}}, {FlagsRemove, []string{"B", "x"}},
				{FlagsReplace, []string{"B", "A", "a"}}, {FlagsRemove, []string{"a", "b"}}, {FlagsAdd, nil},
			} {
				var err error
				if last, err = intern(tx, step.op, last, step.words...); err != nil {
					return err
				}
				sets = append(sets, last)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(sets) != "[1 2 3 1 0 0]" {
			t.Errorf("sets %v", sets)
		}
	}
	for set, want := range map[KeywordSet]string{0: "[]", 1: "[a b]", 2: "[a b c]", 3: "[a c]", 4: "[]", 1000: "[]"} {
		if got := fmt.Sprint(a.keywords.names(set)); got != want {
			t.Errorf("set %d has %s, want %s", set, got, want)
		}
	}
}

func TestEmailRecordRoundTrip(t *testing.T) {
	t.Parallel()
	for _, r := range []emailRecord{
		{Cold: []byte{}},
		{Random: -1, Thread: 1<<63 - 1, Received: -5, Size: 1 << 40, Blob: []byte{1, 2}, Cold: []byte("cold")},
	} {
		b, err := r.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var got emailRecord
		if err := got.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%+v, %v, want %+v", got, err, r)
		}
		for n := range len(b) - len(r.Cold) {
			if err := got.UnmarshalBinary(b[:n]); err != nil || got.Cold == nil || len(got.Cold) > 0 || got.Size != 0 {
				t.Errorf("%d of %d bytes: %+v, %v, want a record that is there, but malformed", n, len(b), got, err)
			}
		}
	}
}
