package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commandLine is one command line of the documentation.
type commandLine struct {
	line  int
	words []string // After "mox".
	whole bool     // It stands in a block of code, to be typed as it is.
}

// commandLines returns the calls of mox in a page of Markdown: in blocks of code and in code within text.
func commandLines(page string) (l []commandLine) {
	add := func(line int, text string, whole bool) {
		for _, words := range shellCommands(text) {
			for len(words) > 0 && (before[words[0]] || strings.Contains(words[0], "=") || len(words) > 1 && words[0] == "mox" && words[1] == "mox") {
				words = words[1:]
			}
			if len(words) > 0 && filepath.Base(words[0]) == "mox" {
				l = append(l, commandLine{line, words[1:], whole})
			}
		}
	}
	fenced, continued := false, ""
	var text strings.Builder // Of the paragraph.
	start := 1
	flush := func() {
		for _, m := range inlineCode.FindAllStringSubmatch(text.String(), -1) {
			if code := strings.Join(strings.Fields(m[1]), " "); strings.HasPrefix(code, "mox ") {
				add(start, code, false)
			}
		}
		text.Reset()
	}
	for i, line := range strings.Split(page, "\n") {
		n := i + 1
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			flush()
			fenced = !fenced
		case fenced || strings.HasPrefix(line, "    "):
			flush()
			before, more := strings.CutSuffix(line, "\\")
			continued += before
			if !more {
				add(n, continued, true)
				continued = ""
			}
		case strings.TrimSpace(line) == "":
			flush()
		default:
			if text.Len() == 0 {
				start = n
			}
			text.WriteString(line + "\n")
		}
	}
	flush()
	return l
}

// before are words that may stand before the command itself.
var before = map[string]bool{"sudo": true, "doas": true, "docker": true, "compose": true, "run": true, "--rm": true, "exec": true}

var inlineCode = regexp.MustCompile("`([^`]+)`")

// shellCommands splits a line as a shell does, as far as the documentation needs it: into commands, with their words.
// Redirections and comments are left out.
func shellCommands(line string) (commands [][]string) {
	var words []string
	var word strings.Builder
	inWord, skip := false, false // Skip: the next word is a file of a redirection.
	end := func() {
		if inWord && !skip {
			words = append(words, word.String())
		}
		if inWord {
			skip = false
		}
		word.Reset()
		inWord = false
	}
	var quote rune
	for _, c := range line {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word.WriteRune(c)
			}
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == ' ' || c == '\t':
			end()
		case c == '#' && !inWord:
			end()
			if words != nil {
				commands = append(commands, words)
			}
			return commands
		case c == '|' || c == ';' || c == '&' || c == '(' || c == ')':
			end()
			if words != nil {
				commands = append(commands, words)
			}
			words = nil
		case c == '>' || c == '<':
			end()
			skip = true
		default:
			inWord = true
			word.WriteRune(c)
		}
	}
	end()
	if words != nil {
		commands = append(commands, words)
	}
	return commands
}

// checkCommandLine tells what is wrong with a command line; nothing is run.
func checkCommandLine(root *cobra.Command, l commandLine) error {
	for i, w := range l.words {
		if w == "..." || strings.Contains(w, "|") {
			l.words, l.whole = l.words[:i], false // The rest is for the reader to fill in.
			break
		}
	}
	root.InitDefaultHelpCmd()
	addCompletionCommand(root)
	cmd, rest, err := root.Find(l.words)
	if err != nil {
		return err
	}
	if cmd.HasSubCommands() {
		if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
			return fmt.Errorf("%s has no subcommand %q", cmd.CommandPath(), rest[0])
		}
		if l.whole && !strings.HasPrefix(strings.Join(rest, " "), "-") {
			return fmt.Errorf("%s needs a subcommand", cmd.CommandPath())
		}
		if cmd != root {
			return nil
		}
	}
	if cmd.DisableFlagParsing {
		return nil
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if !l.whole {
		return nil
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// Who types what the documentation says is not told that there is no such command, flag, or number of arguments.
func TestDocumentedCommandLines(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	check := func(where string, l []commandLine) {
		for _, c := range l {
			count++
			root, _ := newRoot(newSystemResolver())
			if err := checkCommandLine(root, c); err != nil {
				t.Errorf("%s:%d: mox %s: %v", where, c.line, strings.Join(c.words, " "), err)
			}
		}
	}
	for _, name := range append(pages, "README.md", "CHANGELOG.md", "ARCHITECTURE.md") {
		if name == filepath.Join("docs", "commands.md") {
			continue // It is made from the commands, whose examples are checked below.
		}
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		check(name, commandLines(string(page)))
	}
	for _, name := range []string{"docker-compose.yml", "Dockerfile"} {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var comments strings.Builder
		for line := range strings.Lines(string(page)) {
			comment, _ := strings.CutPrefix(line, "#")
			if comment == line {
				comment = "\n"
			}
			comments.WriteString(comment)
		}
		check(name, commandLines(comments.String()))
	}
	root, _ := newRoot(newSystemResolver())
	var examples func(cmd *cobra.Command)
	examples = func(cmd *cobra.Command) {
		check("example of "+cmd.CommandPath(), commandLines("```\n"+cmd.Example+"\n```"))
		for _, sub := range cmd.Commands() {
			examples(sub)
		}
	}
	examples(root)
	if count < 100 {
		t.Errorf("only %d command lines were found", count)
	}
}

// The check above finds what is wrong.
func TestCommandLinesAreChecked(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		page string
		want string // A part of each error; empty for none.
	}{
		{"    mox queue list --state held", ""},
		{"    sudo mox --config /etc/mox/mox.conf queue hold 1 2 && mox stop # and more", ""},
		{"    docker compose exec mox mox config test", ""},
		{"    docker compose run --rm mox config test", ""},
		{"    pwgen 20 1 | mox setaccountpassword ann", ""},
		{"```\nmox export mbox --account ann \\\n  --mailbox Archive copy.mbox\n```", ""},
		{"Say `mox queue` or `mox\nstop`, and `mox queue hold`.", ""},
		{"    mox queu list", "no subcommand"},
		{"    mox queue lst", "no subcommand"},
		{"    mox queue", "needs a subcommand"},
		{"    mox queue list --stat held", "unknown flag"},
		{"    mox setaccountpassword", "missing argument: account"},
		{"    ls | mox stop now >file", "unexpected argument"},
		{"Say `mox nonsense`.", "no subcommand"},
		{"Say `mox\nstop --now`.", "unknown flag"},
	} {
		l := commandLines(tc.page)
		if len(l) == 0 {
			t.Errorf("%q: no command line is found", tc.page)
		}
		var errs []string
		for _, c := range l {
			root, _ := newRoot(newSystemResolver())
			if err := checkCommandLine(root, c); err != nil {
				errs = append(errs, err.Error())
			}
		}
		if got := strings.Join(errs, "; "); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%q: error %q, want %q", tc.page, got, tc.want)
		}
	}
}
