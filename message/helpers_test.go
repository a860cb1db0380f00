package message

import (
	"encoding/json"
	"testing"
)

// diffJSON returns both values if they are not the same.
func diffJSON(t *testing.T, got, want any) string {
	t.Helper()
	a, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(want, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if string(a) == string(b) {
		return ""
	}
	return "got " + string(a) + "\nwant " + string(b)
}
