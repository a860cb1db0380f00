package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const nestedMessage = "From: Ann <ann@example.org>\r\n" +
	"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n" +
	"Message-ID: <a\x1b[31m@b>\r\n" +
	"Content-Type: multipart/mixed; boundary=x\r\n\r\n" +
	"--x\r\n\r\ntext\r\n" +
	"--x\r\nContent-Type: message/rfc822\r\n\r\n" +
	"Subject: inner\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\nContent-Disposition: attachment; filename=\"f\x07.txt\"\r\n\r\nz\r\n--y--\r\n" +
	"--x--\r\n"

func TestMessageParse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "message.eml")
	if err := os.WriteFile(path, []byte(nestedMessage), 0o600); err != nil {
		t.Fatal(err)
	}
	code, tree, stderr := mox(t, "message", "parse", path)
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{
		"message multipart/mixed; boundary=\"x\"\n",
		"  Subject: grüße\n",
		"  From: Ann <ann@example.org>\n",
		"\n  1 text/plain",
		"\n  2 message/rfc822",
		"\n    message multipart/mixed",
		"\n      2.1 text/plain",
	} {
		if !strings.Contains(tree, want) {
			t.Errorf("%q is missing in:\n%s", want, tree)
		}
	}
	// What is in a message must not reach the terminal as a command to it.
	if strings.ContainsAny(tree, "\x1b\x07") {
		t.Errorf("control characters in %q", tree)
	}

	code, out, stderr := mox(t, "message", "parse", "--json", path)
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var root partJSON
	if err := json.Unmarshal([]byte(out), &root); err != nil {
		t.Fatal(err)
	}
	if len(root.Parts) != 2 || root.Parts[1].Message == nil || root.Parts[1].Message.Envelope.Subject != "inner" || root.End != int64(len(nestedMessage)) {
		t.Errorf("unexpected structure: %s", out)
	}

	if code, _, stderr := mox(t, "message", "parse", path+".absent"); code != exitFailure || !strings.Contains(stderr, "no such file") {
		t.Errorf("absent file: exit code %d, %s", code, stderr)
	}
	if code, _, _ := mox(t, "message", "parse"); code != exitUsage {
		t.Errorf("no file: exit code %d", code)
	}
}
