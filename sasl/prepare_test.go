package sasl

import (
	"strings"
	"testing"
)

func TestPrepare(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in, password string
		username     bool // It is one too, in the same form.
	}{
		{"moxmoxmox", "moxmoxmox", true},
		{" Two  Spaces ", " Two  Spaces ", true},
		{"e\u0301t\u00e9", "\u00e9t\u00e9", true},          // RFC 8265 §4.2.2, NFC.
		{"a\u00a0b", "a b", true},                          // Non-ASCII space.
		{"\u03c0\u00df\u00e5", "\u03c0\u00df\u00e5", true}, // RFC 8265 §4.3, no case mapping.
		{"\uff21", "\uff21", true},                         // No width mapping.
		{"\u05d0@example.org", "\u05d0@example.org", true}, // Both directions.

		{"", "", false},
		{"tab\there", "tab\there", false},     // Refused by the profile: its bytes.
		{"e\u0301\x01", "e\u0301\x01", false}, // Likewise, without normalizing.
		{"bytes\xff", "bytes\xff", false},
		{"\x00", "\x00", false},
		{"\u200b", "\u200b", false},
	} {
		if got := PreparePassword(tc.in); got != tc.password {
			t.Errorf("password %q becomes %q, want %q", tc.in, got, tc.password)
		}
		got, ok := PrepareUsername(tc.in)
		if ok != tc.username || ok && got != tc.password {
			t.Errorf("user name %q becomes %q, %v", tc.in, got, ok)
		}
		if again, ok := PrepareUsername(got); ok && again != got {
			t.Errorf("user name %q, prepared again, becomes %q", got, again)
		}
	}
	if long := strings.Repeat("é", 5000); PreparePassword(long) != long {
		t.Error("a long password changes")
	}
}
