package message

import (
	"strconv"
	"strings"
	"testing"
)

// exampleMessage has the structure of the example in RFC 9051 §6.4.5.1.
const exampleMessage = `Subject: root
Content-Type: multipart/mixed; boundary=a

--a

one
--a
Content-Type: application/octet-stream

two
--a
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=b

--b

three-one
--b
Content-Type: application/octet-stream

three-two
--b--
--a
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: image/gif

four-one
--c
Content-Type: message/rfc822

Subject: four-two
Content-Type: multipart/mixed; boundary=d

--d

four-two-one
--d
Content-Type: multipart/alternative; boundary=e

--e

four-two-two-one
--e
Content-Type: text/richtext

four-two-two-two
--e--
--d--
--c--
--a--
`

// parseSection reads a section as IMAP writes it.
func parseSection(t *testing.T, s string) (path []int, text SectionText) {
	t.Helper()
	if s == "" {
		return nil, SectionPart
	}
	for part := range strings.SplitSeq(s, ".") {
		switch part {
		case "HEADER":
			text = SectionHeader
		case "TEXT":
			text = SectionBody
		case "MIME":
			text = SectionMIME
		default:
			n, err := strconv.Atoi(part)
			if err != nil {
				t.Fatal(err)
			}
			path = append(path, n)
		}
	}
	return path, text
}

func TestSection(t *testing.T) {
	t.Parallel()
	const none = "\x00none"
	tests := []struct {
		name, msg string
		sections  map[string]string
	}{
		{"example of RFC 9051", exampleMessage, map[string]string{
			"":          exampleMessage,
			"HEADER":    "Subject: root\nContent-Type: multipart/mixed; boundary=a\n\n",
			"1":         "one",
			"1.MIME":    "\n",
			"2":         "two",
			"2.MIME":    "Content-Type: application/octet-stream\n\n",
			"3.MIME":    "Content-Type: message/rfc822\n\n",
			"3.HEADER":  "Subject: three\nContent-Type: multipart/mixed; boundary=b\n\n",
			"3.TEXT":    "--b\n\nthree-one\n--b\nContent-Type: application/octet-stream\n\nthree-two\n--b--",
			"3":         "Subject: three\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nthree-one\n--b\nContent-Type: application/octet-stream\n\nthree-two\n--b--",
			"3.1":       "three-one",
			"3.1.MIME":  "\n",
			"3.2":       "three-two",
			"4.1":       "four-one",
			"4.1.MIME":  "Content-Type: image/gif\n\n",
			"4.MIME":    "Content-Type: multipart/mixed; boundary=c\n\n",
			"4.2.1":     "four-two-one",
			"4.2.2.1":   "four-two-two-one",
			"4.2.2.2":   "four-two-two-two",
			"4.2.2":     "--e\n\nfour-two-two-one\n--e\nContent-Type: text/richtext\n\nfour-two-two-two\n--e--",
			"MIME":      none, // Only with part numbers.
			"0":         none,
			"5":         none,
			"-1":        none,
			"1.1":       none, // A part that is no message has no numbers below it.
			"1.HEADER":  none,
			"1.TEXT":    none,
			"4.HEADER":  none, // A multipart is no message.
			"3.3":       none,
			"3.1.1":     none,
			"4.2.2.3":   none,
			"4.2.1.1.1": none,
		}},
		{"not multipart", "Subject: x\n\nbody\n", map[string]string{
			"": "Subject: x\n\nbody\n", "HEADER": "Subject: x\n\n", "TEXT": "body\n", "1": "body\n", "1.MIME": "Subject: x\n\n",
			"2": none, "1.1": none, "1.HEADER": none, "1.TEXT": none,
		}},
		{"message in the root", "Content-Type: message/rfc822\n\nSubject: in\n\nbody\n", map[string]string{
			"HEADER": "Content-Type: message/rfc822\n\n", "1": "Subject: in\n\nbody\n", "1.HEADER": "Subject: in\n\n", "1.TEXT": "body\n",
			"1.1": "body\n", "1.1.MIME": "Subject: in\n\n", "2": none, "1.2": none, "1.1.1": none,
		}},
		{"text in a message", multi + "\n--foo\nContent-Type: message/rfc822\n\nSubject: in\n\nbody\n--foo--\n", map[string]string{
			"1": "Subject: in\n\nbody", "1.1": "body", "1.TEXT": "body", "1.1.MIME": "Subject: in\n\n", "1.2": none, "1.1.HEADER": none,
		}},
		{"no parts", multi + "\nnothing\n", map[string]string{"1": "", "2": none, "TEXT": "nothing\n"}},
		{"no body", "Subject: x\n", map[string]string{"HEADER": "Subject: x\n", "TEXT": "", "1": ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			msg := crlf(test.msg)
			p := ParseBytes([]byte(msg))
			for section, want := range test.sections {
				path, text := parseSection(t, section)
				r, ok := p.Section(path, text)
				got := none
				if ok {
					got = msg[r.Start:r.End]
					if r.Len() != int64(len(got)) {
						t.Errorf("[%s]: length %d", section, r.Len())
					}
				}
				if got != crlf(want) {
					t.Errorf("[%s]: got %q, want %q", section, got, crlf(want))
				}
			}
		})
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	p := ParseBytes([]byte(exampleMessage))
	for path, want := range map[string]string{"": "multipart/mixed", "3": "message/rfc822", "3.2": "application/octet-stream", "4.2.2.2": "text/richtext"} {
		numbers, _ := parseSection(t, path)
		q, ok := p.At(numbers)
		if !ok || q.MediaType() != want {
			t.Errorf("part %s: %v %v, want %s", path, q, ok, want)
		}
	}
	if q, ok := p.At([]int{3, 0}); ok {
		t.Errorf("part 3.0 is %v", q)
	}
}
