package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mox/config"
	"mox/internal/ctl"
	"mox/queuedb"
)

// completionTimeout is how long somebody who presses tab waits for the running server.
const completionTimeout = 2 * time.Second

// completionLimit is how many queue entries are offered.
const completionLimit = 200

// addCompletion has the shell offer names of accounts and domains, and ids of the queue,
// for all commands below cmd. What an argument is, the words of Use tell, as they do
// to people; where those do not name a file, no file names are offered.
func addCompletion(cmd *cobra.Command) {
	for name, complete := range map[string]cobra.CompletionFunc{
		"account": completeAccounts,
		"domain":  completeDomains,
		"state":   cobra.FixedCompletions([]cobra.Completion{"waiting", "held", "delivered", "failed", "dropped"}, cobra.ShellCompDirectiveNoFileComp),
	} {
		if cmd.Flags().Lookup(name) == nil {
			continue
		}
		if _, exists := cmd.GetFlagCompletionFunc(name); !exists {
			// It fails for a flag that is not there only.
			_ = cmd.RegisterFlagCompletionFunc(name, complete)
		}
	}
	if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 && !cmd.HasSubCommands() {
		cmd.ValidArgsFunction = completeArguments(argumentsOf(cmd.Use))
	}
	for _, sub := range cmd.Commands() {
		addCompletion(sub)
	}
}

// addCompletionCommand adds cobra's command that prints scripts for shells. It names a wrong shell as all
// commands name a wrong subcommand. Where scripts are printed to is settled now.
func addCompletionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Args, cmd.RunE = nil, groupRun
		}
	}
}

// completeArguments returns a function that completes these arguments.
func completeArguments(arguments []argument) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		name := ""
		if i := min(len(args), len(arguments)-1); i >= 0 && (i == len(args) || arguments[i].repeated) {
			name = arguments[i].name
		}
		switch name {
		case "account":
			return completeAccounts(cmd, args, prefix)
		case "domain":
			return completeDomains(cmd, args, prefix)
		case "id":
			return completeQueue(cmd, args, prefix)
		case "file", "message", "destination":
			return nil, cobra.ShellCompDirectiveDefault
		case "directory", "backup", "data-directory":
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completionConfig returns the configuration in use, or nil. A server need not run.
func completionConfig(cmd *cobra.Command) *config.Config {
	path, err := configPath(cmd)
	if err != nil {
		return nil
	}
	cfg, err := config.Load(config.Options{Path: path})
	if err != nil {
		return nil // Whoever presses tab is not told; the command tells.
	}
	return cfg
}

func completeAccounts(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	if cfg := completionConfig(cmd); cfg != nil {
		for _, a := range cfg.Accounts() {
			names = append(names, a.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func completeDomains(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	if cfg := completionConfig(cmd); cfg != nil {
		for _, d := range cfg.Domains() {
			names = append(names, d.Domain.ASCII)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeQueue offers the ids of entries that a running server has, with their recipients.
func completeQueue(cmd *cobra.Command, args []string, prefix string) (ids []cobra.Completion, _ cobra.ShellCompDirective) {
	c, _, err := runningServer(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	var entries []queuedb.Entry
	p := queueParams{Filter: queuedb.Filter{OpenOnly: true}, Page: queuedb.Page{Limit: completionLimit}}
	if err := c.Call(ctx, "queue.list", p, ctl.Streams{}, &entries); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, e := range entries {
		id := strconv.FormatInt(int64(e.Recipient.ID), 10)
		if strings.HasPrefix(id, prefix) && !slices.Contains(args, id) {
			ids = append(ids, cobra.CompletionWithDesc(id, printable(e.Recipient.Path.String())))
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}
