package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// writeManPage writes the help of root and of all commands below it as one page for
// man, in the macros of man(7). Nothing in it depends on when it is made.
func writeManPage(w io.Writer, root *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".\\\" Made by \"mox help --man\".\n.TH MOX 1 \"\" %s Mox\n", roffQuoted("mox "+version()))
	fmt.Fprintf(&b, ".SH NAME\nmox \\- %s\n", roffText(strings.ToLower(root.Short[:1])+root.Short[1:]))
	b.WriteString(".SH SYNOPSIS\n\\fBmox\\fR [\\fB\\-\\-config\\fR \\fIfile\\fR] \\fIcommand\\fR [\\fIflag\\fR ...] [\\fIargument\\fR ...]\n.SH DESCRIPTION\n")
	writeRoffText(&b, root.Long)
	writeManFlags(&b, root)
	b.WriteString(".SH COMMANDS\n")
	for _, sub := range root.Commands() {
		writeManCommand(&b, sub)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeManCommand writes a command, and those below it. One that only holds others is left to them.
func writeManCommand(b *strings.Builder, cmd *cobra.Command) {
	switch {
	case !cmd.IsAvailableCommand():
		return
	case cmd.Name() == "completion":
		// The completion commands are cobra's own, their text names the shells' files.
		fmt.Fprintf(b, ".SS %s\n%s\n", roffQuoted("mox completion bash|fish|powershell|zsh"), roffText(cmd.Short+"."))
		return
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(b, ".SS %s\n", roffQuoted(cmd.CommandPath()))
	} else {
		fmt.Fprintf(b, ".SS %s\n", roffQuoted(cmd.UseLine()))
	}
	writeRoffText(b, cmd.Long)
	// Those of a group come with its subcommands.
	if cmd.Example != "" && !cmd.HasAvailableSubCommands() {
		b.WriteString(".PP\nExample:\n")
		writeRoffLines(b, strings.Split(cmd.Example, "\n"))
	}
	writeManFlags(b, cmd)
	for _, sub := range cmd.Commands() {
		writeManCommand(b, sub)
	}
}

// writeManFlags writes the flags of a command, without those that all have.
func writeManFlags(b *strings.Builder, cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		b.WriteString(".TP\n")
		if f.Shorthand != "" {
			fmt.Fprintf(b, "\\fB\\-%s\\fR, ", f.Shorthand)
		}
		fmt.Fprintf(b, "\\fB\\-\\-%s\\fR", roffText(f.Name))
		if kind != "" {
			fmt.Fprintf(b, " \\fI%s\\fR", roffText(kind))
		}
		switch f.DefValue {
		case "", "false", "0", "0s", "[]":
		default:
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(b, "\n%s\n", roffText(usage))
	})
}

// writeRoffText writes help text: paragraphs are filled, and lines that are indented stay as
// they are.
func writeRoffText(b *strings.Builder, text string) {
	for i, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		lines := strings.Split(paragraph, "\n")
		for len(lines) > 0 {
			n := 0
			for n < len(lines) && !strings.HasPrefix(lines[n], " ") {
				fmt.Fprintf(b, "%s\n", roffText(lines[n]))
				n++
			}
			lines = lines[n:]
			n = 0
			for n < len(lines) && strings.HasPrefix(lines[n], " ") {
				n++
			}
			if n > 0 {
				writeRoffLines(b, lines[:n])
			}
			lines = lines[n:]
		}
	}
}

// writeRoffLines writes lines as they are.
func writeRoffLines(b *strings.Builder, lines []string) {
	b.WriteString(".PP\n.nf\n")
	for _, l := range lines {
		fmt.Fprintf(b, "%s\n", roffText(l))
	}
	b.WriteString(".fi\n")
}

// roffText escapes text. A hyphen is made one that can be copied as it is typed, and a line does not
// begin with what would be a request.
func roffText(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

// roffQuoted escapes text as one argument of a macro.
func roffQuoted(s string) string { return `"` + strings.ReplaceAll(roffText(s), `"`, `\(dq`) + `"` }
