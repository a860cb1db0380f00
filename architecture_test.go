package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wing is a layer of the house. A package may import packages of its own wing
// and of wings below it.
type wing struct {
	name     string
	packages []string // Import paths below "mox/"; "x/..." is x and all below it.
	reason   string   // Why the wing stands where it stands.
}

// wings lists the layers from the top down. A package that is listed but does
// not exist has its place reserved.
var wings = []wing{
	{"tests", []string{"test/..."},
		"they start whole servers and may use everything; nothing uses them"},
	{"face", []string{""},
		"it wires everything once, so nothing can import it"},
	{"servers", []string{"smtpserver", "imapserver/...", "http/...", "webmail", "webadmin", "webaccount", "webapi", "jmap", "dav", "managesieve", "pop3", "xmpp"},
		"they speak one protocol each and call down"},
	{"delivery", []string{"queue", "pipeline/checks", "pipeline/local", "reputation", "junk", "admin", "webassets", "websession", "dsn", "smtpclient"},
		"what happens with mail, whichever protocol brought it"},
	{"contracts", []string{"pipeline", "pipeline/targettest", "pipeline/checktest"},
		"checks and targets of all kinds implement them, so they may know none of these"},
	{"stores", []string{"store/...", "queuedb", "dmarcdb", "tlsrptdb", "mtastsdb"},
		"what is durable, behind methods on plain values"},
	{"configuration", []string{"config"},
		"it may use the formats and libraries it configures; those never import it"},
	{"library", []string{"spf", "dkim", "dmarc", "arc", "iprev", "dnsbl", "mtasts", "rcptsecurity", "dane", "tlsrpt", "autotls", "dnsrecords", "login/..."},
		"who sent it, who logs in and is the road safe: reusable by other programs, without our configuration and store"},
	{"formats", []string{"smtp", "message/...", "authres", "autoconf", "mbox", "maildir", "sasl", "imap/...", "http/compress"},
		"values and their wire form, without policy"},
	{"ground", []string{"dns/...", "internal/..."},
		"names and resolving, and helpers without any mail meaning"},
}

// ban forbids imports besides the order of the wings.
type ban struct {
	from   []string // Importing packages, as in wing; "*" is all.
	to     []string // Banned: "mox/..." for ours, otherwise the path of a foreign module.
	except []string // Importing packages to which the ban does not apply.
	reason string
}

var stores = []string{"store/...", "queuedb", "dmarcdb", "tlsrptdb", "mtastsdb"}

var bans = []ban{
	{[]string{"*"}, []string{"github.com/mjl-/bstore", "go.etcd.io/bbolt"}, stores,
		"another engine can only stand behind the stores if nothing else knows this one"},
	{[]string{"pipeline", "pipeline/targettest", "pipeline/checktest"},
		[]string{"mox/store/...", "mox/queuedb", "mox/dmarcdb", "mox/tlsrptdb", "mox/mtastsdb", "mox/config"}, nil,
		"a contract that knows one implementation's store cannot be implemented by a command or a webhook"},
	{[]string{"spf", "dkim", "dmarc", "arc", "iprev", "dnsbl", "mtasts", "rcptsecurity", "dane", "tlsrpt", "autotls", "dnsrecords", "smtp", "message/...", "authres", "mbox", "maildir", "sasl", "imap/..."},
		[]string{"github.com/prometheus", "github.com/spf13"}, nil,
		"libraries report through what their caller passes in, other programs have other metrics and flags"},
	{[]string{"store/...", "queuedb", "dmarcdb", "tlsrptdb", "mtastsdb", "config", "queue", "pipeline/...", "smtpclient", "smtpserver", "imapserver/..."},
		[]string{"github.com/spf13"}, nil,
		"the command line is the face's business"},
	{[]string{"*"}, []string{"mox/internal/citation", "mox/internal/corpus", "mox/internal/memnet", "mox/internal/vfs/faultfs", "mox/internal/vfs/replay", "mox/login/logintest"},
		[]string{"test/...", "internal/..."},
		"only tests need them; the binary does without"},
	{[]string{"*"}, []string{"html/template", "text/template", "net/rpc", "github.com/mjl-/sherpa"}, []string{"test/..."},
		"they call methods by name, and one of them makes the linker keep every method of every type: a seventh of the binary"},
}

// A server that needs another server's code needs a package below both.
var serversNeverImportEachOther = "what two protocols share has a name of its own and stands below them"

// varException is a package-level variable that the rules below would refuse.
type varException struct {
	name   string // "package.variable"
	reason string
}

var varExceptions = []varException{
	{"store/dbfile.settle", "bolt.DefaultOptions is a variable of that library, for the whole process; it is set once, to constants"},
}

// pureConstructors make values that nothing can change afterwards, cheaply.
var pureConstructors = map[string]string{
	"errors.New":                     "sentinel",
	"fmt.Errorf":                     "sentinel that wraps one",
	"regexp.MustCompile":             "pattern",
	"strings.NewReplacer":            "immutable",
	"crc32.MakeTable":                "table",
	"crc64.MakeTable":                "table",
	"netip.MustParsePrefix":          "value",
	"netip.MustParseAddr":            "value",
	"time.Date":                      "value",
	"time.Unix":                      "value",
	"base64.StdEncoding.WithPadding": "immutable",
	"base64.NewEncoding":             "immutable",
	"base32.NewEncoding":             "immutable",
}

type goPackage struct {
	ImportPath string
	Dir        string
	Name       string
	Imports    []string
	GoFiles    []string
}

// listPackages asks the go command for all packages of the module. Files of
// tests are not looked at: a test may wire what it likes.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Name,Imports,GoFiles", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	var l []goPackage
	for {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return l
		} else if err != nil {
			t.Fatal(err)
		}
		l = append(l, p)
	}
}

// moxPath returns the path of an import below the module.
func moxPath(path string) (string, bool) {
	if path == "mox" {
		return "", true
	}
	return strings.CutPrefix(path, "mox/")
}

// matches tells whether path is the pattern, or below a pattern "x/...".
func matches(pattern, path string) bool {
	if pattern == "*" {
		return true
	}
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == root || strings.HasPrefix(path, root+"/")
	}
	return path == pattern
}

func anyMatch(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

// wingOf returns the position of a package in wings. An exact name wins over a
// pattern, so pipeline/local can stand above pipeline.
func wingOf(path string) (int, bool) {
	for i, w := range wings {
		if slices.Contains(w.packages, path) {
			return i, true
		}
	}
	for i, w := range wings {
		if anyMatch(w.packages, path) {
			return i, true
		}
	}
	return 0, false
}

func TestImportsRunDown(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		for _, problem := range importProblems(p) {
			t.Error(problem)
		}
	}
}

// importProblems checks the imports of one package against wings and bans.
func importProblems(p goPackage) []string {
	from, ok := moxPath(p.ImportPath)
	at, known := wingOf(from)
	if !ok || !known {
		return []string{fmt.Sprintf("package %s has no place in the table wings; give it one", p.ImportPath)}
	}
	var problems []string
	for _, imp := range p.Imports {
		if to, ok := moxPath(imp); ok {
			below, known := wingOf(to)
			switch {
			case !known: // Reported for the package itself.
			case to == "":
				problems = append(problems, fmt.Sprintf("%s imports package main", p.ImportPath))
			case below < at:
				problems = append(problems, fmt.Sprintf("%s (%s) imports %s (%s) upwards: %s", from, wings[at].name, to, wings[below].name, wings[below].reason))
			case wings[at].name == "servers" && below == at && firstElem(from) != firstElem(to):
				problems = append(problems, fmt.Sprintf("server %s imports server %s: %s", from, to, serversNeverImportEachOther))
			}
		}
		for _, b := range bans {
			if anyMatch(b.from, from) && !anyMatch(b.except, from) && banned(b.to, imp) {
				problems = append(problems, fmt.Sprintf("%s imports %s: %s", from, imp, b.reason))
			}
		}
	}
	return problems
}

func firstElem(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

func banned(patterns []string, imp string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if strings.HasPrefix(pattern, "mox/") {
			return matches(pattern, imp)
		}
		return imp == pattern || strings.HasPrefix(imp, pattern+"/")
	})
}

// The rules must refuse what they are there for.
func TestImportRulesBite(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		from, imports string
		bad           bool
	}{
		{"mox", "mox/smtpserver", false},
		{"mox/smtpserver", "mox/store", false},
		{"mox/pipeline/local", "mox/pipeline", false},
		{"mox/config", "mox/dns", false},
		{"mox/store", "go.etcd.io/bbolt", false},
		{"mox/imapserver/wire", "mox/imapserver", false},
		{"mox/smtpserver", "mox", true},
		{"mox/smtpserver", "mox/imapserver", true},
		{"mox/pipeline", "mox/pipeline/local", true},
		{"mox/pipeline", "mox/store", true},
		{"mox/store", "mox/queue", true},
		{"mox/dkim", "mox/config", true},
		{"mox/smtp", "mox/store/blob", true},
		{"mox/dns", "mox/smtp", true},
		{"mox/queue", "github.com/mjl-/bstore", true},
		{"mox/message", "github.com/prometheus/client_golang/prometheus", true},
		{"mox/misc", "mox/dns", true},
		{"mox/smtpserver", "mox/internal/memnet", true},
		{"mox/http/static", "html/template", true},
		{"mox/http/static", "html", false},
	} {
		problems := importProblems(goPackage{ImportPath: tc.from, Imports: []string{tc.imports}})
		if (len(problems) > 0) != tc.bad {
			t.Errorf("%s importing %s: got %q, refused must be %v", tc.from, tc.imports, problems, tc.bad)
		}
	}
}

// A package-level variable may hold an error, a pattern, an embedded file or a
// table that nobody writes. Anything else is state that two servers in one
// process would share.
func TestNoPackageState(t *testing.T) {
	t.Parallel()
	excepted := map[string]string{}
	for _, e := range varExceptions {
		excepted[e.name] = e.reason
	}
	used := map[string]bool{}
	for _, p := range listPackages(t) {
		var files []*ast.File
		fset := token.NewFileSet()
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		for name, problem := range stateProblems(fset, files) {
			full := strings.TrimPrefix(p.ImportPath, "mox/") + "." + name
			if _, ok := excepted[full]; ok {
				used[full] = true
				continue
			}
			t.Errorf("%s: %s", p.ImportPath, problem)
		}
	}
	for name := range excepted {
		if !used[name] {
			t.Errorf("exception for %s is not needed any more, remove it", name)
		}
	}
}

// stateProblems returns a description for each package-level variable, and each
// init function, that may be state, by name.
func stateProblems(fset *token.FileSet, files []*ast.File) map[string]string {
	written := writtenNames(files)
	problems := map[string]string{}
	for _, f := range files {
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					problems["init"] = fmt.Sprintf("%s: an init function works before anybody asked for it", fset.Position(d.Pos()))
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, spec := range d.Specs {
					maps.Copy(problems, specProblems(fset, d, spec.(*ast.ValueSpec), written))
				}
			}
		}
	}
	return problems
}

func specProblems(fset *token.FileSet, decl *ast.GenDecl, spec *ast.ValueSpec, written map[string]bool) map[string]string {
	problems := map[string]string{}
	for i, name := range spec.Names {
		var value ast.Expr
		if i < len(spec.Values) {
			value = spec.Values[i]
		}
		pos := fset.Position(name.Pos())
		switch {
		case name.Name == "_":
		case embedded(decl.Doc) || embedded(spec.Doc):
		case isPool(spec.Type, value):
		case written[name.Name]:
			problems[name.Name] = fmt.Sprintf("%s: variable %s is written to: keep it in the struct of what uses it", pos, name.Name)
		case value == nil:
			problems[name.Name] = fmt.Sprintf("%s: variable %s has no value, so it is state", pos, name.Name)
		case !isTable(value):
			problems[name.Name] = fmt.Sprintf("%s: variable %s is neither a sentinel, a pattern nor a table", pos, name.Name)
		}
	}
	return problems
}

func embedded(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	return slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// isPool accepts sync.Pool: what it holds means nothing between two uses.
func isPool(typ, value ast.Expr) bool {
	if lit, ok := value.(*ast.CompositeLit); ok {
		typ = lit.Type
	}
	return typ != nil && dotted(typ) == "sync.Pool"
}

// isTable tells whether a value is built from literals, constants and pure
// constructors alone.
func isTable(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.Ident, *ast.SelectorExpr, *ast.FuncLit:
		return true
	case *ast.CompositeLit:
		for _, elt := range e.Elts {
			if kv, ok := elt.(*ast.KeyValueExpr); ok {
				elt = kv.Value
			}
			if !isTable(elt) {
				return false
			}
		}
		return true
	case *ast.UnaryExpr:
		return isTable(e.X)
	case *ast.BinaryExpr:
		return isTable(e.X) && isTable(e.Y)
	case *ast.ParenExpr:
		return isTable(e.X)
	case *ast.CallExpr:
		if _, ok := e.Fun.(*ast.ArrayType); ok { // Conversion: []byte("...").
			return true
		}
		if dotted(e.Fun) == "sync.OnceValue" {
			return isMadeOnce(e.Args)
		}
		_, ok := pureConstructors[dotted(e.Fun)]
		return ok
	}
	return false
}

// isMadeOnce accepts the argument of sync.OnceValue for what is as pure as other values, but too large to make before it is needed.
func isMadeOnce(args []ast.Expr) bool {
	fn, ok := args[0].(*ast.FuncLit)
	if !ok || len(fn.Body.List) != 1 {
		return false
	}
	ret, ok := fn.Body.List[0].(*ast.ReturnStmt)
	return ok && len(ret.Results) == 1 && isTable(ret.Results[0])
}

// dotted returns "a.b.c" for a selector, or "".
func dotted(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x := dotted(e.X); x != "" {
			return x + "." + e.Sel.Name
		}
	}
	return ""
}

// writtenNames returns the package-level names that some statement of the
// package assigns to, takes the address of, or hands to a builtin that changes
// its argument.
func writtenNames(files []*ast.File) map[string]bool {
	globals := map[string]bool{}
	for _, f := range files {
		for _, decl := range f.Decls {
			if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.VAR {
				for _, spec := range d.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						globals[name.Name] = true
					}
				}
			}
		}
	}
	written := map[string]bool{}
	for _, f := range files {
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			shadowed := localNames(fn)
			mark := func(e ast.Expr) {
				if name := rootName(e); globals[name] && !shadowed[name] {
					written[name] = true
				}
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.AssignStmt:
					for _, lhs := range n.Lhs {
						mark(lhs)
					}
				case *ast.IncDecStmt:
					mark(n.X)
				case *ast.UnaryExpr:
					// The address of a table's element saves a copy, and is no writing yet.
					if _, element := n.X.(*ast.IndexExpr); n.Op == token.AND && !element {
						mark(n.X)
					}
				case *ast.CallExpr:
					if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy"}, id.Name) {
						mark(n.Args[0])
					}
				}
				return true
			})
		}
	}
	return written
}

// localNames returns the names a function declares itself.
func localNames(fn *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, lhs := range n.Lhs {
					if id, ok := lhs.(*ast.Ident); ok {
						names[id.Name] = true
					}
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					names[id.Name] = true
				}
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		}
		return true
	})
	return names
}

// rootName returns a for a, a.b, a[i] and *a.
func rootName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return rootName(e.X)
	case *ast.IndexExpr:
		return rootName(e.X)
	case *ast.StarExpr:
		return rootName(e.X)
	case *ast.ParenExpr:
		return rootName(e.X)
	}
	return ""
}

// The rules must refuse what they are there for.
func TestStateRulesBite(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		src string
		bad string
	}{
		{`var errGone = errors.New("gone")`, ""},
		{`var pattern = regexp.MustCompile("x")`, ""},
		{`var _ io.Reader = (*T)(nil)`, ""},
		{"//go:embed x\nvar files embed.FS", ""},
		{`var table = map[string]int{"a": 1}`, ""},
		{`var table = []row{{"a", func() {}}}`, ""},
		{`var buffers = sync.Pool{New: func() any { return nil }}`, ""},
		{`var table = []int{1}; func f() { table := table; table[0] = 2 }`, ""},
		{`var pattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("x") })`, ""},
		{`var conn = sync.OnceValue(func() net.Conn { return open() })`, "conn"},
		{`var conn = sync.OnceValue(open)`, "conn"},
		{`var count int`, "count"},
		{`var mu sync.Mutex`, "mu"},
		{`var table = map[string]int{}; func f() { table["a"] = 1 }`, "table"},
		{`var table = []int{1}; func f() { table[0]++ }`, "table"},
		{`var table = map[string]int{}; func f() { delete(table, "a") }`, "table"},
		{`var table = []row{{}}; func f() *row { return &table[0] }`, ""},
		{`var n = 1; func f() *int { return &n }`, "n"},
		{`var conn = open()`, "conn"},
		{`var list = []*T{newT()}`, "list"},
		{`func init() {}`, "init"},
	} {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "x.go", "package x\n"+tc.src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		problems := stateProblems(fset, []*ast.File{f})
		if _, ok := problems[tc.bad]; ok != (tc.bad != "") || len(problems) > 1 {
			t.Errorf("%s: got %v, refused must be %q", tc.src, problems, tc.bad)
		}
	}
}
