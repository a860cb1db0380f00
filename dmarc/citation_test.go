package dmarc

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The sections that have rules for receivers, but for those about reports and how they are sent (RFC 7489 §7.2, §7.3).
const (
	rules7489 = `3.1 3.1.1 3.1.2 3.2 4.1 4.2 6.1 6.2 6.3 6.4 6.6.1 6.6.2 6.6.3 6.6.4 6.6.5 6.7 7.1 10.3 11.1 11.2`
	rules9091 = `2.7 3.2 3.3 3.5 3.6 4`
	rules8616 = `6`
)

var (
	commentBreak = regexp.MustCompile(`\n\s*//\s?`)
	citation     = regexp.MustCompile(`RFC (\d+)|§(\d+(?:\.\d+)*)`)
)

// TestEachSectionIsCited wants each section with rules for receivers cited beside the test that follows it.
func TestEachSectionIsCited(t *testing.T) {
	t.Parallel()
	cited := map[string]bool{}
	for _, pattern := range []string{"*_test.go", "../pipeline/checks/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			if file == "citation_test.go" {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// A section is one of the RFC that is named before it in the same comment or line.
			for line := range strings.Lines(commentBreak.ReplaceAllString(string(source), " ")) {
				rfc := ""
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
	for rfc, sections := range map[string]string{"7489": rules7489, "9091": rules9091, "8616": rules8616} {
		for _, section := range strings.Fields(sections) {
			if !cited[rfc+" §"+section] {
				t.Errorf("RFC %s §%s is not cited", rfc, section)
			}
		}
	}
}
