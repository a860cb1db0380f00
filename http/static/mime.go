package static

import (
	"path"
	"strings"
)

// unknownType is for files whose name tells nothing: browsers save them.
const unknownType = "application/octet-stream"

// mediaTypes maps the endings of names to types. It is closed, since the tables of systems
// differ, and what a browser runs should not depend on the packages of a machine.
var mediaTypes = map[string]string{
	// Text, all of it in UTF-8.
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".xhtml": "application/xhtml+xml; charset=utf-8",
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".txt": "text/plain; charset=utf-8", ".text": "text/plain; charset=utf-8", ".log": "text/plain; charset=utf-8",
	".md": "text/markdown; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".tsv": "text/tab-separated-values; charset=utf-8",
	".ics": "text/calendar; charset=utf-8", ".vcf": "text/vcard; charset=utf-8", ".vtt": "text/vtt; charset=utf-8",
	".go": "text/plain; charset=utf-8", ".c": "text/plain; charset=utf-8", ".h": "text/plain; charset=utf-8", ".py": "text/plain; charset=utf-8",
	".rs": "text/plain; charset=utf-8", ".ts": "text/plain; charset=utf-8", ".sh": "text/plain; charset=utf-8", ".conf": "text/plain; charset=utf-8",
	".ini": "text/plain; charset=utf-8", ".diff": "text/plain; charset=utf-8", ".patch": "text/plain; charset=utf-8", ".rst": "text/plain; charset=utf-8",
	".xml": "application/xml; charset=utf-8", ".xsl": "application/xslt+xml; charset=utf-8", ".xslt": "application/xslt+xml; charset=utf-8", ".dtd": "application/xml-dtd; charset=utf-8",
	".atom": "application/atom+xml; charset=utf-8", ".rss": "application/rss+xml; charset=utf-8",
	".yaml": "application/yaml", ".yml": "application/yaml", ".toml": "application/toml", ".sql": "application/sql",

	// Data for programs; JSON is UTF-8 by definition and has no charset (RFC 8259 §11).
	".json": "application/json", ".map": "application/json", ".jsonld": "application/ld+json", ".geojson": "application/geo+json",
	".webmanifest": "application/manifest+json", ".ndjson": "application/x-ndjson", ".wasm": "application/wasm",

	// Images.
	".png": "image/png", ".apng": "image/apng", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".avif": "image/avif", ".heic": "image/heic", ".jxl": "image/jxl", ".svg": "image/svg+xml; charset=utf-8", ".ico": "image/vnd.microsoft.icon",
	".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff",

	// Fonts.
	".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf", ".eot": "application/vnd.ms-fontobject",

	// Sound and film.
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".oga": "audio/ogg", ".ogg": "audio/ogg", ".opus": "audio/ogg",
	".flac": "audio/flac", ".wav": "audio/wav", ".weba": "audio/webm", ".mid": "audio/midi", ".midi": "audio/midi",
	".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm", ".ogv": "video/ogg", ".mpeg": "video/mpeg",
	".mkv": "video/matroska", ".avi": "video/x-msvideo", ".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml",

	// Documents.
	".pdf": "application/pdf", ".epub": "application/epub+zip", ".ps": "application/postscript", ".rtf": "application/rtf",
	".doc": "application/msword", ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xls": "application/vnd.ms-excel", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".ppt": "application/vnd.ms-powerpoint", ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt": "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet", ".odp": "application/vnd.oasis.opendocument.presentation",
	".eml": "message/rfc822", ".mbox": "application/mbox",

	// Archives and packages.
	".zip": "application/zip", ".gz": "application/gzip", ".tgz": "application/gzip", ".bz2": "application/x-bzip2", ".xz": "application/x-xz",
	".zst": "application/zstd", ".br": unknownType, ".7z": "application/x-7z-compressed", ".tar": "application/x-tar", ".rar": "application/vnd.rar",
	".jar": "application/java-archive", ".deb": "application/vnd.debian.binary-package", ".rpm": "application/x-rpm",
	".apk": "application/vnd.android.package-archive", ".iso": "application/x-iso9660-image", ".dmg": "application/x-apple-diskimage",

	// Keys and signatures.
	".asc": "application/pgp-signature", ".sig": "application/pgp-signature", ".pem": "application/x-pem-file",
	".crt": "application/x-x509-ca-cert", ".cer": "application/pkix-cert", ".mobileconfig": "application/x-apple-aspen-config",
}

// contentType returns the type of a file as the value of Content-Type.
func (h *Handler) contentType(name string) *mediaType {
	ext := path.Ext(path.Base(name))
	if t, ok := h.types[ext]; ok {
		return t
	}
	if t, ok := h.types[strings.ToLower(ext)]; ok {
		return t
	}
	return h.types[""]
}
