package corpus

import (
	"bytes"
	"testing"
)

func TestMessages(t *testing.T) {
	t.Parallel()
	l := Messages(t)
	if len(l) < 300 {
		t.Fatalf("%d messages, want over 300", len(l))
	}
	names := map[string]bool{}
	for _, m := range l {
		if names[m.Name] || len(m.Data) == 0 {
			t.Errorf("message %q twice or empty", m.Name)
		}
		names[m.Name] = true
		crlf := m.CRLF()
		if n := bytes.Count(crlf, []byte("\r\n")); n != bytes.Count(crlf, []byte("\n")) {
			t.Errorf("%s: bare LF after CRLF", m.Name)
		}
	}
}
