package dsn

import (
	"fmt"
	"strings"
	"time"

	"mox/message"
	"mox/smtp"
)

// section is the part of the text about the recipients with one action.
type section struct {
	action Action
	label  string // In brackets before the subject.
	intro  string
	advice string
}

// sections are in the order of what matters most to the sender.
var sections = [...]section{
	{Failed, "Not delivered", "Your message could not be delivered to:",
		"It will not be tried again. If the message still matters, mend what is said above and send it again."},
	{Delayed, "Delayed", "Your message has not been delivered yet to:",
		"This is a warning only: you do not have to send the message again. Delivery goes on being tried, and you will be told if it is given up."},
	{Delivered, "Delivered", "Your message was delivered to:",
		"It is in the recipient's mailbox. That does not mean that it was read."},
	{Expanded, "Delivered", "Your message was delivered to, and sent on to several others by:", ""},
	{Relayed, "Relayed", "Your message was handed to the next mail system for:",
		"That system does not tell of successful delivery, so this is the last you will hear unless delivery fails."},
}

// text returns what people read: what happened to whom, why, and what to do.
func (m *Message) text(original *message.Envelope, whole bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "This is the mail system at %s.\n", m.ReportingMTA)
	for _, s := range sections {
		if !m.Has(s.action) {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", s.intro)
		for _, r := range m.Recipients {
			if r.Action == s.action {
				r.describe(&b)
			}
		}
		if s.advice != "" {
			b.WriteString("\n" + wrap(s.advice, "") + "\n")
		}
	}
	describeOriginal(&b, original, m.Arrival)
	if whole {
		b.WriteString("\nThe whole message is attached.\n")
	} else if len(m.Original.Header) > 0 {
		b.WriteString("\nThe header of the message is attached.\n")
	}
	return b.String()
}

// describe writes what happened to a recipient.
func (r Recipient) describe(b *strings.Builder) {
	fmt.Fprintf(b, "\n  <%s>\n", oneLine(r.Address()))
	if final := r.Final.String(); final != "" && final != r.Address() {
		fmt.Fprintf(b, "    (forwarded to <%s>)\n", oneLine(final))
	}
	status := r.statusOrDefault()
	if s := meaning(status, r.Action); s != "" {
		b.WriteString(wrap(s, "    ") + "\n")
	}
	if r.Diagnostic != "" {
		who := "The reason given"
		if r.Remote.Name != "" {
			who = "The mail server " + oneLine(r.Remote.Name) + " said"
		}
		b.WriteString(wrap(who+":", "    ") + "\n")
		b.WriteString(wrap(oneLine(r.Diagnostic), "      ") + "\n")
	}
	if !r.LastAttempt.IsZero() && (r.Action == Failed || r.Action == Delayed) {
		fmt.Fprintf(b, "    Last attempt: %s\n", r.LastAttempt.Format(message.DateFormat))
	}
	if !r.RetryUntil.IsZero() && r.Action == Delayed {
		fmt.Fprintf(b, "    Will be tried until: %s\n", r.RetryUntil.Format(message.DateFormat))
	}
}

// describeOriginal writes which message it is about.
func describeOriginal(b *strings.Builder, e *message.Envelope, arrival time.Time) {
	b.WriteString("\nAbout the message:\n\n")
	line := func(name, value string) {
		if value != "" {
			b.WriteString(wrap(name+": "+oneLine(value), "  ") + "\n")
		}
	}
	line("Subject", e.Subject)
	line("Date", message.DecodeText(e.RawDate))
	line("Message-ID", e.MessageID)
	if !arrival.IsZero() {
		line("Received", arrival.Format(message.DateFormat))
	}
}

// meaning returns what a status means to the sender, and what can be done. It is empty for codes that
// mean nothing to them.
func meaning(status smtp.EnhancedCode, action Action) string {
	if action != Failed && action != Delayed {
		return ""
	}
	_, detail, _ := strings.Cut(string(status), ".")
	if s, ok := meaningOf(detail); ok {
		return s
	}
	subject, _, _ := strings.Cut(detail, ".")
	s, _ := meaningOf(subject)
	return s
}

// meaningOf returns the meaning of a code without its class, or of its subject alone (RFC 3463 §3, RFC
// 5248, RFC 7372, RFC 7505).
func meaningOf(code string) (string, bool) {
	switch code {
	case "1.0", "1.1", "1.3", "1.6":
		return "There is no mailbox of this name. Check the spelling of the address.", true
	case "1.2":
		return "The domain of the address does not exist. Check the spelling of the part after the @.", true
	case "1.10", "1.4":
		return "The domain of the address takes no mail. Check the spelling of the part after the @.", true
	case "1.7", "1.8":
		return "The recipient's mail system did not accept your sender address.", true
	case "2.1":
		return "The mailbox exists, but takes no messages at present.", true
	case "2.2":
		return "The recipient's mailbox is full. Try again later, or reach the recipient by other means.", true
	case "2.3", "3.4":
		return "The message is larger than the recipient's mail system takes. Send a smaller one, or a link to what was attached.", true
	case "3.1":
		return "The recipient's mail system has no room for more mail at present.", true
	case "4.1":
		return "The recipient's mail system did not answer.", true
	case "4.2":
		return "The connection to the recipient's mail system broke.", true
	case "4.3", "4.4":
		return "It could not be found out where mail for this domain goes.", true
	case "4.6", "4.8":
		return "The message goes round in circles between mail systems. This is an error in their configuration; tell the recipient by other means.", true
	case "4.7":
		return "The message could not be delivered in the time allowed.", true
	case "6.7", "6.10":
		return "The recipient's mail system cannot handle internationalised addresses.", true
	case "7.0", "7.1":
		return "The recipient's mail system refused the message for reasons of policy.", true
	case "7.4", "7.10", "7.30":
		return "The recipient's mail system cannot receive the message with the protection that was asked for.", true
	case "7.20", "7.21", "7.22", "7.23", "7.24", "7.25", "7.26", "7.27":
		return "The recipient's mail system could not verify that the message comes from your domain. The administrator of your mail system can mend that.", true
	case "1":
		return "The recipient's mail system did not accept the address.", true
	case "2":
		return "Something is wrong with the recipient's mailbox.", true
	case "3":
		return "The recipient's mail system cannot take the message.", true
	case "4":
		return "The recipient's mail system could not be reached.", true
	case "5":
		return "The mail systems did not understand each other.", true
	case "6":
		return "The recipient's mail system cannot handle the content of the message.", true
	case "7":
		return "The recipient's mail system refused the message for reasons of security or policy.", true
	}
	return "", false
}

// textWidth is the length of lines of text.
const textWidth = 76

// wrap breaks text into lines that begin with indent.
func wrap(s, indent string) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(s) {
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+len(word) > textWidth:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
