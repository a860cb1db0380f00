package message

import (
	"strings"
	"testing"
)

func TestParams(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string // After the value of the field.
		want string // name=value, name*=value if extended, joined by "|"
		raw  string // The same as for IMAP BODYSTRUCTURE, if not the same.
	}{
		{"; charset=utf-8", "charset=utf-8", ""},
		{`; Charset = "utf-8" ; format=flowed`, "charset=utf-8|format=flowed", ""},
		{"", "", ""},
		{";", "", ""},
		{";;; a=b;;c=d;", "a=b|c=d", ""},
		{`; a="b\"c\\d"`, `a=b"c\d`, ""},
		{`; a="b (c)"; d=e (comment) ; f=(comment) g`, "a=b (c)|d=e|f=g", ""},
		{"; a=\"b\r\n c\"", "a=b c", ""},
		{"; a=b, c=d", "a=b,|c=d", ""},
		{"; a=", "a=", ""},
		{`; a=""`, "a=", ""},
		{"; a", "", ""},
		{"; =b; c=d", "c=d", ""},
		{"; a b; c=d", "c=d", ""},
		{"; a=b; A=c", "a=b", ""}, // The first of two.

		// What senders do.
		{"; name=a b c.txt; x=y", "name=a b c.txt|x=y", ""},
		{"; charset=utf-8 format=flowed", "charset=utf-8|format=flowed", ""},
		{`; name="not closed`, "name=not closed", ""},
		{`; name="a"b; x=y`, "name=a|x=y", ""},
		{`; filename="C:\temp\x.txt"`, `filename=C:\temp\x.txt`, ""},
		{`; filename="a\"b.txt"`, `filename=a"b.txt`, ""},
		{"; name==?utf-8?q?=C3=A4?=", "name=ä", "name==?utf-8?q?=C3=A4?="},
		{`; name="=?utf-8?b?w6Q=?= b"`, "name=ä b", "name==?utf-8?b?w6Q=?= b"},
		{"; name=\"\xc3\xa4\"", "name=ä", ""},
		{"; name=\"\xe4\"", "name=ä", "name=\xe4"},
		{"; name=\"a\x00\x07b\"", "name=ab", "name=a\x07b"},

		// RFC 2231.
		{`; URL*0="ftp://"; URL*1="cs.utk.edu/pub"`, "url=ftp://cs.utk.edu/pub", ""},
		{"; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title*=This is ***fun***", "title*=utf-8''This%20is%20%2A%2A%2Afun%2A%2A%2A"},
		{`; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn't it!"`,
			"title*=This is even more ***fun*** isn't it!", "title*=utf-8''This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!"},
		{"; a*1=c; a*0=b; a*2=d", "a=bcd", ""},                                      // In any order.
		{"; a*0=b; a*2=d", "a=b", ""},                                               // Up to what is missing.
		{"; a*1=b; a*2=c", "a=bc", ""},                                              // Counted from 1.
		{"; a*0*=iso-8859-1''%e4; a*1*=%f6", "a*=äö", "a*=utf-8''%C3%A4%C3%B6"},     //
		{"; a*0*=utf-8''%c3; a*1*=%a4", "a*=ä", "a*=utf-8''%C3%A4"},                 // A character cut by pieces.
		{"; name=plain; name*=utf-8''%c3%a4", "name*=ä", "name*=utf-8''%C3%A4"},     // The extended one is better.
		{"; name*=utf-8''%c3%a4; name=plain", "name*=ä", "name*=utf-8''%C3%A4"},     //
		{"; a*=%c3%a4", "a*=ä", "a*=utf-8''%C3%A4"},                                 // No charset.
		{"; a*=utf-8''100%; b=c", "a*=100%|b=c", "a*=utf-8''100%25|b=c"},            // A percent sign that is none.
		{"; a*=nonsense''%e4", "a*=ä", "a*=utf-8''%C3%A4"},                          //
		{"; a*=utf-8''x%0d%0ay", "a*=x y", "a*=utf-8''x%20y"},                       //
		{"; a*x=b; a**=c; *=d; a*0000=e; c=d", "c=d", ""},                           //
		{"; a*0=\"=?utf-8?q?=C3\"; a*1=\"=A4?=\"", "a=ä", "a==?utf-8?q?=C3=A4?="},   // Both at once.
		{"; a*0*=utf-8''b; a*0*=utf-8''c; a*1*=d; a*1*=e", "a*=bd", "a*=utf-8''bd"}, //
	}
	join := func(l []Param, wire bool) string {
		var s []string
		for _, p := range l {
			name, value := p.Name, p.Value
			if p.Extended {
				name += "*"
			}
			if wire {
				name, value = p.Wire()
			}
			s = append(s, name+"="+value)
		}
		return strings.Join(s, "|")
	}
	for _, test := range tests {
		l, _ := parseParams([]byte(test.in))
		if got := join(l, false); got != test.want {
			t.Errorf("%q: got %q, want %q", test.in, got, test.want)
		}
		want := test.raw
		if want == "" {
			want = test.want
		}
		if got := join(l, true); got != want {
			t.Errorf("%q: wire %q, want %q", test.in, got, want)
		}
	}
}

func TestPartFields(t *testing.T) {
	t.Parallel()
	p := ParseBytes([]byte(crlf(`Content-Type: Image/PNG; Name="x.png"
Content-Transfer-Encoding: (c) BASE64 ;
Content-ID: <a@b>
Content-Description: a
  =?utf-8?q?b=C3=A4r?=
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Language: en, (x) de-DE,, fr
Content-Location: http://example.org/a
 /b
Content-Disposition: (x) Attachment ; filename="../a\b/c.png"

x
`)))
	want := Part{
		HeaderOffset: 0, BodyOffset: p.BodyOffset, EndOffset: p.EndOffset, HeaderLines: p.HeaderLines, Lines: 1,
		Type: "image", Subtype: "png", RawType: "Image", RawSubtype: "PNG",
		Params:   []Param{{Name: "name", Value: "x.png", Raw: "x.png"}},
		Encoding: "base64", ContentID: "<a@b>", Description: "a bär", RawDescription: "a  =?utf-8?q?b=C3=A4r?=",
		MD5: "Q2hlY2sgSW50ZWdyaXR5IQ==", Location: "http://example.org/a/b", Language: []string{"en", "de-DE", "fr"},
		Disposition: "attachment", DispositionParams: []Param{{Name: "filename", Value: `../a\b/c.png`, Raw: `../a\b/c.png`}},
		Envelope: p.Envelope, Header: p.Header, Defects: DefectDate,
	}
	if d := diffJSON(t, *p, want); d != "" {
		t.Error(d)
	}
	if got := p.Filename(); got != "c.png" {
		t.Errorf("file name %q", got)
	}
}

func TestEncodingNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Base64": "base64", "quoted-printable": "quoted-printable", "7BIT": "7bit", "Binary": "binary",
		"7-bit": "7bit", "8Bits": "8bit", "quoted printable": "quoted-printable", " base64; x": "base64",
		"": "7bit", "x-uuencode": "x-uuencode", "text/html": "7bit", "\"base64\"": "7bit",
	} {
		p := ParseBytes([]byte("Content-Transfer-Encoding: " + in + "\r\n\r\nx"))
		if p.Encoding != want {
			t.Errorf("%q: got %q, want %q", in, p.Encoding, want)
		}
	}
}

func TestIsAttachment(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header string
		want   bool
		name   string
	}{
		{"Content-Type: text/plain", false, ""},
		{"Content-Type: text/plain; name=a.txt", true, "a.txt"},
		{"Content-Type: text/plain; name=a.txt\nContent-Disposition: inline", false, "a.txt"},
		{"Content-Disposition: attachment", true, ""},
		{"Content-Type: image/png", true, ""},
		{"Content-Type: image/png; name=a.png\nContent-ID: <a>\nContent-Disposition: inline", false, "a.png"},
		{"Content-Type: image/png\nContent-ID: <a>", false, ""},
		{"Content-Type: multipart/mixed; boundary=a", false, ""},
		{"Content-Type: application/pdf; name=\"..\"", true, ""},
		{"Content-Type: application/pdf; name=\"dir/\"", true, ""},
		{"Content-Type: application/pdf; name=x\nContent-Disposition: attachment; filename*=utf-8''a%2Fb%20c", true, "b c"},
	}
	for _, test := range tests {
		p := ParseBytes([]byte(crlf(test.header + "\n\nx")))
		if p.IsAttachment() != test.want || p.Filename() != test.name {
			t.Errorf("%q: attachment %v, name %q", test.header, p.IsAttachment(), p.Filename())
		}
	}
}
