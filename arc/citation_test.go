package arc

import (
	"testing"

	"mox/internal/citation"
)

// The sections that have rules for validators and sealers.
const rules8617 = `3.4 3.9 4.1 4.1.1 4.1.2 4.1.3 4.1.4 4.2 4.2.1 4.4 5.1 5.1.1 5.1.2 5.1.3 5.2 5.2.1 6 9.2 10.2`

// TestEachSectionIsCited wants each section with rules for validators and sealers cited beside the test that follows it.
func TestEachSectionIsCited(t *testing.T) {
	t.Parallel()
	citation.Check(t, citation.Sources{Patterns: []string{"*_test.go"}}, map[string]string{"8617": rules8617})
}
