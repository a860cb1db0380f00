package main

import (
	"regexp"
	"runtime/debug"
	"testing"
)

func TestVersionOfBuild(t *testing.T) {
	t.Parallel()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for _, tc := range []struct {
		main     string
		commit   string
		modified string
		want     string
	}{
		{"v1.2.3", commit, "false", "v1.2.3"},
		{"v1.2.3", "", "", "v1.2.3"},
		{"v1.2.3-rc.1", commit, "false", "v1.2.3-rc.1"},
		{"v1.2.3+dirty", commit, "true", "v1.2.3+changes"},
		{"v0.0.0-20261122101112-0123456789ab", commit, "false", "devel-0123456789ab"},
		{"v1.2.4-0.20261122101112-0123456789ab+dirty", commit, "true", "devel-0123456789ab+changes"},
		{"v1.2.4-rc.1.0.20261122101112-0123456789ab", commit, "false", "devel-0123456789ab"},
		{"(devel)", commit, "false", "devel-0123456789ab"},
		{"(devel)", "", "", "devel"},
		{"", "", "", "devel"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: tc.main}}
		if tc.commit != "" {
			info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: tc.commit}, {Key: "vcs.time", Value: "2026-11-22T10:11:12Z"}, {Key: "vcs.modified", Value: tc.modified}}
		}
		b := readBuild(info, true)
		if got := b.version(); got != tc.want {
			t.Errorf("%q, modified %q: version %q, want %q", tc.main, tc.modified, got, tc.want)
		}
		if tc.commit != "" && (b.commit != commit || b.date != "2026-11-22") {
			t.Errorf("%q: commit %q of %q", tc.main, b.commit, b.date)
		}
	}
	if got := readBuild(nil, false).version(); got != "devel" {
		t.Errorf("without build information: %q", got)
	}
}

func TestVersionCommand(t *testing.T) {
	t.Parallel()
	code, out, errs := mox(t, "version")
	if code != exitOK || !regexp.MustCompile(`^mox \S+ \((commit [0-9a-f]+, (of [0-9-]+, )?)?go1\S*, [a-z0-9]+/[a-z0-9]+\)\n$`).MatchString(out) {
		t.Errorf("exit code %d, %q, %s", code, out, errs)
	}
}
