package imapserver

import (
	"testing"

	"mox/internal/citation"
)

// The sections of the two revisions that have rules for servers.
const (
	rulesRev1 = `2.2.1 2.2.2 2.3.1.1 2.3.1.2 2.3.2 2.3.3 2.3.4 2.3.5 2.3.6 2.4 3.1 3.2 3.3 3.4 4.1 4.2 4.3 4.3.1 4.4 4.5
		5.1 5.1.1 5.1.2 5.1.3 5.2 5.3 5.4 5.5 6.1.1 6.1.2 6.1.3 6.2.1 6.2.2 6.2.3
		6.3.1 6.3.2 6.3.3 6.3.4 6.3.5 6.3.6 6.3.7 6.3.8 6.3.9 6.3.10 6.3.11
		6.4.1 6.4.2 6.4.3 6.4.4 6.4.5 6.4.6 6.4.7 6.4.8 6.5.1
		7.1 7.1.1 7.1.2 7.1.3 7.1.5 7.2.1 7.2.2 7.2.3 7.2.4 7.2.5 7.2.6 7.3.1 7.3.2 7.4.1 7.4.2 7.5 8 9`
	rulesRev2 = `2.2.1 2.2.2 2.3.1.1 2.3.1.2 2.3.2 2.3.3 2.3.4 2.3.5 2.3.6 2.4 3.1 3.2 3.3 3.4 4.1 4.1.1 4.2 4.3 4.3.1 4.4 4.5
		5.1 5.1.1 5.1.2 5.1.2.1 5.2 5.3 5.4 5.5 6.1.1 6.1.2 6.1.3 6.2.1 6.2.2 6.2.3
		6.3.1 6.3.2 6.3.3 6.3.4 6.3.5 6.3.6 6.3.7 6.3.8
		6.3.9 6.3.9.1 6.3.9.2 6.3.9.3 6.3.9.5 6.3.9.6 6.3.9.7 6.3.9.8 6.3.10 6.3.11 6.3.12 6.3.13
		6.4.1 6.4.2 6.4.3 6.4.4 6.4.4.1 6.4.4.2 6.4.4.3 6.4.4.4 6.4.5 6.4.5.1 6.4.6 6.4.7 6.4.8 6.4.9 6.5
		7.1 7.1.1 7.1.2 7.1.3 7.1.5 7.2.1 7.2.2 7.3.1 7.3.2 7.3.3 7.3.4 7.3.5 7.4.1 7.5.1 7.5.2 7.6 8 9 11.1 11.7`
)

// TestEachSectionIsCited wants each section with rules for a server cited beside the code that follows it, or a test.
func TestEachSectionIsCited(t *testing.T) {
	t.Parallel()
	citation.Check(t, citation.Sources{Patterns: []string{"*.go", "testdata/*.txt", "../imap/*.go", "../imap/wire/*.go", "../store/*.go", "../login/*.go", "../message/*.go"}}, map[string]string{"3501": rulesRev1, "9051": rulesRev2})
}
