package crash

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// model is what a driver promised. Of each message it knows the states that it may be in: the
// last one that was acknowledged, and one that was begun after it.
type model map[messageID][]string

// note takes a line of a driver: "begin id state" or "ack id". Others, and a last line that was cut
// off, are ignored.
func (m model) note(line string) {
	switch f := strings.Fields(line); {
	case len(f) == 3 && f[0] == "begin":
		id := messageID(f[1])
		if m[id] == nil {
			m[id] = []string{gone}
		}
		m[id] = append(m[id], f[2])
	case len(f) == 2 && f[0] == "ack":
		id := messageID(f[1])
		m[id] = m[id][len(m[id])-1:]
	}
}

// gone is the state of a message that is in no mailbox. Other states are the names of mailboxes with
// "*" appended where the message is flagged, sorted and separated by commas.
const gone = "-"

// acknowledged returns how many messages must be there.
func (m model) acknowledged() int {
	n := 0
	for _, states := range m {
		if !slices.Contains(states, gone) {
			n++
		}
	}
	return n
}

// check compares what is there with what was promised, and returns what is not as it should be. Afterwards
// the model has the states found.
func (m model) check(found map[messageID]string) error {
	var wrong []error
	for _, id := range slices.Sorted(maps.Keys(m)) {
		state, ok := found[id]
		if !ok {
			state = gone
		}
		if !slices.Contains(m[id], state) {
			wrong = append(wrong, fmt.Errorf("message %s: is %q, want one of %q", id, state, m[id]))
		}
		m[id] = []string{state}
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if m[id] == nil {
			wrong = append(wrong, fmt.Errorf("message %s: is %q, was never delivered", id, found[id]))
		}
	}
	if n := len(wrong); n > 10 {
		wrong = append(wrong[:10], fmt.Errorf("and %d more", n-10))
	}
	return errors.Join(wrong...)
}

// stateOf returns the state of a message that is in mailboxes, flagged or not.
func stateOf(mailboxes map[string]bool) string {
	var l []string
	for _, name := range slices.Sorted(maps.Keys(mailboxes)) {
		if mailboxes[name] {
			name += "*"
		}
		l = append(l, name)
	}
	if len(l) == 0 {
		return gone
	}
	return strings.Join(l, ",")
}

func (m model) String() string {
	return fmt.Sprintf("%d messages, %d certain", len(m), m.acknowledged())
}

func TestModel(t *testing.T) {
	t.Parallel()
	m := model{}
	for line := range strings.Lines("begin a Inbox\nack a\nbegin b Inbox\nbegin c Inbox\nack c\nbegin c -\nack c\nbegin d Inbox\nack d\nbegin d Inbox*\nac") {
		m.note(line)
	}
	for _, tc := range []struct {
		id    messageID
		state string
		want  bool
	}{
		{"a", "Inbox", true}, {"a", gone, false}, {"a", "Inbox*", false},
		{"b", "Inbox", true}, {"b", gone, true}, {"b", "Archive", false},
		{"c", gone, true}, {"c", "Inbox", false},
		{"d", "Inbox", true}, {"d", "Inbox*", true}, {"d", gone, false},
	} {
		if got := slices.Contains(m[tc.id], tc.state); got != tc.want {
			t.Errorf("message %s may be %q: %v, want %v", tc.id, tc.state, got, tc.want)
		}
	}
	if got := m.acknowledged(); got != 2 {
		t.Errorf("%d messages are certain, want 2", got)
	}
	if err := m.check(map[messageID]string{"a": "Inbox", "d": "Inbox*"}); err != nil {
		t.Error(err)
	}
	for _, found := range []map[messageID]string{
		{"d": "Inbox*"},                               // Lost.
		{"a": "Inbox", "d": "Inbox"},                  // Went back, after the check above.
		{"a": "Inbox", "c": "Inbox", "d": "Inbox*"},   // Came back.
		{"a": "Inbox", "d": "Inbox*", "new": "Inbox"}, // From nowhere.
	} {
		if err := maps.Clone(m).check(found); err == nil {
			t.Errorf("%v passes", found)
		}
	}
}
