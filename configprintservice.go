package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mox/config"
)

func configPrintServiceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "printservice",
		Short: "Print a unit for systemd",
		Long: `Printservice prints a unit with which systemd starts the server, for the
mox.conf in use and this program, with all rights taken from it that it does not
need.`,
		Example: "  mox config printservice >/etc/systemd/system/mox.service",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := configPath(cmd)
			if err != nil {
				return err
			}
			if path, err = filepath.Abs(path); err != nil {
				return err
			}
			data, err := config.DataDir(path)
			if err != nil {
				return err
			}
			text, err := serviceUnit(path, filepath.Dir(path), data)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}

// serviceUnit returns the unit for a mox.conf, whose server writes below some directories.
//
// The server needs the rights of root to open ports, to read keys, to give files to the user of its child, and to start
// that; the child has none. It works in the first of the directories.
func serviceUnit(conf string, writable ...string) ([]byte, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	words := make([]string, len(writable))
	for i, dir := range writable {
		words[i] = unitWord(dir)
	}
	for _, s := range append([]string{conf, executable}, writable...) {
		if strings.ContainsAny(s, "\n\r") {
			return nil, fmt.Errorf("the path %q has a line break", s)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, serviceTemplate, unitPath(writable[0]), unitWord(executable), unitWord(conf), strings.Join(words, " "))
	return b.Bytes(), nil
}

// unitPath escapes a path that is a whole value: only % has a meaning.
func unitPath(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// unitWord quotes a word of a command line or list.
func unitWord(s string) string {
	s = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(s)
	if strings.ContainsAny(s, " \t'\"\\;") {
		return `"` + s + `"`
	}
	return s
}

const serviceTemplate = `[Unit]
Description=mox mail server
After=network-online.target nss-lookup.target
Wants=network-online.target

[Service]
Type=exec
WorkingDirectory=%[1]s
ExecStart=%[2]s --config %[3]s serve
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
TimeoutStopSec=40
Restart=always
RestartSec=5s
LimitNOFILE=65535
LimitCORE=0
UMask=0007

# The parent process has these rights of root, its child none.
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_KILL CAP_SETPCAP
NoNewPrivileges=yes

ProtectSystem=strict
ReadWritePaths=%[4]s
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service landlock_create_ruleset landlock_add_rule landlock_restrict_self

[Install]
WantedBy=multi-user.target
`
