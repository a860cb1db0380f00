package dnsbl

import (
	"testing"

	"mox/internal/citation"
)

// The sections with rules for clients of lists.
const rules = `2.1 2.3 2.4 3 5 6 7`

// TestEachSectionIsCited wants each section with rules cited beside a test of them.
func TestEachSectionIsCited(t *testing.T) {
	t.Parallel()
	citation.Check(t, citation.Sources{Patterns: []string{"*_test.go"}, RFC: "5782"}, map[string]string{"5782": rules})
}
