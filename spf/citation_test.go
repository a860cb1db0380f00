package spf

import (
	"testing"

	"mox/internal/citation"
)

// The sections with rules for who checks a client.
const (
	rules7208 = `2.2 2.3 2.4 2.6.1 2.6.2 2.6.3 2.6.4 2.6.5 2.6.6 2.6.7 3.1 3.2 3.3 4.1 4.3 4.4 4.5
		4.6 4.6.1 4.6.2 4.6.3 4.6.4 4.7 4.8 5 5.1 5.2 5.3 5.4 5.5 5.6 5.7 6 6.1 6.2 7.1 7.2 7.3 7.4
		9.1 9.2 11.1 11.5.1 11.5.2 11.5.3 12`
	rules8616 = `3 4`
	rules8601 = `2.7.2`
)

// TestEachSectionIsCited wants each section with rules cited beside a test of them.
func TestEachSectionIsCited(t *testing.T) {
	t.Parallel()
	citation.Check(t, citation.Sources{Patterns: []string{"*_test.go"}, RFC: "7208"}, map[string]string{"7208": rules7208, "8616": rules8616, "8601": rules8601})
}
