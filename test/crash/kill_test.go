package crash

import (
	"bufio"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

var killRounds = flag.Int("rounds", 0, "how often the program is killed; 0 for a few times")

// rounds returns how often to kill.
func rounds(t *testing.T, few int) int {
	t.Helper()
	switch {
	case *killRounds > 0:
		return *killRounds
	case testing.Short():
		return 1
	}
	return few
}

// driverCommand is the driver as a program of its own.
func driverCommand(t *testing.T, dir string, first, senders, rounds int) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, dir, strconv.Itoa(first), strconv.Itoa(senders))
	cmd.Env = append(os.Environ(), driverEnv+"="+strconv.Itoa(rounds))
	return cmd
}

// The store is killed at random moments while it works for 20 senders, again and again on the same
// data. After each time every message is in a state that was promised.
func TestStoreKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := model{}
	for round := range rounds(t, 5) {
		cmd := driverCommand(t, dir, round*1_000_000, 20, 0)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(out)
		if line, err := r.ReadString('\n'); err != nil || line != "ready\n" {
			cmd.Process.Kill()
			cmd.Wait()
			t.Fatalf("round %d: driver said %q, %v, %s", round, line, err, stderr.String())
		}
		var kill *time.Timer
		soon := func() {
			if kill == nil {
				kill = time.AfterFunc(time.Duration(rand.IntN(700))*time.Millisecond, func() { cmd.Process.Kill() })
			}
		}
		if m.acknowledged() > 0 {
			soon()
		}
		// Until something was acknowledged there is nothing to lose, however slow the machine is.
		hangs := time.AfterFunc(ioTimeout, func() { cmd.Process.Kill() })
		readLines(t, r, m, soon)
		hung := !hangs.Stop()
		if kill != nil {
			kill.Stop()
		}
		cmd.Wait()
		if stderr.Len() > 0 {
			t.Fatalf("round %d: %s", round, stderr.String())
		}
		if hung {
			t.Fatalf("round %d: nothing was acknowledged within %v", round, ioTimeout)
		}
		found, err := inspect(dir)
		if err := errors.Join(err, m.check(found)); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		t.Logf("round %d: %v", round, m)
	}
	if m.acknowledged() == 0 {
		t.Error("nothing was ever acknowledged, so nothing was tested")
	}
}

// readLines gives the whole lines of a driver to the model until the driver ends. Acked is called at each acknowledgement.
func readLines(t *testing.T, r *bufio.Reader, m model, acked func()) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		m.note(line)
		if strings.HasPrefix(line, "ack ") {
			acked()
		}
	}
}
