package browser

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"net/mail"
	"strings"
	"testing"
	"time"

	"mox/internal/corpus"
)

// letter is a message to be put into a mailbox.
type letter struct {
	from, to, cc, subject string // From and to: by default somebody.
	id, inReplyTo         string // Without < and >.
	header                string // More lines.
	text, html            string
	files                 []letterFile
	flags                 string
	at                    time.Time

	raw string // The whole message, instead.
}

type letterFile struct {
	name, typ, cid string // With a content id it is shown in the text.
	data           []byte
}

// letterTime is when mail of tests was written, if nothing else is said.
var letterTime = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// String returns the message in MIME, with LF at the ends of lines.
func (l letter) String() string {
	if l.raw != "" {
		return l.raw
	}
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	var b strings.Builder
	fmt.Fprintf(&b, "From: %s\nTo: %s\n", or(l.from, "Ana Silva <ana@example.org>"), or(l.to, "me@localhost"))
	if l.cc != "" {
		fmt.Fprintf(&b, "Cc: %s\n", l.cc)
	}
	fmt.Fprintf(&b, "Subject: %s\nDate: %s\nMessage-ID: <%s>\n", mime.QEncoding.Encode("utf-8", l.subject), or(l.when().Format(time.RFC1123Z), ""), or(l.id, fmt.Sprintf("%x@example.org", l.subject)))
	if l.inReplyTo != "" {
		fmt.Fprintf(&b, "In-Reply-To: <%[1]s>\nReferences: <%[1]s>\n", l.inReplyTo)
	}
	b.WriteString(l.header + "MIME-Version: 1.0\n")

	text := partOf("text/plain; charset=utf-8", "", []byte(or(l.text, "A text.\n")))
	body := text
	if l.html != "" {
		html := partOf("text/html; charset=utf-8", "", []byte(l.html))
		related := []string{html}
		for _, f := range l.files {
			if f.cid != "" {
				related = append(related, partOf(f.typ, "Content-ID: <"+f.cid+">\nContent-Disposition: inline; filename=\""+f.name+"\"\n", f.data))
			}
		}
		if len(related) > 1 {
			html = multipartOf("related", related)
		}
		body = html
		if l.text != "" {
			body = multipartOf("alternative", []string{text, html})
		}
	}
	mixed := []string{body}
	for _, f := range l.files {
		if f.cid == "" {
			mixed = append(mixed, partOf(f.typ, "Content-Disposition: attachment; filename=\""+f.name+"\"\n", f.data))
		}
	}
	if len(mixed) > 1 {
		body = multipartOf("mixed", mixed)
	}
	b.WriteString(body)
	return b.String()
}

func (l letter) when() time.Time {
	if l.at.IsZero() {
		return letterTime
	}
	return l.at
}

// part is a part of a message, in base64.
func partOf(typ, header string, data []byte) string {
	if strings.HasPrefix(typ, "message/") {
		return "Content-Type: " + typ + "\n" + header + "\n" + string(data) + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Content-Type: %s\nContent-Transfer-Encoding: base64\n%s\n", typ, header)
	for text := base64.StdEncoding.EncodeToString(data); text != ""; {
		n := min(len(text), 76)
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String()
}

func multipartOf(subtype string, parts []string) string {
	boundary := fmt.Sprintf("=_%s_%d", subtype, len(strings.Join(parts, "")))
	return "Content-Type: multipart/" + subtype + "; boundary=\"" + boundary + "\"\n\n--" + boundary + "\n" +
		strings.Join(parts, "\n--"+boundary+"\n") + "\n--" + boundary + "--\n"
}

// realLetters are messages of the corpus, oldest first, one a minute; the newest ones have distinct subjects in ASCII.
func realLetters(t *testing.T, n int) []letter {
	t.Helper()
	var l, others []letter
	known := map[string]bool{}
	for _, m := range corpus.Real(t) {
		parsed, err := mail.ReadMessage(bytes.NewReader(m.Data))
		if err != nil {
			continue
		}
		subject := strings.Join(strings.Fields(parsed.Header.Get("Subject")), " ")
		plain := strings.ToLower(subject[strings.LastIndex(subject, "]")+1:])
		plain = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(plain), "re:"))
		next := letter{raw: string(m.Data), subject: subject, flags: `\Seen`}
		if known[plain] || len(plain) < 8 || strings.ContainsAny(subject, `"?=`) || !strings.HasPrefix(m.Name, "ham-easy/") {
			others = append(others, next)
		} else {
			l = append(l, next)
		}
		known[plain] = true
	}
	if n > len(l)+len(others) {
		t.Fatalf("the corpus has %d messages, expected %d", len(l)+len(others), n)
	}
	l = append(others[:max(0, n-len(l))], l[:min(n, len(l))]...)
	for i := range l {
		l[i].at = letterTime.Add(time.Duration(i) * time.Minute)
	}
	return l
}

// subjectsOf are the subjects of letters, newest first, as lists have them.
func subjectsOf(letters ...letter) []string {
	var l []string
	for i := range letters {
		l = append(l, letters[len(letters)-1-i].subject)
	}
	return l
}
