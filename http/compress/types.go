package compress

import "strings"

// Compressible tells whether content of a media type, with or without parameters, usually
// gets much smaller: text, and formats made of text or of plain numbers. It is false for
// text/event-stream, whose events must not wait in an encoder.
func Compressible(contentType string) bool {
	typ, _, _ := strings.Cut(contentType, ";")
	typ = strings.ToLower(trimOWS(typ))
	if rest, ok := strings.CutPrefix(typ, "text/"); ok {
		return rest != "event-stream" && rest != ""
	}
	switch typ {
	case "application/javascript", "application/x-javascript", "application/ecmascript",
		"application/json", "application/x-ndjson", "application/jsonl", "application/json-seq",
		"application/xml", "application/xml-dtd", "application/rtf", "application/graphql",
		"application/wasm", "application/yaml", "application/toml", "application/sql",
		"application/x-sh", "application/x-tex", "application/postscript",
		"application/mbox", "application/pgp-keys", "application/pgp-signature", "application/x-pem-file",
		"application/vnd.ms-fontobject", "application/x-font-ttf", "font/ttf", "font/otf", "font/collection",
		"image/bmp", "image/x-ms-bmp", "image/vnd.microsoft.icon", "image/x-icon", "image/x-portable-pixmap",
		"message/rfc822", "message/global":
		return true
	}
	// Structured syntax suffixes, RFC 6838 §4.2.8.
	return strings.HasSuffix(typ, "+json") || strings.HasSuffix(typ, "+xml") || strings.HasSuffix(typ, "+yaml") || strings.HasSuffix(typ, "+text")
}
