package smtpserver

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Where the server's replies are made.
var replySources = []string{
	"*.go", "../smtp/command.go", "../smtp/datareader.go", "../pipeline/outcome.go", "../pipeline/checks/quota.go", "../pipeline/checks/sendlimit.go",
}

// untold are replies that no transcript has.
var untold = map[string]string{
	"501 5.5.2 nothing more was expected": "the proof before it differs each time; see TestAuthEndsWithTheClient",
	"550 5.7.1 message refused by policy": "for checks that give no reply of their own; see the tests of pipeline",
}

var (
	codeConstant = regexp.MustCompile(`(?m)^\s*([CE][0-9]+[A-Za-z]+)\s*(?:EnhancedCode)?\s*=\s*"?([0-9.]+)"?`)

	// A reply with both codes, and perhaps the text that it begins with.
	madeReply = regexp.MustCompile(`(?:NewError|reply)\((?:smtp\.)?(C[0-9]+\w+), (?:(?:smtp\.)?(E[0-9]+\w+)|"")(?:, "([^"]*)")?`)
)

// TestEachReplyHasATranscript looks through the sources for the replies that can be made, and through the transcripts for those
// that were. RFC 5321 §4.2 and §4.3 say which may follow a command.
func TestEachReplyHasATranscript(t *testing.T) {
	t.Parallel()
	constants := map[string]string{"": ""}
	for _, m := range codeConstant.FindAllStringSubmatch(read(t, "../smtp/codes.go"), -1) {
		constants[m[1]] = m[2]
	}
	said := transcripts(t, "S")
	n := 0
	for _, file := range sources(t) {
		for _, m := range madeReply.FindAllStringSubmatch(read(t, file), -1) {
			code, enhanced, text := constants[m[1]], constants[m[2]], m[3]
			if code == "" || m[2] != "" && enhanced == "" {
				t.Errorf("%s: no value of %s or %s", file, m[1], m[2])
			}
			if strings.Contains(text, "%") {
				text, _, _ = strings.Cut(text, "%")
			}
			want := strings.TrimSpace(code + " " + enhanced)
			if text != "" {
				if code == "421" {
					want += " mx.example.org" // Added where it is replied.
				}
				want += " " + text
			}
			n++
			if !hasLine(said, want) && !isUntold(want) {
				t.Errorf("%s: no transcript has the reply %q", file, want)
			}
		}
	}
	for reply := range untold {
		if hasLine(said, reply) {
			t.Errorf("%q has a transcript now", reply)
		}
	}
	if n < 50 {
		t.Fatalf("only %d replies found in the sources", n)
	}
}

// TestEachCommandHasTranscripts looks for each command in the transcripts, and in what HELP tells.
func TestEachCommandHasTranscripts(t *testing.T) {
	t.Parallel()
	said := transcripts(t, "C")
	for _, cmd := range commands {
		if !hasLine(said, cmd.name) {
			t.Errorf("no transcript has %s", cmd.name)
		}
		if h := read(t, "testdata/help.txt"); cmd.name != "EXPN" && !strings.Contains(h, cmd.name) {
			t.Errorf("HELP does not tell of %s", cmd.name)
		}
	}
}

// TestEachCommandIsAnnounced: RFC 5321 §4.1.1.1 has EHLO tell all commands but those that every server must have (§4.5.1).
func TestEachCommandIsAnnounced(t *testing.T) {
	t.Parallel()
	said := transcripts(t, "S")
	for _, cmd := range commands {
		keyword := cmd.name
		switch cmd.name {
		case "EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "VRFY":
			continue
		case "BDAT":
			keyword = "CHUNKING"
		case "EXPN": // It is not implemented (§4.2.4).
			continue
		}
		if !hasLine(said, "250 "+keyword) {
			t.Errorf("no transcript has EHLO tell of %s", keyword)
		}
	}
}

func isUntold(reply string) bool {
	for prefix := range untold {
		if strings.HasPrefix(reply, prefix) {
			return true
		}
	}
	return false
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func sources(t *testing.T) (files []string) {
	t.Helper()
	for _, pattern := range replySources {
		l, err := filepath.Glob(pattern)
		if err != nil || len(l) == 0 {
			t.Fatalf("%s: %v, %v", pattern, l, err)
		}
		for _, file := range l {
			if !strings.HasSuffix(file, "_test.go") {
				files = append(files, file)
			}
		}
	}
	return files
}

// transcripts returns what one side says in them, a line each, the replies with a space after the code.
func transcripts(t *testing.T, side string) (lines []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for line := range strings.Lines(read(t, file)) {
			m := directive.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
			if m == nil || m[1] != side {
				continue
			}
			text := strings.TrimPrefix(m[5], `"`)
			if side == "S" && len(text) > 3 {
				text = text[:3] + " " + text[4:]
			}
			lines = append(lines, text)
		}
	}
	return lines
}

// hasLine tells whether a line begins so, in any case.
func hasLine(lines []string, prefix string) bool {
	for _, line := range lines {
		if len(line) >= len(prefix) && strings.EqualFold(line[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}
