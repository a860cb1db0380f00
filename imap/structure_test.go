package imap_test

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"mox/imap"
	"mox/imap/wire"
	"mox/message"
)

func TestAppendEnvelope(t *testing.T) {
	t.Parallel()
	from := []message.Address{{RawName: "Terry Gray", User: "gray", Host: "cac.washington.edu"}}
	for _, tc := range []struct {
		name string
		e    message.Envelope
		want string
	}{
		{"RFC 9051 §8", message.Envelope{
			RawDate:    []byte("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)"),
			RawSubject: []byte("IMAP4rev2 WG mtg summary and minutes"),
			From:       from,
			To:         []message.Address{{User: "imap", Host: "cac.washington.edu"}},
			CC: []message.Address{
				{User: "minutes", Host: "CNRI.Reston.VA.US"},
				{RawName: "John Klensin", User: "KLENSIN", Host: "MIT.EDU"},
			},
			RawMessageID: []byte("<B27397-0100000@cac.washington.edu>"),
		}, `("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes"` +
			` (("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu"))` +
			` (("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu"))` +
			` ((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>")`},
		{"absent and empty are not the same", message.Envelope{RawSubject: []byte{}, RawInReplyTo: []byte{}},
			`(NIL "" NIL NIL NIL NIL NIL NIL "" NIL)`},
		{"own sender and reply-to", message.Envelope{
			From:    from,
			Sender:  []message.Address{{User: "s", Host: "x"}},
			ReplyTo: []message.Address{{User: "r", Host: "x"}},
		}, `(NIL NIL (("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "s" "x")) ((NIL NIL "r" "x")) NIL NIL NIL NIL NIL)`},
		{"group", message.Envelope{To: []message.Address{
			{Kind: message.GroupStart, RawName: "A Group"},
			{RawName: "Ed \"E\" Jones", User: "c", Host: "a.test"},
			{Kind: message.GroupEnd},
			{Kind: message.GroupStart},
			{Kind: message.GroupEnd},
		}}, `(NIL NIL NIL NIL NIL ((NIL NIL "A Group" NIL)("Ed \"E\" Jones" NIL "c" "a.test")(NIL NIL NIL NIL)(NIL NIL "" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)`},
		{"route and broken addresses", message.Envelope{To: []message.Address{
			{Route: "@a,@b", User: "u", Host: "c"}, {User: "nobody"}, {RawName: "no address"},
		}}, `(NIL NIL NIL NIL NIL ((NIL "@a,@b" "u" "c")(NIL NIL "nobody" "")("no address" NIL "" "")) NIL NIL NIL NIL)`},
		{"octets above 127", message.Envelope{RawSubject: []byte("été"), To: []message.Address{{RawName: "é", User: "ü", Host: "x"}}},
			"(NIL {5}\r\nété NIL NIL NIL (({2}\r\né NIL {2}\r\nü \"x\")) NIL NIL NIL NIL)"},
	} {
		if got := string(imap.AppendEnvelope(nil, &tc.e)); got != tc.want {
			t.Errorf("%s:\ngot      %s\nexpected %s", tc.name, got, tc.want)
		}
	}
}

func TestAppendBodyStructure(t *testing.T) {
	t.Parallel()
	crlf := func(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }
	for _, tc := range []struct {
		name       string
		msg        []byte
		body, full string
	}{
		{"text by default", crlf("Subject: x\n\nhello\nworld\n"),
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 14 2)`,
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 14 2 NIL NIL NIL NIL)`},
		{"all fields", crlf(`Content-Type: TEXT/Html; Charset=UTF-8; format="a\"b"
Content-Transfer-Encoding: quoted-printable
Content-ID: <id@x>
Content-Description: a =?utf-8?q?b?=
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Disposition: inline; filename="x y.html"
Content-Language: de, en
Content-Location: http://x/

x
`),
			`("TEXT" "Html" ("charset" "UTF-8" "format" "a\"b") "<id@x>" "a =?utf-8?q?b?=" "QUOTED-PRINTABLE" 3 1)`,
			`("TEXT" "Html" ("charset" "UTF-8" "format" "a\"b") "<id@x>" "a =?utf-8?q?b?=" "QUOTED-PRINTABLE" 3 1` +
				` "Q2hlY2sgSW50ZWdyaXR5IQ==" ("inline" ("filename" "x y.html")) ("de" "en") "http://x/")`},
		{"basic type has no lines", crlf("Content-Type: image/png\nContent-Language: fr\nContent-Disposition: attachment\n\nx\n"),
			`("image" "png" NIL NIL NIL "7BIT" 3)`,
			`("image" "png" NIL NIL NIL "7BIT" 3 NIL ("attachment" NIL) "fr" NIL)`},
		{"multipart", crlf("Content-Type: multipart/Mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n"),
			`(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 3 0)("application" "pdf" NIL NIL NIL "BASE64" 4) "Mixed")`,
			`(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 3 0 NIL NIL NIL NIL)("application" "pdf" NIL NIL NIL "BASE64" 4 NIL NIL NIL NIL)` +
				` "Mixed" ("boundary" "b") NIL NIL NIL)`},
		{"message in message", crlf("Content-Type: message/rfc822\n\nSubject: in\nContent-Type: text/plain; charset=utf-8\n\nx\n"),
			`("message" "rfc822" NIL NIL NIL "7BIT" 59 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "utf-8") NIL NIL "7BIT" 3 1) 4)`,
			``},
		{"parameter in parts and charset", crlf("Content-Type: application/x; name*0*=utf-8''%C3%A9; name*1=t\n\n"),
			`("application" "x" ("name*" "utf-8''%C3%A9t") NIL NIL "7BIT" 0)`, ``},
	} {
		p := message.ParseBytes(tc.msg)
		got := string(imap.AppendBody(nil, p))
		if got != tc.body {
			t.Errorf("%s: BODY:\ngot      %s\nexpected %s", tc.name, got, tc.body)
		}
		if got := string(imap.AppendBodyStructure(nil, p)); tc.full != "" && got != tc.full {
			t.Errorf("%s: BODYSTRUCTURE:\ngot      %s\nexpected %s", tc.name, got, tc.full)
		}
	}
}

// Trees that the parser does not make must come out in valid grammar all the same.
func TestBodyOfOddTrees(t *testing.T) {
	t.Parallel()
	for _, p := range []*message.Part{
		{Type: "multipart", Subtype: "mixed"},
		{Type: "message", Subtype: "rfc822"},
		{Type: "message", Subtype: "global", Message: &message.Part{Type: "text", Subtype: "plain"}},
		{},
		{Type: "text", Subtype: "é\"x", Encoding: "x\r\ny", Language: []string{"", "a"}},
	} {
		checkStructure(t, imap.AppendBody(nil, p), false)
		checkStructure(t, imap.AppendBodyStructure(nil, p), true)
	}
}

// checkStructure checks that b is a body of RFC 9051 §9.
func checkStructure(t *testing.T, b []byte, extended bool) {
	t.Helper()
	c := structureChecker{t, b}
	c.body(parseValue(t, b), extended)
}

// parseValue reads b as the client does.
func parseValue(t *testing.T, b []byte) wire.Value {
	t.Helper()
	d := wire.NewDecoder(bufio.NewReader(bytes.NewReader(append(b[:len(b):len(b)], "\r\n"...))), wire.Limits{Line: 1 << 30, Literal: 1 << 30, Depth: 1000}, nil)
	if err := d.ReadLine(); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	v := d.Value()
	d.CRLF()
	if d.Err() != nil {
		t.Fatalf("%s: %v", b, d.Err())
	}
	return v
}

// structureChecker has a method for each rule of the grammar of bodies and envelopes.
type structureChecker struct {
	t     *testing.T
	whole []byte
}

func (c structureChecker) need(ok bool, what string) {
	c.t.Helper()
	if !ok {
		c.t.Fatalf("%s: %s", c.whole, what)
	}
}

func (c structureChecker) str(v wire.Value) { c.need(v.Kind == wire.ValueString, "string expected") }

func (c structureChecker) nstring(v wire.Value) {
	c.need(v.Kind == wire.ValueString || v.Kind == wire.ValueNil, "nstring expected")
}

func (c structureChecker) number(v wire.Value) {
	_, err := strconv.ParseUint(v.Text, 10, 63)
	c.need(v.Kind == wire.ValueAtom && err == nil, "number expected")
}

func (c structureChecker) params(v wire.Value) {
	if v.Kind == wire.ValueNil {
		return
	}
	c.need(v.Kind == wire.ValueList && len(v.List) > 0 && len(v.List)%2 == 0, "body-fld-param expected")
	for _, p := range v.List {
		c.str(p)
	}
}

func (c structureChecker) body(v wire.Value, extended bool) {
	c.need(v.Kind == wire.ValueList && len(v.List) > 0, "body expected")
	l := v.List
	if l[0].Kind == wire.ValueList {
		for len(l) > 0 && l[0].Kind == wire.ValueList {
			c.body(l[0], extended)
			l = l[1:]
		}
		c.need(len(l) > 0, "subtype of multipart expected")
		c.str(l[0])
		if !extended {
			c.need(len(l) == 1, "extension data in BODY")
			return
		}
		c.need(len(l) == 5, "extension data of multipart")
		c.params(l[1])
		c.extension(l[2:])
		return
	}
	c.need(len(l) >= 7, "body-fields expected")
	c.str(l[0])
	c.str(l[1])
	c.params(l[2])
	c.nstring(l[3])
	c.nstring(l[4])
	c.str(l[5])
	c.number(l[6])
	typ, subtype := strings.ToLower(l[0].Text), strings.ToLower(l[1].Text)
	l = l[7:]
	switch {
	case typ == "text":
		c.need(len(l) > 0, "lines of text expected")
		c.number(l[0])
		l = l[1:]
	case typ == "message" && (subtype == "rfc822" || subtype == "global"):
		c.need(len(l) >= 3, "envelope, body and lines of message expected")
		c.envelope(l[0])
		c.body(l[1], extended)
		c.number(l[2])
		l = l[3:]
	}
	if !extended {
		c.need(len(l) == 0, "extension data in BODY")
		return
	}
	c.need(len(l) == 4, "extension data expected")
	c.nstring(l[0])
	c.extension(l[1:])
}

func (c structureChecker) extension(l []wire.Value) {
	if l[0].Kind != wire.ValueNil {
		c.need(l[0].Kind == wire.ValueList && len(l[0].List) == 2, "body-fld-dsp expected")
		c.str(l[0].List[0])
		c.params(l[0].List[1])
	}
	if l[1].Kind == wire.ValueList {
		c.need(len(l[1].List) > 0, "body-fld-lang expected")
		for _, v := range l[1].List {
			c.str(v)
		}
	} else {
		c.nstring(l[1])
	}
	c.nstring(l[2])
}

func (c structureChecker) envelope(v wire.Value) {
	c.need(v.Kind == wire.ValueList && len(v.List) == 10, "envelope expected")
	for i, f := range v.List {
		if i < 2 || i > 7 {
			c.nstring(f)
			continue
		}
		if f.Kind == wire.ValueNil {
			continue
		}
		c.need(f.Kind == wire.ValueList && len(f.List) > 0, "addresses expected")
		for _, a := range f.List {
			c.need(a.Kind == wire.ValueList && len(a.List) == 4, "address expected")
			for _, s := range a.List {
				c.nstring(s)
			}
		}
	}
}

// Whatever a message is, its structure is valid grammar.
func FuzzBodyStructure(f *testing.F) {
	f.Add([]byte("Subject: x\r\n\r\nhello\r\n"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: g: a@b, \"x\\\"y\" <c@d>;, e\r\n\r\n--b--\r\n"))
	f.Add([]byte("Content-Type: multipart/x; boundary=\"\"\r\n\r\n"))
	f.Add([]byte("Content-Type: a/b; c*0*=iso-8859-1''%E9; c*1=\"\xe9\x00\"; d=\"\"\r\nContent-Disposition: ;x=y\r\nContent-Language: ,,\r\n\r\n"))
	f.Add([]byte("Subject: \xff\x00\r\nFrom: <@a,@b:c@d>\r\nTo: x\r\nContent-Type: multipart/digest; boundary=q\r\n\r\n--q\r\n\r\nTo: y\r\n\r\n--q--"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		p := message.ParseBytes(msg)
		checkStructure(t, imap.AppendBody(nil, p), false)
		checkStructure(t, imap.AppendBodyStructure(nil, p), true)
		b := imap.AppendEnvelope(nil, p.Envelope)
		structureChecker{t, b}.envelope(parseValue(t, b))
	})
}

func BenchmarkAppendBodyStructure(b *testing.B) {
	p := message.ParseBytes([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n"))
	e := message.Envelope{
		Date: time.Now(), RawDate: []byte("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)"), RawSubject: []byte("Subject"),
		From: []message.Address{{RawName: "Terry Gray", User: "gray", Host: "cac.washington.edu"}},
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		imap.AppendEnvelope(imap.AppendBodyStructure(buf, p), &e)
	}
}
