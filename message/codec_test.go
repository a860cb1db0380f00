package message

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"mox/internal/corpus"
)

func TestPartRoundTrip(t *testing.T) {
	t.Parallel()
	for _, m := range corpus.Messages(t) {
		want := ParseBytes(m.Data)
		b := AppendPart([]byte("prefix"), want)
		got, err := DecodePart(b[len("prefix"):])
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		want.Header = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s", m.Name, diffJSON(t, got, want))
		}
	}
}

func TestPartRoundTripKeepsEverything(t *testing.T) {
	t.Parallel()
	want := &Part{
		HeaderOffset: 1, BodyOffset: 2, EndOffset: 1 << 40, HeaderLines: 3, Lines: 4,
		Type: "application", Subtype: "octet-stream", RawType: "Message", RawSubtype: "RFC822",
		Params:   []Param{{Name: "a", Value: "b", Raw: "c"}, {Name: "d", Value: "ä", Extended: true}, {}},
		Encoding: "x", ContentID: "<a>", Description: "b", RawDescription: "c", MD5: "d", Location: "e", Language: []string{"f", "", "g"},
		Disposition: "inline", DispositionParams: []Param{{Name: "h", Value: "i", Raw: "i"}},
		Parts:   []*Part{{HeaderOffset: 5, BodyOffset: 6, EndOffset: 7}, {HeaderOffset: 7, BodyOffset: 7, EndOffset: 7}},
		Message: &Part{HeaderOffset: 2, BodyOffset: 2, EndOffset: 3, Type: "text"},
		Envelope: &Envelope{
			Date: time.Date(-5, 2, 3, 4, 5, 6, 0, time.FixedZone("", -3600)), RawDate: []byte{}, RawSubject: []byte("x"), Subject: "y",
			From: []Address{{Name: "a", RawName: "b", Route: "c", User: "d", Host: "e"}, {Kind: GroupStart, Name: "g", RawName: "g"}, {Kind: GroupEnd}},
			BCC:  []Address{{User: "x"}}, MessageID: "m", InReplyTo: []string{"n"}, References: []string{"o", "p"},
		},
		Defects: 1<<32 - 1,
	}
	got, err := DecodePart(AppendPart(nil, want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error(diffJSON(t, got, want))
	}
}

func TestDecodePartRefusesDamage(t *testing.T) {
	t.Parallel()
	good := AppendPart(nil, ParseBytes([]byte(crlf(exampleMessage))))
	if _, err := DecodePart(good); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"nothing":       nil,
		"version 0":     append([]byte{0}, good[1:]...),
		"newer version": append([]byte{codecVersion + 1}, good[1:]...),
		"more after it": append(good[:len(good):len(good)], 0),
		"unknown flag":  append([]byte{codecVersion, 0x80}, good[2:]...),
	} {
		if p, err := DecodePart(b); !errors.Is(err, ErrCorrupt) || p != nil {
			t.Errorf("%s: got %v %v", name, p, err)
		}
	}
	for n := range good {
		if _, err := DecodePart(good[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("first %d bytes: %v", n, err)
		}
	}
	// A message in a message, without end.
	endless := []byte{codecVersion}
	for range 100000 {
		endless = append(endless, codecMessage, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	if _, err := DecodePart(endless); !errors.Is(err, ErrCorrupt) {
		t.Errorf("endless: %v", err)
	}
}
