package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var rfcReference = regexp.MustCompile(`\bRFC ([0-9]{3,5})\b`)

// TestStandardsTable checks that docs/rfc.md has exactly the RFCs that the code refers to.
func TestStandardsTable(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("docs/rfc.md")
	if err != nil {
		t.Fatal(err)
	}
	status := map[string]string{}
	for line := range strings.Lines(string(table)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 6 || strings.Trim(cells[1], " -") == "" || strings.Contains(line, "| RFC |") {
			continue
		}
		number := strings.TrimSpace(cells[1])
		if status[number] != "" {
			t.Errorf("RFC %s has two rows", number)
		}
		status[number] = strings.TrimSpace(cells[3])
		switch s := status[number]; s {
		case "yes", "partial", "context":
			if s == "partial" && strings.TrimSpace(cells[4]) == "" {
				t.Errorf("RFC %s: partial without a remark", number)
			}
		default:
			t.Errorf("RFC %s has status %q", number, s)
		}
	}
	cited := map[string]string{}
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // Other tests make files and remove them.
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		for _, m := range rfcReference.FindAllStringSubmatch(string(b), -1) {
			cited[m[1]] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for number, name := range cited {
		if status[number] == "" {
			t.Errorf("RFC %s is referred to in %s and has no row in docs/rfc.md", number, name)
		}
	}
	for number := range status {
		if cited[number] == "" {
			t.Errorf("RFC %s has a row in docs/rfc.md and is referred to nowhere", number)
		}
	}
}
