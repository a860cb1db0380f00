package message

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"mox/internal/corpus"
)

func TestDecoders(t *testing.T) {
	t.Parallel()
	tests := []struct{ encoding, in, want string }{
		{"base64", "SGVsbG8=", "Hello"},
		{"BASE64", "SGVsbG8", "Hello"},
		{"base64", "SGVs\r\nbG8=\r\n", "Hello"},
		{"base64", "SGVsbG8=SGVsbG8=", "HelloHello"}, // Encoded apart and joined.
		{"base64", "S-G V!s\x00bG8=", "Hello"},
		{"base64", "SGVsbG8=\r\n--\r\nfooter", "Hello"},
		{"base64", "", ""},
		{"base64", "=", ""},
		{"base64", "====", ""},
		{"base64", "S", ""},
		{"base64", "SGVsbG8h", "Hello!"},

		{"quoted-printable", "a=C3=A4b", "aäb"},
		{"quoted-printable", "a=c3=a4b", "aäb"},
		{"quoted-printable", "a=\r\nb=\nc", "abc"},
		{"quoted-printable", "a=  \r\nb", "ab"},
		{"quoted-printable", "a \t\r\nb  \nc ", "a\r\nb\nc"}, // White space at the ends of lines.
		{"quoted-printable", "a b\tc", "a b\tc"},
		{"quoted-printable", "a=", "a"},
		{"quoted-printable", "a=\r\n", "a"},
		{"quoted-printable", "a=4", "a=4"},
		{"quoted-printable", "a=XYb=4Z=", "a=XYb=4Z"},
		{"quoted-printable", "50% = x", "50% = x"},
		{"quoted-printable", "a=20\r\nb", "a \r\nb"},
		{"quoted-printable", "=3D3D==", "=3D="},
		{"quoted-printable", "\xe9=E9", "\xe9\xe9"},
		{"quoted-printable", "a\r b", "a\r b"},

		{"7bit", "a=3D", "a=3D"},
		{"binary", "\x00\r\n", "\x00\r\n"},
		{"nonsense", "SGVsbG8=", "SGVsbG8="},
		{"", "x", "x"},
	}
	for _, test := range tests {
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(test.in),
			"bytes": iotest.OneByteReader(strings.NewReader(test.in)),
			"eof":   iotest.DataErrReader(strings.NewReader(test.in)),
		} {
			got, err := io.ReadAll(NewDecoder(r, test.encoding))
			if err != nil || string(got) != test.want {
				t.Errorf("%s %q (%s): got %q %v, want %q", test.encoding, test.in, name, got, err, test.want)
			}
		}
	}
}

func TestDecoderReturnsErrorsOfItsReader(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"base64", "quoted-printable", "7bit"} {
		if _, err := io.ReadAll(NewDecoder(iotest.ErrReader(io.ErrClosedPipe), encoding)); err != io.ErrClosedPipe {
			t.Errorf("%s: got %v", encoding, err)
		}
	}
}

func TestQuotedPrintableWithLongPadding(t *testing.T) {
	t.Parallel()
	for _, n := range []int{maxPadding - 1, maxPadding, 3 * maxPadding, 100000} {
		in := "a" + strings.Repeat(" ", n) + "b=\t\r\nc" + strings.Repeat("\t", n) + "\r\n"
		got, err := io.ReadAll(NewDecoder(strings.NewReader(in), "quoted-printable"))
		if err != nil {
			t.Fatal(err)
		}
		if s := strings.Trim(string(got), "\r\n\t"); s != "a"+strings.Repeat(" ", n)+"bc" {
			t.Errorf("%d spaces: got %d bytes, %q...", n, len(s), s[:min(len(s), 20)])
		}
	}
}

func TestTextReader(t *testing.T) {
	t.Parallel()
	tests := []struct{ header, body, want string }{
		{"", "abc", "abc"},
		{"Content-Type: text/plain; charset=utf-8", "ä\xff", "ä\ufffd"},
		{"Content-Type: text/plain; charset=utf-8", "\xef\xbb\xbfä", "ä"},
		{"Content-Type: text/plain; charset=iso-8859-1", "\xe4\x80", "ä€"},
		{"Content-Type: text/plain; charset=iso-2022-jp", "\x1b$BF|K\\\x1b(B", "日本"},
		{"Content-Type: text/plain; charset=euc-kr\nContent-Transfer-Encoding: base64", "x9E=", "한"},
		{"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable", "=C3=\n=A4", "ä"},
		{"Content-Type: text/plain; charset=utf-7", "+AOQ-", "ä"},
		{"Content-Type: text/plain; charset=us-ascii", "ä \xe4 \xc3", "ä ä Ã"}, // What the charset does not allow.
		{"Content-Type: text/plain; charset=nonsense", "ä\xe4", "ää"},
		{"Content-Type: text/plain", "\xe2\x82\xac \xe2\x82", "€ â‚"},
	}
	for _, test := range tests {
		msg := []byte(strings.TrimPrefix(test.header+"\n\n", "\n") + test.body)
		p := ParseBytes(msg)
		for _, r := range []io.ReaderAt{bytes.NewReader(msg), strings.NewReader(string(msg))} {
			got, err := io.ReadAll(iotest.OneByteReader(p.TextReader(r)))
			if err != nil || string(got) != test.want {
				t.Errorf("%s %q: got %q %v, want %q", test.header, test.body, got, err, test.want)
			}
		}
	}
}

func TestDecodedReaderOfComposites(t *testing.T) {
	t.Parallel()
	// The encoding of a multipart means nothing.
	msg := []byte("Content-Type: multipart/mixed; boundary=a\nContent-Transfer-Encoding: base64\n\n--a\n\nabcd\n--a--\n")
	got, err := io.ReadAll(ParseBytes(msg).DecodedReader(bytes.NewReader(msg)))
	if err != nil || string(got) != "--a\n\nabcd\n--a--\n" {
		t.Errorf("got %q %v", got, err)
	}
}

func TestTransferEncodings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		header         string
		encoded, known bool
	}{
		{"", false, true},
		{"Content-Transfer-Encoding: 8BIT", false, true},
		{"Content-Transfer-Encoding: binary", false, true},
		{"Content-Transfer-Encoding: Base64", true, true},
		{"Content-Transfer-Encoding: quoted-printable", true, true},
		{"Content-Transfer-Encoding: x-uuencode", false, false},
		{"Content-Transfer-Encoding: base65", false, false},
		{"Content-Type: message/rfc822\nContent-Transfer-Encoding: x-gzip64", false, true},
		{"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64", true, true}, // Treated as application/octet-stream.
		{"Content-Type: multipart/mixed; boundary=a\nContent-Transfer-Encoding: x-gzip64", false, true},
		{"Content-Type: multipart/mixed; boundary=a\nContent-Transfer-Encoding: base64", false, true},
	} {
		p := ParseBytes([]byte(test.header + "\n\n--a\n\nabcd\n--a--\n"))
		if encoded, known := p.IsEncoded(), p.EncodingKnown(); encoded != test.encoded || known != test.known {
			t.Errorf("%q: encoded %v, known %v", test.header, encoded, known)
		}
	}
}

func TestTextOfMessagesIsUTF8(t *testing.T) {
	t.Parallel()
	for _, m := range corpus.Messages(t) {
		ParseBytes(m.Data).Walk(func(p *Part) bool {
			got, err := io.ReadAll(p.TextReader(bytes.NewReader(m.Data)))
			if err != nil || !utf8.Valid(got) {
				t.Errorf("%s: part at %d: %v", m.Name, p.HeaderOffset, err)
			}
			return true
		})
	}
}
