package authres

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The sections that have rules for a server that adds the field, which is not all the work of this package.
const rules8601 = `2.2 2.3 2.4 2.5 2.6 2.7 2.7.1 2.7.2 2.7.3 3 4 4.1 4.2 5`

var (
	commentBreak = regexp.MustCompile(`\n\s*//\s?`)
	citation     = regexp.MustCompile(`RFC (\d+)|§(\d+(?:\.\d+)*)`)
)

// TestEachSectionIsCited wants each section with rules for servers that add the field cited beside the test that follows it.
func TestEachSectionIsCited(t *testing.T) {
	t.Parallel()
	cited := map[string]bool{}
	for _, pattern := range []string{"*_test.go", "../pipeline/checks/*_test.go", "../smtpserver/*_test.go", "../iprev/*_test.go"} {
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
	for rfc, sections := range map[string]string{"8601": rules8601} {
		for _, section := range strings.Fields(sections) {
			if !cited[rfc+" §"+section] {
				t.Errorf("RFC %s §%s is not cited", rfc, section)
			}
		}
	}
}
