package imap

import "mox/message"

// AppendEnvelope appends an ENVELOPE as it stands in a FETCH response (envelope in RFC
// 9051 §9; RFC 3501 §2.3.5), with all strings in 7 bits or as literals, so that clients of either revision
// can read it.
func AppendEnvelope(b []byte, e *message.Envelope) []byte {
	b = append(b, '(')
	b = appendField(b, e.RawDate)
	b = appendField(append(b, ' '), e.RawSubject)
	b = appendAddresses(append(b, ' '), e.From)
	// RFC 9051 §7.5.2: without Sender or Reply-To the server repeats From.
	b = appendAddresses(append(b, ' '), orFrom(e.Sender, e.From))
	b = appendAddresses(append(b, ' '), orFrom(e.ReplyTo, e.From))
	b = appendAddresses(append(b, ' '), e.To)
	b = appendAddresses(append(b, ' '), e.CC)
	b = appendAddresses(append(b, ' '), e.BCC)
	b = appendField(append(b, ' '), e.RawInReplyTo)
	b = appendField(append(b, ' '), e.RawMessageID)
	return append(b, ')')
}

// appendField appends the text of a header field: NIL if the field is absent, which is
// not the same as empty (RFC 9051 §7.5.2).
func appendField(b, text []byte) []byte {
	if text == nil {
		return append(b, "NIL"...)
	}
	return AppendString(b, text)
}

func orFrom(l, from []message.Address) []message.Address {
	if len(l) == 0 {
		return from
	}
	return l
}

// appendAddresses appends a list of addresses, NIL if there is none.
func appendAddresses(b []byte, l []message.Address) []byte {
	if len(l) == 0 {
		return append(b, "NIL"...)
	}
	b = append(b, '(')
	for i := range l {
		b = appendAddress(b, &l[i])
	}
	return append(b, ')')
}

// appendAddress appends the four fields of an address: name, route, mailbox and host.
func appendAddress(b []byte, a *message.Address) []byte {
	b = append(b, '(')
	// RFC 9051 §7.5.2: the host is NIL for the marks of a group only, so one that is missing
	// in a bad address is an empty string.
	switch a.Kind {
	case message.GroupStart:
		b = append(b, "NIL NIL "...)
		b = AppendString(b, a.RawName)
		b = append(b, " NIL"...)
	case message.GroupEnd:
		b = append(b, "NIL NIL NIL NIL"...)
	default:
		b = AppendNString(b, a.RawName)
		b = AppendNString(append(b, ' '), a.Route)
		b = AppendString(append(b, ' '), a.User)
		b = AppendString(append(b, ' '), a.Host)
	}
	return append(b, ')')
}
