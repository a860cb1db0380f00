package maildir

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mox/imap"
)

// Forwarded is the keyword that stands for the flag P, "passed" (RFC 5788).
const Forwarded = "$Forwarded"

// flagLetters are the flags of file names, in the order in which they are written.
var flagLetters = []struct {
	letter byte
	flag   imap.Flags
}{
	{'D', imap.FlagDraft},
	{'F', imap.FlagFlagged},
	{'R', imap.FlagAnswered},
	{'S', imap.FlagSeen},
	{'T', imap.FlagDeleted},
}

// passed is the letter for Forwarded.
const passed = 'P'

// infoMarks begin the flags in a name. The others are used by mbsync and Python's
// mailbox module on file systems without colons in names.
var infoMarks = []string{":2,", ";2,", "!2,"}

// splitName splits the name of a file into its base and the letters of its flags.
func splitName(name string) (base, letters string) {
	for _, mark := range infoMarks {
		if i := strings.LastIndex(name, mark); i > 0 {
			return name[:i], name[i+len(mark):]
		}
	}
	base, _, _ = strings.Cut(name, ":")
	return base, ""
}

// parseLetters returns the flags and keywords of letters. Names are those of the keywords
// a to z. Letters that mean nothing are left out.
func parseLetters(letters string, names []string) (flags imap.Flags, keywords []string) {
	for i := range len(letters) {
		c := letters[i]
		for _, f := range flagLetters {
			if f.letter == c {
				flags |= f.flag
			}
		}
		keyword := ""
		switch {
		case c == passed:
			keyword = Forwarded
		case c >= 'a' && c <= 'z' && int(c-'a') < len(names):
			keyword = names[c-'a']
		}
		if keyword != "" && !slices.ContainsFunc(keywords, func(k string) bool { return imap.EqualKeyword(k, keyword) }) {
			keywords = append(keywords, keyword)
		}
	}
	return flags, keywords
}

// seconds returns the time that names begin with, 0 if this one does not.
func seconds(name string) int64 {
	end := 0
	for end < len(name) && name[end] >= '0' && name[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(name[:end], 10, 64)
	if err != nil || n > 1<<40 {
		return 0
	}
	return n
}

// received returns when a message was received: when its file was modified last or, if
// that is later, as after copying without times, or not known, the time in its name.
func received(name string, modified time.Time) time.Time {
	n := seconds(name)
	if n > 0 && (modified.Unix() <= 0 || n < modified.Unix()) {
		return time.Unix(n, 0)
	}
	if modified.Unix() <= 0 {
		return time.Time{}
	}
	return modified
}
