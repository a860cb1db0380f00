package main

import (
	"strings"
	"testing"
)

func TestExportFileNames(t *testing.T) {
	t.Parallel()
	for mailbox, want := range map[string]string{
		"Inbox":        "Inbox.mbox",
		"work/2026":    "work/2026.mbox",
		"a:b":          "a%3Ab.mbox",
		"a_b":          "a_b.mbox",
		"a%3Ab":        "a%253Ab.mbox",
		"a_b.mbox/sub": "a_b%2Embox/sub.mbox",
		".hidden/..":   "%2Ehidden/%2E..mbox",
		`back\slash`:   "back%5Cslash.mbox",
		"Entwürfe 1.2": "Entwürfe 1.2.mbox",
	} {
		got := mboxFileName(mailbox)
		if got != want {
			t.Errorf("file of mailbox %q is %q, want %q", mailbox, got, want)
		}
		for part := range strings.SplitSeq(strings.TrimSuffix(got, ".mbox"), "/") {
			if part == "" || part == "." || part == ".." {
				t.Errorf("file of mailbox %q leaves its directory: %q", mailbox, got)
			}
		}
	}
}
