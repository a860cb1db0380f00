package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// completionScript completes the words after a line "complete", with the cursor after the last, as bash does
// when the tab key is pressed there.
const completionScript = `
set -u +o history
. /usr/share/bash-completion/bash_completion
. <(mox completion bash)
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
COMP_TYPE=9
COMP_KEY=9
function=$(complete -p mox | sed 's/.*-F \([^ ]*\).*/\1/')
compopt() { :; } # It works only for bash's own calls.
set +u
"$function" mox "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
`

// A shell completes subcommands, flags, accounts and ids of the queue.
func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.submitStuck(t)
	bin := filepath.Dir(moxBinary)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, tc := range []struct {
		line string // What was typed; a blank at its end begins a new word.
		want string // Offered alone.
	}{
		{"mox setac", "setaccountpassword"},
		{"mox queue ho", "hold"},
		{"mox queue list --sta", "--state"},
		{"mox queue list --state he", "held"},
		{"mox recover ", "mox"},
		{"mox export mbox --account ", "mox"},
		{"mox queue drop ", "1"},
	} {
		words := strings.Split(tc.line, " ")
		var got string
		// Who presses tab does not wait long for a server that is slow, and presses it again.
		for end := time.Now().Add(patience); ; <-tick.C {
			cmd := exec.Command("bash", append([]string{"--norc", "-c", completionScript, "bash"}, words...)...)
			cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "MOXCONF="+filepath.Join(s.dir, "mox.conf"))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%q: %v\n%s", tc.line, err, out)
			}
			if got = strings.TrimSpace(string(out)); got != "" || time.Now().After(end) {
				break
			}
		}
		if got != tc.want {
			t.Errorf("%q is completed by %q, want %q", tc.line, got, tc.want)
		}
	}
	// What begins nothing is completed by nothing.
	cmd := exec.Command("bash", "--norc", "-c", completionScript, "bash", "mox", "queue", "nonsense")
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "MOXCONF="+filepath.Join(s.dir, "mox.conf"))
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "" {
		t.Errorf("nonsense is completed by %q, %v", out, err)
	}
}

// submitStuck submits a message that stays in the queue.
func (s *server) submitStuck(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "message.eml")
	if err := os.WriteFile(file, []byte("From: <mox@localhost>\r\nTo: <queue451@example.net>\r\nSubject: stays\r\n\r\nBye\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "curl", "-sS", "smtp://"+s.ip+":1587", "-u", user+":"+password, "--mail-from", user, "--mail-rcpt", "queue451@example.net", "-T", file)
}
