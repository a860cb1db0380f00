package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func helpCommand() *cobra.Command {
	var markdown, man bool
	cmd := &cobra.Command{
		Use:   "help [command ...]",
		Short: "Explain a command",
		Long: `Help prints what a command does, when to use it, its flags and an example. The
same text comes with the flag --help after any command.

With --markdown it prints the reference of all commands, which the documentation
of mox keeps as docs/commands.md; with --man the same as a page for man.`,
		Example: `  mox help localserve
  mox help --markdown >commands.md
  mox help --man >/usr/local/share/man/man1/mox.1`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			parent, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []cobra.Completion
			for _, sub := range parent.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case (markdown || man) && len(args) > 0 || markdown && man:
				return usagef("--markdown and --man print all commands; give one of them, and nothing else")
			case markdown:
				return writeReference(cmd.OutOrStdout(), cmd.Root())
			case man:
				return writeManPage(cmd.OutOrStdout(), cmd.Root())
			}
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("unknown command %q", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print the reference of all commands as Markdown")
	cmd.Flags().BoolVar(&man, "man", false, "print the reference of all commands as a page for man")
	return cmd
}

// addGroupExamples gives each command that only holds others, and has no example of its own, the first one of each of those.
func addGroupExamples(cmd *cobra.Command) {
	var examples []string
	for _, sub := range cmd.Commands() {
		addGroupExamples(sub)
		if first, _, _ := strings.Cut(sub.Example, "\n"); first != "" {
			examples = append(examples, first)
		}
	}
	if cmd.Example == "" {
		cmd.Example = strings.Join(examples, "\n")
	}
}

// writeReference writes the help of root and of all commands below it as one
// Markdown page.
func writeReference(w io.Writer, root *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Commands of mox\n\nGenerated from the commands by `make generate`; the same text is in `mox help`.\n\n")
	writeCommand(&b, root)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeCommand(b *strings.Builder, cmd *cobra.Command) {
	// The completion commands are cobra's own, their text names the shells' files.
	if cmd.Name() == "completion" {
		fmt.Fprintf(b, "## mox completion\n\n%s\n\n    mox completion [bash|zsh|fish|powershell]\n\n", cmd.Short)
		return
	}
	cmd.InitDefaultHelpFlag()
	fmt.Fprintf(b, "## %s\n\n%s\n\n", cmd.CommandPath(), cmd.Long)
	if cmd.Runnable() && !cmd.HasAvailableSubCommands() {
		fmt.Fprintf(b, "    %s\n\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(b, "- `%s`: %s\n", sub.CommandPath(), sub.Short)
			}
		}
		b.WriteString("\n")
	}
	// Those of a group come with its subcommands.
	if cmd.Example != "" && !cmd.HasAvailableSubCommands() {
		fmt.Fprintf(b, "Example:\n\n```\n%s\n```\n\n", cmd.Example)
	}
	if flags := cmd.LocalFlags().FlagUsages(); cmd.LocalFlags().HasAvailableFlags() {
		fmt.Fprintf(b, "Flags:\n\n```\n%s```\n\n", flags)
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			writeCommand(b, sub)
		}
	}
}
