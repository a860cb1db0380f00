package message

import (
	"strings"
	"testing"
)

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
