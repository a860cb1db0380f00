package store

import (
	"errors"
	"reflect"
	"testing"

	"mox/imap"
)

func TestRecoverMetaRoundTrip(t *testing.T) {
	t.Parallel()
	for _, m := range []recoverMeta{
		{},
		{Mailbox: "Inbox", Received: 1795300000, Random: -1, NextUIDValidity: 1<<32 - 1},
		{Mailbox: "Sent", Use: Sent, Received: -1, Flags: imap.Flags(3), Prefix: []byte("Received: x\r\n"), Auth: []byte{0, 1, 2}},
		{Mailbox: "Ünïcode/x", Keywords: []string{"$Forwarded", "a", ""}, Prefix: make([]byte, 300)},
	} {
		buf := appendRecoverMeta([]byte("before"), m)
		got, err := parseRecoverMeta(buf[len("before"):])
		if err != nil {
			t.Fatalf("parse %+v: %v", m, err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("got %+v, want %+v", got, m)
		}
	}
}

func TestRecoverMetaRefusals(t *testing.T) {
	t.Parallel()
	full := appendRecoverMeta(nil, recoverMeta{Mailbox: "Inbox", Use: Archive, Received: 1 << 40, Flags: 1, Keywords: []string{"x", "yy"}, Prefix: []byte("p"), Auth: []byte("a")})
	for i := range full {
		if _, err := parseRecoverMeta(full[:i]); !errors.Is(err, errRecoverMeta) {
			t.Errorf("cut to %d bytes: got %v, want errRecoverMeta", i, err)
		}
	}
	for _, tc := range []struct {
		name string
		buf  []byte
		want error
	}{
		{"trailing byte", append(full[:len(full):len(full)], 0), errRecoverMeta},
		{"version 0", []byte{0, 0, 0}, errRecoverMeta},
		{"newer version", []byte{recoverMetaVersion + 1}, ErrNewerVersion},
		{"huge uidvalidity", []byte{1, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, errRecoverMeta},
		{"huge length", []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, errRecoverMeta},
		{"huge keyword count", []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f}, errRecoverMeta},
		{"overlong varint", []byte{1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}, errRecoverMeta},
	} {
		if _, err := parseRecoverMeta(tc.buf); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
		}
	}
}

func FuzzRecoverMeta(f *testing.F) {
	f.Add(appendRecoverMeta(nil, recoverMeta{}))
	f.Add(appendRecoverMeta(nil, recoverMeta{Mailbox: "Sent", Use: Sent, Received: 1795300000, Flags: 5, Keywords: []string{"$Junk"}, Prefix: []byte("Return-Path: <>\r\n"), Auth: []byte("{}")}))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, buf []byte) {
		m, err := parseRecoverMeta(buf)
		if err != nil {
			return
		}
		again, err := parseRecoverMeta(appendRecoverMeta(nil, m))
		if err != nil {
			t.Fatalf("parsing own encoding: %v", err)
		}
		if !reflect.DeepEqual(again, m) {
			t.Fatalf("got %+v, want %+v", again, m)
		}
	})
}
