package authres

import (
	"testing"

	"mox/internal/citation"
)

// The sections that have rules for a server that adds the field, which is not all the work of this package.
const rules8601 = `2.2 2.3 2.4 2.5 2.6 2.7 2.7.1 2.7.2 2.7.3 3 4 4.1 4.2 5`

// TestEachSectionIsCited wants each section with rules for servers that add the field cited beside the test that follows it.
func TestEachSectionIsCited(t *testing.T) {
	t.Parallel()
	citation.Check(t, citation.Sources{Patterns: []string{"*_test.go", "../pipeline/checks/*_test.go", "../smtpserver/*_test.go", "../iprev/*_test.go"}}, map[string]string{"8601": rules8601})
}
