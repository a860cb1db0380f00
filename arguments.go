package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// argument is one that a command takes, as its line of usage has it.
type argument struct {
	name     string // In lower case. One of a fixed set is "a|b|c".
	optional bool
	repeated bool // There can be more of it. It is the last one.
}

// argumentsOf reads a line of usage such as "add alias member ...", in which optional arguments stand in
// brackets. Flags and redirections are left out.
func argumentsOf(use string) (l []argument) {
	depth := 0
	for _, w := range strings.Fields(use)[1:] {
		depth += strings.Count(w, "[")
		name := strings.ToLower(strings.Trim(w, "[]"))
		switch {
		case name == "...":
			if len(l) > 0 {
				l[len(l)-1].repeated = true
			}
		case name != "flags" && !strings.ContainsAny(name[:1], "-<>"):
			l = append(l, argument{name: name, optional: depth > 0})
		}
		depth -= strings.Count(w, "]")
	}
	return l
}

// explainArguments has all commands below cmd say by name which argument is missing, or is one too many.
func explainArguments(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		explainArguments(sub)
	}
	check := cmd.Args
	if check == nil || cmd.HasSubCommands() {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			return nil
		}
		if better := argumentsError(argumentsOf(cmd.Use), args); better != nil {
			return better
		}
		return err
	}
}

// argumentsError says what is wrong with arguments; nil if their names do not tell.
func argumentsError(want []argument, args []string) error {
	for i, a := range want {
		choices := strings.Split(a.name, "|")
		switch {
		case i >= len(args) && !a.optional:
			return fmt.Errorf("missing argument: %s", a.name)
		case i < len(args) && len(choices) > 1 && !slices.Contains(choices, args[i]):
			return fmt.Errorf("%q is none of %s", args[i], strings.Join(choices, ", "))
		}
	}
	if n := len(want); len(args) > n && (n == 0 || !want[n-1].repeated) {
		return fmt.Errorf("unexpected argument %q", args[n])
	}
	return nil
}
