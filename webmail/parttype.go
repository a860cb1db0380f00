package webmail

import (
	"path"
	"strings"

	"mox/message"
)

// inlineTypes are the types of content that browsers may show, by type and with the type they are served with. Those of
// documents that can hold scripts are not among them: no HTML, SVG or XML.
func inlineTypeOf(mediaType string) string {
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "application/pdf",
		"audio/mpeg", "audio/ogg", "audio/wav", "audio/mp4", "audio/aac", "audio/webm", "audio/flac",
		"video/mp4", "video/webm", "video/ogg":
		return mediaType
	case "image/jpg", "image/pjpeg":
		return "image/jpeg"
	case "image/x-png":
		return "image/png"
	case "image/x-ms-bmp", "image/x-bmp":
		return "image/bmp"
	case "application/x-pdf":
		return "application/pdf"
	case "audio/mp3", "audio/x-mp3", "audio/x-mpeg":
		return "audio/mpeg"
	case "audio/x-wav", "audio/wave", "audio/vnd.wave":
		return "audio/wav"
	case "audio/x-m4a", "audio/m4a":
		return "audio/mp4"
	case "audio/x-flac":
		return "audio/flac"
	}
	return ""
}

// inlineType returns the type with which a part is shown in a browser, or "" for one that is not.
func inlineType(p *message.Part) string {
	if p.IsMultipart() || p.Message != nil {
		return ""
	}
	if p.Type == "text" {
		return "text/plain; charset=utf-8"
	}
	if t := inlineTypeOf(p.MediaType()); t != "" || p.MediaType() != "application/octet-stream" {
		return t
	}
	// Many programs send images and PDF files so.
	switch strings.ToLower(path.Ext(p.Filename())) {
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".avif":
		return "image/avif"
	case ".bmp":
		return "image/bmp"
	case ".pdf":
		return "application/pdf"
	}
	return ""
}

// viewOf tells how a part can be looked at.
func viewOf(p *message.Part) ViewKind {
	if p.Message != nil {
		return ViewMessage
	}
	switch t := inlineType(p); {
	case t == "":
		return ViewNone
	case t == "application/pdf":
		return ViewPDF
	case strings.HasPrefix(t, "text/"):
		return ViewText
	case strings.HasPrefix(t, "image/"):
		return ViewImage
	case strings.HasPrefix(t, "audio/"):
		return ViewAudio
	default:
		return ViewVideo
	}
}
