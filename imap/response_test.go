package imap

import (
	"errors"
	"io"
	"testing"
)

func TestCodes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code       Code
		want, name string
	}{
		{CodeAlreadyExists, "ALREADYEXISTS", "ALREADYEXISTS"},
		{BadCharset("US-ASCII", "UTF-8"), "BADCHARSET (US-ASCII UTF-8)", "BADCHARSET"},
		{Capability("IMAP4rev1", "IDLE"), "CAPABILITY IMAP4rev1 IDLE", "CAPABILITY"},
		{PermanentFlags(FlagDeleted|FlagSeen, []string{"$Junk"}, true), `PERMANENTFLAGS (\Seen \Deleted $Junk \*)`, "PERMANENTFLAGS"},
		{PermanentFlags(0, nil, false), "PERMANENTFLAGS ()", "PERMANENTFLAGS"},
		{PermanentFlags(0, nil, true), `PERMANENTFLAGS (\*)`, "PERMANENTFLAGS"},
		{UIDNext(4392), "UIDNEXT 4392", "UIDNEXT"},
		{UIDValidity(3857529045), "UIDVALIDITY 3857529045", "UIDVALIDITY"},
		{Unseen(12), "UNSEEN 12", "UNSEEN"},
		{HighestModSeq(1<<63 - 1), "HIGHESTMODSEQ 9223372036854775807", "HIGHESTMODSEQ"},
		{Modified(SeqSet{{7, 7}, {9, 9}}), "MODIFIED 7,9", "MODIFIED"},
		{AppendUID(38505, SetOf[UID](3955)), "APPENDUID 38505 3955", "APPENDUID"},                                                   // RFC 4315 §3.
		{CopyUID(38505, SetOf[UID](304, 319, 320), SetOf[UID](3956, 3957, 3958)), "COPYUID 38505 304,319:320 3956:3958", "COPYUID"}, // RFC 4315 §3.
		{"", "", ""},
	} {
		if string(tc.code) != tc.want || tc.code.Name() != tc.name {
			t.Errorf("got %q with name %q, expected %q", tc.code, tc.code.Name(), tc.want)
		}
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	var err error = No(CodeTryCreate, "No such mailbox", io.ErrUnexpectedEOF)
	if got := err.Error(); got != "imap: NO [TRYCREATE] No such mailbox: unexpected EOF" {
		t.Errorf("got %q", got)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("cause is lost")
	}
	if got := Bad("Unknown command").Error(); got != "imap: BAD Unknown command" {
		t.Errorf("got %q", got)
	}
	if e := Bye(CodeUnavailable, "Shutting down", nil); e.Status != StatusBye || e.Unwrap() != nil {
		t.Errorf("got %+v", e)
	}
}
