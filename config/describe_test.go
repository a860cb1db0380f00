package config

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mjl-/sconf"
)

// What "mox config describe-..." prints is a file that mox can parse.
func TestDescriptionsParse(t *testing.T) {
	t.Parallel()
	var static, dynamic bytes.Buffer
	if err := DescribeStatic(&static); err != nil {
		t.Fatal(err)
	}
	if err := DescribeDomains(&dynamic); err != nil {
		t.Fatal(err)
	}
	if err := sconf.Parse(&static, &Static{}); err != nil {
		t.Error(err)
	}
	if err := sconf.Parse(&dynamic, &Dynamic{}); err != nil {
		t.Error(err)
	}
}

func TestExampleIsValid(t *testing.T) {
	t.Parallel()
	static, dynamic := ExampleStatic(), ExampleDynamic()
	var s, d bytes.Buffer
	if err := sconf.Write(&s, &static); err != nil {
		t.Fatal(err)
	}
	if err := sconf.Write(&d, &dynamic); err != nil {
		t.Fatal(err)
	}
	path := write(t, s.String(), d.String())
	dir := strings.TrimSuffix(path, "mox.conf")
	writeCert(t, dir, "mail.example.org", "mail.example.org")
	writeKey(t, dir, "dkim/2026a.example.org.rsa.pem", rsaKey(t, 2048))
	writeKey(t, dir, "dkim/2026b.example.org.ed25519.pem", ed25519Key(t))
	if _, err := Load(Options{Path: path}); err != nil {
		t.Error(err)
	}
}

// Each field says what it means. Those with a number or a duration name the
// default or an example.
func TestEveryFieldIsDocumented(t *testing.T) {
	t.Parallel()
	var check func(path string, typ reflect.Type)
	check = func(path string, typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			check(path, typ.Elem())
		case reflect.Struct:
			for i := range typ.NumField() {
				f := typ.Field(i)
				name := path + "." + f.Name
				doc := f.Tag.Get("sconf-doc")
				optional := strings.Contains(f.Tag.Get("sconf"), "optional")
				number := f.Type.Kind() == reflect.Int || f.Type.Kind() == reflect.Int64 || f.Type == reflect.TypeFor[time.Duration]()
				switch {
				case doc == "" && f.Name != "Username" && f.Name != "Password":
					t.Errorf("%s has no documentation", name)
				case number && optional && !strings.Contains(doc, "efault") && !strings.Contains(doc, "instead of"):
					t.Errorf("%s does not name its default", name)
				}
				check(name, f.Type)
			}
		}
	}
	check("mox.conf", reflect.TypeFor[Static]())
	check("domains.conf", reflect.TypeFor[Dynamic]())
}

func TestReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := WriteReference(&b); err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("../docs/config.md")
	if err != nil || !bytes.Equal(committed, b.Bytes()) {
		t.Errorf("docs/config.md is not what the types say, run 'make generate' (%v)", err)
	}
}
