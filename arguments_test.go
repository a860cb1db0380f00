package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestArgumentsOfUsage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ use, args, want string }{
		{"stop", "", ""},
		{"stop", "x", `unexpected argument "x"`},
		{"recover account", "", "missing argument: account"},
		{"recover account", "ann bob", `unexpected argument "bob"`},
		{"alias alias member ...", "team", "missing argument: member"},
		{"alias alias member ...", "team ann bob", ""},
		{"list [id ...]", "", ""},
		{"list [id ...]", "1 2 3", ""},
		{"bumpuidvalidity account [mailbox]", "ann", ""},
		{"bumpuidvalidity account [mailbox]", "", "missing argument: account"},
		{"bumpuidvalidity account [mailbox]", "ann Inbox x", `unexpected argument "x"`},
		{"loglevels [[package] level]", "", ""},
		{"loglevels [[package] level]", "a b c", `unexpected argument "c"`},
		{"genrsa [flags] >file", "x", `unexpected argument "x"`},
		{"verify ip domain [flags] <message", "192.0.2.1", "missing argument: domain"},
		{"example static|domains", "", "missing argument: static|domains"},
		{"example static|domains", "other", `"other" is none of static, domains`},
		{"example static|domains", "domains", ""},
		{"mbox FILE", "", "missing argument: file"},
	} {
		got := ""
		if err := argumentsError(argumentsOf(tc.use), strings.Fields(tc.args)); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%q with %q: %q, want %q", tc.use, tc.args, got, tc.want)
		}
	}
}

// wrongInputs has for each command a command line that it refuses, and what it says. "BUSY" is a directory
// that is not empty.
var wrongInputs = []struct {
	args string
	code int
	want string
}{
	{"arc verify absent.eml", exitFailure, "open absent.eml: no such file"},
	{"backup", exitUsage, "missing argument: directory"},
	{"backup BUSY", exitFailure, "directory is not empty"},
	{"bumpuidvalidity nobody", exitFailure, `no account "nobody"`},
	{"clientconfig example.org", exitFailure, "no such domain in domains.conf: example.org"},
	{"compact nobody", exitFailure, `no account "nobody"`},
	{"completion nonsense", exitUsage, `unknown subcommand "nonsense"`},
	{"completion bash extra", exitUsage, `"extra"`},
	{"completion fish extra", exitUsage, `"extra"`},
	{"completion powershell extra", exitUsage, `"extra"`},
	{"completion zsh extra", exitUsage, `"extra"`},
	{"config account add mox m@localhost", exitFailure, "account mox: it is there already"},
	{"config account add bob", exitUsage, "missing argument: address"},
	{"config account disable mox", exitUsage, "missing argument: reason"},
	{"config account enable nobody", exitFailure, "no such account in domains.conf: nobody"},
	{"config account list extra", exitUsage, `unexpected argument "extra"`},
	{"config account rm nobody", exitFailure, "no such account in domains.conf: nobody"},
	{"config address add nonsense mox", exitFailure, `"nonsense" is not an address`},
	{"config address list extra", exitUsage, `unexpected argument "extra"`},
	{"config address rm x@example.org", exitFailure, "no such domain in domains.conf: example.org"},
	{"config alias add team@localhost", exitUsage, "missing argument: member"},
	{"config alias addaddr team@localhost", exitUsage, "missing argument: address"},
	{"config alias list extra", exitUsage, `unexpected argument "extra"`},
	{"config alias print team@localhost", exitFailure, "no such alias in domains.conf: team@localhost"},
	{"config alias rm team@localhost", exitFailure, "no such alias in domains.conf: team@localhost"},
	{"config alias rmaddr team@localhost mox@localhost", exitFailure, "no such alias in domains.conf: team@localhost"},
	{"config alias update team@localhost", exitUsage, "nothing to change; give --postpublic"},
	{"config certificates host..name", exitUsage, `"host..name" is not a host name`},
	{"config describe-domains extra", exitUsage, `unexpected argument "extra"`},
	{"config describe-sendmail extra", exitUsage, `unexpected argument "extra"`},
	{"config describe-static extra", exitUsage, `unexpected argument "extra"`},
	{"config dnscheck a..b", exitUsage, `"a..b"`},
	{"config dnsrecords a..b", exitUsage, `"a..b"`},
	{"config domain add a..b", exitFailure, `"a..b" is not a domain name`},
	{"config domain disable example.org", exitFailure, "no such domain in domains.conf: example.org"},
	{"config domain enable example.org", exitFailure, "no such domain in domains.conf: example.org"},
	{"config domain list extra", exitUsage, `unexpected argument "extra"`},
	{"config domain rm example.org", exitFailure, "no such domain in domains.conf: example.org"},
	{"config example other", exitUsage, `"other" is none of static, domains, sendmail`},
	{"config printservice extra", exitUsage, `unexpected argument "extra"`},
	{"config reference extra", exitUsage, `unexpected argument "extra"`},
	{"config reload", exitFailure, "no mox server runs"},
	{"config test extra", exitUsage, `unexpected argument "extra"`},
	{"config tlspubkey add mox@localhost", exitUsage, "missing argument"},
	{"config tlspubkey gen", exitUsage, "missing argument"},
	{"config tlspubkey get absent.pem", exitFailure, `"absent.pem" is neither`},
	{"config tlspubkey list extra", exitUsage, `unexpected argument "extra"`},
	{"config tlspubkey rm absent", exitFailure, "no account has such a key"},
	{"dkim gened25519 extra", exitUsage, `unexpected argument "extra"`},
	{"dkim genrsa --bits 100", exitUsage, "--bits 100 is not from 2048 to 4096"},
	{"dkim lookup 2026a", exitUsage, "missing argument: domain"},
	{"dkim sign absent.eml", exitFailure, "open absent.eml: no such file"},
	{"dkim txt", exitFailure, "no PEM"},
	{"dkim verify absent.eml", exitFailure, "open absent.eml: no such file"},
	{"dmarc checkreportaddrs a..b", exitUsage, `"a..b"`},
	{"dmarc lookup a..b", exitUsage, `"a..b"`},
	{"dmarc verify x ann@example.org example.org", exitUsage, `"x" is not an IP address`},
	{"dns lookup nonsense example.org", exitUsage, `"nonsense"`},
	{"dnsbl check a..b 192.0.2.1", exitUsage, `"a..b"`},
	{"dnsbl checkhealth a..b", exitUsage, `"a..b"`},
	{"export maildir BUSY", exitUsage, "--account is missing"},
	{"export mbox BUSY", exitUsage, "--account is missing"},
	{"help nonsense", exitUsage, `unknown command "nonsense"`},
	{"import maildir BUSY", exitUsage, "--account is missing"},
	{"import mbox absent.mbox", exitUsage, "--account is missing"},
	{"import mbox --account mox absent.mbox", exitFailure, "absent.mbox: no such file"},
	{"localserve --ip nonsense", exitUsage, `--ip "nonsense" is not an IP address`},
	{"loglevels nonsense", exitUsage, `unknown log level "nonsense"`},
	{"message parse absent.eml", exitFailure, "open absent.eml: no such file"},
	{"queue drop", exitUsage, "say which entries: ids, a flag, or --all"},
	{"queue dump x", exitUsage, `"x" is not an id`},
	{"queue fail", exitUsage, "say which entries: ids, a flag, or --all"},
	{"queue hold x", exitUsage, `"x" is not an id`},
	{"queue list --state nonsense", exitUsage, `unknown state "nonsense"; use waiting`},
	{"queue schedule", exitUsage, "say which entries: ids, a flag, or --all"},
	{"queue unhold", exitUsage, "say which entries: ids, a flag, or --all"},
	{"quickstart", exitUsage, "missing argument: you@example.org"},
	{"quickstart you", exitUsage, `"you" is not an address`},
	{"recalculatemailboxcounts nobody", exitFailure, `no account "nobody"`},
	{"recover nobody", exitFailure, `no account "nobody"`},
	{"reparse nobody", exitFailure, `no account "nobody"`},
	{"restart", exitFailure, "no mox server runs"},
	{"restore absent data", exitFailure, "open absent: no such file"},
	{"restore absent", exitUsage, "missing argument: data-directory"},
	{"sendmail --submitconf absent.conf ann@example.org", exitSendmailConfig, "open absent.conf: no such file"},
	{"serve extra", exitUsage, `unexpected argument "extra"`},
	{"serve --config absent.conf", exitFailure, "absent.conf"},
	{"sessions attempts nobody", exitFailure, `no account "nobody"`},
	{"sessions list nobody", exitFailure, `no account "nobody"`},
	{"sessions revoke mox nonsense", exitUsage, `"nonsense" is not the id of a session`},
	{"setaccountpassword mox", exitFailure, "the password is too short"},
	{"setadminpassword extra", exitUsage, `unexpected argument "extra"`},
	{"spf check example.org x", exitUsage, `"x" is not an IP address`},
	{"spf lookup a..b", exitUsage, `"a..b"`},
	{"spf parse nonsense", exitFailure, `does not begin with "v=spf1"`},
	{"stop", exitFailure, "no mox server runs"},
	{"verifydata absent", exitFailure, "open absent: no such file"},
	{"version extra", exitUsage, `unexpected argument "extra"`},
	{"webserver try nonsense", exitUsage, `not an http or https URL of a host: "nonsense"`},
}

// Each command refuses wrong input, says what is wrong with it, and how it is called.
func TestWrongInput(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	refused := map[string]bool{}
	for _, tc := range wrongInputs {
		root, _ := newRoot(newSystemResolver())
		addCompletionCommand(root)
		args := strings.Fields(strings.ReplaceAll(tc.args, "BUSY", filepath.Dir(path)))
		if cmd, _, err := root.Find(args); err != nil {
			t.Errorf("%s: %v", tc.args, err)
		} else {
			refused[cmd.CommandPath()] = true
		}
		if !strings.Contains(tc.args, "--config") && args[0] != "sendmail" {
			args = append([]string{"--config", path}, args...)
		}
		code, out, errs := mox(t, args...)
		if code != tc.code || !strings.Contains(errs, tc.want) {
			t.Errorf("mox %s: exit code %d, want %d; it says %q, want %q", tc.args, code, tc.code, errs, tc.want)
		}
		if hint := strings.Contains(errs, "--help' for usage"); hint != (code == exitUsage) && args[0] != "sendmail" {
			t.Errorf("mox %s: exit code %d, hint about --help: %v", tc.args, code, hint)
		}
		if out != "" {
			t.Errorf("mox %s: it also prints %q", tc.args, out)
		}
	}

	root, _ := newRoot(newSystemResolver())
	addCompletionCommand(root)
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if !cmd.HasSubCommands() && !refused[cmd.CommandPath()] {
			t.Errorf("there is no wrong input for %s", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
		if cmd.DisableFlagParsing {
			return
		}
		args := append(strings.Fields(cmd.CommandPath())[1:], "--nonsense")
		if code, _, errs := mox(t, args...); code != exitUsage || !strings.Contains(errs, "unknown flag: --nonsense") {
			t.Errorf("mox %s: exit code %d, %s", strings.Join(args, " "), code, errs)
		}
	}
	check(root)
}
