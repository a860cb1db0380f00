package blob

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"math"
	"strings"
	"testing"
)

func TestRefRoundTrip(t *testing.T) {
	t.Parallel()
	for _, ref := range []Ref{
		{},
		{number: 1, offset: fileHeaderSize, head: recordHeaderSize},
		{number: 300, offset: 1 << 26, head: 200, plain: 8192, stored: 8192},
		{number: math.MaxUint32, offset: math.MaxUint32, head: math.MaxUint16, plain: math.MaxInt64 / 2, stored: math.MaxInt64 / 2},
		{number: 7, offset: fileHeaderSize, head: 100, file: true, plain: 1 << 30, stored: 1 << 30},
		{number: 7, offset: 4096, head: 100, enc: 2, keyID: 9, plain: 1000, stored: 400},
	} {
		wire, err := ref.AppendBinary([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		wire, ok := bytes.CutPrefix(wire, []byte("before"))
		if !ok || len(wire) > 37 {
			t.Errorf("%v: wire form %x", ref, wire)
		}
		var got Ref
		if err := got.UnmarshalBinary(wire); err != nil || got != ref {
			t.Errorf("%v: got %v, %v", ref, got, err)
		}
		if got.IsZero() != (len(wire) == 0) || got.Size() != ref.plain {
			t.Errorf("%v: zero %t, size %d", ref, got.IsZero(), got.Size())
		}
	}
}

func TestRefIsShort(t *testing.T) {
	t.Parallel()
	ref := Ref{number: 4000, offset: 60 << 20, head: 180, plain: 250_000, stored: 250_000}
	wire, err := ref.MarshalBinary()
	if err != nil || len(wire) > 12 {
		t.Errorf("%d bytes, %v", len(wire), err)
	}
}

func TestParseRefRefuses(t *testing.T) {
	t.Parallel()
	for name, wire := range map[string]string{
		"flags only":            "00",
		"reserved flag":         "1001404000",
		"number zero":           "00004040 00",
		"offset in file header": "00013f4000",
		"head too short":        "0001403f00",
		"cut":                   "000140",
		"something behind":      "000140400000",
		"longer than needed":    "00810040 4000",
		"number too large":      "00ffffffff7f404000",
		"endless varint":        "00ffffffffffffffffffff01",
		"no stored length":      "0101404000",
		"negative size":         "00014040ffffffffffffffffff01",
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(wire, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if ref, err := ParseRef(b); err == nil {
			t.Errorf("%s: parsed as %v", name, ref)
		}
	}
	if ref, err := ParseRef([]byte{0x00, 0x01, 0x40, 0x40, 0x00}); err != nil || ref.number != 1 {
		t.Errorf("the form the others are made from: %v, %v", ref, err)
	}
}

func TestRefReadsWellInLogs(t *testing.T) {
	t.Parallel()
	for want, ref := range map[string]Ref{
		"none":                         {},
		"pack 12 at 4096 (8192 bytes)": {number: 12, offset: 4096, plain: 8192},
		"file 13 (300000 bytes)":       {number: 13, offset: 64, file: true, plain: 300000},
	} {
		var b strings.Builder
		slog.New(slog.NewJSONHandler(&b, nil)).Info("", "ref", ref)
		if !strings.Contains(b.String(), `"ref":"`+want+`"`) || ref.String() != want {
			t.Errorf("got %s, want %s", b.String(), want)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	for _, ref := range []Ref{
		{},
		{number: 300, offset: 1 << 26, head: 200, plain: 8192, stored: 8192},
		{number: 7, offset: fileHeaderSize, head: 100, file: true, plain: 1 << 30, stored: 1 << 30},
		{number: 7, offset: 4096, head: 100, enc: 2, keyID: 9, plain: 1000, stored: 400},
	} {
		wire, err := ref.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ref, err := ParseRef(b)
		if err != nil {
			return
		}
		if got, err := ref.MarshalBinary(); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%x has another form, %x: %v", b, got, err)
		}
	})
}
