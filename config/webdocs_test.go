package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var fenced = regexp.MustCompile("(?ms)^```\n(.*?)^```\n")

// The examples of docs/webserver.md are accepted.
func TestWebserverExamples(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/webserver.md")
	if err != nil {
		t.Fatal(err)
	}
	const tlsFields = "\t\tTLS:\n\t\t\tKeyCerts:\n\t\t\t\t-\n\t\t\t\t\tCertFile: a.crt.pem\n\t\t\t\t\tKeyFile: a.key.pem\n"
	kinds := map[string]int{}
	for _, block := range fenced.FindAllStringSubmatch(string(text), -1) {
		static, dynamic := testStatic, testDynamic
		first, rest, _ := strings.Cut(block[1], "\n")
		switch first = strings.TrimSpace(first); first {
		case "# mox.conf":
			static = strings.Replace(static, "\t\tSMTP:\n", tlsFields+rest+"\t\tSMTP:\n", 1)
		case "# domains.conf":
			dynamic += rest
		default:
			continue
		}
		kinds[first]++
		path := write(t, static, dynamic)
		writeCert(t, strings.TrimSuffix(path, "mox.conf"), "a", "mail.example.org")
		cfg, err := Load(Options{Path: path})
		if err != nil {
			t.Errorf("%v in\n%s", err, block[1])
			continue
		}
		for _, h := range cfg.Websites().Handlers {
			switch {
			case h.Static != nil:
				kinds["static"]++
			case h.Redirect != nil:
				kinds["redirect"]++
			case h.Forward != nil:
				kinds["forward"]++
			case h.Internal != nil:
				kinds["internal"]++
			}
		}
	}
	for _, kind := range []string{"# mox.conf", "# domains.conf", "static", "redirect", "forward", "internal"} {
		if kinds[kind] == 0 {
			t.Errorf("there is no example of %s", kind)
		}
	}
}
