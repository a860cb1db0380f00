package main

import (
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of mox",
		Long: `Version prints the version of this binary, the commit it was built from and the
date of that where they are known, and the Go version and platform. Have it at
hand when reporting a problem.`,
		Example: "  mox version",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			source := ""
			if b := readBuild(debug.ReadBuildInfo()); b.commit != "" {
				source = "commit " + b.commit + ", "
				if b.date != "" {
					source += "of " + b.date + ", "
				}
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "mox %s (%s%s, %s/%s)\n", version(), source, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// version returns the release, or for a build from a checkout the commit, with
// "+changes" when files had been modified.
func version() string { return readBuild(debug.ReadBuildInfo()).version() }

// build is what the Go command has stamped into the binary.
type build struct {
	release string // As in "v1.2.3"; empty for a build of a commit without tag.
	commit  string // Full; empty if git was not asked.
	date    string // Of the commit, as in "2026-11-22".
	changed bool   // Files differed from the commit.
}

// madeUp matches the version that the Go command makes up for a commit without tag.
var madeUp = regexp.MustCompile(`[-.][0-9]{14}-[0-9a-f]{12}$`)

// readBuild reads what debug.ReadBuildInfo returned.
func readBuild(info *debug.BuildInfo, ok bool) (b build) {
	if !ok {
		return b
	}
	if v, _, _ := strings.Cut(info.Main.Version, "+"); v != "(devel)" && !madeUp.MatchString(v) {
		b.release = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value
		case "vcs.time":
			b.date, _, _ = strings.Cut(s.Value, "T")
		case "vcs.modified":
			b.changed = s.Value == "true"
		}
	}
	return b
}

func (b build) version() string {
	v := b.release
	if v == "" {
		v = "devel"
		if b.commit != "" {
			v += "-" + b.commit[:min(len(b.commit), 12)]
		}
	}
	if b.changed {
		v += "+changes"
	}
	return v
}
