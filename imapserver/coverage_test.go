package imapserver

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tests of this file look through the sources for all that a client can ask for and all that the server can answer, and
// through the transcripts for what was asked and answered. They name what no transcript has.

// exchange is a command of a transcript with its tagged response.
type exchange struct {
	name   string // As in the table of commands, or another word.
	text   string // The command in capitals, without tag, with its literals.
	status string // OK, NO or BAD.
	answer string // After the status.
	state  connState
	rev2   bool
	tag    string
}

// untaggedLine is an untagged response of a transcript.
type untaggedLine struct {
	text string // After "* ".
	rev2 bool
}

// dialogues are all transcripts.
type dialogues struct {
	exchanges []*exchange
	untagged  []untaggedLine
}

// dialogue is one connection of a transcript.
type dialogue struct {
	exchanges []*exchange
	state     connState
	rev2      bool
	answered  bool // The last line was the server's.
}

func readDialogues(t *testing.T) *dialogues {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	all := &dialogues{}
	for _, file := range files {
		conns := map[string]*dialogue{}
		for line := range strings.Lines(readSource(t, file)) {
			m := transcriptLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
			if m == nil {
				continue
			}
			d := conns[m[2]+m[5]]
			if d == nil {
				d = &dialogue{state: stateNotAuthenticated}
				conns[m[2]+m[5]] = d
			}
			switch {
			case m[1] == "C":
				d.sent(m[3])
			case m[1] == "S":
				d.received(all, m[3])
			case m[4] == "login":
				d.state = stateAuthenticated
			case m[4] == "select":
				d.state = stateSelected
			}
		}
		for _, d := range conns {
			all.exchanges = append(all.exchanges, d.exchanges...)
		}
	}
	return all
}

// transcriptLine is what a side says, with the number of its connection, or what the test does.
var transcriptLine = regexp.MustCompile(`^(?:([CS])(\d*): (.*)|@(login|select)(\d*).*)$`)

// commandLine is a tag and the word of a command.
var commandLine = regexp.MustCompile(`^([^ ]+) ((?i:UID [A-Z]+)|[A-Za-z]+)(.*)$`)

func (d *dialogue) sent(text string) {
	m := commandLine.FindStringSubmatch(text)
	known := false
	if m != nil {
		_, known = commands()[strings.ToUpper(m[2])]
	}
	switch {
	case m != nil && (known || d.answered || len(d.exchanges) == 0):
		name := strings.ToUpper(m[2])
		e := &exchange{name: name, text: name + strings.ToUpper(m[3]), state: d.state, rev2: d.rev2, tag: m[1]}
		d.exchanges = append(d.exchanges, e)
	case len(d.exchanges) > 0:
		last := d.exchanges[len(d.exchanges)-1]
		last.text += " " + strings.ToUpper(text)
	}
	d.answered = false
}

func (d *dialogue) received(all *dialogues, text string) {
	if strings.HasPrefix(text, "+") {
		return
	}
	d.answered = true
	if rest, ok := strings.CutPrefix(text, "* "); ok {
		all.untagged = append(all.untagged, untaggedLine{rest, d.rev2})
		d.rev2 = d.rev2 || strings.HasPrefix(rest, "ENABLED") && strings.Contains(rest, "IMAP4rev2")
		return
	}
	tag, rest, _ := strings.Cut(text, " ")
	status, answer, _ := strings.Cut(rest, " ")
	for _, e := range slices.Backward(d.exchanges) {
		if e.tag == tag && e.status == "" {
			e.status, e.answer = status, answer
			d.follow(e)
			return
		}
	}
}

// follow moves on to the state that a command leads to.
func (d *dialogue) follow(e *exchange) {
	ok := e.status == "OK"
	switch e.name {
	case "LOGIN", "AUTHENTICATE", "CLOSE", "UNSELECT":
		if ok {
			d.state = stateAuthenticated
		}
	case "SELECT", "EXAMINE":
		if ok {
			d.state = stateSelected
		} else if e.status == "NO" {
			d.state = stateAuthenticated
		}
	}
}

// has reports whether there is an exchange that a function takes.
func (d *dialogues) has(match func(e *exchange) bool) bool {
	return slices.ContainsFunc(d.exchanges, match)
}

// asked reports whether a command that was answered with OK has a word among its arguments.
func (d *dialogues) asked(names, word string, rev2 bool) bool {
	re := regexp.MustCompile(`[ (.]` + regexp.QuoteMeta(strings.ToUpper(word)) + `(?:[ )\[<]|$)`)
	return d.has(func(e *exchange) bool {
		return e.status == "OK" && e.rev2 == rev2 && slices.Contains(strings.Split(names, "|"), e.name) && re.MatchString(e.text)
	})
}

// told reports whether an untagged response begins so, after the number that it may have.
func (d *dialogues) told(prefix string, rev2 bool) bool {
	return slices.ContainsFunc(d.untagged, func(l untaggedLine) bool {
		return l.rev2 == rev2 && strings.HasPrefix(strings.TrimLeft(l.text, "0123456789 "), prefix)
	})
}

func readSource(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sources returns the text of the files of the server and of its grammar, without tests.
func sources(t *testing.T, patterns ...string) string {
	t.Helper()
	var b strings.Builder
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				b.WriteString(readSource(t, file))
			}
		}
	}
	return b.String()
}

var (
	caseWords = regexp.MustCompile(`(?m)^\s*case ("[^\n]*):$`)
	quoted    = regexp.MustCompile(`"([^"]*)"`)
)

// words returns the words that a function of the grammar knows.
func words(t *testing.T, file, function string) (l []string) {
	t.Helper()
	_, body, ok := strings.Cut(readSource(t, file), ") "+function+"(")
	body, _, _ = strings.Cut(body, "\n}\n")
	for _, c := range caseWords.FindAllStringSubmatch(body, -1) {
		for _, m := range quoted.FindAllStringSubmatch(c[1], -1) {
			l = append(l, m[1])
		}
	}
	if !ok || len(l) == 0 {
		t.Fatalf("%s: no words in %s", file, function)
	}
	return l
}

// list returns the words of a variable.
func list(t *testing.T, file, variable string) (l []string) {
	t.Helper()
	_, body, _ := strings.Cut(readSource(t, file), variable+" = [...]string{")
	body, _, _ = strings.Cut(body, "}")
	for _, m := range quoted.FindAllStringSubmatch(body, -1) {
		if m[1] != "" {
			l = append(l, m[1])
		}
	}
	if len(l) == 0 {
		t.Fatalf("%s: no words in %s", file, variable)
	}
	return l
}

// TestEachCommandHasTranscripts wants each command carried out in each state that it is for, refused in all others, refused
// for what it is asked, and where IMAP4rev2 differs (RFC 9051 appendix E) carried out in both revisions.
func TestEachCommandHasTranscripts(t *testing.T) {
	t.Parallel()
	d := readDialogues(t)
	differ := strings.Fields("SELECT EXAMINE CREATE DELETE RENAME LIST STATUS APPEND SEARCH FETCH STORE NOOP")
	states := map[connState]string{
		stateNotAuthenticated: "not authenticated", stateAuthenticated: "authenticated", stateSelected: "selected",
	}
	for name, cmd := range commands() {
		for state, called := range states {
			want := "BAD"
			if cmd.states&state != 0 {
				want = "OK"
			}
			if !d.has(func(e *exchange) bool { return e.name == name && e.state == state && e.status == want }) {
				t.Errorf("no transcript has %s in the state %s", name, called)
			}
		}
		if !d.has(func(e *exchange) bool { return e.name == name && e.status != "OK" && cmd.states&e.state != 0 }) {
			t.Errorf("no transcript has %s refused", name)
		}
		if slices.Contains(differ, strings.TrimPrefix(name, "UID ")) &&
			!d.has(func(e *exchange) bool { return e.name == name && e.status == "OK" && e.rev2 }) {
			t.Errorf("no transcript has %s in IMAP4rev2", name)
		}
	}
}

// TestEachArgumentHasATranscript wants each word that a command may have among its arguments.
func TestEachArgumentHasATranscript(t *testing.T) {
	t.Parallel()
	d := readDialogues(t)
	const (
		fetch, search = "../imap/wire/fetch.go", "../imap/wire/search.go"
		lists, status = "../imap/wire/list.go", "../imap/wire/status.go"
	)
	storeItems := strings.Fields("FLAGS +FLAGS -FLAGS FLAGS.SILENT +FLAGS.SILENT -FLAGS.SILENT UNCHANGEDSINCE")
	flagKeys := words(t, search, "flagKey")
	for _, word := range flagKeys {
		flagKeys = append(flagKeys, "UN"+word)
	}
	searchKeys := slices.Concat(flagKeys, words(t, search, "key"), words(t, search, "dateKey"), words(t, search, "textKey"))
	statusItems := list(t, status, "statusNames")
	statusBoth := slices.DeleteFunc(slices.Clone(statusItems), func(s string) bool { return s == "RECENT" })
	for _, tt := range []struct {
		commands string
		words    []string
		both     bool // In both revisions.
	}{
		{"FETCH", words(t, fetch, "Fetch"), false}, // The macros.
		{"FETCH|UID FETCH", words(t, fetch, "fetchItem"), false},
		{"SEARCH|UID SEARCH", searchKeys, false},
		{"SEARCH|UID SEARCH", words(t, search, "searchReturn"), true},
		{"SEARCH", words(t, search, "modSeqEntry"), false},
		{"STATUS", statusBoth, true},
		{"STATUS", statusItems, false},
		{"LIST", statusItems, false}, // With RETURN.
		{"LIST", slices.Concat(words(t, lists, "listSelect"), words(t, lists, "listReturn")), true},
		{"STORE", storeItems, false},
		{"UID STORE", storeItems, false},
		{"SELECT", []string{"CONDSTORE"}, false},
		{"EXAMINE", []string{"CONDSTORE"}, false},
		{"CREATE", []string{"USE"}, false},
		{"FETCH|UID FETCH", []string{"CHANGEDSINCE"}, false},
		{"ENABLE", extensionNames[:], false},
		{"SEARCH", []string{"CHARSET", "RETURN", "$"}, true},
	} {
		for _, word := range tt.words {
			if !d.asked(tt.commands, word, false) {
				t.Errorf("no transcript has %s %s", tt.commands, word)
			}
			if tt.both && !d.asked(tt.commands, word, true) {
				t.Errorf("no transcript has %s %s in IMAP4rev2", tt.commands, word)
			}
		}
	}
	// Sections of messages, and of parts, whole and not.
	for _, name := range list(t, fetch, "sectionNames") {
		for _, form := range []string{
			`BODY\.PEEK\[` + name + `[\] ]`, `BODY\.PEEK\[[0-9.]+\.` + name + `[\] ]`, `BODY\.PEEK\[` + name + `( \([^)]*\))?\]<`,
		} {
			if name == "MIME" && !strings.Contains(form, "0-9") {
				continue // RFC 9051 §6.4.5.1.
			}
			re := regexp.MustCompile(form)
			if !d.has(func(e *exchange) bool {
				return e.status == "OK" && strings.HasSuffix(e.name, "FETCH") && re.MatchString(e.text)
			}) {
				t.Errorf("no transcript fetches %s", form)
			}
		}
	}
}

// TestEachResponseHasATranscript wants each untagged response, response code and capability that the server can make, and none
// in IMAP4rev2 that belongs to IMAP4rev1.
func TestEachResponseHasATranscript(t *testing.T) {
	t.Parallel()
	d := readDialogues(t)
	own := sources(t, "*.go")
	kinds := map[string]bool{}
	for _, re := range []string{
		`Untagged\(\)(?:\.Number\(\w+\([\w.]+\)\))?\.(?:Atom\("|Raw\(` + "`" + `)([A-Z]+)`,
		`tellNumber\([^"]*"([A-Z]+)"`,
		`Status\(nil, imap\.Status(\w+)`,
	} {
		for _, m := range regexp.MustCompile(re).FindAllStringSubmatch(own, -1) {
			kinds[strings.ToUpper(m[1])] = true
		}
	}
	if len(kinds) < 16 {
		t.Fatalf("only %d kinds of responses found in the sources", len(kinds))
	}
	onlyRev1 := map[string]bool{"RECENT": true, "SEARCH": true}
	inBoth := strings.Fields("OK LIST FLAGS EXISTS EXPUNGE FETCH ESEARCH STATUS ENABLED")
	for kind := range kinds {
		if !d.told(kind+" ", false) && !d.told(kind, false) {
			t.Errorf("no transcript has the response %s", kind)
		}
		if slices.Contains(inBoth, kind) && !d.told(kind, true) {
			t.Errorf("no transcript has the response %s in IMAP4rev2", kind)
		}
		if onlyRev1[kind] && d.told(kind, true) {
			t.Errorf("IMAP4rev2 has no response %s (RFC 9051 appendix E)", kind)
		}
	}
	for _, l := range d.untagged {
		if l.rev2 && (strings.Contains(l.text, `\Recent`) || strings.Contains(l.text, "[UNSEEN ")) {
			t.Errorf("not a response of IMAP4rev2: %s", l.text)
		}
	}
	// FETCH responses.
	for _, item := range words(t, "../imap/wire/fetch.go", "fetchItem") {
		item = strings.TrimSuffix(item, ".PEEK")
		re := regexp.MustCompile(`FETCH \((?:.* )?` + regexp.QuoteMeta(item) + `[ \[]`)
		if !slices.ContainsFunc(d.untagged, func(l untaggedLine) bool { return re.MatchString(l.text) }) {
			t.Errorf("no transcript tells %s", item)
		}
	}
	// Capabilities.
	capabilities := readSource(t, "capability.go")
	_, capabilities, _ = strings.Cut(capabilities, "func (c *conn) capabilities")
	capabilities, _, _ = strings.Cut(capabilities, "\n}\n")
	n := 0
	for _, m := range quoted.FindAllStringSubmatch(capabilities, -1) {
		n++
		re := regexp.MustCompile(`^(?:OK \[)?CAPABILITY (?:.* )?` + regexp.QuoteMeta(m[1]))
		if !slices.ContainsFunc(d.untagged, func(l untaggedLine) bool { return re.MatchString(l.text) }) &&
			!d.has(func(e *exchange) bool { return re.MatchString("OK " + e.answer) }) {
			t.Errorf("no transcript tells the capability %s", m[1])
		}
	}
	if n < 20 {
		t.Fatalf("only %d capabilities found", n)
	}
}

// codesElsewhere are the response codes that no transcript has, and what tests them.
var codesElsewhere = map[string]string{
	"CONTACTADMIN": "TestAuthenticateIsCounted",
	"CORRUPTION":   "TestStoreErrors",
	"INUSE":        "TestStoreErrors",
	"NOTSAVED":     "TestSearchNotSaved",
	"SERVERBUG":    "TestStoreErrors, TestDamagedMessages",
	"UNAVAILABLE":  "TestStoreErrors, TestAuthenticateIsCounted",
}

// TestEachCodeHasATranscript wants each response code that the server uses (RFC 9051 §7.1).
func TestEachCodeHasATranscript(t *testing.T) {
	t.Parallel()
	d := readDialogues(t)
	response := readSource(t, "../imap/response.go")
	used := sources(t, "*.go", "../imap/wire/*.go")
	codes := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t(Code\w+)\s+(?:Code)?\s*= "([A-Z-]+)"`).FindAllStringSubmatch(response, -1) {
		if regexp.MustCompile(`imap\.` + m[1] + `\b`).MatchString(used) {
			codes[m[2]] = true
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^func (\w+)(?:\[.*\])?\(.*\) Code \{`).FindAllStringSubmatch(response, -1) {
		if regexp.MustCompile(`imap\.` + m[1] + `\(`).MatchString(used) {
			codes[strings.ToUpper(m[1])] = true
		}
	}
	if len(codes) < 25 {
		t.Fatalf("only %d codes found", len(codes))
	}
	for code := range codes {
		re := regexp.MustCompile(`\[` + code + `[\] ]`)
		found := d.has(func(e *exchange) bool { return re.MatchString(e.answer) }) ||
			slices.ContainsFunc(d.untagged, func(l untaggedLine) bool { return re.MatchString(l.text) })
		if found == (codesElsewhere[code] != "") {
			t.Errorf("transcripts with the code %s: %v, in the list of those tested elsewhere: %v", code, found, found)
		}
	}
}

// refusalsElsewhere are the texts of refusals that neither a transcript has nor another test of the server or its grammar, and
// why.
var refusalsElsewhere = map[string]string{
	"Lists nested too deeply":           "of responses, which servers do not read; see TestValue of the grammar",
	"Mailbox was deleted meanwhile":     "between two steps of an APPEND",
	"Non-synchronizing literal too big": "of LITERAL-, which the server does not announce; see TestNonSyncLimit of the grammar",
	"value expected":                    "of responses",
}

// madeRefusal is where a text of a refusal is made: an error, an entry of the table of errors of the store, or what the grammar
// expected.
var madeRefusal = regexp.MustCompile(`(?:imap\.(?:Bad|No|Bye)|\.invalid|\.exceeded)\((?:[^"\n]*, )?"([^"]+)"` +
	`|, imap\.Code\w+, "([^"]+)"\}|\.(expected)\("([^"]+)"\)`)

// TestEachRefusalIsTested wants each text with which a command is refused in a transcript, or in a test of what no transcript
// can do.
func TestEachRefusalIsTested(t *testing.T) {
	t.Parallel()
	d := readDialogues(t)
	var tests strings.Builder
	for _, pattern := range []string{"*_test.go", "../imap/wire/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if file != "coverage_test.go" {
				tests.WriteString(readSource(t, file))
			}
		}
	}
	said := func(text string) bool {
		return strings.Contains(tests.String(), text) ||
			d.has(func(e *exchange) bool { return e.status != "OK" && strings.Contains(e.answer, text) }) ||
			slices.ContainsFunc(d.untagged, func(l untaggedLine) bool { return strings.Contains(l.text, text) })
	}
	n := 0
	for _, m := range madeRefusal.FindAllStringSubmatch(sources(t, "*.go", "../imap/wire/*.go"), -1) {
		text := m[1] + m[2]
		if m[3] != "" {
			text = m[4] + " expected"
		}
		n++
		if found := said(text); found == (refusalsElsewhere[text] != "") {
			t.Errorf("tests with the refusal %q: %v, in the list of those without: %v", text, found, found)
		}
	}
	if n < 80 {
		t.Fatalf("only %d refusals found", n)
	}
}
