package browser

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf16"
)

// evilHTML runs scripts and makes requests, in a document that lets it.
const evilHTML = `<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)></svg><img src="http://evil.example/i.png"><link rel=stylesheet href="http://evil.example/s.css">` +
	`<iframe src="javascript:alert(1)"></iframe><meta http-equiv=refresh content="0;url=http://evil.example/r"><style>@import "http://evil.example/c.css"</style>`

// evilSVG is evilHTML as an image.
const evilSVG = `<?xml version="1.0"?><?xml-stylesheet href="http://evil.example/x.xsl" type="text/xsl"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="alert(1)" width="9" height="9">` +
	`<script>alert(1)</script><image xlink:href="http://evil.example/i.png"/><foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="http://evil.example/"/></foreignObject><style>@import "http://evil.example/c.css";</style></svg>`

// evilPDF opens an address and runs a script, in a viewer that lets it.
const evilPDF = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\);app.launchURL\\('http://evil.example/'\\))>>>>endobj\n" +
	"2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/AA<</O<</S/URI/URI(http://evil.example/)>>>>>>endobj\ntrailer<</Root 1 0 R>>\n"

// hostileMail is a message that tries something.
type hostileMail struct{ technique, message string }

const mailHead = "From: Eve <eve@evil.example>\r\nTo: mox@localhost\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"

// htmlMail returns a message of HTML.
func htmlMail(subject, html string) string {
	return mailHead + "Subject: " + subject + "\r\nContent-Type: text/html; charset=utf-8\r\n" + encoded(html)
}

// encoded returns the rest of a part in base64, so that lines are left alone.
func encoded(body string) string {
	var b strings.Builder
	b.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
	text := base64.StdEncoding.EncodeToString([]byte(body))
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	return b.String() + text + "\r\n"
}

// decoded returns what encoded has encoded.
func decoded(body string) string {
	text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(body, "\r\n", ""))
	if err != nil {
		return ""
	}
	return string(text)
}

// multipart returns the rest of a message with parts, each with its own header.
func multipart(kind string, parts ...string) string {
	var b strings.Builder
	b.WriteString("Content-Type: multipart/" + kind + "; boundary=\"=b\"\r\n\r\n")
	for _, p := range parts {
		b.WriteString("--=b\r\n" + p + "\r\n")
	}
	return b.String() + "--=b--\r\n"
}

func toUTF16(s string, big, mark bool) string {
	var b []byte
	units := utf16.Encode([]rune(s))
	if mark {
		units = append([]uint16{0xfeff}, units...)
	}
	for _, u := range units {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

// hostileMails returns the messages whose trick is not, or not only, in their HTML.
func hostileMails() []hostileMail {
	var l []hostileMail
	l = append(l, charsetMails()...)
	l = append(l, typeMails()...)
	l = append(l, partMails()...)
	l = append(l, fieldMails()...)
	return append(l, hugeMails()...)
}

// charsetMails are read in other ways than they are written.
func charsetMails() []hostileMail {
	var l []hostileMail
	utf7 := "+ADw-script+AD4-alert(1)+ADw-/script+AD4-+ADw-img src+AD0-http://evil.example/i.png+AD4-"
	for _, c := range []struct{ typ, body string }{
		{"text/html; charset=utf-7", utf7},
		{"text/html; charset=unicode-1-1-utf-7", utf7},
		{"text/html; charset=x-unknown", utf7},
		{"text/html", "<meta charset=utf-7>" + utf7},
		{"text/html; charset=utf-8", `<meta http-equiv=content-type content="text/html;charset=utf-7">` + utf7},
		{"text/html; charset=utf-8", "+/v8-" + utf7},
		{"text/html; charset=\"utf-8\"; charset=utf-7", utf7},
		{"text/html; charset*0=utf; charset*1=-7", utf7},
		{"text/html; charset=utf-16", toUTF16(evilHTML, false, true)},
		{"text/html; charset=utf-16", toUTF16(evilHTML, true, true)},
		{"text/html; charset=utf-16le", toUTF16(evilHTML, false, false)},
		{"text/html; charset=utf-16be", toUTF16(evilHTML, true, false)},
		{"text/html; charset=iso-8859-1", toUTF16(evilHTML, false, true)},
		{"text/html", toUTF16(evilHTML, true, true)},
		{"text/plain", toUTF16(evilHTML, false, true)},
		{"text/html; charset=utf-32", "\xff\xfe\x00\x00<\x00\x00\x00s\x00\x00\x00"},
		{"text/html; charset=utf-8", "\xef\xbb\xbf" + evilHTML},
		{"text/html; charset=utf-8", "\xc0\xbcscript\xc0\xbealert(1)\xc0\xbc/script\xc0\xbe"},
		{"text/html; charset=us-ascii", "\xbcscript\xbealert(1)\xbc/script\xbe"},
		{"text/html; charset=utf-8", "<p>\xf8<script>\xe3\x80alert(1)</script\xc2>"},
		{"text/html; charset=utf-8", "<img alt=\"\xc2\" src=x onerror=alert(1)>"},
		{"text/html; charset=iso-2022-jp", "<img alt=\"\x1b$B\"><p title=\"\x1b(B onerror=alert(1) src=x>"},
		{"text/html; charset=iso-2022-jp", "<s\x1b(Jcript>alert(1)</s\x1b(Bcript>"},
		{"text/html; charset=iso-2022-jp", "\x1b$B<\x1b(Bscript>alert(1)</script>"},
		{"text/html; charset=iso-2022-kr", "\x1b$)C\x0e<img alt=\x0f src=x onerror=alert(1)>"},
		{"text/html; charset=iso-2022-cn", "\x1b$)A\x0e<script>alert(1)</script>\x0f"},
		{"text/html; charset=hz-gb-2312", "<img alt=\"~{\"><img src=x onerror=alert(1) title=\"~}\">"},
		{"text/html; charset=gbk", "<img alt=\"\x81\" src=x onerror=alert(1)>"},
		{"text/html; charset=gb18030", "<img alt=\"\x81\x30\x81\" src=x onerror=alert(1)>"},
		{"text/html; charset=big5", "<img title=\"\xa3\" onerror=alert(1) src=x>"},
		{"text/html; charset=shift_jis", "<img title=\"\x81\" onerror=alert(1) src=x>"},
		{"text/html; charset=euc-jp", "<img title=\"\x8f\" onerror=alert(1) src=x>"},
		{"text/html; charset=euc-kr", "<img title=\"\xc8\" onerror=alert(1) src=x>"},
		{"text/html; charset=x-user-defined", evilHTML},
		{"text/html; charset=replacement", evilHTML},
		{"text/html; charset=ibm037", "\x4c\xa2\x83\x99\x89\x97\xa3\x6e"},
		{"text/html; charset=cp1252", "\x8bscript\x9balert(1)\x8b/script\x9b"},
		{"text/html; charset=\"utf-8\\\"><script>alert(1)</script>\"", evilHTML},
		{"text/html; charset=utf-8; x=\"><script>alert(1)</script>", evilHTML},
		{"text/html; charset=", evilHTML},
		{"text/plain; charset=utf-7", utf7},
		{"text/plain; charset=iso-2022-jp", "\x1b$B" + evilHTML},
	} {
		l = append(l, hostileMail{"charset", mailHead + "Subject: charset\r\nContent-Type: " + c.typ + "\r\n" + encoded(c.body)})
	}
	for _, c := range []struct{ encoding, body string }{
		{"quoted-printable", "=3Cscript=3Ealert(1)=3C/script=3E=\r\n<im=\r\ng src=3Dx onerror=3Dalert(1)>"},
		{"quoted-printable", "=3cscript=3ealert(1)=3c=2fscript=\r\n=3e<img src==\r\n3Dx onerror=ZZ=alert(1)>"},
		{"base64", "PHNjcmlwdD5h!!bGVydCgxKTwv\r\n-- \r\nc2NyaXB0Pg"},
		{"base64, quoted-printable", evilHTML},
		{"BASE64 (comment)", "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="},
		{"x-uuencode", "begin 644 x.html\r\n9/'-C<FEP=#YA;&5R=\"@Q*3PO<V-R:7!T/@``\r\n`\r\nend"},
		{"<script>alert(1)</script>", evilHTML},
		{"binary", "a\x00<scr\x00ipt>alert(1)</script>\x00" + evilHTML},
		{"7bit\r\nContent-Transfer-Encoding: base64", "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="},
	} {
		l = append(l, hostileMail{"transfer encoding", mailHead + "Subject: encoding\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: " + c.encoding + "\r\n\r\n" + c.body + "\r\n"})
	}
	return l
}

// typeMails have bodies that are something else than their type says, or that no type is for.
func typeMails() []hostileMail {
	var l []hostileMail
	for _, typ := range []string{
		"TEXT/HTML", "text/html;;", "text/html ;charset", " text / html", "text/html\r\nContent-Type: text/plain", "text/plain\r\nContent-Type: text/html", "text",
		"/html", "", "text/x-html", "application/xhtml+xml", "text/enriched", "text/richtext", "text/rtf", "text/css", "text/javascript",
		"text/x-amp-html", "text/markdown", "text/vcard", "text/directory", "text/calendar; method=REQUEST", "text/xsl", "application/x-javascript", "application/octet-stream; name=x.html",
		"application/pdf; name=x.html", "image/png; name=x.html", "image/png\"><script>alert(1)</script>", "image/webp", "audio/mpeg", "video/mp4", "application/x-shockwave-flash", "application/hta", "application/mbox",
		"message/delivery-status", "message/disposition-notification", "text/rfc822-headers", "multipart/mixed", "multipart/mixed; boundary=\"\"", "model/x3d+xml", "x/y",
		"text/plain; format=flowed; delsp=yes", "text/plain; name=x.html", "multipart/x-mixed-replace; boundary=x", "application/ld+json", "text/html; name=\"><img src=x onerror=alert(1)>",
	} {
		l = append(l, hostileMail{"type", mailHead + "Subject: type\r\nContent-Type: " + typ + "\r\n\r\n" + evilHTML + "\r\n"})
	}
	for _, c := range []struct{ typ, body string }{
		{"image/svg+xml", evilSVG}, {"image/png", evilSVG}, {"image/gif", "GIF89a/*" + evilHTML + "*/=1;alert(1)"}, {"image/bmp", "BM=alert(1);//" + evilHTML},
		{"text/xml", evilSVG}, {"application/xml", evilSVG}, {"text/html", evilSVG}, {"application/xslt+xml", evilSVG}, {"application/atom+xml", evilSVG},
		{"text/html", `<?xml version="1.0"?><!DOCTYPE html [<!ENTITY e SYSTEM "http://evil.example/e"><!ENTITY s "<script>alert(1)</script>">]><p>&e;&s;</p>`},
		{"application/xhtml+xml", `<html xmlns="http://www.w3.org/1999/xhtml"><body onload="alert(1)"><script>alert(1)</script></body></html>`},
		{"application/pdf", evilPDF}, {"application/octet-stream; name=x.pdf", evilPDF}, {"application/octet-stream; name=x.svg", evilSVG}, {"application/octet-stream; name=x.png", evilSVG},
		{"text/vcard", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:" + evilHTML + "\r\nPHOTO;VALUE=uri:http://evil.example/p.png\r\nURL:javascript:alert(1)\r\nEND:VCARD\r\n"},
		{"text/calendar; method=REQUEST", "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261122T100000Z\r\nSUMMARY:" + evilHTML + "\r\nLOCATION:javascript:alert(1)\r\nX-ALT-DESC;FMTTYPE=text/html:" + evilHTML + "\r\nATTACH:http://evil.example/a\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"},
		{"multipart/related; boundary=b; type=text/html; start=\"<s@x>\"", "--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b\r\nContent-ID: <s@x>\r\nContent-Type: image/svg+xml\r\n\r\n" + evilSVG + "\r\n--b--\r\n"},
	} {
		l = append(l,
			hostileMail{"type", mailHead + "Subject: type\r\nContent-Type: " + c.typ + "\r\n\r\n" + c.body + "\r\n"},
			hostileMail{"type of a part", mailHead + "Subject: type\r\n" + multipart("mixed", "Content-Type: text/plain\r\n\r\nwords\r\n", "Content-Type: "+c.typ+"\r\nContent-Disposition: inline; filename=x.html\r\n\r\n"+c.body+"\r\n")})
	}
	return l
}

// partMails play with the structure of messages.
func partMails() []hostileMail {
	html := func(s string) string { return "Content-Type: text/html; charset=utf-8\r\n\r\n" + s + "\r\n" }
	cid := func(typ, body string) string {
		return "Content-Type: " + typ + "\r\nContent-ID: <evil@x>\r\nContent-Disposition: inline\r\n\r\n" + body + "\r\n"
	}
	byCID := `<img src="cid:evil@x"><img srcset="cid:evil@x 1x"><object data="cid:evil@x"></object><iframe src="cid:evil@x"></iframe><embed src="cid:evil@x"><link rel=stylesheet href="cid:evil@x"><script src="cid:evil@x"></script>` +
		`<a href="cid:evil@x">x</a><table background="cid:evil@x"><tr><td>x</table><div style="background:url(cid:evil@x)">x</div><style>@import "cid:evil@x"; p{background:url(cid:evil@x)}</style><p>x</p>`
	nested := html(evilHTML)
	for range 100 {
		nested = strings.Replace(multipart("mixed", nested), "=b", fmt.Sprintf("=b%d", len(nested)), -1)
	}
	letters := html(evilHTML)
	for range 20 {
		letters = "Content-Type: message/rfc822\r\n\r\nFrom: <script>alert(1)</script> <a@evil.example>\r\nSubject: " + evilHTML + "\r\n" + letters
	}
	messages := map[string]string{
		"cid of html":          multipart("related", html(byCID), cid("text/html", evilHTML)),
		"cid of svg":           multipart("related", html(byCID), cid("image/svg+xml", evilSVG)),
		"cid of svg as png":    multipart("related", html(byCID), cid("image/png", evilSVG)),
		"cid of script":        multipart("related", html(byCID), cid("text/javascript", "alert(1)")),
		"cid of css":           multipart("related", html(byCID), cid("text/css", `@import "http://evil.example/c.css"; body{background:url(http://evil.example/b)}`)),
		"cid of pdf":           multipart("related", html(byCID), cid("application/pdf", evilPDF)),
		"cid of xml":           multipart("related", html(byCID), cid("text/xml", evilSVG)),
		"cid of itself":        multipart("related", "Content-ID: <evil@x>\r\n"+html(byCID)),
		"cid with markup":      multipart("related", html(`<img src="cid:%22%3E%3Cscript%3Ealert(1)%3C/script%3E"><img src='cid:"onerror=alert(1) x="'>`), strings.Replace(cid("image/png", "x"), "evil@x", `"><script>alert(1)</script>`, 1)),
		"cid leaves the place": multipart("related", html(`<img src="cid:../../../session/"><img src="cid:?remote=1"><img src="mid:x/evil@x">`), cid("image/png", "x")),
		"location":             "Content-Base: \"http://evil.example/\"\r\nContent-Location: http://evil.example/a/\r\n" + multipart("related", "Content-Location: http://evil.example/p\r\n"+html(`<base href="http://evil.example/"><img src="i.png"><img src="/i.png"><img src="//evil.example/i.png"><img src="?x"><img src="#x">`)),
		"alternatives":         multipart("alternative", "Content-Type: text/plain\r\n\r\n"+evilHTML+"\r\n", "Content-Type: text/x-amp-html\r\n\r\n<html amp4email>"+evilHTML+"\r\n", html(evilHTML)),
		"alternatives of xml":  multipart("alternative", "Content-Type: text/plain\r\n\r\nx\r\n", "Content-Type: application/xhtml+xml\r\n\r\n"+evilSVG+"\r\n"),
		"html split":           multipart("mixed", html("<script>alert(1)"), html("</script><img src=x onerror=alert(1)>"), html("<!-- "), html("--><script>alert(1)</script>"), html("<div title='"), html("' onclick='alert(1)'>")),
		"html in files":        multipart("mixed", "Content-Type: text/plain\r\n\r\nx\r\n", "Content-Type: text/html; name=a.html\r\nContent-Disposition: attachment; filename=a.html\r\n\r\n"+evilHTML+"\r\n"),
		"messages in messages": multipart("mixed", letters),
		"digest":               multipart("digest", "\r\nSubject: "+evilHTML+"\r\n"+html(evilHTML)),
		"deep":                 nested,
		"signed":               multipart("signed; protocol=\"application/pgp-signature\"", html(evilHTML), "Content-Type: application/pgp-signature\r\n\r\n"+evilHTML+"\r\n"),
		"encrypted":            multipart("encrypted; protocol=\"application/pgp-encrypted\"", "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n", "Content-Type: application/octet-stream\r\n\r\n"+evilHTML+"\r\n"),
		"report":               multipart("report; report-type=delivery-status", "Content-Type: text/plain\r\n\r\n"+evilHTML+"\r\n", "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; "+evilHTML+"\r\n\r\nFinal-Recipient: rfc822; <script>alert(1)</script>@x\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; "+evilHTML+"\r\n", html(evilHTML)),
		"external body":        "Content-Type: message/external-body; access-type=URL; URL=\"http://evil.example/x\"\r\n\r\nContent-Type: text/html\r\n\r\n" + evilHTML + "\r\n",
		"partial":              "Content-Type: message/partial; id=\"<script>alert(1)</script>\"; number=1; total=1\r\n\r\n" + html(evilHTML),
		"appledouble":          multipart("appledouble", "Content-Type: application/applefile\r\n\r\n"+evilHTML+"\r\n", html(evilHTML)),
		"no end":               "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + html(evilHTML),
		"only preamble":        "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + evilHTML + "\r\n",
		"boundary of markup":   "Content-Type: multipart/mixed; boundary=\"<script>alert(1)</script>\"\r\n\r\n--<script>alert(1)</script>\r\n" + html(evilHTML) + "--<script>alert(1)</script>--\r\n",
		"boundary is prefix":   "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n" + html(evilHTML) + "--bb--\r\n--b--\r\n",
		"bare line ends":       strings.ReplaceAll(multipart("mixed", html(evilHTML)), "\r\n", "\n"),
		"tnef":                 multipart("mixed", "Content-Type: text/plain\r\n\r\nx\r\n", "Content-Type: application/ms-tnef; name=winmail.dat\r\n\r\n\x78\x9f\x3e\x22"+evilHTML+"\r\n"),
		"uuencoded":            "Content-Type: text/plain\r\n\r\nbegin 644 <script>alert(1)</script>.html\r\n" + evilHTML + "\r\nend\r\n",
		"yenc":                 "Content-Type: text/plain\r\n\r\n=ybegin line=128 size=9 name=" + evilHTML + "\r\n" + evilHTML + "\r\n=yend\r\n",
	}
	var l []hostileMail
	for name, m := range messages {
		l = append(l, hostileMail{"parts: " + name, mailHead + "Subject: parts\r\n" + m})
	}
	return l
}

// fieldMails have markup in fields that are shown.
func fieldMails() []hostileMail {
	word := func(s string) string { return "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }
	var l []hostileMail
	add := func(fields string) {
		head := mailHead
		for line := range strings.SplitSeq(fields, "\r\n") {
			if name, _, ok := strings.Cut(line, ":"); ok && (name == "From" || name == "To" || name == "Date") {
				var kept []string
				for h := range strings.SplitSeq(strings.TrimSuffix(head, "\r\n"), "\r\n") {
					if !strings.HasPrefix(h, name+":") {
						kept = append(kept, h)
					}
				}
				head = strings.Join(kept, "\r\n") + "\r\n"
			}
		}
		l = append(l, hostileMail{"fields", head + fields + "\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Words.</p>\r\n"})
	}
	for _, evil := range []string{evilHTML, `"><img src=x onerror=alert(1)>`, `</title></textarea></style></script><script>alert(1)</script>`, `javascript:alert(1)`, `{{constructor.constructor('alert(1)')()}}${alert(1)}`,
		"\u202e<tpircs>\u2066\u200f", "\x00\x1b]0;x\x07<script>", "<!--", "]]><script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;alert(1)", strings.Repeat("<b>", 2000), "__proto__", "constructor"} {
		w := word(evil)
		add("Subject: " + w)
		add("Subject: " + evil)
		add("From: " + w + " <eve@evil.example>\r\nSubject: name")
		add("To: " + w + " <mox@localhost>, " + w + ": a@x, b@x;\r\nCc: " + w + " <c@x>\r\nSubject: others")
		add("Subject: files\r\nContent-Disposition: attachment; filename=\"" + w + "\"")
	}
	for _, fields := range []string{
		"From: \"<script>alert(1)</script>\" <\"<img/src=x/onerror=alert(1)>\"@evil.example>", "From: <javascript:alert(1)@evil.example>", "From: eve@\"><script>alert(1)</script>", "From: @evil.example", "From: ,", "From: " + strings.Repeat("a@x, ", 3000) + "b@x",
		"Reply-To: <script>alert(1)</script> <javascript:alert(1)>", "Sender: " + evilHTML, "Date: <script>alert(1)</script>", "Date: Sun, 99 Nov 99999999 10:00:00 +9999", "Message-ID: <\"><script>alert(1)</script>@x>",
		"In-Reply-To: <script>alert(1)</script>\r\nReferences: <\"><img src=x onerror=alert(1)>@x>", "List-Unsubscribe: <javascript:alert(1)>, <data:text/html,x>, <http://evil.example/u>", "List-Unsubscribe: <https://evil.example/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click",
		"List-Id: <script>alert(1)</script> <l.evil.example>", "List-Post: <javascript:alert(1)>", "Content-Description: " + evilHTML, "Keywords: " + evilHTML, "Comments: " + evilHTML, "X-Image-URL: http://evil.example/i.png", "X-Face: " + evilHTML, "Face: " + evilHTML,
		"BIMI-Location: v=BIMI1; l=http://evil.example/l.svg", "Disposition-Notification-To: eve@evil.example", "Return-Receipt-To: eve@evil.example", "Refresh: 0; url=http://evil.example/", "Link: <http://evil.example/x>; rel=preload; as=image",
		"Content-Security-Policy: default-src *", "Set-Cookie: a=b", "Location: http://evil.example/", "Content-Language: \"><script>alert(1)</script>", "Content-ID: <script>alert(1)</script>", "Archived-At: <javascript:alert(1)>", "Authentication-Results: localhost; dkim=pass header.d=<script>alert(1)</script>",
		"DKIM-Signature: v=1; d=<script>alert(1)</script>; s=\"><img src=x onerror=alert(1)>; a=rsa-sha256; b=x; bh=x; h=from", "Received: from <script>alert(1)</script> by x; Sun, 22 Nov 2026 10:00:00 +0000", "Autocrypt: addr=" + evilHTML, "X-Spam-Report: " + evilHTML, "Importance: " + evilHTML,
	} {
		add(fields + "\r\nSubject: fields")
	}
	for _, name := range []string{`"><img src=x onerror=alert(1)>.png`, "../../../etc/passwd", "..\\..\\x.html", "x.html\x00.png", "javascript:alert(1)", "con", ".htaccess", "a\u202egnp.exe", strings.Repeat("x", 3000) + ".svg", "x.png\r\n\tSet-Cookie: a=b", "%0d%0aSet-Cookie:a=b", "'; alert(1); '", "message/../session", "*", "a;b=\"c\""} {
		for _, typ := range []string{"text/html", "image/svg+xml", "image/png"} {
			l = append(l, hostileMail{"names of files", mailHead + "Subject: files\r\n" + multipart("mixed", "Content-Type: text/plain\r\n\r\nx\r\n",
				"Content-Type: "+typ+"; name=\""+word(name)+"\"\r\nContent-Disposition: inline; filename*=utf-8''"+strings.NewReplacer("\r", "%0D", "\n", "%0A", "\x00", "%00", "\"", "%22", " ", "%20").Replace(name)+"\r\n\r\n"+evilHTML+"\r\n")})
		}
	}
	return l
}

// hugeMails take time and memory.
func hugeMails() []hostileMail {
	var attributes strings.Builder
	attributes.WriteString("<img src=x ")
	for i := range 100_000 {
		fmt.Fprintf(&attributes, "a%d=%d ", i, i)
	}
	attributes.WriteString("onerror=alert(1)>")
	bodies := map[string]string{
		"elements":        strings.Repeat("<div><p>Some words <b>and more</b> of them</p></div>", 40_000),
		"nested":          strings.Repeat("<div>", 20_000) + evilHTML,
		"nested tables":   strings.Repeat("<table><tr><td>", 5_000) + evilHTML,
		"nested quotes":   strings.Repeat("<blockquote>", 5_000) + evilHTML,
		"formatting":      strings.Repeat("<b><i><font color=red>", 10_000) + "<p>" + strings.Repeat("x</b>", 5000) + evilHTML,
		"adopted":         strings.Repeat("<a href=x><b><p>", 3000) + strings.Repeat("</b></a>", 3000) + evilHTML,
		"attributes":      attributes.String(),
		"attribute":       "<p title=\"" + strings.Repeat("<script>", 200_000) + "\">x</p>" + evilHTML,
		"comment":         "<!--" + strings.Repeat("-<!", 300_000) + evilHTML,
		"entities":        strings.Repeat("&lt;&NotNestedGreaterGreater;&#x10ffff;", 4000) + evilHTML,
		"links":           strings.Repeat(`<a href="https://evil.example/?a=b&amp;c=d">x</a> `, 10_000),
		"images":          strings.Repeat(`<img src="https://evil.example/i.png" width=1 height=1>`, 10_000),
		"rules":           "<style>" + strings.Repeat(".a:not(.b) > c ~ d[e='f']{color:red;background:url(http://evil.example/)}\n", 10_000) + "</style><p>x",
		"selectors":       "<style>" + strings.Repeat(":not(", 50_000) + "</style>" + "<style>" + strings.Repeat("a,", 100_000) + "b{color:red}</style><p>x",
		"braces":          "<style>" + strings.Repeat("@media screen{", 20_000) + "p{background:url(http://evil.example/)}</style><p style=\"" + strings.Repeat("color:red;", 50_000) + "\">x",
		"select":          strings.Repeat("<select><option>", 20_000) + evilHTML,
		"svg":             strings.Repeat("<svg><g>", 10_000) + evilHTML,
		"templates":       strings.Repeat("<template>", 5_000) + evilHTML,
		"tall":            `<div style="height:99999999px;width:99999999px">x</div><p style="margin:9e9px;position:fixed;inset:0;z-index:2147483647">x`,
		"zalgo":           strings.Repeat("a\u0300\u0301\u0302\u0303", 5000),
		"one line":        strings.Repeat("x", 1<<20) + evilHTML,
		"unfinished tags": strings.Repeat("<a ", 200_000) + strings.Repeat("</", 200_000) + evilHTML,
		"letters":         "<p>" + strings.Repeat("раyраl g\u200bo\u200bogle ", 150_000),
		"letters apart":   "<p>" + strings.Repeat("раyраl x <b>g\u200bo\u200bogle</b> ", 100_000),
		"one word":        strings.Repeat("раy", 200_000),
		"emoji":           strings.Repeat("a\U0001f600", 200_000),
		"grows as window": `<body style="height:200vh"><div style="height:150vh;min-height:200vh">x</div>`,
	}
	var l []hostileMail
	for name, body := range bodies {
		l = append(l, hostileMail{"huge: " + name, htmlMail("huge", body)})
	}
	for name, body := range map[string]string{
		"text quoted":  strings.Repeat(strings.Repeat(">", 5000)+" x\r\n", 20),
		"text links":   strings.Repeat("https://evil.example/?a=b www.evil.example a@evil.example ", 20_000),
		"text line":    strings.Repeat("<script>", 100_000),
		"text apart":   strings.Repeat("раyраl x ", 60_000),
		"text letters": strings.Repeat("раyраl g\u200bo\u200bogle ", 20_000),
	} {
		l = append(l, hostileMail{"huge: " + name, mailHead + "Subject: huge\r\nContent-Type: text/plain; charset=utf-8\r\n" + encoded(body)})
	}
	return l
}
