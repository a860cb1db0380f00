package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mox/internal/ctl"
	"mox/internal/logging"
)

func logLevelsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "loglevels [[package] level]",
		Short: "Show or set what the running server logs",
		Long: `Loglevels shows the log levels of the running server: the default, and those of
packages, which are parts of mox, that have their own. With a level it sets the
default, with a package and a level that of the package; the level "default"
has the package follow the default again.

Use it to look at a problem without a restart. What is set lasts until the
server stops: levels to stay are set in mox.conf, with LogLevel and
PackageLogLevels.

Levels, each with those before it: error, warn, info, debug, trace (protocol
dialogues without passwords and message content), traceauth (with passwords) and
tracedata (with content, which is a lot).`,
		Example: `  mox loglevels
  mox loglevels debug
  mox loglevels smtpserver trace
  mox loglevels smtpserver default`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var p logLevelsParams
			switch len(args) {
			case 1:
				p.Level = args[0]
			case 2:
				p.Package, p.Level = args[0], args[1]
			}
			if err := p.check(); err != nil {
				return usageError{err}
			}
			return withRunningServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				var r logLevelsResult
				if err := c.Call(ctx, "loglevels", p, ctl.Streams{}, &r); err != nil {
					return err
				}
				_, err := fmt.Fprint(cmd.OutOrStdout(), r)
				return err
			})
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []cobra.Completion{"error", "warn", "info", "debug", "trace", "traceauth", "tracedata"}, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// levelDefault is what removes the level of a package.
const levelDefault = "default"

// logLevelsParams say what to change: nothing if Level is empty, the default if Package
// is.
type logLevelsParams struct {
	Package string
	Level   string
}

func (p logLevelsParams) check() error {
	if p.Level == "" && p.Package == "" || p.Level == levelDefault && p.Package != "" {
		return nil
	}
	_, err := logging.ParseLevel(p.Level)
	return err
}

// logLevelsResult are the levels by name.
type logLevelsResult struct {
	Default  string
	Packages map[string]string
}

// String returns a line for each.
func (r logLevelsResult) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "default %s\n", r.Default)
	for _, pkg := range slices.Sorted(maps.Keys(r.Packages)) {
		fmt.Fprintf(&b, "%s %s\n", pkg, r.Packages[pkg])
	}
	return b.String()
}

func (o *operations) logLevels(_ context.Context, c *ctl.Call) (any, error) {
	var p logLevelsParams
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	if err := errors.Join(p.check(), o.checkLogPackage(p.Package)); err != nil {
		return nil, err
	}
	if p.Level != "" {
		o.levels.Change(func(def slog.Level, byName map[string]slog.Level) slog.Level {
			level, err := logging.ParseLevel(p.Level)
			switch {
			case err != nil:
				delete(byName, p.Package) // levelDefault, as was checked.
			case p.Package == "":
				return level
			default:
				byName[p.Package] = level
			}
			return def
		})
		o.log.Warn("log levels are changed by a command, until the next start", "package", p.Package, "level", p.Level)
	}
	def, byName := o.levels.All()
	r := logLevelsResult{Default: logging.LevelName(def), Packages: map[string]string{}}
	for pkg, level := range byName {
		r.Packages[pkg] = logging.LevelName(level)
	}
	return r, nil
}

// checkLogPackage refuses a name under which nothing is logged.
func (o *operations) checkLogPackage(pkg string) error {
	if o.levels == nil {
		return ctl.ErrNotRunning
	}
	known := o.levels.Packages()
	_, byName := o.levels.All()
	if _, configured := byName[pkg]; pkg == "" || configured || slices.Contains(known, pkg) {
		return nil
	}
	return fmt.Errorf("there is no package %q in the log, use one of %s", pkg, strings.Join(known, ", "))
}
