package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"mox/imap"
)

// MaxKeywords is how many keywords a folder can have, besides Forwarded.
const MaxKeywords = 26

const keywordsFile = "dovecot-keywords"

// ReadKeywords returns the keywords of the letters a, b and so on in the directory of a
// folder, as its file dovecot-keywords has them. Those that IMAP does not allow, and
// letters without keyword, are empty.
func ReadKeywords(dir string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, keywordsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return parseKeywords(string(data)), nil
}

func parseKeywords(data string) []string {
	var names []string
	for line := range strings.Lines(data) {
		number, name, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n >= MaxKeywords {
			continue
		}
		keyword, err := imap.CanonicalKeyword(name)
		if err != nil {
			continue
		}
		for len(names) <= n {
			names = append(names, "")
		}
		names[n] = keyword
	}
	return names
}

func formatKeywords(names []string) []byte {
	var b []byte
	for i, name := range names {
		if name != "" {
			b = fmt.Appendf(b, "%d %s\n", i, name)
		}
	}
	return b
}
