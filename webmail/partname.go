package webmail

import (
	"fmt"
	"mime"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mox/message"
)

// maxFileName is how long the name of a file may be, in bytes.
const maxFileName = 180

// fileName returns a name that is safe on all systems for a file that comes from a message: without directories, control
// characters and what changes the direction of text, so that the end that people see is the end it has, and that no
// system gives a meaning to. It is empty if nothing is left.
func fileName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), r == '\u2028', r == '\u2029':
			return -1
		case unicode.IsSpace(r):
			return ' '
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		}
		return r
	}, name)
	// Hidden files and, on Windows, other files than the name says.
	name = strings.TrimRight(strings.TrimLeft(strings.Join(strings.Fields(name), " "), ". ~"), ". ")
	if len(name) > maxFileName {
		ext := path.Ext(name)
		if len(ext) > 20 {
			ext = ""
		}
		name = strings.TrimRight(cutText(strings.TrimSuffix(name, ext), maxFileName-len(ext)), ". ") + ext
	}
	base, _, _ := strings.Cut(name, ".")
	switch base = strings.ToUpper(strings.TrimSpace(base)); {
	case base == "CON", base == "PRN", base == "AUX", base == "NUL", base == "CONIN$", base == "CONOUT$",
		len(base) > 3 && (base[:3] == "COM" || base[:3] == "LPT") && strings.Trim(base[3:], "0123456789¹²³") == "":
		return "_" + name
	}
	return name
}

// cutText returns at most max bytes of s, in whole characters.
func cutText(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}

// partFileName returns the name of a file for a part: that which the sender gave, or one made of its type.
func partFileName(f leaf) string {
	p := f.part
	name := p.Filename()
	if name == "" && p.Message != nil && p.Message.Envelope != nil {
		name = strings.ReplaceAll(strings.ReplaceAll(p.Message.Envelope.Subject, "/", "-"), `\`, "-")
		if fileName(name) != "" {
			name += ".eml"
		}
	}
	if name = fileName(name); name != "" {
		return name
	}
	return "part-" + f.path + extensionOf(p)
}

// extensionOf returns the usual ending of names of a type, with its dot.
func extensionOf(p *message.Part) string {
	switch p.MediaType() {
	case "text/plain":
		return ".txt"
	case "text/html":
		return ".html"
	case "text/calendar":
		return ".ics"
	case "text/vcard", "text/x-vcard":
		return ".vcf"
	case "text/csv":
		return ".csv"
	case "message/rfc822", "message/global":
		return ".eml"
	case "message/delivery-status", "message/disposition-notification", "text/rfc822-headers":
		return ".txt"
	case "image/png", "image/gif", "image/webp", "image/avif", "image/bmp", "audio/flac", "audio/wav", "audio/ogg", "video/mp4", "video/webm", "application/pdf", "application/zip":
		return "." + p.Subtype
	case "image/jpeg", "image/jpg":
		return ".jpg"
	case "audio/mpeg":
		return ".mp3"
	case "application/pgp-signature", "application/pgp-encrypted":
		return ".asc"
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return ".p7m"
	case "application/pkcs7-signature", "application/x-pkcs7-signature":
		return ".p7s"
	}
	return ".bin"
}

// contentDisposition returns the value of Content-Disposition (RFC 6266) for a name that fileName has returned: with
// the name in ASCII for old clients, and as it is (RFC 8187) if that differs.
func contentDisposition(kind, name string) string {
	var ascii, ext strings.Builder
	same := true
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 0x80:
			if utf8.RuneStart(c) {
				ascii.WriteByte('_')
			}
			same = false
		case c < ' ' || c == 0x7f || c == '"' || c == '\\' || c == '%':
			// Clients differ in how they read an escape.
			ascii.WriteByte('_')
			same = false
		default:
			ascii.WriteByte(c)
		}
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			ext.WriteByte(c)
		} else {
			fmt.Fprintf(&ext, "%%%02X", c)
		}
	}
	v := kind + `; filename="` + ascii.String() + `"`
	if !same {
		v += "; filename*=UTF-8''" + ext.String()
	}
	return v
}

// names makes names unique, also where case is no difference. It has the numbers given last.
type names map[string]int

// add returns a name, with a number in it if it was there before.
func (n names) add(name string) string {
	key := strings.ToLower(name)
	if _, have := n[key]; !have {
		n[key] = 1
		return name
	}
	ext := path.Ext(name)
	base := strings.TrimSuffix(name, ext)
	for {
		n[key]++
		numbered := base + " (" + strconv.Itoa(n[key]) + ")" + ext
		if _, have := n[strings.ToLower(numbered)]; !have {
			n[strings.ToLower(numbered)] = 1
			return numbered
		}
	}
}

// downloadType returns the type with which a part is downloaded. That of what browsers might show or run is not told.
func downloadType(p *message.Part) string {
	t := p.MediaType()
	if p.Type == "text" || p.Message != nil || strings.Contains(p.Subtype, "html") || strings.Contains(p.Subtype, "xml") || strings.Contains(p.Subtype, "script") || p.IsMultipart() {
		return "application/octet-stream"
	}
	if v := mime.FormatMediaType(t, nil); v != "" && len(v) < 100 {
		return v
	}
	return "application/octet-stream"
}
