package smtpserver

import "testing"

// HELP knows the commands that are implemented.
func TestHelpIsComplete(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"EXPN": true} // Not implemented.
	for _, u := range usage {
		known[u.verb] = true
		if lookup([]byte(u.verb)) == nil {
			t.Errorf("%s is not a command", u.verb)
		}
	}
	for _, cmd := range commands {
		if !known[cmd.name] {
			t.Errorf("no help on %s", cmd.name)
		}
	}
}
