package imap

import (
	"strconv"
	"strings"

	"mox/message"
)

// AppendBodyStructure appends the BODYSTRUCTURE of a message, with extension data (body in
// RFC 9051 §9; RFC 3501 §2.3.6), as it stands in a FETCH response of either revision.
func AppendBodyStructure(b []byte, p *message.Part) []byte { return appendBody(b, p, true) }

// AppendBody appends the BODY of a message: its structure without extension data.
func AppendBody(b []byte, p *message.Part) []byte { return appendBody(b, p, false) }

func appendBody(b []byte, p *message.Part, extended bool) []byte {
	b = append(b, '(')
	if p.Type == "multipart" {
		b = appendMultipart(b, p, extended)
	} else {
		b = appendSinglepart(b, p, extended)
	}
	return append(b, ')')
}

// appendMultipart appends body-type-mpart.
func appendMultipart(b []byte, p *message.Part, extended bool) []byte {
	for _, c := range p.Parts {
		b = appendBody(b, c, extended)
	}
	if len(p.Parts) == 0 {
		// The grammar wants at least one body. A message without content has one of empty
		// text.
		charset := message.Param{Name: "charset", Value: "us-ascii", Raw: "us-ascii"}
		b = appendBody(b, &message.Part{Type: "text", Subtype: "plain", Params: []message.Param{charset}}, extended)
	}
	b = AppendString(append(b, ' '), rawOr(p.RawSubtype, p.Subtype))
	if !extended {
		return b
	}
	b = appendParams(append(b, ' '), p.Params)
	return appendExtension(b, p)
}

// appendSinglepart appends body-type-1part.
func appendSinglepart(b []byte, p *message.Part, extended bool) []byte {
	typ, subtype := rawOr(p.RawType, p.Type), rawOr(p.RawSubtype, p.Subtype)
	isMessage := p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")
	if isMessage && (p.Message == nil || p.Message.Envelope == nil) {
		// A client would expect an envelope and a body.
		typ, subtype, isMessage = "APPLICATION", "OCTET-STREAM", false
	}
	b = AppendString(b, typ)
	b = AppendString(append(b, ' '), subtype)
	b = appendParams(append(b, ' '), p.Params)
	b = AppendNString(append(b, ' '), p.ContentID)
	b = AppendNString(append(b, ' '), p.RawDescription)
	b = AppendString(append(b, ' '), strings.ToUpper(rawOr(p.Encoding, "7bit")))
	b = strconv.AppendInt(append(b, ' '), p.BodySize(), 10)
	switch {
	case isMessage:
		b = AppendEnvelope(append(b, ' '), p.Message.Envelope)
		b = appendBody(append(b, ' '), p.Message, extended)
		b = strconv.AppendInt(append(b, ' '), p.Lines, 10)
	case p.Type == "text":
		b = strconv.AppendInt(append(b, ' '), p.Lines, 10)
	}
	if !extended {
		return b
	}
	b = AppendNString(append(b, ' '), p.MD5)
	return appendExtension(b, p)
}

func rawOr(raw, other string) string {
	if raw != "" {
		return raw
	}
	return other
}

// appendParams appends body-fld-param.
func appendParams(b []byte, params []message.Param) []byte {
	if len(params) == 0 {
		return append(b, "NIL"...)
	}
	sep := byte('(')
	for _, p := range params {
		name, value := p.Wire()
		b = AppendString(append(b, sep), name)
		b = AppendString(append(b, ' '), value)
		sep = ' '
	}
	return append(b, ')')
}

// appendExtension appends disposition, language and location.
func appendExtension(b []byte, p *message.Part) []byte {
	if p.Disposition == "" {
		b = append(b, " NIL"...)
	} else {
		b = AppendString(append(b, " ("...), p.Disposition)
		b = appendParams(append(b, ' '), p.DispositionParams)
		b = append(b, ')')
	}
	switch len(p.Language) {
	case 0:
		b = append(b, " NIL"...)
	case 1:
		b = AppendString(append(b, ' '), p.Language[0])
	default:
		sep := byte('(')
		b = append(b, ' ')
		for _, l := range p.Language {
			b = AppendString(append(b, sep), l)
			sep = ' '
		}
		b = append(b, ')')
	}
	return AppendNString(append(b, ' '), p.Location)
}
