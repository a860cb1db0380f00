package dkim

import (
	"testing"

	"mox/internal/citation"
)

// rules are the sections with rules for verifiers or signers, and the examples, by the number of the RFC. Of RFC 6376
// §3.3.1 is historic (RFC 8301 §3), and §3.3.3 is replaced by RFC 8301 §3.2.
var rules = map[string]string{
	"6376": `2.8 2.9 2.10 2.11 3.1 3.2 3.3 3.3.2 3.3.4 3.4 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.5 3.6 3.6.1 3.6.2 3.6.2.1 3.6.2.2
		3.7 3.8 3.9 3.10 3.11 4.2 5.1 5.2 5.3 5.3.1 5.4 5.4.1 5.4.2 5.5 5.6 6.1 6.1.1 6.1.2 6.1.3 6.2 6.3
		8.2 8.4 8.8 8.9 8.12 8.13 8.14 8.15 A.2 A.3 C C.2`,
	"8301": `3.1 3.2`,
	"8463": `3 4.1 4.2 5 6 A.1 A.2 A.3`,
	"8616": `3 5`,
	"8601": `2.7.1`,
	"6008": `4`,
	"8617": `4.1.2`,
}

// TestEachSectionIsCited wants each section with rules cited beside a test of this package, or of what signs by it.
func TestEachSectionIsCited(t *testing.T) {
	t.Parallel()
	citation.Check(t, citation.Sources{Patterns: []string{"*_test.go", "../config/dkim_test.go", "../queue/sign_test.go", "../signing_test.go", "../dkim_commands_test.go"}}, rules)
}
