package webmail

import (
	"strings"

	"mox/message"
	"mox/store"
)

// partTest decides about a message by its parts. It returns no error for what cannot be read: that does not match.
type partTest func(root *message.Part) bool

// attachments yields the parts of a message that are files for a reader: attachments, and messages in the message.
func attachments(root *message.Part) func(yield func(*message.Part) bool) {
	return func(yield func(*message.Part) bool) {
		root.Walk(func(p *message.Part) bool {
			if p.IsMultipart() || p.Type == "text" && p.Subtype == "calendar" && p.Disposition != "attachment" {
				return true
			}
			if !p.IsAttachment() || isSignature(p) {
				return true
			}
			return yield(p)
		})
	}
}

// isSignature tells of parts that are no files for people (RFC 8551 §3.4, RFC 3156 §5).
func isSignature(p *message.Part) bool {
	switch p.MediaType() {
	case "application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature":
		return true
	}
	return false
}

// hasAttachment is a partTest.
func hasAttachment(root *message.Part) bool {
	for range attachments(root) {
		return true
	}
	return false
}

// hasInvitation tells whether there is a part with a calendar.
func hasInvitation(root *message.Part) bool {
	found := false
	root.Walk(func(p *message.Part) bool {
		found = found || p.Subtype == "calendar" && p.Type == "text" || p.MediaType() == "application/ics"
		return !found
	})
	return found
}

// attachmentNamed returns a partTest for attachments with a text in their name.
func attachmentNamed(text string) partTest {
	text = strings.ToLower(text)
	return func(root *message.Part) bool {
		for p := range attachments(root) {
			if strings.Contains(strings.ToLower(p.Filename()), text) {
				return true
			}
		}
		return false
	}
}

// attachmentKinds are words for kinds of attachments: media types, or what they begin with, and endings of names.
var attachmentKinds = map[string]struct{ types, endings []string }{
	"image":        {[]string{"image/"}, []string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".heic", ".bmp", ".tif", ".tiff"}},
	"pdf":          {[]string{"application/pdf"}, []string{".pdf"}},
	"audio":        {[]string{"audio/"}, []string{".mp3", ".ogg", ".flac", ".wav", ".m4a", ".opus"}},
	"video":        {[]string{"video/"}, []string{".mp4", ".mkv", ".webm", ".mov", ".avi"}},
	"archive":      {[]string{"application/zip", "application/gzip", "application/x-tar", "application/x-7z-compressed", "application/vnd.rar", "application/x-xz", "application/zstd"}, []string{".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".xz", ".zst", ".bz2"}},
	"document":     {[]string{"application/msword", "application/vnd.openxmlformats-officedocument.wordprocessingml", "application/vnd.oasis.opendocument.text", "application/rtf"}, []string{".doc", ".docx", ".odt", ".rtf", ".pdf", ".txt", ".md"}},
	"spreadsheet":  {[]string{"application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument.spreadsheetml", "application/vnd.oasis.opendocument.spreadsheet", "text/csv"}, []string{".xls", ".xlsx", ".ods", ".csv"}},
	"presentation": {[]string{"application/vnd.ms-powerpoint", "application/vnd.openxmlformats-officedocument.presentationml", "application/vnd.oasis.opendocument.presentation"}, []string{".ppt", ".pptx", ".odp"}},
	"message":      {[]string{"message/rfc822", "message/global"}, []string{".eml"}},
	"calendar":     {[]string{"text/calendar", "application/ics"}, []string{".ics"}},
}

// attachmentKind returns the name of a kind for words that mean it.
func attachmentKind(word string) string {
	word = strings.TrimSuffix(strings.ToLower(word), "s")
	switch word {
	case "photo", "picture":
		return "image"
	case "slide", "slideshow":
		return "presentation"
	case "zip", "zipfile":
		return "archive"
	case "doc":
		return "document"
	case "sheet":
		return "spreadsheet"
	case "invite", "invitation":
		return "calendar"
	case "email", "eml":
		return "message"
	}
	if _, ok := attachmentKinds[word]; ok {
		return word
	}
	return ""
}

// attachmentOfKind returns a partTest for a name that attachmentKind has returned.
func attachmentOfKind(kind string) partTest {
	k := attachmentKinds[kind]
	return func(root *message.Part) bool {
		found := false
		root.Walk(func(p *message.Part) bool {
			if !p.IsMultipart() && (p.IsAttachment() || kind == "calendar" || kind == "image") {
				found = hasPrefix(p.MediaType(), k.types) || hasSuffix(strings.ToLower(p.Filename()), k.endings)
			}
			return !found
		})
		return found
	}
}

// attachmentOfType returns a partTest for parts with a media type, or one that begins so.
func attachmentOfType(mediaType string) partTest {
	mediaType = strings.ToLower(mediaType)
	return func(root *message.Part) bool {
		found := false
		root.Walk(func(p *message.Part) bool {
			found = found || strings.HasPrefix(p.MediaType(), mediaType)
			return !found
		})
		return found
	}
}

func hasPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func hasSuffix(s string, suffixes []string) bool {
	for _, x := range suffixes {
		if strings.HasSuffix(s, x) {
			return true
		}
	}
	return false
}

// matchesParts asks a partTest about an email.
func matchesParts(e *store.Email, test partTest) bool {
	root, err := e.Part()
	return err == nil && test(root)
}
