package message

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseMessageIDs(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"<a@b>", "a@b"},
		{" <a@b>\r\n\t<c@d>  <e@f> ", "a@b c@d e@f"},
		{"<a@b><c@d>", "a@b c@d"},
		{"<a@b> <a@b> <c@d>", "a@b c@d"},
		{"<1234   @   local(blah)  .machine .example>", "1234@local.machine.example"},
		{`<"ab"@c> <"a;b"@c>`, `ab@c "a;b"@c`},
		{"Your message of \"Mon, 1 Jan 2000\" <a@b>", "a@b"},
		{"Joe <joe> said in <a@b>", "joe a@b"},
		{"<a@b\r\n c@d>", "a@bc@d"},
		{"<a@b <c@d>", "a@b c@d"},
		{"<a@b", "a@b"},
		{"a@b c@d", "a@b c@d"},
		{"no id here", ""},
		{"Message of Monday", ""},
		{"<>", ""},
		{"", ""},
		{"<" + strings.Repeat("x", 1000) + "@b> <a@b>", "a@b"},
		{"<a\x00\x07b@\xe9>", "ab@é"},
	}
	for _, test := range tests {
		if got := strings.Join(ParseMessageIDs([]byte(test.in)), " "); got != test.want {
			t.Errorf("%q: got %q, want %q", test.in, got, test.want)
		}
	}

	// The first and the last are kept of very many.
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "<%d@x> ", i)
	}
	l := ParseMessageIDs([]byte(b.String()))
	if len(l) != 200 || l[0] != "0@x" || l[1] != "801@x" || l[199] != "999@x" {
		t.Errorf("%d ids: %v", len(l), l)
	}
}

func TestNormalizeMessageID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" <a@b> ": "a@b", "a@b": "a@b", "justaword": "justaword", "<justaword>": "justaword", "<a@b> <c@d>": "a@b",
		"two words": "", "a@b c@d": "", "": "", "<>": "",
	} {
		if got := NormalizeMessageID([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestBaseSubject(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, want string
		reply    bool
	}{
		{"hello", "hello", false},
		{"Re: hello", "hello", true},
		{"RE:hello", "hello", true},
		{"re : hello", "hello", true},
		{"Fwd: hello", "hello", true},
		{"FW: Re: Fwd: hello", "hello", true},
		{"Re[2]: hello", "hello", true},
		{"Re [list]: hello", "hello", true},
		{"[list] Re: hello", "hello", true},
		{"[list] hello", "hello", false},
		{"[a] [b] Re: [c] hello", "hello", true},
		{"Re: [list] hello (fwd)", "hello", true},
		{"hello (fwd) (FWD) ", "hello", true},
		{"[Fwd: hello]", "hello", true},
		{"[fwd: Re: [list] hello (fwd)]", "hello", true},
		{"Re: [Fwd: hello]", "hello", true},
		{"a\t b \r\n  c", "a b c", false},

		{"[list]", "[list]", false}, // Nothing would be left.
		{"Re: [list]", "[list]", true},
		{"Re:", "", true},
		{"", "", false},
		{"(fwd)", "", true},
		{"[fwd:]", "", true},
		{"Regarding: x", "Regarding: x", false},
		{"Re x: y", "Re x: y", false},
		{"AW: hello", "AW: hello", false}, // Not in the standard.
		{"[a [b] c] hello", "[a [b] c] hello", false},
		{"[open hello", "[open hello", false},
		{"[fwd hello]", "[fwd hello]", false},
		{"fwd", "fwd", false},
	}
	for _, test := range tests {
		got, reply := BaseSubject(test.in)
		if got != test.want || reply != test.reply {
			t.Errorf("%q: got %q %v, want %q %v", test.in, got, reply, test.want, test.reply)
		}
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	e := ParseBytes([]byte(crlf(`From: a@b
From: c@d
Sender: s@s
Reply-To: r@r
To: t@t
Cc: u@u
Bcc: v@v
Subject: one
Subject: =?utf-8?q?tw=C3=B6?=
Date: Fri, 21 Nov 1997 09:55:06 -0600
Message-ID: <1 @ x>
In-Reply-To: message of yesterday <2@x>
References: <0@x>
References: <1@x> <2@x>

From: body@body
`))).Envelope
	for _, test := range []struct{ name, got, want string }{
		{"from", addressString(e.From), "<a|b> <c|d>"}, // Joined, so that none is hidden.
		{"sender", addressString(e.Sender), "<s|s>"},
		{"reply-to", addressString(e.ReplyTo), "<r|r>"},
		{"to", addressString(e.To), "<t|t>"},
		{"cc", addressString(e.CC), "<u|u>"},
		{"bcc", addressString(e.BCC), "<v|v>"},
		{"subject", e.Subject, "twö"}, // The last, which a signature would cover.
		{"raw subject", string(e.RawSubject), "=?utf-8?q?tw=C3=B6?="},
		{"date", e.Date.String(), "1997-11-21 09:55:06 -0600 -0600"},
		{"raw date", string(e.RawDate), "Fri, 21 Nov 1997 09:55:06 -0600"},
		{"message-id", e.MessageID, "1@x"},
		{"raw message-id", string(e.RawMessageID), "<1 @ x>"},
		{"in-reply-to", strings.Join(e.InReplyTo, " "), "2@x"},
		{"raw in-reply-to", string(e.RawInReplyTo), "message of yesterday <2@x>"},
		{"references", strings.Join(e.References, " "), "0@x 1@x 2@x"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, test.got, test.want)
		}
	}
}

// RFC 9051 §7.5.2: an absent field is NIL, an empty one an empty string.
func TestEnvelopeTellsAbsentFromEmpty(t *testing.T) {
	t.Parallel()
	e := ParseBytes([]byte("Subject:\r\nDate: \r\n\r\n")).Envelope
	if e.RawSubject == nil || e.RawDate == nil {
		t.Errorf("subject %v, date %v", e.RawSubject, e.RawDate)
	}
	if e.RawMessageID != nil || e.RawInReplyTo != nil || e.From != nil {
		t.Errorf("message-id %v, in-reply-to %v, from %v", e.RawMessageID, e.RawInReplyTo, e.From)
	}
}
