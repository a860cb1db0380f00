package webmail

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
)

// What the client of pages was made from is what can be called.
func TestFunctionsAreDescribed(t *testing.T) {
	data, err := os.ReadFile("api.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Functions []struct{ Name string } }
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var described []string
	for _, f := range doc.Functions {
		if f.Name != "EventTypes" {
			described = append(described, f.Name)
		}
	}
	slices.Sort(described)
	if have := slices.Sorted(maps.Keys(functions(API{}))); !slices.Equal(have, described) {
		t.Errorf("functions that can be called:\n%q\ndescribed:\n%q", have, described)
	}
}
