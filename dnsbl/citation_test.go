package dnsbl_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The sections with rules for clients of lists.
const rules = `2.1 2.3 2.4 3 5 6 7`

var citation = regexp.MustCompile(`RFC (\d+)|§(\d+(?:\.\d+)*)`)

// TestEachSectionIsCited wants each section with rules cited beside a test of them.
func TestEachSectionIsCited(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	cited := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// A section is one of the RFC that is named before it in the same line, or of the one of this package.
		for line := range strings.Lines(string(text)) {
			rfc := "5782"
			for _, m := range citation.FindAllStringSubmatch(line, -1) {
				if m[1] != "" {
					rfc = m[1]
				} else if rfc == "5782" {
					cited[m[2]] = true
				}
			}
		}
	}
	for section := range strings.FieldsSeq(rules) {
		if !cited[section] {
			t.Errorf("RFC 5782 §%s is not cited", section)
		}
	}
}
