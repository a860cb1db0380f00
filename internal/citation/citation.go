// Package citation has tests see to it that each section of a standard with rules is cited beside a test, or code,
// that follows it.
package citation

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Sources are the files that cite.
type Sources struct {
	Patterns []string // As of filepath.Glob. Files named citation_test.go are passed over: they test nothing.

	// RFC is the number of the one that a section is of if none is named before it; empty for none.
	RFC string
}

// Check fails the test for each section that no source cites. Rules are sections, separated by space, by the number of
// their RFC. A section is one of the RFC that is named before it in the same line or comment, as in "RFC 5321 §4.1, §4.2".
func Check(t *testing.T, sources Sources, rules map[string]string) {
	t.Helper()
	// A comment of several lines is read as one.
	commentBreak := regexp.MustCompile(`\n\s*(?://|#)\s?`)
	citation := regexp.MustCompile(`RFC (\d+)|§((?:\d+|[A-Z])(?:\.\d+)*)`)
	cited := map[string]bool{}
	for _, pattern := range sources.Patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			if filepath.Base(file) == "citation_test.go" {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(commentBreak.ReplaceAllString(string(source), " ")) {
				rfc := sources.RFC
				for _, m := range citation.FindAllStringSubmatch(line, -1) {
					if m[1] != "" {
						rfc = m[1]
					} else {
						cited[rfc+" §"+m[2]] = true
					}
				}
			}
		}
	}
	for rfc, sections := range rules {
		for section := range strings.FieldsSeq(sections) {
			if !cited[rfc+" §"+section] {
				t.Errorf("RFC %s §%s is not cited", rfc, section)
			}
		}
	}
}
