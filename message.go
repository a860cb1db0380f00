package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"mox/message"
)

func messageCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "message",
		Short: "Look into message files",
		Long:  `Message has subcommands for messages in files, as mail programs save them.`,
		RunE:  groupRun,
	}
	cmd.AddCommand(messageParseCommand())
	return cmd
}

func messageParseCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "parse FILE",
		Short: "Show the structure of a message",
		Long: `Parse reads a message from a file, or from standard input for "-", and prints
its envelope and the tree of its parts as mox sees them: media type, encoding,
byte offsets, size, and what is wrong with a part. No message is refused.

Use it to find out why a message is shown or filtered in an unexpected way.`,
		Example: `  mox message parse odd.eml
  mox message parse --json - <odd.eml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := cmd.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			root, err := message.Parse(in)
			if err != nil {
				return err
			}
			if !asJSON {
				return writePartTree(cmd.OutOrStdout(), root)
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(describePart(root))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// partJSON is a part as printed by "mox message parse --json".
type partJSON struct {
	Type        string        `json:"type"`
	Params      []paramJSON   `json:"params,omitempty"`
	Encoding    string        `json:"encoding"`
	Disposition string        `json:"disposition,omitempty"`
	Filename    string        `json:"filename,omitempty"`
	ContentID   string        `json:"contentId,omitempty"`
	Header      int64         `json:"headerOffset"`
	Body        int64         `json:"bodyOffset"`
	End         int64         `json:"endOffset"`
	Lines       int64         `json:"lines"`
	Defects     []string      `json:"defects,omitempty"`
	Envelope    *envelopeJSON `json:"envelope,omitempty"`
	Parts       []partJSON    `json:"parts,omitempty"`
	Message     *partJSON     `json:"message,omitempty"`
}

type paramJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type envelopeJSON struct {
	Date       *time.Time `json:"date,omitempty"`
	Subject    string     `json:"subject,omitempty"`
	From       []string   `json:"from,omitempty"`
	Sender     []string   `json:"sender,omitempty"`
	ReplyTo    []string   `json:"replyTo,omitempty"`
	To         []string   `json:"to,omitempty"`
	CC         []string   `json:"cc,omitempty"`
	BCC        []string   `json:"bcc,omitempty"`
	MessageID  string     `json:"messageId,omitempty"`
	InReplyTo  []string   `json:"inReplyTo,omitempty"`
	References []string   `json:"references,omitempty"`
}

// describePart returns a part, and those in it, for printing.
func describePart(p *message.Part) partJSON {
	j := partJSON{
		Type:        p.MediaType(),
		Encoding:    p.Encoding,
		Disposition: p.Disposition,
		Filename:    p.Filename(),
		ContentID:   p.ContentID,
		Header:      p.HeaderOffset,
		Body:        p.BodyOffset,
		End:         p.EndOffset,
		Lines:       p.Lines,
	}
	for _, param := range p.Params {
		j.Params = append(j.Params, paramJSON{param.Name, param.Value})
	}
	if s := p.Defects.String(); s != "" {
		j.Defects = strings.Split(s, ",")
	}
	if p.Envelope != nil {
		j.Envelope = describeEnvelope(p.Envelope)
	}
	for _, sub := range p.Parts {
		j.Parts = append(j.Parts, describePart(sub))
	}
	if p.Message != nil {
		m := describePart(p.Message)
		j.Message = &m
	}
	return j
}

func describeEnvelope(e *message.Envelope) *envelopeJSON {
	j := &envelopeJSON{
		Subject:    e.Subject,
		From:       addressTexts(e.From),
		Sender:     addressTexts(e.Sender),
		ReplyTo:    addressTexts(e.ReplyTo),
		To:         addressTexts(e.To),
		CC:         addressTexts(e.CC),
		BCC:        addressTexts(e.BCC),
		MessageID:  e.MessageID,
		InReplyTo:  e.InReplyTo,
		References: e.References,
	}
	if !e.Date.IsZero() {
		j.Date = &e.Date
	}
	return j
}

func addressTexts(l []message.Address) []string {
	var texts []string
	for _, a := range l {
		switch {
		case a.Kind == message.GroupStart:
			texts = append(texts, a.Name+":")
		case a.Kind == message.GroupEnd:
			texts = append(texts, ";")
		case a.Addr() == "":
			texts = append(texts, strings.TrimSpace(a.Name+" "+a.User))
		case a.Name == "":
			texts = append(texts, a.Addr())
		default:
			texts = append(texts, fmt.Sprintf("%s <%s>", a.Name, a.Addr()))
		}
	}
	return texts
}

// writePartTree prints a message for people, each part indented below what it is in
// and with its section number as in IMAP (RFC 9051 §6.4.5.1).
func writePartTree(w io.Writer, root *message.Part) error {
	var b strings.Builder
	printPart(&b, describePart(root), "message", "", "")
	_, err := io.WriteString(w, b.String())
	return err
}

// printPart prints a part. Section is the prefix of the numbers of parts in it.
func printPart(b *strings.Builder, p partJSON, label, section, indent string) {
	fmt.Fprintf(b, "%s%s %s", indent, label, p.Type)
	for _, param := range p.Params {
		fmt.Fprintf(b, "; %s=%q", param.Name, param.Value)
	}
	indent += "  "
	fmt.Fprintf(b, "\n%s%s, header at %d, body at %d, %d bytes, %d lines\n", indent, p.Encoding, p.Header, p.Body, p.End-p.Body, p.Lines)
	if p.Disposition != "" || p.Filename != "" {
		fmt.Fprintf(b, "%s%s %q\n", indent, p.Disposition, p.Filename)
	}
	if len(p.Defects) > 0 {
		fmt.Fprintf(b, "%sdefects: %s\n", indent, strings.Join(p.Defects, ", "))
	}
	if p.Envelope != nil {
		printEnvelope(b, p.Envelope, indent)
	}
	for i, sub := range p.Parts {
		number := fmt.Sprintf("%s%d", section, i+1)
		printPart(b, sub, number, number+".", indent)
	}
	if m := p.Message; m != nil {
		printPart(b, *m, "message", section, indent)
	}
}

func printEnvelope(b *strings.Builder, e *envelopeJSON, indent string) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "%s%s: %s\n", indent, name, printable(value))
		}
	}
	if e.Date != nil {
		line("Date", e.Date.Format(time.RFC1123Z))
	}
	line("Subject", e.Subject)
	line("From", strings.Join(e.From, ", "))
	line("Sender", strings.Join(e.Sender, ", "))
	line("Reply-To", strings.Join(e.ReplyTo, ", "))
	line("To", strings.Join(e.To, ", "))
	line("Cc", strings.Join(e.CC, ", "))
	line("Bcc", strings.Join(e.BCC, ", "))
	line("Message-ID", e.MessageID)
	line("In-Reply-To", strings.Join(e.InReplyTo, " "))
	line("References", strings.Join(e.References, " "))
}

// printable replaces what could do something to a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
