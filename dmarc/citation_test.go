package dmarc

import (
	"testing"

	"mox/internal/citation"
)

// The sections that have rules for receivers, but for those about reports and how they are sent (RFC 7489 §7.2, §7.3).
const (
	rules7489 = `3.1 3.1.1 3.1.2 3.2 4.1 4.2 6.1 6.2 6.3 6.4 6.6.1 6.6.2 6.6.3 6.6.4 6.6.5 6.7 7.1 10.3 11.1 11.2`
	rules9091 = `2.7 3.2 3.3 3.5 3.6 4`
	rules8616 = `6`
)

// TestEachSectionIsCited wants each section with rules for receivers cited beside the test that follows it.
func TestEachSectionIsCited(t *testing.T) {
	t.Parallel()
	citation.Check(t, citation.Sources{Patterns: []string{"*_test.go", "../pipeline/checks/*_test.go"}}, map[string]string{"7489": rules7489, "9091": rules9091, "8616": rules8616})
}
